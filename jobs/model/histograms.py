"""What a device usually does, as twelve decayed counts a signal, and how unusual a new value is beside them.

A signal x is used as u = ln(1 + x). Bin 0 holds x = 0. A value above 0 goes by its distance below the largest one of
the history, so twelve bins cover anything from one byte to petabytes, finest where it matters.
"""

from __future__ import annotations

import numpy as np

from jobs.model.arrays import Array, above_zero, first_rows
from jobs.model.signals import SIGNALS

BINS = 12
DISTANCES = np.array([0.1, 0.2, 0.4, 0.7, 1.1, 1.7, 2.5, 3.5, 5, 7], np.float32)  # upper ends for bins 11, 10, ..., 2
DECAY = 0.992  # weight a backup loses with each later one: a memory of about 125 backups
PRIOR_WEIGHT = 4.0  # backups; a device with fewer than this leans on the fleet
TAIL_POWER = 8.0  # beyond a past value the chance falls with this power of 1 + x
LARGEST_EVIDENCE = 6.0
USUAL_PART = 0.1  # the usual level is what this part of the backups exceeds

# Distances below the top at which bins 1 to 11 begin and end; bin 1 begins at 0, wherever that is.
_BEGIN = np.concatenate(([np.inf], DISTANCES[::-1])).astype(np.float32)[:, np.newaxis]
_END = np.concatenate((DISTANCES[::-1], [0])).astype(np.float32)[:, np.newaxis]
# What is left of a past value that lies half of that distance below the top, seen from the top.
_FADED_BEGIN, _FADED_END = np.exp(-TAIL_POWER / 2 * _BEGIN), np.exp(-TAIL_POWER / 2 * _END)


def fit_histograms(signals: Array, weights: Array, device: Array, n_devices: int) -> tuple[Array, Array]:
    """Largest values and decayed counts of each device.

    Parameters
    ----------
    signals : float array of shape (n, 24)
        From `jobs.model.signals.signals_of`; NaN adds to no bin.
    weights : array of shape (n,)
    device : int array of shape (n,)
        Ascending, 0 to n_devices - 1, none left out.

    Returns
    -------
    top : float32 array of shape (n_devices, 24)
        Largest ln(1 + x); 0 where nothing is known.
    bins : float32 array of shape (n_devices, 288)
        Twelve counts a signal, signal after signal.

    Notes
    -----
    docs/model.md, "Device model".
    """
    if not n_devices:
        return np.zeros((0, len(SIGNALS)), np.float32), np.zeros((0, len(SIGNALS) * BINS), np.float32)
    by_signal, first = signals.T, first_rows(device)
    largest = np.nan_to_num(np.fmax.reduceat(by_signal, first, axis=1)).T
    top = np.log1p(largest.astype(np.float32, order="C"))
    at, signal, row = above_zero(by_signal)
    cell = device.take(row) * len(SIGNALS) + signal
    place = cell * BINS + bins_of(top.take(cell) - np.log1p(by_signal.take(at).astype(np.float32)))
    counts = np.bincount(place, weights.take(row), minlength=top.size * BINS).astype(np.float32)
    counts = counts.reshape(*top.shape, BINS)
    counts[:, :, 0] = np.add.reduceat((by_signal == 0) * weights, first, axis=1).T
    return top, counts.reshape(n_devices, -1)


def bins_of(distance: Array) -> Array:
    """Bin of each value above 0, 1 to 11, by its distance below the top; beyond the top it is the last."""
    bins: Array = np.full(distance.shape, BINS - 1, np.int8)
    for end in DISTANCES:  # a binary search for each value would take ten times as long
        bins -= distance > end
    return bins.astype(np.int64)  # what numpy looks up with: it would convert each time


