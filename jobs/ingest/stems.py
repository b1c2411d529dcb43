"""One run of a backup tool as it landed: several files of one stem, and what a reader makes of them.

`<product>/<device>/<stem>.<what>[.gz|.zst][.enc]`: the stem is the start of the run in UTC, as in 20250323T013007Z.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any
from zoneinfo import ZoneInfo

from jobs.ingest.paths import PathSample
from jobs.ingest.unpack import CutOffError, Overlong, Source, lines, pieces, text

NAME = re.compile(r"(?P<stem>\d{8}T\d{6}Z)\.(?P<what>[A-Za-z0-9_.-]+?)(?P<packing>\.gz|\.zst)?(?P<seal>\.enc)?")
DRAFTS = (".tmp", "._COPYING_")  # files on their way, the second by Hadoop; they land when they are renamed
LONGEST_LINE = 4 << 20  # bytes; a path of 4 KiB, every byte escaped, is a hundredth of it
LONGEST_TEXT = 64 << 20  # bytes; ten thousand backups in one list are a fifth of it
KEPT = 64 * 1024  # bytes of a text that a reject keeps; of a longer one it keeps the hash
MESSAGE = 500  # characters of a tool's message that are kept
Record = dict[str, Any]


@dataclass(frozen=True)
class Fault:
    """A landed record that is not used: a word of `jobs.tables.REASONS`, what to do, and the field at fault.

    `text` is the record; of a long one only `sha256`, the hash, is kept.
    """

    reason: str
    detail: str
    field: str | None = None
    text: bytes | None = None
    sha256: str | None = None


def fault_with(reason: str, detail: str, text: bytes, field: str | None = None) -> Fault:
    """A fault that keeps the record's text, or of a long one the hash."""
    if len(text) > KEPT:
        return Fault(reason, detail, field, sha256=hashlib.sha256(text).hexdigest())
    return Fault(reason, detail, field, text=text or None)


@dataclass
class Stem:
    """One landed run.

    Attributes
    ----------
    source : str
        Path below the landing folder, without endings.
    device_id : str
        The path between the product's folder and the file.
    started_at : datetime
        What the name says, UTC.
    files : mapping
        What each file is ("backup.jsonl", without packing and seal), and its address, or the file if it was sealed.
    time_zone : ZoneInfo or None
        Where the tool prints local times: the device's zone.
    most_paths : int
        Of the changed paths that its files list, so many are kept; 0: none.
    faults : list of Fault
        What `json_lines` and `text` could not use; a reader need not look at it.
    """

    source: str
    device_id: str
    started_at: datetime
    files: Mapping[str, Source]
    time_zone: ZoneInfo | None = None
    most_paths: int = 0
    faults: list[Fault] = field(default_factory=list)
    _texts: dict[str, bytes] = field(default_factory=dict)

    @property
    def name(self) -> str:
        """The stem itself."""
        return self.source.rpartition("/")[2]

    @property
    def product(self) -> str:
        """The product's folder."""
        return self.source.partition("/")[0]

    def paths(self) -> PathSample:
        """An empty sample of the paths that a list of it names."""
        return PathSample(self.most_paths, self.source)

    def has(self, what: str) -> bool:
        """Whether there is such a file."""
        return what in self.files

    def text(self, what: str) -> bytes:
        """A file's bytes; none if there is no such file or it can't be read whole."""
        if what not in self._texts:
            held = b""
            try:
                held = text(self.files[what], LONGEST_TEXT) if what in self.files else b""
            except CutOffError as error:
                self.faults.append(Fault("unreadable", f"{what}: {error}"))
            self._texts[what] = held
        return self._texts[what]

    def json_lines(self, what: str) -> Iterator[Record]:
        """The JSON objects of a file of JSON Lines.

        A line that is none becomes a fault, unless it is the last: a killed tool leaves half a line.
        """
        if what not in self.files:
            return
        waiting: Fault | None = None
        number = 0
        try:
            for number, line in enumerate(lines(self.files[what], LONGEST_LINE), start=1):
                if waiting:
                    self.faults.append(waiting)
                waiting = None
                if isinstance(line, Overlong):
                    detail = f"{what} line {number} has more than {LONGEST_LINE >> 20} MiB"
                    waiting = Fault("bad_line", detail, sha256=line.sha256)
                elif line.strip():
                    found = json_object(line)
                    if found is None:
                        waiting = fault_with("bad_line", f"{what} line {number} is not one JSON object", line)
                    else:
                        yield found
        except CutOffError as error:
            self.faults.append(Fault("unreadable", f"{what}: {error}"))

    def text_lines(self, what: str) -> Iterator[str]:
        """The lines of a text file, without what no text is; longer ones than any tool prints are left out."""
        try:
            for line in lines(self.files[what], LONGEST_LINE) if what in self.files else ():
                if isinstance(line, bytes):
                    yield line.decode("utf-8", "replace").rstrip("\r")
        except CutOffError as error:
            self.faults.append(Fault("unreadable", f"{what}: {error}"))

    def exit_status(self) -> int | None:
        """What the tool's process returned; None: there is no `.exit`, or it holds no number."""
        said = self.text("exit").strip()
        return int(said) if re.fullmatch(rb"-?\d{1,5}", said) else None

    def is_empty(self) -> bool:
        """Whether no file has a byte."""
        try:
            return not any(piece for file in self.files.values() for piece in pieces(file))
        except CutOffError:
            return False


def parse_name(name: str) -> tuple[str, str] | None:
    """Stem and kind of a file's name, without packing and seal; None: it is not named like a run's file."""
    found = NAME.fullmatch(name)
    if not found or stem_time(found["stem"]) is None:
        return None
    return found["stem"], found["what"]


def stem_time(stem: str) -> datetime | None:
    """The moment that a stem names, UTC; None: there is no such moment."""
    try:
        return datetime.strptime(stem, "%Y%m%dT%H%M%SZ").replace(tzinfo=UTC)
    except ValueError:
        return None


def json_object(said: bytes) -> Record | None:
    """The JSON object that the bytes are, or None. Its texts may hold lone surrogates, if they are escaped."""
    found = json_value(said)
    return found if isinstance(found, dict) else None


def json_value(said: bytes) -> Any:
    """What the bytes say in JSON; None if they say nothing (or null)."""
    try:
        return json.loads(said.decode("utf-8", "replace"))
    except (ValueError, RecursionError):
        return None
