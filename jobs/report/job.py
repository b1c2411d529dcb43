"""Report: the page of what is unusual, kept in the lake as `_report/index.html`."""

from __future__ import annotations

import sys
from datetime import timedelta
from typing import Any

from pyspark.sql import DataFrame
from pyspark.sql import functions as F

from jobs.config import Config
from jobs.files import write_text
from jobs.report.page import page
from jobs.store import Store
from jobs.tables import ANOMALIES, DEVICE, DEVICES, FEATURES, SCORES

FILE = "_report/index.html"
MOST_ANOMALIES = 1_000  # a page that a browser still opens; the table holds all
CHART_DAYS = 400  # how far back a chart may look for its backups
Row = dict[str, Any]
DEVICE_NAMES = [column.name for column in DEVICE]


def report(store: Store, config: Config) -> dict[str, int]:
    """Write the page anew; return how many anomalies it lists."""
    anomalies = store.read(ANOMALIES)
    listed = _rows(anomalies.orderBy(F.desc("ended_at"), "anomaly_id").limit(MOST_ANOMALIES))
    held = len(listed) if len(listed) < MOST_ANOMALIES else anomalies.count()
    facts = {
        "lake": store.lake,
        "moment": store.run.moment,
        "code_version": store.run.code_version,
        "budget": config.score.budget,
        "model_version": _newest_version(store),
        "anomalies": held,
    }
    write_text(store.spark, f"{store.lake}/{FILE}", page(listed, _histories(store, listed), _devices(store), facts))
    return {"listed": len(listed)}


def _histories(store: Store, listed: list[Row]) -> dict[tuple[str, ...], list[Row]]:
    """Of each device that is listed, its rows of `features` in time order."""
    if not listed:
        return {}
    devices = sorted({tuple(row[name] for name in DEVICE_NAMES) for row in listed})
    wanted = store.spark.createDataFrame(devices, ", ".join(f"{name} string" for name in DEVICE_NAMES))
    since = min(row["day"] for row in listed) - timedelta(days=CHART_DAYS)
    own = store.read(FEATURES, since=since).join(F.broadcast(wanted), on=DEVICE_NAMES, how="left_semi")
    histories: dict[tuple[str, ...], list[Row]] = {}
    for row in _rows(own.orderBy("ended_at")):
        histories.setdefault(tuple(row[name] for name in DEVICE_NAMES), []).append(row)
    return histories


def _devices(store: Store) -> dict[str, Any]:
    counts = {row["not_judged"]: row["count"] for row in store.read(DEVICES).groupBy("not_judged").count().collect()}
    not_judged = {reason: count for reason, count in counts.items() if reason}
    return {"devices": sum(counts.values()), "judged": counts.get(None, 0), "not_judged": not_judged}


def _newest_version(store: Store) -> str | None:
    newest_day = store.newest_day(SCORES)
    scores = store.read(SCORES, since=newest_day) if newest_day else store.read(SCORES)
    found = scores.agg(F.max_by("model_version", "ended_at").alias("version")).first()
    return found["version"] if found else None


def _rows(frame: DataFrame) -> list[Row]:
    """Rows as dicts with aware moments, which `collect` would turn into naive local ones."""
    rows: list[Row] = frame.toArrow().to_pylist(maps_as_pydicts="strict")
    return rows


if __name__ == "__main__":
    from jobs.cli import main

    sys.exit(main(["report", *sys.argv[1:]]))
