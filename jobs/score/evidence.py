"""Scores of backups beside their device's model: one array kernel over Arrow batches."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from pyspark.sql import DataFrame
from pyspark.sql import functions as F

from jobs.arrow import numbered
from jobs.model.arrays import Array, Arrays, above_zero
from jobs.model.calibration import threshold_of
from jobs.model.cumulative import ADDED_UP, NONE, add_up
from jobs.model.fleet import FleetModel
from jobs.model.histograms import BINS
from jobs.model.scoring import explain, score_backups
from jobs.model.signals import FIGURES, SIGNALS, UNIT_OF_SIGNAL
from jobs.model.smallest_share import smallest_shares
from jobs.tables import BACKUP_KEY, DEVICE, KINDS, SCORES

DEVICE_NAMES = tuple(column.name for column in DEVICE)
ROWS_A_PART = 500_000  # of which every second may be a model: half a GB in a Python worker
ROWS_A_BATCH = 16_384  # what goes back to Spark at a time
CARRIED = (*(column.name for column in BACKUP_KEY), "ended_at")
PREVIOUS = ("previous_backup_id", "previous_ended_at")
# Sums of evidence as the backup before left them, as columns: of each kind how much, and over how many backups.
SUMS = {f"sum_{kind}": ("cumulative", kind) for kind in ADDED_UP}
SUMS |= {f"backups_{kind}": ("cumulative_backups", kind) for kind in ADDED_UP}
NUMBERS = ("ratio_offset", "ratio_spread", "stored_density", "backups_per_year")
ARRAYS = {"top": len(SIGNALS), "bins": len(SIGNALS) * BINS}
TOLD_FROM = 1.0  # evidence: one ordinary backup in ten
# What the kernel gives; the rest of `scores` is the same for all rows.
CONSTANT = ("threshold", "budget", "model_version", "run_id")
GIVEN = SCORES.only(*(name for name in SCORES.names if name not in CONSTANT))
ARROW = {"string": pa.string(), "double": pa.float64(), "bigint": pa.int64()}
ARROW |= {f"map<string,{name}>": pa.map_(pa.string(), ARROW[name]) for name in ("double", "bigint")}
ARROW["array<string>"] = pa.list_(pa.string())


def scored(
    judged: DataFrame,
    models: DataFrame,
    before: DataFrame,
    fleet: FleetModel,
    version: str,
    budget: float,
    partitions: int,
) -> DataFrame:
    """The columns of `scores` but run_id for every row of `judged`.

    A device without a row in `models`, which has each device once, is judged by what the fleet does.

    Parameters
    ----------
    judged : DataFrame
        Rows of `features`.
    models : DataFrame
        Rows of `device_models` of one version.
    before : DataFrame
        Rows of `scores` that backups in `judged` may be compared with.
    budget : float
        False alerts per device-year.
    partitions : int
        Into how many parts the fleet is cut; a part is held in memory as a whole.
    """
    figures = judged.select(*CARRIED, *PREVIOUS, *[F.col(name).cast("double").alias(name) for name in FIGURES])
    # Not a join: that would hand the kernel a model's numbers once for every backup.
    both = figures.unionByName(models.select(*DEVICE_NAMES, *NUMBERS, *ARRAYS), allowMissingColumns=True)
    both = both.unionByName(_sums_of(before, judged), allowMissingColumns=True)
    threshold = threshold_of(budget)

    def score(batches: Iterable[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
        held = list(batches)
        if held:
            scores = score_part(pa.Table.from_batches(held), fleet, threshold)
            yield from scores.to_batches(max_chunksize=ROWS_A_BATCH)

    schema = ", ".join(f"{column.name} {column.type}" for column in GIVEN)
    scores = both.repartition(partitions, *DEVICE_NAMES).mapInArrow(score, schema)
    return scores.withColumns(
        {
            "threshold": F.lit(threshold),
            "budget": F.lit(budget),
            "model_version": F.lit(version),
        }
    )


def _sums_of(before: DataFrame, judged: DataFrame) -> DataFrame:
    """What the backups that others are compared with left of sums; a row only where something is left.

    Left semi join on the backup. Behind an alert nothing is left.
    """
    has_left = F.col("cumulative").isNotNull() & (F.col("anomaly_score") < F.col("threshold"))
    asked = judged.select(
        *DEVICE_NAMES, F.col("previous_backup_id").alias("backup_id"), F.col("previous_ended_at").alias("ended_at")
    )
    left = before.where(has_left).join(asked, on=[*DEVICE_NAMES, "backup_id", "ended_at"], how="left_semi")
    sums = [F.coalesce(F.col(of)[kind], F.lit(0)).cast("double").alias(name) for name, (of, kind) in SUMS.items()]
    return left.select(*DEVICE_NAMES, "backup_id", "ended_at", *sums)


def parts_for(rows: int) -> int:
    """Into how many parts so many rows of backups and models are cut: at least one a core of a small machine."""
    return max(2, math.ceil(rows / ROWS_A_PART))


def score_part(rows: pa.Table, fleet: FleetModel, threshold: float) -> pa.Table:
    """Scores of the backups in `rows`, which holds models of their devices and sums before them, in any order."""
    device, first = numbered(rows, DEVICE_NAMES)
    is_model = rows["bins"].is_valid().to_numpy()
    is_sum = rows[next(iter(SUMS))].is_valid().to_numpy()
    n_models = int(np.count_nonzero(is_model))
    models = {name: np.append(_numbers(rows[name].filter(is_model)), np.nan) for name in NUMBERS}
    models |= {name: _rows(rows[name], n_models, width) for name, width in ARRAYS.items()}
    model_of = np.full(len(first), n_models)  # behind the last model stands what is unknown
    model_of[device[is_model]] = np.arange(n_models)
    # Device by device, so that each model is fetched into the processor's cache once.
    backups = np.flatnonzero(~(is_model | is_sum))
    backups = backups[np.argsort(device[backups], kind="stable")]
    ordered = rows.select([*CARRIED, *PREVIOUS, *FIGURES]).combine_chunks().take(pa.array(backups))
    held = rows.select([*DEVICE_NAMES, "backup_id", "ended_at", *SUMS]).filter(pa.array(is_sum)).combine_chunks()
    return _scored(ordered, held, models, model_of[device[backups]], fleet, threshold)


def _scored(
    rows: pa.Table, held: pa.Table, models: Arrays, beside: Array, fleet: FleetModel, threshold: float
) -> pa.Table:
    """Scores of all rows; what is usual and what would be seen is worked out for those that alert, else null."""
    backups = {name: _numbers(rows[name]) for name in FIGURES}
    scores = score_backups(backups, models, fleet, beside)
    previous, sums_before, backups_before = _before(rows, held)
    sums = add_up(scores, previous, threshold, sums_before, backups_before)
    alerts = np.flatnonzero((sums.score >= threshold) & (sums.kind >= 0))
    of_alerts = {name: column[beside[alerts]] for name, column in models.items()}
    of_those = {name: column[alerts] for name, column in backups.items()}
    reasons = explain(of_those, of_alerts, fleet, np.where(sums.together, sums.kind, -1)[alerts])
    signal = np.full(len(rows), -1)
    signal[alerts] = reasons["signal"]
    given: dict[str, Any] = {
        "anomaly_score": sums.score,
        "anomaly_kind": _words(sums.kind, KINDS),
        "evidence": _map_of(scores["evidence"]),
        "cumulative": _left_of(sums.sums, sums.sums, pa.float64()),
        "cumulative_backups": _left_of(sums.backups, sums.sums, pa.int64()),
        "backups_together": pa.array(sums.together, pa.int64(), mask=sums.together == 0),
        "unseen": _list_of(scores["unseen"]),
        "smallest_share": _map_at(alerts, smallest_shares(of_those, of_alerts, fleet, threshold), len(rows)),
        "signal": _words(signal, SIGNALS),
        "unit": _words(signal, tuple(UNIT_OF_SIGNAL[name] for name in SIGNALS)),
        **{name: _spread(reasons[name], alerts, len(rows)) for name in ("value", "usual_low", "usual_high", "share")},
    }
    columns = [rows[c.name] if c.name in CARRIED else _arrow(given[c.name], ARROW[c.type]) for c in GIVEN]
    return pa.Table.from_arrays(columns, names=[column.name for column in GIVEN])


def _before(rows: pa.Table, held: pa.Table) -> tuple[Array, Array, Array]:
    """What each row's sums go on from: a row of these, or what is held of the backup before; see `add_up`."""
    names = [*DEVICE_NAMES, "backup_id", "ended_at"]
    has_previous = pc.and_(*(rows[name].is_valid() for name in PREVIOUS))
    asked = rows.select([*DEVICE_NAMES, *PREVIOUS]).rename_columns(names).filter(has_previous)
    number, _ = numbered(pa.concat_tables([rows.select(names), held.select(names), asked]), names)
    own, sums, of_asked = np.split(number, np.cumsum([len(rows), len(held)]))
    of_row, of_sum = np.full((2, number.max(initial=-1) + 1), NONE)
    of_row[own], of_sum[sums] = np.arange(len(rows)), np.arange(len(held))
    previous, at = np.full((2, len(rows)), NONE)
    is_asked = np.flatnonzero(has_previous.to_numpy())
    previous[is_asked], at[is_asked] = of_row[of_asked], of_sum[of_asked]
    table = np.stack([np.append(held[name].to_numpy(), 0.0) for name in SUMS], axis=1)  # behind the last stands nothing
    before = table[at]
    return previous, before[:, : len(ADDED_UP)], before[:, len(ADDED_UP) :].astype(np.int64)


