"""Walk forward over a history: every backup, and what might have stood in its place, by a model of what came before."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace

import numpy as np

from jobs.backtest.chains import added_to, among
from jobs.backtest.changes import NONE, History
from jobs.backtest.suspects import Rules, withheld
from jobs.model.arrays import Array, Arrays, first_rows
from jobs.model.cumulative import ADDED_UP, Sums, add_up
from jobs.model.devices import HISTORY, fit_devices, untaught
from jobs.model.fleet import FleetModel
from jobs.model.scoring import score_backups, scores_in_turn
from jobs.model.signals import FIGURES, SIGNALS
from jobs.tables import KINDS

YOUNG = 33  # backups; a younger device's model is fitted anew at each, however seldom the others are
ROWS_AT_ONCE = 400_000  # that teach: 100 MB, whatever the size of the fleet
ROWS_A_MODEL = 10  # that a model itself takes as much room as


@dataclass(frozen=True, eq=False)
class Judged:
    """Scores of rows.

    Attributes
    ----------
    score : array of shape (n,)
        -log10 of false alerts per device-year, with what the backups before it add up to; NaN: not judged.
    kind : int array of shape (n,)
        Index into `jobs.tables.KINDS`; -1: no evidence, or not judged.
    loudest : int array of shape (n,)
        Index into `jobs.model.signals.SIGNALS` of the largest evidence; -1: none.
    evidence : array of shape (n,)
        The largest evidence, -log10 of a chance; 0: none.
    unseen : bool array of shape (n, n_signals)
        Signals that the row's figures do not allow.
    together : int array of shape (n,)
        Over how many backups the evidence was added up that gave the score; 0: the row gave it alone, or not judged.
    """

    score: Array
    kind: Array
    loudest: Array
    evidence: Array
    unseen: Array
    together: Array


@dataclass(frozen=True, eq=False)
class Refits:
    """Models along the histories: from which rows each is taught.

    Attributes
    ----------
    begin, end : int arrays of shape (n_refits,)
        Range of teachers, as places in the list of all rows that teach.
    of_row : int array of shape (n,)
        The model that judges each row of the history.
    row : int array of shape (n_refits,)
        The row of the history at which each is fitted.
    oldest : int array of shape (n_refits,)
        Place of its device's first teacher.
    withheld : int array of shape (n_pairs,)
        Teachers in a range that do not teach after all: refit times number of all teachers, plus place; ascending.
    """

    begin: Array
    end: Array
    of_row: Array
    row: Array
    oldest: Array
    withheld: Array


def refits_of(history: History, refit_every: int) -> Refits:
    """Where along each history the model is fitted anew, and which model judges which backup.

    A device has a new model at each of its first 33 backups, then after every `refit_every`. What failed or was
    delivered again is not counted. Only what came before a refit decides about it.
    """
    device = history.device
    first = first_rows(device)
    place = _counted_before(history.is_session, first, device)
    last_refit = np.where(place < YOUNG, place, YOUNG + (place - YOUNG) // refit_every * refit_every)
    is_refit = (place == last_refit) & history.is_session
    is_refit[first] = True  # so that each row has one before it on its own device
    of_row = np.cumsum(is_refit) - 1

    row = np.flatnonzero(is_refit)
    teachers = np.concatenate([[0], np.cumsum(history.is_teacher)])  # how many stand before each row
    end = teachers[row]
    oldest = teachers[first[device[row]]]
    return Refits(np.maximum(oldest, end - HISTORY), end, of_row, row, oldest, np.zeros(0, np.int64))


def walk(
    history: History,
    figures: Arrays,
    rows: Arrays,
    at: Array,
    is_backup: Array,
    fleet: FleetModel,
    rules: Rules,
    run: Array | None = None,
) -> Judged:
    """Judge rows, each by the model that its device had before the backup in whose place it stands.

    Whether a backup teaches depends on whether it alerted, and that on what taught the model before it. So all are
    judged as if none had alerted; then, again and again, those whose models learned from one that did. A score can
    change what later models learn and no earlier one, so this ends.

    Parameters
    ----------
    history : History
        The backups; they alone teach.
    figures : mapping of arrays
        Their figures beside the backup before, from `jobs.backtest.changes.changes_beside`.
    rows : mapping of arrays of shape (n,)
        The same of the rows to judge: backups, what-if rows, or both.
    at : int array of shape (n,)
        The row of the history in whose place each stands.
    is_backup : bool array of shape (n,)
        Whether it is that row itself.
    fleet : FleetModel
        Fitted on other histories; nothing here changes it.
    rules : Rules
        When a model is fitted anew, and what is withheld from it.
    run : int array of shape (n,), optional
        Attack over several backups that each row is part of; -1, and if not given: none. Its evidence adds up.
    """
    refits = refits_of(history, rules.refit_every)
    taught = np.flatnonzero(history.is_teacher)
    teachers = {name: figures[name][taught] for name in FIGURES} | {"ended_at": history.ended_at[taught] / 1e6}
    place = np.cumsum(history.is_teacher) - 1
    of_row = refits.of_row[at]
    rows = {**rows, "ended_at": history.ended_at[at] / 1e6}
    alone = _nothing_judged(len(at))
    previous = added_to(history, at, is_backup, np.full(len(at), NONE) if run is None else run)
    backups = np.flatnonzero(is_backup)
    chain = among(previous[backups], backups, len(at))
    known = np.zeros(0, np.int64)  # a number for each pair of a refit and a teacher withheld from it
    waiting = np.unique(of_row)
    is_judged = np.zeros(len(history.device), bool)
    is_judged[at[is_backup]] = True
    while len(waiting):
        again = np.flatnonzero(np.isin(of_row, waiting))
        _judge_all(alone, rows, again, of_row, replace(refits, withheld=known), teachers, fleet)
        is_alert = np.zeros(len(history.device), bool)
        scores = _added_up({name: column[backups] for name, column in alone.items()}, chain, fleet, rules).score
        is_alert[at[backups[scores >= rules.threshold]]] = True
        refit, row = withheld(history, refits.row, is_alert, is_judged, rules)
        pairs = refit * len(taught) + place[row]
        changed = np.setxor1d(pairs, known, assume_unique=True)
        waiting, known = np.unique(changed // max(len(taught), 1)), pairs
    sums = _added_up(alone, previous, fleet, rules)
    return Judged(sums.score, sums.kind, alone["loudest"], alone["evidence"], alone["unseen"], sums.together)


def _added_up(alone: Arrays, previous: Array, fleet: FleetModel, rules: Rules) -> Sums:
    """Scores of rows with what the rows before them say: how loud their device is, and what adds up."""
    return add_up(scores_in_turn(alone, previous, fleet), previous, rules.threshold)


def _judge_all(
    alone: dict[str, Array],
    rows: Arrays,
    which: Array,
    of_row: Array,
    refits: Refits,
    teachers: Arrays,
    fleet: FleetModel,
) -> None:
    """Judge some rows, a few models at a time, and write down what comes out."""
    by_refit = which[np.argsort(of_row[which], kind="stable")]
    used, first = np.unique(of_row[by_refit], return_index=True)
    bounds = np.append(first, len(by_refit))
    for part in _parts(refits.end[used] - refits.begin[used]):
        mine = by_refit[bounds[part.start] : bounds[part.stop]]
        beside = np.searchsorted(used[part], of_row[mine])
        models = _models(used[part], refits, teachers, fleet)
        scores = score_backups({n: rows[n][mine] for n in (*FIGURES, "ended_at")}, models, fleet, beside)
        largest = scores["evidence"].max(axis=1)
        for name in set(alone) - {"loudest", "evidence"}:
            alone[name][mine] = scores[name]
        alone["loudest"][mine] = np.where(largest > 0, scores["evidence"].argmax(axis=1), -1)
        alone["evidence"][mine] = largest


def _models(used: Array, refits: Refits, teachers: Arrays, fleet: FleetModel) -> Arrays:
    """A model for each of some refits; that of nothing where none of its teachers is left."""
    n_teachers = max(len(teachers["ended_at"]), 1)
    lost = np.diff(np.searchsorted(refits.withheld, np.stack([used, used + 1]) * n_teachers), axis=0)[0]
    # As many older ones take the place of those withheld.
    begin, end = np.maximum(refits.begin[used] - lost, refits.oldest[used]), refits.end[used]
    lengths = end - begin
    group = np.repeat(np.arange(len(used)), lengths)
    row = np.arange(len(group)) - (np.cumsum(lengths) - lengths - begin)[group]
    if lost.any():
        asked = np.flatnonzero(lost[group] > 0)
        is_left = np.ones(len(group), bool)
        is_left[asked] = ~np.isin(used[group[asked]] * n_teachers + row[asked], refits.withheld)
        group, row = group[is_left], row[is_left]
    models = untaught(len(used))
    fitted, group = np.unique(group, return_inverse=True)
    if len(fitted):
        for name, column in fit_devices({n: c[row] for n, c in teachers.items()}, group, fleet).items():
            models[name] = np.array(models[name], column.dtype if column.dtype.kind == "f" else np.float64)
            models[name][fitted] = column
    return models


def _parts(lengths: Array) -> Iterator[slice]:
    """Ranges of models that together are taught by so many rows."""
    rows = np.cumsum(lengths + ROWS_A_MODEL)
    start = 0
    while start < len(rows):
        done = rows[start - 1] if start else 0
        stop = max(start + 1, int(np.searchsorted(rows, done + ROWS_AT_ONCE, side="right")))
        yield slice(start, stop)
        start = stop


def _counted_before(is_counted: Array, first: Array, device: Array) -> Array:
    """How many earlier rows of the same device are counted."""
    before = np.cumsum(is_counted) - is_counted
    place: Array = before - before[first][device]
    return place


def _nothing_judged(n: int) -> dict[str, Array]:
    """What each row is alone: as `jobs.model.scoring.score_backups` says it, of the evidence only the largest."""
    by_kind = {name: np.zeros((n, len(KINDS))) for name in ("raw", "loud", "rarity")}
    return by_kind | {
        "named": np.full((n, len(KINDS)), -1),
        "set": np.zeros(n, np.int64),
        "schedule": np.zeros(n),
        "history": np.zeros(n),
        "sum_line": np.zeros((n, 2, len(ADDED_UP))),
        "unseen": np.zeros((n, len(SIGNALS)), bool),
        "loudest": np.full(n, -1),
        "evidence": np.zeros(n),
    }
