"""Episodes: which alerts of a device belong together, what people said of them, and which backups are good.

`score` tells it, `train` obeys it: both work it out from stored scores and verdicts, anew each time.
"""

from __future__ import annotations

from pyspark.sql import Column, DataFrame, Window, WindowSpec
from pyspark.sql import functions as F

from jobs.ddl import hash_of
from jobs.noted import DEVICE_NAMES, HISTORY, NOTHING, Noted, quiet_until
from jobs.store import Store
from jobs.tables import BACKUPS, FEEDBACK, KINDS

SCORED = ("anomaly_score", "threshold", "anomaly_kind", "backups_together")
SAID = "struct<given_at:timestamp,verdict:string,given_by:string,note:string,snooze_until:timestamp>"

_BEFORE, _NOW = -1, 0  # the last row that counts, from the row itself


def timeline(
    features: DataFrame,
    scores: DataFrame,
    feedback: DataFrame | None,
    aged_days: int,
    aged_backups: int,
    noted: Noted = NOTHING,
) -> DataFrame:
    """Every backup of some devices with what it was judged, its episode, and the last good backup before it.

    An episode runs from a device's first alert to the last one that goes on with it, and on until a backup is judged
    usual. An alert goes on with an episode if none was judged usual since its last alert; or if the newest alert of the
    same kind is under suspicion still: what the model has not learned yet looks unusual twice. Backups that were not
    judged neither begin nor end one. Good is a complete backup outside any episode, and outside the backups whose
    evidence made an alert together.

    An alert that a person excused counts as judged usual: a false positive, a new baseline, and what alerted after a
    new baseline in the same episode before the verdict was given. One confirmed makes its whole episode an attack.

    Left join on the key, unique in both; a miss is a backup that was not judged.

    Parameters
    ----------
    features, scores : DataFrame
        What the tables hold of these devices.
    feedback : DataFrame or None
        Rows of `feedback`; None: nobody ever gave a verdict.
    aged_days, aged_backups : int
        How long an alert is under suspicion: as long as either says.
    noted : Noted
        What people said of devices.

    Returns
    -------
    DataFrame
        The key, history_id, ended_at, is_alert, is_excused, is_attack, is_good, episode_id (null outside an episode; of
        what is excused the one that it would be in), is_open, last_good (struct of backup_id, ended_at and device_id of
        the newest good one before; null: none), backups_since (judged ones, at most aged_backups), said (struct `SAID`,
        the latest verdict on it; null: none), judgement (the same, snoozes aside), snoozed_until (null: no snooze
        covers it), and is_snoozed: the device's newest backup ended before that.
    """
    judged = scores.select(*BACKUPS.key, *SCORED)
    rows = features.select(*BACKUPS.key, "ended_at", "status", "is_redelivery")
    rows = noted.with_history(rows.join(judged, on=list(BACKUPS.key), how="left"))
    rows = rows.withColumns(
        {
            "is_alert": F.coalesce(F.col("anomaly_score") >= F.col("threshold"), F.lit(False)),
            "turn": F.count("anomaly_score").over(_up_to(_NOW)),  # judged backups so far
        }
    )
    rows = _with_beginnings(rows.withColumn("is_excused", F.lit(False)), aged_days, aged_backups)
    if feedback is None:  # the ordinary case: half of the windows are not needed
        nothing = {
            "said": SAID,
            "judgement": SAID,
            "raw_id": "string",
            "has_attack": "boolean",
            "quiet_until": "timestamp",
        }
        rows = rows.withColumns({name: F.lit(None).cast(kind) for name, kind in nothing.items()})
    else:
        rows = _with_beginnings(_with_verdicts(rows, feedback), aged_days, aged_backups)
        rows = _with_effects(rows)
    rows = noted.with_words(rows)
    return _told(rows.withColumn("quiet_until", F.greatest("quiet_until", quiet_until("ended_at"))), aged_backups)


