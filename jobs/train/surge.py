"""Fit the surge table: how often devices go so far beyond all they ever did."""

from __future__ import annotations

import numpy as np

from jobs.model.arrays import Array, Arrays
from jobs.model.fleet import FleetModel
from jobs.model.signals import SIGNALS, signals_beside
from jobs.model.surge import AGAIN, BELOW, FIRST_TIME, GRID, SHAPE
from jobs.model.walk_forward import walk_forward
from jobs.train.prior import START_DEVICES, chance_by_place, device_shares

LENGTHS = (4, 9, 20, 45, 90, 365)  # backups of history whose decayed counts are those of `jobs.model.surge.HISTORIES`
SMALLEST_SAMPLE = 500  # backups behind one row of the table
RAREST = 1e-6


def fit_surge(backups: Arrays, device: Array, fleet: FleetModel, start: Array | None = None) -> Array:
    """log10 of the chance to go so far beyond one's own history; mean over devices.

    Parameters
    ----------
    backups, device
        As in `jobs.train.fleet.fit_fleet`.
    fleet : FleetModel
        Its curve is used.
    start : array of the same shape, optional
        A table that counts as so many devices more.

    Returns
    -------
    array of shape (24, 2, 6, 40), see `jobs.model.surge.surge_rarity`; 0 where too few backups tell
    """
    table = np.zeros(SHAPE) if start is None else start.copy()
    for node, length in enumerate(LENGTHS):
        walk = walk_forward(backups, device, fleet, length)
        judged = {name: column[walk.row] for name, column in backups.items()}
        models = {name: walk.models[name][walk.refit] for name in ("ratio_offset", "ratio_spread", "stored_density")}
        values = np.log1p(signals_beside(judged, models, fleet.curve))
        top = walk.models["top"][walk.refit].astype(np.float64)
        for signal in range(len(SIGNALS)):
            known, was = ~np.isnan(values[:, signal]), top[:, signal] > 0
            for place, rows in ((FIRST_TIME, known & ~was), (AGAIN, known & was)):
                if rows.sum() >= SMALLEST_SAMPLE:
                    beyond = np.where(values[rows, signal] > 0, values[rows, signal] - top[rows, signal] + BELOW, 0)
                    table[signal, place, node] = _mean_chance(
                        np.maximum(beyond, 0), device[walk.row[rows]], table[signal, place, node]
                    )
    return table


def _mean_chance(beyond: Array, device: Array, start: Array) -> Array:
    """Mean over the devices and, unless it tells nothing, a start that counts as so many more."""
    chance, weight = chance_by_place(beyond, np.ones(len(beyond)), device, int(device.max()) + 1)
    share = device_shares(weight)
    more = START_DEVICES if start.any() else 0.0
    summed = (chance * share[:, np.newaxis]).sum(axis=0)[: len(GRID)] + more * 10**start
    mean = summed / max(float(share.sum()) + more, 1e-9)
    logarithm: Array = np.log10(np.clip(mean, RAREST, 1))
    return logarithm
