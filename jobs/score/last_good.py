"""Rows of `devices`: how each device stands now, and the backup to restore it from."""

from __future__ import annotations

from datetime import date

from pyspark.sql import Column, DataFrame
from pyspark.sql import functions as F

from jobs.ddl import days_of, in_days
from jobs.noted import DEVICE_NAMES, HISTORY, NOTHING, Noted
from jobs.tables import DEVICES

GOOD = "struct<ended_at:timestamp,backup_id:string,printed_id:string>"
GOOD_COLUMNS = ("last_good_backup_id", "last_good_at", "last_good_device_id")
# What a timeline comes to for a device; null for a settled one.
TOLD = {
    "has_alerts": "boolean",
    "timeline_good": GOOD,
    "open_episode_id": "string",
}


def devices_now(
    fresh: DataFrame,
    held: DataFrame,
    models: DataFrame,
    timeline: DataFrame | None,
    since: date,
    noted: Noted = NOTHING,
) -> DataFrame:
    """The columns of `devices` for every device with a fresh backup, by what it is called now.

    A settled device needs only what is fresh and what is held; another stands as its whole timeline says. Left joins on
    the device, unique in each: a miss is a new device, one without a model, a settled one.

    Parameters
    ----------
    fresh : DataFrame
        New rows of `features`.
    held : DataFrame
        `devices` as it is.
    models : DataFrame
        `device_models` of the version in use.
    timeline : DataFrame or None
        Of the devices of `jobs.episodes.unsettled`, see `jobs.episodes.timeline`; None: all are settled.
    since : date
        The first day that is judged.
    noted : Noted
        What people said of devices.
    """
    fresh = noted.as_history(fresh.withColumn("printed_id", F.col("device_id")))
    moment, good_moment = F.struct("ended_at", "backup_id"), F.struct("ended_at", "backup_id", "printed_id")
    is_good = (F.col("status") == "complete") & ~F.col("is_redelivery")
    not_judged = F.coalesce("not_judged", F.when(F.col("day") < F.lit(since), "history"))
    # Moments first, then only the rows at them: an aggregate that keeps a text sorts all rows, one of numbers does not.
    ends = fresh.groupBy(*DEVICE_NAMES).agg(
        F.min("ended_at").alias("first_at"),
        F.max("ended_at").alias("last_at"),
        F.max(F.when(is_good, F.col("ended_at"))).alias("good_at"),
    )
    ends = ends.persist()
    # Of a first load nearly all rows are of other days than the devices' newest.
    days = ends.select(F.explode(F.array(F.to_date("last_at"), F.to_date("good_at"))).alias("day")).distinct()
    is_an_end = (F.col("ended_at") == F.col("last_at")) | (F.col("ended_at") == F.col("good_at"))
    seen = (
        fresh.where(in_days(F.col("day"), days_of(days.dropna())))
        .join(ends, on=list(DEVICE_NAMES), how="inner")
        .where(is_an_end)
        .groupBy(*DEVICE_NAMES)
        .agg(
            F.min("first_at").alias("first_at"),
            F.max(moment).alias("last"),
            F.max_by(not_judged, moment).alias("fresh_not_judged"),
            F.max(F.when(is_good, good_moment)).alias("good"),
        )
    )
    held = held.drop("open_episode_id", "usual_gap_hours")
    rows = seen.join(held, on=list(DEVICE_NAMES), how="left")
    if timeline is None:  # the ordinary case
        rows = rows.withColumns({name: F.lit(None).cast(kind) for name, kind in TOLD.items()})
    else:
        rows = rows.join(F.broadcast(_of_timeline(timeline)), on=list(DEVICE_NAMES), how="left")
    models = noted.models_of(models).select(*DEVICE_NAMES, "usual_gap_hours")
    rows = rows.join(models, on=list(DEVICE_NAMES), how="left")
    held_last = _held_moment("last_backup_at", F.col("last_backup_id").alias("backup_id"))
    printed_id = F.coalesce("last_good_device_id", "device_id").alias("printed_id")
    held_good = _held_moment("last_good_at", F.col("last_good_backup_id").alias("backup_id"), printed_id)
    rows = rows.withColumns(
        {
            "newest": F.greatest("last", held_last),
            "newest_good": F.when(F.col("has_alerts"), F.col("timeline_good")).otherwise(F.greatest("good", held_good)),
        }
    )
    rows = rows.select(
        *DEVICE_NAMES,
        F.least("first_at", "first_backup_at").alias("first_backup_at"),
        F.col("newest.ended_at").alias("last_backup_at"),
        F.col("newest.backup_id").alias("last_backup_id"),
        "usual_gap_hours",
        *_good_of("newest_good"),
        "open_episode_id",
        F.when(F.col("newest") == F.col("last"), F.col("fresh_not_judged"))
        .otherwise(F.col("not_judged"))
        .alias("not_judged"),
    )
    return _as_noted(rows, noted)


