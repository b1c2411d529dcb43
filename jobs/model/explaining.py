"""What an anomaly says: the signal that gave it most of its points, its value, and what the device usually does."""

from __future__ import annotations

import numpy as np

from jobs.model.arrays import Array, Arrays
from jobs.model.comparing import compared, completed_models
from jobs.model.fleet import FleetModel
from jobs.model.histograms import BINS, PRIOR_WEIGHT, count_above
from jobs.model.loudness import allowed_for, usual_loudness
from jobs.model.naming import named, told
from jobs.model.point_sets import SETS
from jobs.model.prior import GRID, prior_chance
from jobs.model.rarities import sub_kind_scores
from jobs.model.signals import FIGURES, SIGNALS, UNIT_OF_SIGNAL
from jobs.model.stand_ins import completed
from jobs.model.sub_kinds import KIND_OF_SUB_KIND, SIGNAL_OF_COLUMN, SUB_KINDS, largest_of_kinds, loudest_of_kinds

_UNIT = np.array([UNIT_OF_SIGNAL[signal] for signal in SIGNALS])
_DELETE = [sub_kind.name for sub_kind in SUB_KINDS].index("delete")
_LOST, _DELETED = SIGNALS.index("lost"), [SIGNALS.index(name) for name in ("deleted", "deleted_net", "deleted_alone")]


def explain(
    backups: Arrays,
    models: Arrays,
    fleet: FleetModel,
    sum_kind: Array | None = None,
    loudness: Array | None = None,
) -> dict[str, Array]:
    """What each backup did, beside what its device usually does; for those that alert.

    Parameters
    ----------
    backups, models, fleet
        As in `jobs.model.scoring.score_backups`; row by row, one model a backup.
    sum_kind : int array of shape (n,), optional
        Index into `jobs.tables.KINDS` of the sum that alerted; -1, and if not given: the backup did so alone.
    loudness : array of shape (n, 4), optional
        Of their devices before; the usual one if not given.

    Returns
    -------
    mapping of arrays of shape (n,)
        signal (index into `SIGNALS` of the one that gave the kind most of its points; -1 without any evidence), value,
        usual_low and usual_high (its 5 % and 95 % points) in the signal's unit, share (of files or bytes before, 0 to
        1); NaN where unknown or without evidence.

    Notes
    -----
    docs/model.md, "What an anomaly says".
    """
    models = completed_models(models)
    rows = np.arange(len(backups["files_added"]))
    sum_kind = np.full(len(rows), -1) if sum_kind is None else sum_kind
    loudness = usual_loudness(len(rows)) if loudness is None else loudness
    parts, done = [], 0
    for part in compared(backups, models, fleet, rows):
        own = slice(done, done + len(part["set"]))
        parts.append((part, _loudest(part, sum_kind[own], loudness[own], fleet)))
        done = own.stop
    signals = np.concatenate([part["signals"] for part, _ in parts])
    signal = np.concatenate([loudest for _, loudest in parts])
    has_evidence, loudest = signal >= 0, np.maximum(signal, 0)
    value = np.where(has_evidence, signals[rows, loudest], np.nan)
    unit = _UNIT[loudest]
    bins = models["bins"].reshape(-1, len(SIGNALS), BINS)[rows, loudest]
    history = (models["top"][rows, loudest], bins)
    cohort = completed({name: backups[name] for name in FIGURES})["cohort"]
    usual = [_usual(part, loudest, history, cohort, fleet) for part in (0.05, 0.95)]
    whole = np.select([unit == "files", unit == "bytes"], [backups["files_before"], backups["bytes_before"]], np.nan)
    return {
        "signal": signal,
        "value": value,
        "usual_low": np.where(has_evidence, usual[0], np.nan),
        "usual_high": np.where(has_evidence, usual[1], np.nan),
        "share": np.clip(np.divide(value, whole, out=np.full(len(value), np.nan), where=whole > 0), 0, 1),
    }


def _loudest(rows: Arrays, sum_kind: Array, loudness: Array, fleet: FleetModel) -> Array:
    """Signal that gave the winning sub-kind, or that of the sum, most of its points; -1 where there is no evidence."""
    signal = np.full(len(rows["set"]), -1)
    for place, name in enumerate(SETS):
        own = np.flatnonzero((rows["set"] == place) & rows["evidence"].any(axis=1))
        if len(own):
            points = fleet.sets[name]
            of_set = {name: rows[name][own] for name in ("columns", "evidence", "signals", "is_rewrite")}
            by_sub_kind, kind = sub_kind_scores(of_set, points), sum_kind[own]
            of_kinds = allowed_for(largest_of_kinds(by_sub_kind), loudness[own], rows["schedule"][own]).argmax(axis=1)
            winner = loudest_of_kinds(by_sub_kind)[np.arange(len(own)), of_kinds]
            winner = named(winner, of_set)
            of_sum = np.where(kind[:, np.newaxis] == KIND_OF_SUB_KIND, by_sub_kind, -np.inf).argmax(axis=1)
            winner = told(np.where(kind >= 0, of_sum, winner), of_set["columns"])
            given = (rows["columns"][own] * points.weights.T[winner]) @ SIGNAL_OF_COLUMN
            # Where the totals do not say it, bytes lost are only likely.
            has_files = rows["evidence"][own][:, _DELETED].any(axis=1) & (winner == _DELETE)
            given[:, _LOST] = np.where(has_files, 0, given[:, _LOST])
            # What nothing was learned for still has its evidence.
            signal[own] = (given + 1e-6 * rows["evidence"][own]).argmax(axis=1)
    return signal


def _usual(part: float, signal: Array, history: tuple[Array, Array], cohort: Array, fleet: FleetModel) -> Array:
    """Value that this part of the device's backups does not exceed, the fleet counted as four backups."""
    top, bins = history
    low, high = np.zeros(len(top)), np.full(len(top), GRID[-1])
    weight = PRIOR_WEIGHT + bins.sum(axis=1)
    for _ in range(40):  # halvings: to far below a file or a byte
        middle = (low + high) / 2
        prior = prior_chance(fleet.prior, signal, middle, cohort)
        above = (PRIOR_WEIGHT * prior + count_above(middle, top, bins)) / weight > 1 - part
        low, high = np.where(above, middle, low), np.where(above, high, middle)
    point = np.expm1(high)
    rounded: Array = np.where(_UNIT[signal] == "deviations", np.round(point, 2), np.round(point))
    return rounded
