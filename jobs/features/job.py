"""Features: each new backup beside the one before it.

A late backup corrects the one after it, and a device's new name what had come under it before; no score is given anew.
"""

from __future__ import annotations

import sys
from collections import Counter
from datetime import date, timedelta

from pyspark.sql import DataFrame
from pyspark.sql import functions as F

from jobs.config import Config
from jobs.ddl import days_of
from jobs.features import changes
from jobs.noted import HISTORY, noted
from jobs.store import Store
from jobs.tables import BACKUPS, DEVICE_NOTES, FEATURES

READER = "features"
NAMES_READER = "names"
# Most devices find the backup before within a week; only for the others is the whole look-back read.
NEAR_DAYS = 7


def features(store: Store, config: Config) -> dict[str, int]:
    """Write the features of backups that have none yet; return how many, and how many were corrected."""
    counts: Counter[str] = Counter(features=0, corrected=0)

    def handle(store: Store, fresh: DataFrame) -> None:
        counts.update(write_features(store, fresh, config.features.look_back_days))

    def handle_notes(store: Store, fresh: DataFrame) -> None:
        counts.update(follow_renames(store, fresh, config.features.look_back_days))

    store.each_new(BACKUPS, READER, handle)
    if store.version(DEVICE_NOTES) >= 0:  # a name may be said after the first backups that came under it
        store.each_new(DEVICE_NOTES, NAMES_READER, handle_notes)
    return dict(counts)


def follow_renames(store: Store, fresh: DataFrame, look_back_days: int) -> dict[str, int]:
    """Correct what is held of devices of whose new names the `fresh` rows of `device_notes` speak; return how many."""
    names = noted(store)
    renames = store.read(DEVICE_NOTES).where("word = 'rename'")
    renames = renames.join(F.broadcast(fresh), on=list(DEVICE_NOTES.key), how="left_semi")
    histories = names.with_history(renames).select(*HISTORY).distinct()
    backups = names.with_history(store.read(BACKUPS)).join(F.broadcast(histories), on=list(HISTORY), how="left_semi")
    keys = backups.select(*BACKUPS.key).persist()
    touched = {} if keys.isEmpty() else write_features(store, keys, look_back_days)
    keys.unpersist()
    return touched


def write_features(store: Store, fresh: DataFrame, look_back_days: int) -> dict[str, int]:
    """Write the features of backups with the keys in `fresh`; return how many were written and how many corrected."""
    days = days_of(fresh)
    backups = store.read(BACKUPS, since=days[0] - timedelta(days=look_back_days))
    held = changes.without_provenance(backups, noted(store))
    nothing_later = not store.holds_any(FEATURES, since=days[0])
    if nothing_later:  # the ordinary case: all backups since the first fresh one are new, and none is corrected
        arrived, earlier = held.where(F.col("day") >= F.lit(days[0])), held.where(F.col("day") < F.lit(days[0]))
    else:
        keys = fresh.select(*BACKUPS.key)
        arrived, earlier = (held.join(keys, on=list(BACKUPS.key), how=how) for how in ("left_semi", "left_anti"))
    rows = changes.beside_previous(_history(arrived, earlier, days[-1]), look_back_days)
    rows = rows.withColumn("run_id", F.lit(store.run.run_id))
    if nothing_later:
        new = rows.where("is_new").drop("is_new", "is_touched")
        return {"features": store.insert_new(new, FEATURES, days), "corrected": 0}
    rows = store.staged(rows)
    new = rows.where("is_new").drop("is_new", "is_touched")
    written = store.insert_new(new, FEATURES, days)
    # Rows held before although they come as new: the checkpoint was lost, and any of them may want correcting.
    is_late = "NOT is_new AND is_touched" if written == new.count() else "is_new OR is_touched"
    late = rows.where(is_late).drop("is_new", "is_touched")
    late_days = days_of(late)
    return {"features": written, "corrected": store.correct(late, FEATURES, late_days) if late_days else 0}


def _history(fresh: DataFrame, earlier: DataFrame, last: date) -> DataFrame:
    """Fresh rows and, of their devices, those of `earlier`; `is_new` tells the two apart.

    Far back only for devices with a fresh row that is late or finds no complete backup near: on an ordinary day these
    are few, and a year of everybody's history stays unread.
    """
    fresh = fresh.withColumn("is_new", F.lit(True))
    if earlier.isEmpty():
        return fresh
    near_since = F.lit(last - timedelta(days=NEAR_DAYS))
    devices = fresh.groupBy(*HISTORY).agg(F.min("day").alias("first_day"))
    near = earlier.where(F.col("day") >= near_since).join(devices, on=list(HISTORY), how="left_semi")
    has_one_before = near.where("status = 'complete'").groupBy(*HISTORY).agg(F.min("day").alias("complete_day"))
    wide = devices.join(has_one_before, on=list(HISTORY), how="left").where(
        F.col("complete_day").isNull() | (F.col("complete_day") >= F.col("first_day"))
    )
    far = earlier.where(F.col("day") < near_since).join(wide, on=list(HISTORY), how="left_semi")
    return fresh.unionByName(near.unionByName(far).withColumn("is_new", F.lit(False)))


if __name__ == "__main__":
    from jobs.cli import main

    sys.exit(main(["features", *sys.argv[1:]]))
