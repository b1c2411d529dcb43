"""What is learned for backups that show the same: points, how rare they are, and how often they alert."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from jobs.model.arrays import Array, Arrays, first_rows
from jobs.model.calibration import Calibration, on_schedule
from jobs.model.comparing import history_of
from jobs.model.fleet import FleetModel
from jobs.model.point_sets import PointSet
from jobs.model.points import points_of
from jobs.model.scoring import sub_kind_scores
from jobs.model.sub_kinds import BUDGETS, SUB_KINDS
from jobs.model.walk_forward import Walk, compared_walk, judged_years, walk_forward
from jobs.train.draws import drawn_attacks
from jobs.train.points import fit_points
from jobs.train.products import PRODUCTS, Product, as_printed

SHORT_HISTORIES = (0, 5, 20)  # backups; the calibration between them is interpolated, the longest has the full 365
ATTACKED_A_REFIT = 5  # backups of those that one model judges
QUIET, QUIET_PART = 1.3, 0.15  # of clean backups with no more evidence than this, this part is learned from
SURE_ROWS = 30  # rows behind the outermost point of a calibration curve; beyond it the curve goes straight on
SMALLEST_SLOPE = 0.1  # so that a higher raw score is always a higher score
SCORE_STEP, POINTS_STEP = 0.1, 0.25  # of the calibration curves and the tails


def fit_set(
    backups: Arrays, device: Array, device_weights: Array, fleet: FleetModel, name: str, seed: int = 1
) -> PointSet:
    """Point set for the backups of some products.

    Parameters
    ----------
    backups, device, device_weights
        As in `jobs.train.fleet.fit_fleet`: full records, which are cut to what each product prints.
    fleet : FleetModel
        Its curve and prior are used.
    name : str
        One of `jobs.model.point_sets.SETS`; its products share points and calibration.
    seed : int
        Of the simulated attacks.

    Notes
    -----
    docs/detection.md, "Points" and "Score".
    """
    random = np.random.default_rng(seed)
    products = [product for product in PRODUCTS if product.set == name]
    parts = []
    for place, product in enumerate(products):
        printed = as_printed(backups, product)
        walk = walk_forward(printed, device, fleet)
        clean = gathered(printed, walk, fleet)
        at = attacked_rows(walk.refit, ATTACKED_A_REFIT, random)[place :: len(products)]
        parts.append((printed, walk, clean, *_attacks(backups, walk, at, fleet, product, seed)))
    thinned = [_thinned(clean["evidence"], random) for _, _, clean, _, _ in parts]
    weights, intercepts = fit_points(
        np.concatenate([part[2]["columns"][rows] for part, (rows, _) in zip(parts, thinned, strict=True)]),
        np.concatenate([row_weights for _, row_weights in thinned]),
        np.concatenate([part[3] for part in parts]),
        np.concatenate([part[4] for part in parts]),
    )
    points = np.concatenate([points_of(part[2]["columns"], weights, intercepts) for part in parts])
    ones = np.ones(len(points))
    tails = tuple(fit_reach(points[:, place], ones, len(ones), POINTS_STEP) for place in range(len(SUB_KINDS)))
    fitted = PointSet(np.array(BUDGETS[name]), intercepts, weights, tails, ())
    walks: list[list[tuple[Arrays, Walk, Arrays | None]]] = [
        [(part[0], walk_forward(part[0], device, fleet, history), None) for part in parts]
        for history in SHORT_HISTORIES
    ]
    walks.append([(printed, walk, clean) for printed, walk, clean, _, _ in parts])
    calibrations = tuple(fit_calibration(each, device, device_weights, fleet, fitted) for each in walks)
    return replace(fitted, calibrations=calibrations)


def gathered(backups: Arrays, walk: Walk, fleet: FleetModel) -> dict[str, Array]:
    """What the scores of the judged backups are made of, see `jobs.model.comparing.compared`."""
    judged = {name: column[walk.row] for name, column in backups.items()}
    parts = list(compared_walk(judged, walk, fleet))
    return {name: np.concatenate([part[name] for part in parts]) for name in parts[0]}


def attacked_rows(refit: Array, at_most: int, random: np.random.Generator) -> Array:
    """So many of the backups that each refit judges, drawn without replacement; indices into `refit`."""
    first = first_rows(refit)
    counts = np.diff(np.append(first, len(refit)))
    draws = [random.choice(count, min(at_most, count), replace=False) for count in counts]
    return np.concatenate([begin + draw for begin, draw in zip(first, draws, strict=True)])


def _attacks(
    backups: Arrays, walk: Walk, at: Array, fleet: FleetModel, product: Product, seed: int
) -> tuple[Array, Array]:
    """Columns and sub-kind of one attack of each sub-kind on the backups at these places of the walk."""
    beside = Walk(walk.models, walk.row[at], walk.refit[at])
    density = walk.models["stored_density"][beside.refit]
    rows: Mapping[str, Any] = {name: column[beside.row] for name, column in backups.items()}
    columns, sub_kind = [], []
    for place, attacked in enumerate(drawn_attacks({**rows, "stored_density": density}, seed).values()):
        for part in compared_walk(as_printed(attacked, product), beside, fleet):
            columns.append(part["columns"])
            sub_kind.append(np.full(len(part["columns"]), place))
    return np.concatenate(columns), np.concatenate(sub_kind)


def _thinned(evidence: Array, random: np.random.Generator) -> tuple[Array, Array]:
    """Clean backups to learn from, and for how many each stands."""
    is_quiet = evidence.max(axis=1) <= QUIET
    rows = np.flatnonzero(~is_quiet | (random.random(len(is_quiet)) < QUIET_PART))
    return rows, np.where(is_quiet[rows], 1 / QUIET_PART, 1.0)


def fit_calibration(
    walks: Sequence[tuple[Arrays, Walk, Arrays | None]],
    device: Array,
    device_weights: Array,
    fleet: FleetModel,
    points: PointSet,
) -> Calibration:
    """Curve from raw scores to false alerts per device-year, for models with the history of these walks.

    Parameters
    ----------
    walks : sequence
        Backups as one product prints them, their walk, and what `gathered` makes of it (None: it is worked out here).
    device, device_weights
        As in `fit_set`.
    """
    scores, weights, years, history = [], [], 0.0, []
    for backups, walk, rows in walks:
        rows = gathered(backups, walk, fleet) if rows is None else rows
        raw = sub_kind_scores(rows["columns"], points).max(axis=1)
        scores.append(on_schedule(raw, rows["schedule"]))
        weights.append(device_weights[device[walk.row]])
        years += float(judged_years(backups["ended_at"], device) @ device_weights)
        history.append(np.nan_to_num(history_of(walk.models["bins"])).mean())
    curve = fit_reach(np.concatenate(scores), np.concatenate(weights), years, SCORE_STEP)
    return Calibration(float(np.mean(history)), curve)


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
    places, heights = np.append(places, places[-1] + 1), np.append(heights, heights[-1] + slope)
    rise = np.maximum(np.diff(heights), SMALLEST_SLOPE * np.diff(places))
    return np.stack((places, np.append(heights[0], heights[0] + np.cumsum(rise))))
