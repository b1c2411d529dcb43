"""Shares, rates and intervals: what the report's figures mean."""

import numpy as np
import pyarrow as pa
import pytest

from jobs.backtest.measures import alerts_per_year, detections, rate_of, years_of

YEAR = 365.25 * 86_400


def test_the_interval_is_that_of_whole_units_drawn_again():
    """An oracle of plain resampling beside it."""
    random = np.random.default_rng(0)
    unit = np.repeat(np.arange(12), 50)
    hits = (random.random(600) < np.repeat(random.random(12), 50)).astype(float)
    rate = rate_of(hits, np.ones(600), unit)
    means = hits.reshape(12, 50).mean(axis=1)
    drawn = [means[random.integers(12, size=12)].mean() for _ in range(4_000)]
    assert (rate.low, rate.high) == pytest.approx(np.quantile(drawn, [0.025, 0.975]), abs=0.02)
    as_if_independent = 2 * 1.96 * np.sqrt(hits.mean() * (1 - hits.mean()) / 600)
    assert rate.high - rate.low > 2 * as_if_independent


def test_one_unit_alone_has_an_interval_over_its_rows_for_a_share_and_none_for_a_rate():
    share = rate_of(np.array([1.0] * 8 + [0.0] * 2), np.ones(10), np.zeros(10, int))
    assert (share.low, share.high) == pytest.approx((0.4902, 0.9433), abs=1e-3)  # Wilson's, as tables have it
    rate = rate_of(np.array([3.0]), np.array([2.0]), np.zeros(1, int), resampled=False)
    assert rate.value == 1.5
    assert np.isnan(rate.low)


def test_a_rate_over_no_time_is_unknown_and_not_0():
    assert np.isnan(rate_of(np.zeros(0), np.zeros(0), np.zeros(0, int)).value)


def test_alerts_per_year_counts_alerts_over_the_time_from_each_devices_first_judged_backup_to_its_last():
    device = np.array([0, 0, 0, 1, 1, 2])
    ended_at = YEAR * np.array([0, 1, 2, 5, 5.5, 9])
    alerted = np.array([True, False, True, True, False, True])
    assert years_of(device, ended_at, 3).tolist() == [2, 0.5, 0]
    assert alerts_per_year(alerted, device, ended_at, np.arange(3)).value == pytest.approx(3 / 2.5)


def test_time_to_detection_is_the_first_alert_of_an_attack_counted_from_its_first_backup():
    attack = np.array(["slow"] * 5 + ["other"])
    attack_id = np.array(["1", "1", "1", "2", "2", ""])
    device = np.array([0, 0, 0, 1, 1, 1])
    ended_at = 3600 * np.array([20.0, 0, 10, 0, 5, 9])
    alerted = np.array([True, False, False, False, False, True])
    found = pa.table(detections(attack, attack_id, device, ended_at, alerted)).to_pylist()
    assert sorted(found, key=str) == [
        {"attack": "slow", "backups": 3, "hours": 20.0},
        {"attack": "slow", "backups": None, "hours": None},
    ]
