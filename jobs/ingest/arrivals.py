"""Which files landed: what each is by its place and name, and which runs of tools are whole."""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from urllib.parse import unquote
from zoneinfo import ZoneInfo

from jobs.files import below, list_names, modified_at, read_text
from jobs.ingest.stems import DRAFT, Fault, Stem, parse_name, stem_time
from jobs.ingest.unpack import PACKINGS
from jobs.store import Store
from jobs.verdict import FOLDER as FEEDBACK

CANONICAL = "canonical"
LINE_ENDINGS = tuple(kind + packed for kind in (".jsonl", ".ndjson", ".json") for packed in PACKINGS)
EXIT = "exit"
LATE = Fault("late_file", "the run it belongs to was read before it came; write .exit last")


@dataclass(frozen=True)
class Seen:
    """One file that the landing's stream has seen; `is_new`: in this batch for the first time."""

    path: str
    modified_ms: int
    is_new: bool


@dataclass
class Landed:
    """What is to be read: files of records and of verdicts by address, runs of tools, and sources refused unread."""

    lines: list[str] = field(default_factory=list)
    parquet: list[str] = field(default_factory=list)
    stems: list[Stem] = field(default_factory=list)
    refused: dict[str, Fault] = field(default_factory=dict)
    verdicts: list[str] = field(default_factory=list)

    def is_empty(self) -> bool:
        """Whether there is no backup to read, and nothing to refuse."""
        return not (self.lines or self.parquet or self.stems or self.refused)


@dataclass(frozen=True)
class Place:
    """Where landed files lie, and what is known of the devices there."""

    landing: str
    time_zones: Mapping[str, str]

    def run_of(self, path: str) -> tuple[str, str] | None:
        """Source of the run that a tool's file belongs to, and what the file is; None: it is no such file."""
        folder, _, name = below(path, self.landing).rpartition("/")
        is_of_tool = "/" in folder and not folder.startswith((f"{CANONICAL}/", f"{FEEDBACK}/"))
        named = parse_name(name) if is_of_tool else None
        return (f"{folder}/{named[0]}", named[1]) if named else None

    def stem(self, source: str, files: Mapping[str, str]) -> Stem:
        """The run of that source."""
        _, _, below = source.partition("/")
        device_id, _, name = below.rpartition("/")
        started_at = stem_time(name)
        assert started_at is not None  # `parse_name` saw to it
        zones = [prefix for prefix in self.time_zones if source.startswith(prefix.strip("/") + "/")]
        zone = ZoneInfo(self.time_zones[max(zones, key=len)]) if zones else None
        return Stem(source, device_id, started_at, files, zone)


def sort_files(seen: Sequence[Seen], place: Place, settled: set[str]) -> Landed:
    """Sort the new files of a batch: records by their ending, files of tools by run, the rest refused.

    A run is whole once its `.exit` is there. What comes after that, or after it was `settled` without one, is late.
    """
    landed = Landed()
    runs = _by_run(seen, place)
    for source, files in sorted(runs.items()):
        new = {what: file.path for what, file in files if file.is_new}
        if source in settled or any(what == EXIT and not file.is_new for what, file in files):
            landed.refused.update({below(path, place.landing): LATE for path in new.values()})
        elif EXIT in new:
            landed.stems.append(place.stem(source, {what: file.path for what, file in files}))
    of_runs = {file.path for files in runs.values() for _, file in files}
    for file in seen:
        if file.is_new and file.path not in of_runs:
            _sort_records(landed, file.path, below(file.path, place.landing))
    return landed


def begun_runs(seen: Sequence[Seen], place: Place) -> list[str]:
    """Sources of runs with new files of which other files, but no `.exit`, came earlier."""
    found = []
    for source, files in _by_run(seen, place).items():
        earlier = [what for what, file in files if not file.is_new]
        if earlier and EXIT not in earlier and len(earlier) < len(files):
            found.append(source)
    return found


def without_exit(seen: Sequence[Seen], place: Place, oldest_change: datetime) -> dict[str, dict[str, str]]:
    """Files by kind, by source, of runs without `.exit` whose files were all last modified before `oldest_change`."""
    found = {}
    for source, files in _by_run(seen, place).items():
        is_young = any(file.modified_ms > oldest_change.timestamp() * 1000 for _, file in files)
        paths = {what: file.path for what, file in files}
        if EXIT not in paths and not is_young:
            found[source] = paths
    return found


def is_growing(files: Iterable[str], oldest_change: datetime) -> bool:
    """Whether one of the files was modified after `oldest_change`; the stream saw them only when they were new."""
    return any((at := modified_at(path)) is not None and at > oldest_change for path in files)


def day_of_run(source: str) -> date:
    """The UTC day that a run's stem names."""
    started_at = stem_time(source.rpartition("/")[2])
    assert started_at is not None  # `parse_name` saw to it
    return started_at.date()


def seen_files(store: Store, reader: str, batch_id: int | None = None) -> list[Seen]:
    """All files that a file stream saw up to a batch (None: the last), empty and vanished ones included, no drafts.

    Spark's file source keeps them in its checkpoint; the frame that it hands over leaves out files without a byte.
    """
    base = store.checkpoint(reader)
    if batch_id is None:
        batch_id = max(map(int, filter(str.isdigit, list_names(store.spark, f"{base}/offsets"))), default=-1)
    before, last = (_log_offset(store, f"{base}/offsets/{number}") for number in (batch_id - 1, batch_id))
    found: list[Seen] = []
    number = last
    while number >= 0:  # back to the file into which Spark folded all earlier ones
        folded = read_text(store.spark, f"{base}/sources/0/{number}.compact")
        listed = folded if folded is not None else read_text(store.spark, f"{base}/sources/0/{number}")
        for line in (listed or "").splitlines()[1:]:
            entry = json.loads(line)
            if not entry["path"].endswith(DRAFT):
                found.append(Seen(unquote(entry["path"]), entry["timestamp"], entry["batchId"] > before))
        number = -1 if folded is not None else number - 1
    return found


def _by_run(seen: Iterable[Seen], place: Place) -> dict[str, list[tuple[str, Seen]]]:
    """Files of runs of tools, each with what it is, by the run's source."""
    runs: dict[str, list[tuple[str, Seen]]] = defaultdict(list)
    for file in seen:
        run = place.run_of(file.path)
        if run:
            runs[run[0]].append((run[1], file))
    return runs


def _log_offset(store: Store, address: str) -> int:
    said = read_text(store.spark, address)
    return int(json.loads(said.splitlines()[-1])["logOffset"]) if said else -1


def _sort_records(landed: Landed, path: str, source: str) -> None:
    name = path.rpartition("/")[2].lower()
    if source.startswith(f"{FEEDBACK}/"):
        if name.endswith(LINE_ENDINGS):
            landed.verdicts.append(path)
        else:
            landed.refused[source] = Fault("unknown_shape", f"the name must end in {', '.join(LINE_ENDINGS)}")
    elif not source.startswith(f"{CANONICAL}/"):
        detail = "a run's file lies in <product>/<device>/ and is named like 20250323T013007Z.backup.jsonl"
        landed.refused[source] = Fault("unknown_shape", detail)
    elif name.endswith(LINE_ENDINGS):
        landed.lines.append(path)
    elif name.endswith(".parquet"):
        landed.parquet.append(path)
    else:
        detail = f"the name must end in {', '.join(LINE_ENDINGS)} or .parquet"
        landed.refused[source] = Fault("unknown_shape", detail)
