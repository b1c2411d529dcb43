"""What alerts say of files, where lists of changed paths landed: `top_directories` and the like in `anomalies`."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import date

from pyspark.sql import DataFrame, Row
from pyspark.sql import functions as F

from jobs.noted import DEVICE_NAMES
from jobs.score.touched import Changed, extensions, sample_paths, top_directories
from jobs.store import Store
from jobs.tables import BACKUPS, FILE_CHANGES

COUNTS = ("paths_listed", "paths_kept")
SAID = "struct<top_directories:array<string>,extensions:array<string>,sample_paths:array<string>>"


def lists_of(store: Store, since: date) -> DataFrame | None:
    """Rows of `file_changes` since a day; None where no list ever landed, which then costs nothing."""
    return store.read(FILE_CHANGES, since=since) if store.version(FILE_CHANGES) >= 0 else None


def with_files(alerts: DataFrame, lists: DataFrame | None) -> DataFrame:
    """The alerts with what their lists of paths say, null for one without a list.

    Left join on the key of `backups`, unique in both.
    """
    nothing = F.lit(None)
    if lists is None:
        return alerts.withColumns(dict.fromkeys(COUNTS, nothing.cast("bigint")) | {"files": nothing.cast(SAID)})
    keys = alerts.select(*BACKUPS.key)
    # Every list of the devices that alerted: when an extension was first seen there, and when there was a first list.
    of_devices = lists.join(keys.select(*DEVICE_NAMES).distinct(), on=list(DEVICE_NAMES), how="left_semi")
    of_devices = of_devices.withColumn("extension", F.coalesce("extension", F.lit("")))
    first_of_extension = of_devices.groupBy(*DEVICE_NAMES, "extension").agg(F.min("ended_at").alias("extension_since"))
    first_list = of_devices.groupBy(*DEVICE_NAMES).agg(F.min("ended_at").alias("since"))
    # Inner joins: each row was counted above, in one row of either.
    rows = of_devices.join(keys, on=list(BACKUPS.key), how="left_semi")
    rows = rows.join(first_of_extension, on=[*DEVICE_NAMES, "extension"], how="inner")
    rows = rows.join(first_list, on=list(DEVICE_NAMES), how="inner")
    is_new = (F.col("extension_since") == F.col("ended_at")) & (F.col("since") < F.col("ended_at"))
    changed = F.struct("path", "change", "extension", is_new.alias("is_new"))
    of_backup = rows.groupBy(*BACKUPS.key).agg(
        F.max("paths_listed").alias("paths_listed"),
        F.count("*").alias("paths_kept"),
        F.collect_list(changed).alias("changed"),
    )
    said = of_backup.withColumn("files", F.udf(lambda rows: _said(rows), SAID)("changed")).drop("changed")
    return alerts.join(said, on=list(BACKUPS.key), how="left")


def _said(rows: Iterable[Row]) -> tuple[list[str], list[str], list[str]]:
    changed = [Changed(**row.asDict()) for row in rows]
    return top_directories(changed), extensions(changed), sample_paths(changed)
