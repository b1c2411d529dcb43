"""Rows of `devices`: how each device stands now, and the backup to restore it from."""

from __future__ import annotations

from datetime import date

from pyspark.sql import Column, DataFrame
from pyspark.sql import functions as F

from jobs.ddl import days_of, in_days
from jobs.episodes import DEVICE
from jobs.tables import DEVICES

# What a timeline comes to for a device; null for a settled one.
TOLD = {
    "has_alerts": "boolean",
    "timeline_good": "struct<ended_at:timestamp,backup_id:string>",
    "open_episode_id": "string",
}


def devices_now(
    fresh: DataFrame, held: DataFrame, models: DataFrame, timeline: DataFrame | None, since: date
) -> DataFrame:
    """The columns of `devices` for every device with a fresh backup.

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
    """
    moment = F.struct("ended_at", "backup_id")
    is_good = (F.col("status") == "complete") & ~F.col("is_redelivery")
    not_judged = F.coalesce("not_judged", F.when(F.col("day") < F.lit(since), "history"))
    # Moments first, then only the rows at them: an aggregate that keeps a text sorts all rows, one of numbers does not.
    ends = fresh.groupBy(*DEVICE).agg(
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
        .join(ends, on=list(DEVICE), how="inner")
        .where(is_an_end)
        .groupBy(*DEVICE)
        .agg(
            F.min("first_at").alias("first_at"),
            F.max(moment).alias("last"),
            F.max_by(not_judged, moment).alias("fresh_not_judged"),
            F.max(F.when(is_good, moment)).alias("good"),
        )
    )
    held = held.drop("open_episode_id", "usual_gap_hours")
    rows = seen.join(held, on=list(DEVICE), how="left")
    if timeline is None:  # the ordinary case
        rows = rows.withColumns({name: F.lit(None).cast(kind) for name, kind in TOLD.items()})
    else:
        rows = rows.join(F.broadcast(_of_timeline(timeline)), on=list(DEVICE), how="left")
    rows = rows.join(models.select(*DEVICE, "usual_gap_hours"), on=list(DEVICE), how="left")
    held_last = _held_moment("last_backup_at", "last_backup_id")
    held_good = _held_moment("last_good_at", "last_good_backup_id")
    rows = rows.withColumns(
        {
            "newest": F.greatest("last", held_last),
            "newest_good": F.when(F.col("has_alerts"), F.col("timeline_good")).otherwise(F.greatest("good", held_good)),
        }
    )
    return rows.select(
        *DEVICE,
        F.least("first_at", "first_backup_at").alias("first_backup_at"),
        F.col("newest.ended_at").alias("last_backup_at"),
        F.col("newest.backup_id").alias("last_backup_id"),
        "usual_gap_hours",
        F.col("newest_good.backup_id").alias("last_good_backup_id"),
        F.col("newest_good.ended_at").alias("last_good_at"),
        "open_episode_id",
        F.when(F.col("newest") == F.col("last"), F.col("fresh_not_judged"))
        .otherwise(F.col("not_judged"))
        .alias("not_judged"),
    ).select(*DEVICES.names)


def devices_as_told(held: DataFrame, timeline: DataFrame) -> DataFrame:
    """The columns of `devices` for devices whose timeline is told anew although nothing of them is fresh.

    Inner join on the device, unique in both: a device whose backups were scored is held.
    """
    rows = held.drop("open_episode_id").join(F.broadcast(_of_timeline(timeline)), on=list(DEVICE), how="inner")
    good = {"last_good_backup_id": F.col("timeline_good.backup_id"), "last_good_at": F.col("timeline_good.ended_at")}
    return rows.withColumns(good).select(*DEVICES.names)


def _of_timeline(timeline: DataFrame) -> DataFrame:
    """What the whole timeline of a device comes to: a row a device."""
    return timeline.groupBy(*DEVICE).agg(
        F.lit(True).alias("has_alerts"),
        F.max(F.when(F.col("is_good"), F.struct("ended_at", "backup_id"))).alias("timeline_good"),
        F.max(F.when(F.col("is_open"), F.col("episode_id"))).alias("open_episode_id"),
    )


def _held_moment(at: str, backup_id: str) -> Column:
    return F.when(F.col(at).isNotNull(), F.struct(F.col(at).alias("ended_at"), F.col(backup_id).alias("backup_id")))
