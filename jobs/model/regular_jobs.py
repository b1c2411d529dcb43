"""Jobs that come at equal gaps, too rarely to be usual: how much a device does on them, and when the next is due.

A weekly rebuild of a volume that is backed up every hour is one backup in 168. Among all of them it is as unusual as an
attack; among its own kind it is what was to be expected.
"""

from __future__ import annotations

import numpy as np

from jobs.model.arrays import Array, Arrays, first_rows
from jobs.model.signals import SIGNALS

# A job's backups move so many times the bytes of the device's mean backup, and half to twice as much as its second
# loudest: the loudest may be something else that happened once.
LOUD, HALF = 4.0, 0.5
RARE = 10  # backups from one occasion to the next, at least: what comes more often is usual
APART = 2  # loud backups at most so many places apart are one occasion: what is staged goes again with the next one
REMEMBERED, ENOUGH = 4, 3  # occasions that have to come at equal gaps, as far as they are held; at least so many
# Of what comes with fewer than one backup in so many a third occasion is hardly ever held: two are enough.
SELDOM = 120
EQUAL, CLOSE = 0.1, 0.03  # by what part of the gap occasions may be early or late; where only one gap is known
MISSED = 1  # occasions that may be left out, or are younger than the model, before the job is forgotten
MOMENTS = ("job_due_from", "job_due_until")
JOBS = ("job_gap_hours", *MOMENTS)
_UPLOADED, _LOST = SIGNALS.index("uploaded_bytes"), SIGNALS.index("lost")


def no_jobs(n_devices: int) -> dict[str, Array]:
    """What `fit_jobs` gives for devices without any."""
    levels = np.zeros((n_devices, len(SIGNALS)), np.float32)
    return {**{name: np.full(n_devices, np.nan) for name in JOBS}, "job_levels": levels}


def fit_jobs(signals: Array, ended_at: Array, device: Array, n_devices: int) -> dict[str, Array]:
    """The job of each device that has one: the last occasions on which it was loud came at equal gaps.

    Parameters
    ----------
    signals : float array of shape (n, 24)
        From `jobs.model.signals.signals_of`.
    ended_at : array of shape (n,)
        Seconds since 1970 UTC.
    device : int array of shape (n,)
        As in `jobs.model.devices.fit_devices`.

    Returns
    -------
    mapping of arrays with n_devices rows
        job_gap_hours, job_due_from and job_due_until (seconds since 1970 UTC: between which the next occasion is due),
        NaN without a job; job_levels (n_devices, 24), float32: the largest value of each signal on those occasions.

    Notes
    -----
    docs/model.md, "Regular jobs".
    """
    found = no_jobs(n_devices)
    moved = np.fmax(signals[:, _UPLOADED], 0) + np.fmax(signals[:, _LOST], 0)  # what is unknown is nothing
    loud = _loud_rows(moved, device)
    if not len(loud):
        return found
    begins = (np.diff(loud, prepend=-1) > APART) | (np.diff(device[loud], prepend=-1) > 0)
    begins[0] = True
    of_row = np.cumsum(begins) - 1
    first, final = loud[begins], loud[np.append(begins[1:], True)]
    began, ended, of_device = ended_at[first], ended_at[final], device[first]
    last = np.flatnonzero(np.append(np.diff(of_device) > 0, True))
    count = np.minimum(np.diff(last, prepend=-1), REMEMBERED)
    before = np.maximum(last[:, np.newaxis] - np.arange(REMEMBERED), 0)  # from the newest on
    is_held = np.arange(REMEMBERED) < count[:, np.newaxis]
    gaps = np.where(is_held[:, 1:], -np.diff(began[before]), np.nan)
    longest = np.where(is_held, (ended - began)[before], 0).max(axis=1)
    largest, least = np.fmax.reduce(gaps, axis=1), np.fmin.reduce(gaps, axis=1)
    apart = first[last] - first[before[:, 1]]
    is_known = (count >= ENOUGH) & (apart >= RARE) | (count == ENOUGH - 1) & (apart >= SELDOM)
    own = np.flatnonzero(is_known & (largest - least <= EQUAL * largest))
    last, count, gap = last[own], count[own], np.nansum(gaps[own], axis=1) / (count[own] - 1)
    leeway = np.where(count >= ENOUGH, EQUAL, CLOSE) * gap
    rows = of_device[last]
    found["job_gap_hours"][rows] = gap / 3600
    found["job_due_from"][rows] = began[last] + gap - leeway
    found["job_due_until"][rows] = began[last] + gap + longest[own] + leeway
    oldest = np.full(n_devices, len(began))
    oldest[rows] = last - count + 1
    held = loud[of_row >= oldest[device[loud]]]
    if len(held):
        levels = np.fmax.reduceat(signals[held], np.flatnonzero(np.diff(device[held], prepend=-1)), axis=0)
        found["job_levels"][rows] = np.nan_to_num(levels)
    return found


def is_due(ended_at: Array, models: Arrays) -> Array:
    """Whether each backup ended when the job of its device was due or going on; never for a device without one.

    Parameters
    ----------
    ended_at : array of shape (n,)
        Seconds since 1970 UTC.
    models : mapping of arrays of shape (n,)
        `JOBS`, row by row.
    """
    gap, begin, end = models["job_gap_hours"] * 3600, models["job_due_from"], models["job_due_until"]
    turn = np.clip(np.floor((ended_at - begin) / gap), -1, MISSED)  # -1: of the last occasion that is held
    due: Array = (begin + turn * gap <= ended_at) & (ended_at <= end + turn * gap)
    return due


def beyond_job(signals: Array, levels: Array) -> Array:
    """What part of each signal counts on such a day: nothing up to the job's level, all from twice the level on."""
    times = np.divide(np.nan_to_num(signals), levels, out=np.full(signals.shape, 2.0), where=levels > 0)
    part: Array = np.clip(times - 1, 0, 1)
    return part


def _loud_rows(moved: Array, device: Array) -> Array:
    """Rows that moved so many bytes that a job may have done it."""
    first = first_rows(device)
    if not len(first):
        return first
    largest = np.maximum.reduceat(moved, first)
    is_largest = moved == largest[device]
    others = np.maximum.reduceat(np.where(is_largest, 0, moved), first)
    second = np.where(np.bincount(device[is_largest], minlength=len(first)) > 1, largest, others)
    mean = np.add.reduceat(moved, first) / np.diff(np.append(first, len(device)))
    least, most = np.maximum(HALF * second, LOUD * mean), second / HALF
    return np.flatnonzero((moved >= least[device]) & (moved <= most[device]) & (moved > 0))
