"""insync, endpoints: one object a backup of a laptop or a phone."""

from __future__ import annotations

from collections.abc import Iterator

from jobs.ingest.outcomes import Outcome, count
from jobs.ingest.readers.product_dump import at, dumped, identity, kind, word
from jobs.ingest.stems import Record, Stem

STATUSES = {"backed_up": "complete", "backed_up_with_errors": "partial", "failed": "failed"}


def read(stem: Stem) -> Iterator[Outcome]:
    """The backups of a dump."""
    yield from dumped(stem, _fields)


def _fields(said: Record) -> Record:
    status = word(said, "status", STATUSES)
    return {
        "tenant_id": identity(said, "customerID"),
        "device_id": identity(said, "deviceID"),
        "backup_id": identity(said, "snapshotID"),
        "backup_kind": kind(said, "backupType"),
        "status": "partial" if status == "complete" and count(said, "filesMissed") else status,
        "started_at": at(said, "startTime"),
        "ended_at": at(said, "endTime"),
        "files_added": count(said, "filesAdded"),
        "files_updated": count(said, "filesUpdated"),
        "files_deleted": count(said, "filesDeleted"),
        "files_total": count(said, "filesTotal"),
        "bytes_total": count(said, "bytesTotal"),
        "bytes_uploaded": count(said, "bytesChanged"),
        "bytes_compressed": count(said, "bytesTransferred"),
    }
