"""Rarity: which share of clean backups has as many points, as far as what the device itself did before allows it."""

from __future__ import annotations

import numpy as np

from jobs.model.arrays import Array
from jobs.model.calibration import along
from jobs.model.point_sets import PointSet
from jobs.model.points import points_of
from jobs.model.signals import SIGNALS
from jobs.model.sub_kinds import SUB_KINDS

# How much rarer than its rarest signal deletion may be. All its signals say the same thing, so what a device did itself
# a few times a year is hardly rarer than that, however many files they are.
BEYOND_EVIDENCE = 0.7

_DELETE = [sub_kind.name for sub_kind in SUB_KINDS].index("delete")
_OF_DELETE = [SIGNALS.index(signal) for signal in SUB_KINDS[_DELETE].evidence]


def rarities_of(found: Array, evidence: Array, points: PointSet) -> Array:
    """-log10 of the share of clean backups with as many points of each sub-kind.

    Parameters
    ----------
    found : array of shape (n, 9)
        From `jobs.model.points.points_of`.
    evidence : array of shape (n, 24)
        From `jobs.model.comparing.compared`, of the same backups.
    points : PointSet

    Returns
    -------
    array of shape (n, 9)

    Notes
    -----
    docs/model.md, "Points".
    """
    rarities = np.stack([along(own, tail) for own, tail in zip(found.T, points.tails, strict=True)], axis=1)
    most = evidence[:, _OF_DELETE].max(axis=1) + BEYOND_EVIDENCE
    rarities[:, _DELETE] = np.minimum(rarities[:, _DELETE], most)
    return rarities


def sub_kind_scores(columns: Array, evidence: Array, points: PointSet) -> Array:
    """Rarities of backups with these columns and this evidence, each sub-kind's part of the budget allowed for."""
    found = points_of(columns, points.weights, points.intercepts)
    scores: Array = rarities_of(found, evidence, points) + np.log10(points.budget)
    return scores
