"""How often clean backups reach a raw score, and their sums a height: in false alerts per device-year."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from jobs.model.arrays import Array, Arrays
from jobs.model.calibration import Calibration, along, on_schedule
from jobs.model.comparing import history_of
from jobs.model.cumulative import SUMS_PART
from jobs.model.devices import HISTORY
from jobs.model.fleet import FleetModel
from jobs.model.loudness import loud, raw_in_turn
from jobs.model.point_sets import PointSet
from jobs.model.points import points_of
from jobs.model.rarities import rarest_deletion, rarities_of
from jobs.model.sub_kinds import largest_of_kinds
from jobs.model.walk_forward import Walk, compared_walk, judged_years, previous_of
from jobs.train.sums import fit_sum_rate

SURE_ROWS = 30  # rows behind the outermost point of a curve; beyond it the curve goes straight on
SMALLEST_SLOPE = 0.1  # so that a higher raw score is always a higher score
SCORE_STEP = 0.1  # of the curves
# By how many of the newest backups teach: the power of their backups a year with which busy devices alert about as
# often as others. A single backup of a busy device is less likely to look odd only where its own history is known.
SCHEDULE_POWERS = {0: 0.8, 5: 0.8, 20: 0.5, HISTORY: 0.3}
YOUNG_MARGIN = 1.3  # devices with a short history alerted so many times as often on other origins as on those fitted


def gathered(backups: Arrays, walk: Walk, fleet: FleetModel) -> dict[str, Array]:
    """What the scores of the judged backups are made of, see `jobs.model.comparing.compared`."""
    judged = {name: column[walk.row] for name, column in backups.items()}
    parts = list(compared_walk(judged, walk, fleet))
    return {name: np.concatenate([part[name] for part in parts]) for name in parts[0]}


def fit_calibration(
    walks: Sequence[tuple[Arrays, Walk, Arrays | None]],
    history: int,
    device: Array,
    device_weights: Array,
    fleet: FleetModel,
    points: PointSet,
) -> Calibration:
    """From raw scores and sums to false alerts per device-year, for models with the history of these walks.

    Parameters
    ----------
    walks : sequence
        Backups as one product prints them, their walk, and what `gathered` makes of it (None: it is worked out here).
    history : int
        The newest backups that taught them, one of `SCHEDULE_POWERS`.
    device, device_weights
        As in `jobs.train.sets.fit_set`.
    """
    raws, rarities, schedules, devices, taught = [], [], [], [], []
    for place, (backups, walk, rows) in enumerate(walks):
        rows = gathered(backups, walk, fleet) if rows is None else rows
        found = points_of(rows["columns"], points.weights, points.intercepts)
        by_sub_kind = rarities_of(found, rarest_deletion(rows), points)
        rarities.append(largest_of_kinds(by_sub_kind))
        by_kind = largest_of_kinds(by_sub_kind + np.log10(points.budget))
        times = loud(rarities[-1], points.loud_share)
        raws.append(raw_in_turn(by_kind, times, previous_of(walk), rows["schedule"]))
        schedules.append(rows["schedule"])
        devices.append(
            device[walk.row] + place * len(device_weights)
        )  # each product's records are devices of their own
        taught.append(np.nan_to_num(history_of(walk.models["bins"])).mean())
    raw, rarity, schedule, of_device = (np.concatenate(parts) for parts in (raws, rarities, schedules, devices))
    years = device_weights * judged_years(walks[0][0]["ended_at"], device) * len(walks)
    weights = device_weights[of_device % len(device_weights)]
    power = SCHEDULE_POWERS[history]
    counted = float(years.sum()) * (1 - SUMS_PART) / (1 if history == HISTORY else YOUNG_MARGIN)
    values = on_schedule(raw, schedule, power)
    curve = fit_reach(values, weights, counted, SCORE_STEP)
    is_alert = along(values, curve) >= 0  # at the budget that comes with the program
    sum_rate = fit_sum_rate(rarity, of_device, is_alert, weights)
    return Calibration(float(np.mean(taught)), power, curve, sum_rate)


def fit_reach(values: Array, weights: Array, unit: float, step: float) -> Array:
    """Rising curve: -log10 of the weight of the clean backups that reach a value, per unit of weight.

    Parameters
    ----------
    values, weights : arrays of shape (n,)
        At least 30 rows.
    unit : float
        All weight, for a share of the backups; the weighted device-years, for backups a year.
    step : float
        Between two points of the curve.

    Returns
    -------
    array of shape (2, k): places and heights, as `jobs.model.calibration.along` reads them
    """
    order = np.argsort(values)
    ascending = values[order]
    reaching = np.append(np.cumsum(weights[order][::-1])[::-1], 0)
    last = max(float(ascending[-SURE_ROWS]), float(ascending[0]) + step)
    places = np.arange(ascending[0], last + step / 2, step)
    heights = -np.log10(np.maximum(reaching[np.searchsorted(ascending, places)], weights.min()) / unit)
    decade = max(int(np.searchsorted(heights, heights[-1] - 1)), 0)
    steepness = np.polyfit(places[decade:], heights[decade:], 1)[0] if decade < len(places) - 2 else SMALLEST_SLOPE
    slope = max(float(steepness), SMALLEST_SLOPE)
    return risen(np.append(places, places[-1] + 1), np.append(heights, heights[-1] + slope))


def risen(places: Array, heights: Array) -> Array:
    """A curve through these points that never rises less than it has to."""
    rise = np.maximum(np.diff(heights), SMALLEST_SLOPE * np.diff(places))
    return np.stack((places, np.append(heights[0], heights[0] + np.cumsum(rise))))
