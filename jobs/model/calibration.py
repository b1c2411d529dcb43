"""From a raw score to false alerts per device-year, the device's schedule included."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from jobs.model.arrays import Array

TYPICAL_BACKUPS_PER_YEAR = 80.0
SCHEDULE_WEIGHT = 4.0  # backups; how long a device's own schedule takes to count
NIGHTLY_BACKUPS_PER_YEAR = 365.0
BEYOND_NIGHTLY_POWER = 0.8  # as with a new device: no history that was fitted has more backups than that
COMMON = 1.6  # a raw score under which clean backups of a device with a typical schedule come some two times a year
COMMON_STRETCH = 0.5  # how much more what a score lacks of that counts with ten times the backups


def backups_per_year(backups: Array, days: Array) -> Array:
    """A device's schedule, shrunk to a typical one while it is young.

    Parameters
    ----------
    backups : array of shape (n_devices,)
        Backups of its history.
    days : array of shape (n_devices,)
        From the first of them to the last.
    """
    gaps = np.maximum(backups - 1, 0) + SCHEDULE_WEIGHT
    per_year: Array = gaps / (days / 365.25 + SCHEDULE_WEIGHT / TYPICAL_BACKUPS_PER_YEAR)
    return per_year


@dataclass(frozen=True, eq=False)
class Calibration:
    """How raw scores of devices with this much history translate.

    A model's own history raises the evidence of what never happened on it, so young devices have other raw scores than
    old ones, and each amount of history has its own curves.

    Attributes
    ----------
    history : float
        Decayed count of the backups that taught the model; 0 for a device without one.
    schedule_power : float
        A single backup of a busy device is less likely to look odd, so its alerts do not grow in step with its backups,
        but with this power of them, see `on_schedule`.
    alert_rate : array of shape (2, k)
        Raw score on its schedule, see `on_schedule`, and -log10 of the clean backups per device-year that reach it.
    sum_rate : array of shape (3, 2)
        For each kind of `jobs.model.cumulative.ADDED_UP` the straight line from a sum to -log10 of the share of clean
        backups with which it reaches so much: height at 0, and slope.
    """

    history: float
    schedule_power: float
    alert_rate: Array
    sum_rate: Array


def on_schedule(raw: Array, schedule: Array, power: float) -> Array:
    """Raw scores as they count on devices with so many backups a year.

    What is rare comes to a busy device hardly more often, what is common nearly in step with its backups. So what a
    score lacks of `COMMON` counts for more on a busy device and for less on a seldom one, there half at least: a
    higher raw score always counts for more.

    Parameters
    ----------
    raw, schedule : arrays of shape (n,)
        As in `anomaly_score`.
    power : float
        `Calibration.schedule_power`; backups beyond one a night have `BEYOND_NIGHTLY_POWER`.
    """
    beyond_nightly = np.log10(np.maximum(schedule / NIGHTLY_BACKUPS_PER_YEAR, 1))
    rare = raw - power * np.log10(schedule) - (BEYOND_NIGHTLY_POWER - power) * beyond_nightly
    lacks = np.maximum(COMMON - (rare + power * np.log10(TYPICAL_BACKUPS_PER_YEAR)), 0)
    counted: Array = rare - COMMON_STRETCH * np.log10(np.maximum(schedule / TYPICAL_BACKUPS_PER_YEAR, 0.1)) * lacks
    return counted


def anomaly_score(raw: Array, schedule: Array, history: Array, calibrations: Sequence[Calibration]) -> Array:
    """-log10 of the false alerts per device-year among clean backups as unusual as this one.

    Parameters
    ----------
    raw : array of shape (n,)
        -log10 of the share of clean backups as loud as this one.
    schedule : array of shape (n,)
        The device's backups a year.
    history : array of shape (n,)
        Decayed count of the backups that taught its model.
    calibrations : at least two, by rising history
        Between two of them the score is linear in the logarithm of the history.

    Notes
    -----
    docs/model.md, "Score".
    """
    score = np.zeros(len(raw))
    for calibration, weight in zip(calibrations, _weights(history, calibrations), strict=True):
        rows = np.flatnonzero(weight)
        counted = on_schedule(raw[rows], schedule[rows], calibration.schedule_power)
        score[rows] += weight[rows] * along(counted, calibration.alert_rate)
    return score


def sum_line(schedule: Array, history: Array, calibrations: Sequence[Calibration], part: float) -> Array:
    """Straight line from each kind's sum to the anomaly score that it makes.

    Parameters
    ----------
    schedule, history, calibrations
        As in `anomaly_score`. A busy device has more chances that a sum alerts, in step with its backups.
    part : float
        Of the false alerts, what each kind's sums may give.

    Returns
    -------
    array of shape (n, 2, 3): height at 0 and slope, by `jobs.model.cumulative.ADDED_UP`
    """
    lines = np.array([calibration.sum_rate.T for calibration in calibrations])
    line: Array = np.tensordot(_weights(history, calibrations), lines, axes=(0, 0))
    line[:, 0] += (np.log10(part) - np.log10(schedule))[:, np.newaxis]
    return line


def _weights(history: Array, calibrations: Sequence[Calibration]) -> Array:
    """How much each calibration counts for so much history: shape (calibrations, n), two of a column above 0."""
    known = np.log([calibration.history + SCHEDULE_WEIGHT for calibration in calibrations])
    at = np.interp(np.log(history + SCHEDULE_WEIGHT), known, np.arange(len(known)))
    weights: Array = np.maximum(0, 1 - np.abs(at - np.arange(len(known))[:, np.newaxis]))
    return weights


def threshold_of(budget: float) -> float:
    """The score from which a backup alerts, for a budget in false alerts per device-year."""
    return -math.log10(budget) + 0.0  # a budget of 1 would give -0.0


def along(values: Array, curve: Array) -> Array:
    """A rising piecewise linear curve at each value, its first and last pieces going straight on without end.

    Parameters
    ----------
    values : array of shape (n,)
    curve : array of shape (2, k)
        Ascending places and ascending heights.
    """
    places, heights = curve
    piece = np.searchsorted(places[1:-1], values)
    slope = np.diff(heights) / np.diff(places)
    height: Array = heights[piece] + slope[piece] * (values - places[piece])
    return height
