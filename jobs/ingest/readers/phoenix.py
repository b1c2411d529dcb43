"""phoenix, servers and NAS: one object a job. `stored` is what is left of `transferred`, the new bytes, compressed."""

from __future__ import annotations

from collections.abc import Iterator

from jobs.ingest.outcomes import Outcome, count
from jobs.ingest.readers.product_dump import at, dumped, identity, inner, kind, word
from jobs.ingest.stems import Record, Stem

STATUSES = {"successful": "complete", "successful_with_errors": "partial", "failed": "failed"}


def read(stem: Stem) -> Iterator[Outcome]:
    """The backups of a dump."""
    yield from dumped(stem, _fields)


def _fields(said: Record) -> Record:
    files, sizes = inner(said, "fileStats"), inner(said, "byteStats")
    return {
        "tenant_id": identity(said, "organizationID"),
        "device_id": identity(said, "serverID"),
        "backup_id": identity(said, "jobID"),
        "backup_kind": kind(said, "jobType"),
        "status": word(said, "jobStatus", STATUSES),
        "started_at": at(said, "startTime"),
        "ended_at": at(said, "endTime"),
        "files_added": count(files, "added"),
        "files_updated": count(files, "modified"),
        "files_deleted": count(files, "deleted"),
        "files_total": count(files, "total"),
        "dirs_total": count(files, "folders"),
        "bytes_total": count(sizes, "source"),
        "bytes_uploaded": count(sizes, "changed"),
        "bytes_unique": count(sizes, "transferred"),
        "bytes_compressed": count(sizes, "stored"),
    }
