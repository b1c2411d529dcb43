"""Backups beside their devices' models: what the score of each is made of."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from jobs.model.arrays import Array, Arrays
from jobs.model.calibration import TYPICAL_BACKUPS_PER_YEAR
from jobs.model.compression import YOUNG_SPREAD
from jobs.model.fleet import FleetModel
from jobs.model.histograms import BINS, evidence_of, usual_level
from jobs.model.points import columns_of
from jobs.model.prior import prior_chance
from jobs.model.signals import FIGURES, SIGNALS, ratio_beside, signals_of
from jobs.model.stand_ins import completed
from jobs.model.sub_kinds import COUNTS, SHARES
from jobs.model.surge import surge_chance

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
_IS_COUNTED = np.isin(SIGNALS, (*SHARES.values(), *COUNTS))  # by shares and as such, beyond what is usual


def compared(backups: Arrays, models: Arrays, fleet: FleetModel, beside: Array) -> Iterator[dict[str, Array]]:
    """Each backup beside its model, so many rows at a time: what its score is made of.

    Parameters
    ----------
    backups, models, fleet, beside
        As in `jobs.model.scoring.score_backups`; of `models` what `completed_models` gives.

    Returns
    -------
    iterator over mappings of arrays
        signals, evidence, columns (see `jobs.model.points.columns_of`), set (index into `jobs.model.point_sets.SETS`),
        is_rewrite (its dense bytes are few enough to lie in the updated files), schedule, history.
    """
    history = history_of(models["bins"])
    for start in range(0, max(len(beside), 1), _CHUNK):
        chunk = slice(start, start + _CHUNK)
        at = beside[chunk]
        own = {name: models[name][at] for name in _COMPRESSION}
        figures = completed({name: backups[name][chunk] for name in FIGURES})
        expected = ratio_beside(figures, own, fleet.curve)
        signals = signals_of(figures, expected, own["ratio_spread"], own["stored_density"])
        evidence, surge, beyond = _evidence(signals, figures["cohort"], models, fleet, at)
        yield {
            "signals": signals,
            "evidence": evidence,
            "columns": columns_of(evidence, surge, beyond, figures, expected, own["stored_density"]),
            "set": set_of(figures, ~np.isnan(backups["files_updated"][chunk])),
            "is_rewrite": _is_rewrite(figures, expected),
            "schedule": models["backups_per_year"][at],
            "history": history[at],
        }


def completed_models(models: Arrays) -> dict[str, Array]:
    """Models with the numbers of a young device where there is none."""
    filled = {name: np.where(np.isnan(models[name]), young, models[name]) for name, young in YOUNG.items()}
    return {**filled, "stored_density": models["stored_density"]}


def history_of(bins: Array) -> Array:
    """Decayed count of the backups behind each model: that of the signal that was known most often."""
    count: Array = np.einsum("ijk->ij", bins.reshape(-1, len(SIGNALS), BINS)).max(axis=1)
    return count


def set_of(figures: Arrays, is_counted: Array) -> Array:
    """Which of `SETS` each backup is judged by: the first whose figures are known.

    Parameters
    ----------
    figures : mapping of arrays of shape (n,)
        From `jobs.model.stand_ins.completed`.
    is_counted : bool array of shape (n,)
        Whether the product itself counted the updated files.
    """
    is_stored = ~np.isnan(figures["stored_excess"])
    has_ratio = ~np.isnan(figures["files_uploaded"] + figures["bytes_compressed"])
    choices = [is_stored & is_counted, is_stored, has_ratio, ~np.isnan(figures["files_before"])]
    found: Array = np.select(choices, range(len(choices)), len(choices))
    return found


def _evidence(
    signals: Array, cohort: Array, models: Arrays, fleet: FleetModel, beside: Array
) -> tuple[Array, Array, Array]:
    """Evidence of each signal, and how far the signal is beyond usual; 0 where it is 0 or unknown."""
    evidence, beyond = np.zeros(signals.shape), np.zeros(signals.shape)
    row, signal = np.nonzero(signals > 0)
    plain = signals[row, signal]
    values = np.log1p(plain.astype(np.float32))
    prior = prior_chance(fleet.prior, signal, values, cohort, row)
    bins = models["bins"].reshape(-1, len(SIGNALS), BINS)[beside[row], signal]
    top = models["top"][beside[row], signal]
    evidence[row, signal] = evidence_of(values, top, bins, prior)
    history = np.einsum("ij->i", bins)
    surge = np.zeros(signals.shape)
    surge[row, signal] = np.clip(-np.log10(surge_chance(fleet.surge, signal, values, top, history)), 0, 6)
    counted = np.flatnonzero(_IS_COUNTED[signal])
    plain, usual = plain[counted], usual_level(top[counted], bins[counted])
    times = np.divide(plain, usual, out=np.full(len(counted), 2.0), where=usual > 0)
    beyond[row[counted], signal[counted]] = plain * np.clip(times - 1, 0, 1)
    return evidence, surge, beyond


def _is_rewrite(figures: Arrays, expected: Array) -> Array:
    updated, excess = figures["files_updated"], figures["bytes_compressed"] - expected * figures["bytes_uploaded"]
    updated_bytes = updated * figures["bytes_before"] / figures["files_before"]
    is_rewrite: Array = (updated > figures["files_added"]) & (excess > 0) & (excess <= updated_bytes)
    return is_rewrite
