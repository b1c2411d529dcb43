"""Columns of `scores` as Arrow has them, from the kernel's arrays."""

from __future__ import annotations

import numpy as np
import pyarrow as pa

from jobs.model.arrays import Array, above_zero
from jobs.model.cumulative import ADDED_UP
from jobs.model.signals import SIGNALS
from jobs.tables import KINDS

TOLD_FROM = 1.0  # evidence: one ordinary backup in ten
ARROW = {"string": pa.string(), "double": pa.float64(), "bigint": pa.int64()}
ARROW |= {f"map<string,{name}>": pa.map_(pa.string(), ARROW[name]) for name in ("double", "bigint")}
ARROW["array<string>"] = pa.list_(pa.string())


def spread(values: Array, rows: Array, length: int) -> Array:
    """These values at these rows, NaN at the others."""
    column = np.full(length, np.nan)
    column[rows] = values
    return column


def named(numbers: Array, words: tuple[str, ...]) -> pa.Array:
    """The word that each number stands for; null below 0."""
    return pa.array(words, pa.string()).take(pa.array(numbers, pa.int64(), mask=numbers < 0))


def evidence_map(evidence: Array) -> pa.Array:
    """Evidence by signal, what is below `TOLD_FROM` left out."""
    # Of an ordinary backup nearly every signal is a little unusual: what nobody reads would be most of the table.
    at, row, signal = above_zero(np.where(evidence >= TOLD_FROM, evidence, 0))
    keys = pa.array(SIGNALS, pa.string()).take(pa.array(signal))
    return pa.MapArray.from_arrays(_ends(np.bincount(row, minlength=len(evidence))), keys, pa.array(evidence.take(at)))


def sums_map(values: Array, sums: Array, type_: pa.DataType) -> pa.Array:
    """What is left of sums, by kind; null where nothing is."""
    at, row, kind = above_zero(sums)
    counts = np.bincount(row, minlength=len(sums))
    keys = pa.array(ADDED_UP, pa.string()).take(pa.array(kind))
    offsets = pa.array(np.append(0, np.cumsum(counts)), pa.int32(), mask=np.append(counts == 0, False))
    return pa.MapArray.from_arrays(offsets, keys, pa.array(values.take(at), type_))


def kinds_map(values: Array) -> pa.Array:
    """A value for each kind: shape (n, 4)."""
    keys = pa.array(KINDS * len(values), pa.string())
    return pa.MapArray.from_arrays(_ends(np.full(len(values), len(KINDS))), keys, pa.array(values.ravel()))


def unseen_list(unseen: Array) -> pa.Array:
    """Signals that could not be told."""
    _, row, signal = above_zero(unseen)
    keys = pa.array(SIGNALS, pa.string()).take(pa.array(signal))
    return pa.ListArray.from_arrays(_ends(np.bincount(row, minlength=len(unseen))), keys)


def typed(values: Array | pa.Array | pa.ChunkedArray, type_: pa.DataType) -> pa.Array | pa.ChunkedArray:
    """An array as an Arrow one of that type, NaN as null; what is one already as it is."""
    return values if isinstance(values, pa.Array | pa.ChunkedArray) else pa.array(values, type_, from_pandas=True)


def _ends(counts: Array) -> pa.Array:
    return pa.array(np.concatenate([[0], np.cumsum(counts)]), pa.int32())
