"""Kinds of devices that were never fitted: steady ones keep the budget, and those that clear much away come near it."""

import numpy as np
import pyarrow.parquet as pq
import pytest

from benchmarks.detection.device_kinds import devices_of
from benchmarks.detection.made_up_devices import figures
from jobs.backtest.changes import history_of
from jobs.backtest.reading import read_backups
from jobs.backtest.rows import alerted, judged, rows_of
from jobs.backtest.suspects import Rules
from jobs.model.arrays import place_of
from jobs.model.fleet import shipped


@pytest.mark.parametrize(
    ("kind", "at_most", "at_most_of_four"),
    [
        ("weekly computer", 1, 4),
        ("accounts", 1, 3),
        ("logs", 1, 2),
        ("mail server", 6, 15),
        ("build artefacts", 6, 20),
    ],
)
def test_a_kind_of_device_alerts_at_most_so_often_and_its_attacks_are_found(kind, at_most, at_most_of_four):
    found = figures(kind)
    assert found["alerts a year"] <= at_most
    assert found["alerts a year, budget 4"] <= at_most_of_four
    assert found["recall"] > 0.9


def test_a_cache_backed_up_each_hour_alerts_about_as_often_as_the_budget_allows(tmp_path):
    ten = devices_of("cache server")
    pq.write_table(ten.take(np.flatnonzero(np.arange(len(ten)) % 3_000 < 600)), tmp_path / "devices.parquet")
    history, rules = history_of(read_backups(tmp_path / "devices.parquet"), 365), Rules()
    is_alert = alerted(judged(rows_of(history, None), history, shipped(), rules), rules.threshold)
    known = place_of(history.device) >= 33
    years = known.sum() / 8_766
    assert is_alert[known].sum() <= 2 * years
