"""What one fleet model makes of histories that it never saw: clean backups, and the same under every attack."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from benchmarks.detection.attack_rows import attacked_positions
from jobs.model.arrays import first_rows
from jobs.model.attacks import attacked, kind_of
from jobs.model.calibration import threshold_of
from jobs.model.cumulative import NONE, Sums, add_up
from jobs.model.fleet import FleetModel
from jobs.model.walk_forward import Walk, judged_years, previous_of, score_walk, walk_forward
from jobs.tables import KINDS
from jobs.train.products import Product, as_printed

Array = NDArray[Any]
BUDGETS = (1.0, 4.0)  # false alerts per device-year
LARGE = 500  # files before


@dataclass(frozen=True, eq=False)
class Attacked:
    """Scores of one attack: score by budget, kind, whether the device is large, origin; arrays of shape (n,)."""

    score: dict[float, Array]
    kind: Array
    is_large: Array
    origin: Array


@dataclass(frozen=True, eq=False)
class Judged:
    """Scores of one group of histories, by budget: sums begin anew where its threshold is reached."""

    clean: dict[float, Array]
    clean_kind: Array
    years: float
    attacks: dict[str, Attacked]


def judge(
    rows: tuple[dict[str, Array], Array, Array, Array],
    fleet: FleetModel,
    product: Product,
    attacks: Sequence[str],
    history: int = 365,
) -> dict[str, Judged]:
    """Scores by group.

    Parameters
    ----------
    rows : tuple
        Backups as full records, device, and the group and origin of each row.
    attacks : sequence of names
    history : int
        Newest backups that teach.
    """
    backups, device, group, origin = rows
    printed = as_printed(backups, product)
    walk = walk_forward(printed, device, fleet, history)
    alone = score_walk({name: column[walk.row] for name, column in printed.items()}, walk, fleet)
    previous = previous_of(walk)
    clean = {budget: add_up(alone, previous, threshold_of(budget)) for budget in BUDGETS}
    years = judged_years(backups["ended_at"], device)
    at = attacked_positions(walk.refit)
    beside = Walk(walk.models, walk.row[at], walk.refit[at])
    before = {name: column[beside.row] for name, column in backups.items()}
    loudness = alone["loudness"][at]
    found = {}
    for attack in attacks:
        scores = score_walk(as_printed(attacked(before, attack), product, before), beside, fleet, loudness)
        sums = {budget: add_up_after(scores, clean[budget], previous[at], threshold_of(budget)) for budget in BUDGETS}
        found[attack] = ({budget: own.score for budget, own in sums.items()}, sums[1.0].kind)
    judged = {}
    for name in np.unique(group):
        own, mine = group[walk.row] == name, group[beside.row] == name
        large, origins = before["files_before"][mine] >= LARGE, origin[beside.row][mine]
        judged[str(name)] = Judged(
            clean={budget: sums.score[own] for budget, sums in clean.items()},
            clean_kind=clean[1.0].kind[own],
            years=float(years[group[first_rows(device)] == name].sum()),
            attacks={
                attack: Attacked({b: score[mine] for b, score in scores.items()}, kind[mine], large, origins)
                for attack, (scores, kind) in found.items()
            },
        )
    return judged


def add_up_after(scores: dict[str, Array], clean: Sums, previous: Array, threshold: float) -> Sums:
    """Attacked backups with the sums that clean ones left: `previous` is a place among those, or -1."""
    tables = (clean.sums, clean.backups, clean.score >= threshold)
    # Behind the last stands nothing.
    sums, backups, alerted = (np.concatenate([table, np.zeros_like(table[:1])])[previous] for table in tables)
    return add_up(scores, np.full(len(previous), NONE), threshold, (sums, backups, alerted))


def merged(one: dict[str, Judged], other: dict[str, Judged]) -> dict[str, Judged]:
    """The two halves of a cross-fit as one."""
    both = {}
    for name in (*one, *(name for name in other if name not in one)):
        parts = [half[name] for half in (one, other) if name in half]
        both[name] = Judged(
            _by_budget([part.clean for part in parts]),
            np.concatenate([part.clean_kind for part in parts]),
            sum(part.years for part in parts),
            {
                attack: Attacked(
                    _by_budget([part.attacks[attack].score for part in parts]),
                    *(
                        np.concatenate([getattr(part.attacks[attack], column) for part in parts])
                        for column in ("kind", "is_large", "origin")
                    ),
                )
                for attack in parts[0].attacks
            },
        )
    return both


def _by_budget(parts: Sequence[dict[float, Array]]) -> dict[float, Array]:
    return {budget: np.concatenate([part[budget] for part in parts]) for budget in BUDGETS}


def limit(judged: Judged, budget: float) -> float:
    """The score that this group's clean backups exceed as often as the budget allows."""
    return float(np.sort(judged.clean[budget])[::-1][int(budget * judged.years)])


def false_alerts(judged: Judged) -> dict[str, Any]:
    """Alerts per device-year on clean backups at the shipped threshold; by kind at a budget of 1."""
    rates = {f"budget {b:g}": _rounded((judged.clean[b] >= threshold_of(b)).sum() / judged.years) for b in BUDGETS}
    kinds = judged.clean_kind[(judged.clean[1.0] >= 0) & (judged.clean_kind >= 0)]
    by_kind = np.bincount(kinds, minlength=len(KINDS)) / judged.years
    return {**rates, "by kind": {word: _rounded(rate) for word, rate in zip(KINDS, by_kind, strict=True)}}


def recall(judged: Judged) -> dict[str, dict[str, float]]:
    """Share of each attack over the limit of its own group and over the threshold, and how often it is named right."""
    limits = {budget: limit(judged, budget) for budget in BUDGETS}
    found = {}
    for attack, rows in judged.attacks.items():
        is_over = {budget: rows.score[budget] > limits[budget] for budget in BUDGETS}
        over = is_over[1.0]
        low, high = interval(over, rows.origin)
        found[attack] = {
            **{f"budget {budget:g}": _rounded(is_over[budget].mean()) for budget in BUDGETS},
            "low": low,
            "high": high,
            **{
                f"budget {budget:g}, 500 files or more": _rounded(is_over[budget][rows.is_large].mean())
                for budget in BUDGETS
            },
            "shipped threshold": _rounded((rows.score[1.0] >= 0).mean()),
            "kind right": _rounded((rows.kind[over] == kind_of(attack)).mean() if over.any() else np.nan),
        }
    return found


def interval(over: Array, origin: Array, draws: int = 200) -> tuple[float, float]:
    """5 % and 95 % points of the recall when other origins had been drawn (bootstrap)."""
    random = np.random.default_rng(0)
    names, number = np.unique(origin, return_inverse=True)
    hits, rows = np.bincount(number, over, len(names)), np.bincount(number, minlength=len(names))
    drawn = random.integers(0, len(names), (draws, len(names)))
    shares = hits[drawn].sum(axis=1) / rows[drawn].sum(axis=1)
    low, high = np.quantile(shares, (0.05, 0.95))
    return _rounded(low), _rounded(high)


def _rounded(figure: float) -> float:
    return round(float(figure), 3)
