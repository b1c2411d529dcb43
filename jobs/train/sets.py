"""What is learned for backups that show the same: points, how rare they are, and how often they alert."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from jobs.model.arrays import Array, Arrays, first_rows
from jobs.model.devices import HISTORY
from jobs.model.fleet import FleetModel
from jobs.model.loudness import loud_share
from jobs.model.point_sets import PointSet
from jobs.model.points import points_of
from jobs.model.rarities import rarest_deletion, rarities_of
from jobs.model.sub_kinds import BUDGETS, LOSS_BUDGET, SUB_KINDS, with_set_floors
from jobs.model.walk_forward import Walk, compared_walk, walk_forward
from jobs.tables import KINDS
from jobs.train.calibrations import SCHEDULE_POWERS, fit_calibration, fit_reach, gathered
from jobs.train.draws import drawn_attacks
from jobs.train.points import fit_points
from jobs.train.products import PRODUCTS, Product, as_printed

ATTACKED_A_REFIT = 5  # backups of those that one model judges
LEARNED_FROM = {"dense": "stored"}  # the same records; only the parts of the budget differ
QUIET, QUIET_PART = 1.3, 0.15  # of clean backups with no more evidence than this, this part is learned from
POINTS_STEP = 0.25  # of the tails


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
    docs/model.md, "Points" and "Score".
    """
    fitted, parts = learned(backups, device, fleet, name, seed)
    calibrations = []
    for history in SCHEDULE_POWERS:
        walks: list[tuple[Arrays, Walk, Arrays | None]] = [(part.printed, part.walk, part.clean) for part in parts]
        if history < HISTORY:
            walks = [(part.printed, walk_forward(part.printed, device, fleet, history), None) for part in parts]
        calibrations.append(fit_calibration(walks, history, device, device_weights, fleet, fitted))
    return replace(fitted, calibrations=tuple(calibrations))


@dataclass(frozen=True, eq=False)
class Part:
    """What is learned from one product's shape: records, walk, clean backups (`gathered`), columns of attacks."""

    printed: Arrays
    walk: Walk
    clean: Arrays
    attacks: Array
    sub_kind: Array


def learned(backups: Arrays, device: Array, fleet: FleetModel, name: str, seed: int = 1) -> tuple[PointSet, list[Part]]:
    """Points and tails of a set without its calibrations, and what they were learned from; as `fit_set`."""
    random = np.random.default_rng(seed)
    learned_from = LEARNED_FROM.get(name, name)
    products = [product for product in PRODUCTS if product.set == learned_from]
    parts = []
    for place, product in enumerate(products):
        printed = as_printed(backups, product)
        walk = walk_forward(printed, device, fleet)
        clean = gathered(printed, walk, fleet)
        at = attacked_rows(walk.refit, ATTACKED_A_REFIT, random)[place :: len(products)]
        parts.append(Part(printed, walk, clean, *_attacks(backups, walk, at, fleet, product, seed)))
    thinned = [_thinned(part.clean["evidence"], random) for part in parts]
    weights, intercepts = fit_points(
        np.concatenate([part.clean["columns"][rows] for part, (rows, _) in zip(parts, thinned, strict=True)]),
        np.concatenate([row_weights for _, row_weights in thinned]),
        np.concatenate([part.attacks for part in parts]),
        np.concatenate([part.sub_kind for part in parts]),
    )
    weights = with_set_floors(weights, learned_from)
    points = np.concatenate([points_of(part.clean["columns"], weights, intercepts) for part in parts])
    ones = np.ones(len(points))
    tails = tuple(fit_reach(points[:, place], ones, len(ones), POINTS_STEP) for place in range(len(SUB_KINDS)))
    fitted = PointSet(np.append(BUDGETS[name], LOSS_BUDGET), intercepts, weights, tails, np.ones(len(KINDS)), ())
    rarest = np.concatenate([rarest_deletion(part.clean) for part in parts])
    return replace(fitted, loud_share=loud_share(rarities_of(points, rarest, fitted))), parts


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
        for part in compared_walk(as_printed(attacked, product, rows), beside, fleet):
            columns.append(part["columns"])
            sub_kind.append(np.full(len(part["columns"]), place))
    return np.concatenate(columns), np.concatenate(sub_kind)


def _thinned(evidence: Array, random: np.random.Generator) -> tuple[Array, Array]:
    """Clean backups to learn from, and for how many each stands."""
    is_quiet = evidence.max(axis=1) <= QUIET
    rows = np.flatnonzero(~is_quiet | (random.random(len(is_quiet)) < QUIET_PART))
    return rows, np.where(is_quiet[rows], 1 / QUIET_PART, 1.0)
