"""The only use of MLflow: one run a training, one registered fleet model, aliases champion and challenger."""

from __future__ import annotations

import contextlib
import io
import logging
import os
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any

from jobs import __version__
from jobs.config import Mlflow
from jobs.errors import UdaError

CHAMPION, CHALLENGER = "champion", "challenger"
DECISIONS = FIRST, PROMOTED, KEPT = "first", "promoted", "kept as challenger"
SETTLED = "settled"  # tag of a version whose aliases were given
FILE = "fleet_model.json"
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


@dataclass(frozen=True)
class Standing:
    """How the registered fleet model stands.

    Attributes
    ----------
    champion : str or None
        The version with that alias; None: nothing is registered yet.
    learned_until : date or None
        Up to where the newest version learned that was fitted on this lake; None: there is none.
    """

    champion: str | None
    learned_until: date | None


@dataclass(frozen=True)
class Training:
    """A fleet training as MLflow keeps it: one run, and a registered version.

    Attributes
    ----------
    name : str
        Of the run.
    facts, metrics, tags : mapping
        Parameters and figures of the run; the tags are the version's too: `decision` is one of `DECISIONS`.
    texts : mapping
        Files of the run, by name.
    tables : mapping
        Tables of the run by name, each as columns of one length.
    fleet_json : str
        The fleet model.
    """

    name: str
    facts: Mapping[str, Any]
    metrics: Mapping[str, float]
    tags: Mapping[str, str]
    texts: Mapping[str, str]
    tables: Mapping[str, Mapping[str, Sequence[Any]]]
    fleet_json: str


def standing(settings: Mlflow, lake: str) -> Standing:
    """How the registered fleet model stands now.

    Raises
    ------
    UdaError
        There are versions, and a person took the alias from all of them.
    """
    client = _mlflow(settings, lake).MlflowClient()
    versions = client.search_model_versions(f"name = '{settings.model_name}'")
    if not versions:
        return Standing(None, None)
    for version in sorted(versions, key=lambda version: int(version.version)):
        if version.tags.get("decision") and SETTLED not in version.tags:
            _settle(client, settings.model_name, str(version.version), version.tags["decision"])
    champion = client.get_registered_model(settings.model_name).aliases.get(CHAMPION)
    if champion is None:
        raise UdaError(f"MLflow: no version of {settings.model_name} has the alias {CHAMPION}; give it to one")
    learned = [version.tags["learned_until"] for version in versions if "learned_until" in version.tags]
    return Standing(str(champion), date.fromisoformat(max(learned)) if learned else None)


def register_first(settings: Mlflow, lake: str, fleet_json: str) -> None:
    """Register the fleet model that a lake begins with; it is the champion."""
    record(settings, lake, Training("first fleet model", {}, {}, {"decision": FIRST}, {}, {}, fleet_json))


def record(settings: Mlflow, lake: str, training: Training) -> None:
    """Keep a fleet training, and give its version the aliases that were decided on.

    The version comes last and with all its tags: killed before, there is none; killed after, `standing` goes on.
    The model is logged as code beside its JSON file: loading it runs no pickle.
    """
    mlflow = _mlflow(settings, lake)
    # MLflow tells on stderr what it registered, past its own log levels.
    quiet = contextlib.redirect_stderr(io.StringIO())
    with tempfile.TemporaryDirectory() as folder, mlflow.start_run(run_name=training.name), quiet:
        mlflow.log_params(dict(training.facts))
        mlflow.log_metrics(dict(training.metrics))
        mlflow.set_tags(dict(training.tags))
        for name, text in training.texts.items():
            mlflow.log_text(text, name)
        for name, columns in training.tables.items():
            mlflow.log_table({column: list(values) for column, values in columns.items()}, name)
        file = Path(folder) / FILE
        file.write_text(training.fleet_json, encoding="utf-8")
        logged = mlflow.pyfunc.log_model(
            name="fleet_model",
            python_model=str(Path(__file__).with_name("registry_model.py")),
            artifacts={"fleet_model": str(file)},
            pip_requirements=[f"open-uda=={__version__}"],
        )
        version = mlflow.register_model(logged.model_uri, settings.model_name, tags=dict(training.tags)).version
    _settle(mlflow.MlflowClient(), settings.model_name, str(version), training.tags["decision"])


def fleet_json(settings: Mlflow, lake: str, version: str) -> str:
    """The fleet model of a registered version."""
    mlflow = _mlflow(settings, lake)
    with tempfile.TemporaryDirectory() as folder:
        address = f"models:/{settings.model_name}/{version}"
        found = mlflow.artifacts.download_artifacts(f"{address}/artifacts/{FILE}", dst_path=folder)
        return Path(found).read_text(encoding="utf-8")


def _settle(client: Any, name: str, version: str, decision: str) -> None:
    """Give the aliases that a decision asks for: once, for later a person moves them."""
    if decision == KEPT:
        client.set_registered_model_alias(name, CHALLENGER, version)
    else:
        client.set_registered_model_alias(name, CHAMPION, version)
        client.delete_registered_model_alias(name, CHALLENGER)  # of an older one, which this one is better than
    client.set_model_version_tag(name, version, SETTLED, "true")


@contextmanager
def training_run(settings: Mlflow, lake: str, name: str, facts: Mapping[str, Any]) -> Iterator[dict[str, float]]:
    """One MLflow run around a training: facts as parameters, what the body puts into the mapping as metrics."""
    mlflow = _mlflow(settings, lake)
    metrics: dict[str, float] = {}
    with mlflow.start_run(run_name=name):
        mlflow.log_params(dict(facts))
        yield metrics
        mlflow.log_metrics(metrics)
