"""Counts that follow from the run before, for records outside the lake; inside it `features` derives them."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from jobs.ingest.stems import Record


def with_derived(records: Iterable[Record]) -> Iterator[Record]:
    """One device's records, in the order of time, each with what follows from the one before it.

    Deletes follow from the totals of two complete backups one after the other, or what was added where the deletes are
    known; a failed run left nothing and stands between no two. After a partial backup, files that could not be read
    look new.
    """
    before: Record | None = None
    for record in records:
        if record.get("status") == "failed":
            yield record
            continue
        is_partial_before = before is not None and _status(before) == "partial"
        found = dict(record)
        if before is not None and _status(before) == _status(record) == "complete":
            _derive_deletes(found, before)
            _derive_added(found, before)
        if is_partial_before and "files_added" in found:
            found["upper_bound"] = [*found.get("upper_bound", ()), "files_added"]
        yield found
        before = record


def _derive_deletes(record: Record, before: Record) -> None:
    added, after, held = record.get("files_added"), record.get("files_total"), before.get("files_total")
    if "files_deleted" in record or added is None or after is None or held is None:
        return
    is_all_new = record.get("backup_kind") == "full" and added >= after
    gone = held + added - after
    if gone < 0 or is_all_new:
        return
    record["files_deleted"] = gone
    record["derived"] = [*record.get("derived", ()), "files_deleted"]
    if "files_moved" in record:
        record["files_moved"] = min(record["files_moved"], gone)


def _derive_added(record: Record, before: Record) -> None:
    gone, after, held = record.get("files_deleted"), record.get("files_total"), before.get("files_total")
    if "files_added" in record or gone is None or after is None or held is None or after - held + gone < 0:
        return
    record["files_added"] = after - held + gone
    record["derived"] = [*record.get("derived", ()), "files_added"]


def _status(record: Record) -> str:
    return str(record.get("status", "complete"))