def devices_as_told(held: DataFrame, timeline: DataFrame, noted: Noted = NOTHING) -> DataFrame:
    """The columns of `devices` for devices whose timeline is told anew although nothing of them is fresh.

    Inner join on the device, unique in both: a device whose backups were scored is held.
    """
    told = F.broadcast(_of_timeline(timeline))
    rows = held.drop("open_episode_id", *GOOD_COLUMNS).join(told, on=list(DEVICE_NAMES), how="inner")
    return _as_noted(rows.select("*", *_good_of("timeline_good")), noted)


def names_before(features: DataFrame) -> DataFrame:
    """The columns of `devices` for the names that devices had before, from all their rows of `features`.

    They say what the device is called now, and when there were backups under that name; the rest stands under its name.

    Parameters
    ----------
    features : DataFrame
        With `history_id`.
    """
    before = features.where(F.col("history_id") != F.col("device_id"))
    rows = before.groupBy(*DEVICE_NAMES, F.col("history_id").alias("renamed_to")).agg(
        F.min("ended_at").alias("first_backup_at"),
        F.max("ended_at").alias("last_backup_at"),
        F.max_by("backup_id", F.struct("ended_at", "backup_id")).alias("last_backup_id"),
    )
    rows = rows.withColumn("not_judged", F.lit("renamed"))
    missing = {c.name: F.lit(None).cast(c.type) for c in DEVICES.columns if c.name not in rows.columns}
    return rows.withColumns(missing).select(*DEVICES.names)


def _as_noted(rows: DataFrame, noted: Noted) -> DataFrame:
    """Rows of devices by what they are called now, with what people said of them: the columns of `devices`.

    A retired device is one until a newer backup lands.
    """
    rows = noted.with_words(rows.withColumn("history_id", F.col("device_id")))
    is_retired = F.coalesce(F.col("retired_at") >= F.col("last_backup_at"), F.lit(False))
    last_window = F.array_max("windows")
    said = {
        "not_judged": F.when(is_retired, "retired").otherwise(F.col("not_judged")),
        "renamed_to": F.lit(None).cast("string"),
        "snoozed_from": last_window["since"],
        "snoozed_until": last_window["until"],
    }
    return rows.withColumns(said).select(*DEVICES.names)


def _of_timeline(timeline: DataFrame) -> DataFrame:
    """What the whole timeline of a device comes to: a row a device, by what it is called now."""
    good = F.struct("ended_at", "backup_id", F.col("device_id").alias("printed_id"))
    told = timeline.groupBy(*HISTORY).agg(
        F.lit(True).alias("has_alerts"),
        F.max(F.when(F.col("is_good"), good)).alias("timeline_good"),
        F.max(F.when(F.col("is_open"), F.col("episode_id"))).alias("open_episode_id"),
    )
    return told.withColumnRenamed("history_id", "device_id")


def _good_of(moment: str) -> list[Column]:
    """The columns that tell of the last good backup; its device only where that was called something else."""
    found = (F.col(f"{moment}.backup_id"), F.col(f"{moment}.ended_at"), F.nullif(f"{moment}.printed_id", "device_id"))
    return [column.alias(name) for column, name in zip(found, GOOD_COLUMNS, strict=True)]


def _held_moment(at: str, *others: Column) -> Column:
    return F.when(F.col(at).isNotNull(), F.struct(F.col(at).alias("ended_at"), *others))
