"""Fit the fleet model anew from a fleet's own backups, as they were printed, shrunk to the model that it began with.

What an attack looks like stays as it was learned, from simulated ones on full records of many origins. What is usual
becomes the fleet's own: compression curve, prior and surges, how rare so many points are, how many backups are loud,
and how often clean ones reach a score.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import numpy as np

from jobs.model.arrays import Array, Arrays
from jobs.model.calibration import Calibration, along, on_schedule
from jobs.model.devices import HISTORY
from jobs.model.fleet import FleetModel
from jobs.model.loudness import loud, loud_share, raw_in_turn, usual_loudness
from jobs.model.point_sets import SETS, PointSet
from jobs.model.points import points_of
from jobs.model.rarities import rarest_deletion, rarities_of
from jobs.model.signals import FIGURES, signals_beside
from jobs.model.stand_ins import completed
from jobs.model.sub_kinds import SUB_KINDS, largest_of_kinds
from jobs.model.walk_forward import Walk, compared_walk, judged_years, previous_of, walk_forward
from jobs.train.calibrations import SCHEDULE_POWERS, SCORE_STEP, YOUNG_MARGIN, fit_reach, risen
from jobs.train.fleet import medians_by_size
from jobs.train.prior import START_DEVICES, fit_prior
from jobs.train.sets import POINTS_STEP
from jobs.train.surge import fit_surge

# Device-years; as many as the model counts from which a fleet's own is fitted. Tails are shrunk more: which sub-kind is
# loudest hangs on their far ends, where few devices have most of the backups.
START_YEARS, START_TAIL_YEARS = 50.0, 200.0
SMALLEST_SET = 200  # judged backups; of what a fleet shows less often the start stays


def refit_fleet(
    backups: Arrays, device: Array, start: FleetModel, fleet_name: str, provenance: Mapping[str, Any]
) -> FleetModel:
    """Fleet model of a fleet's own backups.

    Parameters
    ----------
    backups : mapping of arrays of shape (n,)
        The columns of `jobs.model.signals.FIGURES` (NaN where unknown) and ended_at, seconds since 1970 UTC. Only
        backups that may teach, of any products.
    device : int array of shape (n,)
        As in `jobs.train.fleet.fit_fleet`.
    start : FleetModel
        What the fleet began with. It counts as so many devices and device-years more.
    fleet_name, provenance
        Kept in the model.

    Notes
    -----
    docs/model.md, "A fleet's own model".
    """
    fleet = replace(start, fleet_name=fleet_name, provenance=provenance, curve=_curve(backups, device, start.curve))
    walk = walk_forward(backups, device, fleet)
    judged = {name: column[walk.row] for name, column in backups.items()}
    models = {name: walk.models[name][walk.refit] for name in ("ratio_offset", "ratio_spread", "stored_density")}
    signals = signals_beside(judged, models, fleet.curve)
    cohort = completed({name: judged[name] for name in FIGURES})["cohort"]
    fleet = replace(fleet, prior=fit_prior(signals, cohort, device[walk.row], start.prior))
    fleet = replace(fleet, surge=fit_surge(backups, device, fleet, start.surge))
    return replace(fleet, sets=_sets(backups, device, fleet))


def _curve(backups: Arrays, device: Array, start: Array) -> Array:
    logits, devices = medians_by_size(backups, device)
    own = devices / (devices + START_DEVICES)
    curve: Array = start + own * np.nan_to_num(logits - start)
    return curve


def _sets(backups: Arrays, device: Array, fleet: FleetModel) -> dict[str, PointSet]:
    """The sets with the tails and calibrations of this fleet's backups."""
    sets = dict(fleet.sets)
    years_of_device = judged_years(backups["ended_at"], device)
    for place in reversed(range(len(SCHEDULE_POWERS))):  # the longest history first: the tails are of that
        history = tuple(SCHEDULE_POWERS)[place]
        walk = walk_forward(backups, device, fleet, history)
        rows = _pointed(backups, walk, fleet)
        # A device's years are shared out among the sets by which its backups are judged.
        a_backup = years_of_device / np.maximum(np.bincount(device[walk.row], minlength=len(years_of_device)), 1)
        years = a_backup[device[walk.row]]
        own_rows = {name: np.flatnonzero(rows["set"] == number) for number, name in enumerate(SETS)}
        shown = {name: own for name, own in own_rows.items() if len(own) >= SMALLEST_SET}
        if history == HISTORY:
            for name, own in shown.items():
                sets[name] = _rarer(fleet.sets[name], {key: rows[key][own] for key in ("points", "rarest")}, years[own])
        raw = _raw(rows, own_rows, sets, previous_of(walk))
        for name, own in shown.items():
            known = {"raw": raw[own], **{key: rows[key][own] for key in ("schedule", "history")}}
            start, others = fleet.sets[name].calibrations[place], sets[name].calibrations
            fresh = _calibration(known, float(years[own].sum()), history, start)
            sets[name] = replace(sets[name], calibrations=(*others[:place], fresh, *others[place + 1 :]))
    return sets