def unsettled(scores: DataFrame, anomalies: DataFrame, aged_backups: int, noted: Noted = NOTHING) -> DataFrame:
    """Devices, by `HISTORY`, whose timeline may come to something else with another backup; of the others none changes.

    They alerted in `scores`, or have an alert that fewer backups came after than put it beyond suspicion (of an open
    episode the last one has none), or a snooze that may run out.

    Parameters
    ----------
    scores : DataFrame
        From the first fresh day on, and from as many days before the newest as an alert is under suspicion.
    anomalies : DataFrame
        The table.
    """
    alerted = scores.where("anomaly_score >= threshold").select(*DEVICE_NAMES)
    followed = anomalies.where((F.col("backups_since") < aged_backups) | (F.col("status") == "snoozed"))
    return noted.with_history(alerted.unionByName(followed.select(*DEVICE_NAMES))).select(*HISTORY).distinct()


def anomaly_id() -> Column:
    """First 16 hex digits of the SHA-256 of the backup's key, each part behind its length: no two keys look alike."""
    return F.substring(hash_of(*[F.col(name).cast("string") for name in BACKUPS.key]), 1, 16)


def feedback_of(store: Store) -> DataFrame | None:
    """The table `feedback`; None while nobody gave a verdict: it is then not even made."""
    return store.read(FEEDBACK) if store.version(FEEDBACK) >= 0 else None


def _up_to(last: int) -> WindowSpec:
    device = Window.partitionBy(*HISTORY).orderBy("ended_at", "backup_id", "day", "device_id")
    return device.rowsBetween(Window.unboundedPreceding, last)


def _from_now() -> WindowSpec:
    device = Window.partitionBy(*HISTORY).orderBy("ended_at", "backup_id", "day", "device_id")
    return device.rowsBetween(_NOW, Window.unboundedFollowing)


def _with_beginnings(rows: DataFrame, aged_days: int, aged_backups: int) -> DataFrame:
    """Which alerts begin an episode, those aside that are excused; and the number and id of the newest one begun."""
    alert = F.when(F.col("is_alert"), F.struct("turn", "day", "is_excused"))
    kind = F.col("anomaly_kind")
    of_kind = {name: F.last(F.when(kind == name, alert), ignorenulls=True).over(_up_to(_BEFORE)) for name in KINDS}
    rows = rows.withColumns(
        {
            "alert_before": F.last(alert, ignorenulls=True).over(_up_to(_BEFORE)),
            "like_it": F.coalesce(*(F.when(kind == name, last) for name, last in of_kind.items())),
        }
    )
    last, like_it = F.col("alert_before"), F.col("like_it")
    is_next = ~last["is_excused"] & (F.col("turn") - last["turn"] == 1)
    is_suspect = (F.col("turn") - like_it["turn"] <= aged_backups) | (F.date_diff("day", like_it["day"]) <= aged_days)
    goes_on = F.coalesce(is_next, F.lit(False)) | F.coalesce(~like_it["is_excused"] & is_suspect, F.lit(False))
    rows = rows.withColumn("begins", _is_unusual() & ~goes_on)
    return rows.withColumns(
        {
            "number": F.count_if("begins").over(_up_to(_NOW)),
            "begun_id": F.last(F.when(F.col("begins"), anomaly_id()), ignorenulls=True).over(_up_to(_NOW)),
        }
    )


