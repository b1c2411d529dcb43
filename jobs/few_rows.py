"""Writing a few rows of a table that is there, without Spark: it takes Spark seconds, delta-rs a hundredth.

For `jobs.store`, and for what writes without Spark. A row is checked as in any other write: DeltaError where it breaks
a CHECK, or leaves out what is required.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import suppress
from typing import Any

import pyarrow as pa
from deltalake import DeltaTable, write_deltalake
from deltalake.exceptions import CommitFailedError

from jobs.files import delta_rs_address
from jobs.tables import Table

# A few rows appended alone are a file; those of so many commits are put together into one.
COMMITS_A_FILE = 100
ATTEMPTS = 10  # two programs may write messages at the same time, and only one commit can come first

Rows = Sequence[Mapping[str, Any]]


def append_rows(lake: str, rows: Rows, table: Table) -> None:
    """Append rows in one commit."""
    held = _opened(lake, table)
    write_deltalake(held, _as_arrow(rows, held), mode="append")
    _put_together(held)


def upsert_rows(lake: str, rows: Rows, table: Table) -> None:
    """Insert rows, or put them in the place of those that are held under their keys."""
    on = " AND ".join(f"t.{name} = s.{name}" for name in table.key)
    for attempt in range(ATTEMPTS):
        held = _opened(lake, table)
        merge = held.merge(_as_arrow(rows, held), on, source_alias="s", target_alias="t")
        try:
            merge.when_matched_update_all().when_not_matched_insert_all().execute()
            break
        except CommitFailedError:  # another one came first; by keys it can be done anew
            if attempt == ATTEMPTS - 1:
                raise
    _put_together(held)


def vacuum_files(lake: str, table: Table) -> None:
    """Remove every file that the newest version does not need, those of killed calls too."""
    _opened(lake, table).vacuum(retention_hours=0, enforce_retention_duration=False, dry_run=False, full=True)


def _opened(lake: str, table: Table) -> DeltaTable:
    return DeltaTable(delta_rs_address(f"{lake}/{table.name}"))


def _as_arrow(rows: Rows, held: DeltaTable) -> pa.Table:
    return pa.Table.from_pylist([dict(row) for row in rows], pa.schema(held.schema().to_arrow()))


def _put_together(held: DeltaTable) -> None:
    if held.version() % COMMITS_A_FILE == 0:
        with suppress(CommitFailedError):  # another program wrote meanwhile; the next hundredth commit will do
            held.optimize.compact()
