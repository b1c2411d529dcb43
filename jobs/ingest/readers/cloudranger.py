"""cloudranger, snapshots of volumes in AWS: one object a snapshot, which knows blocks and no files."""

from __future__ import annotations

from collections.abc import Iterator

from jobs.ingest.outcomes import Outcome, count
from jobs.ingest.readers.product_dump import at, dumped, identity, word
from jobs.ingest.stems import Record, Stem

STATUSES = {"completed": "complete", "error": "failed"}
GIB = 2**30


def read(stem: Stem) -> Iterator[Outcome]:
    """The snapshots of a dump."""
    yield from dumped(stem, _fields)


def _fields(said: Record) -> Record:
    size, blocks, block_size = (count(said, name) for name in ("volumeSizeGiB", "changedBlocks", "blockSize"))
    return {
        "tenant_id": identity(said, "organizationID"),
        "device_id": identity(said, "resourceID"),
        "backup_id": identity(said, "snapshotID"),
        "backup_kind": "incremental" if identity(said, "parentSnapshotID") else "full",
        "status": word(said, "state", STATUSES),
        "started_at": at(said, "startTime"),
        "ended_at": at(said, "completionTime"),
        "bytes_total": None if size is None else size * GIB,
        "bytes_uploaded": None if blocks is None or block_size is None else blocks * block_size,
    }
