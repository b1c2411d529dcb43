"""Rows of whole devices, gathered in a Python worker as one Arrow table."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pyarrow as pa

from jobs.model.arrays import Array


def numbered(rows: pa.Table, names: Sequence[str]) -> tuple[Array, Array]:
    """A number for each row's combination of the named columns, from 0, and the first row of each number."""
    code = np.zeros(len(rows), np.int64)
    for name in names:
        encoded = rows[name].combine_chunks().dictionary_encode()
        code = code * len(encoded.dictionary) + encoded.indices.to_numpy()
    encoded = pa.array(code).dictionary_encode()  # by hash: np.unique would sort
    number = encoded.indices.to_numpy().astype(np.int64)
    first = np.empty(len(encoded.dictionary), np.int64)
    first[number[::-1]] = np.arange(len(code))[::-1]  # of several rows the one that is written last stays
    return number, first
