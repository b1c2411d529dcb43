"""The part of a fleet that its own model is fitted on and judged by: whole devices, drawn by a hash of their names."""

from __future__ import annotations

from datetime import date

import numpy as np
import pyarrow as pa
from pyspark.sql import Column, DataFrame, Window
from pyspark.sql import functions as F

from jobs.arrow import numbered
from jobs.backtest.reading import SCHEMA, in_shape
from jobs.model.arrays import Array
from jobs.model.devices import HISTORY
from jobs.model.signals import FIGURES
from jobs.model.walk_forward import EARLIER
from jobs.tables import BACKUPS, DEVICE

DEVICE_NAMES = tuple(column.name for column in DEVICE)
NEWEST = 2 * HISTORY  # backups of a device: as many to be judged as a model remembers
HELD_OUT = 4  # one name in so many judges and does not teach


def is_enough(models: DataFrame, devices: int, device_days: int) -> bool:
    """Whether a fleet has so many devices with more than 33 teachers, and so many days after those.

    Parameters
    ----------
    models : DataFrame
        Rows of `device_models` of one version.
    """
    days = F.date_diff("last_taught_at", "first_taught_at") * (1 - EARLIER / F.col("backups"))
    known = (
        models.where(F.col("backups") > EARLIER).agg(F.count("*").alias("devices"), F.sum(days).alias("days")).first()
    )
    return known is not None and known["devices"] >= devices and known["days"] >= device_days


def largest_draw(taught: DataFrame, at_most: int) -> int | None:
    """The hash up to which devices are drawn, so that together they have at most so many backups; None: no device.

    Devices that can't be judged, with 33 backups or fewer, are not drawn. The same name gets the same hash in each
    training and each fleet; it does not depend on the product, so that what is likely to be one machine is on one side.
    """
    devices = taught.groupBy(*DEVICE_NAMES).agg(F.least(F.count("*"), F.lit(NEWEST)).alias("backups"))
    drawn = devices.where(F.col("backups") > EARLIER).select(_draw().alias("draw"), "backups")
    rows = drawn.orderBy("draw", "backups").limit(at_most // EARLIER).collect()
    if not rows:
        return None
    within = int(np.searchsorted(np.cumsum([row["backups"] for row in rows]), at_most, side="right"))
    return int(rows[max(within, 1) - 1]["draw"])


def fitted_on(taught: DataFrame, draw: int) -> tuple[dict[str, Array], Array]:
    """Backups of the drawn devices that teach, as arrays; see `jobs.train.refit.refit_fleet`."""
    figures = [F.col(name).cast("double").alias(name) for name in FIGURES]
    ended_at = F.unix_micros("ended_at").alias("ended_at")
    drawn = _newest(taught.where(~_is_held_out()), draw).select(*DEVICE_NAMES, "backup_id", ended_at, *figures)
    rows = _in_order(drawn.toArrow())
    device, _ = numbered(rows, DEVICE_NAMES)
    columns = {name: rows[name].to_numpy() for name in FIGURES}
    return {**columns, "ended_at": rows["ended_at"].to_numpy() / 1e6}, device


def judged_by(backups: DataFrame, barred: DataFrame, until: date, draw: int) -> pa.Table:
    """Backups of the drawn devices that judge, as `jobs.backtest.reading.read_backups` gives them.

    Left anti join on the key, unique in `backups`; a miss is a backup beyond suspicion.
    """
    known = backups.where((F.col("day") < F.lit(until)) & _is_held_out() & (_draw() <= draw))
    known = known.join(F.broadcast(barred), on=list(BACKUPS.key), how="left_anti")
    recorded = [name for name in SCHEMA.names if name in BACKUPS.names]
    return in_shape(_in_order(_newest(known, draw).select(*recorded).toArrow()))


def _draw() -> Column:
    return F.xxhash64(F.lit("fleet model"), "tenant_id", "device_id")


def _is_held_out() -> Column:
    return F.pmod(_draw(), F.lit(HELD_OUT)) == 0  # the lowest bits; which devices are drawn is decided by the highest


def _newest(rows: DataFrame, draw: int) -> DataFrame:
    newest_first = Window.partitionBy(*DEVICE_NAMES).orderBy(F.desc("ended_at"), F.desc("backup_id"), F.desc("day"))
    place = F.row_number().over(newest_first)
    return rows.where(_draw() <= draw).withColumn("place", place).where(F.col("place") <= NEWEST).drop("place")


def _in_order(rows: pa.Table) -> pa.Table:
    """By device and time, so that Spark's order decides nothing."""
    order = [(name, "ascending") for name in (*DEVICE_NAMES, "ended_at", "backup_id")]
    return rows.sort_by(order).combine_chunks()
