"""What follows at once from new verdicts: `anomalies` and `devices` of the devices that they speak of."""

from __future__ import annotations

from datetime import timedelta

from pyspark.sql import DataFrame
from pyspark.sql import functions as F

from jobs import episodes
from jobs.config import Config
from jobs.noted import HISTORY, noted
from jobs.score import anomalies, last_good
from jobs.score.touched_files import lists_of
from jobs.store import Store
from jobs.tables import ANOMALIES, DEVICES, FEATURES, SCORES


def follow(store: Store, config: Config, fresh: DataFrame) -> dict[str, int]:
    """Bring the tables up to date with the `fresh` rows of `feedback`; return how many rows changed.

    A verdict on an anomaly that is not held changes nothing now; it counts once there is one. No score changes.
    """
    judged = fresh.select("tenant_id", "anomaly_id").distinct()
    # Left semi join on the key of `anomalies`; a miss is a verdict on what is not held.
    spoken_of = store.read(ANOMALIES).join(F.broadcast(judged), on=["tenant_id", "anomaly_id"], how="left_semi")
    oldest = spoken_of.agg(F.min("day").alias("day")).first()
    if oldest is None or oldest["day"] is None:
        return {}
    said = noted(store)
    devices = said.with_history(spoken_of).select(*HISTORY).distinct().persist()
    since = oldest["day"] - timedelta(days=config.features.look_back_days)

    def of_devices(rows: DataFrame) -> DataFrame:
        return said.with_history(rows).join(F.broadcast(devices), on=list(HISTORY), how="left_semi")

    scores = of_devices(store.read(SCORES, since=since))
    aging = (config.train.aged_days, config.train.aged_backups)
    features = of_devices(store.read(FEATURES, since=since))
    timeline = episodes.timeline(features, scores, episodes.feedback_of(store), *aging, said).persist()
    changed = {
        "anomalies": store.upsert(
            anomalies.anomalies_of(timeline, scores.drop("history_id"), lists_of(store, since)), ANOMALIES
        ),
        "devices": store.upsert(last_good.devices_as_told(store.read(DEVICES), timeline, said), DEVICES),
    }
    timeline.unpersist()
    devices.unpersist()
    return changed
