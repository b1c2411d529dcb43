"""The fleet model: what is learned from many devices and shared by all, as one readable JSON file."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from importlib import resources
from pathlib import Path
from typing import Any

import numpy as np

from jobs.errors import UdaError
from jobs.model.arrays import Array
from jobs.model.compression import CURVE_POINTS
from jobs.model.fields import field, numbers, rendered, rounded
from jobs.model.point_sets import SETS, PointSet
from jobs.model.prior import GRID, GRID_STEP, NODES
from jobs.model.signals import LAYOUT, SIGNALS
from jobs.model.surge import HISTORIES
from jobs.model.surge import SHAPE as SURGE_SHAPE


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
    prior : array of shape (24, 6, 128)
        log10 of the chance that a backup reaches a value: by signal, files before, ln(1 + value).
    surge : array of shape (24, 2, 6, 40)
        log10 of the chance to go so far beyond one's own history: by signal, first time or not, history, distance.
    sets : mapping
        A `PointSet` for each of `SETS`.
    provenance : mapping
        What it was fitted on, and with what; kept, never read by the model.
    """

    layout: str
    fleet_name: str
    curve: Array
    prior: Array
    surge: Array
    sets: Mapping[str, PointSet]
    provenance: Mapping[str, Any]

    def to_json(self) -> str:
        """The model as JSON text, one row of numbers a line."""
        return rendered(
            {
                "layout": self.layout,
                "fleet_name": self.fleet_name,
                "provenance": dict(self.provenance),
                "curve": rounded(self.curve),
                "sets": {name: self.sets[name].to_fields() for name in SETS},
                "prior": {
                    "files_before": NODES.tolist(),
                    "grid_step": GRID_STEP,
                    "log10_chance": {name: rounded(rows) for name, rows in zip(SIGNALS, self.prior, strict=True)},
                },
                "surge": {
                    "history": HISTORIES.tolist(),
                    "grid_step": GRID_STEP,
                    "log10_chance": {
                        name: {"first_time": rounded(first), "again": rounded(again)}
                        for name, (first, again) in zip(SIGNALS, self.surge, strict=True)
                    },
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
        layout = field(fields, "layout")
        if layout != LAYOUT:
            raise UdaError(f"fleet model: layout {layout!r}, this version reads {LAYOUT!r}; train the fleet model anew")
        provenance = field(fields, "provenance")
        if not isinstance(provenance, dict):
            raise UdaError("fleet model: provenance must be an object")
        prior = field(fields, "prior")
        if field(prior, "prior.files_before") != NODES.tolist() or field(prior, "prior.grid_step") != GRID_STEP:
            raise UdaError(f"fleet model: prior must be by files_before {NODES.tolist()} in steps of {GRID_STEP}")
        chance = field(prior, "prior.log10_chance")
        by_signal = (len(NODES), len(GRID))
        sets = field(fields, "sets")
        return FleetModel(
            layout=layout,
            fleet_name=str(field(fields, "fleet_name")),
            curve=numbers(fields, "curve", (CURVE_POINTS,)),
            prior=np.stack([numbers(chance, f"prior.log10_chance.{name}", by_signal) for name in SIGNALS]),
            surge=_surge(field(fields, "surge")),
            sets={name: PointSet.from_fields(field(sets, f"sets.{name}"), f"sets.{name}") for name in SETS},
            provenance=provenance,
        )


def shipped() -> FleetModel:
    """The fleet model that comes with the package, so that a first device is judged on its first day."""
    return FleetModel.from_json(resources.files("jobs.model").joinpath("fleet_model.json").read_text("utf-8"))


def read_fleet_model(file: Path | None) -> FleetModel:
    """The fleet model in a file; None: the one that comes with the package.

    Raises
    ------
    UdaError
        The file can't be read, or holds no fleet model of this layout.
    """
    if file is None:
        return shipped()
    try:
        return FleetModel.from_json(file.read_text("utf-8"))
    except (OSError, UnicodeDecodeError) as error:
        raise UdaError(f"{file}: no fleet model can be read from it ({error})") from error


def _surge(fields: Any) -> Array:
    if field(fields, "surge.history") != HISTORIES.tolist() or field(fields, "surge.grid_step") != GRID_STEP:
        raise UdaError(f"fleet model: surge must be by history {HISTORIES.tolist()} in steps of {GRID_STEP}")
    chance, path, shape = field(fields, "surge.log10_chance"), "surge.log10_chance", SURGE_SHAPE[2:]
    own = {name: field(chance, f"{path}.{name}") for name in SIGNALS}
    return np.stack(
        [[numbers(own[name], f"{path}.{name}.{which}", shape) for which in ("first_time", "again")] for name in SIGNALS]
    )