def _with_verdicts(rows: DataFrame, feedback: DataFrame) -> DataFrame:
    """Each alert with the latest verdict on it, and whether it is excused. Left join; a miss is an alert not judged."""
    verdict = F.struct("given_at", "verdict", "given_by", "note", "snooze_until").cast(SAID)
    latest = feedback.groupBy("tenant_id", F.col("anomaly_id").alias("alert_id")).agg(
        F.max(verdict).alias("said"), F.max(F.when(F.col("verdict") != "snooze", verdict)).alias("judgement")
    )
    rows = rows.drop("is_excused").withColumn("alert_id", F.when(F.col("is_alert"), anomaly_id()))
    rows = rows.join(F.broadcast(latest), on=["tenant_id", "alert_id"], how="left")
    judgement = F.col("judgement")
    # A new baseline excuses what came after it, up to a confirmed attack.
    is_border = judgement["verdict"].isin("new_baseline", "confirmed")
    border = F.when(
        is_border, F.struct("number", judgement["verdict"].alias("verdict"), judgement["given_at"].alias("at"))
    )
    rows = rows.withColumn("border", F.last(border, ignorenulls=True).over(_up_to(_NOW)))
    border = F.col("border")
    is_same = (border["verdict"] == "new_baseline") & (border["number"] == F.col("number"))
    is_covered = is_same & (F.col("ended_at") <= border["at"])
    is_in_order = F.coalesce(judgement["verdict"].isin("false_positive", "new_baseline"), is_covered, F.lit(False))
    return rows.withColumns({"is_excused": F.col("is_alert") & is_in_order, "raw_id": F.col("begun_id")})


def _with_effects(rows: DataFrame) -> DataFrame:
    """What a verdict on one alert does to others: whether their episode is an attack, and until when to be quiet."""
    episode = Window.partitionBy(*HISTORY, "number")
    is_confirmed = _is_unusual() & (F.col("judgement.verdict") == "confirmed")
    snooze = F.when(F.col("said.verdict") == "snooze", F.col("said.snooze_until"))
    # A snooze is about the alert's whole episode, and about all that the device does later.
    until = F.greatest(F.max(snooze).over(episode), F.max(snooze).over(_up_to(_NOW)))
    return rows.withColumns({"has_attack": F.bool_or(is_confirmed).over(episode), "quiet_until": until})


def _is_unusual() -> Column:
    return F.col("is_alert") & ~F.col("is_excused")


def _told(rows: DataFrame, aged_backups: int) -> DataFrame:
    """The columns of `timeline`, once it is known which alerts begin an episode."""
    device, episode = Window.partitionBy(*HISTORY), Window.partitionBy(*HISTORY, "number")
    rows = rows.withColumns(
        {
            "last_turn": F.max(F.when(_is_unusual(), F.col("turn"))).over(episode),
            "turns": F.max("turn").over(device),
            "newest_at": F.max("ended_at").over(device),
        }
    )
    is_inside = F.coalesce(F.col("turn") <= F.col("last_turn"), F.lit(False))
    # Of a slow attack, the backups over which its evidence rose are as bad as the one that alerted.
    risen_since = F.min(F.when(_is_unusual(), F.col("turn") - F.col("backups_together"))).over(_from_now())
    is_rising = F.coalesce(F.col("turn") > risen_since, F.lit(False))
    is_good = (F.col("status") == "complete") & ~is_inside & ~is_rising & ~F.col("is_redelivery")
    rows = rows.withColumns({"is_inside": is_inside, "is_good": is_good})
    good = F.when(F.col("is_good"), F.struct("backup_id", "ended_at", "device_id"))
    is_quiet = F.col("is_alert") & (F.col("ended_at") < F.col("quiet_until"))
    return rows.select(
        *BACKUPS.key,
        "history_id",
        "ended_at",
        "is_alert",
        "is_excused",
        (_is_unusual() & F.coalesce("has_attack", F.lit(False))).alias("is_attack"),
        "is_good",
        F.when(F.col("is_inside"), F.col("begun_id")).when(F.col("is_excused"), F.col("raw_id")).alias("episode_id"),
        (F.col("is_inside") & (F.col("last_turn") == F.col("turns"))).alias("is_open"),
        F.last(good, ignorenulls=True).over(_up_to(_BEFORE)).alias("last_good"),
        F.least(F.col("turns") - F.col("turn"), F.lit(aged_backups)).cast("bigint").alias("backups_since"),
        "said",
        "judgement",
        F.when(is_quiet, F.col("quiet_until")).alias("snoozed_until"),
        F.coalesce(is_quiet & (F.col("newest_at") < F.col("quiet_until")), F.lit(False)).alias("is_snoozed"),
    )
