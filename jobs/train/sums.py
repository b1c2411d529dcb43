"""How often sums of evidence reach a height on clean backups: a straight line for each kind."""

from __future__ import annotations

import numpy as np

from jobs.model.arrays import Array, first_rows
from jobs.model.cumulative import ADDED_UP, steps_of

HEIGHTS = np.geomspace(0.5, 40, 20)
SURE_ALARMS = 30  # behind the highest sum that is counted; beyond it the line goes straight on
# Sums of backups that have nothing to do with each other would be rarer by .94 digits a step. Real ones come in spells,
# of which the histories hold few: a line that they make steeper than half of that promises too much on other fleets.
STEEPEST, FLATTEST = 0.5, 0.02


def fit_sum_rate(rarity: Array, device: Array, is_alert: Array, weights: Array) -> Array:
    """Straight line from each kind's sum to -log10 of the share of clean backups with which it alerts at that height.

    Parameters
    ----------
    rarity : array of shape (n, 4)
        Of kinds, see `jobs.model.cumulative.steps_of`, of clean backups, device by device and in time order.
    device : int array of shape (n,)
        The same number for backups in a row.
    is_alert : bool array of shape (n,)
        Which alert alone: sums begin anew behind them; the little that an alert leaves of a sum is not counted.
    weights : array of shape (n,)
        How much each backup counts.

    Returns
    -------
    array of shape (3, 2): height at 0, and slope; as `jobs.model.calibration.Calibration.sum_rate`

    Notes
    -----
    docs/model.md, "Slow attacks". The lines are laid through the rarest tenth of what can be counted.
    """
    alarms, counted = alarms_by_height(rarity, device, is_alert, weights)
    lines = np.empty((len(ADDED_UP), 2))
    for kind in range(len(ADDED_UP)):
        last = max(int((alarms[kind] >= SURE_ALARMS).sum()) - 1, 0)
        # Where there were fewer, even at the lowest height, they might have been as many.
        least = SURE_ALARMS * weights.min()
        heights = -np.log10(np.maximum(counted[kind, : last + 1], least) / weights.sum())
        near = np.flatnonzero(heights >= heights[-1] - 1)
        slope = np.polyfit(HEIGHTS[near], heights[near], 1)[0] if len(near) > 1 else STEEPEST
        slope = np.clip(slope, FLATTEST, STEEPEST)
        lines[kind] = (heights[near] - slope * HEIGHTS[near]).mean(), slope
    return lines


def alarms_by_height(rarity: Array, device: Array, is_alert: Array, weights: Array) -> tuple[Array, Array]:
    """With how many backups a sum alerts that does so from each of `HEIGHTS` on: count, and weight; shapes (3, 20).

    Each height has sums of its own, since they begin anew where they alert.
    """
    first = first_rows(np.cumsum(np.diff(device, prepend=device[:1]) != 0))
    lengths = np.diff(np.append(first, len(device)))
    longest = np.argsort(-lengths, kind="stable")
    first, lengths = first[longest], lengths[longest]
    steps = steps_of(rarity)
    sums = np.zeros((len(first), len(ADDED_UP), len(HEIGHTS)))
    alarms, counted = np.zeros(sums.shape[1:], np.int64), np.zeros(sums.shape[1:])
    for turn in range(lengths[0] if len(lengths) else 0):
        going = int(np.searchsorted(-lengths, -turn))  # devices with more backups than that
        rows, own = first[:going] + turn, sums[:going]
        own += steps[rows, :, np.newaxis]
        np.maximum(own, 0, out=own)
        is_over = (own >= HEIGHTS) & (steps[rows] > 0)[:, :, np.newaxis]
        is_alone = is_alert[rows]
        own[is_over | is_alone[:, np.newaxis, np.newaxis]] = 0
        is_over &= ~is_alone[:, np.newaxis, np.newaxis]
        alarms += is_over.sum(axis=0)
        counted += np.tensordot(weights[rows], is_over, axes=(0, 0))
    return alarms, counted
