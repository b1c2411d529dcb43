"""Backups beside their devices' models: what the score of each is made of."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from jobs.model.arrays import Array, Arrays, above_zero
from jobs.model.calibration import TYPICAL_BACKUPS_PER_YEAR
from jobs.model.compression import YOUNG_SPREAD
from jobs.model.fleet import FleetModel
from jobs.model.histograms import BINS, LARGEST_EVIDENCE, evidence_of, usual_level
from jobs.model.points import columns_of
from jobs.model.prior import prior_chance
from jobs.model.regular_jobs import JOBS, beyond_job, is_due
from jobs.model.signals import FIGURES, SIGNALS, ratio_beside, signals_of
from jobs.model.stand_ins import completed
from jobs.model.surge import surge_rarity

# A device without a model is judged as one that the fleet knows nothing special about.
YOUNG = {
    "ratio_offset": 0.0,
    "ratio_spread": YOUNG_SPREAD,
    "backups_per_year": TYPICAL_BACKUPS_PER_YEAR,
    "top": 0.0,
    "bins": 0.0,
}
DENSE_STORE = 0.9  # compressed share; from here on encryption hardly shows in what is stored
PRINTED = ("files_updated", "bytes_uploaded", "files_new_extension")  # what decides on the set as it was printed
_NUMBERS = ("ratio_offset", "ratio_spread", "stored_density", "backups_per_year")
_TABLES = ("top", "bins")
_CHUNK = 4096  # rows at a time: keeps memory flat and the work in the processor's cache
_EACH_BIN = np.eye(BINS, dtype=np.float32)


def compared(backups: Arrays, models: Arrays, fleet: FleetModel, beside: Array) -> Iterator[dict[str, Array]]:
    """Each backup beside its model, so many rows at a time: what its score is made of.

    Parameters
    ----------
    backups, models, fleet, beside
        As in `jobs.model.scoring.score_backups`.

    Returns
    -------
    iterator over mappings of arrays
        signals, evidence, columns (see `jobs.model.points.columns_of`), set (index into `jobs.model.point_sets.SETS`),
        is_rewrite (its dense bytes are few enough to lie in the updated files), schedule, history. Of those with a
        column a signal or more, the backups of one column lie side by side in memory.
    """
    for start in range(0, max(len(beside), 1), _CHUNK):
        chunk = slice(start, start + _CHUNK)
        # Of a chunk's models each is taken once: backups that come device by device share theirs.
        used, of_row = np.unique(beside[chunk], return_inverse=True)
        own = completed_models({name: models[name].take(used, axis=0) for name in (*_NUMBERS, *_TABLES)})
        tables = {name: own.pop(name) for name in _TABLES}
        own = {name: own[name].take(of_row) for name in _NUMBERS}
        figures = completed({name: backups[name][chunk] for name in FIGURES})
        expected = ratio_beside(figures, own, fleet.curve)
        signals = signals_of(figures, expected, own["ratio_spread"], own["stored_density"])
        counted = _evidence(signals, figures["cohort"], tables, of_row, fleet)
        if "ended_at" in backups:
            due = np.flatnonzero(
                is_due(backups["ended_at"][chunk], {name: models[name].take(beside[chunk]) for name in JOBS})
            )
            part = beyond_job(signals[due], models["job_levels"].take(beside[chunk][due], axis=0))
            for table in counted:
                table[due] *= part
        evidence, surge, beyond = counted
        yield {
            "signals": signals,
            "evidence": evidence,
            "columns": columns_of(evidence, surge, beyond, figures, expected, own["stored_density"]),
            "set": set_of(figures, *(~np.isnan(backups[name][chunk]) for name in PRINTED)),
            "is_rewrite": _is_rewrite(figures, expected),
            "schedule": own["backups_per_year"],
            "history": history_of(tables["bins"]).take(of_row),
        }


def completed_models(models: Arrays) -> dict[str, Array]:
    """Models with the numbers of a young device where there is none."""
    completed = dict(models)
    for name, young in YOUNG.items():
        if np.isnan(models[name].min(initial=0)):
            completed[name] = np.where(np.isnan(models[name]), young, models[name])
    return completed


def history_of(bins: Array) -> Array:
    """Decayed count of the backups behind each model: that of the signal that was known most often."""
    counts = bins.reshape(-1, BINS) @ np.ones(BINS, bins.dtype)
    history: Array = counts.reshape(-1, len(SIGNALS)).max(axis=1)
    return history


def set_of(figures: Arrays, is_counted: Array, is_sent: Array, is_named: Array) -> Array:
    """Which of `SETS` each backup is judged by: the first whose figures are known.

    Parameters
    ----------
    figures : mapping of arrays of shape (n,)
        From `jobs.model.stand_ins.completed`.
    is_counted : bool array of shape (n,)
        Whether the product itself counted the updated files.
    is_sent : bool array of shape (n,)
        Whether it said how many bytes went up, known ones included.
    is_named : bool array of shape (n,)
        Whether it told new extensions.
    """
    is_stored = ~np.isnan(figures["stored_excess"])
    has_ratio = ~np.isnan(figures["files_uploaded"] + figures["bytes_compressed"])
    has_files, has_totals = ~np.isnan(figures["files_before"]), ~np.isnan(figures["bytes_gained"])
    is_full = is_stored & is_counted
    with_store = (is_full & ~(figures["density_before"] >= DENSE_STORE), is_full, is_stored)
    is_saved = has_ratio & np.isnan(figures["files_added"])
    with_ratio = (is_saved, has_ratio & is_named, has_ratio & is_counted & is_sent, has_ratio)
    choices = [*with_store, *with_ratio, has_files & is_counted, has_files, has_totals]
    found: Array = np.select(choices, range(len(choices)), len(choices))
    return found


def _evidence(
    signals: Array, cohort: Array, models: Arrays, of_row: Array, fleet: FleetModel
) -> tuple[Array, Array, Array]:
    """Evidence and surge of each signal, and how far it is beyond usual; 0 where it is 0 or unknown."""
    by_signal = signals.T
    at, signal, row = above_zero(by_signal)  # what follows is worked out only where there is something
    plain = by_signal.take(at)
    values = np.log1p(plain.astype(np.float32))
    place = of_row.take(row) * len(SIGNALS) + signal
    top = models["top"].take(place)
    counts = models["bins"].reshape(-1, BINS).take(place, axis=0)
    counts = (_EACH_BIN @ counts.T).T  # the same, each bin's counts side by side: half the time of a copy
    evidence = evidence_of(values, top, counts, prior_chance(fleet.prior, signal, values, cohort, row))
    surge = surge_rarity(fleet.surge, signal, values, top, np.einsum("ij->i", counts))
    usual = usual_level(top, counts)
    times = np.divide(plain, usual, out=np.full(len(plain), 2.0), where=usual > 0)
    beyond = plain * np.clip(times - 1, 0, 1)
    tables = np.zeros((3, by_signal.size))
    for table, found in zip(tables, (evidence, np.clip(surge, 0, LARGEST_EVIDENCE), beyond), strict=True):
        table[at] = found
    evidence, surge, beyond = (table.reshape(by_signal.shape).T for table in tables)
    return evidence, surge, beyond


def _is_rewrite(figures: Arrays, expected: Array) -> Array:
    updated, excess = figures["files_updated"], figures["bytes_compressed"] - expected * figures["bytes_uploaded"]
    updated_bytes = updated * figures["bytes_before"] / figures["files_before"]
    is_rewrite: Array = (updated > figures["files_added"]) & (excess > 0) & (excess <= updated_bytes)
    return is_rewrite
