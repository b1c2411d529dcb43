"""What follows at once from what people say of devices: `anomalies` and `devices` of the devices that they speak of."""

from __future__ import annotations

from pyspark.sql import DataFrame
from pyspark.sql import functions as F

from jobs import episodes
from jobs.config import Config
from jobs.landed_words import OLDEST
from jobs.noted import HISTORY, Noted
from jobs.score import anomalies, last_good
from jobs.store import Store
from jobs.tables import ANOMALIES, DEVICE_NOTES, DEVICES, FEATURES, SCORES


def spoken_of(store: Store, noted: Noted, fresh: DataFrame) -> DataFrame:
    """Rows of `features` of the devices, under all their names, of which the `fresh` rows of `device_notes` speak."""
    notes = store.read(DEVICE_NOTES).join(F.broadcast(fresh), on=list(DEVICE_NOTES.key), how="left_semi")
    histories = F.broadcast(noted.with_history(notes).select(*HISTORY).distinct())
    return noted.with_history(store.read(FEATURES)).join(histories, on=list(HISTORY), how="left_semi")


def follow(store: Store, config: Config, noted: Noted, features: DataFrame, models: DataFrame) -> dict[str, int]:
    """Bring the tables up to date with what was said of the devices of these features; return how many rows changed.

    Parameters
    ----------
    features : DataFrame
        All rows of the devices spoken of.
    models : DataFrame
        `device_models` of the version in use.
    """
    histories = F.broadcast(features.select(*HISTORY).distinct())
    scores = noted.with_history(store.read(SCORES)).join(histories, on=list(HISTORY), how="left_semi").persist()
    aging = (config.train.aged_days, config.train.aged_backups)
    timeline = episodes.timeline(features, scores, episodes.feedback_of(store), *aging, noted).persist()
    devices = last_good.devices_as_told(store.read(DEVICES), timeline, noted)
    if noted.names is not None:
        renamed = F.broadcast(noted.names.select(*HISTORY).distinct())
        named = features.join(renamed, on=list(HISTORY), how="left_semi")
        # What was scored was judged, however old it is by now.
        keys = scores.select(*SCORES.key, F.lit(True).alias("is_scored"))
        unscored = F.when(F.col("is_scored").isNull(), "history")
        judged = named.join(keys, on=list(SCORES.key), how="left").withColumn(
            "not_judged", F.coalesce("not_judged", unscored)
        )
        nobody = store.read(DEVICES).limit(0)  # a history of two names is told anew from all that it has
        now = last_good.devices_now(judged, nobody, models, timeline, OLDEST.date(), noted)
        others = devices.withColumn("history_id", F.col("device_id")).join(renamed, on=list(HISTORY), how="left_anti")
        devices = others.drop("history_id").unionByName(now).unionByName(last_good.names_before(features))
    changed = {
        "anomalies": store.upsert(anomalies.anomalies_of(timeline, scores.drop("history_id")), ANOMALIES),
        "devices": store.upsert(devices.select(*DEVICES.names), DEVICES),
    }
    timeline.unpersist()
    scores.unpersist()
    return changed
