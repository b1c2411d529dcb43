"""How rarely a device of the fleet goes so far beyond all it ever did: by how much, after how many backups."""

from __future__ import annotations

import numpy as np

from jobs.model.arrays import Array
from jobs.model.prior import GRID_STEP
from jobs.model.signals import SIGNALS

HISTORIES = np.array([4.0, 9.0, 19.0, 38.0, 70.0, 118.0])  # decayed counts of backups
GRID = np.arange(40) * GRID_STEP  # of ln(1 + value) less the largest of the history, from a step of 1 below it
BELOW = 1.0
FIRST_TIME, AGAIN = 0, 1
SHAPE = (len(SIGNALS), 2, len(HISTORIES), len(GRID))
_LOG_HISTORIES = np.log(HISTORIES)


def surge_rarity(surge: Array, signal: Array, values: Array, top: Array, history: Array) -> Array:
    """How rare it is that a backup of a device with this much history goes so far beyond the largest value of it.

    Parameters
    ----------
    surge : array of shape (24, 2, 6, 40)
        log10 of the chance by signal, whether it was ever above 0, history and distance.
    signal : int array of shape (m,)
    values, top : arrays of shape (m,)
        ln(1 + x) of the backup, and the largest of its device's history.
    history : array of shape (m,)
        Decayed count of the backups behind that.

    Returns
    -------
    array of shape (m,): -log10 of the chance, at least 0; 0 without history

    Notes
    -----
    docs/model.md, "Surge".
    """
    reached = np.zeros(len(history), np.int8)
    for node in HISTORIES[1:-1]:  # a binary search for each history would take several times as long
        reached += history >= node
    lower = reached.astype(np.int64)
    past = np.log(np.maximum(history, 1e-3)) - _LOG_HISTORIES.take(lower)
    weight = np.clip(past / np.diff(_LOG_HISTORIES).take(lower), 0, 1)
    at = np.clip(values - top + BELOW, 0, GRID[-1]) / GRID_STEP
    point = np.minimum(at.astype(np.int64), len(GRID) - 2)
    part = at - point
    was = np.where(top > 0, AGAIN, FIRST_TIME)
    flat, row = surge.ravel(), (signal * SHAPE[1] + was) * SHAPE[2]

    def along(node: Array) -> Array:
        place = (row + node) * SHAPE[3] + point
        found: Array = flat.take(place) * (1 - part) + flat.take(place + 1) * part
        return found

    young = np.minimum(history / HISTORIES[0], 1)  # below the first node towards certainty
    rarity: Array = -young * (along(lower) * (1 - weight) + along(lower + 1) * weight)
    return rarity
