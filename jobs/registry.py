"""The only use of MLflow: one run a training, one registered fleet model, alias champion."""

from __future__ import annotations

import contextlib
import io
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
        logging.getLogger(name).setLevel(logging.ERROR)  # below it are hints for people at a notebook
    artifacts = None
    if settings.tracking_uri:
        mlflow.set_tracking_uri(settings.tracking_uri)
    else:
        if "://" in lake:
            raise UdaError("a lake in object storage needs an MLflow server: set tracking_uri in [mlflow]")
        folder = Path(lake.removeprefix("file:")) / "_mlflow"
        folder.mkdir(parents=True, exist_ok=True)
        _make_database(mlflow, folder / "mlflow.db")
        mlflow.set_tracking_uri(f"sqlite:///{folder}/mlflow.db")
        artifacts = (folder / "artifacts").as_uri()
    if mlflow.get_experiment_by_name(EXPERIMENT) is None:
        mlflow.create_experiment(EXPERIMENT, artifact_location=artifacts)
    mlflow.set_experiment(EXPERIMENT)
    return mlflow


def _make_database(mlflow: Any, database: Path) -> None:
    """Make MLflow's database beside its place, then move it there: killed half-way, it could never be opened again."""
    if not database.exists():
        draft = database.with_suffix(f".{os.getpid()}.tmp")
        mlflow.MlflowClient(f"sqlite:///{draft}").search_experiments()
        draft.replace(database)


def champion_version(settings: Mlflow, lake: str, fleet_json: str) -> str:
    """Version of the champion; where there is none, `fleet_json` is registered and becomes it.

    The model is logged as code beside its JSON file: loading it runs no pickle.
    """
    mlflow = _mlflow(settings, lake)
    client = mlflow.MlflowClient()
    versions = client.search_model_versions(f"name = '{settings.model_name}'")
    numbers = sorted(int(version.version) for version in versions)
    for number in numbers:
        if CHAMPION in client.get_model_version(settings.model_name, str(number)).aliases:
            return str(number)
    if numbers:  # a call was killed before it could give the alias
        client.set_registered_model_alias(settings.model_name, CHAMPION, str(numbers[0]))
        return str(numbers[0])
    # MLflow tells on stderr what it registered, past its own log levels.
    quiet = contextlib.redirect_stderr(io.StringIO())
    with tempfile.TemporaryDirectory() as folder, mlflow.start_run(run_name="shipped fleet model"), quiet:
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
