"""Report: the page of what is unusual, kept in the lake as `_report/index.html`, and messages to who asked for them."""

from __future__ import annotations

import os
import sys
from collections import Counter
from collections.abc import Mapping
from datetime import datetime, timedelta
from functools import partial
from typing import Any

from jobs.alerts.lake_facts import of_a_run
from jobs.alerts.outbox import tell
from jobs.config import Config
from jobs.files import write_text
from jobs.report.figures import READ
from jobs.report.page import page
from jobs.report.precision import judged_alerts
from jobs.report.reading import rows_of
from jobs.silent import is_silent
from jobs.store import Store
from jobs.tables import ALERTS, ANOMALIES, DEVICE, DEVICES, FEATURES, REJECTS, RUNS

FILE = "_report/index.html"
MOST_ANOMALIES = 1_000  # a page that a browser still opens; the table holds all
CHART_DAYS = 400  # how far back a chart may look for its backups
DEVICE_NAMES = [column.name for column in DEVICE]
Row = dict[str, Any]
Device = tuple[str, ...]  # tenant_id, product, device_id


def report(store: Store, config: Config) -> dict[str, int]:
    """Write the page anew and tell what there is; return how many anomalies it lists, and what became of messages.

    Read without Spark, as people read: a page of a few hundred rows is there before Spark has made its plan.
    """
    for table in (ANOMALIES, DEVICES, FEATURES):
        store.make_if_missing(table)
    anomalies = rows_of(store.lake, ANOMALIES)
    listed = anomalies[:MOST_ANOMALIES]
    facts = {
        "lake": store.lake,
        "moment": store.run.moment,
        "code_version": store.run.code_version,
        "budget": config.score.budget,
        "model_version": anomalies[0]["model_version"] if anomalies else None,
        "anomalies": len(anomalies),
        "judged": judged_alerts(anomalies),
    }
    devices = rows_of(store.lake, DEVICES)
    histories = _histories(store.lake, listed, {_device(row): row["renamed_to"] or row["device_id"] for row in devices})
    text = page(listed, histories, _coverage(devices, store.run.moment), facts)
    write_text(store.spark, f"{store.lake}/{FILE}", text)
    return {"listed": len(listed), **_tell(store, config, anomalies)}


def _tell(store: Store, config: Config, anomalies: list[Row]) -> dict[str, int]:
    store.make_if_missing(ALERTS)
    if not config.channels:
        return {}
    for table in (REJECTS, RUNS):
        store.make_if_missing(table)
    held = rows_of(store.lake, ALERTS)
    facts = of_a_run(store.lake, config, store.run.moment, held)
    # Secrets are named in the configuration and stay in the environment of the process until they are needed.
    return tell(config, store.run.moment, held, anomalies, facts, partial(store.upsert_few, table=ALERTS), os.environ)


def _histories(lake: str, listed: list[Row], current: Mapping[Device, str]) -> dict[Device, list[Row]]:
    """Of each device that is listed, its rows of `features` in time order, as much of them as charts show.

    Under all the names that it had; `current` says what each device is called now.
    """

    def now(device: Device) -> Device:
        return (*device[:-1], current.get(device, device[-1]))

    own: dict[Device, list[Row]] = {now(_device(row)): [] for row in listed}
    if own:
        since = min(row["day"] for row in listed) - timedelta(days=CHART_DAYS)
        names = sorted({device[-1] for device in (*own, *current) if now(device) in own})
        columns = [*DEVICE_NAMES, "backup_id", "ended_at", *READ]
        filters = [("day", ">=", since), ("device_id", "in", names)]
        for row in reversed(rows_of(lake, FEATURES, columns, filters)):
            if now(_device(row)) in own:
                own[now(_device(row))].append(row)
    return {_device(row): own[now(_device(row))] for row in listed}


def _device(row: Row) -> Device:
    return tuple(row[name] for name in DEVICE_NAMES)


def _coverage(devices: list[Row], moment: datetime) -> dict[str, Any]:
    rows = [row for row in devices if row["renamed_to"] is None]  # else another name of a device
    reasons = Counter(row["not_judged"] for row in rows)
    judged = reasons.pop(None, 0)
    silent = sum(is_silent(row, moment) for row in rows)
    return {"devices": len(rows), "judged": judged, "not_judged": dict(reasons), "silent": silent}


if __name__ == "__main__":
    from jobs.cli import main

    sys.exit(main(["report", *sys.argv[1:]]))
