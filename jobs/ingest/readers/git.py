"""git: a clone, a bare mirror or a work tree as a device. A backup is a UTC day in which a commit touched the tree.

Read are the first parents of HEAD; a day's figures are the net difference of its last commit to the day before it.
docs/bring-your-own.md says how to keep a mirror.
"""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

from jobs.ingest.git_blobs import Blobs, Measure
from jobs.ingest.git_repository import Repository, opened, output
from jobs.ingest.outcomes import Outcome, RefusedError, backup
from jobs.ingest.paths import extension_of
from jobs.ingest.stems import Fault, Stem

PRODUCT = "git"
DAY = 86_400  # seconds
EPOCH = date(1970, 1, 1)
SIDE = 5  # commits on each side: eleven together outvote five wrong clocks
WRONG_CLOCK = 45 * DAY  # seconds from its neighbours' median; a branch lies about for weeks before it is merged
LONGEST_PATH = 4096  # bytes, Linux's; a made-up one of a megabyte of slashes would be a million folders
FILES = (b"100", b"120")  # what a file's mode begins with, and a symbolic link's; 160000 is a submodule


@dataclass
class Tree:
    """What a device holds after the days so far, and what it ever held.

    `files` gives the blob at each path, `entries` the number of entries of each folder ("" is the device itself).
    """

    files: dict[bytes, bytes] = field(default_factory=dict)
    entries: Counter[bytes] = field(default_factory=Counter)
    blobs: set[bytes] = field(default_factory=set)
    extensions: set[str] = field(default_factory=set)


@dataclass(frozen=True)
class Change:
    """A day's net difference: path to new blob (deleted: old blob), and the blobs that updates replaced."""

    added: dict[bytes, bytes]
    updated: dict[bytes, bytes]
    deleted: dict[bytes, bytes]
    replaced: list[bytes]

    @property
    def uploaded(self) -> list[bytes]:
        """The blobs of added and updated files, as often as they are there."""
        return [*self.added.values(), *self.updated.values()]


def read(
    folder: Path, device_id: str, until: date, since: date | None = None, prefix: str = ""
) -> Iterator[tuple[str, Outcome]]:
    """Each UTC day's backup with its source, in time order; then, for the repository as one, why there are no more.

    Parameters
    ----------
    folder : Path
        A clone, a bare repository, or a work tree.
    device_id : str
        The device that the folder stands for.
    until : date
        The first day that is left out, since it has not ended.
    since : date or None
        Earlier days are left out. What they did still counts: the rows are those of a reading without it.
    prefix : str
        The folder of the repository that the device is; "" is the whole tree.

    Notes
    -----
    A day's source is that of the repository and the date, as in git/wiki/2025-03-30. A blob that the clone lacks counts
    as 4 MiB that do not compress; figures with such a guess in them stand in `derived`.
    """
    from_day = (since - EPOCH).days if since else 0
    whole = f"{PRODUCT}/{device_id}"
    try:
        with opened(folder) as repository:
            for at, fields in _backups(repository, (until - EPOCH).days, from_day, _beginning(prefix)):
                moment = datetime.fromtimestamp(at, UTC)
                stem = Stem(f"{whole}/{moment:%Y-%m-%d}", device_id, moment, {})
                yield stem.source, backup(PRODUCT, stem, started_at=moment, ended_at=moment, **fields)
    except RefusedError as error:
        yield whole, error.fault
    except OSError as error:
        yield (
            f"{PRODUCT}/{device_id}",
            Fault("unreadable", f"{error.strerror}; see that git is installed and may read the folder"),
        )


def dated(times: Sequence[int]) -> list[int]:
    """When each commit was made, seconds since 1970, wrong clocks put right and never going back.

    A time over 45 days from the median of the eleven commits around it becomes that median. Towards either end the
    commits around it grow fewer, as many before as after. With those of one side alone the first commit after a quiet
    year would be dated back by that year, and a day that is held already would change.
    """
    found, latest = [], 0
    for number, time in enumerate(times):
        side = min(SIDE, number, len(times) - 1 - number)
        median = sorted(times[number - side : number + side + 1])[side]
        latest = max(latest, median if abs(time - median) > WRONG_CLOCK else time)
        found.append(latest)
    return found


def _beginning(prefix: str) -> bytes:
    """What the path of each file below a folder begins with."""
    folder = os.fsencode(prefix.strip("/"))
    return folder + b"/" if folder else b""


