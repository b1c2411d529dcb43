"""Eight off-the-shelf detectors, fitted to one device's history: what ours is measured beside.

Three are rules that people write, the others general outlier detectors: scikit-learn's IsolationForest, and ECOD,
HBOS, KNN and COPOD after the definitions and defaults of PyOD, which is no dependency for them.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sklearn.ensemble import IsolationForest  # type: ignore[import-untyped]

Array = NDArray[Any]
FOREST = "IsolationForest"
PEERS = ("share", "robust z", "z times share", FOREST, "ECOD", "HBOS", "KNN", "COPOD")
COUNTS = ("files_added", "files_updated", "files_deleted")
NO_UPLOAD = 1.4  # stands for four times the ratio where nothing was uploaded: an ordinary one
TREES, BINS, NEIGHBOURS = 100, 10, 5


def features_of(backups: Mapping[str, Array]) -> Array:
    """What the peers see of each backup: shape (n, 6)."""
    sent, packed = backups["bytes_uploaded"], backups["bytes_compressed"]
    ratio = np.divide(4 * packed, sent, out=np.full(len(sent), NO_UPLOAD), where=sent > 0)
    logarithms = [np.log1p(backups[name]) for name in (*COUNTS, "bytes_uploaded")]
    return np.column_stack([*logarithms, ratio, np.log1p(backups["files_new_extension"])])


def shares_of(backups: Mapping[str, Array]) -> Array:
    """Files added, updated and deleted as shares of the files before: shape (n, 3)."""
    return np.column_stack([backups[name] / backups["files_before"] for name in COUNTS])


def peer_scores(taught: Array, judged: Array, shares: Array, has_forest: bool = True) -> Array:
    """Score of each backup by each peer, higher is more unusual.

    Parameters
    ----------
    taught, judged : arrays of shape (m, 6) and (n, 6)
        Features of the device's history, and of the backups to judge.
    shares : array of shape (n, 3)
        `shares_of` the latter.
    has_forest : bool
        Whether IsolationForest is asked, which takes twelve times as long as all others; else its scores are NaN.

    Returns
    -------
    array of shape (n, 8), in the order of `PEERS`
    """
    middle = np.median(taught, axis=0)
    spread = np.maximum(1.4826 * np.median(np.abs(taught - middle), axis=0), 0.3)
    z = np.maximum((judged - middle) / spread, 0)
    forest = np.full(len(judged), np.nan)
    if has_forest:
        forest = -IsolationForest(n_estimators=TREES, random_state=0).fit(taught).score_samples(judged)
    own = [shares.max(axis=1), z.max(axis=1), (z[:, :3] * np.sqrt(shares)).max(axis=1), forest]
    # Their own units differ from device to device: so that one threshold fits all, each is set on its training scores.
    both = np.concatenate((taught, judged))
    general = [_on_training(score(taught, both), len(taught)) for score in (_ecod, _hbos, _knn, _copod)]
    return np.column_stack([*own, *general])


def _on_training(scores: Array, taught: int) -> Array:
    middle, high = np.quantile(scores[:taught], (0.5, 0.9))
    on_training: Array = (scores[taught:] - middle) / max(high - middle, 0.001)
    return on_training


def _ecod(taught: Array, rows: Array) -> Array:
    left, right, skewed = _tails(taught, rows)
    summed: Array = np.maximum(np.maximum(left, right), skewed).sum(axis=1)
    return summed


def _copod(taught: Array, rows: Array) -> Array:
    left, right, skewed = _tails(taught, rows)
    summed: Array = np.maximum(skewed, (left + right) / 2).sum(axis=1)
    return summed


def _tails(taught: Array, rows: Array) -> tuple[Array, Array, Array]:
    """-ln of the share of the history, and the row itself, at most and at least as large; and the side of the skew."""
    ordered = np.sort(taught, axis=0)
    n, columns = len(taught), range(taught.shape[1])
    below = np.column_stack([np.searchsorted(ordered[:, k], rows[:, k], "right") for k in columns])
    above = np.column_stack([n - np.searchsorted(ordered[:, k], rows[:, k], "left") for k in columns])
    left, right = (-np.log((count + 1) / (n + 1)) for count in (below, above))
    spread = taught.std(axis=0)
    side = np.sign(((taught - taught.mean(axis=0)) ** 3).mean(axis=0) * (spread > 0))  # of the skewness
    return left, right, left * (side <= 0) + right * (side >= 0)


def _hbos(taught: Array, rows: Array) -> Array:
    scores = np.zeros(len(rows))
    for column, values in zip(taught.T, rows.T, strict=True):
        density, edges = np.histogram(column, BINS, density=True)
        rarity = -np.log2(density + 0.1)
        place = np.clip(np.searchsorted(edges, values, "left") - 1, 0, BINS - 1)
        # Half a bin beyond the outermost counts as inside it, further out as the emptiest bin.
        beyond = np.maximum(edges[0] - values, values - edges[-1])
        scores += np.where(beyond > (edges[1] - edges[0]) / 2, rarity.max(), rarity[place])
    return scores


def _knn(taught: Array, rows: Array) -> Array:
    distance = np.sqrt(((rows[:, np.newaxis] - taught) ** 2).sum(axis=2))
    # A row of the history is no neighbour of itself.
    distance[np.arange(len(taught)), np.arange(len(taught))] = np.inf
    nearest = min(NEIGHBOURS, distance.shape[1]) - 1
    furthest: Array = np.partition(distance, nearest, axis=1)[:, nearest]
    return furthest
