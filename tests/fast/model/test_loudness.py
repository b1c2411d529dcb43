"""What was often loud of late counts for less, kind by kind, and what was quiet for more."""

import numpy as np
import pytest

from jobs.model.attacks import attacked
from jobs.model.loudness import (
    HALF_LIFE,
    LOUD_FROM,
    RARE,
    RAREST,
    USUAL,
    allowed_for,
    loud,
    loud_share,
    loudness_along,
    usual_loudness,
)
from jobs.model.scoring import scores_alone
from jobs.model.sub_kinds import SUB_KINDS, largest_of_kinds
from jobs.model.walk_forward import score_walk, walk_forward
from jobs.tables import KINDS
from tests.fast.model.made_up import SHIPPED, rows, scores, steady_device, together

DELETE = KINDS.index("delete")
NIGHTLY = np.full(31, 365.0)


def times(n, seed=0):
    return (np.random.default_rng(seed).random((n, 4)) < 0.1) * 10.0


def by_hand(of_backups, previous):
    after = []
    for own, before in zip(of_backups, previous, strict=True):
        held = np.full(4, USUAL) if before < 0 else after[before]
        after.append(held * 0.5 ** (1 / HALF_LIFE) + own * (1 - 0.5 ** (1 / HALF_LIFE)))
    return np.array(after)


def test_loudness_is_a_mean_that_fades_whatever_the_order_and_the_other_devices():
    random = np.random.default_rng(3)
    of_backups = times(300)
    previous = np.array([row - 3 - 3 * (row > 9 and random.random() < 0.1) if row > 2 else -1 for row in range(300)])
    expected = by_hand(of_backups, previous)
    order = random.permutation(300)
    place = np.append(np.argsort(order), -1)  # behind the last stands none
    before, after = loudness_along(of_backups[order], place[previous[order]])
    np.testing.assert_allclose(after, expected[order])
    starts = previous[order] < 0
    assert (before[starts] == USUAL).all()
    np.testing.assert_allclose(before[~starts], expected[previous[order][~starts]])


@pytest.mark.parametrize("cut", [1, 17, 59])
def test_loudness_goes_on_from_what_was_left(cut):
    of_backups, in_a_row = times(60), np.arange(60) - 1
    _, whole = loudness_along(of_backups, in_a_row)
    _, early = loudness_along(of_backups[:cut], in_a_row[:cut])
    left = usual_loudness(60 - cut)
    left[0] = early[-1]
    _, late = loudness_along(of_backups[cut:], in_a_row[: 60 - cut], left)
    np.testing.assert_array_equal(np.concatenate([early, late]), whole)


def test_clean_backups_are_as_loud_as_usual_on_average():
    rarities = np.random.default_rng(1).exponential(1, (5_000, len(SUB_KINDS)))
    share = loud_share(rarities)
    np.testing.assert_allclose(loud(largest_of_kinds(rarities), share).mean(axis=0), USUAL, rtol=0.01)
    # One that was never loud is not called louder for its first such backup than that of any other kind.
    np.testing.assert_allclose(loud_share(0 * rarities), 10**-LOUD_FROM)


def test_usual_loudness_changes_no_score_more_lowers_it_and_less_raises_it():
    raw = np.random.default_rng(2).normal(0.5, 0.5, (5, 4))
    np.testing.assert_allclose(allowed_for(raw, usual_loudness(5), NIGHTLY[:5]), raw)
    quiet, restless, wild = (allowed_for(raw, np.full((5, 4), loudness), NIGHTLY[:5]) for loudness in (0.0, 3.0, 20.0))
    assert ((quiet > raw) & (raw > restless) & (restless > wild)).all()
    assert (wild > raw - 0.7).all()  # what goes on for weeks still alerts if it is so much rarer


def test_the_rarer_a_deletion_the_less_it_gives_way_and_a_quiet_device_keeps_what_it_gains():
    raw = np.linspace(1, 4, 31)[:, np.newaxis] * np.ones(4)
    restless, quiet = (allowed_for(raw, np.full((31, 4), loudness), NIGHTLY) - raw for loudness in (4.0, 0.1))
    rare, rarest = np.searchsorted(raw[:, DELETE], (RARE + 1e-9, RAREST - 1e-9))
    given_way = restless[:, DELETE]
    np.testing.assert_allclose(given_way[:rare], restless[0, DELETE])
    assert (np.diff(given_way[rare - 1 : rarest + 1]) > 0).all()
    np.testing.assert_allclose(given_way[rarest:], 0, atol=1e-12)
    np.testing.assert_allclose(quiet, quiet[0, 0])
    np.testing.assert_allclose(np.delete(restless, DELETE, axis=1), restless[0, 0])
    for given in (restless, quiet):  # what is rarer stays more
        assert (np.diff(raw + given, axis=0) > 0).all()


def test_a_device_with_ten_times_the_backups_gives_way_up_to_ten_times_as_rare_deletions():
    raw, loudness = np.linspace(1, 5, 41)[:, np.newaxis] * np.ones(4), np.full((41, 4), 4.0)
    given_way, of_ten_times = (
        allowed_for(raw, loudness, np.full(41, schedule))[:, DELETE] - raw[:, DELETE] for schedule in (365.0, 3_650.0)
    )
    np.testing.assert_allclose(of_ten_times[10:], given_way[:-10], atol=1e-12)
    assert given_way[20] == 0 > of_ten_times[20]


def test_a_device_that_often_lost_files_needs_more_for_a_small_deletion_and_for_nothing_else():
    device = steady_device(backups=61, seed=5)
    history, today = rows(device, slice(0, 60)), rows(device, slice(60, 61))
    restless = usual_loudness(1)
    restless[:, DELETE] = 6.0
    for attack, kind in (("delete_0.02", "delete"), ("delete_0.5", "delete"), ("rename_1", "encrypt")):
        found = scores(attacked(today, attack), history)
        alone = scores_alone(found, SHIPPED, restless)
        assert KINDS[found["kind"][0]] == KINDS[alone["kind"][0]] == kind
        assert (alone["anomaly_score"] < found["anomaly_score"])[0] == (attack == "delete_0.02")


def test_a_walk_holds_each_device_beside_its_own_earlier_backups():
    """Two devices that differ in one thing: one of them was hit again and again, on days that taught no model."""
    one = steady_device(backups=83, seed=6)  # models are fitted before the 34th backup alone
    other = {name: column.copy() for name, column in one.items()}
    for at in range(50, 70, 4):
        for name, column in attacked(rows(one, slice(at, at + 1)), "delete_0.5").items():
            if name in other:
                other[name][at] = column[0]
    backups, device = together(one, other)
    walk = walk_forward(backups, device, SHIPPED)
    found = score_walk(rows(backups, walk.row), walk, SHIPPED)
    of_one, of_other = found["loudness"].reshape(2, 50, 4)
    assert (of_one[:18] == of_other[:18]).all()  # up to the first of them, the 51st backup
    assert of_other[18, DELETE] > of_one[18, DELETE]
    score, score_of_other = found["anomaly_score"].reshape(2, 50)
    assert (score[:17] == score_of_other[:17]).all()
