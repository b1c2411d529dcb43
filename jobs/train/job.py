"""Train: what each device usually does; now and then, what the fleet does.

Learned from all that ended before the day of the oldest backup that waits for its score: learn before, judge after.
"""

from __future__ import annotations

import math
import sys
from datetime import date

from pyspark.sql import DataFrame
from pyspark.sql import functions as F

from jobs import episodes, registry
from jobs.champion import Champion, champion, keep, registered
from jobs.config import Config
from jobs.model.calibration import threshold_of
from jobs.noted import HISTORY, noted
from jobs.store import Store
from jobs.tables import ANOMALIES, DEVICE_MODELS, DEVICE_NOTES, FEATURES, FEEDBACK, SCORES
from jobs.train import challenger
from jobs.train.devices import device_models
from jobs.train.history import barred_from_teaching, judged_devices, new_learned_until, teachers
from jobs.versions import judge_from, learning_steps, model_version, newest

KEPT_VERSIONS = 3  # the newest and two before, to look back at; each is one row a device


def train(store: Store, config: Config) -> dict[str, int]:
    """Refit all device models if a backup waits for its score; return devices and teachers, nothing if none waits.

    Both of the newest version, should more than one be made. Before that the fleet model is fitted anew if it is time.
    The lake takes over MLflow's champion only once there are device models of it, so that nothing is ever scored
    without.
    """
    days = store.first_and_last_day(FEATURES)
    if days is None:
        return {}
    first_day, newest_day = days
    working, held = champion(store, config), store.slices(DEVICE_MODELS)
    last = newest(held, working.version)
    until = _until(store, last, newest_day, config.train.first_days)
    if until is None:
        return {}
    fleet = registered(store, config, working)
    counts: dict[str, int] = {}
    if challenger.is_due(store, config, last, until):
        counts = challenger.challenge(store, config, fleet, *_teachers(store, config, until), until)
        fleet = registered(store, config, working)
    versions = {model_version(fleet.version, step): step for step in learning_steps(first_day, until, newest_day)}
    new = [version for version in versions if version not in held]
    for version in new:
        rows, _ = _teachers(store, config, versions[version])
        counts |= _refit(store, config, fleet, rows, version, versions[version])
    if new:
        for old in sorted(held, key=lambda version: version.rpartition("-")[2])[: -(KEPT_VERSIONS - 1)]:
            store.delete_slice(DEVICE_MODELS, old)
    if fleet.version != working.version:
        keep(store, fleet)
    return counts


def _until(store: Store, last: str | None, newest_day: date, first_days: int) -> date | None:
    since = judge_from(last, newest_day, first_days)
    features, scores = store.read(FEATURES, since=since), store.read(SCORES, since=since)
    return new_learned_until(features, scores, last, newest_day, first_days)


def _teachers(store: Store, config: Config, until: date) -> tuple[DataFrame, DataFrame]:
    """What may teach until that day, by what each device is called now; and the keys, as printed, of what may not."""
    barred = _barred(store, config, until)
    return noted(store).as_history(teachers(store.read(FEATURES), barred, until)), barred


def _refit(store: Store, config: Config, fleet: Champion, rows: DataFrame, version: str, until: date) -> dict[str, int]:
    window = rows.agg(F.count("*").alias("teachers"), F.min("day").alias("first"), F.max("day").alias("last")).first()
    if not window or not window["teachers"]:
        return {"devices": 0, "teachers": 0}
    facts = {
        "model_version": version,
        "fleet_version": fleet.version,
        "learned_from": window["first"],
        "learned_until": until,
        "run_id": store.run.run_id,
        "code_version": store.run.code_version,
        **{f"{table.name}_version": store.version(table) for table in (FEATURES, SCORES, FEEDBACK, DEVICE_NOTES)},
    }
    with registry.training_run(config.mlflow, store.lake, version, facts) as metrics:
        partitions = math.ceil(window["teachers"] / config.train.rows_per_partition)
        threshold = threshold_of(config.score.budget)
        models = device_models(rows, fleet.model, version, partitions, threshold)
        store.replace_slice(models, DEVICE_MODELS, version)
        devices = store.read(DEVICE_MODELS).where(F.col("model_version") == version).count()
        metrics |= {"devices": devices, "teachers": window["teachers"]}
    return {"devices": devices, "teachers": window["teachers"]}


def _barred(store: Store, config: Config, until: date) -> DataFrame:
    """What may not teach, by what alerted and what people said of it up to now."""
    scores, feedback = store.read(SCORES), episodes.feedback_of(store)
    aging = (config.train.aged_days, config.train.aged_backups)
    told = None
    if feedback is not None:
        said = noted(store)
        devices = F.broadcast(judged_devices(scores, feedback, said))
        features, own = (
            said.with_history(rows).join(devices, on=list(HISTORY), how="left_semi")
            for rows in (store.read(FEATURES), scores)
        )
        told = store.staged(episodes.timeline(features, own, feedback, *aging, said).where("is_alert"))
    return store.staged(barred_from_teaching(scores, store.read(ANOMALIES), told, until, *aging))


if __name__ == "__main__":
    from jobs.cli import main

    sys.exit(main(["train", *sys.argv[1:]]))
