"""Records that are in order, read at once by their types: finding out what is wrong with one takes far longer."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta
from functools import reduce
from operator import add, and_

from pyspark.sql import Column, DataFrame
from pyspark.sql import functions as F

from jobs.ingest.canonical import (
    FIELDS,
    FIGURE_NAMES,
    LISTS,
    MOMENTS,
    OLDEST,
    TOTALS,
    extra,
    moment_of,
    tenant_of_prefix,
    words,
)
from jobs.tables import BACKUP_KINDS, BACKUPS, STATUSES

TYPES = dict.fromkeys(FIGURE_NAMES, "BIGINT") | dict.fromkeys(LISTS, "ARRAY<STRING>")
AS_TYPED = ", ".join(f"`{name}` {TYPES.get(name, 'STRING')}" for name in (*FIELDS, "_corrupt"))


def typed(records: DataFrame, tenants: Mapping[str, str], moment: datetime, max_ahead_days: int) -> DataFrame:
    """Each landed record as a `backups` row, read at once by its types, and whether that is safe to use.

    Parameters
    ----------
    records, tenants, moment, max_ahead_days
        As in `jobs.ingest.canonical.parsed`.

    Returns
    -------
    DataFrame
        Columns of `backups` but run_id, `record` (null where in order), `record_sha256`, `refused`, and `is_in_order`:
        `parsed` would give the same row and no fault. Of the others, which are few, only what `records` held means
        anything.
    """
    corrupt = {"columnNameOfCorruptRecord": "_corrupt"}
    said = records.select("*", F.from_json("record", AS_TYPED, corrupt).alias("said"))
    said = said.select("source", "position", "record", "record_sha256", "refused", "said.*")
    keys = F.json_object_keys("record")
    known = reduce(add, [F.col(name).isNotNull().cast("int") for name in FIELDS])
    prefix_tenant = tenant_of_prefix(tenants)
    rows = said.select(
        "source",
        "position",
        "record",
        "record_sha256",
        "refused",
        *words(prefix_tenant),
        *[moment_of(name).alias(name) for name in MOMENTS],
        *FIGURE_NAMES,
        *LISTS,
        # As many keys as fields: no other field. It saves looking each key up.
        F.when(F.size(keys) != known, extra()).alias("extra"),
        (
            F.col("refused").isNull()
            & F.col("_corrupt").isNull()
            & F.is_valid_utf8("record")
            & F.col("record").startswith("{")
            & (F.col("started_at").isNull() | moment_of("started_at").isNotNull())
            & F.coalesce(prefix_tenant == F.col("tenant_id"), F.lit(True))
        ).alias("is_readable"),
    )
    is_in_order = F.col("is_readable") & F.coalesce(_in_order(moment + timedelta(days=max_ahead_days)), F.lit(False))
    rows = rows.withColumns({"is_in_order": is_in_order, "day": F.to_date("ended_at")})
    columns = {name: F.coalesce(name, F.array().cast("array<string>")) for name in LISTS}
    return rows.select(
        *[columns.get(name, F.col(name)).alias(name) for name in BACKUPS.names if name != "run_id"],
        F.when(~F.col("is_in_order"), F.col("record")).alias("record"),  # of the others it is half of what they weigh
        "record_sha256",
        "refused",
        "is_in_order",
    )


def _in_order(latest: datetime) -> Column:
    """Conditions that no fault can pass; a record that fails them may yet be good."""
    named = F.col("device_id").isNotNull() & F.col("backup_id").isNotNull()
    words = F.col("status").isin(*STATUSES) & F.col("backup_kind").isin(*BACKUP_KINDS)
    oldest, newest = F.lit(OLDEST).cast("timestamp"), F.lit(latest.isoformat()).cast("timestamp")
    began = F.coalesce("started_at", "ended_at")
    in_time = (began >= oldest) & (began <= F.col("ended_at")) & (F.col("ended_at") <= newest)
    counted = F.coalesce(F.least(*FIGURE_NAMES) >= 0, F.col("status") == "failed")
    adds_up = [
        F.coalesce(F.col(total) >= reduce(F.try_add, [F.coalesce(part, F.lit(0)) for part in parts]), F.lit(True))
        for total, parts in TOTALS.items()
    ]
    return reduce(and_, [named, words, in_time, counted, *adds_up])
