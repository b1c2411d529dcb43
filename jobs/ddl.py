"""A declared table in Delta's words: the statement that makes it, what a frame must be to go into it, and days."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import date

from pyspark.sql import Column, DataFrame
from pyspark.sql import functions as F
from pyspark.sql.types import StructType

from jobs.errors import SchemaError
from jobs.tables import Table

# A literal list of days lets Delta skip files one by one; beyond this many a range is as good and quicker to plan.
MOST_LITERAL_DAYS = 60
READABLE_BY_ALL = {"delta.enableDeletionVectors": "false", "delta.checkpointPolicy": "classic"}
# Nobody looks for rows by their figures; smallest and largest of each would be worked out with every write.
STATISTICS = {"delta.dataSkippingNumIndexedCols": "8"}


def create_statement(table: Table, name: str) -> str:
    """The SQL that makes `table` in Delta under `name`: columns, comments, NOT NULL, CHECKs, layout."""
    columns = ", ".join(
        f"{c.name} {c.type}{' NOT NULL' if c.required else ''} COMMENT {quoted(c.comment)}" for c in table.columns
    )
    properties = READABLE_BY_ALL | STATISTICS | {f"delta.constraints.{name}": check for name, check in table.checks}
    listed = ", ".join(f"{quoted(key)} = {quoted(value)}" for key, value in properties.items())
    layout = f" PARTITIONED BY ({', '.join(table.partition_by)})" if table.partition_by else ""
    layout += f" CLUSTER BY ({', '.join(table.cluster_by)})" if table.cluster_by else ""
    comment = f"One row: {table.grain}. Written by {table.writer}."
    return f"CREATE TABLE {name} ({columns}) USING DELTA{layout} COMMENT {quoted(comment)} TBLPROPERTIES ({listed})"


def check_columns(found: StructType, table: Table, what: str) -> None:
    """Raise SchemaError, naming every fault, unless `found` has the declared columns and types."""
    wanted = {column.name: column.type for column in table.columns}
    have = {field.name: field.dataType.simpleString() for field in found.fields}
    faults = [f"column {name} is missing" for name in wanted if name not in have]
    faults += [f"column {name} is not declared" for name in have if name not in wanted]
    faults += [
        f"column {name} is {have[name]}, declared {wanted[name]}"
        for name in wanted
        if name in have and have[name] != wanted[name]
    ]
    if faults:
        raise SchemaError(f"{what}: " + "; ".join(faults))


def type_of(table: Table, name: str) -> str:
    """DDL type of one column."""
    return table.only(name)[0].type


def same_key(key: Iterable[str]) -> str:
    """Condition of a MERGE that target t and source s have the same key."""
    return " AND ".join(f"t.{name} = s.{name}" for name in key)


def hash_of(*parts: Column) -> Column:
    """SHA-256 of texts, each behind its length in bytes: no two lists look alike."""
    prefixed = [F.concat(F.octet_length(part).cast("string"), F.lit(":"), part) for part in parts]
    return F.sha2(F.concat(*prefixed), 256)


def days_sql(column: str, days: Sequence[date]) -> str:
    """Condition, with literals, that a column is one of some days."""
    if not days:
        return "false"
    if len(days) <= MOST_LITERAL_DAYS:
        return f"{column} IN ({', '.join(f'DATE{day.isoformat()!r}' for day in days)})"
    return f"{column} BETWEEN DATE'{min(days)}' AND DATE'{max(days)}'"


def in_days(column: Column, days: Sequence[date]) -> Column:
    """The same for a frame."""
    if not days:
        return F.lit(False)
    if len(days) <= MOST_LITERAL_DAYS:
        return column.isin(list(days))
    return column.between(F.lit(min(days)), F.lit(max(days)))


def days_of(frame: DataFrame) -> list[date]:
    """The distinct days of a frame, sorted; costs one action."""
    return sorted(row["day"] for row in frame.select("day").distinct().collect())


def quoted(text: str) -> str:
    """An SQL string literal."""
    escaped = text.replace("\\", "\\\\").replace("'", "\\'")
    return f"'{escaped}'"
