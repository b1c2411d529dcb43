"""Rows for tests that state only what the test is about; everything else is ordinary."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from jobs.config import Config
from jobs.tables import Column, Table

FIRST_DAY = datetime(2025, 1, 1, 2, tzinfo=UTC)


def record(number: int = 0, device: str = "nas", **fields: Any) -> dict[str, Any]:
    """A canonical record: the device's backup on the `number`th day, with some files changed; None leaves one out."""
    ended_at = FIRST_DAY + timedelta(days=number)
    ordinary = {
        "device_id": device,
        "backup_id": f"{device}-{number}",
        "ended_at": f"{ended_at:%Y-%m-%dT%H:%M:%SZ}",
        "files_added": 2 + number % 3,
        "files_updated": 10 + number % 5,
        "files_deleted": number % 3,
        "files_total": 1_000 + 2 * number,
        "bytes_uploaded": 1_000_000 + 10_000 * (number % 7),
        "bytes_compressed": 350_000 + 3_500 * (number % 7),
        "bytes_total": 100_000_000 + 100_000 * number,
    }
    return {name: value for name, value in (ordinary | fields).items() if value is not None}


def folder_of(config: Config) -> Path:
    """The folder in which canonical records land."""
    return Path(config.landing) / "canonical"


def land(config: Config, name: str, records: Sequence[Mapping[str, Any] | str | bytes]) -> Path:
    """Write records (or raw lines) as one JSON Lines file."""
    file = folder_of(config) / name
    file.parent.mkdir(parents=True, exist_ok=True)
    lines = [line if isinstance(line, str | bytes) else json.dumps(line) for line in records]
    file.write_bytes(b"".join((line if isinstance(line, bytes) else line.encode()) + b"\n" for line in lines))
    return file


def rows_of(table: Table, *rows: Mapping[str, Any]) -> list[tuple[Any, ...]]:
    """Whole rows of a table, in its columns' order: each states what differs, the rest is ordinary, known to nobody.

    `at` is the end of the backup in days since FIRST_DAY, the row's place in the list unless it is said; day and
    backup_id follow from it.
    """
    return [_completed(table, place, row) for place, row in enumerate(rows)]


def frame_of(spark: Any, table: Table, *rows: Mapping[str, Any]) -> Any:
    """The same as a Spark frame."""
    declared = ", ".join(f"{column.name} {column.type}" for column in table.columns)
    return spark.createDataFrame(rows_of(table, *rows), declared)


def moment(at: float) -> datetime:
    """The moment so many days after FIRST_DAY."""
    return FIRST_DAY + timedelta(days=at)


ORDINARY: Mapping[str, Any] = {
    "tenant_id": "default",
    "product": "canonical",
    "device_id": "nas",
    "backup_kind": "incremental",
    "status": "complete",
    "is_redelivery": False,
    "run_id": "an earlier run",
    "anomaly_score": -1.0,
    "threshold": 0.0,
    "budget": 1.0,
    "model_version": "1-20250101",
}
NOTHING = {"string": "", "bigint": 1, "double": 0.0, "float": 0.0, "boolean": False}


def _completed(table: Table, place: int, said: Mapping[str, Any]) -> tuple[Any, ...]:
    is_shorthand = "at" not in table.names  # `runs` has a column of that name
    at = said.get("at", place) if is_shorthand else place
    ended_at = said.get("ended_at", moment(at))
    row = {**ORDINARY, "backup_id": f"backup {at:g}", "ended_at": ended_at, "day": ended_at.date(), **said}
    unknown = set(said) - set(table.names) - ({"at"} if is_shorthand else set())
    if unknown:
        raise KeyError(f"{table.name} has no {sorted(unknown)}")
    return tuple(row[c.name] if c.name in row else _ordinary(c) for c in table.columns)


def _ordinary(column: Column) -> Any:
    if not column.required:
        return None
    if column.type.startswith(("array", "map")):
        return [] if column.type.startswith("array") else {}
    return FIRST_DAY if column.type == "timestamp" else NOTHING[column.type]


def assert_same_rows(found: Any, expected: Any, leave_out: Sequence[str]) -> None:
    """Fail, showing the rows, unless two frames hold the same rows but for some columns, in any order."""
    from chispa import assert_df_equality
    from pyspark.sql import functions as F

    def comparable(frame: Any) -> Any:
        # Rows are sorted to be compared, and a map has no order.
        kinds = {field.name: field.dataType.typeName() for field in frame.schema.fields}
        kept = {name: kind for name, kind in kinds.items() if name not in leave_out}
        return frame.select(*[F.to_json(name).alias(name) if kind == "map" else name for name, kind in kept.items()])

    assert_df_equality(comparable(found), comparable(expected), ignore_row_order=True, ignore_nullable=True)
