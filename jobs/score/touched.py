"""Where in a device a backup's changed files lie, in a few lines: folders, extensions and paths to look at."""

from __future__ import annotations

import hashlib
from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

MOST_LINES = 5  # of each; a person reads no more of one anomaly
# A folder is named that holds so much of all paths beyond those in folders named below it.
LEAST_SHARE = 0.1
DEEPEST = 64  # levels; what lies deeper counts as there, or a hostile list would take long
LONGEST = 200  # characters of a name; one of 4,096 would hide all others
ADDED = ("added", "moved")


@dataclass(frozen=True)
class Changed:
    """One path of a list; `is_new`: no earlier list of the device has its extension, and there is an earlier one."""

    path: str
    change: str
    extension: str
    is_new: bool


def top_directories(changed: Sequence[Changed]) -> list[str]:
    """Deepest folders that hold a tenth of the paths or more, most first; each path counts in one of them.

    The number stands first, for a name may look like one.

    >>> top_directories([Changed("a/b/1", "added", "", False), Changed("a/b/2", "added", "", False)])
    ['2 of 2 in a/b']
    """
    levels: dict[int, Counter[tuple[str, ...]]] = defaultdict(Counter)
    for each in changed:
        separator, *folders = _folders(each.path)
        levels[len(folders)][separator, *folders] += 1
    found: dict[tuple[str, ...], int] = {}
    for level in range(max(levels, default=0), -1, -1):
        for folder, count in levels[level].items():
            if count >= LEAST_SHARE * len(changed):
                found[folder] = count
            elif level:
                levels[level - 1][folder[:-1]] += count
    named = sorted((-count, _name(folder)) for folder, count in found.items())
    return [f"{-count:,} of {len(changed):,} in {shortened(name)}" for count, name in named[:MOST_LINES]]


def extensions(changed: Sequence[Changed]) -> list[str]:
    """What became of files by extension: those in no earlier list first, if they are common, then most first.

    >>> extensions([Changed("b", "deleted", "", False), *[Changed("a.locked", "added", "locked", True)] * 2])
    ['2 added, in no earlier list: .locked', '1 deleted: no extension']
    """
    lines = []
    for extension, group in _by_extension(changed):
        counts = Counter(each.change for each in group).most_common()
        said = ", ".join(f"{count:,} {change}" for change, count in sorted(counts, key=lambda one: (-one[1], one[0])))
        new = ", in no earlier list" if _is_new(group) else ""
        lines.append(f"{said}{new}: {f'.{extension}' if extension else 'no extension'}")
    return lines[:MOST_LINES]


def sample_paths(changed: Sequence[Changed]) -> list[str]:
    """Some paths, of each extension in turn, in the order of `extensions`; drawn by their hashes, not by name."""
    groups = [sorted((_drawn(each.path), each.path) for each in group) for _, group in _by_extension(changed)]
    turns = [(turn, at, path) for at, group in enumerate(groups) for turn, (_, path) in enumerate(group[:MOST_LINES])]
    return [shortened(path) for _, _, path in sorted(turns)[:MOST_LINES]]


def shortened(name: str) -> str:
    """A name of at most `LONGEST` characters: beginning and end say most."""
    if len(name) <= LONGEST:
        return name
    end = LONGEST // 3
    return f"{name[: LONGEST - end - 1]}…{name[-end:]}"


def _by_extension(changed: Iterable[Changed]) -> list[tuple[str, list[Changed]]]:
    groups: dict[str, list[Changed]] = defaultdict(list)
    for each in changed:
        groups[each.extension].append(each)
    total = sum(map(len, groups.values()))

    def order(entry: tuple[str, list[Changed]]) -> tuple[bool, int, str]:
        extension, group = entry
        is_common = len(group) > 1 and len(group) >= LEAST_SHARE * total
        return not (is_common and _is_new(group)), -len(group), extension

    return sorted(groups.items(), key=order)


def _is_new(group: Iterable[Changed]) -> bool:
    """Whether an extension came with this backup: what is deleted or changed was there before, listed or not."""
    return all(each.is_new and each.extension and each.change in ADDED for each in group)


def _folders(path: str) -> list[str]:
    """The separator and the folders of a path, the first of them empty where it begins at the root."""
    separator = "/" if "/" in path else "\\"
    return [separator, *path.split(separator, DEEPEST)[:-1]]


def _name(folder: tuple[str, ...]) -> str:
    separator, *folders = folder
    if folders == [""]:
        return separator
    return separator.join(folders) or "the top folder"


def _drawn(path: str) -> bytes:
    return hashlib.blake2b(path.encode("utf-8", "surrogatepass"), digest_size=8).digest()
