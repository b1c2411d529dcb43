"""Which rows add to which: each backup to the one that it is compared with, an attack over several to itself."""

from __future__ import annotations

import numpy as np

from jobs.backtest.changes import NONE, History
from jobs.model.arrays import Array


def added_to(history: History, at: Array, is_backup: Array, run: Array) -> Array:
    """Which row's sums each row adds to: that of the backup it is compared with, or what the same attack made of it."""
    of_backup = np.full(len(history.device) + 1, NONE)  # behind the last stands none
    of_backup[at[is_backup]] = np.flatnonzero(is_backup)
    before = history.previous[at]
    found = of_backup[before]
    in_run = np.flatnonzero(run != NONE)
    place = run[in_run] * len(of_backup) + at[in_run]
    order = np.argsort(place)
    wanted = np.where(before[in_run] == NONE, NONE, run[in_run] * len(of_backup) + before[in_run])
    near = np.searchsorted(place[order], wanted) % max(len(place), 1)
    is_there = place[order][near] == wanted
    found[in_run[is_there]] = in_run[order][near[is_there]]
    return found


def among(places: Array, chosen: Array, n: int) -> Array:
    """Places among `n` rows as places among some of these; -1 stays, and is what becomes of one that is not there."""
    place = np.full(n + 1, NONE)
    place[chosen] = np.arange(len(chosen))
    found: Array = place[places]
    return found
