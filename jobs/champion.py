"""The fleet model that a lake works with: a copy of MLflow's champion, so that scoring needs no MLflow."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path

from jobs import registry
from jobs.config import Config
from jobs.errors import UdaError
from jobs.files import read_text, write_text
from jobs.model.fleet import FleetModel, read_fleet_model
from jobs.store import Store

FILE = "_models/champion.json"


@dataclass(frozen=True)
class Champion:
    """A fleet model and its registered version."""

    version: str
    model: FleetModel


def champion(store: Store, config: Config) -> Champion:
    """The lake's champion; a new lake registers the one that it begins with, unless MLflow has one already."""
    held = _held(store)
    if held is not None:
        return Champion(held["fleet_version"], FleetModel.from_json(held["fleet_model"]))
    if registry.standing(config.mlflow, store.lake).champion is None:
        registry.register_first(config.mlflow, store.lake, first_model(config).to_json())
    found = registered(store, config, None)
    keep(store, found)
    return found


def registered(store: Store, config: Config, working: Champion | None) -> Champion:
    """The champion as MLflow has it now: `working`, unless a person or a training moved the alias."""
    version = registry.standing(config.mlflow, store.lake).champion
    if working and version in (working.version, None):  # none: MLflow was made anew
        return working
    if version is None:
        raise UdaError(f"MLflow: no version of {config.mlflow.model_name} is registered; run it again")
    return Champion(version, FleetModel.from_json(registry.fleet_json(config.mlflow, store.lake, version)))


def keep(store: Store, found: Champion) -> None:
    """Make a fleet model the one that the lake works with."""
    content = {"fleet_version": found.version, "fleet_model": found.model.to_json()}
    write_text(store.spark, f"{store.lake}/{FILE}", json.dumps(content))


def working_version(store: Store) -> str | None:
    """Registered version of the fleet model that the lake works with; None: it has none yet."""
    held = _held(store)
    return held["fleet_version"] if held else None


def first_model(config: Config) -> FleetModel:
    """The fleet model that a new lake begins with, and to which a fleet's own is shrunk."""
    path = config.train.fleet_model
    return read_fleet_model(Path(path) if path else None)


def _held(store: Store) -> dict[str, str] | None:
    text = read_text(store.spark, f"{store.lake}/{FILE}")
    held: dict[str, str] | None = json.loads(text) if text else None
    return held
