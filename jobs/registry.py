"""The only use of MLflow: one run a training, one registered fleet model, alias champion."""

from __future__ import annotations

import logging
import os
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from jobs import __version__
from jobs.config import Mlflow
from jobs.errors import UdaError

CHAMPION = "champion"
EXPERIMENT = "uda-train"


def _mlflow(settings: Mlflow, lake: str) -> Any:
    """MLflow, set to the tracking server or to SQLite in the lake; imported here because that takes seconds."""
    os.environ.setdefault("MLFLOW_SKIP_PIP_REQUIREMENTS_CHECK", "true")  # it would ask a package registry
    os.environ.setdefault("MLFLOW_ALLOW_PICKLE_DESERIALIZATION", "false")
    os.environ.setdefault("MLFLOW_DISABLE_TELEMETRY", "true")
    import mlflow

    for name in ("mlflow", "alembic"):
        logging.getLogger(name).setLevel(logging.WARNING)
    artifacts = None
    if settings.tracking_uri:
        mlflow.set_tracking_uri(settings.tracking_uri)
    else:
        if "://" in lake:
            raise UdaError("a lake in object storage needs an MLflow server: set tracking_uri in [mlflow]")
        folder = Path(lake.removeprefix("file:")) / "_mlflow"
        folder.mkdir(parents=True, exist_ok=True)
        mlflow.set_tracking_uri(f"sqlite:///{folder}/mlflow.db")
        artifacts = (folder / "artifacts").as_uri()
    if mlflow.get_experiment_by_name(EXPERIMENT) is None:
        mlflow.create_experiment(EXPERIMENT, artifact_location=artifacts)
    mlflow.set_experiment(EXPERIMENT)
    return mlflow


def champion_version(settings: Mlflow, lake: str, fleet_json: str) -> str:
    """Version of the champion; where there is none, `fleet_json` is registered and becomes it.

    The model is logged as code beside its JSON file: loading it runs no pickle.
    """
    mlflow = _mlflow(settings, lake)
    client = mlflow.MlflowClient()
    versions = client.search_model_versions(f"name = '{settings.model_name}'")
    champions = [
        version for version in versions if CHAMPION in client.get_model_version(version.name, version.version).aliases
    ]
    if champions:
        return str(champions[0].version)
    with tempfile.TemporaryDirectory() as folder, mlflow.start_run(run_name="shipped fleet model"):
        file = Path(folder) / "fleet_model.json"
        file.write_text(fleet_json, encoding="utf-8")
        logged = mlflow.pyfunc.log_model(
            name="fleet_model",
            python_model=str(Path(__file__).with_name("registry_model.py")),
            artifacts={"fleet_model": str(file)},
            registered_model_name=settings.model_name,
            pip_requirements=[f"open-uda=={__version__}"],
        )
    client.set_registered_model_alias(settings.model_name, CHAMPION, logged.registered_model_version)
    return str(logged.registered_model_version)


@contextmanager
def training_run(settings: Mlflow, lake: str, name: str, facts: Mapping[str, Any]) -> Iterator[dict[str, float]]:
    """One MLflow run around a training: facts as parameters, what the body puts into the mapping as metrics."""
    mlflow = _mlflow(settings, lake)
    metrics: dict[str, float] = {}
    with mlflow.start_run(run_name=name):
        mlflow.log_params(dict(facts))
        yield metrics
        mlflow.log_metrics(metrics)
