"""Fit the fleet model from the histories of many devices: compression curve, prior, and a set of points a shape."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import numpy as np

from jobs.errors import UdaError
from jobs.model.arrays import Array, Arrays
from jobs.model.compression import CURVE_POINTS, mean_file_size
from jobs.model.fleet import FleetModel
from jobs.model.point_sets import SETS
from jobs.model.prior import GRID, NODES
from jobs.model.signals import LAYOUT, SIGNALS, signals_beside
from jobs.model.surge import SHAPE as SURGE_SHAPE
from jobs.model.walk_forward import walk_forward
from jobs.train.prior import fit_prior
from jobs.train.sets import fit_set
from jobs.train.surge import fit_surge

SMALLEST_SAMPLE = 200  # backups behind one point of the curve


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
    docs/model.md, "Fleet model".
    """
    # Each part is fitted with the ones before it.
    nothing = np.zeros((len(SIGNALS), len(NODES), len(GRID)))
    fleet = FleetModel(LAYOUT, fleet_name, fit_curve(backups), nothing, np.zeros(SURGE_SHAPE), {}, provenance)
    walk = walk_forward(backups, device, fleet)
    judged = {name: column[walk.row] for name, column in backups.items()}
    models = {name: walk.models[name][walk.refit] for name in ("ratio_offset", "ratio_spread", "stored_density")}
    signals = signals_beside(judged, models, fleet.curve)
    fleet = replace(fleet, prior=fit_prior(signals, judged["files_before"], device[walk.row]))
    fleet = replace(fleet, surge=fit_surge(backups, device, fleet))
    return replace(fleet, sets={name: fit_set(backups, device, device_weights, fleet, name) for name in SETS})


def fit_curve(backups: Arrays) -> Array:
    """Logit of the median compression ratio at each mean file size; gaps interpolated, ends held."""
    curve, _ = medians_by_size(backups, np.zeros(len(backups["bytes_uploaded"]), np.int64))
    known = np.flatnonzero(~np.isnan(curve))
    if not len(known):
        raise UdaError(
            f"fleet model: fewer than {SMALLEST_SAMPLE} backups with bytes_compressed; give longer histories"
        )
    return np.interp(np.arange(CURVE_POINTS), known, curve[known])


def medians_by_size(backups: Arrays, device: Array) -> tuple[Array, Array]:
    """Logit of the median compression ratio at each mean file size, and how many devices tell it.

    Returns
    -------
    two arrays of shape (24,): NaN, and 0 devices, where fewer than 200 backups are of about that size
    """
    files = backups["files_added"] + backups["files_updated"]
    sent, packed = backups["bytes_uploaded"], backups["bytes_compressed"]
    used = (files > 0) & (sent > 0) & ~np.isnan(packed)
    size, ratio, device = mean_file_size(sent[used], files[used]), packed[used] / sent[used], device[used]
    logits, devices = np.full(CURVE_POINTS, np.nan), np.zeros(CURVE_POINTS)
    for point in range(CURVE_POINTS):
        near = np.abs(size - point) < 0.75
        if near.sum() >= SMALLEST_SAMPLE:
            median = np.clip(np.median(ratio[near]), 0.02, 0.98)
            logits[point] = np.log(median / (1 - median))
            devices[point] = len(np.unique(device[near]))
    return logits, devices
