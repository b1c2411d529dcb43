"""Features: each new backup beside the one before it.

A late backup corrects the one after it; no score is given anew.
"""

from __future__ import annotations

import sys
from collections import Counter
from datetime import date, timedelta

from pyspark.sql import DataFrame
from pyspark.sql import functions as F

from jobs.config import Config
from jobs.features import changes
from jobs.store import Store, days_of
from jobs.tables import BACKUPS, FEATURES

READER = "features"
# Most devices find the backup before within a week; only for the others is the whole look-back read.
NEAR_DAYS = 7


def features(store: Store, config: Config) -> dict[str, int]:
    """Write the features of backups that have none yet; return how many, and how many were corrected."""
    counts: Counter[str] = Counter(features=0, corrected=0)

    def handle(store: Store, fresh: DataFrame) -> None:
        counts.update(write_features(store, fresh, config.features.look_back_days))

    store.each_new(BACKUPS, READER, handle)
    return dict(counts)


def write_features(store: Store, fresh: DataFrame, look_back_days: int) -> dict[str, int]:
    """Write the features of the `fresh` rows of `backups`; return how many were written and how many corrected."""
    fresh = changes.without_provenance(fresh).persist()
    days = days_of(fresh)
    rows = changes.beside_previous(_history(store, fresh, days, look_back_days), look_back_days)
    rows = rows.withColumn("run_id", F.lit(store.run.run_id)).persist()
    written = store.insert_new(rows.where("is_new").drop("is_new", "is_touched"), FEATURES, days)
    # Rows held before although they come as new: the checkpoint was lost, and any of them may want correcting.
    is_late = "NOT is_new AND is_touched" if written == rows.where("is_new").count() else "is_new OR is_touched"
    late = rows.where(is_late).drop("is_new", "is_touched")
    late_days = days_of(late)
    corrected = store.correct(late, FEATURES, late_days) if late_days else 0
    rows.unpersist()
    fresh.unpersist()
    return {"features": written, "corrected": corrected}


def _history(store: Store, fresh: DataFrame, days: list[date], look_back_days: int) -> DataFrame:
    """Fresh rows and, of their devices, what is held since the look-back; `is_new` tells the two apart.

    Far back only for devices with a fresh row that is late or finds no complete backup near: on an ordinary day these
    are few, and a year of everybody's history stays unread.
    """
    first, last = days[0], days[-1]
    near_since, far_since = last - timedelta(days=NEAR_DAYS), first - timedelta(days=look_back_days)
    keys = fresh.select(*BACKUPS.key, F.lit(True).alias("is_new"))
    devices = fresh.groupBy(*changes.DEVICE).agg(F.min("day").alias("first_day"))
    near = _held(store, near_since).join(devices, on=list(changes.DEVICE), how="left_semi")
    has_one_before = near.where("status = 'complete'").groupBy(*changes.DEVICE).agg(F.min("day").alias("complete_day"))
    wide = devices.join(has_one_before, on=list(changes.DEVICE), how="left").where(
        F.col("complete_day").isNull() | (F.col("complete_day") >= F.col("first_day"))
    )
    far = (
        _held(store, far_since)
        .where(F.col("day") < F.lit(near_since))
        .join(wide, on=list(changes.DEVICE), how="left_semi")
    )
    # Unique on the key: a miss is a row that was handled before.
    return near.unionByName(far).join(keys, on=list(BACKUPS.key), how="left").fillna(False, subset=["is_new"])


def _held(store: Store, since: date) -> DataFrame:
    return changes.without_provenance(store.read(BACKUPS, since=since))


if __name__ == "__main__":
    from jobs.cli import main

    sys.exit(main(["features", *sys.argv[1:]]))
