"""The fleet model: what is learned from many devices and shared by all, as one readable JSON file."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from importlib import resources
from typing import Any

import numpy as np

from jobs.errors import UdaError
from jobs.model.arrays import Array
from jobs.model.calibration import Calibration
from jobs.model.compression import CURVE_POINTS
from jobs.model.prior import GRID, GRID_STEP, NODES
from jobs.model.signals import LAYOUT, SIGNALS


@dataclass(frozen=True, eq=False)
class FleetModel:
    """What all devices share.

    Attributes
    ----------
    layout : str
        Which signals and bins the numbers stand for; must be `jobs.model.signals.LAYOUT`.
    fleet_name : str
        A name for people.
    curve : array of shape (24,)
        Logit of the median compression ratio at a mean file size of 2**k bytes.
    prior : array of shape (19, 6, 128)
        log10 of the chance that a backup reaches a value: by signal, files before, ln(1 + value).
    calibrations : at least two
        From raw score to anomaly score, by how much history a device has.
    provenance : mapping
        What it was fitted on, and with what; kept, never read by the model.
    """

    layout: str
    fleet_name: str
    curve: Array
    prior: Array
    calibrations: Sequence[Calibration]
    provenance: Mapping[str, Any]

    def to_json(self) -> str:
        """The model as JSON text, one row of numbers a line."""
        return _rendered(
            {
                "layout": self.layout,
                "fleet_name": self.fleet_name,
                "provenance": dict(self.provenance),
                "curve": _rounded(self.curve),
                "calibrations": [
                    {
                        "history": round(each.history, 4),
                        "rarity": _rounded(each.rarity),
                        "alert_rate": _rounded(each.alert_rate),
                    }
                    for each in self.calibrations
                ],
                "prior": {
                    "files_before": NODES.tolist(),
                    "grid_step": GRID_STEP,
                    "log10_chance": {name: _rounded(rows) for name, rows in zip(SIGNALS, self.prior, strict=True)},
                },
            }
        )

    @staticmethod
    def from_json(text: str) -> FleetModel:
        """Read what `to_json` wrote.

        Raises
        ------
        UdaError
            The text is not a fleet model of this layout; the message names what is wrong.
        """
        try:
            fields = json.loads(text)
        except json.JSONDecodeError as error:
            raise UdaError(f"fleet model: not JSON ({error})") from error
        layout = _field(fields, "layout")
        if layout != LAYOUT:
            raise UdaError(f"fleet model: layout {layout!r}, this version reads {LAYOUT!r}; train the fleet model anew")
        provenance = _field(fields, "provenance")
        if not isinstance(provenance, dict):
            raise UdaError("fleet model: provenance must be an object")
        prior = _field(fields, "prior")
        if _field(prior, "prior.files_before") != NODES.tolist() or _field(prior, "prior.grid_step") != GRID_STEP:
            raise UdaError(f"fleet model: prior must be by files_before {NODES.tolist()} in steps of {GRID_STEP}")
        chance = _field(prior, "prior.log10_chance")
        by_signal = (len(NODES), len(GRID))
        return FleetModel(
            layout=layout,
            fleet_name=str(_field(fields, "fleet_name")),
            curve=_numbers(fields, "curve", (CURVE_POINTS,)),
            prior=np.stack([_numbers(chance, f"prior.log10_chance.{name}", by_signal) for name in SIGNALS]),
            calibrations=_calibrations(fields),
            provenance=provenance,
        )


def shipped() -> FleetModel:
    """The fleet model that comes with the package, so that a first device is judged on its first day."""
    return FleetModel.from_json(resources.files("jobs.model").joinpath("fleet_model.json").read_text("utf-8"))


def _field(fields: Any, path: str) -> Any:
    name = path.rpartition(".")[2]
    if not isinstance(fields, dict) or name not in fields:
        raise UdaError(f"fleet model: {path} is missing")
    return fields[name]


def _numbers(fields: Any, path: str, shape: tuple[int | None, ...]) -> Array:
    """Array at a path; None in `shape` is any length."""
    try:
        numbers = np.array(_field(fields, path), dtype=np.float64)
    except (TypeError, ValueError) as error:
        raise UdaError(f"fleet model: {path} is not a table of numbers ({error})") from error
    is_shape = len(shape) == numbers.ndim and all(
        want in (None, got) for want, got in zip(shape, numbers.shape, strict=True)
    )
    if not is_shape or not np.isfinite(numbers).all():
        wanted = " x ".join("any" if length is None else str(length) for length in shape)
        raise UdaError(f"fleet model: {path} must be {wanted} finite numbers, got shape {numbers.shape}")
    return numbers


def _calibrations(fields: Any) -> tuple[Calibration, ...]:
    listed = _field(fields, "calibrations")
    if not isinstance(listed, list) or len(listed) < 2:
        raise UdaError("fleet model: calibrations must be a list of at least two")
    calibrations = tuple(
        Calibration(
            history=float(_numbers(each, f"calibrations[{place}].history", ())),
            rarity=_rising(each, f"calibrations[{place}].rarity"),
            alert_rate=_rising(each, f"calibrations[{place}].alert_rate"),
        )
        for place, each in enumerate(listed)
    )
    if not (np.diff([each.history for each in calibrations]) > 0).all():
        raise UdaError("fleet model: calibrations must be in order of rising history")
    return calibrations


def _rising(fields: Any, path: str) -> Array:
    numbers = _numbers(fields, path, (2, None))
    if numbers.shape[1] < 2 or not (np.diff(numbers) > 0).all():
        raise UdaError(f"fleet model: {path} must rise, in at least two points")
    return numbers


def _rounded(numbers: Array) -> Any:
    return np.round(numbers, 4).tolist()


def _rendered(value: Any, indent: str = "") -> str:
    """JSON with one line for each row of numbers: json.dumps has one line a number, or one in all."""
    deeper = indent + "  "
    if isinstance(value, dict) and value:
        lines = (f"{deeper}{json.dumps(name)}: {_rendered(item, deeper)}" for name, item in value.items())
        return "{\n" + ",\n".join(lines) + f"\n{indent}}}"
    if isinstance(value, list) and value and isinstance(value[0], list | dict):
        return "[\n" + ",\n".join(deeper + _rendered(item, deeper) for item in value) + f"\n{indent}]"
    return json.dumps(value)
