"""borg: what `diff --json-lines` says of a run, in numbers; nothing where it is not whole or can't be about that run.

A line names a path and lists its changes; none names the archives. Without a whole diff no count of changes is known.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from jobs.ingest.outcomes import Outcome, count
from jobs.ingest.stems import LONGEST_LINE, Fault, Record, Stem, fault_with, json_object
from jobs.ingest.unpack import CutOffError, Overlong, lines

DIFF = "diff.jsonl"
FROM_DIFF = ("files_added", "files_updated", "files_deleted", "bytes_uploaded", "bytes_deleted")
# An archive describes itself in some 500 bytes, its command line, and 32 bytes for each 128 KiB of its list of files.
# 1.2 counts them as new data of every run; an empty diff goes with no more new data than that.
DESCRIPTION_BYTES, FILES_A_BYTE = 4096, 8
MOST_LINKS = 10  # paths a file, on the average: `nfiles` counts a hard-linked file once, the diff every path of it


def changed(stem: Stem, archive: Record, is_first: bool) -> Outcome:
    """The figures of the diff, and in `upper_bound` which of them may be too high; empty if it says nothing.

    Parameters
    ----------
    stem : Stem
        The run; it has a diff.
    archive : dict
        What `create` printed of the archive, its `stats` a dict.
    is_first : bool
        The repository holds no other archive.

    Raises
    ------
    RefusedError
        A size is no whole number from 0 on.
    """
    found = _tally(stem)
    if isinstance(found, Fault):
        return found
    if not found:
        return {} if is_first else _unchanged(archive)
    totals = {"files_total": count(archive["stats"], "nfiles"), "bytes_total": count(archive["stats"], "original_size")}
    for total, parts in (("files_total", ("files_added", "files_updated")), ("bytes_total", ("bytes_uploaded",))):
        whole, together = totals[total], sum(found[part] or 0 for part in parts)
        if whole is not None and together > MOST_LINKS * whole:
            detail = f"{DIFF} changes more than there is: it is about other archives; no count is taken from it"
            return Fault("total_below_parts", detail, total)
        if whole is not None and together > whole:
            found["upper_bound"] += parts
    return found


def _unchanged(archive: Record) -> Outcome:
    """No change, if the run stored no new data either: a diff that failed leaves an empty file too.

    A run that only deletes stores none. What was deleted is left to follow from the totals.
    """
    stored, files = count(archive["stats"], "deduplicated_size"), count(archive["stats"], "nfiles") or 0
    own = DESCRIPTION_BYTES + len(str(archive.get("command_line"))) + files // FILES_A_BYTE
    if stored is not None and stored <= own:
        return dict.fromkeys(("files_added", "files_updated", "bytes_uploaded"), 0)
    return Fault("empty", f"{DIFF} has no line, yet the run stored new data; see what borg diff says on stderr")


def _tally(stem: Stem) -> Record | Fault:
    """Files and bytes by what became of them, and which files; empty if the diff has no line.

    Links, folders and metadata are other types of change, which count nothing. But a mode tells that a file took the
    place of one of them, or one of them its place.
    """
    tally: dict[str, Any] = {}
    paths = stem.paths()
    for found in _paths(stem):
        if isinstance(found, Fault):
            return found
        path, changes = found
        tally = tally or {**dict.fromkeys(FROM_DIFF, 0), "upper_bound": []}
        for change in changes:
            kind = change.get("type")
            if kind == "added":
                _add(tally, "files_added", "bytes_uploaded", count(change, "size"))
                paths.add(path, "added", change.get("size"))
            elif kind == "removed":
                _add(tally, "files_deleted", "bytes_deleted", count(change, "size"))
                paths.add(path, "deleted", change.get("size"))
            elif kind == "modified" and _add_modified(tally, count(change, "added"), count(change, "removed")):
                paths.add(path, "updated")
            elif kind == "mode" and (became := _of_mode(change)):
                _add(tally, f"files_{became}", "bytes_uploaded" if became == "added" else "bytes_deleted", None)
                paths.add(path, became)
    return tally and {**tally, "file_changes": paths.kept()}


def _add_modified(tally: dict[str, Any], new: int | None, gone: int | None) -> bool:
    """Whether its content changed."""
    if new == 0 and gone == 0:  # 1.2 says so of a file whose metadata alone changed
        return False
    if new is None and gone is None:  # archives cut into chunks in two ways: a file that was touched looks the same
        tally["upper_bound"] = ["files_updated"]
    _add(tally, "files_updated", "bytes_uploaded", new)
    return True


def _of_mode(change: Record) -> str | None:
    """What became of a file at a path that was or is something else, as in lrwxrwxrwx; None: it is a file as before."""
    old, new = change.get("old_mode"), change.get("new_mode")
    if not isinstance(old, str) or not isinstance(new, str) or old.startswith("-") == new.startswith("-"):
        return None
    return "added" if new.startswith("-") else "deleted"


def _add(tally: dict[str, Any], files: str, size: str, more: int | None) -> None:
    tally[files] += 1
    tally[size] = None if more is None or tally[size] is None else tally[size] + more


def _paths(stem: Stem) -> Iterator[tuple[object, list[Record]] | Fault]:
    """Each path with its changes; a fault, and no more, where that can't be read: the rest would count too little."""
    unusable = None
    first = before = None  # a log shipper may deliver a line twice, or the whole file; a diff names each path once
    try:
        for number, line in enumerate(lines(stem.files[DIFF], LONGEST_LINE), start=1):
            if unusable:
                break
            if isinstance(line, bytes) and not line.strip():
                continue
            if line in (first, before):
                unusable = Fault("bad_line", f"{DIFF} line {number} is there twice; no count is taken from the file")
                continue
            first, before = first or line, line
            said = {} if isinstance(line, Overlong) else json_object(line) or {}
            changes = said.get("changes")
            if isinstance(changes, list):
                yield said.get("path"), [change for change in changes if isinstance(change, dict)]
            else:
                unusable = _unusable(number, line)
    except CutOffError as error:  # half a line comes before it, which says less
        unusable = Fault("unreadable", f"{DIFF}: {error}; no count is taken from it")
    if unusable:
        yield unusable


def _unusable(number: int, line: bytes | Overlong) -> Fault:
    detail = f"{DIFF} line {number} is no whole line of borg diff --json-lines; no count is taken from the file"
    if isinstance(line, Overlong):
        return Fault("bad_line", detail, sha256=line.sha256)
    return fault_with("bad_line", detail, line)
