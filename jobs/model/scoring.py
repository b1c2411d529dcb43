"""Scores: how unusual each backup is beside its device's model, what kind of attack it looks like, and why."""

from __future__ import annotations

import numpy as np

from jobs.model.arrays import Array, Arrays
from jobs.model.calibration import TYPICAL_BACKUPS_PER_YEAR, anomaly_score, raw_score
from jobs.model.compression import YOUNG_SPREAD
from jobs.model.fleet import FleetModel
from jobs.model.histograms import BINS, PRIOR_WEIGHT, count_above, evidence_of
from jobs.model.prior import GRID, prior_chance
from jobs.model.signals import FIGURES, KIND_OF_SIGNAL, SIGNALS, UNIT_OF_SIGNAL, signals_beside
from jobs.tables import KINDS

# A device without a model is judged as one that the fleet knows nothing special about.
YOUNG = {
    "ratio_offset": 0.0,
    "ratio_spread": YOUNG_SPREAD,
    "backups_per_year": TYPICAL_BACKUPS_PER_YEAR,
    "top": 0.0,
    "bins": 0.0,
}
_COMPRESSION = ("ratio_offset", "ratio_spread", "stored_density")
_CHUNK = 8192  # rows at a time: keeps memory flat and the work in the processor's cache
_KIND = np.array([KINDS.index(KIND_OF_SIGNAL[signal]) for signal in SIGNALS])
_UNIT = np.array([UNIT_OF_SIGNAL[signal] for signal in SIGNALS])


def score_backups(backups: Arrays, models: Arrays, fleet: FleetModel, beside: Array | None = None) -> dict[str, Array]:
    """Score of each backup by the model that its device had before it.

    Parameters
    ----------
    backups : mapping of arrays of shape (n,)
        The columns of `jobs.model.signals.FIGURES`; NaN where unknown.
    models : mapping of arrays with k rows
        Device models as `jobs.model.devices.fit_devices` gives them: ratio_offset, ratio_spread, stored_density,
        backups_per_year, top (k, 19), bins (k, 228); NaN or 0 for a device without a model.
    fleet : FleetModel
    beside : int array of shape (n,), optional
        The row of `models` that each backup is judged by; its own row if not given.

    Returns
    -------
    mapping of arrays with n rows
        anomaly_score (-log10 of false alerts per device-year; higher is more unusual), kind (index into
        `jobs.tables.KINDS`, -1 without any evidence), evidence (n, 19; 0 where there is none), unseen (n, 19; True
        where a figure that the signal needs is unknown).

    Notes
    -----
    docs/detection.md, "Score" and "Kind".
    """
    models = _completed(models)
    models["history"] = history_of(models["bins"])
    n = len(backups["files_added"])
    beside = np.arange(n) if beside is None else beside
    chunks = [slice(start, start + _CHUNK) for start in range(0, max(n, 1), _CHUNK)]
    parts = [_score_chunk({name: backups[name][c] for name in FIGURES}, models, fleet, beside[c]) for c in chunks]
    return {name: np.concatenate([part[name] for part in parts]) for name in parts[0]}


