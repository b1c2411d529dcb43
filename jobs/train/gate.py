"""The gate: champion and challenger on devices that neither was fitted on, and which of them it is to be."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from jobs.backtest.changes import NONE, History, history_of, words_of
from jobs.backtest.measures import Rate, alerts_per_year, years_of
from jobs.backtest.reading import in_shape
from jobs.backtest.rows import Rows, alerted, judged, rows_of
from jobs.backtest.suspects import Rules
from jobs.backtest.walking import Judged
from jobs.config import Config
from jobs.model.arrays import Array, first_rows
from jobs.model.attacks import ATTACKS, EXTRAS, kind_of
from jobs.model.calibration import threshold_of
from jobs.model.fleet import FleetModel
from jobs.model.signals import SIGNALS
from jobs.simulate.what_if import what_if_rows
from jobs.tables import KINDS

CLASSES = (*ATTACKS, *EXTRAS)
SEED = 7  # of the backups that are attacked
WORSE = 0.01  # recall; so much less is no less: two draws of devices differ by more
OVER = 1.1  # times the budget; the devices that judge are too few to tell a tenth more from none


@dataclass(frozen=True)
class Judgement:
    """What a fleet model makes of the devices that judge.

    Attributes
    ----------
    alerts : Rate
        Alerts of real backups a device-year, at the threshold of the budget.
    caught : mapping
        By attack class, recall at that threshold.
    recall : mapping
        By attack class, recall at the score that the real backups exceed as often as the budget allows: so that no
        model looks better by alerting more often.
    unseen : mapping
        By signal, the share of the backups in which it could not be seen.
    devices, backups : int
        That were judged.
    years : float
        Device-years that were judged.
    """

    alerts: Rate
    caught: Mapping[str, float]
    recall: Mapping[str, float]
    unseen: Mapping[str, float]
    devices: int
    backups: int
    years: float


@dataclass(frozen=True)
class Decision:
    """Whether the challenger becomes the champion, and why."""

    is_promoted: bool
    reason: str


def judgements(backups: pa.Table, fleets: Mapping[str, FleetModel], config: Config) -> dict[str, Judgement]:
    """What each fleet model makes of these backups and of attacks on them; as `uda backtest` judges.

    Parameters
    ----------
    backups : pa.Table
        As `jobs.backtest.reading.read_backups` gives them, of devices that none of the models was fitted on.
    """
    history = history_of(backups, config.features.look_back_days)
    attacks = what_if_rows(history, SEED)
    attacks = attacks.filter(pc.is_in(attacks["attack"], pa.array(CLASSES)))  # the rest would only cost time
    rows = rows_of(history, in_shape(attacks))
    threshold = threshold_of(config.score.budget)
    rules = Rules(threshold=threshold, aged_days=config.train.aged_days, aged_backups=config.train.aged_backups)
    return {
        name: _judgement(history, rows, judged(rows, history, fleet, rules), config.score.budget)
        for name, fleet in fleets.items()
    }


def _judgement(history: History, rows: Rows, scores: Judged, budget: float) -> Judgement:
    is_judged = rows.not_judged == NONE
    clean = np.flatnonzero(~rows.is_what_if & is_judged)
    device, seconds = history.device[rows.at[clean]], history.ended_at[rows.at[clean]] / 1e6
    n_devices = len(first_rows(history.device))
    years = float(years_of(device, seconds, n_devices).sum())
    threshold = threshold_of(budget)
    alerts = alerted(scores, threshold)[clean]
    is_attacked = rows.is_what_if & is_judged
    attack, attacked = words_of(rows.table.filter(pa.array(is_attacked)), "attack"), scores.score[is_attacked]
    return Judgement(
        alerts=alerts_per_year(alerts, device, seconds, np.arange(n_devices)),
        caught=_by_class(attack, attacked >= threshold),
        recall=_by_class(attack, attacked >= equal_price(scores.score[clean], budget * years)),
        unseen={name: float(share) for name, share in zip(SIGNALS, _mean(scores.unseen[clean]), strict=True)},
        devices=len(np.unique(device)),
        backups=len(clean),
        years=years,
    )


def _by_class(attack: Array, is_caught: Array) -> dict[str, float]:
    return {name: float(is_caught[attack == name].mean()) for name in CLASSES if (attack == name).any()}


def _mean(rows: Array) -> Array:
    mean: Array = rows.sum(axis=0) / max(len(rows), 1)
    return mean


def equal_price(scores: Array, alerts: float) -> float:
    """The score above which so many of these backups lie; infinite where there are none."""
    falling = np.sort(scores)[::-1]
    # Above it, not at it: of equal scores more would alert than the budget allows.
    return float(np.nextafter(falling[min(int(alerts), len(falling) - 1)], np.inf)) if len(falling) else np.inf


def recall_by_kind(recall: Mapping[str, float]) -> dict[str, float]:
    """Mean recall over the attack classes of each kind; a kind without a class is left out."""
    own = {kind: [recall[name] for name in recall if KINDS[kind_of(name)] == kind] for kind in KINDS}
    return {kind: float(np.mean(values)) for kind, values in own.items() if values}


def decide(champion: Judgement, challenger: Judgement, budget: float) -> Decision:
    """Promote a challenger that finds no less of any kind at equal alerts, and that keeps to the budget."""
    if not (challenger.years > 0 and challenger.recall):
        return Decision(False, "there was nothing to judge by")
    before, now = recall_by_kind(champion.recall), recall_by_kind(challenger.recall)
    faults = [
        f"finds less of {kind}: {now[kind]:.3f}, the champion {before[kind]:.3f}"
        for kind in now
        if now[kind] < before[kind] - WORSE
    ]
    if challenger.alerts.value > budget * OVER:
        faults.append(f"alerts {challenger.alerts.value:.2f} times a device-year for a budget of {budget:g}")
    if faults:
        return Decision(False, "; ".join(faults))
    said = ", ".join(f"{kind} {now[kind]:.3f} (champion {before[kind]:.3f})" for kind in now)
    return Decision(True, f"no less found at equal alerts: {said}; {challenger.alerts.value:.2f} alerts a device-year")
