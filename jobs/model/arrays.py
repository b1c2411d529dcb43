"""Arrays in groups: rows of many devices at once, without a Python loop over devices."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

Array = NDArray[Any]
Arrays = Mapping[str, Array]


def first_rows(group: Array) -> Array:
    """Index of the first row of each group.

    Parameters
    ----------
    group : int array of shape (n,)
        Group of each row, ascending, 0 to n_groups - 1, none left out.

    Returns
    -------
    int array of shape (n_groups,)
    """
    return np.flatnonzero(np.diff(group, prepend=-1))


def place_of(group: Array) -> Array:
    """How many earlier rows the group of each row has: 0 for its first row; groups as in `first_rows`."""
    place: Array = np.arange(len(group)) - first_rows(group)[group]
    return place


def age_of(group: Array) -> Array:
    """How many later rows the group of each row has: 0 for its last row.

    Parameters
    ----------
    group : int array of shape (n,)
        As in `first_rows`.
    """
    if not len(group):
        return np.zeros(0, np.int64)
    last = np.append(first_rows(group)[1:], len(group)) - 1
    return last[group] - np.arange(len(group))


def in_time(group: Array, moment: Array) -> Array:
    """Order of the rows by group and, inside a group, by time; rows of one moment stay in their order.

    As np.lexsort((moment, group)) in two thirds of its time.

    Parameters
    ----------
    group : int array of shape (n,)
        0 to at most 2**31 - 1.
    moment : array of shape (n,)
        Fewer than 2**32 of them.
    """
    by_time = np.argsort(moment, kind="stable")
    place = np.sort((group[by_time] << 32) + np.arange(len(group)))  # group in the upper half, place in time below
    order: Array = by_time[place & 0xFFFFFFFF]
    return order


def in_turn(previous: Array) -> Iterator[Array]:
    """Rows in groups: first those that come after none of these, then those that come after them, and so on.

    Parameters
    ----------
    previous : int array of shape (n,)
        Which row each comes after; -1: none.
    """
    behind, turn = previous, (previous >= 0).astype(np.int64)
    while (behind >= 0).any():  # each round looks twice as far back
        is_behind = behind >= 0
        turn = turn + np.where(is_behind, turn[behind], 0)
        behind = np.where(is_behind, behind[behind], -1)
    if len(turn):
        yield from np.split(np.argsort(turn, kind="stable"), np.cumsum(np.bincount(turn))[:-1])


def above_zero(table: Array) -> tuple[Array, Array, Array]:
    """Where a table is above 0, row after row: places in the flat table, rows, columns."""
    at = np.flatnonzero(table > 0)  # with the row worked out from it, several times quicker than np.nonzero
    row = at // max(table.shape[1], 1)
    return at, row, at - row * table.shape[1]


def weighted_median(values: Array, weights: Array, group: Array, n_groups: int) -> Array:
    """Weighted median of each group: its smallest value that at least half of the weight does not exceed.

    Parameters
    ----------
    values : array of shape (n,)
        Compared as float32; NaN is left out.
    weights : array of shape (n,)
        Whole numbers, so that running sums are exact and no group can disturb another.
    group : int array of shape (n,)
        0 to n_groups - 1, in any order.

    Returns
    -------
    float array of shape (n_groups,); NaN for a group without weight
    """
    used = ~np.isnan(values) & (weights > 0)
    order = np.argsort(_sortable(values[used], group[used]))
    running = np.cumsum(weights[used][order], dtype=np.float64)
    total = np.bincount(group[used], weights=weights[used], minlength=n_groups)
    at = np.searchsorted(running, np.cumsum(total) - total / 2)
    found = np.full(n_groups, np.nan)
    has_weight = total > 0
    found[has_weight] = values[used][order][at[has_weight]]
    return found


def median(values: Array, group: Array, n_groups: int) -> Array:
    """Median of each group as float32, the lower one of two; NaN for a group without a value. See `weighted_median`.

    Parameters
    ----------
    values : array of shape (n,)
        At least 0; NaN is left out.
    group : int array of shape (n,)
        0 to n_groups - 1, in any order.
    """
    used = ~np.isnan(values)
    ordered = np.sort(_sortable(values[used], group[used]))  # several times quicker than to look for their order
    count = np.bincount(group[used], minlength=n_groups)
    found = np.full(n_groups, np.nan)
    has_value = count > 0
    middle = (np.cumsum(count) - count + (count - 1) // 2)[has_value]
    found[has_value] = (ordered[middle].astype(np.uint32) & np.uint32(0x7FFFFFFF)).view(np.float32)
    return found


def _sortable(values: Array, group: Array) -> Array:
    """Unsigned integers that sort by group and then by value: the group in the upper half, in the lower a float32."""
    bits = values.astype(np.float32).view(np.uint32)
    flipped = bits ^ np.where(bits >> 31, np.uint32(0xFFFFFFFF), np.uint32(0x80000000))
    sortable: Array = group.astype(np.uint64) << np.uint64(32) | flipped
    return sortable
