"""A run's own list of changed paths, for a tool whose output has none: `changes.jsonl` beside its other files."""

from __future__ import annotations

from jobs.ingest.paths import PathSample
from jobs.ingest.stems import LONGEST_LINE, Fault, Stem, fault_with, json_object
from jobs.ingest.unpack import CutOffError, Overlong, lines
from jobs.tables import CHANGES

LIST = "changes.jsonl"
FORM = f'each line must be like {{"path": "a/b.txt", "change": "added"}}, change one of {", ".join(CHANGES)}'


def listed_changes(stem: Stem) -> PathSample:
    """What `changes.jsonl` lists. Lines that can't be read become one fault of the run, which quotes the first."""
    sample = stem.paths()
    first: tuple[int, bytes | Overlong] | None = None
    wrong = 0
    try:
        for number, line in enumerate(lines(stem.files[LIST], LONGEST_LINE), start=1):
            said = json_object(line) if isinstance(line, bytes) else None
            if said and isinstance(said.get("path"), str) and said.get("change") in CHANGES:
                sample.add(said["path"], said["change"], said.get("bytes"))
            elif not isinstance(line, bytes) or line.strip():
                wrong += 1
                first = first or (number, line)
    except CutOffError as error:
        stem.faults.append(Fault("unreadable", f"{LIST}: {error}"))
    if first:
        number, line = first
        detail = f"{LIST} line {number}" + (f" and {wrong - 1:,} more" if wrong > 1 else "") + f" not used: {FORM}"
        if isinstance(line, Overlong):
            stem.faults.append(Fault("bad_line", detail, sha256=line.sha256))
        else:
            stem.faults.append(fault_with("bad_line", detail, line))
    return sample
