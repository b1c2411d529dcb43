"""Scores of backups beside their device's model: one array kernel over Arrow batches."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from pyspark.sql import Column, DataFrame
from pyspark.sql import functions as F

from jobs.arrow import numbered
from jobs.model.arrays import Array, Arrays
from jobs.model.calibration import threshold_of
from jobs.model.cumulative import ADDED_UP, NONE, add_up
from jobs.model.explaining import explain
from jobs.model.fleet import FleetModel
from jobs.model.histograms import BINS
from jobs.model.loudness import USUAL
from jobs.model.regular_jobs import JOBS, MOMENTS
from jobs.model.scoring import score_backups, scores_in_turn
from jobs.model.signals import FIGURES, SIGNALS, UNIT_OF_SIGNAL
from jobs.noted import HISTORY, NOTHING, Noted
from jobs.score.columns import ARROW, evidence_map, kinds_map, named, spread, sums_map, typed, unseen_list
from jobs.tables import BACKUP_KEY, KINDS, SCORES

ROWS_A_PART = 500_000  # of which every second may be a model: half a GB in a Python worker
ROWS_A_BATCH = 16_384  # what is worked out, and goes back to Spark, at a time
CARRIED = (*(column.name for column in BACKUP_KEY), "ended_at")
# Which backup of its device a row is, and which one it is compared with: 64 bits tell a device's backups apart, and a
# number is looked up several times quicker than a text.
LINKS = ("backup", "previous")
# What the backup before left, as columns: of each kind how loud the device is, how much is added up, and over how many
# backups; and whether that backup alerted, as what alerts alone goes on only from what such ones left. 0: no sums.
LEFT_OF = {f"loud_{kind}": ("loudness", kind, USUAL) for kind in KINDS}
LEFT_OF |= {f"sum_{kind}": ("cumulative", kind, 0.0) for kind in ADDED_UP}
LEFT_OF |= {f"backups_{kind}": ("cumulative_backups", kind, 0.0) for kind in ADDED_UP}
LEFT = (*LEFT_OF, "alerted")
NUMBERS = ("ratio_offset", "ratio_spread", "stored_density", "backups_per_year", *JOBS)
SHARE = "smallest_share"  # handed on as it is
ARRAYS = {"top": len(SIGNALS), "bins": len(SIGNALS) * BINS, "job_levels": len(SIGNALS)}
# What the kernel gives; the rest of `scores` is the same for all rows.
CONSTANT = ("threshold", "budget", "model_version", "run_id")
GIVEN = SCORES.only(*(name for name in SCORES.names if name not in CONSTANT))


def scored(
    judged: DataFrame,
    models: DataFrame,
    before: DataFrame | None,
    fleet: FleetModel,
    version: str,
    budget: float,
    partitions: int,
    noted: Noted = NOTHING,
) -> DataFrame:
    """The columns of `scores` but run_id for every row of `judged`.

    A device without a row in `models`, which has each device once, is judged by what the fleet does.

    Parameters
    ----------
    judged : DataFrame
        Rows of `features`.
    models : DataFrame
        Rows of `device_models` of one version.
    before : DataFrame or None
        Rows of `scores` that backups in `judged` may be compared with; None: there are none.
    budget : float
        False alerts per device-year.
    partitions : int
        Into how many parts the fleet is cut; a part is held in memory as a whole.
    noted : Noted
        What people said of devices: a model and what a backup left go with the history, whatever its name was.
    """
    judged = noted.with_history(judged)
    models = noted.with_history(noted.models_of(models))
    links = (
        _link("backup_id", "ended_at").alias("backup"),
        _link("previous_backup_id", "previous_ended_at").alias("previous"),
    )
    figures = judged.select(
        *CARRIED, "history_id", *links, *[F.col(name).cast("double").alias(name) for name in FIGURES]
    )
    # Not a join: that would hand the kernel a model's numbers once for every backup.
    models = models.withColumns({name: F.unix_micros(name) / 1e6 for name in MOMENTS})
    both = figures.unionByName(models.select(*HISTORY, *NUMBERS, *ARRAYS, SHARE), allowMissingColumns=True)
    if before is None:
        both = both.withColumns({name: F.lit(None).cast("double") for name in LEFT})
    else:
        both = both.unionByName(_left_by(noted.with_history(before), judged), allowMissingColumns=True)
    threshold = threshold_of(budget)

    def score(batches: Iterable[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
        held = list(batches)
        if held:
            scores = score_part(pa.Table.from_batches(held), fleet, threshold)
            yield from scores.to_batches(max_chunksize=ROWS_A_BATCH)

    schema = ", ".join(f"{column.name} {column.type}" for column in GIVEN)
    scores = both.repartition(partitions, *HISTORY).mapInArrow(score, schema)
    return scores.withColumns(
        {
            "threshold": F.lit(threshold),
            "budget": F.lit(budget),
            "model_version": F.lit(version),
        }
    )


def _left_by(before: DataFrame, judged: DataFrame) -> DataFrame:
    """What the backups that others are compared with left, see `LEFT`: left semi join on the backup."""
    asked = judged.select(
        *HISTORY, F.col("previous_backup_id").alias("backup_id"), F.col("previous_ended_at").alias("ended_at")
    )
    rows = before.join(asked, on=[*HISTORY, "backup_id", "ended_at"], how="left_semi")
    left = [
        F.coalesce(F.col(of)[kind].cast("double"), F.lit(unknown)).alias(name)
        for name, (of, kind, unknown) in LEFT_OF.items()
    ]
    alerted = (F.col("anomaly_score") >= F.col("threshold")).cast("double").alias("alerted")
    return rows.select(*HISTORY, _link("backup_id", "ended_at").alias("backup"), *left, alerted)


def _link(backup_id: str, ended_at: str) -> Column:
    """The number of one of a device's backups; null where there is none."""
    return F.when(F.col(backup_id).isNotNull(), F.xxhash64(backup_id, ended_at))


