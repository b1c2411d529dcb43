"""Which backups may teach, and up to which day."""

from __future__ import annotations

from datetime import date, timedelta

from pyspark.sql import DataFrame
from pyspark.sql import functions as F

from jobs.ddl import days_of, in_days
from jobs.episodes import anomaly_id
from jobs.noted import HISTORY, NOTHING, Noted
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


def teachers(features: DataFrame, barred: DataFrame, until: date) -> DataFrame:
    """Backups that may teach: complete, not a device's first, ended before `until`, and not barred.

    Left anti join on the key, unique in `features`. Costs one action.

    Parameters
    ----------
    barred : DataFrame
        Keys, from `barred_from_teaching`.
    """
    compared = F.col("previous_backup_id").isNotNull() & ~F.col("is_redelivery")
    ended = features.where((F.col("status") == "complete") & compared & (F.col("day") < F.lit(until)))
    # Most days have none that is barred: their backups need not be looked up.
    is_asked = in_days(F.col("day"), days_of(barred))
    asked = ended.where(is_asked).join(F.broadcast(barred), on=list(BACKUPS.key), how="left_anti")
    return ended.where(~is_asked).unionByName(asked)


def barred_from_teaching(
    scores: DataFrame, anomalies: DataFrame, told: DataFrame | None, until: date, aged_days: int, aged_backups: int
) -> DataFrame:
    """Keys of backups that may not teach, some of them twice.

    One that alerted is under suspicion until it is `aged_days` old and `aged_backups` more of its device were judged,
    unless a person excused it; one that belongs to a confirmed attack never teaches.

    Parameters
    ----------
    scores, anomalies : DataFrame
        The tables. The youngest alerts are taken from `scores`: a run may have been killed before it listed them.
    told : DataFrame or None
        The timeline, see `jobs.episodes.timeline`, of the devices of whose anomalies people spoke; None: of none.
    until : date
        The day before which is learned.
    """
    is_young = F.col("day") >= F.lit(until - timedelta(days=aged_days))
    young = scores.where((F.col("anomaly_score") >= F.col("threshold")) & is_young).select(*BACKUPS.key)
    few_since = anomalies.where(F.col("backups_since") < aged_backups).select(*BACKUPS.key)
    suspects = young.unionByName(few_since)
    if told is None:
        return suspects
    excused = told.where("is_excused").select(*BACKUPS.key)
    attacks = told.where("is_attack").select(*BACKUPS.key)
    return suspects.join(F.broadcast(excused), on=list(BACKUPS.key), how="left_anti").unionByName(attacks)


def judged_devices(scores: DataFrame, feedback: DataFrame, noted: Noted = NOTHING) -> DataFrame:
    """Devices, by `HISTORY`, of whose alerts people spoke. Left semi join on the anomaly; a miss: nobody did."""
    alerts = scores.where("anomaly_score >= threshold").withColumn("anomaly_id", anomaly_id())
    spoken_of = feedback.select("tenant_id", "anomaly_id").distinct()
    judged = alerts.join(F.broadcast(spoken_of), on=["tenant_id", "anomaly_id"], how="left_semi")
    return noted.with_history(judged).select(*HISTORY).distinct()
