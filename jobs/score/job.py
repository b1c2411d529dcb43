"""Score: how unusual each new backup is, what follows for its device, and which backup to restore from."""

from __future__ import annotations

import sys
from collections import Counter
from datetime import timedelta

from pyspark.sql import DataFrame
from pyspark.sql import functions as F

from jobs.champion import champion
from jobs.config import Config
from jobs.score import anomalies, episodes, evidence, last_good
from jobs.store import Store, days_of
from jobs.tables import ANOMALIES, DEVICE_MODELS, DEVICES, FEATURES, SCORES
from jobs.versions import judge_from, model_version, newest

READER = "score"


def score(store: Store, config: Config) -> dict[str, int]:
    """Score what has features and no score yet; return how many backups were scored, and how many alerted."""
    counts: Counter[str] = Counter(scored=0, anomalies=0, devices=0)

    def handle(store: Store, fresh: DataFrame) -> None:
        counts.update(score_new(store, config, fresh))

    store.each_new(FEATURES, READER, handle)
    return dict(counts)


def score_new(store: Store, config: Config, fresh: DataFrame) -> dict[str, int]:
    """Score the `fresh` rows of `features` and bring `anomalies` and `devices` up to date."""
    fleet = champion(store, config)
    newest_day = store.newest_day(FEATURES)
    if newest_day is None:
        return {}
    held_version = newest(store.slices(DEVICE_MODELS), fleet.version)
    version = held_version or model_version(fleet.version, None)
    since = judge_from(held_version, newest_day, config.train.first_days)
    models = store.read(DEVICE_MODELS).where(F.col("model_version") == version)
    fresh = _as_held(store, fresh).persist()
    judged = fresh.where(F.col("not_judged").isNull() & (F.col("day") >= F.lit(since)))
    days = days_of(judged)
    # A score is given once: left anti join on the key, unique in both.
    judged = judged.join(store.read(SCORES, days).select(*SCORES.key), on=list(SCORES.key), how="left_anti")
    scores = evidence.scored(judged, models, fleet.model, version, config.score.budget)
    inserted = store.insert_new(scores.withColumn("run_id", F.lit(store.run.run_id)), SCORES, days)

    touched = fresh.select(*episodes.DEVICE).distinct()
    reach = newest_day - timedelta(days=config.features.look_back_days)
    in_reach = store.read(SCORES, since=reach)
    with_alerts = in_reach.where("anomaly_score >= threshold").select(*episodes.DEVICE).distinct()
    with_alerts = with_alerts.join(touched, on=list(episodes.DEVICE), how="left_semi").persist()
    own = {
        table: store.read(table, since=reach).join(F.broadcast(with_alerts), on=list(episodes.DEVICE), how="left_semi")
        for table in (FEATURES, SCORES)
    }
    timeline = episodes.timeline(own[FEATURES], own[SCORES]).persist()
    alerted = 0
    if not with_alerts.isEmpty():
        alerted = store.upsert(anomalies.anomalies_of(timeline, own[SCORES]), ANOMALIES)
    devices = store.upsert(last_good.devices_now(fresh, store.read(DEVICES), models, timeline, since), DEVICES)
    timeline.unpersist()
    with_alerts.unpersist()
    fresh.unpersist()
    return {"scored": inserted, "anomalies": alerted, "devices": devices}


def _as_held(store: Store, fresh: DataFrame) -> DataFrame:
    """Rows of the fresh rows' devices from the first fresh day on, as the table holds them now.

    A late backup may have made the one after it comparable, which then gets its first score; the stream does not show
    corrections. Without this it would wait for ever, and learning with it.
    """
    first_day = days_of(fresh)[0]
    devices = fresh.select(*episodes.DEVICE).distinct()
    return store.read(FEATURES, since=first_day).join(devices, on=list(episodes.DEVICE), how="left_semi")


if __name__ == "__main__":
    from jobs.cli import main

    sys.exit(main(["score", *sys.argv[1:]]))
