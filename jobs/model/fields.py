"""Fields of the fleet model's JSON file: read with what is wrong named, written a row of numbers a line."""

from __future__ import annotations

import json
from typing import Any

import numpy as np

from jobs.errors import UdaError
from jobs.model.arrays import Array


def field(fields: Any, path: str) -> Any:
    """Value of the last name of a path; UdaError if it is not there."""
    name = path.rpartition(".")[2]
    if not isinstance(fields, dict) or name not in fields:
        raise UdaError(f"fleet model: {path} is missing")
    return fields[name]


def numbers(fields: Any, path: str, shape: tuple[int | None, ...]) -> Array:
    """Array at a path; None in `shape` is any length."""
    try:
        table = np.array(field(fields, path), dtype=np.float64)
    except (TypeError, ValueError) as error:
        raise UdaError(f"fleet model: {path} is not a table of numbers ({error})") from error
    is_shape = len(shape) == table.ndim and all(
        want in (None, got) for want, got in zip(shape, table.shape, strict=True)
    )
    if not is_shape or not np.isfinite(table).all():
        wanted = " x ".join("any" if length is None else str(length) for length in shape)
        raise UdaError(f"fleet model: {path} must be {wanted} finite numbers, got shape {table.shape}")
    return table


def rising(fields: Any, path: str) -> Array:
    """Two rows of numbers at a path that both rise."""
    curve = numbers(fields, path, (2, None))
    if curve.shape[1] < 2 or not (np.diff(curve) > 0).all():
        raise UdaError(f"fleet model: {path} must rise, in at least two points")
    return curve


def rounded(values: Array) -> Any:
    """Numbers as they are stored: four digits behind the point."""
    return np.round(values, 4).tolist()


def rendered(value: Any, indent: str = "") -> str:
    """JSON with one line for each row of numbers: json.dumps has one line a number, or one in all."""
    deeper = indent + "  "
    if isinstance(value, dict) and value:
        lines = (f"{deeper}{json.dumps(name)}: {rendered(item, deeper)}" for name, item in value.items())
        return "{\n" + ",\n".join(lines) + f"\n{indent}}}"
    if isinstance(value, list) and value and isinstance(value[0], list | dict):
        return "[\n" + ",\n".join(deeper + rendered(item, deeper) for item in value) + f"\n{indent}]"
    return json.dumps(value)