def _backups(repository: Repository, until: int, since: int, beginning: bytes) -> Iterator[tuple[int, dict[str, Any]]]:
    listed = output(repository, b"\n", "rev-list", "--first-parent", "--reverse", "--timestamp", repository.tip)
    times = dated([int(line.split()[0]) for line in listed])
    past = [time for time in times if time // DAY < until]
    tree, total, kind = Tree(), None, "full"
    with closing(Blobs(repository)) as blobs:
        for commit, at, left in _days(repository, past, len(times) - len(past), beginning):
            change = _change(tree, left)
            if at // DAY < since:  # sizes are asked for only where a row needs them: most of the work is there
                _take(tree, change)
            else:
                total = blobs.total(tree.files.values()) if total is None else total
                figures, total = _figures(tree, change, blobs, total)
                yield at, {"backup_id": commit, "backup_kind": kind, "status": "complete", **figures}
            kind = "incremental"


def _days(
    repository: Repository, times: Sequence[int], skip: int, beginning: bytes
) -> Iterator[tuple[str, int, dict[bytes, bytes | None]]]:
    """Of each day that touched a file: its last commit, that one's time, and what it left at the paths it touched."""
    if not times:
        return
    said = ("--raw", "--no-renames", "--no-abbrev", "-z", "--format=%H")
    log = output(repository, b"\0", "log", "-m", "--first-parent", "--reverse", *said, f"--skip={skip}", repository.tip)
    commit, number = "", -1
    left: dict[bytes, bytes | None] = {}
    for entry in log:
        if b":" in entry:  # ":100644 100644 OLD NEW M", and the path follows
            old_mode, mode, _, blob, _ = entry.split(b":")[1].split(b" ")
            path, is_file = next(log, b""), mode.startswith(FILES)
            if path.startswith(beginning) and (is_file or old_mode.startswith(FILES)):
                left[path.removeprefix(beginning)] = bytes.fromhex(blob.decode()) if is_file else None
            continue
        number += 1
        if left and times[number] // DAY != times[number - 1] // DAY:
            yield commit, times[number - 1], left
            left = {}
        commit = entry.decode()
    if left:
        yield commit, times[number], left


def _change(tree: Tree, left: dict[bytes, bytes | None]) -> Change:
    change = Change({}, {}, {}, [])
    for path, blob in left.items():
        old = tree.files.get(path)
        if blob is None:
            if old is not None:
                change.deleted[path] = old
        elif old is None:
            change.added[path] = blob
        elif old != blob:
            change.updated[path] = blob
            change.replaced.append(old)
    return change


def _take(tree: Tree, change: Change) -> None:
    for path in change.deleted:
        del tree.files[path]
        _count_entry(tree.entries, path, -1)
    for path in change.added:
        _count_entry(tree.entries, path, 1)
        tree.extensions.add(_extension(path))
    tree.files |= change.added | change.updated
    tree.blobs.update(change.uploaded)


def _figures(tree: Tree, change: Change, blobs: Blobs, before: Measure) -> tuple[dict[str, Any], Measure]:
    """The day's figures and the sizes after it; the tree takes the change."""
    uploaded, deleted = blobs.total(change.uploaded), blobs.total(change.deleted.values())
    unique = blobs.total(set(change.uploaded) - tree.blobs)
    extensions = [_extension(path) for path in change.added]
    total = before.plus(uploaded).less(deleted).less(blobs.total(change.replaced))
    new_extension = sum(extension != "" and extension not in tree.extensions for extension in extensions)
    _take(tree, change)
    blobs.forget_all_but(tree.files.values())
    moved = Counter(change.added.values()) & Counter(change.deleted.values())
    sizes = {
        "bytes_uploaded": (uploaded.size, uploaded),
        "bytes_unique": (unique.size, unique),
        "bytes_compressed": (uploaded.compressed, uploaded),
        "bytes_deleted": (deleted.size, deleted),
        "bytes_total": (total.size, total),
        "bytes_total_compressed": (total.compressed, total),
    }
    return {
        "files_added": len(change.added),
        "files_updated": len(change.updated),
        "files_deleted": len(change.deleted),
        "files_moved": moved.total(),
        "files_new_extension": new_extension,
        "files_total": len(tree.files),
        "dirs_total": len(tree.entries),
        **{name: size for name, (size, _) in sizes.items()},
        "derived": [name for name, (_, measure) in sizes.items() if measure.missing],
    }, total


def _count_entry(entries: Counter[bytes], path: bytes, by: int) -> None:
    """Counts a file in or out of its folder; a folder that begins or ceases to be does the same to its own."""
    path = path[:LONGEST_PATH]
    while path:
        path = path.rpartition(b"/")[0]
        entries[path] += by
        if entries[path] != max(by, 0):
            return
        if by < 0:
            del entries[path]


def _extension(path: bytes) -> str:
    return extension_of(path.rpartition(b"/")[2].decode("utf-8", "surrogateescape"))
