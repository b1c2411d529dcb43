"""Columns of canonical records as typed arrays, and every fault in them with its file, rows and field."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, TypeAlias

import numpy as np
import pyarrow as pa

from jobs.model.arrays import Array
from jobs.tables import FIGURES

FIGURE_NAMES = tuple(column.name for column in FIGURES)
# Carried along, and never read by the model. `attack_id`: rows of one attack over several backups; `origin`: devices
# that are not independent of each other.
LABELS = ("attack", "at_backup_id", "attack_id", "origin")
ROWS_NAMED = 3  # of those with the same fault
SHOWN = 60  # characters of a wrong value
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
MOMENT = pa.timestamp("us", tz="UTC")
Values: TypeAlias = Any  # a list of what JSON held, or an Arrow array: both have a length and give their values


@dataclass
class Faults:
    """What is wrong, a line a fault."""

    lines: list[str] = field(default_factory=list)

    def of(self, file: str, rows: Sequence[int]) -> FileFaults:
        """Where the faults of one file are told; `rows` are the numbers that its rows have in it."""
        return FileFaults(self.lines, file, rows)


@dataclass
class FileFaults:
    """Faults of one file."""

    lines: list[str]
    file: str
    rows: Sequence[int]
    faulty: set[str] = field(default_factory=set)

    def say(self, what: str) -> None:
        """Note a fault of the file as a whole."""
        self.lines.append(f"{self.file}: {what}")

    def note(self, places: Iterable[int], name: str, wanted: str, values: Values | None = None) -> None:
        """Note that the column is wrong at these places; nothing if there are none."""
        at = [int(place) for place in places]
        if not at:
            return
        self.faulty.add(name)
        named = ", ".join(str(self.rows[place]) for place in at[:ROWS_NAMED])
        more = f" and {len(at) - ROWS_NAMED:,} more" if len(at) > ROWS_NAMED else ""
        got = "" if values is None else f", got {_shown(values[at[0]])}"
        self.lines.append(f"{self.file}: row{'s' if len(at) > 1 else ''} {named}{more}: {name} {wanted}{got}")

    def missing(self, columns: Mapping[str, pa.Array], have: Sequence[str]) -> None:
        """Note the rows that lack what each needs; a column that is not there at all once for the file."""
        for name, values in columns.items():
            if name not in have and len(values):
                self.say(f"there is no {name}; every row needs it")
            elif name not in self.faulty:  # a value that could not be read is null as well
                places = np.flatnonzero(values.is_null().to_numpy(zero_copy_only=False))
                self.note(places, name, "is missing; every row needs it")

    def unknown_word(self, name: str, values: pa.Array, words: Sequence[str]) -> None:
        """Note the rows whose word is none of these."""
        wrong = [place for place, word in enumerate(values.to_pylist()) if word is not None and word not in words]
        self.note(wrong, name, f"must be one of {', '.join(words)}", values)


def texts(values: Values, name: str, faults: FileFaults) -> pa.Array:
    """Texts, null where there is none or it is blank; a whole number is taken as its digits."""
    if isinstance(values, pa.Array) and not (pa.types.is_floating(values.type) or pa.types.is_nested(values.type)):
        values = values.cast(pa.string()).to_pylist()
    wrong, found = [], []
    for place, value in enumerate(values.to_pylist() if isinstance(values, pa.Array) else values):
        text = str(value) if isinstance(value, int) and not isinstance(value, bool) else value
        is_nothing = value is None or (isinstance(value, float) and math.isnan(value))
        if not is_nothing and not isinstance(text, str):
            wrong.append(place)
        found.append(text if isinstance(text, str) and text.strip() else None)
    faults.note(wrong, name, "must be a text", values)
    return pa.array(found, pa.string())


def moments(values: Values, name: str, faults: FileFaults) -> pa.Array:
    """Moments in UTC; null where there is none. One without a time zone is a fault, never a guess."""
    if isinstance(values, pa.Array) and pa.types.is_timestamp(values.type):
        if values.type.tz is None and len(values):
            faults.say(f"{name} has no time zone; write it in UTC, with a zone")
        return values.cast(MOMENT if values.type.tz else pa.timestamp("us"), safe=False).cast(MOMENT)
    found: list[datetime | None] = []
    wrong, without_zone = [], []
    for place, value in enumerate(values.to_pylist() if isinstance(values, pa.Array) else values):
        moment = _moment(value)
        found.append(moment if moment and moment.tzinfo else None)
        if moment and not moment.tzinfo:
            without_zone.append(place)
        elif value is not None and not moment:
            wrong.append(place)
    faults.note(without_zone, name, "must be UTC or have an offset such as +02:00", values)
    faults.note(wrong, name, "must be like 2025-03-02T21:15:15Z", values)
    return pa.array(found, MOMENT)


def numbers(values: Values, name: str, faults: FileFaults, floor: float, is_rounded: bool) -> pa.Array:
    """Counts or bytes as floats, NaN where unknown.

    Parameters
    ----------
    floor : float
        Less than this is a fault; what is below 0 all the same becomes 0.
    is_rounded : bool
        Whether a fraction is rounded; else it is a fault.
    """
    numeric, wrong = _floats(values)
    known = ~np.isnan(numeric)
    whole = np.rint(numeric)
    if not is_rounded:
        wrong |= known & (whole != numeric)
    faults.note(np.flatnonzero(wrong | np.isinf(numeric)), name, "must be a whole number", values)
    below = known & ~wrong & (numeric < floor)
    faults.note(np.flatnonzero(below), name, "must be 0 or more; leave it out where it is unknown", values)
    return pa.array(np.maximum(whole, 0.0))  # NaN stays NaN


def _floats(values: Values) -> tuple[Array, Array]:
    """Numbers as floats, NaN for none; and which values are something else."""
    try:
        if isinstance(values, pa.Array) and not (pa.types.is_integer(values.type) or pa.types.is_floating(values.type)):
            values = values.to_pylist()
        column = values if isinstance(values, pa.Array) else pa.array(values)
        if pa.types.is_integer(column.type) or pa.types.is_floating(column.type) or pa.types.is_null(column.type):
            found = np.array(column.cast(pa.float64(), safe=False).to_numpy(zero_copy_only=False))
            return found, np.zeros(len(found), bool)
    except (pa.ArrowException, OverflowError):
        pass  # of more than one type: each value is looked at
    pairs = [_float(value) for value in values]
    return np.array([number for number, _ in pairs], np.float64), np.array([wrong for _, wrong in pairs], bool)


def _float(value: Any) -> tuple[float, bool]:
    if value is None:
        return math.nan, False
    if isinstance(value, bool):
        return math.nan, True
    try:
        return float(value), False
    except (TypeError, ValueError, OverflowError):
        return math.nan, True


def _moment(value: Any) -> datetime | None:
    if isinstance(value, datetime):
        return value
    if not isinstance(value, str) or len(value) < len("2025-03-02T21:15"):
        return None
    try:
        return datetime.fromisoformat(value)
    except ValueError:
        return None


def _shown(value: Any) -> str:
    text = repr(value.as_py() if isinstance(value, pa.Scalar) else value)
    return text if len(text) <= SHOWN else f"{text[:SHOWN]}…"
