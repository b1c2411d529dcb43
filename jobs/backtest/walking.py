"""Walk forward over a history: every backup, and what might have stood in its place, by a model of what came before."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from jobs.backtest.changes import History
from jobs.model.arrays import Array, Arrays, first_rows
from jobs.model.devices import HISTORY, fit_devices, untaught
from jobs.model.fleet import FleetModel
from jobs.model.scoring import score_backups
from jobs.model.signals import FIGURES

YOUNG = 33  # backups; a younger device's model is fitted anew at each, however seldom the others are
REFIT_EVERY = 1  # backup; of the open histories 145,000 refits take half a minute, and each older model sees less
ROWS_AT_ONCE = 400_000  # that teach: 100 MB, whatever the size of the fleet
ROWS_A_MODEL = 10  # that a model itself takes as much room as


@dataclass(frozen=True, eq=False)
class Judged:
    """Scores of rows.

    Attributes
    ----------
    score : array of shape (n,)
        -log10 of false alerts per device-year; NaN: not judged.
    kind : int array of shape (n,)
        Index into `jobs.tables.KINDS`; -1: no evidence, or not judged.
    loudest : int array of shape (n,)
        Index into `jobs.model.signals.SIGNALS` of the largest evidence; -1: none.
    evidence : array of shape (n,)
        The largest evidence, -log10 of a chance; 0: none.
    unseen : bool array of shape (n, n_signals)
        Signals that the row's figures do not allow.
    """

    score: Array
    kind: Array
    loudest: Array
    evidence: Array
    unseen: Array


@dataclass(frozen=True, eq=False)
class Refits:
    """Models along the histories: from which rows each is taught.

    Attributes
    ----------
    begin, end : int arrays of shape (n_refits,)
        Range of teachers, as places in the list of all rows that teach.
    of_row : int array of shape (n,)
        The model that judges each row of the history.
    """

    begin: Array
    end: Array
    of_row: Array


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
    return Refits(np.maximum(teachers[first[device[row]]], end - HISTORY), end, of_row)


def walk(
    history: History, figures: Arrays, rows: Arrays, at: Array, fleet: FleetModel, refit_every: int = REFIT_EVERY
) -> Judged:
    """Judge rows, each by the model that its device had before the backup in whose place it stands.

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
    fleet : FleetModel
        Fitted on other histories; nothing here changes it.
    refit_every : int
        Backups.
    """
    taught = np.flatnonzero(history.is_teacher)
    teachers = {name: figures[name][taught] for name in FIGURES} | {"ended_at": history.ended_at[taught] / 1e6}
    refits = refits_of(history, refit_every)
    by_refit = np.argsort(refits.of_row[at], kind="stable")
    ordered = refits.of_row[at][by_refit]
    parts = []
    for models in _parts(refits):
        mine = by_refit[np.searchsorted(ordered, models.start) : np.searchsorted(ordered, models.stop)]
        if len(mine):
            parts.append((mine, _judge(rows, mine, refits.of_row[at[mine]], refits, teachers, fleet)))
    return _together(parts, len(at))


def _judge(
    rows: Arrays, mine: Array, refit: Array, refits: Refits, teachers: Arrays, fleet: FleetModel
) -> dict[str, Array]:
    used, beside = np.unique(refit, return_inverse=True)
    models = _models(refits.begin[used], refits.end[used], teachers, fleet)
    scores = score_backups({name: rows[name][mine] for name in FIGURES}, models, fleet, beside)
    evidence = scores["evidence"]
    largest = evidence.max(axis=1)
    return {
        "score": scores["anomaly_score"],
        "kind": scores["kind"],
        "loudest": np.where(largest > 0, evidence.argmax(axis=1), -1),
        "evidence": largest,
        "unseen": scores["unseen"],
    }


def _models(begin: Array, end: Array, teachers: Arrays, fleet: FleetModel) -> Arrays:
    """A model for each range of teachers; that of nothing where the range is empty."""
    lengths = end - begin
    fitted = np.flatnonzero(lengths)
    models = untaught(len(begin))
    if len(fitted):
        before = np.cumsum(lengths[fitted]) - lengths[fitted]
        group = np.repeat(np.arange(len(fitted)), lengths[fitted])
        row = np.arange(len(group)) - before[group] + begin[fitted][group]
        models = {**models}
        for name, column in fit_devices({n: c[row] for n, c in teachers.items()}, group, fleet).items():
            models[name] = np.array(models[name], column.dtype if column.dtype.kind == "f" else np.float64)
            models[name][fitted] = column
    return models


def _parts(refits: Refits) -> Iterator[slice]:
    """Ranges of refits that together are taught by so many rows."""
    rows = np.cumsum(refits.end - refits.begin + ROWS_A_MODEL)
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


def _together(parts: list[tuple[Array, dict[str, Array]]], n: int) -> Judged:
    score, kind, loudest = np.full(n, np.nan), np.full(n, -1), np.full(n, -1)
    evidence = np.zeros(n)
    unseen = np.zeros((n, parts[0][1]["unseen"].shape[1] if parts else 0), bool)
    for rows, part in parts:
        score[rows], kind[rows], loudest[rows] = part["score"], part["kind"], part["loudest"]
        evidence[rows], unseen[rows] = part["evidence"], part["unseen"]
    return Judged(score, kind, loudest, evidence, unseen)
