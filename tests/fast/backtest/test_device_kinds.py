"""Kinds of devices that were never fitted: steady ones keep the budget, and those that clear much away come near it."""

import pytest

from benchmarks.detection.made_up_devices import figures


@pytest.mark.parametrize(
    ("kind", "at_most"),
    [
        ("weekly computer", 1),
        ("accounts", 1),
        ("logs", 1),
        ("mail server", 6),
        ("build artefacts", 6),
    ],
)
def test_a_kind_of_device_alerts_at_most_so_often_and_its_attacks_are_found(kind, at_most):
    found = figures(kind)
    assert found["alerts a year"] <= at_most
    assert found["recall"] > 0.9
