"""Device models: what each device usually does, in a fixed number of readable numbers."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from jobs.model.arrays import Array, Arrays, age_of, first_rows, median
from jobs.model.calibration import backups_per_year
from jobs.model.compression import fit_ratios
from jobs.model.fleet import FleetModel
from jobs.model.histograms import BINS, DECAY, fit_histograms
from jobs.model.regular_jobs import fit_jobs, no_jobs
from jobs.model.signals import FIGURES, SIGNALS, ratio_beside, signals_of
from jobs.model.stand_ins import completed

HISTORY = 365  # backups; older ones weigh under .06 of the newest
_CHUNK = 8_192  # rows at a time: what one chunk works on stays in the processor's cache
_WEIGHT_AT_AGE = DECAY ** np.arange(HISTORY)


def fit_devices(backups: Arrays, device: Array, fleet: FleetModel) -> dict[str, Array]:
    """One model for each device, from the newest 365 of the backups given.

    Parameters
    ----------
    backups : mapping of arrays of shape (n,)
        Only backups that may teach: the columns of `jobs.model.signals.FIGURES` (NaN where unknown) and ended_at,
        seconds since 1970 UTC.
    device : int array of shape (n,)
        Ascending, 0 to n_devices - 1, none left out; inside a device the rows are in time order.
    fleet : FleetModel
        Its compression curve is used, nothing else.

    Returns
    -------
    mapping of arrays with n_devices rows
        backups (count), usual_gap_hours (NaN with fewer than two backups), backups_per_year, ratio_offset (logits),
        ratio_spread (share), stored_density (share; NaN where never known), top (n_devices, 24), bins (n_devices, 288),
        first_taught_at and last_taught_at (seconds since 1970 UTC), and those of `jobs.model.regular_jobs.fit_jobs`.

    Notes
    -----
    docs/model.md, "Device model".
    """
    parts = [_fit_chunk(backups, device, rows, fleet) for rows in _chunks(device)]
    return {name: np.concatenate([part[name] for part in parts]) for name in parts[0]}


def untaught(n_devices: int) -> dict[str, Array]:
    """What stands in the place of models that do not exist yet: the same columns, all NaN but the levels of no job."""
    numbers = ("backups", "usual_gap_hours", "backups_per_year", "ratio_offset", "ratio_spread", "stored_density")
    moments = ("first_taught_at", "last_taught_at")
    nothing = np.full((n_devices, len(SIGNALS) * BINS), np.nan, np.float32)
    columns = {name: np.full(n_devices, np.nan) for name in (*numbers, *moments)}
    return {**columns, **no_jobs(n_devices), "top": nothing[:, : len(SIGNALS)], "bins": nothing}


def _chunks(device: Array) -> Iterator[slice]:
    """Cut the rows into slices of whole devices; one empty slice where there are none."""
    first = first_rows(device)
    start = 0
    while True:
        next_device = np.searchsorted(first, start + _CHUNK)
        end = int(first[next_device]) if next_device < len(first) else len(device)
        yield slice(start, end)
        if end == len(device):
            return
        start = end


def _fit_chunk(backups: Arrays, device: Array, rows: slice, fleet: FleetModel) -> dict[str, Array]:
    device = device[rows] - (device[rows][0] if rows.stop > rows.start else 0)
    age = age_of(device)
    newest = age < HISTORY
    device, age = device[newest], age[newest]
    taught = {name: backups[name][rows][newest] for name in (*FIGURES, "ended_at")}
    n_devices = len(first_rows(device))

    figures = completed({name: taught[name] for name in FIGURES})
    ratios = fit_ratios(figures, device, n_devices, fleet.curve)
    expected = ratio_beside(figures, {"ratio_offset": ratios["ratio_offset"][device]}, fleet.curve)
    signals = signals_of(figures, expected, ratios["ratio_spread"][device], ratios["stored_density"][device])
    top, bins = fit_histograms(signals, _WEIGHT_AT_AGE[age], device, n_devices)
    jobs = fit_jobs(signals, taught["ended_at"], device, n_devices)
    return {**_schedule(taught["ended_at"], device, n_devices), **ratios, **jobs, "top": top, "bins": bins}


def _schedule(ended_at: Array, device: Array, n_devices: int) -> dict[str, Array]:
    first = first_rows(device)
    last = np.append(first[1:], len(device))[:n_devices] - 1
    gap = np.diff(ended_at, prepend=np.nan) / 3600
    gap[first] = np.nan
    count = last - first + 1
    return {
        "backups": count,
        "first_taught_at": ended_at[first],
        "last_taught_at": ended_at[last],
        "usual_gap_hours": median(gap, device, n_devices),
        "backups_per_year": backups_per_year(count, (ended_at[last] - ended_at[first]) / 86_400),
    }
