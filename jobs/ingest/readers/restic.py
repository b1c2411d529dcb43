"""restic: `backup --json`, with its exit status, what it said on stderr, and `diff --json` where there is one.

Read as printed by 0.14 and 0.19: newer versions print the moments and what compression left, and tell failures apart by
their exit status. docs/bring-your-own.md says how to collect the files.
"""

from __future__ import annotations

from collections.abc import Iterator

from jobs.ingest.outcomes import (
    Outcome,
    after,
    attempt,
    backup,
    count,
    exit_status,
    first_line,
    moment,
    without_summary,
)
from jobs.ingest.paths import PathSample
from jobs.ingest.stems import Fault, Record, Stem, json_value

PRODUCT = "restic"
OUTPUT, ERRORS, DIFF, LIST = "backup.jsonl", "stderr", "diff.jsonl", "snapshots.json"
ID_DIGITS = 8  # 0.14 prints no more of a snapshot's name
# What --verbose=2 says of an item; one whose owner alone changed is called modified too.
ACTIONS = {"new": "added", "modified": "updated"}
SKIPPED = b"does not exist, skipping"  # 0.14 leaves a missing source out and still returns 0
# Bytes that restic stores for an entry of a folder, and what compression leaves of them: folders are stored anew when
# anything below them changes, and would drown a small change of files. Measured on real repositories.
ENTRY_BYTES, ENTRY_RATIO = 345, 0.22


def read(stem: Stem) -> Iterator[Outcome]:
    """The run's backup or why there is none; of a stem that is only a list of snapshots, each of them."""
    if set(stem.files) == {LIST}:
        yield from _listed(stem)
        return
    summary: Record | None = None
    paths = stem.paths()
    for message in stem.json_lines(OUTPUT):
        kind = message.get("message_type")
        if kind == "verbose_status":
            _add(paths, message.get("item"), ACTIONS.get(str(message.get("action"))))
        summary = message if kind == "summary" else None if kind == "status" else summary
    if summary is None:
        yield without_summary(PRODUCT, stem, OUTPUT, _complaint(stem))
    elif summary.get("dry_run"):
        yield Fault("dry_run", "a dry run stores nothing; leave its output out of the landing folder")
    else:
        yield _backup(stem, summary, paths)


def _backup(stem: Stem, summary: Record, paths: PathSample) -> Record:
    status = exit_status(stem)
    diff, of_diff = _diff(stem, summary)
    is_whole = status in (None, 0) and not _left_out(stem)
    started = moment(summary.get("backup_start")) or stem.started_at
    return backup(
        PRODUCT,
        stem,
        backup_id=_short(summary.get("snapshot_id")),
        status="complete" if is_whole else "partial",
        started_at=started,
        ended_at=moment(summary.get("backup_end")) or after(started, summary.get("total_duration")),
        exit_status=status,
        message=None if is_whole else _complaint(stem),
        **_figures(summary, diff, is_whole),
        file_changes=(of_diff if diff else paths).kept(),
    )


def _listed(stem: Stem) -> Iterator[Outcome]:
    """Snapshots as `restic snapshots --json` lists them; since 0.17 each carries the summary of its backup."""
    snapshots = json_value(stem.text(LIST))
    if not isinstance(snapshots, list):
        yield Fault("unknown_shape", f"{LIST} is no list of snapshots; write the output of restic snapshots --json")
        return
    for snapshot in snapshots:
        if isinstance(snapshot, dict) and isinstance(snapshot.get("summary"), dict):
            yield attempt(_of_list, stem, snapshot)
        else:
            yield Fault("no_figures", "the snapshot carries no summary; restic before 0.17 stores none")


def _of_list(stem: Stem, snapshot: Record) -> Record:
    summary = snapshot["summary"]
    started = moment(summary.get("backup_start")) or moment(snapshot.get("time"))
    return backup(
        PRODUCT,
        stem,
        backup_id=_short(snapshot.get("id")),
        started_at=started,
        ended_at=moment(summary.get("backup_end")) or started,
        **_figures(summary, None, is_whole=True),
    )


