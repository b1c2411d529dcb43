"""What a backtest shows: recall by class and size with intervals, false alerts a device-year, time to detection."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from jobs.model.arrays import Array

SETTLED = 33  # backups; figures of devices past these are given apart
LARGE = 500  # files before; 2 % of fewer is a handful
RESAMPLES = 1_000
SURE = 0.95
QUANTILE = 1.96  # of the normal distribution, for SURE
SEED = 1
SECONDS_PER_YEAR = 365.25 * 86_400


@dataclass(frozen=True, eq=False)
class Rate:
    """A share or a rate with its interval; NaN where it can't be told."""

    value: float
    low: float
    high: float
    rows: int


def rate_of(hits: Array, size: Array, unit: Array, resampled: bool = True) -> Rate:
    """Sum of hits over sum of sizes, with a 95 % interval.

    Parameters
    ----------
    hits, size : arrays of shape (n,)
        For a recall: whether the row alerted, and 1. For alerts a year: alerts, and years.
    unit : int array of shape (n,)
        Device, or origin, of each row: whole units are drawn again, since their rows are not independent.
    resampled : bool
        With one unit there is nothing to draw again: a share then gets Wilson's interval over its rows, which takes
        them for independent; a rate gets none.
    """
    if not size.sum() > 0:
        return Rate(np.nan, np.nan, np.nan, len(hits))
    value = float(hits.sum() / size.sum())
    used, number = np.unique(unit, return_inverse=True)
    if len(used) < 2:
        low, high = (np.nan, np.nan) if not resampled else _wilson(float(hits.sum()), float(size.sum()))
        return Rate(value, low, high, len(hits))
    sums = np.stack([np.bincount(number, part) for part in (hits, size)])
    random = np.random.default_rng(SEED)
    times = random.multinomial(len(used), np.full(len(used), 1 / len(used)), RESAMPLES)
    drawn_hits, drawn_size = sums @ times.T
    drawn = drawn_hits[drawn_size > 0] / drawn_size[drawn_size > 0]
    low, high = np.quantile(drawn, [(1 - SURE) / 2, (1 + SURE) / 2])
    return Rate(value, float(low), float(high), len(hits))


def recall_by_class(attack: Array, alerted: Array, files_before: Array, unit: Array) -> dict[str, dict[str, Rate]]:
    """Recall of each class: of all its rows, and of those with fewer and with at least 500 files before.

    Parameters
    ----------
    attack : str array of shape (n,)
    alerted : bool array of shape (n,)
    files_before : array of shape (n,)
        NaN: in neither size.
    unit : int array of shape (n,)
        As in `rate_of`.
    """
    order = np.argsort(attack, kind="stable")
    names, starts = np.unique(attack[order], return_index=True)
    found = {}
    for name, start, end in zip(names.tolist(), starts, [*starts[1:], len(order)], strict=False):  # none: only an end
        rows = order[start:end]
        files = files_before[rows]
        sizes = {"all": rows, "small": rows[files < LARGE], "large": rows[files >= LARGE]}
        found[name] = {size: _recall(alerted[some], unit[some]) for size, some in sizes.items()}
    return found


def _recall(alerted: Array, unit: Array) -> Rate:
    return rate_of(alerted.astype(float), np.ones(len(alerted)), unit)


def alerts_per_year(
    alerted: Array, device: Array, ended_at: Array, place: Array, unit_of_device: Array, since: int
) -> Rate:
    """Alerts of backups a device-year, over the time in which each device was judged.

    Parameters
    ----------
    alerted, device, ended_at, place : arrays of shape (n,)
        Of the judged backups: whether it alerted, number of its device, seconds, and how many of the device's backups
        came before.
    unit_of_device : int array of shape (n_devices,)
    since : int
        Only backups with so many before them.
    """
    counted = place >= since
    n_devices = len(unit_of_device)
    alerts = np.bincount(device[counted], alerted[counted], minlength=n_devices)
    years = years_of(device[counted], ended_at[counted], n_devices)
    has_years = years > 0
    return rate_of(alerts[has_years], years[has_years], unit_of_device[has_years], resampled=False)


def years_of(device: Array, ended_at: Array, n_devices: int) -> Array:
    """Years from the first to the last of each device's rows, which stand in time order; 0 for fewer than two."""
    years = np.zeros(n_devices)
    used, first = np.unique(device, return_index=True)
    last = np.append(first[1:], len(device))[: len(used)] - 1
    years[used] = (ended_at[last] - ended_at[first]) / SECONDS_PER_YEAR
    return years


def times_to_detection(
    attack: Array, attack_id: Array, device: Array, ended_at: Array, alerted: Array
) -> dict[str, dict[str, Any]]:
    """Of attacks over several backups, how many were found, and how soon.

    Parameters
    ----------
    attack, attack_id : str arrays of shape (n,)
        Rows of one device with one attack and attack_id are one attack; "" is none.
    device, ended_at, alerted : arrays of shape (n,)
        Seconds; the rows of one attack may stand in any order.

    Returns
    -------
    mapping
        By class: attacks, found, backups and hours (medians over the found ones, of the first backup that alerted
        counted from 1, and since the attack's first backup; None: none was found).
    """
    rows = np.flatnonzero(attack_id != "")
    rows = rows[np.argsort(ended_at[rows], kind="stable")]
    spans: dict[tuple[str, str, int], list[int]] = {}
    for row in rows.tolist():
        spans.setdefault((str(attack[row]), str(attack_id[row]), int(device[row])), []).append(row)
    found: dict[str, dict[str, Any]] = {}
    for (name, *_), span in sorted(spans.items()):
        held = found.setdefault(name, {"attacks": 0, "found": 0, "backups": [], "hours": []})
        held["attacks"] += 1
        hits = np.flatnonzero(alerted[span])
        if len(hits):
            held["found"] += 1
            held["backups"].append(int(hits[0]) + 1)
            held["hours"].append((ended_at[span[hits[0]]] - ended_at[span[0]]) / 3600)
    medians = ("backups", "hours")
    return {
        name: held | {what: float(np.median(held[what])) if held[what] else None for what in medians}
        for name, held in found.items()
    }


def _wilson(hits: float, n: float) -> tuple[float, float]:
    share, square = hits / n, QUANTILE**2
    middle = (share + square / (2 * n)) / (1 + square / n)
    half = QUANTILE * np.sqrt(share * (1 - share) / n + square / (4 * n * n)) / (1 + square / n)
    return float(max(0.0, middle - half)), float(min(1.0, middle + half))
