"""What people said of devices, as frames: which names belong to one history, and who is retired or kept quiet.

A device that was renamed goes on with its history. Rows keep the name that they came with, in every table; what belongs
together is worked out here, each time: `history_id` is what the device is called now.
"""

from __future__ import annotations

from dataclasses import dataclass

from pyspark.sql import Column, DataFrame, Window
from pyspark.sql import functions as F

from jobs.device_note import current_names, renames_of
from jobs.store import Store
from jobs.tables import DEVICE, DEVICE_MODELS, DEVICE_NOTES

DEVICE_NAMES = tuple(column.name for column in DEVICE)
HISTORY = ("tenant_id", "product", "history_id")
NAMES = "tenant_id string, product string, device_id string, history_id string"
WINDOWS = "array<struct<until:timestamp,since:timestamp>>"


@dataclass(frozen=True)
class Noted:
    """What people said of devices.

    Attributes
    ----------
    names : DataFrame or None
        `HISTORY` by device, of devices that were renamed; None: none was.
    words : DataFrame or None
        By `HISTORY`, `retired_at` (when that was said last; null: never) and `windows` (struct of until and since, of
        each snooze; empty: none); None: nobody said either.
    """

    names: DataFrame | None = None
    words: DataFrame | None = None

    def with_history(self, rows: DataFrame) -> DataFrame:
        """The rows with `history_id`. Left join on the device; a miss is a device that was never renamed."""
        if self.names is None:
            return rows.withColumn("history_id", F.col("device_id"))
        rows = rows.drop("history_id").join(F.broadcast(self.names), on=list(DEVICE_NAMES), how="left")
        return rows.withColumn("history_id", F.coalesce("history_id", "device_id"))

    def as_history(self, rows: DataFrame) -> DataFrame:
        """The rows with what the device is called now in the place of `device_id`."""
        if self.names is None:
            return rows.drop("history_id")
        return self.with_history(rows).withColumn("device_id", F.col("history_id")).drop("history_id")

    def models_of(self, models: DataFrame) -> DataFrame:
        """Rows of `device_models` of one version, one a history: of several the one that more backups taught.

        A version that was made before a device was renamed has the model under the name before.
        """
        if self.names is None:
            return models
        most = Window.partitionBy(*HISTORY).orderBy(F.desc("backups"), "device_id")
        own = self.with_history(models).withColumn("turn", F.row_number().over(most)).where("turn = 1").drop("turn")
        return own.withColumn("device_id", F.col("history_id")).select(*DEVICE_MODELS.names)

    def with_words(self, rows: DataFrame) -> DataFrame:
        """Rows that have a `history_id` with `retired_at` and `windows`; both null of which nobody said anything."""
        if self.words is None:
            nothing = {"retired_at": "timestamp", "windows": WINDOWS}
            return rows.withColumns({name: F.lit(None).cast(kind) for name, kind in nothing.items()})
        return rows.join(F.broadcast(self.words), on=list(HISTORY), how="left")


NOTHING = Noted()


def noted(store: Store) -> Noted:
    """What people said of devices up to now; where nobody did, its table is not even made. Costs one action at most."""
    if store.version(DEVICE_NOTES) < 0:
        return NOTHING
    notes = store.read(DEVICE_NOTES)
    renames = notes.where("word = 'rename'").select(*DEVICE_NAMES, "new_device_id").collect()
    rows = [(*device, name) for device, name in current_names(renames_of(renames)).items()]
    names = Noted(store.spark.createDataFrame(rows, NAMES) if rows else None)
    is_snooze = F.col("word") == "snooze"
    words = names.with_history(notes.where("word <> 'rename'")).groupBy(*HISTORY)
    said = words.agg(
        F.max(F.when(F.col("word") == "retire", F.col("given_at"))).alias("retired_at"),
        F.collect_list(
            F.when(is_snooze, F.struct(F.col("snooze_until").alias("until"), F.col("snooze_from").alias("since")))
        ).alias("windows"),
    )
    return Noted(names.names, said)


def quiet_until(at: str) -> Column:
    """Up to when a moment lies in one of the row's `windows`; null: it lies in none."""
    covering = F.filter("windows", lambda window: (window["since"] <= F.col(at)) & (F.col(at) < window["until"]))
    return F.array_max(F.transform(covering, lambda window: window["until"]))
