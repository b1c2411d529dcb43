"""Slow attacks: evidence for a kind adds up over backups in a row, until it alerts or has run out."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from jobs.model.arrays import Array, in_turn
from jobs.tables import KINDS

# Not mass modification: a device whose habits change is loud in it for weeks, and no slow attack shows so.
ADDED_UP = ("encrypt", "delete", "add")
# What every backup takes off the sum, in digits of rarity: one clean backup in twenty has more for a kind. With less,
# devices that are always a little busy add up as well; with more, attacks on one file in a hundred no longer do.
DRIFT = 1.3
# One backup adds no more than this: what is louder is for the score of that backup alone to tell.
MOST = 1.0
# With a backup that alerts alone sums begin anew, but for this much of it: several in a row make the next of the same
# likelier one of an attack that goes on.
ALERT_ADDS = 0.7
# Of the false alerts that are allowed, the part for sums; each kind has a third of it. A sum needs little: it goes on
# growing while an attack goes on, so a stricter limit costs a few backups, and to single backups it would cost attacks.
SUMS_PART = 0.015
NONE = -1

_KIND = np.array([KINDS.index(kind) for kind in ADDED_UP])


@dataclass(frozen=True, eq=False)
class Sums:
    """Backups with what they add to: scores of both, and sums as the next backup finds them.

    Attributes
    ----------
    score : array of shape (n,)
        -log10 of false alerts per device-year: of the backup alone, or of a sum where that is more unusual.
    kind : int array of shape (n,)
        Index into `jobs.tables.KINDS`; -1: no evidence.
    together : int array of shape (n,)
        Over how many backups the evidence was added up that gave the score; 0: the backup gave it alone.
    sums : array of shape (n, 3)
        By `ADDED_UP`, with this backup, in digits of rarity; 0: nothing is left, or a sum alerted.
    backups : int array of shape (n, 3)
        Over how many backups each was added up.
    """

    score: Array
    kind: Array
    together: Array
    sums: Array
    backups: Array


def steps_of(rarity: Array) -> Array:
    """What backups of such rarity, (n, 4) by `jobs.tables.KINDS`, add to sums or take off them: (n, 3)."""
    steps: Array = np.minimum(rarity[:, _KIND] - DRIFT, MOST)
    return steps


def add_up(
    scores: Mapping[str, Any],
    previous: Array,
    threshold: float,
    left: tuple[Array, Array, Array] | None = None,
) -> Sums:
    """Sums of evidence along each device's backups, and the score of each backup with them.

    Each backup adds its rarity less `DRIFT`, at most `MOST`; a sum is never below 0, and all of a device begin anew
    behind an alert that one of them gave. They begin anew as well with a backup that alerts alone, but for what such
    ones right before it added, at most `ALERT_ADDS` each. A sum counts from its second backup on, and only with a
    backup that adds to it.

    Parameters
    ----------
    scores : mapping of arrays
        From `jobs.model.scoring.score_backups`, of backups in any order.
    previous : int array of shape (n,)
        Which of these backups each is compared with; -1: none of them.
    threshold : float
        The score from which a backup alerts.
    left : three arrays, optional
        What the backup that each is compared with left, where it is none of these: `Sums.sums` and `Sums.backups`,
        shape (n, 3), and whether it alerted, shape (n,); 0, and if not given: nothing was added up.

    Notes
    -----
    docs/model.md, "Slow attacks".
    """
    n = len(previous)
    added, (level, slope) = steps_of(scores["rarity"]), np.moveaxis(scores["sum_line"], 1, 0)
    sums = np.zeros((n + 1, len(ADDED_UP)))  # behind the last stands none
    backups = np.zeros((n + 1, len(ADDED_UP)), np.int64)
    best, at_kind, together = np.full(n, -np.inf), np.zeros(n, np.int64), np.zeros(n, np.int64)
    alerts_alone: Array = np.append(scores["anomaly_score"] >= threshold, False)
    # Most backups add to no sum, and find none.
    is_rising: Array = np.any(added > 0, axis=1)
    if left is not None:
        is_rising |= left[0].any(axis=1)
    is_left = np.zeros(n + 1, bool)
    for turn in in_turn(previous):
        rows = turn[is_rising[turn] | is_left[previous[turn]]]
        before = previous[rows]
        sum_before, count_before, goes_on = sums[before], backups[before], alerts_alone[before]
        if left is not None:
            first = np.flatnonzero(before == NONE)
            sum_before[first], count_before[first], goes_on[first] = (table[rows[first]] for table in left)
        own = np.maximum(0, sum_before + added[rows])
        count = (count_before + 1) * (own > 0)
        score = np.where((count > 1) & (added[rows] > 0), level[rows] + slope[rows] * own, -np.inf)
        best[rows], at_kind[rows] = score.max(axis=1), score.argmax(axis=1)
        together[rows] = count[np.arange(len(rows)), at_kind[rows]]
        is_over = (best[rows] >= threshold)[:, np.newaxis]
        is_alone, goes_on = alerts_alone[rows, np.newaxis], goes_on[:, np.newaxis]
        of_alert = np.where(added[rows] > 0, sum_before * goes_on + np.minimum(added[rows], ALERT_ADDS), 0)
        sums[rows] = np.where(is_alone, of_alert, np.where(is_over, 0, own))
        backups[rows] = (count_before * (goes_on | ~is_alone) + 1) * (sums[rows] > 0)
        is_left[rows] = backups[rows].any(axis=1)
    is_sum = best > scores["anomaly_score"]
    return Sums(
        score=np.where(is_sum, best, scores["anomaly_score"]),
        kind=np.where(is_sum, _KIND[at_kind], scores["kind"]),
        together=np.where(is_sum, together, 0),
        sums=sums[:n],
        backups=backups[:n],
    )
