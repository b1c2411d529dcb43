"""Tables of a lake as plain Python rows, without Spark: what people look at has to be there at once."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
from deltalake import DeltaTable
from deltalake.exceptions import DeltaError

from jobs.errors import UdaError
from jobs.files import arrow_folder, delta_rs_address
from jobs.tables import Table

Row = dict[str, Any]
Filter = tuple[str, str, Any]

# The moment that makes a row new; tables without any are listed in the order of their key.
MOMENTS = ("ended_at", "at", "owed_at", "last_backup_at", "last_taught_at")


def rows_of(
    lake: str,
    table: Table,
    columns: Sequence[str] | None = None,
    filters: Sequence[Filter] | None = None,
    limit: int | None = None,
) -> list[Row]:
    """Rows of one table of a lake, newest first; equally new ones in the order of the key.

    Parameters
    ----------
    lake : str
        Folder, or `s3://` or `s3a://` address; delta-rs itself looks at the usual AWS variables.
    columns : sequence of str, optional
        All of them by default.
    filters : sequence of (column, operator, value), optional
        All must hold, e.g. `("device_id", "in", ["a", "b"])`. Files that cannot hold such a row are not opened.
    limit : int, optional
        At most so many rows.

    Returns
    -------
    list of dict
        Moments are aware, maps are dicts.

    Raises
    ------
    UdaError
        The lake has no such table yet, or it can't be read.
    """
    order, wanted = _order(table), list(columns or table.names)
    needed = list(dict.fromkeys([*wanted, *(name for name, _ in order)]))
    address = delta_rs_address(f"{lake.rstrip('/')}/{table.name}")
    try:
        # No filter is None: an empty list is refused.
        found = _opened(address, lake, table).to_pyarrow_table(
            columns=needed, filters=list(filters) if filters else None, filesystem=arrow_folder(address)
        )
    except (DeltaError, OSError, pa.ArrowException) as fault:
        raise UdaError(f"cannot read table {table.name} in {lake}: {_one_line(fault)}") from fault
    newest = pc.sort_indices(found, sort_keys=order)[:limit]
    rows: list[Row] = found.select(wanted).take(newest).to_pylist(maps_as_pydicts="strict")
    return rows


def is_there(lake: str, table: Table) -> bool:
    """Whether the lake has the table; some are made only once there is something to write."""
    return bool(DeltaTable.is_deltatable(delta_rs_address(f"{lake.rstrip('/')}/{table.name}")))


def _opened(address: str, lake: str, table: Table) -> DeltaTable:
    if not DeltaTable.is_deltatable(address):
        raise UdaError(f"no table {table.name} in {lake}: run `uda run --lake {lake} --landing DIR` first")
    return DeltaTable(address)


def _order(table: Table) -> list[tuple[str, str]]:
    moment = next((name for name in MOMENTS if name in table.names), None)
    newest = [(moment, "descending")] if moment else []
    return newest + [(name, "ascending") for name in table.key if name != moment]


def _one_line(fault: Exception) -> str:
    return " ".join(str(fault).split())
