import numpy as np
import pytest

from jobs.model.surge import GRID, HISTORIES, SHAPE, surge_rarity
from tests.fast.model.made_up import SHIPPED

LINE = np.broadcast_to(-GRID / 2, SHAPE)


def chance(value, top, history, table=LINE):
    found = surge_rarity(table, np.zeros(1, int), np.array([value]), np.array([top]), np.array([float(history)]))
    return -found[0]


def test_a_surge_goes_by_the_distance_beyond_the_largest_value():
    assert chance(5.0, 3.0, 38) == pytest.approx(-(2 + 1) / 2)
    assert chance(3.0, 3.0, 38) == pytest.approx(-1 / 2)
    assert chance(1.0, 3.0, 38) == pytest.approx(0)


def test_without_history_nothing_is_a_surge():
    assert chance(9.0, 0.0, 0) == 0
    assert chance(9.0, 0.0, HISTORIES[0] / 2) == pytest.approx(chance(9.0, 0.0, HISTORIES[0]) / 2)


def test_between_two_histories_a_surge_is_in_between():
    table = np.zeros(SHAPE)
    table[:, :, 2], table[:, :, 3] = -1, -3
    middle = np.sqrt(HISTORIES[2] * HISTORIES[3])
    assert [chance(5.0, 1.0, h, table) for h in (HISTORIES[2], middle, HISTORIES[3])] == pytest.approx([-1, -2, -3])


def test_a_first_time_is_told_from_more_of_the_same():
    table = np.zeros(SHAPE)
    table[:, 0] = -2
    assert chance(5.0, 0.0, 38, table) == pytest.approx(-2)
    assert chance(5.0, 1.0, 38, table) == 0


def test_the_shipped_table_falls_with_the_distance():
    assert (np.diff(SHIPPED.surge, axis=3) <= 1e-3).all()
    assert (SHIPPED.surge <= 0).all()
