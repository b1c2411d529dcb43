"""Fit the fleet model: compression curve, prior and calibration, from the histories of many devices."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import numpy as np

from jobs.errors import UdaError
from jobs.model.arrays import Array, Arrays
from jobs.model.calibration import TYPICAL_BACKUPS_PER_YEAR, Calibration, along, raw_score
from jobs.model.compression import CURVE_POINTS, mean_file_size
from jobs.model.fleet import FleetModel
from jobs.model.histograms import TAIL_POWER
from jobs.model.prior import GRID, GRID_STEP, NODES, RAREST, node_weights
from jobs.model.scoring import history_of
from jobs.model.signals import LAYOUT, SIGNALS, signals_beside
from jobs.model.walk_forward import Walk, judged_years, score_walk, walk_forward

SHORT_HISTORIES = (0, 5, 20)  # backups; the calibration between them is interpolated, the longest has the full 365
SMALLEST_SAMPLE = 200  # backups behind one point of the curve
SMALLEST_NODE_WEIGHT = 20  # backups of one device at one size; fewer say nothing of rare events
FULL_NODE_WEIGHT = 100
SURE_ROWS = 30  # rows behind the outermost point of a calibration curve; beyond it the curve goes straight on
SMALLEST_SLOPE = 0.1  # so that a higher raw score is always a higher score
STEP = 0.1  # of the calibration curves


def fit_fleet(
    backups: Arrays, device: Array, device_weights: Array, fleet_name: str, provenance: Mapping[str, Any]
) -> FleetModel:
    """Fleet model of clean histories.

    Parameters
    ----------
    backups : mapping of arrays of shape (n,)
        The columns of `jobs.model.signals.FIGURES` (NaN where unknown) and ended_at, seconds since 1970 UTC.
    device : int array of shape (n,)
        Ascending, 0 to n_devices - 1, none left out; inside a device the rows are in time order.
    device_weights : array of shape (n_devices,)
        How much each device counts in the calibration: 1, or more where a rare sort of device must keep the budget too.
    fleet_name : str
    provenance : mapping
        Kept in the model.

    Notes
    -----
    docs/detection.md, "Fleet model".
    """
    # Each part is fitted with the ones before it; straight lines stand in for those that come after.
    line = np.array([[0.0, 1.0], [0.0, 1.0]])
    lines = tuple(Calibration(history, line, line) for history in (0.0, 1.0))
    nothing = np.zeros((len(SIGNALS), len(NODES), len(GRID)))
    fleet = FleetModel(LAYOUT, fleet_name, fit_curve(backups), nothing, lines, provenance)
    walk = walk_forward(backups, device, fleet)
    judged = {name: column[walk.row] for name, column in backups.items()}
    models = {name: walk.models[name][walk.refit] for name in ("ratio_offset", "ratio_spread", "stored_density")}
    signals = signals_beside(judged, models, fleet.curve)
    fleet = replace(fleet, prior=fit_prior(signals, judged["files_before"], device[walk.row]))
    walks = (*(walk_forward(backups, device, fleet, history) for history in SHORT_HISTORIES), walk)
    return replace(
        fleet, calibrations=tuple(fit_calibration(backups, device, device_weights, each, fleet) for each in walks)
    )


def fit_calibration(
    backups: Arrays, device: Array, device_weights: Array, walk: Walk, fleet: FleetModel
) -> Calibration:
    """Curves from raw scores to false alerts per device-year, for models with the history of this walk.

    Parameters
    ----------
    backups, device, device_weights
        As in `fit_fleet`.
    walk : Walk
        Its models are all taught by the same number of backups, or nearly so.
    fleet : FleetModel
        Its curve and prior are used.
    """
    judged = {name: column[walk.row] for name, column in backups.items()}
    raw = raw_score(score_walk(judged, walk, fleet)["evidence"])
    weights = device_weights[device[walk.row]]
    rarity = fit_reach(raw, weights, float(weights.sum()))
    schedule = walk.models["backups_per_year"][walk.refit]
    rarer = along(raw, rarity) - np.log10(np.where(np.isnan(schedule), TYPICAL_BACKUPS_PER_YEAR, schedule))
    years = float(judged_years(backups["ended_at"], device) @ device_weights)
    history = float(np.mean(np.nan_to_num(history_of(walk.models["bins"]))))
    return Calibration(history, rarity, fit_reach(rarer, weights, years))


def fit_curve(backups: Arrays) -> Array:
    """Logit of the median compression ratio at each mean file size; gaps interpolated, ends held."""
    files = backups["files_added"] + backups["files_updated"]
    sent, packed = backups["bytes_uploaded"], backups["bytes_compressed"]
    used = (files > 0) & (sent > 0) & ~np.isnan(packed)
    size, ratio = mean_file_size(sent[used], files[used]), packed[used] / sent[used]
    points, logits = [], []
    for point in range(CURVE_POINTS):
        near = ratio[np.abs(size - point) < 0.75]
        if len(near) >= SMALLEST_SAMPLE:
            median = np.clip(np.median(near), 0.02, 0.98)
            points.append(point)
            logits.append(np.log(median / (1 - median)))
    if not points:
        raise UdaError(
            f"fleet model: fewer than {SMALLEST_SAMPLE} backups with bytes_compressed; give longer histories"
        )
    curve: Array = np.interp(np.arange(CURVE_POINTS), points, logits)
    return curve


def fit_prior(signals: Array, files_before: Array, device: Array) -> Array:
    """log10 of the chance to reach a value, by signal, device size and ln(1 + value); mean over devices.

    Parameters
    ----------
    signals : array of shape (n, 19)
        NaN where unknown.
    files_before : array of shape (n,)
        A row without it is left out.
    device : int array of shape (n,)
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
        chance, weight = _chance_by_place(values[seen], node_weight[seen], place[seen], n_places)
        share = np.where(weight >= SMALLEST_NODE_WEIGHT, np.minimum(1, weight / FULL_NODE_WEIGHT), 0)
        shape = (-1, len(NODES))
        total = share.reshape(shape).sum(axis=0)
        summed = (chance * share[:, np.newaxis]).reshape(*shape, len(GRID)).sum(axis=0)
        # A size that no device has takes after nothing: it says that anything may happen.
        mean = np.divide(summed, total[:, np.newaxis], out=np.ones(summed.shape), where=total[:, np.newaxis] > 0)
        prior[signal] = np.log10(np.clip(mean, RAREST, 1))
    return prior