def parts_for(rows: int) -> int:
    """Into how many parts so many rows of backups and models are cut: at least one a core of a small machine."""
    return max(2, math.ceil(rows / ROWS_A_PART))


def score_part(rows: pa.Table, fleet: FleetModel, threshold: float) -> pa.Table:
    """Scores of the backups in `rows`, which holds their devices' models and what was left to them, in any order."""
    device, first = numbered(rows, HISTORY)
    is_model = rows["bins"].is_valid().to_numpy()
    is_left = rows[LEFT[0]].is_valid().to_numpy()
    n_models = int(np.count_nonzero(is_model))
    models = {name: np.append(_numbers(rows[name].filter(is_model)), np.nan) for name in NUMBERS}
    models |= {name: _rows(rows[name], n_models, width) for name, width in ARRAYS.items()}
    model_of = np.full(len(first), n_models)  # behind the last model stands what is unknown
    model_of[device[is_model]] = np.arange(n_models)
    # Device by device, so that each model is fetched into the processor's cache once.
    backups = np.flatnonzero(~(is_model | is_left))
    backups = backups[np.argsort(device[backups], kind="stable")]
    before = _before(rows.select([*LINKS, *LEFT]), device, backups, np.flatnonzero(is_left))
    ordered = rows.select([*CARRIED, *FIGURES]).combine_chunks().take(pa.array(backups))
    beside = model_of[device[backups]]
    share = rows[SHARE].filter(is_model).combine_chunks().take(pa.array(beside, mask=beside == n_models))
    return _scored(ordered.append_column(SHARE, share), before, models, beside, fleet, threshold)


