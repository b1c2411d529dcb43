"""The fleet model that a lake works with: a copy of MLflow's champion, so that scoring needs no MLflow."""

from __future__ import annotations

import json
from dataclasses import dataclass

from jobs import registry
from jobs.config import Config
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
    """The lake's champion; a new lake registers the shipped model and takes that."""
    address = f"{store.lake}/{FILE}"
    held = read_text(store.spark, address)
    if held is None:
        text = shipped().to_json()
        version = registry.champion_version(config.mlflow, store.lake, text)
        held = json.dumps({"fleet_version": version, "fleet_model": text})
        write_text(store.spark, address, held)
    content = json.loads(held)
    return Champion(content["fleet_version"], FleetModel.from_json(content["fleet_model"]))