def _chance_by_place(values: Array, weights: Array, place: Array, n_places: int) -> tuple[Array, Array]:
    """Weighted mean of min(1, exp(-8 (g - u))) on the grid of g, for each place (device and size), and its weight."""
    cell = np.minimum((values / GRID_STEP).astype(np.int64), len(GRID) - 1)
    at = place * len(GRID) + cell
    inside = np.bincount(at, weights, n_places * len(GRID)).reshape(-1, len(GRID))
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


def fit_reach(values: Array, weights: Array, unit: float) -> Array:
    """Rising curve: -log10 of the weight of the clean backups that reach a value, per unit of weight.

    Parameters
    ----------
    values, weights : arrays of shape (n,)
        At least 30 rows.
    unit : float
        All weight, for a share of the backups; the weighted device-years, for backups a year.

    Returns
    -------
    array of shape (2, k): places and heights, as `jobs.model.calibration.along` reads them
    """
    order = np.argsort(values)
    ascending = values[order]
    reaching = np.append(np.cumsum(weights[order][::-1])[::-1], 0)
    last = max(float(ascending[-SURE_ROWS]), float(ascending[0]) + STEP)
    places = np.arange(ascending[0], last + STEP / 2, STEP)
    heights = -np.log10(np.maximum(reaching[np.searchsorted(ascending, places)], weights.min()) / unit)
    slope = max(float(np.polyfit(places[-10:], heights[-10:], 1)[0]), SMALLEST_SLOPE)
    places, heights = np.append(places, places[-1] + 1), np.append(heights, heights[-1] + slope)
    rise = np.maximum(np.diff(heights), SMALLEST_SLOPE * np.diff(places))
    return np.stack((places, np.append(heights[0], heights[0] + np.cumsum(rise))))
