"""Device models of a whole fleet: every partition holds whole devices and is fitted as one set of arrays."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

import numpy as np
import pyarrow as pa
from pyspark.sql import DataFrame
from pyspark.sql import functions as F

from jobs.arrow import numbered
from jobs.model.arrays import Array, first_rows, in_time
from jobs.model.devices import fit_devices
from jobs.model.fleet import FleetModel
from jobs.model.signals import FIGURES, LAYOUT
from jobs.model.smallest_share import smallest_shares
from jobs.tables import DEVICE, DEVICE_MODELS, KINDS

DEVICE_NAMES = tuple(column.name for column in DEVICE)
# What is fitted; the version and the layout are the same for all.
FITTED = DEVICE_MODELS.only(*(name for name in DEVICE_MODELS.names if name not in ("model_version", "layout")))


def device_models(teachers: DataFrame, fleet: FleetModel, version: str, partitions: int, threshold: float) -> DataFrame:
    """One row of `device_models` for every device that has a teacher.

    Parameters
    ----------
    teachers : DataFrame
        Rows of `features` that may teach.
    partitions : int
        Into how many parts the fleet is cut; a part is held in memory as a whole.
    threshold : float
        The score from which a backup alerts.
    """
    needed = teachers.select(
        *DEVICE_NAMES,
        F.unix_micros("ended_at").alias("ended_at"),
        *[F.col(name).cast("double").alias(name) for name in FIGURES],
    )

    def fit(batches: Iterable[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
        held = list(batches)
        if held:
            yield from fit_part(pa.Table.from_batches(held), fleet, threshold).to_batches()

    schema = ", ".join(f"{column.name} {column.type}" for column in FITTED)
    fitted = needed.repartition(partitions, *DEVICE_NAMES).mapInArrow(fit, schema)
    fitted = fitted.withColumns({"model_version": F.lit(version), "layout": F.lit(LAYOUT)})
    return fitted.select(*DEVICE_MODELS.names)


def fit_part(rows: pa.Table, fleet: FleetModel, threshold: float) -> pa.Table:
    """Device models of the devices in `rows`, which holds all their teachers, in any order."""
    device, first = numbered(rows, DEVICE_NAMES)
    ended_at = rows["ended_at"].to_numpy()
    order = in_time(device, ended_at)
    taught = {name: rows[name].to_numpy()[order] for name in FIGURES}
    fitted = fit_devices({**taught, "ended_at": ended_at[order] / 1e6}, device[order], fleet)
    newest = np.append(first_rows(device[order])[1:], len(order)) - 1
    before = {name: column[newest] for name, column in taught.items()}
    fitted["smallest_share"] = smallest_shares(before, fitted, fleet, threshold)
    keys = rows.select(DEVICE_NAMES).take(first)
    return pa.table(
        [*keys.columns, *(_arrow(fitted[column.name], column.type) for column in FITTED[len(DEVICE_NAMES) :])],
        names=[column.name for column in FITTED],
    )


def _arrow(numbers: Array, type_: str) -> pa.Array:
    if type_ == "array<float>":
        flat = pa.array(numbers.ravel(), pa.float32())
        ends = np.arange(len(numbers) + 1, dtype=np.int32) * numbers.shape[1]
        return pa.ListArray.from_arrays(ends, flat)
    if type_ == "map<string,double>":
        ends = np.arange(len(numbers) + 1, dtype=np.int32) * len(KINDS)
        return pa.MapArray.from_arrays(ends, KINDS * len(numbers), pa.array(numbers.ravel(), from_pandas=True))
    if type_ == "timestamp":
        return pa.array((numbers * 1e6).round().astype("datetime64[us]"), pa.timestamp("us", "UTC"))
    wanted = {"bigint": pa.int64(), "double": pa.float64(), "float": pa.float32()}[type_]
    return pa.array(numbers.astype(wanted.to_pandas_dtype()), wanted, from_pandas=True)
