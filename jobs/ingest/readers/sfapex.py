"""sfapex, organisations in a cloud service: one object a job, with counts of records for each kind of object.

Its records are taken for files. It prints no sizes of what changed.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from jobs.ingest.outcomes import Outcome, count
from jobs.ingest.readers.product_dump import at, dumped, identity, kind, word
from jobs.ingest.stems import Record, Stem

STATUSES = {"success": "complete", "partial": "partial", "failed": "failed"}


def read(stem: Stem) -> Iterator[Outcome]:
    """The backups of a dump."""
    yield from dumped(stem, _fields)


def _fields(said: Record) -> Record:
    return {
        "tenant_id": identity(said, "organizationID"),
        "device_id": identity(said, "orgID"),
        "backup_id": identity(said, "jobID"),
        "backup_kind": kind(said, "jobType"),
        "status": word(said, "status", STATUSES),
        "started_at": at(said, "startTime"),
        "ended_at": at(said, "endTime"),
        **{f"files_{name}": _sum(said.get("objects"), name) for name in ("added", "updated", "deleted", "total")},
    }


def _sum(objects: Any, name: str) -> int | None:
    """Over all kinds of objects; None where one does not say it, as the rest would be too few."""
    if not isinstance(objects, list) or not objects:
        return None
    counts = [count(each, name) if isinstance(each, dict) else None for each in objects]
    return None if None in counts else sum(known for known in counts if known)