def _numbers(column: pa.ChunkedArray) -> Array:
    numbers: Array = column.cast(pa.float64()).to_numpy()
    return numbers


def _rows(lists: pa.ChunkedArray, length: int, width: int) -> Array:
    """Lists of one width that are not null, so many, as rows; and one more of NaN."""
    rows = np.empty((length + 1, width), np.float32)
    # Flattening leaves out null lists: to filter the rows first would copy all numbers once more.
    rows[:-1] = pc.list_flatten(lists).to_numpy().reshape(-1, width)
    rows[-1] = np.nan
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
    # Of an ordinary backup nearly every signal is a little unusual: what nobody reads would be most of the table.
    at, row, signal = above_zero(np.where(evidence >= TOLD_FROM, evidence, 0))
    keys = pa.array(SIGNALS, pa.string()).take(pa.array(signal))
    return pa.MapArray.from_arrays(_ends(np.bincount(row, minlength=len(evidence))), keys, pa.array(evidence.take(at)))


def _left_of(values: Array, sums: Array, type_: pa.DataType) -> pa.Array:
    """What is left of sums, by kind; null where nothing is."""
    at, row, kind = above_zero(sums)
    counts = np.bincount(row, minlength=len(sums))
    keys = pa.array(ADDED_UP, pa.string()).take(pa.array(kind))
    offsets = pa.array(np.append(0, np.cumsum(counts)), pa.int32(), mask=np.append(counts == 0, False))
    return pa.MapArray.from_arrays(offsets, keys, pa.array(values.take(at), type_))


def _map_at(rows: Array, shares: Array, length: int) -> pa.Array:
    """Shares by kind for these rows, null where no share would alert; no map at all for the other rows."""
    has_map = np.zeros(length, bool)
    has_map[rows] = True
    starts = np.cumsum(has_map) * len(KINDS)
    offsets = pa.array(np.append(0, starts), pa.int32(), mask=np.append(~has_map, False))
    keys = pa.array(KINDS * len(rows), pa.string())
    return pa.MapArray.from_arrays(offsets, keys, pa.array(shares.ravel(), pa.float64(), from_pandas=True))


def _list_of(unseen: Array) -> pa.Array:
    _, row, signal = above_zero(unseen)
    keys = pa.array(SIGNALS, pa.string()).take(pa.array(signal))
    return pa.ListArray.from_arrays(_ends(np.bincount(row, minlength=len(unseen))), keys)


def _arrow(values: Array | pa.Array, type_: pa.DataType) -> pa.Array:
    return values if isinstance(values, pa.Array) else pa.array(values, type_, from_pandas=True)