def _pointed(backups: Arrays, walk: Walk, fleet: FleetModel) -> dict[str, Array]:
    """Points of the judged backups, each by its own set; and their set, rarest deletion, schedule and history."""
    judged = {name: column[walk.row] for name, column in backups.items()}
    parts = []
    for part in compared_walk(judged, walk, fleet):
        points = np.empty((len(part["set"]), len(SUB_KINDS)))
        for number in np.unique(part["set"]):
            own, points_of_set = part["set"] == number, fleet.sets[SETS[number]]
            points[own] = points_of(part["columns"], points_of_set.weights, points_of_set.intercepts)[own]
        known = {name: part[name] for name in ("set", "schedule", "history")}
        parts.append({"points": points, "rarest": rarest_deletion(part), **known})
    return {name: np.concatenate([part[name] for part in parts]) for name in parts[0]}


def _rarer(start: PointSet, rows: Arrays, years_of_row: Array) -> PointSet:
    """The set with tails, and the share of loud backups, of these points as well."""
    points, years = rows["points"], float(years_of_row.sum())
    ones = np.ones(len(points))
    tails = tuple(
        blended(fit_reach(own, ones, len(ones), POINTS_STEP), years, tail, START_TAIL_YEARS, POINTS_STEP)
        for own, tail in zip(points.T, start.tails, strict=True)
    )
    own, fresh = years / (years + START_TAIL_YEARS), replace(start, tails=tails)
    share = own * loud_share(rarities_of(points, rows["rarest"], fresh)) + (1 - own) * start.loud_share
    return replace(fresh, loud_share=share)


def _raw(rows: Arrays, own_rows: Mapping[str, Array], sets: Mapping[str, PointSet], previous: Array) -> Array:
    """Raw scores of backups in a row, those of each set by it, their devices' loudness allowed for."""
    by_kind, times = np.empty((2, *usual_loudness(len(previous)).shape))
    for name, own in own_rows.items():
        rarities = rarities_of(rows["points"][own], rows["rarest"][own], sets[name])
        by_kind[own] = largest_of_kinds(rarities + np.log10(sets[name].budget))
        times[own] = loud(largest_of_kinds(rarities), sets[name].loud_share)
    return raw_in_turn(by_kind, times, previous, rows["schedule"])


def _calibration(known: Arrays, years: float, history: int, start: Calibration) -> Calibration:
    values = on_schedule(known["raw"], known["schedule"], start.schedule_power)
    counted = years / (1 if history == HISTORY else YOUNG_MARGIN)
    own = fit_reach(values, np.ones(len(values)), counted, SCORE_STEP)
    curve = blended(own, years, start.alert_rate, START_YEARS, SCORE_STEP)
    taught = (years * float(known["history"].mean()) + START_YEARS * start.history) / (years + START_YEARS)
    return Calibration(taught, start.schedule_power, curve, start.sum_rate)


def blended(own: Array, years: float, start: Array, start_years: float, step: float) -> Array:
    """The rates of two curves as one.

    Parameters
    ----------
    own, start : arrays of shape (2, k)
        Places, and -log10 of how often clean backups reach them.
    years, start_years : float
        Device-years that each counts as.
    step : float
        Between two points of the curve.
    """
    places = np.arange(min(own[0][0], start[0][0]), max(own[0][-1], start[0][-1]) + step, step)
    sure, at_most = own[0][-2], own[1][0]  # beyond where backups were counted, as the start goes on
    beyond = np.maximum(0, along(places, start) - along(np.array([sure]), start))
    counted = np.maximum(along(np.minimum(places, sure), own), at_most) + beyond
    started = np.maximum(along(places, start), start[1][0])
    mean = (years * 10**-counted + start_years * 10**-started) / (years + start_years)
    return risen(places, -np.log10(mean))
