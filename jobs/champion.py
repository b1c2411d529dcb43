"""The fleet model that a lake works with: a copy of MLflow's champion, so that scoring needs no MLflow."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path

from jobs import registry
from jobs.config import Config
from jobs.errors import UdaError
from jobs.files import read_text, write_text
from jobs.model.fleet import FleetModel, shipped
from jobs.store import Store

FILE = "_models/champion.json"


@dataclass(frozen=True)
class Champion:
    """A fleet model and its registered version."""

    version: str
    model: FleetModel


def champion(store: Store, config: Config) -> Champion:
    """The lake's champion; a new lake registers the configured model, else the shipped one, and takes that."""
    address = f"{store.lake}/{FILE}"
    held = read_text(store.spark, address)
    if held is None:
        text = _first(config.train.fleet_model).to_json()
        version = registry.champion_version(config.mlflow, store.lake, text)
        held = json.dumps({"fleet_version": version, "fleet_model": text})
        write_text(store.spark, address, held)
    content = json.loads(held)
    return Champion(content["fleet_version"], FleetModel.from_json(content["fleet_model"]))


def _first(path: str) -> FleetModel:
    if not path:
        return shipped()
    try:
        text = Path(path).read_text("utf-8")
    except OSError as error:
        raise UdaError(f"fleet model: {path} can't be read ({error.strerror}); see fleet_model in [train]") from error
    return FleetModel.from_json(text)
