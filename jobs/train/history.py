"""Which backups may teach, and up to which day."""

from __future__ import annotations

from datetime import date, timedelta

from pyspark.sql import DataFrame
from pyspark.sql import functions as F

from jobs.tables import BACKUPS
from jobs.versions import judge_from, learned_until


def new_learned_until(
    features: DataFrame, scores: DataFrame, version: str | None, newest_day: date, first_days: int
) -> date | None:
    """Start of the UTC day of the oldest backup that still waits for its score; None: none waits.

    Left anti join on the key, unique in both. Never earlier than what `version` learned: a late backup does not turn
    learning back.

    Parameters
    ----------
    features, scores : DataFrame
        The tables, or what they hold from `judge_from` on.
    version : str or None
        The newest model version.
    """
    since = learned_until(version) if version else judge_from(None, newest_day, first_days)
    judged = features.where(F.col("not_judged").isNull() & (F.col("day") >= F.lit(since)))
    oldest = judged.join(scores, on=list(BACKUPS.key), how="left_anti").agg(F.min("day").alias("day")).first()
    return oldest["day"] if oldest else None


def teachers(features: DataFrame, scores: DataFrame, until: date, aged_days: int) -> DataFrame:
    """Backups that may teach: complete, not a device's first, ended before `until`, and not under suspicion.

    A backup that alerted is under suspicion until it is `aged_days` old. Left anti join on the key, unique in both.
    """
    compared = F.col("previous_backup_id").isNotNull() & ~F.col("is_redelivery")
    ended = features.where((F.col("status") == "complete") & compared & (F.col("day") < F.lit(until)))
    is_young = F.col("day") >= F.lit(until - timedelta(days=aged_days))
    suspects = scores.where((F.col("anomaly_score") >= F.col("threshold")) & is_young).select(*BACKUPS.key)
    # Only the young can be suspects: the others, which are most, need not be looked up.
    young = ended.where(is_young).join(F.broadcast(suspects), on=list(BACKUPS.key), how="left_anti")
    return ended.where(~is_young).unionByName(young)
