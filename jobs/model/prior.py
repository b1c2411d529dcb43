"""What the fleet's devices do, by how many files they hold: the chance that a backup reaches a value of a signal."""

from __future__ import annotations

import numpy as np

from jobs.model.arrays import Array
from jobs.model.signals import SIGNALS, UNIT_OF_SIGNAL

NODES = np.array([50, 150, 500, 1_500, 5_000, 20_000])  # files before
GRID_STEP = 0.25  # of ln(1 + x)
GRID = np.arange(128) * GRID_STEP
RAREST = 1e-7
LN_10 = float(np.log(10))  # exp is several times quicker than a power of ten
_LARGEST_NODE = float(NODES[-1])
_EACH_ITS_OWN = slice(None)
_GROWS_WITH_DEVICE = np.array([UNIT_OF_SIGNAL[signal] != "deviations" for signal in SIGNALS])


def node_weights(files_before: Array) -> tuple[Array, Array, Array]:
    """Nodes on both sides of each device size, and the weight of the upper one.

    Parameters
    ----------
    files_before : array of shape (n,)
        Files before the backup, at least 1; NaN where unknown.

    Returns
    -------
    lower, upper : int arrays of shape (n,)
        0 to 5; both 6 where unknown, which stands for the mean over all nodes.
    weight : array of shape (n,), 0 to 1
    """
    at = np.interp(np.log(np.maximum(files_before, 1)), np.log(NODES), np.arange(len(NODES)))
    unknown = np.isnan(at)
    at = np.where(unknown, len(NODES), at)
    lower = np.minimum(at.astype(np.int64), np.where(unknown, len(NODES), len(NODES) - 2))
    return lower, np.where(unknown, lower, lower + 1), at - lower


def prior_chance(
    prior: Array, signal: Array, values: Array, cohort: Array, row: Array | slice = _EACH_ITS_OWN
) -> Array:
    """Chance that a backup of a device of this size reaches each value.

    Parameters
    ----------
    prior : array of shape (24, 6, 128)
        log10 of the chance by signal, node and grid point.
    signal : int array of shape (m,)
    values : array of shape (m,)
        ln(1 + x) of that signal.
    cohort : array of shape (n,)
        Files before each backup, or what its bytes make likely; NaN where unknown.
    row : int array of shape (m,)
        The backup that each value is of; each of its own if not given.

    Returns
    -------
    array of shape (m,), in (0, 1]

    Notes
    -----
    docs/model.md, "Fleet prior".
    """
    with_mean = np.concatenate((prior, np.log10(np.exp(LN_10 * prior).mean(axis=1, keepdims=True))), axis=1)
    lower, upper, weight = node_weights(cohort)
    # Beyond the largest node nothing was seen: what a device does is taken to grow with the root of its size.
    beyond = np.log(np.fmax(cohort, _LARGEST_NODE) / _LARGEST_NODE) / 2
    lower, upper, weight, beyond = lower[row], upper[row], weight[row], beyond[row]
    at = np.clip(values - beyond * _GROWS_WITH_DEVICE[signal], 0, GRID[-1]) / GRID_STEP
    point = np.minimum(at.astype(np.int64), len(GRID) - 2)
    part = at - point

    flat, row = with_mean.ravel(), signal * with_mean.shape[1]

    def along_grid(node: Array) -> Array:
        place = (row + node) * len(GRID) + point
        found: Array = flat.take(place) * (1 - part) + flat.take(place + 1) * part
        return found

    chance: Array = np.exp(LN_10 * (along_grid(lower) * (1 - weight) + along_grid(upper) * weight))
    return chance
