"""Evidence adds up along a device's backups, whatever they are handed over with."""

import numpy as np
import pytest

from jobs.model.cumulative import ADDED_UP, ALERT_ADDS, DRIFT, MOST, NONE, add_up
from jobs.tables import KINDS
from jobs.train.sums import HEIGHTS, alarms_by_height, fit_sum_rate

LINE = np.array([[-3.0, -2.5, -4.0], [1.0, 0.5, 2.0]])  # height at 0, and slope
THRESHOLD = 0.0


def scores_of(n, seed=0, **always):
    """What is known of backups alone: some of them busy for a while."""
    random = np.random.default_rng(seed)
    spells = np.repeat(random.random((n // 5 + 1, 4)) < 0.3, 5, axis=0)[:n]
    return {
        "anomaly_score": random.normal(-1.5, 0.8, n),
        "kind": random.integers(-1, 4, n),
        "rarity": random.exponential(0.4, (n, 4)) + 1.5 * spells,
        "sum_line": np.tile(LINE, (n, 1, 1)),
        **always,
    }


def in_a_row(n):
    return np.arange(n) - 1


def by_hand(scores, previous, threshold=THRESHOLD):
    """Plain lines beside the arrays, for rows whose predecessors stand before them."""
    states, found = {NONE: ([0.0] * 3, [0] * 3, False)}, []
    for row, before in enumerate(previous):
        *left, alerted = states[before]
        sums, counts = (list(part) for part in left)
        score, kind, together = scores["anomaly_score"][row], scores["kind"][row], 0
        is_alone = score >= threshold
        steps = [min(rarity - DRIFT, MOST) for rarity in scores["rarity"][row]]
        for place, word in enumerate(ADDED_UP):
            own = max(0.0, sums[place] + steps[place])
            of_sum = LINE[0, place] + LINE[1, place] * own
            if counts[place] > 0 and steps[place] > 0 and of_sum > score:
                score, kind, together = of_sum, KINDS.index(word), counts[place] + 1
        for place in range(3):
            if is_alone:
                more = max(0.0, min(steps[place], ALERT_ADDS))
                sums[place] = (sums[place] * alerted + more) * (more > 0)
                counts[place] = (counts[place] * alerted + 1) * (more > 0)
            else:
                sums[place] = 0.0 if score >= threshold else max(0.0, sums[place] + steps[place])
                counts[place] = (counts[place] + 1) * (sums[place] > 0)
        found.append((score, kind, together, *sums, *counts))
        states[row] = sums, counts, is_alone
    return np.array(found)


def flat(sums):
    return np.column_stack([sums.score, sums.kind, sums.together, sums.sums, sums.backups])


def part_of(scores, rows):
    return {name: column[rows] for name, column in scores.items()}


@pytest.mark.parametrize("seed", range(5))
def test_sums_are_those_of_plain_lines_whatever_the_order_and_the_other_devices(seed):
    random = np.random.default_rng(seed)
    scores = scores_of(300, seed)
    # Three devices; now and then two backups are compared with the same one.
    previous = np.array([row - 3 - 3 * (row > 9 and random.random() < 0.1) if row > 2 else NONE for row in range(300)])
    expected = by_hand(scores, previous)
    assert (expected[:, 2] > 1).any() and (expected[:, 0] >= THRESHOLD).sum() > 5
    order = random.permutation(300)
    place = np.append(np.argsort(order), NONE)  # behind the last stands none
    found = add_up(part_of(scores, order), place[previous[order]], THRESHOLD)
    np.testing.assert_allclose(flat(found), expected[order])


@pytest.mark.parametrize("cut", [1, 17, 59])
def test_two_halves_are_one_whole(cut):
    scores = scores_of(60, seed=3)
    whole = add_up(scores, in_a_row(60), THRESHOLD)
    early = add_up(part_of(scores, slice(0, cut)), in_a_row(cut), THRESHOLD)
    left = np.zeros((60 - cut, 3)), np.zeros((60 - cut, 3), int), np.zeros(60 - cut, bool)
    left[0][0], left[1][0], left[2][0] = early.sums[-1], early.backups[-1], early.score[-1] >= THRESHOLD
    late = add_up(part_of(scores, slice(cut, 60)), in_a_row(60 - cut), THRESHOLD, left)
    np.testing.assert_array_equal(np.concatenate([flat(early), flat(late)]), flat(whole))


def test_a_little_every_time_alerts_and_then_begins_anew():
    rarity = np.tile([0.0, DRIFT + 0.5, 0.0, 0.0], (30, 1))
    scores = scores_of(30, anomaly_score=np.full(30, -1.0), rarity=rarity)
    found = add_up(scores, in_a_row(30), THRESHOLD)
    alerts = np.flatnonzero(found.score >= THRESHOLD)
    assert alerts.tolist() == [9, 19, 29]  # -2.5 + .5 * (10 * .5) is 0
    assert found.together[alerts].tolist() == [10, 10, 10]
    assert {KINDS[kind] for kind in found.kind[alerts]} == {"delete"}


def test_sums_begin_anew_with_a_backup_that_alerts_alone():
    rarity = np.tile([0.0, DRIFT + 0.5, 0.0, 0.0], (12, 1))
    alone = np.full(12, -1.0)
    alone[7] = 1.0
    found = add_up(scores_of(12, anomaly_score=alone, rarity=rarity), in_a_row(12), THRESHOLD)
    assert np.flatnonzero(found.score >= THRESHOLD).tolist() == [7]
    assert found.together[7] == 0
    np.testing.assert_allclose(found.sums[7:9, 1], [0.5, 1])


def test_the_same_attack_again_needs_less_after_several_that_alerted_alone():
    """The sixth is quieter than the others, and too quiet to alert after one."""
    threshold = -0.3  # -2.5 + .5 * (5 * .7 + 1) is -.25
    alone = np.array([-1.0, 1.0, 1.0, 1.0, 1.0, 1.0, -1.0, -1.0])
    rarity = np.tile([0.0, DRIFT + 3, 0.0, 0.0], (8, 1))
    for alerts, is_found in ((5, True), (1, False)):
        rows = [0, *range(6 - alerts, 8)]
        scores = scores_of(len(rows), anomaly_score=alone[rows], rarity=rarity[rows])
        found = add_up(scores, in_a_row(len(rows)), threshold)
        np.testing.assert_allclose(found.sums[alerts, 1], alerts * ALERT_ADDS)
        assert (found.score[alerts + 1] >= threshold) == is_found


def test_one_loud_backup_is_no_sum_and_adds_no_more_than_the_most():
    rarity = np.zeros((6, 4))
    rarity[2] = 6.0
    found = add_up(scores_of(6, anomaly_score=np.full(6, -9.0), rarity=rarity), in_a_row(6), np.inf)
    assert not found.together.any()
    np.testing.assert_allclose(found.sums[2], MOST)


def test_a_backup_that_adds_nothing_does_not_alert_by_what_came_before():
    rarity = np.tile([0.0, DRIFT + 0.5, 0.0, 0.0], (9, 1))
    rarity[8] = DRIFT - 0.01
    scores = scores_of(9, anomaly_score=np.full(9, -5.0), rarity=rarity)
    scores["sum_line"][8, 0] += 10  # as if the device's schedule had changed
    assert add_up(scores, in_a_row(9), THRESHOLD).score[8] == -5.0


def test_sums_of_clean_backups_are_counted_at_each_height_with_sums_of_its_own():
    random = np.random.default_rng(1)
    device = np.repeat(np.arange(7), random.integers(1, 80, 7))
    rarity = scores_of(len(device), seed=2)["rarity"]
    is_alert, weights = random.random(len(device)) < 0.05, random.choice([1.0, 4.0], len(device))
    alarms, counted = alarms_by_height(rarity, device, is_alert, weights)
    for place, height in ((0, HEIGHTS[0]), (1, HEIGHTS[3]), (2, HEIGHTS[6])):
        sums, hits = dict.fromkeys(range(7), 0.0), []
        for row, own in enumerate(device):
            step = min(rarity[row, place] - DRIFT, MOST)
            sums[own] = max(0.0, sums[own] + step)
            if is_alert[row] or (sums[own] >= height and step > 0):
                hits += [] if is_alert[row] else [row]
                sums[own] = 0.0
        at = HEIGHTS.tolist().index(height)
        assert (alarms[place, at], counted[place, at]) == (len(hits), pytest.approx(weights[hits].sum()))


def test_a_line_says_about_how_often_clean_sums_reach_a_height():
    random = np.random.default_rng(4)
    device = np.repeat(np.arange(50), 1_000)
    spells = np.repeat(random.random((10_000, 4)) < 0.05, 5, axis=0)
    rarity = random.exponential(0.43, (50_000, 4)) + spells
    quiet = np.zeros(50_000, bool)
    lines = fit_sum_rate(rarity, device, quiet, np.ones(50_000))
    alarms, _ = alarms_by_height(rarity, device, quiet, np.ones(50_000))
    assert ((lines[:, 1] > 0) & (lines[:, 1] <= 0.5)).all()
    for kind in range(3):
        rare = np.flatnonzero((alarms[kind] >= 30) & (alarms[kind] < 300))
        np.testing.assert_allclose(
            lines[kind, 0] + lines[kind, 1] * HEIGHTS[rare], -np.log10(alarms[kind, rare] / 50_000), atol=0.5
        )


def test_what_never_happened_on_clean_backups_may_have_happened_as_often_as_can_be_counted_surely():
    lines = fit_sum_rate(np.zeros((500, 4)), np.zeros(500, int), np.zeros(500, bool), np.ones(500))
    np.testing.assert_allclose(lines[:, 0] + lines[:, 1] * HEIGHTS[0], -np.log10(30 / 500))
