"""What landed files are by place and name, which runs of tools are whole, and what is to be read of a batch."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date
from zoneinfo import ZoneInfo

from jobs.device_note import FOLDER as DEVICES
from jobs.files import below
from jobs.ingest.stems import Fault, Stem, parse_name, stem_time
from jobs.ingest.unpack import PACKINGS
from jobs.verdict import FOLDER as FEEDBACK

CANONICAL = "canonical"
SAID = (FEEDBACK, DEVICES)  # folders of what people say
LINE_ENDINGS = tuple(kind + packed for kind in (".jsonl", ".ndjson", ".json") for packed in PACKINGS)
SEAL = ".enc"
EXIT = "exit"
LATE = Fault("late_file", "the run it belongs to was read before it came; write .exit last")


@dataclass(frozen=True)
class RunFile:
    """One file of a tool's run, as `landed` has it; `is_new`: it is in this batch."""

    path: str
    part: str
    arrival: int
    is_new: bool


@dataclass
class Landed:
    """What is to be read: files of records by address, runs of tools, sources refused unread, and what people said."""

    lines: list[str] = field(default_factory=list)
    parquet: list[str] = field(default_factory=list)
    stems: list[Stem] = field(default_factory=list)
    refused: dict[str, Fault] = field(default_factory=dict)
    said: dict[str, list[str]] = field(default_factory=lambda: {folder: [] for folder in SAID})

    def is_empty(self) -> bool:
        """Whether there is no backup to read, and nothing to refuse."""
        return not (self.lines or self.parquet or self.stems or self.refused)

    def sealed(self, landing: str) -> set[str]:
        """Sources of what has a sealed file."""
        runs = {stem.source for stem in self.stems if any(is_sealed(str(file)) for file in stem.files.values())}
        return runs | {below(path, landing) for path in self.lines if is_sealed(path)}

    def without(self, sources: Collection[str], landing: str) -> Landed:
        """The same, but for files of records and runs with some sources."""
        lines = [path for path in self.lines if below(path, landing) not in sources]
        return replace(self, lines=lines, stems=[stem for stem in self.stems if stem.source not in sources])


@dataclass(frozen=True)
class Place:
    """Where landed files lie, and what is known of the devices there."""

    landing: str
    time_zones: Mapping[str, str]

    def address(self, path: str) -> str:
        """Where the file with that path below the landing folder is opened."""
        return f"{self.landing}/{path}"

    def stem(self, source: str, files: Mapping[str, str]) -> Stem:
        """The run of that source, of files by what each is, with its path."""
        _, _, below = source.partition("/")
        device_id, _, name = below.rpartition("/")
        started_at = stem_time(name)
        assert started_at is not None  # `parse_name` saw to it
        zones = [prefix for prefix in self.time_zones if source.startswith(prefix.strip("/") + "/")]
        zone = ZoneInfo(self.time_zones[max(zones, key=len)]) if zones else None
        addresses = {part: self.address(path) for part, path in files.items()}
        return Stem(source, device_id, started_at, addresses, zone)


def is_sealed(path: str) -> bool:
    """Whether a file's name says that it is sealed."""
    return path.lower().endswith(SEAL)


def tenant_of(source: str, tenants: Mapping[str, str]) -> str | None:
    """The tenant to whom the source's landing prefix belongs; None: to none. The longest prefix counts."""
    prefixes = [prefix for prefix in tenants if source.startswith(prefix.strip("/") + "/")]
    return tenants[max(prefixes, key=len)] if prefixes else None


def run_of(path: str) -> tuple[str, str] | None:
    """Source of the run that a tool's file belongs to, and what the file is; None: it is no such file."""
    folder, _, name = path.rpartition("/")
    is_of_tool = "/" in folder and folder.partition("/")[0] not in (CANONICAL, *SAID)
    named = parse_name(name) if is_of_tool else None
    return (f"{folder}/{named[0]}", named[1]) if named else None


def sort_files(
    new: Iterable[str], runs: Mapping[str, Sequence[RunFile]], place: Place, settled: Collection[str]
) -> Landed:
    """Sort the new files of a batch: records by their ending, files of tools by run, the rest refused.

    Parameters
    ----------
    new : iterable of str
        Paths below the landing folder.
    runs : mapping
        By source, the files of each run that has a new one, those that came earlier included.
    settled : collection of str
        Sources of those runs that were read without their `.exit`.
    """
    landed = Landed()
    for source, files in sorted(runs.items()):
        whole, late = _whole_and_late(files, source in settled)
        landed.refused.update({file.path: LATE for file in late if file.is_new})
        if any(file.part == EXIT and file.is_new for file in whole):
            landed.stems.append(place.stem(source, {file.part: file.path for file in whole}))
    of_runs = {file.path for files in runs.values() for file in files}
    for path in sorted(set(new) - of_runs):
        _sort_records(landed, path, place)
    return landed


def may_be_settled(files: Sequence[RunFile]) -> bool:
    """Whether some files of the run came before its `.exit`, so that it may have been read without."""
    first = min(file.arrival for file in files)
    came_later = any(file.arrival > first for file in files)
    return came_later and not any(file.part == EXIT and file.arrival == first for file in files)


def _whole_and_late(files: Sequence[RunFile], is_settled: bool) -> tuple[list[RunFile], list[RunFile]]:
    """Files with which a run is read, and those that came after that; nothing is read of a run that is `settled`."""
    if is_settled:
        first = min(file.arrival for file in files)
        # A checkpoint was lost and all comes again: what was late then is in `rejects` since.
        comes_again = any(file.is_new and file.arrival == first for file in files)
        return [], [] if comes_again else list(files)
    ended = min((file.arrival for file in files if file.part == EXIT), default=None)
    late = [file for file in files if ended is not None and file.arrival > ended]
    return [file for file in files if file not in late], late


def day_of_run(source: str) -> date:
    """The UTC day that a run's stem names."""
    started_at = stem_time(source.rpartition("/")[2])
    assert started_at is not None  # `parse_name` saw to it
    return started_at.date()


def _sort_records(landed: Landed, path: str, place: Place) -> None:
    name = path.rpartition("/")[2].lower()
    if (folder := path.partition("/")[0]) in SAID:
        if name.endswith(LINE_ENDINGS):
            landed.said[folder].append(place.address(path))
        else:
            landed.refused[path] = Fault("unknown_shape", f"the name must end in {', '.join(LINE_ENDINGS)}")
    elif not path.startswith(f"{CANONICAL}/"):
        detail = "a run's file lies in <product>/<device>/ and is named like 20250323T013007Z.backup.jsonl"
        landed.refused[path] = Fault("unknown_shape", detail)
    elif name.removesuffix(SEAL).endswith(LINE_ENDINGS):
        landed.lines.append(place.address(path))
    elif name.endswith(".parquet"):
        landed.parquet.append(place.address(path))
    else:
        detail = f"the name must end in {', '.join(LINE_ENDINGS)} ({SEAL} behind it if sealed) or .parquet"
        landed.refused[path] = Fault("unknown_shape", detail)
