"""rdiff-backup: `session_statistics`, as a file or on stdout, with its exit status, and `file_statistics` if it landed.

Read as printed by 2.2. The session counts folders and links with the files; the list of files tells them apart.
docs/bring-your-own.md says how to collect the files.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field

from jobs.ingest.outcomes import Outcome, backup, count, exit_status, first_line, without_summary
from jobs.ingest.readers.session_block import moments, name_of, session
from jobs.ingest.stems import LONGEST_LINE, Fault, Record, Stem
from jobs.ingest.unpack import CutOffError, lines

PRODUCT = "rdiff-backup"
SESSION, OUTPUT, FILES, ERRORS = "session_statistics.data", "stdout.txt", "file_statistics.data", "stderr"
ENTRIES = {"added": "NewFiles", "deleted": "DeletedFiles", "total": "SourceFiles"}  # as the session counts them
# Bits of the exit status. 2 is a warning, as when a run before was killed and is undone first: the backup is whole.
FAILED, WARNED, FILE_FAILED, FILE_WARNED = 1, 2, 4, 8


def read(stem: Stem) -> Iterator[Outcome]:
    """The run's backup or why there is none."""
    said = session(stem.text_lines(SESSION)) or session(stem.text_lines(OUTPUT))
    status = exit_status(stem)
    has_failed = status is not None and (status & FAILED or not 0 <= status < 2 * FILE_WARNED)
    if not said or has_failed:
        yield without_summary(PRODUCT, stem, SESSION if stem.has(SESSION) else OUTPUT, _complaint(stem))
        return
    is_whole = not count(said, "Errors") and not (status or 0) & (FILE_FAILED | FILE_WARNED)
    started, ended = moments(stem, said)
    new, changed = count(said, "NewFileSize"), count(said, "ChangedSourceSize")
    listed = _files(stem, said) if stem.has(FILES) else None
    yield backup(
        PRODUCT,
        stem,
        backup_id=name_of(started),
        backup_kind=_kind(said),
        status="complete" if is_whole else "partial",
        started_at=started,
        ended_at=ended,
        exit_status=status,
        message=None if is_whole and not status else _complaint(stem),
        bytes_total=count(said, "SourceFileSize"),
        bytes_uploaded=None if None in (new, changed) else (new or 0) + (changed or 0),
        bytes_deleted=count(said, "DeletedFileSize"),
        **(_of_session(said) if listed is None or isinstance(listed, Fault) else _of_files(listed)),
    )
    if isinstance(listed, Fault):
        yield listed


def _kind(said: Record) -> str | None:
    """A first backup finds a mirror that holds its own folder alone."""
    before = count(said, "MirrorFiles")
    return None if before is None else "full" if before <= 1 else "incremental"


def _of_session(said: Record) -> Record:
    """Counts with folders and links among them. Which files changed is not known: most of those are folders."""
    figures = {
        "files_added": count(said, "NewFiles"),
        "files_deleted": count(said, "DeletedFiles"),
        "files_total": count(said, "SourceFiles"),
    }
    known = [name for name, value in figures.items() if value is not None]
    return {**figures, "derived": known, "upper_bound": [*known, "bytes_uploaded"]}


@dataclass
class Tally:
    """Entries of the list by what became of them, those without a byte by name, and folders that have entries."""

    entries: dict[str, int] = field(default_factory=lambda: dict.fromkeys(("added", "updated", "deleted", "total"), 0))
    empty: dict[bytes, tuple[str, ...]] = field(default_factory=dict)
    folders: set[bytes] = field(default_factory=set)


def _of_files(tally: Tally) -> Record:
    """Counts of files. An entry without a byte and without entries below it is a file, a link or an empty folder."""
    found = dict(tally.entries)
    unclear = set()
    for name, became in tally.empty.items():
        for what in became:
            if name in tally.folders:
                found[what] -= 1
            else:
                unclear.add(f"files_{what}")
    return {
        **{f"files_{what}": number for what, number in found.items()},
        # A file whose owner or time alone changed is in the list of changed ones.
        "upper_bound": sorted({"files_updated", "bytes_uploaded", *unclear}),
    }


def _files(stem: Stem, said: Record) -> Tally | Fault:
    """Entries of the list; a fault where it is not whole, as the rest would count too little, or another session's.

    The session counts the same entries: a list that was cut between two lines has fewer.
    """
    tally = Tally()
    try:
        for number, line in enumerate(lines(stem.files[FILES], LONGEST_LINE), start=1):
            if not isinstance(line, bytes):
                return Fault("bad_line", f"{FILES} line {number} is longer than any name; no count is taken from it")
            if line and not line.startswith(b"# "):
                name, *figures = line.rsplit(b" ", 4)
                if len(figures) != 4 or not all(each == b"NA" or each.isdigit() for each in figures):
                    return Fault("bad_line", f"{FILES} line {number} is not a name and four figures", text=line)
                _count(tally, name, *figures)
    except CutOffError as error:
        return Fault("unreadable", f"{FILES}: {error}; no count is taken from it")
    for what, counted in ENTRIES.items():
        if count(said, counted) not in (None, tally.entries[what]):
            detail = f"{FILES} has {tally.entries[what]} entries where {counted} is {said[counted]}"
            return Fault("unreadable", f"{detail}: not whole, or another session's; no count is taken from it")
    return tally


def _count(tally: Tally, name: bytes, changed: bytes, source: bytes, mirror: bytes, _: bytes) -> None:
    became = ["total"] if source != b"NA" else ["deleted"]
    if mirror == b"NA":
        became.append("added")
    is_empty = not (source.strip(b"0NA") or mirror.strip(b"0NA"))
    if changed != b"0" and not is_empty and b"NA" not in (source, mirror):
        became.append("updated")
    for what in became:
        tally.entries[what] += 1
    if is_empty:
        tally.empty[name] = tuple(became)
    tally.folders.add(name.rpartition(b"/")[0] or b".")


def _complaint(stem: Stem) -> str | None:
    """The first error or warning."""
    return next((said for line in stem.text_lines(ERRORS) if (said := first_line(line))), None)
