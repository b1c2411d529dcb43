"""Kinds of devices that were never fitted: steady ones keep the budget, and those that clear much away come near it."""

import numpy as np
import pytest

from benchmarks.detection.device_kinds import DEVICES, devices_of
from benchmarks.detection.made_up_devices import a_year, alerts_of, as_history, figures
from jobs.model.arrays import place_of


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


def test_a_cache_backed_up_each_hour_alerts_about_as_often_as_the_budget_allows():
    ten = devices_of("cache server")
    history = as_history(ten.take(np.flatnonzero(np.arange(len(ten)) % (len(ten) // DEVICES) < 600)))
    assert a_year(alerts_of(history, 1), history, place_of(history.device) >= 33) <= 2
