"""Slow attacks: what adding evidence up over backups finds that single backups do not, at the same false alerts."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from benchmarks.detection.judged import BUDGETS, add_up_after
from jobs.model.arrays import first_rows
from jobs.model.attack_classes import SLOW
from jobs.model.attacks import attacked
from jobs.model.calibration import threshold_of
from jobs.model.cumulative import NONE, add_up
from jobs.model.fleet import FleetModel
from jobs.model.scoring import score_backups, scores_in_turn
from jobs.model.walk_forward import Walk, judged_years, previous_of, score_walk, walk_forward
from jobs.train.products import Product, as_printed

Array = NDArray[Any]
RUN = 20  # backups in a row that are attacked
EVERY = 100  # backups of a device, with one run among them
WITHIN = (1, 5, 10, 20)  # backups
SEED = 11
REACH, HALVINGS = 0.5, 8  # of the search for a group's limit, around the threshold: to .004 of a score
SCORED = ("anomaly_score", "kind", "rarity", "sum_line")


@dataclass(frozen=True, eq=False)
class Slow:
    """Scores of one half of a group: clean backups alone, their predecessors, where runs begin, runs by attack."""

    clean: dict[str, Array]
    previous: Array
    starts: Array
    runs: dict[str, dict[str, Array]]
    years: float


def judge_slow(rows: tuple[Any, ...], fleet: FleetModel, product: Product) -> dict[str, Slow]:
    """Scores of clean backups and of slow attacks by group; attacks are scored as of their moment, never learned."""
    backups, device, group = rows[:3]
    printed = as_printed(backups, product)
    walk = walk_forward(printed, device, fleet)
    clean = score_walk({name: column[walk.row] for name, column in printed.items()}, walk, fleet)
    starts = drawn_starts(device[walk.row])
    at = (starts[:, np.newaxis] + np.arange(RUN)).ravel()
    beside = Walk(walk.models, walk.row[at], walk.refit[at])
    before = {name: column[beside.row] for name, column in backups.items()}
    loudness = clean["loudness"][starts]
    runs = {
        name: _score_runs(as_printed(attacked(before, name), product, before), beside, fleet, loudness) for name in SLOW
    }
    years, previous = judged_years(backups["ended_at"], device), previous_of(walk)
    found = {}
    for name in np.unique(group):
        own = group[walk.row] == name
        place = np.cumsum(own) - 1  # groups are whole devices
        is_mine = own[starts]
        in_run = np.repeat(is_mine, RUN)
        found[str(name)] = Slow(
            clean={key: clean[key][own] for key in SCORED},
            previous=np.where(previous[own] == NONE, NONE, place[previous[own]]),
            starts=place[starts[is_mine]],
            runs={attack: {key: scores[key][in_run] for key in SCORED} for attack, scores in runs.items()},
            years=float(years[group[first_rows(device)] == name].sum()),
        )
    return found


def _score_runs(backups: dict[str, Array], beside: Walk, fleet: FleetModel, loudness: Array) -> dict[str, Array]:
    """Scores of runs, one after another: each backup of one with the loudness that those before it left."""
    scores = score_backups(backups, beside.models, fleet, beside.refit)
    turn = np.arange(len(beside.row)) % RUN
    previous = np.where(turn == 0, NONE, np.arange(len(turn)) - 1)
    return scores_in_turn(scores, previous, fleet, np.repeat(loudness, RUN, axis=0))


def drawn_starts(device: Array) -> Array:
    """Where runs begin among judged backups: in each 100 of a device one run that lies inside."""
    random = np.random.default_rng(SEED)
    first = first_rows(np.unique(device, return_inverse=True)[1])
    starts = []
    for begin, end in zip(first, [*first[1:], len(device)], strict=True):
        for block in range(begin, end, EVERY):
            room = min(EVERY, end - block) - RUN
            if room >= 0:
                starts.append(block + int(random.integers(room + 1)))
    return np.array(starts, np.int64)


def slow_recall(parts: list[Slow]) -> dict[str, Any]:
    """Recall within so many backups, with and without sums, each at the limit that keeps the group's budget.

    Returns
    -------
    mapping
        By budget, then "alone" and "added up": each attack with the share of its runs found within 1, 5, 10 and 20
        backups, and the median of the backups that it took (None: under half were found).
    """
    found: dict[str, Any] = {}
    for budget in BUDGETS:
        ways = {"alone": [_alone(part) for part in parts], "added up": parts}
        found[f"budget {budget:g}"] = {way: _found(of_way, budget) for way, of_way in ways.items()}
    return found


def _alone(part: Slow) -> Slow:
    """The same without sums: nothing ever adds up."""
    silent = {attack: {**scores, "rarity": 0 * scores["rarity"]} for attack, scores in part.runs.items()}
    return Slow({**part.clean, "rarity": 0 * part.clean["rarity"]}, part.previous, part.starts, silent, part.years)


def _found(parts: list[Slow], budget: float) -> dict[str, Any]:
    limit = _limit(parts, budget)
    found = {}
    for attack in SLOW:
        taken = np.concatenate([_taken(part, attack, limit) for part in parts])
        median = float(np.median(taken))
        shares = {f"within {within}": round(float((taken <= within).mean()), 3) for within in WITHIN}
        found[attack] = {**shares, "median": median if median <= RUN else None}
    return found


def _limit(parts: list[Slow], budget: float) -> float:
    """The threshold with which clean backups alert as often as the budget allows."""
    allowed = budget * sum(part.years for part in parts)
    low, high = threshold_of(budget) - REACH, threshold_of(budget) + REACH
    for _ in range(HALVINGS):
        middle = (low + high) / 2
        alerts = sum(int((add_up(part.clean, part.previous, middle).score >= middle).sum()) for part in parts)
        low, high = (middle, high) if alerts > allowed else (low, middle)
    return high


def _taken(part: Slow, attack: str, limit: float) -> Array:
    """With which backup of each run it alerts first, from 1; infinite: with none."""
    clean, scores = add_up(part.clean, part.previous, limit), part.runs[attack]
    first = np.full(len(part.starts), np.inf)
    of_turn = [{key: scores[key][turn::RUN] for key in SCORED} for turn in range(RUN)]
    sums = add_up_after(of_turn[0], clean, part.previous[part.starts], limit)
    for turn in range(RUN):
        if turn:
            sums = add_up_after(of_turn[turn], sums, np.arange(len(first)), limit)
        first = np.where((sums.score >= limit) & np.isinf(first), turn + 1, first)
    return first
