"""Which backups are withheld from which models: those that alerted a short while ago, as in the line."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from jobs.backtest.changes import DAY, History
from jobs.model.arrays import Array


@dataclass(frozen=True)
class Rules:
    """How a history is walked.

    Attributes
    ----------
    refit_every : int
        Backups after which a device's model is fitted anew.
    threshold : float
        The score from which a backup alerts.
    aged_days, aged_backups : int
        A backup that alerted does not teach until it is so old, and so many more were judged; as in `[train]`.
    """

    refit_every: int = 1  # of the open histories 145,000 refits take half a minute, and each older model sees less
    threshold: float = 0.0
    aged_days: int = 7
    aged_backups: int = 7


def withheld(
    history: History, refit_row: Array, is_alert: Array, is_judged: Array, rules: Rules
) -> tuple[Array, Array]:
    """Pairs of a refit and a backup that it may not learn from, by refit and then by backup.

    Nobody judges the alerts of a history, so each is under suspicion until it has aged, as
    `jobs.train.history.barred_from_teaching` has it.

    Parameters
    ----------
    refit_row : int array of shape (n_refits,)
        The row of the history at which each model is fitted, ascending.
    is_alert, is_judged : bool arrays of shape (n,)
        Which backups of the history alerted, and which were judged at all.

    Returns
    -------
    refit, row : int arrays of shape (n_pairs,)
    """
    suspect = np.flatnonzero(is_alert & history.is_teacher)
    day = history.ended_at // DAY
    turn = np.cumsum(is_judged) - is_judged  # judged backups before it
    begin = np.searchsorted(refit_row, suspect, side="right")
    # A refit learns what is older than so many days, and has more judged backups behind it than the alert and so many.
    by_day = _last_within(history.device, day, refit_row, suspect, rules.aged_days)
    by_turn = _last_within(history.device, turn, refit_row, suspect, rules.aged_backups)
    lengths = np.maximum(np.maximum(by_day, by_turn) - begin, 0)
    place = np.arange(lengths.sum()) - np.repeat(np.cumsum(lengths) - lengths, lengths)
    refit, row = np.repeat(begin, lengths) + place, np.repeat(suspect, lengths)
    order = np.lexsort((row, refit))
    return refit[order], row[order]


def _last_within(device: Array, clock: Array, refit_row: Array, suspect: Array, span: int) -> Array:
    """One behind the last refit of each suspect's device that comes at most `span` later by a clock of the history."""
    room = clock.max(initial=0) + span + 1  # so that no sum reaches into the next device
    moment = device * room + clock
    last: Array = np.searchsorted(moment[refit_row], moment[suspect] + span, side="right")
    return last
