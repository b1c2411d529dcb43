import math

import numpy as np
import pytest

from benchmarks.detection.peer_detectors import NO_UPLOAD, PEERS, features_of, peer_scores, shares_of

RANDOM = np.random.default_rng(4)
TAUGHT, JUDGED = RANDOM.exponential(1, (40, 6)), RANDOM.exponential(1.5, (12, 6))
SHARES = RANDOM.random((12, 3))
FOUND = dict(zip(PEERS, peer_scores(TAUGHT, JUDGED, SHARES).T, strict=True))


def on_training(score):
    """Scores of what is judged, set on the median and the 90 % point of those of the history."""
    taught = np.array([score(row, TAUGHT[np.arange(40) != place], TAUGHT) for place, row in enumerate(TAUGHT)])
    middle, high = np.quantile(taught, (0.5, 0.9))
    return [(score(row, TAUGHT, TAUGHT) - middle) / (high - middle) for row in JUDGED]


def test_knn_is_the_distance_to_the_fifth_nearest_of_the_history():
    expected = on_training(lambda row, others, _: sorted(math.dist(row, other) for other in others)[4])
    np.testing.assert_allclose(FOUND["KNN"], expected)


def tails(value, column):
    left = -math.log((sum(other <= value for other in column) + 1) / (len(column) + 1))
    right = -math.log((sum(other >= value for other in column) + 1) / (len(column) + 1))
    is_right = ((column - column.mean()) ** 3).mean() >= 0
    return left, right, right if is_right else left


@pytest.mark.parametrize(
    ("peer", "of_tails"),
    [("ECOD", max), ("COPOD", lambda left, right, skewed: max(skewed, (left + right) / 2))],
)
def test_tails_are_added_up_over_the_features(peer, of_tails):
    expected = on_training(
        lambda row, _, taught: sum(of_tails(*tails(row[k], taught[:, k])) for k in range(taught.shape[1]))
    )
    np.testing.assert_allclose(FOUND[peer], expected)


def test_rules_are_the_largest_share_and_the_largest_deviation():
    z = (JUDGED - np.median(TAUGHT, axis=0)) / np.maximum(
        1.4826 * np.median(np.abs(TAUGHT - np.median(TAUGHT, axis=0)), axis=0), 0.3
    )
    np.testing.assert_allclose(FOUND["share"], SHARES.max(axis=1))
    np.testing.assert_allclose(FOUND["robust z"], np.maximum(z, 0).max(axis=1))
    np.testing.assert_allclose(FOUND["z times share"], (np.maximum(z[:, :3], 0) * np.sqrt(SHARES)).max(axis=1))


@pytest.mark.parametrize("peer", PEERS[3:])
def test_what_is_far_from_all_of_the_history_is_the_most_unusual(peer):
    far = peer_scores(TAUGHT, np.concatenate((JUDGED, np.full((1, 6), 50.0))), np.ones((13, 3)))
    assert far[:, PEERS.index(peer)].argmax() == 12


def test_nothing_uploaded_has_an_ordinary_ratio():
    figures = ("files_added", "files_updated", "files_deleted", "files_new_extension")
    backup = {name: np.array([2.0]) for name in figures} | {
        "bytes_uploaded": np.zeros(1),
        "files_before": np.full(1, 8),
    }
    backup["bytes_compressed"] = np.zeros(1)
    assert features_of(backup)[0].tolist() == pytest.approx([math.log(3)] * 3 + [0, NO_UPLOAD, math.log(3)])
    assert shares_of(backup)[0].tolist() == [0.25] * 3
