"""Scores of backups beside their device's model: one array kernel over Arrow batches."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator
from typing import Any

import numpy as np
import pyarrow as pa
from pyspark.sql import DataFrame
from pyspark.sql import functions as F

from jobs.model.arrays import Array
from jobs.model.fleet import FleetModel
from jobs.model.histograms import BINS
from jobs.model.scoring import explain, score_backups
from jobs.model.signals import FIGURES, SIGNALS, UNIT_OF_SIGNAL
from jobs.tables import BACKUP_KEY, DEVICE, KINDS, SCORES

CARRIED = (*(column.name for column in BACKUP_KEY), "ended_at")
NUMBERS = ("ratio_offset", "ratio_spread", "stored_density", "backups_per_year")
ARRAYS = {"top": len(SIGNALS), "bins": len(SIGNALS) * BINS}
# What the kernel gives; the rest of `scores` is the same for all rows.
CONSTANT = ("threshold", "budget", "model_version", "run_id", "cumulative", "smallest_share")
GIVEN = SCORES.only(*(name for name in SCORES.names if name not in CONSTANT))
ARROW = {"string": pa.string(), "double": pa.float64(), "map<string,double>": pa.map_(pa.string(), pa.float64())}
ARROW["array<string>"] = pa.list_(pa.string())


def scored(judged: DataFrame, models: DataFrame, fleet: FleetModel, version: str, budget: float) -> DataFrame:
    """The columns of `scores` but run_id for every row of `judged`.

    Left join on the device, unique in `models`; a miss is a device that is judged by what the fleet does.

    Parameters
    ----------
    judged : DataFrame
        Rows of `features`.
    models : DataFrame
        Rows of `device_models` of one version.
    budget : float
        False alerts per device-year.
    """
    names = [column.name for column in DEVICE]
    figures = judged.select(*CARRIED, *[F.col(name).cast("double").alias(name) for name in FIGURES])
    joined = figures.join(models.select(*names, *NUMBERS, *ARRAYS), on=names, how="left")
    threshold = threshold_of(budget)

    def score(batches: Iterable[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
        for batch in batches:
            yield score_batch(batch, fleet, threshold)

    schema = ", ".join(f"{column.name} {column.type}" for column in GIVEN)
    scores = joined.mapInArrow(score, schema)
    not_known = F.lit(None).cast("map<string,double>")
    return scores.withColumns(
        {
            "threshold": F.lit(threshold),
            "budget": F.lit(budget),
            "model_version": F.lit(version),
            "cumulative": not_known,
            "smallest_share": not_known,
        }
    )


def threshold_of(budget: float) -> float:
    """The score from which a backup alerts, for a budget in false alerts per device-year."""
    return -math.log10(budget) + 0.0  # a budget of 1 would give -0.0


def score_batch(batch: pa.RecordBatch, fleet: FleetModel, threshold: float) -> pa.RecordBatch:
    """Score one batch; what is usual is worked out for the rows that alert, and null for the others."""
    backups = {name: _numbers(batch[name]) for name in FIGURES}
    models = {name: _numbers(batch[name]) for name in NUMBERS} | {n: _rows(batch[n], k) for n, k in ARRAYS.items()}
    scores = score_backups(backups, models, fleet)
    alerts = np.flatnonzero((scores["anomaly_score"] >= threshold) & (scores["kind"] >= 0))
    reasons = explain({n: v[alerts] for n, v in backups.items()}, {n: v[alerts] for n, v in models.items()}, fleet)
    signal = np.full(batch.num_rows, -1)
    signal[alerts] = reasons["signal"]
    given: dict[str, Any] = {
        "anomaly_score": scores["anomaly_score"],
        "anomaly_kind": _words(scores["kind"], KINDS),
        "evidence": _map_of(scores["evidence"]),
        "unseen": _list_of(scores["unseen"]),
        "signal": _words(signal, SIGNALS),
        "unit": _words(signal, tuple(UNIT_OF_SIGNAL[name] for name in SIGNALS)),
        **{
            name: _spread(reasons[name], alerts, batch.num_rows)
            for name in ("value", "usual_low", "usual_high", "share")
        },
    }
    columns = [batch[c.name] if c.name in CARRIED else _arrow(given[c.name], ARROW[c.type]) for c in GIVEN]
    return pa.RecordBatch.from_arrays(columns, names=[column.name for column in GIVEN])


def _numbers(column: pa.Array) -> Array:
    numbers: Array = column.cast(pa.float64()).to_numpy(zero_copy_only=False)
    return numbers


def _rows(column: pa.Array, width: int) -> Array:
    rows = np.full((len(column), width), np.nan, np.float32)
    is_there = column.is_valid().to_numpy(zero_copy_only=False)
    rows[is_there] = column.flatten().to_numpy(zero_copy_only=False).reshape(-1, width)
    return rows


def _spread(values: Array, rows: Array, length: int) -> Array:
    spread = np.full(length, np.nan)
    spread[rows] = values
    return spread


def _words(numbers: Array, words: tuple[str, ...]) -> pa.Array:
    return pa.array(words, pa.string()).take(pa.array(numbers, pa.int64(), mask=numbers < 0))


def _ends(counts: Array) -> pa.Array:
    return pa.array(np.concatenate([[0], np.cumsum(counts)]), pa.int32())


def _map_of(evidence: Array) -> pa.Array:
    row, signal = np.nonzero(evidence > 0)
    keys = pa.array(SIGNALS, pa.string()).take(pa.array(signal))
    return pa.MapArray.from_arrays(
        _ends(np.bincount(row, minlength=len(evidence))), keys, pa.array(evidence[row, signal])
    )


def _list_of(unseen: Array) -> pa.Array:
    keys = pa.array(SIGNALS, pa.string()).take(pa.array(np.nonzero(unseen)[1]))
    return pa.ListArray.from_arrays(_ends(unseen.sum(axis=1)), keys)


def _arrow(values: Array | pa.Array, type_: pa.DataType) -> pa.Array:
    return values if isinstance(values, pa.Array) else pa.array(values, type_, from_pandas=True)
