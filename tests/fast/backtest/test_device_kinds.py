"""Kinds of devices that were never fitted: steady ones keep the budget, and those that clear much away come near it."""

import pytest

from benchmarks.detection.made_up_devices import figures


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