def _figures(summary: Record, diff: Record | None, is_whole: bool) -> Record:
    """Counts and sizes. Exact are the diff's; without one a file counts as changed when only its owner did.

    A changed file stores a new blob at least, so there are no more of them than blobs. New files beyond the blobs
    brought no new content: they moved, or are copies.
    """
    new, changed, total, blobs = (
        count(summary, name) for name in ("files_new", "files_changed", "total_files_processed", "data_blobs")
    )
    dirs = [count(summary, f"dirs_{how}") for how in ("new", "changed", "unmodified")]
    upper_bound = ["files_updated", "dirs_total"]
    updated = changed if blobs is None or changed is None else min(changed, blobs)
    deleted = None
    if diff:
        updated, deleted = count(diff, "changed_files"), count(diff["removed"], "files")
        # A file that could not be read is missing from the snapshot.
        upper_bound = ["dirs_total"] if is_whole or deleted is None else ["dirs_total", "files_deleted"]
    moved = None
    if new is not None and blobs is not None:
        without_content = new - blobs + (updated or 0 if diff else 0)
        moved = max(0, min(without_content, new, new if deleted is None else deleted))
        upper_bound.append("files_moved")
    has_parent = any((changed, count(summary, "files_unmodified"), *dirs[1:]))
    sizes = _sizes(summary, total, sum(known for known in dirs if known))
    return {
        "backup_kind": "incremental" if has_parent or not new else "full",
        "files_added": new,
        "files_updated": updated,
        "files_deleted": deleted,
        "files_moved": moved,
        "files_total": total,
        "dirs_total": None if None in dirs else sum(known for known in dirs if known),
        "bytes_total": count(summary, "total_bytes_processed"),
        **sizes,
        "derived": [
            *(["files_moved"] if moved is not None else []),
            *(name for name in sizes if sizes[name] is not None),
        ],
        "upper_bound": upper_bound,
    }


def _sizes(summary: Record, files: int | None, dirs: int) -> dict[str, int | None]:
    """New bytes after deduplication, and what compression left of them, with the folders' own data taken off."""
    added, packed, trees = (count(summary, name) for name in ("data_added", "data_added_packed", "tree_blobs"))
    if added is None:
        return {"bytes_unique": None, "bytes_compressed": None}
    folder_data = ENTRY_BYTES * trees * ((files or 0) + dirs) / dirs if trees and dirs else 0.0
    unique = round(max(0.0, added - folder_data))
    left = None if packed is None else round(min(max(0.0, packed - ENTRY_RATIO * folder_data), unique))
    return {"bytes_unique": unique, "bytes_compressed": left}


def _diff(stem: Stem, summary: Record) -> tuple[Record | None, PathSample]:
    """Statistics of the diff, if it is about this run beside the one it compared itself with; and what it lists."""
    found = None
    has_other_type = False
    paths = stem.paths()
    for message in stem.json_lines(DIFF):
        found = message if message.get("message_type") == "statistics" else found
        if message.get("message_type") == "change":
            modifier = str(message.get("modifier"))
            has_other_type |= "T" in modifier
            _add(paths, message.get("path"), _change(modifier))
    if found is None or _short(found.get("target_snapshot")) != _short(summary.get("snapshot_id")):
        return None, paths
    added, removed = found.get("added"), found.get("removed")
    if not isinstance(added, dict) or not isinstance(removed, dict):
        return None, paths
    if has_other_type:  # a file that became a link, or a folder with all below it that became a file: not in `removed`
        found = {**found, "removed": {}}
    # Against another snapshot than restic's own choice it would find other files new.
    return (found if added.get("files") == summary.get("files_new") else None), paths


def _change(modifier: str) -> str | None:
    """What a diff's mark says of a file; None: that its metadata alone changed."""
    content = {"+": "added", "-": "deleted", "M": "updated", "T": "updated"}
    return next((word for mark, word in content.items() if mark in modifier), None)


def _add(paths: PathSample, path: object, change: str | None) -> None:
    if change:
        paths.add(path, change)


def _left_out(stem: Stem) -> bool:
    """Whether restic said that it left out a file or a source, although it returned 0 or nothing is known of that."""
    said = stem.text(ERRORS)
    return SKIPPED in said or b'"message_type":"error"' in said


def _complaint(stem: Stem) -> str | None:
    """The message that says most: why it ended, else the first error."""
    first = None
    for line in stem.text(ERRORS).splitlines():
        said = json_value(line) if line.startswith(b"{") else None
        if not isinstance(said, dict):
            first = first or first_line(line.decode("utf-8", "replace"))
        elif said.get("message_type") == "exit_error":
            return first_line(said.get("message"))
        else:
            error = said.get("error")
            first = first or first_line(error.get("message") if isinstance(error, dict) else said.get("message"))
    return first


def _short(name: object) -> str | None:
    return name[:ID_DIGITS] if isinstance(name, str) else None
