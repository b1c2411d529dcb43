"""The line: its stages in order, and one way to run each, with its start and end in `runs`."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial

from jobs import log
from jobs.alerts.lake_facts import after_a_failure
from jobs.alerts.outbox import tell
from jobs.champion import working_version
from jobs.config import Config
from jobs.features.job import features
from jobs.ingest.job import ingest
from jobs.report.job import report
from jobs.report.reading import rows_of
from jobs.run import clock
from jobs.score.job import score
from jobs.store import Store
from jobs.tables import (
    ALERTS,
    ANOMALIES,
    BACKUPS,
    DEVICE_MODELS,
    DEVICE_NOTES,
    DEVICES,
    FEATURES,
    FEEDBACK,
    FILE_CHANGES,
    LANDED,
    REJECTS,
    RUNS,
    SCORES,
    Table,
)
from jobs.train.job import train
from jobs.versions import newest


@dataclass(frozen=True)
class Stage:
    """One stage: what runs, and the tables that it reads."""

    run: Callable[[Store, Config], Mapping[str, int]]
    reads: tuple[Table, ...]
    writes: tuple[Table, ...]


STAGES = {
    "ingest": Stage(ingest, (), (LANDED, BACKUPS, REJECTS, FILE_CHANGES, FEEDBACK, DEVICE_NOTES)),
    "features": Stage(features, (BACKUPS, DEVICE_NOTES), (FEATURES,)),
    "train": Stage(train, (BACKUPS, FEATURES, SCORES, ANOMALIES, FEEDBACK, DEVICE_NOTES), (DEVICE_MODELS,)),
    "score": Stage(
        score, (FILE_CHANGES, FEATURES, DEVICE_MODELS, FEEDBACK, DEVICE_NOTES), (SCORES, ANOMALIES, DEVICES)
    ),
    "report": Stage(report, (ANOMALIES, FEATURES, DEVICES, REJECTS, ALERTS), (ALERTS,)),
}


def run_stage(name: str, store: Store, config: Config) -> None:
    """Run one stage; its start, and its end or failure, become rows of `runs`."""
    stage = STAGES[name]
    began = time.monotonic()
    read = {table.name: store.version(table) for table in stage.reads}
    _record(store, name, "started", {}, read, {}, None)
    log.event("started", stage=name, run=store.run.run_id)
    try:
        counts = stage.run(store, config)
    except Exception as error:  # whatever it was: said in `runs`, then passed on to the command line
        _record(store, name, "failed", {}, read, {}, str(error).partition("\n")[0][:1000])
        _tell_of_failure(store, config)
        raise
    written = {table.name: store.version(table) for table in stage.writes}
    _record(store, name, "ended", counts, read, written, None)
    log.event("ended", stage=name, seconds=round(time.monotonic() - began, 1), **counts)


def _tell_of_failure(store: Store, config: Config) -> None:
    """At once, for the line stops here: no report will tell of it."""
    if not config.channels:
        return
    try:
        store.make_if_missing(ALERTS)
        held, facts = rows_of(store.lake, ALERTS), after_a_failure(store.lake)
        tell(config, store.run.moment, held, (), facts, partial(store.upsert_few, table=ALERTS), os.environ)
    except Exception as error:  # what failed first is what the command line has to say
        log.warn("not told", error=str(error).partition("\n")[0], todo="uda alerts check")


def _record(
    store: Store,
    stage: str,
    event: str,
    counts: Mapping[str, int],
    read: Mapping[str, int],
    written: Mapping[str, int],
    error: str | None,
) -> None:
    versions = store.slices(DEVICE_MODELS) if event == "ended" and stage in ("train", "score") else []
    fleet_version = working_version(store) if versions else None
    row = {
        "run_id": store.run.run_id,
        "stage": stage,
        "event": event,
        "at": clock(),
        "moment": store.run.moment,
        "counts": dict(counts),
        "versions_read": dict(read),
        "versions_written": dict(written),
        "model_version": newest(versions, fleet_version) if fleet_version else None,
        "code_version": store.run.code_version,
        "error": error,
    }
    store.append([row], RUNS)
