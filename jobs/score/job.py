"""Score: how unusual each new backup is, what follows for its device, and which backup to restore from."""

from __future__ import annotations

import sys
from collections import Counter
from collections.abc import Sequence
from datetime import timedelta
from itertools import groupby

from pyspark.sql import Column, DataFrame, Row
from pyspark.sql import functions as F

from jobs import episodes
from jobs.champion import Champion, champion
from jobs.config import Config
from jobs.ddl import in_days
from jobs.noted import HISTORY, Noted, noted
from jobs.score import anomalies, evidence, last_good, notes, verdicts
from jobs.score.touched_files import lists_of
from jobs.store import Store
from jobs.tables import ANOMALIES, DEVICE_MODELS, DEVICE_NOTES, DEVICES, FEATURES, FEEDBACK, SCORES
from jobs.versions import judge_from, judging, model_version, newest

READER = "score"
VERDICT_READER = "verdicts"
NOTE_READER = "notes"


def score(store: Store, config: Config) -> dict[str, int]:
    """Score what has features and no score yet, and follow what people said; return how many rows that changed."""
    counts: Counter[str] = Counter(scored=0, anomalies=0, devices=0)

    def handle(store: Store, fresh: DataFrame) -> None:
        counts.update(score_new(store, config, fresh))

    def handle_verdicts(store: Store, fresh: DataFrame) -> None:
        counts.update(verdicts.follow(store, config, fresh))

    def handle_notes(store: Store, fresh: DataFrame) -> None:
        counts.update(follow_notes(store, config, fresh))

    store.each_new(FEATURES, READER, handle)
    if store.version(FEEDBACK) >= 0:  # a verdict may come without a new backup of its device
        store.each_new(FEEDBACK, VERDICT_READER, handle_verdicts)
    if store.version(DEVICE_NOTES) >= 0:
        store.each_new(DEVICE_NOTES, NOTE_READER, handle_notes)
    return dict(counts)


def follow_notes(store: Store, config: Config, fresh: DataFrame) -> dict[str, int]:
    """Follow the `fresh` rows of `device_notes`; what a name made comparable gets its score."""
    said = noted(store)
    features = notes.spoken_of(store, said, fresh).persist()
    counts: Counter[str] = Counter()
    if not features.isEmpty():
        if said.names is not None:
            counts.update(score_new(store, config, features.select(*FEATURES.key)))
        version = newest(store.slices(DEVICE_MODELS), champion(store, config).version)
        models = store.read(DEVICE_MODELS).where(F.col("model_version") == F.lit(version))
        counts.update(notes.follow(store, config, said, features, models))
    features.unpersist()
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
    # What the devices of the fresh rows hold from the first fresh day on.
    said = noted(store)
    fresh_rows = {row["day"]: row["count"] for row in fresh.groupBy("day").count().collect()}
    held = said.with_history(store.read(FEATURES, since=min(fresh_rows)))
    is_judged = F.col("not_judged").isNull() & (F.col("day") >= F.lit(since))
    found, fresh_devices = _days_of(held, is_judged), None
    if sum(of_day["rows"] for of_day in found) > sum(fresh_rows.values()):
        # A late backup may have made the one after it comparable, which then gets its first score; the stream does not
        # show corrections. Without this it would wait for ever, and learning with it.
        fresh_devices = said.with_history(fresh).select(*HISTORY).distinct().persist()
        held = _of(fresh_devices, held)
        found = _days_of(held, is_judged)
    inserted = _score_by_version(store, config, fleet, versions, held.where(is_judged), found, said)

    suspected_since = min([*fresh_rows, newest_day - timedelta(days=config.train.aged_days)])
    recent, alerts = store.read(SCORES, since=suspected_since), store.read(ANOMALIES)
    unsettled = _of(fresh_devices, episodes.unsettled(recent, alerts, config.train.aged_backups, said)).persist()
    alerted, timeline = 0, None
    if not unsettled.isEmpty():
        features, scores = (
            _of(F.broadcast(unsettled), said.with_history(store.read(table, since=reach)))
            for table in (FEATURES, SCORES)
        )
        aging = (config.train.aged_days, config.train.aged_backups)
        timeline = episodes.timeline(features, scores, episodes.feedback_of(store), *aging, said).persist()
        found_alerts = anomalies.anomalies_of(timeline, scores.drop("history_id"), lists_of(store, reach))
        alerted = store.upsert(found_alerts, ANOMALIES)
    models = store.read(DEVICE_MODELS).where(F.col("model_version") == F.lit(newest_version))
    devices = store.upsert(last_good.devices_now(held, store.read(DEVICES), models, timeline, since, said), DEVICES)
    if timeline is not None:
        timeline.unpersist()
    unsettled.unpersist()
    return {"scored": inserted, "anomalies": alerted, "devices": devices}


def _days_of(held: DataFrame, is_judged: Column) -> list[Row]:
    """Each day: how many rows are held and judged, and the days of the backups that the judged are compared with."""
    day_before = F.when(is_judged, F.to_date("previous_ended_at"))
    of_day = (F.count("*").alias("rows"), F.count_if(is_judged).alias("judged"))
    return held.groupBy("day").agg(*of_day, F.collect_set(day_before).alias("days_before")).orderBy("day").collect()


def _score_by_version(
    store: Store,
    config: Config,
    fleet: Champion,
    versions: Sequence[str],
    judged: DataFrame,
    found: Sequence[Row],
    said: Noted,
) -> int:
    """Insert the scores of what has none yet, each day by its own version, in their order; return how many."""
    to_judge = [of_day for of_day in found if of_day["judged"]]
    scored = store.first_and_last_day(SCORES)
    if scored and to_judge and scored[1] >= to_judge[0]["day"]:  # a score is given once
        keys = store.read(SCORES, [of_day["day"] for of_day in to_judge]).select(*SCORES.key)
        judged = judged.join(keys, on=list(SCORES.key), how="left_anti")  # unique in both
    inserted = 0
    for version, days_by_it in groupby(to_judge, lambda of_day: judging(versions, fleet.version, of_day["day"])):
        of_days = list(days_by_it)
        days = [of_day["day"] for of_day in of_days]
        models = store.read(DEVICE_MODELS).where(F.col("model_version") == F.lit(version))
        parts = evidence.parts_for(sum(of_day["judged"] for of_day in of_days) + models.count())
        days_before = sorted({day for of_day in of_days for day in of_day["days_before"]})
        before = store.read(SCORES, days_before) if scored or inserted else None
        rows, name = judged.where(in_days(F.col("day"), days)), version or model_version(fleet.version, None)
        scores = evidence.scored(rows, models, before, fleet.model, name, config.score.budget, parts, said)
        inserted += store.insert_new(scores.withColumn("run_id", F.lit(store.run.run_id)), SCORES, days)
    return inserted


def _of(devices: DataFrame | None, rows: DataFrame) -> DataFrame:
    """The rows of these devices: left semi join; None: of all."""
    return rows if devices is None else rows.join(devices, on=list(HISTORY), how="left_semi")


if __name__ == "__main__":
    from jobs.cli import main

    sys.exit(main(["score", *sys.argv[1:]]))
