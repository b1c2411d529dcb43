import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from jobs.model.arrays import above_zero, in_time

seeds = st.integers(0, 2**32 - 1)


@given(seed=seeds, n=st.integers(0, 60))
def test_rows_in_time_are_by_group_then_moment_then_place(seed, n):
    random = np.random.default_rng(seed)
    group, moment = random.integers(0, 4, n), random.integers(-3, 3, n) * 10**15
    expected = sorted(range(n), key=lambda row: (group[row], moment[row], row))
    assert in_time(group, moment).tolist() == expected


@given(seed=seeds, rows=st.integers(0, 5), columns=st.integers(0, 5))
def test_what_is_above_zero_is_found_row_after_row_and_nan_is_not(seed, rows, columns):
    table = np.random.default_rng(seed).choice([0.0, 1.0, -1.0, np.nan], (rows, columns))
    expected = [(r, c) for r in range(rows) for c in range(columns) if table[r, c] > 0]
    at, row, column = above_zero(table)
    assert list(zip(row.tolist(), column.tolist(), strict=True)) == expected
    assert (table.ravel()[at] > 0).all()