def _scored(
    rows: pa.Table,
    before: tuple[Array, Array, tuple[Array, Array, Array]],
    models: Arrays,
    beside: Array,
    fleet: FleetModel,
    threshold: float,
) -> pa.Table:
    """Scores of all rows; what is usual is worked out for those that alert, else null."""
    backups = {name: _numbers(rows[name]) for name in FIGURES}
    backups["ended_at"] = rows["ended_at"].cast(pa.int64()).to_numpy() / 1e6
    scores, told, unseen = _alone(backups, models, beside, fleet)
    previous, loudness, left = before
    scores = scores_in_turn(scores, previous, fleet, loudness)
    sums = add_up(scores, previous, threshold, left)
    alerts = np.flatnonzero((sums.score >= threshold) & (sums.kind >= 0))
    of_alerts = {name: column[beside[alerts]] for name, column in models.items()}
    of_those = {name: column[alerts] for name, column in backups.items()}
    sum_kind = np.where(sums.together, sums.kind, -1)[alerts]
    reasons = explain(of_those, of_alerts, fleet, sum_kind, scores["loudness"][alerts])
    signal = np.full(len(rows), -1)
    signal[alerts] = reasons["signal"]
    given: dict[str, Any] = {
        "anomaly_score": sums.score,
        "anomaly_kind": named(sums.kind, KINDS),
        "evidence": told,
        "cumulative": sums_map(sums.sums, sums.sums, pa.float64()),
        "cumulative_backups": sums_map(sums.backups, sums.sums, pa.int64()),
        "loudness": kinds_map(scores["loudness_after"]),
        "backups_together": pa.array(sums.together, pa.int64(), mask=sums.together == 0),
        "unseen": unseen,
        "signal": named(signal, SIGNALS),
        "unit": named(signal, tuple(UNIT_OF_SIGNAL[name] for name in SIGNALS)),
        **{name: spread(reasons[name], alerts, len(rows)) for name in ("value", "usual_low", "usual_high", "share")},
    }
    columns = [rows[c.name] if c.name in (*CARRIED, SHARE) else typed(given[c.name], ARROW[c.type]) for c in GIVEN]
    return pa.Table.from_arrays(columns, names=[column.name for column in GIVEN])


def _alone(
    backups: Arrays, models: Arrays, beside: Array, fleet: FleetModel
) -> tuple[dict[str, Array], pa.ChunkedArray, pa.ChunkedArray]:
    """Scores of backups alone; and their evidence and what is unseen, which as arrays would be most of the memory."""
    parts, told, unseen = [], [], []
    for start in range(0, max(len(beside), 1), ROWS_A_BATCH):
        rows = slice(start, start + ROWS_A_BATCH)
        part = score_backups({name: column[rows] for name, column in backups.items()}, models, fleet, beside[rows])
        told.append(evidence_map(part.pop("evidence")))
        unseen.append(unseen_list(part.pop("unseen")))
        parts.append(part)
    scores = {name: np.concatenate([part[name] for part in parts]) for name in parts[0]}
    return scores, pa.chunked_array(told), pa.chunked_array(unseen)


def _before(
    rows: pa.Table, device: Array, backups: Array, held: Array
) -> tuple[Array, Array, tuple[Array, Array, Array]]:
    """What each backup goes on from: one of these, or what is held of the one before; loudness and sums."""
    backup, previous = (rows[name].combine_chunks() for name in LINKS)
    asking = np.flatnonzero(previous.is_valid().to_numpy(zero_copy_only=False)[backups])
    at = [backups, held, backups[asking]]
    names = pa.concat_arrays([backup.take(pa.array(np.concatenate(at[:2]))), previous.take(pa.array(at[2]))])
    number, _ = numbered(pa.table([device[np.concatenate(at)], names], ["device", "backup"]), ["device", "backup"])
    own, left, asked = np.split(number, np.cumsum([len(backups), len(held)]))
    place, place_held = np.full((2, number.max(initial=-1) + 1), NONE)
    place[own], place_held[left] = np.arange(len(backups)), np.arange(len(held))
    before, before_held = np.full((2, len(backups)), NONE)
    before[asking], before_held[asking] = place[asked], place_held[asked]
    # Behind the last stands what is unknown.
    unknown = (*(value for _, _, value in LEFT_OF.values()), 0.0)
    columns = [np.append(rows[n].take(pa.array(held)).to_numpy(), of) for n, of in zip(LEFT, unknown, strict=True)]
    loudness, sums, counts, alerted = np.split(
        np.stack(columns, axis=1)[before_held], np.cumsum([len(KINDS), len(ADDED_UP), len(ADDED_UP)]), axis=1
    )
    return before, loudness, (sums, counts.astype(np.int64), alerted[:, 0] > 0)


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
