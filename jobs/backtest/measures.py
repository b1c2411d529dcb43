"""What a backtest shows: recall by class and size with intervals, false alerts a device-year, time to detection."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import pyarrow as pa

from jobs.model.arrays import Array
from jobs.model.walk_forward import SECONDS_PER_YEAR

SETTLED = 33  # backups; figures of devices past these are given apart
LARGE = 500  # files before; 2 % of fewer is a handful
RESAMPLES = 1_000
SURE = 0.95
QUANTILE = 1.96  # of the normal distribution, for SURE
SEED = 1


@dataclass(frozen=True, eq=False)
class Rate:
    """A share or a rate with its interval, NaN where it can't be told; and of how many rows, or years, it is one."""

    value: float
    low: float
    high: float
    size: float


def rate_of(hits: Array, size: Array, unit: Array, resampled: bool = True) -> Rate:
    """Sum of hits over sum of sizes, with a 95 % interval.

    Parameters
    ----------
    hits, size : arrays of shape (n,)
        For a recall: rows that alerted, and rows. For alerts a year: alerts, and years.
    unit : int array of shape (n,)
        Device, or origin, that each is of: whole units are drawn again, since their rows are not independent.
    resampled : bool
        With one unit there is nothing to draw again: a share then gets Wilson's interval over its rows, which takes
        them for independent; a rate gets none.
    """
    hits, size, unit = hits[size > 0], size[size > 0], unit[size > 0]
    total = float(size.sum())
    if not total:
        return Rate(np.nan, np.nan, np.nan, total)
    value = float(hits.sum() / total)
    used, number = np.unique(unit, return_inverse=True)
    if len(used) < 2:
        low, high = (np.nan, np.nan) if not resampled else _wilson(float(hits.sum()), total)
        return Rate(value, low, high, total)
    sums = np.stack([np.bincount(number, part) for part in (hits, size)])
    random = np.random.default_rng(SEED)
    times = random.multinomial(len(used), np.full(len(used), 1 / len(used)), RESAMPLES)
    drawn_hits, drawn_size = sums @ times.T
    drawn = drawn_hits[drawn_size > 0] / drawn_size[drawn_size > 0]
    low, high = np.quantile(drawn, [(1 - SURE) / 2, (1 + SURE) / 2])
    return Rate(value, float(low), float(high), total)


def alerts_per_year(alerted: Array, device: Array, ended_at: Array, unit_of_device: Array) -> Rate:
    """Alerts of backups a device-year, over the time in which each device was judged.

    Parameters
    ----------
    alerted, device, ended_at : arrays of shape (n,)
        As in `alerts_and_years`.
    unit_of_device : int array of shape (n_devices,)
    """
    alerts, years = alerts_and_years(alerted, device, ended_at, len(unit_of_device))
    return rate_of(alerts, years, unit_of_device, resampled=False)


def alerts_and_years(alerted: Array, device: Array, ended_at: Array, n_devices: int) -> tuple[Array, Array]:
    """Alerts of each device, and the years in which it was judged.

    Parameters
    ----------
    alerted, device, ended_at : arrays of shape (n,)
        Of the judged backups, which stand in time order: whether it alerted, number of its device, seconds.
    """
    return np.bincount(device, alerted, minlength=n_devices), years_of(device, ended_at, n_devices)


def years_of(device: Array, ended_at: Array, n_devices: int) -> Array:
    """Years from the first to the last of each device's rows, which stand in time order; 0 for fewer than two."""
    years = np.zeros(n_devices)
    used, first = np.unique(device, return_index=True)
    last = np.append(first[1:], len(device))[: len(used)] - 1
    years[used] = (ended_at[last] - ended_at[first]) / SECONDS_PER_YEAR
    return years


def detections(attack: Array, attack_id: Array, device: Array, ended_at: Array, alerted: Array) -> dict[str, list[Any]]:
    """Attacks over several backups, and when each was found.

    Parameters
    ----------
    attack, attack_id : str arrays of shape (n,)
        Rows of one device with one attack and attack_id are one attack; "" is none.
    device, ended_at, alerted : arrays of shape (n,)
        Seconds; the rows of one attack may stand in any order.

    Returns
    -------
    mapping of columns
        attack; backups and hours of its first backup that alerted, counted from 1 and since the attack's first backup;
        None: it was not found.
    """
    rows = np.flatnonzero(attack_id != "")
    rows = rows[np.argsort(ended_at[rows], kind="stable")]
    spans: dict[tuple[str, str, int], list[int]] = {}
    for row in rows.tolist():
        spans.setdefault((str(attack[row]), str(attack_id[row]), int(device[row])), []).append(row)
    hits = [next((place for place, row in enumerate(span) if alerted[row]), None) for span in spans.values()]
    return {
        "attack": pa.array([name for name, *_ in spans], pa.string()),
        "backups": pa.array([None if hit is None else hit + 1 for hit in hits], pa.int64()),
        "hours": pa.array(
            [
                None if hit is None else (ended_at[span[hit]] - ended_at[span[0]]) / 3600
                for hit, span in zip(hits, spans.values(), strict=True)
            ],
            pa.float64(),
        ),
    }


def _wilson(hits: float, n: float) -> tuple[float, float]:
    share, square = hits / n, QUANTILE**2
    middle = (share + square / (2 * n)) / (1 + square / n)
    half = QUANTILE * np.sqrt(share * (1 - share) / n + square / (4 * n * n)) / (1 + square / n)
    return float(max(0.0, middle - half)), float(min(1.0, middle + half))
