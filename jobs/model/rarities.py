"""Rarity: which share of clean backups has as many points, as far as what the device itself did before allows it."""

from __future__ import annotations

import numpy as np

from jobs.model.arrays import Array, Arrays
from jobs.model.calibration import along
from jobs.model.point_sets import PointSet
from jobs.model.points import points_of
from jobs.model.signals import SIGNALS
from jobs.model.sub_kinds import COLUMNS, SUB_KINDS

# How much rarer than its rarest signal deletion may be. All its signals say the same thing, so what a device did itself
# a few times a year is hardly rarer than that, however many files they are.
BEYOND_EVIDENCE = 0.5
# And how much more where half of the device is gone, of a smaller part in proportion: that stays loud even if it
# happened before.
BIG_BEYOND_EVIDENCE = 2.0

_DELETIONS = [place for place, sub_kind in enumerate(SUB_KINDS) if sub_kind.kind == "delete"]
_SIGNALS_OF_DELETE = [SIGNALS.index(signal) for place in _DELETIONS for signal in SUB_KINDS[place].evidence]
_BIG = [COLUMNS.index((f"big {share}", 0)) for place in _DELETIONS for share in SUB_KINDS[place].big]


def rarest_deletion(rows: Arrays) -> Array:
    """The most that the rarity of deletion may be: shape (n,), of backups from `jobs.model.comparing.compared`."""
    evidence = rows["evidence"][:, _SIGNALS_OF_DELETE].max(axis=1)
    most: Array = evidence + BEYOND_EVIDENCE + BIG_BEYOND_EVIDENCE * rows["columns"][:, _BIG].max(axis=1)
    return most


def rarities_of(found: Array, rarest: Array, points: PointSet) -> Array:
    """-log10 of the share of clean backups with as many points of each sub-kind.

    Parameters
    ----------
    found : array of shape (n, 10)
        From `jobs.model.points.points_of`.
    rarest : array of shape (n,)
        From `rarest_deletion`, of the same backups.
    points : PointSet

    Returns
    -------
    array of shape (n, 10)

    Notes
    -----
    docs/model.md, "Points".
    """
    rarities = np.stack([along(own, tail) for own, tail in zip(found.T, points.tails, strict=True)], axis=1)
    rarities[:, _DELETIONS] = np.minimum(rarities[:, _DELETIONS], rarest[:, np.newaxis])
    return rarities


def sub_kind_scores(rows: Arrays, points: PointSet) -> Array:
    """Rarities of backups from `jobs.model.comparing.compared`, each sub-kind's part of the budget allowed for."""
    found = points_of(rows["columns"], points.weights, points.intercepts)
    scores: Array = rarities_of(found, rarest_deletion(rows), points) + np.log10(points.budget)
    return scores
