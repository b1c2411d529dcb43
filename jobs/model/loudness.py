"""How loud each kind of attack has been on a device of late: where much comes close to one, the next counts for less.

Evidence asks how rare each value is on a device. Devices whose unusual values come together all the same, release after
release or in a restless month, would give most of the false alerts, and quiet ones hardly any of theirs.
"""

from __future__ import annotations

import numpy as np

from jobs.model.arrays import Array, in_turn
from jobs.model.calibration import NIGHTLY_BACKUPS_PER_YEAR
from jobs.model.sub_kinds import largest_of_kinds
from jobs.tables import KINDS

LOUD_FROM = 1.3  # rarity of a kind: some one clean backup in ten is as loud
USUAL = 1.0  # as often loud as a device of the fleet
HALF_LIFE = 30.0  # backups
OWN_PART = 0.8  # how much a device's own loudness counts beside the usual one: few backups are loud, so it is not sure
POWER = 1 / 3  # of it that the score gives way to; with more, devices that delete a lot would hide a large deletion
# Raw scores of deletion from which on ever less gives way, and then nothing: deletions that a device's own earlier ones
# leave so rare come to devices that delete a lot no oftener than to others. Beyond a backup a night both are higher, by
# the digits of how many more backups there are: what comes once in so many of them comes the oftener.
RARE, RAREST = 2.0, 2.4

_DELETE = KINDS.index("delete")
_STEP = 1 - 0.5 ** (1 / HALF_LIFE)


def usual_loudness(n: int) -> Array:
    """The loudness of so many devices of which nothing is known: shape (n, 4)."""
    return np.full((n, len(KINDS)), USUAL)


def loud_share(rarities: Array) -> Array:
    """Share of clean backups that are loud in each kind: rarities of sub-kinds, (n, 10), to (4,).

    No less than of a single sub-kind: of a kind that a set does not show hardly any backup is loud.
    """
    share: Array = np.maximum((largest_of_kinds(rarities) > LOUD_FROM).mean(axis=0), 10**-LOUD_FROM)
    return share


def loud(rarity: Array, share: Array) -> Array:
    """How loud backups are in each kind, 1 on average of clean ones: rarity of kinds, (n, 4), beside `loud_share`."""
    times: Array = (rarity > LOUD_FROM) / share
    return times


def loudness_along(loud: Array, previous: Array, left: Array | None = None) -> tuple[Array, Array]:
    """Loudness of each backup's device before and with it.

    Parameters
    ----------
    loud : array of shape (n, 4)
        From `loud`, of backups in any order.
    previous : int array of shape (n,)
        Which of these backups each is compared with; -1: none of them.
    left : array of shape (n, 4), optional
        The loudness with the backup that each is compared with, where it is none of these; `USUAL` if not given.

    Returns
    -------
    before, after : arrays of shape (n, 4), by `jobs.tables.KINDS`

    Notes
    -----
    docs/model.md, "Loudness": a mean over the device's backups, exponentially weighted.
    """
    before = usual_loudness(len(previous)) if left is None else left.copy()
    after = np.empty_like(before)
    for rows in in_turn(previous):
        goes_on = previous[rows] >= 0
        before[rows[goes_on]] = after[previous[rows[goes_on]]]
        after[rows] = before[rows] + _STEP * (loud[rows] - before[rows])
    return before, after


def raw_in_turn(by_kind: Array, loud: Array, previous: Array, schedule: Array) -> Array:
    """Raw scores of backups, (n,), of those of kinds, (n, 4), less what the loudness before each allows for."""
    before, _ = loudness_along(loud, previous)
    score: Array = allowed_for(by_kind, before, schedule).max(axis=1)
    return score


def allowed_for(raw: Array, loudness: Array, schedule: Array) -> Array:
    """Raw scores of kinds, (n, 4), less what is due to the device's loudness before; schedule in backups a year."""
    due = POWER * np.log10(OWN_PART * loudness + (1 - OWN_PART) * USUAL)
    rarest = RAREST + np.log10(np.maximum(schedule / NIGHTLY_BACKUPS_PER_YEAR, 1))
    still_due = due[:, _DELETE] * np.clip((rarest - raw[:, _DELETE]) / (RAREST - RARE), 0, 1)
    due[:, _DELETE] = np.minimum(due[:, _DELETE], still_due)  # below 0, on quiet devices, it stays
    score: Array = raw - due
    return score