def evidence_of(values: Array, top: Array, bins: Array, prior: Array) -> Array:
    """How unusual each value is: -log10 of the chance that an ordinary backup reaches it.

    Parameters
    ----------
    values : array of shape (m,)
        ln(1 + x), above 0.
    top : array of shape (m,)
        Largest ln(1 + x) of that device's history of that signal.
    bins : array of shape (m, 12)
        Its decayed counts; all 0 for a device without history. Quickest where each bin's counts lie side by side.
    prior : array of shape (m,)
        Chance that a backup of the fleet reaches the value.

    Returns
    -------
    array of shape (m,), 0 to 6

    Notes
    -----
    docs/model.md, "Evidence".
    """
    tail = bins[:, 0] * _faded(values) + np.einsum("ij,ji->i", bins[:, 1:], _reached(values, top))
    chance = (PRIOR_WEIGHT * prior + tail) / (PRIOR_WEIGHT + np.einsum("ij->i", bins))
    evidence: Array = np.clip(-np.log10(chance), 0, LARGEST_EVIDENCE)
    return evidence


def _reached(values: Array, top: Array) -> Array:
    """Chance to reach each value, by each of bins 1 to 11: shape (11, m).

    Bins above the value reach it, those below fade from their middle on, its own does as far as it is below.
    """
    # The middle is half of both edges' distances below the top, or half of `top` and one of them where the bin begins
    # at 0. So three factors serve all bins, each kept from what is too small to count and slow to multiply.
    from_zero = np.exp(-TAIL_POWER / 2 * np.minimum(top, 13))
    from_top = np.exp(-TAIL_POWER * np.clip(values - top, -10, 4))
    reached: Array = np.maximum(from_zero, _FADED_BEGIN)
    reached *= from_top
    reached *= _FADED_END
    np.minimum(reached, 1, out=reached)
    own = bins_of(top - values) - 1
    low, high = _edges(top, own)
    inside = _share_above(values, low, high)
    in_own = inside + (1 - inside) * _faded(values - (low + np.minimum(values, high)) / 2)
    reached.reshape(-1)[own * len(values) + np.arange(len(values))] = in_own
    return reached


def _edges(top: Array, bins: Array) -> tuple[Array, Array]:
    """Where a bin of each begins and ends, as ln(1 + x); bin 1 is number 0."""
    return np.maximum(top - _BEGIN.take(bins), 0), np.maximum(top - _END.take(bins), 0)


def _share_above(values: Array, low: Array, high: Array) -> Array:
    """Share of each bin that is above the value."""
    share: Array = np.clip((high - values) / np.maximum(high - low, 1e-6), 0, 1)
    return share


def _faded(beyond: Array) -> Array:
    # Chances below e-34 are nothing beside the prior, and the smallest numbers there are take ten times as long.
    faded: Array = np.exp(-TAIL_POWER * np.clip(beyond, 0, 10))
    return faded


def count_above(values: Array, top: Array, bins: Array) -> Array:
    """Decayed count of past backups above each value, linear inside a bin; for the usual range.

    Parameters
    ----------
    values, top, bins
        As in `evidence_of`; here a value may be 0.
    """
    low, high = np.maximum(top - _BEGIN, 0), np.maximum(top - _END, 0)
    count: Array = np.einsum("ij,ji->i", bins[:, 1:], _share_above(values, low, high))
    return count


def usual_level(top: Array, bins: Array) -> Array:
    """What nine in ten of a device's backups do not exceed, as plain value; 0 where most days have nothing of it.

    Parameters
    ----------
    top, bins
        As in `evidence_of`.

    Notes
    -----
    docs/model.md, "Beyond usual".
    """
    weight = np.einsum("ij->i", bins)
    wanted = USUAL_PART * weight
    # From the top down, bin by bin: the weight up to here, and whether it is enough; the first that is holds the level.
    above, at = np.zeros((BINS, len(top)), np.float32), np.full(len(top), -1, np.int8)
    for number in range(BINS - 2, -1, -1):
        np.add(above[number + 1], bins[:, number + 1], out=above[number])
        at += above[number] >= wanted
    is_usual, highest = (at >= 0) & (weight > 0), np.maximum(at, 0).astype(np.int64)
    place = highest * len(top) + np.arange(len(top))
    reached = above.take(place)
    count = bins.T[1:].take(place)
    part = np.divide(reached - wanted, count, out=np.zeros(len(top)), where=count > 0)
    low, high = _edges(top, highest)
    level = low + part * (high - low)
    usual: Array = np.where(is_usual, np.expm1(level) * weight / (weight + PRIOR_WEIGHT), 0)
    return usual
