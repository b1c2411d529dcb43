"""Episodes: what a device's alerts are worth together, and which backup was the last good one before each."""

from __future__ import annotations

from pyspark.sql import Column, DataFrame, Window
from pyspark.sql import functions as F

from jobs.tables import BACKUPS

DEVICE = ("tenant_id", "product", "device_id")
SCORED = ("anomaly_score", "threshold")


def timeline(features: DataFrame, scores: DataFrame) -> DataFrame:
    """Every backup of some devices with what it was judged, its episode, and the last good backup before it.

    An episode runs from a device's first alert until a backup is usual again; backups that were not judged neither
    begin nor end one. Good is a complete backup outside any episode. Left join on the key, unique in both; a miss is a
    backup that was not judged.

    Returns
    -------
    DataFrame
        The key, ended_at, is_alert, episode_id (null outside an episode), is_open, last_good (struct of backup_id and
        ended_at of the newest good one before; null: none), is_good.
    """
    judged = scores.select(*BACKUPS.key, *SCORED)
    rows = features.select(*BACKUPS.key, "ended_at", "status", "is_redelivery")
    rows = rows.join(judged, on=list(BACKUPS.key), how="left")
    device = Window.partitionBy(*DEVICE).orderBy("ended_at", "backup_id", "day")
    before = device.rowsBetween(Window.unboundedPreceding, -1)
    until_now = device.rowsBetween(Window.unboundedPreceding, Window.currentRow)
    whole = device.rowsBetween(Window.unboundedPreceding, Window.unboundedFollowing)

    rows = rows.withColumn("is_over", F.col("anomaly_score") >= F.col("threshold"))  # null: not judged
    rows = rows.withColumn("was_over", F.coalesce(F.last("is_over", ignorenulls=True).over(before), F.lit(False)))
    rows = rows.withColumn("is_alert", F.coalesce("is_over", F.lit(False)))
    begins = F.when(F.col("is_alert") & ~F.col("was_over"), anomaly_id())
    is_inside = F.coalesce("is_over", "was_over")
    rows = rows.withColumn("episode_id", F.when(is_inside, F.last(begins, ignorenulls=True).over(until_now)))
    rows = rows.withColumn("is_good", (F.col("status") == "complete") & ~is_inside & ~F.col("is_redelivery"))
    good = F.when(F.col("is_good"), F.struct("backup_id", "ended_at"))
    rows = rows.withColumns(
        {
            "last_good": F.last(good, ignorenulls=True).over(before),
            "is_open": F.coalesce(F.col("episode_id") == F.last("episode_id").over(whole), F.lit(False)),
        }
    )
    return rows.select(*BACKUPS.key, "ended_at", "is_alert", "is_good", "episode_id", "is_open", "last_good")


def anomaly_id() -> Column:
    """First 16 hex digits of the SHA-256 of the backup's key, each part behind its length: no two keys look alike."""
    parts = [F.col(name).cast("string") for name in BACKUPS.key]
    prefixed = [F.concat(F.octet_length(part).cast("string"), F.lit(":"), part) for part in parts]
    return F.substring(F.sha2(F.concat(*prefixed), 256), 1, 16)