def explain(backups: Arrays, models: Arrays, fleet: FleetModel) -> dict[str, Array]:
    """What each backup did, beside what its device usually does; for those that alert.

    Parameters
    ----------
    backups, models, fleet
        As in `score_backups`; row by row, one model a backup.

    Returns
    -------
    mapping of arrays of shape (n,)
        signal (index into `SIGNALS` of the loudest one, which gives the kind; -1 without any evidence), value,
        usual_low and usual_high (its 5 % and 95 % points) in the signal's unit, share (of files or bytes before, 0 to
        1); NaN where unknown or without evidence.

    Notes
    -----
    docs/detection.md, "What an anomaly says".
    """
    models = _completed(models)
    signals = signals_beside(backups, models, fleet.curve)
    rows = np.arange(len(signals))
    evidence = _evidence(signals, backups, models, fleet, rows)
    kind, signal = _loudest(evidence)
    has_evidence = kind >= 0
    loudest = np.maximum(signal, 0)
    value = np.where(has_evidence, signals[rows, loudest], np.nan)
    unit = _UNIT[loudest]
    bins = models["bins"].reshape(-1, len(SIGNALS), BINS)[rows, loudest]
    history = (models["top"][rows, loudest], bins)
    usual = [_usual(part, loudest, history, backups["files_before"], fleet) for part in (0.05, 0.95)]
    whole = np.select([unit == "files", unit == "bytes"], [backups["files_before"], backups["bytes_before"]], np.nan)
    return {
        "signal": signal,
        "value": value,
        "usual_low": np.where(has_evidence, usual[0], np.nan),
        "usual_high": np.where(has_evidence, usual[1], np.nan),
        "share": np.clip(np.divide(value, whole, out=np.full(len(value), np.nan), where=whole > 0), 0, 1),
    }


def _score_chunk(backups: Arrays, models: Arrays, fleet: FleetModel, beside: Array) -> dict[str, Array]:
    signals = signals_beside(backups, {name: models[name][beside] for name in _COMPRESSION}, fleet.curve)
    evidence = _evidence(signals, backups, models, fleet, beside)
    schedule, history = models["backups_per_year"][beside], models["history"][beside]
    return {
        "anomaly_score": anomaly_score(raw_score(evidence), schedule, history, fleet.calibrations),
        "kind": _loudest(evidence)[0],
        "evidence": evidence,
        "unseen": np.isnan(signals),
    }


def _completed(models: Arrays) -> dict[str, Array]:
    """Models with the numbers of a young device where there is none."""
    filled = {name: np.where(np.isnan(models[name]), young, models[name]) for name, young in YOUNG.items()}
    return {**filled, "stored_density": models["stored_density"]}


def _evidence(signals: Array, backups: Arrays, models: Arrays, fleet: FleetModel, beside: Array) -> Array:
    """Evidence of each signal, 0 where it is 0 or unknown."""
    evidence = np.zeros(signals.shape)
    row, signal = np.nonzero(signals > 0)
    values = np.log1p(signals[row, signal].astype(np.float32))
    prior = prior_chance(fleet.prior, signal, values, backups["files_before"], row)
    bins = models["bins"].reshape(-1, len(SIGNALS), BINS)[beside[row], signal]
    evidence[row, signal] = evidence_of(values, models["top"][beside[row], signal], bins, prior)
    return evidence


def history_of(bins: Array) -> Array:
    """Decayed count of the backups behind each model: that of the signal that was known most often."""
    count: Array = np.einsum("ijk->ij", bins.reshape(-1, len(SIGNALS), BINS)).max(axis=1)
    return count


def _loudest(evidence: Array) -> tuple[Array, Array]:
    """Kind that the loudest signal speaks for and that signal; both -1 where none says anything."""
    loudest = evidence.argmax(axis=1)
    speaks = evidence.max(axis=1) > 0
    return np.where(speaks, _KIND[loudest], -1), np.where(speaks, loudest, -1)


def _usual(part: float, signal: Array, history: tuple[Array, Array], files_before: Array, fleet: FleetModel) -> Array:
    """Value that this part of the device's backups does not exceed, the fleet counted as four backups."""
    top, bins = history
    low, high = np.zeros(len(top)), np.full(len(top), GRID[-1])
    weight = PRIOR_WEIGHT + bins.sum(axis=1)
    for _ in range(40):  # halvings: to far below a file or a byte
        middle = (low + high) / 2
        prior = prior_chance(fleet.prior, signal, middle, files_before)
        above = (PRIOR_WEIGHT * prior + count_above(middle, top, bins)) / weight > 1 - part
        low, high = np.where(above, middle, low), np.where(above, high, middle)
    point = np.expm1(high)
    rounded: Array = np.where(_UNIT[signal] == "deviations", np.round(point, 2), np.round(point))
    return rounded
