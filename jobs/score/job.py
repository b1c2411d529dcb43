"""Score: how unusual each new backup is, what follows for its device, and which backup to restore from."""

from __future__ import annotations

import sys
from collections import Counter
from collections.abc import Callable, Sequence
from datetime import timedelta
from itertools import groupby

from pyspark.sql import DataFrame
from pyspark.sql import functions as F

from jobs import episodes
from jobs.champion import Champion, champion
from jobs.config import Config
from jobs.ddl import in_days
from jobs.score import anomalies, evidence, last_good, verdicts
from jobs.store import Store
from jobs.tables import ANOMALIES, DEVICE_MODELS, DEVICES, FEATURES, FEEDBACK, SCORES
from jobs.versions import judge_from, judging, model_version, newest

READER = "score"
VERDICT_READER = "verdicts"


def score(store: Store, config: Config) -> dict[str, int]:
    """Score what has features and no score yet, and follow new verdicts; return how many rows are new or changed."""
    counts: Counter[str] = Counter(scored=0, anomalies=0, devices=0)

    def handle(store: Store, fresh: DataFrame) -> None:
        counts.update(score_new(store, config, fresh))

    def handle_verdicts(store: Store, fresh: DataFrame) -> None:
        counts.update(verdicts.follow(store, config, fresh))

    store.each_new(FEATURES, READER, handle)
    if store.version(FEEDBACK) >= 0:  # a verdict may come without a new backup of its device
        store.each_new(FEEDBACK, VERDICT_READER, handle_verdicts)
    return dict(counts)


def score_new(store: Store, config: Config, fresh: DataFrame) -> dict[str, int]:
    """Score backups with the keys in `fresh` and bring `anomalies` and `devices` up to date."""
    fleet = champion(store, config)
    days_held = store.first_and_last_day(FEATURES)
    if days_held is None:
        return {}
    _, newest_day = days_held
    versions = store.slices(DEVICE_MODELS)
    newest_version = newest(versions, fleet.version)
    since = judge_from(newest_version, newest_day, config.train.first_days)
    reach = newest_day - timedelta(days=config.features.look_back_days)
    # What the devices of the fresh rows hold from the first fresh day on, and which of them ever alerted.
    held, of_fresh_devices = _as_held(store, fresh)
    judged = held.where(F.col("not_judged").isNull() & (F.col("day") >= F.lit(since)))
    inserted = _score_by_version(store, config, fleet, versions, judged)

    with_alerts = (
        store.read(SCORES, since=reach).where("anomaly_score >= threshold").select(*episodes.DEVICE).distinct()
    )
    with_alerts = of_fresh_devices(with_alerts).persist()
    own = {
        table: store.read(table, since=reach).join(F.broadcast(with_alerts), on=list(episodes.DEVICE), how="left_semi")
        for table in (FEATURES, SCORES)
    }
    aging = (config.train.aged_days, config.train.aged_backups)
    timeline = episodes.timeline(own[FEATURES], own[SCORES], episodes.feedback_of(store), *aging).persist()
    alerted = 0
    if not with_alerts.isEmpty():
        alerted = store.upsert(anomalies.anomalies_of(timeline, own[SCORES]), ANOMALIES)
    models = store.read(DEVICE_MODELS).where(F.col("model_version") == F.lit(newest_version))
    devices = store.upsert(last_good.devices_now(held, store.read(DEVICES), models, timeline, since), DEVICES)
    timeline.unpersist()
    with_alerts.unpersist()
    return {"scored": inserted, "anomalies": alerted, "devices": devices}


def _score_by_version(store: Store, config: Config, fleet: Champion, versions: Sequence[str], judged: DataFrame) -> int:
    """Insert the scores of what has none yet, each day by its own version, in their order; return how many."""
    of_day = F.count("*").alias("rows"), F.collect_set(F.to_date("previous_ended_at")).alias("days_before")
    found = {row["day"]: row for row in judged.groupBy("day").agg(*of_day).collect()}
    scored = store.read(SCORES, sorted(found)).select(*SCORES.key)
    if not scored.isEmpty():  # a score is given once: left anti join on the key, unique in both
        judged = judged.join(scored, on=list(SCORES.key), how="left_anti")
    inserted = 0
    for version, of_days in groupby(sorted(found), lambda day: judging(versions, fleet.version, day)):
        days = list(of_days)
        models = store.read(DEVICE_MODELS).where(F.col("model_version") == F.lit(version))
        parts = evidence.parts_for(sum(found[day]["rows"] for day in days) + models.count())
        before = store.read(SCORES, sorted({day for own in days for day in found[own]["days_before"]}))
        rows, name = judged.where(in_days(F.col("day"), days)), version or model_version(fleet.version, None)
        scores = evidence.scored(rows, models, before, fleet.model, name, config.score.budget, parts)
        inserted += store.insert_new(scores.withColumn("run_id", F.lit(store.run.run_id)), SCORES, days)
    return inserted


def _as_held(store: Store, fresh: DataFrame) -> tuple[DataFrame, Callable[[DataFrame], DataFrame]]:
    """What the fresh rows' devices hold from the first fresh day on, as it stands now, and a cut to these devices.

    A late backup may have made the one after it comparable, which then gets its first score; the stream does not show
    corrections. Without this it would wait for ever, and learning with it.
    """
    fresh_rows = {row["day"]: row["count"] for row in fresh.groupBy("day").count().collect()}
    held = store.read(FEATURES, since=min(fresh_rows))
    if held.count() == sum(fresh_rows.values()):  # nothing else: no need to look for devices
        return held, lambda rows: rows
    devices = fresh.select(*episodes.DEVICE).distinct().persist()

    def cut(rows: DataFrame) -> DataFrame:
        return rows.join(devices, on=list(episodes.DEVICE), how="left_semi")

    return cut(held), cut


if __name__ == "__main__":
    from jobs.cli import main

    sys.exit(main(["score", *sys.argv[1:]]))
