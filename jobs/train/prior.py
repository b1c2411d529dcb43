"""Fit the fleet prior: how often devices of each size reach each value of a signal."""

from __future__ import annotations

import numpy as np

from jobs.model.arrays import Array
from jobs.model.histograms import TAIL_POWER
from jobs.model.prior import GRID, GRID_STEP, NODES, RAREST, node_weights
from jobs.model.signals import SIGNALS

SMALLEST_NODE_WEIGHT = 20  # backups of one device at one size; fewer say nothing of rare events
FULL_NODE_WEIGHT = 100
START_DEVICES = 20.0  # as many as the model counts from which a fleet's own is fitted


def fit_prior(signals: Array, files_before: Array, device: Array, start: Array | None = None) -> Array:
    """log10 of the chance to reach a value, by signal, device size and ln(1 + value); mean over devices.

    Parameters
    ----------
    signals : array of shape (n, 24)
        NaN where unknown.
    files_before : array of shape (n,)
        A row without it is left out.
    device : int array of shape (n,)
    start : array of shape (24, 6, 128), optional
        A prior that counts as so many devices more.
    """
    known = ~np.isnan(files_before)
    lower, upper, upper_weight = node_weights(files_before[known])
    nodes = np.concatenate((lower, upper))
    node_weight = np.concatenate((1 - upper_weight, upper_weight))
    place = np.tile(device[known], 2) * len(NODES) + nodes
    n_places = (int(device.max(initial=-1)) + 1) * len(NODES)
    prior = np.zeros((len(SIGNALS), len(NODES), len(GRID)))
    for signal in range(len(SIGNALS)):
        values = np.tile(np.log1p(signals[known, signal]), 2)
        seen = ~np.isnan(values)
        chance, weight = chance_by_place(values[seen], node_weight[seen], place[seen], n_places)
        share = device_shares(weight)
        shape = (-1, len(NODES))
        total = share.reshape(shape).sum(axis=0)
        summed = (chance * share[:, np.newaxis]).reshape(*shape, len(GRID)).sum(axis=0)
        if start is not None:
            total, summed = total + START_DEVICES, summed + START_DEVICES * 10 ** start[signal]
        # A size that no device has takes after nothing: it says that anything may happen.
        mean = np.divide(summed, total[:, np.newaxis], out=np.ones(summed.shape), where=total[:, np.newaxis] > 0)
        prior[signal] = np.log10(np.clip(mean, RAREST, 1))
    return prior


def device_shares(weight: Array) -> Array:
    """How much each device counts: nothing below 20 backups, fully from 100 on."""
    return np.where(weight >= SMALLEST_NODE_WEIGHT, np.minimum(1, weight / FULL_NODE_WEIGHT), 0)


def chance_by_place(values: Array, weights: Array, place: Array, n_places: int) -> tuple[Array, Array]:
    """Weighted mean of min(1, exp(-8 (g - u))) on the grid of g, for each place (device and size), and its weight."""
    cell = np.minimum((values / GRID_STEP).astype(np.int64), len(GRID) - 1)
    at = place * len(GRID) + cell
    inside = np.bincount(at, weights, n_places * len(GRID)).astype(np.float64).reshape(-1, len(GRID))  # of nothing: int
    faded = weights * np.exp(-TAIL_POWER * (GRID[cell] + GRID_STEP - values))
    passed = np.bincount(at, faded, n_places * len(GRID)).reshape(-1, len(GRID))
    weight = inside.sum(axis=1)
    chance = np.cumsum(inside[:, ::-1], axis=1)[:, ::-1]
    # What lies below a grid point fades with the same power from point to point, so one running sum serves all.
    below = np.zeros(len(chance))
    for point in range(1, len(GRID)):
        below = below * np.exp(-TAIL_POWER * GRID_STEP) + passed[:, point - 1]
        chance[:, point] += below
    return np.divide(chance, weight[:, np.newaxis], out=np.zeros(chance.shape), where=weight[:, np.newaxis] > 0), weight
