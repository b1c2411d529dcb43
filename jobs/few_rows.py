"""What is written into a Delta table without Spark, for `jobs.store`: it takes Spark seconds, delta-rs a hundredth."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import pyarrow as pa
from deltalake import DeltaTable, write_deltalake

from jobs.ddl import same_key
from jobs.files import delta_rs_address

# A few rows appended alone are a file; those of so many commits are put together into one.
COMMITS_A_FILE = 100


def append(address: str, rows: Sequence[Mapping[str, Any]]) -> None:
    """Append rows in one commit. DeltaError where a row breaks a CHECK, or leaves out what is required."""
    held, given = _as_arrow(address, rows)
    write_deltalake(held, given, mode="append")
    _put_together(held)


def upsert(address: str, rows: Sequence[Mapping[str, Any]], key: Iterable[str]) -> None:
    """Insert rows, or put them in the place of those that are held under their keys; as `append`."""
    held, given = _as_arrow(address, rows)
    merge = held.merge(given, same_key(key), source_alias="s", target_alias="t")
    merge.when_matched_update_all().when_not_matched_insert_all().execute()
    _put_together(held)


def vacuum(address: str) -> None:
    """Remove every file that the newest version does not need, those of killed calls too."""
    held = DeltaTable(delta_rs_address(address))
    held.vacuum(retention_hours=0, enforce_retention_duration=False, dry_run=False, full=True)


def _as_arrow(address: str, rows: Sequence[Mapping[str, Any]]) -> tuple[DeltaTable, pa.Table]:
    held = DeltaTable(delta_rs_address(address))
    return held, pa.Table.from_pylist([dict(row) for row in rows], pa.schema(held.schema().to_arrow()))


def _put_together(held: DeltaTable) -> None:
    if held.version() % COMMITS_A_FILE == 0:
        held.optimize.compact()
