"""Rows of `anomalies`: each alert with its reason, its episode, and the backup to restore from."""

from __future__ import annotations

from pyspark.sql import Column, DataFrame
from pyspark.sql import functions as F

from jobs.episodes import anomaly_id
from jobs.score.touched_files import with_files
from jobs.score.words import reason
from jobs.tables import ANOMALIES, BACKUPS

SAID = ("anomaly_kind", "signal", "value", "unit", "usual_low", "usual_high", "share", "backups_together")


def anomalies_of(timeline: DataFrame, scores: DataFrame, lists: DataFrame | None = None) -> DataFrame:
    """The columns of `anomalies` for every alert on the timeline.

    Inner join on the key, unique in both: an alert always has a score. `lists` has rows of `file_changes`, None where
    no list ever landed.
    """
    in_words = F.udf(lambda row: reason(row.asDict()), "string")
    alerts = timeline.where("is_alert").drop("ended_at")
    rows = alerts.join(scores, on=list(BACKUPS.key), how="inner")
    rows = with_files(rows, lists)
    said, files = F.col("said"), F.col("files")
    rows = rows.withColumns(
        {
            "anomaly_id": anomaly_id(),
            "reason": in_words(F.struct(*SAID)),
            "status": _status(),
            "last_good_backup_id": F.col("last_good.backup_id"),
            "last_good_at": F.col("last_good.ended_at"),
            "last_good_device_id": F.nullif(F.col("last_good.device_id"), "device_id"),
            "verdict": said["verdict"],
            "verdict_at": said["given_at"],
            "verdict_by": said["given_by"],
            "verdict_note": said["note"],
            **{name: files[name] for name in ("top_directories", "extensions", "sample_paths")},
        }
    )
    return rows.select(*ANOMALIES.names)


def _status() -> Column:
    """What people said, else how the device goes on. A snooze gives way to a judgement that was given after it."""
    judged = F.coalesce(
        F.col("judgement.verdict"),
        F.when(F.col("is_excused"), "new_baseline").when(F.col("is_attack"), "confirmed"),
    )
    is_snoozed = F.col("is_snoozed") & (judged.isNull() | F.coalesce(F.col("said.verdict") == "snooze", F.lit(False)))
    goes_on = F.when(F.col("is_open"), "open").otherwise("resolved")
    return F.when(is_snoozed, "snoozed").otherwise(F.coalesce(judged, goes_on))
