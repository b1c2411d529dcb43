"""Points: how strongly a backup speaks for each of the ways in which an attack shows.

Sums of rising pieces with weights that are never below 0, so that more evidence never makes fewer points.
"""

from __future__ import annotations

import numpy as np

from jobs.model.arrays import Array, Arrays
from jobs.model.signals import SIGNALS, density_before
from jobs.model.sub_kinds import COLUMNS, COUNTS, EVIDENCE_KNOTS, PIECES, SHARE_KNOTS, SHARES, SURGING

_PLACE = {signal: place for place, signal in enumerate(SIGNALS)}
_DENSEST = 0.95  # so that what is dense already can still be told
_A_LOT = 1 / 3  # of a device's bytes; less than that hardly goes without its files
_SHARE_SIGNALS = np.array([_PLACE[signal] for signal in SHARES.values()])
_COUNTED, _SURGING = [_PLACE[signal] for signal in COUNTS], [_PLACE[signal] for signal in SURGING]
_LOST = _PLACE["lost"]
# Where in COLUMNS each part ends: evidence, surge and shares, cut into pieces; counts, top, big; both.
_ENDS = np.cumsum(
    [PIECES * len(SIGNALS), PIECES * len(SIGNALS), PIECES * len(SHARES), *map(len, (COUNTS, SHARES, SHARES)), 1]
)
_SHARE = {share: place for place, share in enumerate(SHARES)}


def columns_of(
    evidence: Array, surge: Array, beyond: Array, figures: Arrays, expected: Array, stored_density: Array
) -> Array:
    """What points are sums of.

    Parameters
    ----------
    evidence : array of shape (n, 24)
        0 where there is none.
    surge : array of shape (n, 24)
        `jobs.model.surge.surge_rarity`; 0 where there is none.
    beyond : array of shape (n, 24)
        Each signal as far as it is beyond the device's usual level; 0 where unknown.
    figures : mapping of arrays of shape (n,)
        From `jobs.model.stand_ins.completed`.
    expected : array of shape (n,)
        Ratio that the upload usually has.
    stored_density : array of shape (n,)
        Compressed share of what the device holds, where the row does not say it; NaN: unknown.

    Returns
    -------
    float32 array of shape (n, columns), columns as in `jobs.model.sub_kinds.COLUMNS`, at least 0. In memory the backups
        of one column lie side by side, as the arrays given should: the work on them is several times quicker so.

    Notes
    -----
    docs/model.md, "Points".
    """
    shares = shares_of(beyond, figures, expected, stored_density).T
    digits = np.log10(np.clip(shares, 1e-3, 1)) + 3
    columns = np.empty((len(COLUMNS), len(evidence)), np.float32)
    of_evidence, of_surge, of_shares, counts, top, big, both, gone = np.split(columns, _ENDS)
    _fill_pieces(of_evidence, evidence.T, EVIDENCE_KNOTS)
    _fill_pieces(of_surge, surge.T, EVIDENCE_KNOTS)
    _fill_pieces(of_shares, digits, SHARE_KNOTS)
    counts[:] = np.log10(1 + beyond.T[_COUNTED])
    top[:] = np.clip((shares - 0.75) / 0.25, 0, 1)
    big[:] = np.minimum(shares / 0.5, 1)
    both[:] = surge.T[_SURGING].min(axis=0)
    part = np.clip((shares[_SHARE["lost"]] - _A_LOT) / (1 - _A_LOT), 0, 1)
    gone[:] = (evidence.T[_LOST] + surge.T[_LOST]) * part
    return columns.T


def shares_of(beyond: Array, figures: Arrays, expected: Array, stored_density: Array) -> Array:
    """Shares of the device that a backup touches beyond what is usual: shape (n, 16), as in `SHARES`; 0 if unknown."""
    files, size = figures["files_before"], figures["bytes_held"]
    density = np.nan_to_num(density_before(figures, stored_density), nan=0.5)
    values = beyond.T[_SHARE_SIGNALS]
    deleted = _SHARE["deleted"]
    gone = np.nan_to_num(figures["files_deleted"]) - np.nan_to_num(figures["files_moved"])
    values[deleted] = np.minimum(values[deleted], np.maximum(gone, 0))
    room = {
        "encrypted": (1 - np.minimum(np.nan_to_num(expected, nan=0.5), _DENSEST)) * size,
        **dict.fromkeys(("stored_encrypted", "rewritten_encrypted"), (1 - np.minimum(density, _DENSEST)) * size),
        "emptied": density * size,
        **dict.fromkeys(("uploaded", "rewritten", "lost", "gained", "grown"), size),
    }
    whole = np.stack([room.get(share, files) for share in SHARES])
    shares: Array = np.divide(values, whole, out=np.zeros(values.shape), where=whole > 0)
    return shares.T


def points_of(columns: Array, weights: Array, intercepts: Array) -> Array:
    """Points of each sub-kind: shape (n, 10).

    Parameters
    ----------
    columns : array of shape (n, columns)
        From `columns_of`.
    weights : array of shape (columns, 10)
        At least 0; 0 where a column does not speak for a sub-kind.
    intercepts : array of shape (10,)
    """
    points: Array = weights.T.astype(np.float32) @ columns.T + intercepts.astype(np.float32)[:, np.newaxis]
    return points.T


def _fill_pieces(pieces: Array, values: Array, knots: tuple[float, ...]) -> None:
    """Cut rows of values at the knots into the parts that lie between two of them: four rows for each."""
    low, high = np.array(knots[:-1], np.float32)[:, np.newaxis], np.array(knots[1:], np.float32)[:, np.newaxis]
    of_each = pieces.reshape(len(values), PIECES, -1)
    np.subtract(values.astype(np.float32)[:, np.newaxis], low, out=of_each)
    np.maximum(of_each, 0, out=of_each)  # np.clip would take twice as long
    np.minimum(of_each, high - low, out=of_each)
