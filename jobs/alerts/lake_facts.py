"""Facts about the line itself, from the tables of a lake, read without Spark."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime, timedelta

from jobs.alerts.conditions import Facts
from jobs.alerts.events import Row
from jobs.alerts.facts import (
    REJECTS_WITHIN,
    dumps_missing,
    emptied,
    failed_stages,
    no_run,
    refused,
    silent,
    was_not_empty,
)
from jobs.config import Config
from jobs.report.reading import rows_of
from jobs.silent import LONG_WEEKEND
from jobs.tables import BACKUP_KEY, DEVICE, DEVICES, FEATURES, REJECTS, RUNS, Column

RUN_COLUMNS = ("run_id", "stage", "event", "at", "moment", "error", "counts")
SILENCE = (
    *("tenant_id", "device_id", "last_backup_at", "usual_gap_hours"),
    *("not_judged", "snoozed_from", "snoozed_until"),
)
EMPTY = (("files_total", "files_before"), ("bytes_total", "bytes_before"))


def after_a_failure(lake: str) -> Facts:
    """What is known when a stage has failed: that it has."""
    return {"stage_failed": failed_stages(rows_of(lake, RUNS, RUN_COLUMNS))}


def between_runs(lake: str, config: Config, moment: datetime) -> Facts:
    """What may change without a run: that there is none."""
    runs = rows_of(lake, RUNS, RUN_COLUMNS)
    return {"stage_failed": failed_stages(runs), "no_run": no_run(runs, moment, config.alerts.no_run_hours)}


def of_a_run(lake: str, config: Config, moment: datetime, held: Iterable[Row]) -> Facts:
    """What a run knows once it has come as far as the report.

    Parameters
    ----------
    held : iterable of dict
        Rows of `alerts`: as long as they tell of empty backups, those are looked for.
    """
    runs = rows_of(lake, RUNS, RUN_COLUMNS)
    moments = {row["run_id"]: row["moment"] for row in runs}
    # Of a million devices only those that may be meant.
    quiet = rows_of(lake, DEVICES, SILENCE, [("last_backup_at", "<=", moment - LONG_WEEKEND)])
    empty = _empty(lake, _since(held, moment, config))
    became = [row["ended_at"] for row in empty if was_not_empty(row)]
    newer = [("last_backup_at", ">=", min(became, default=moment))]
    devices = rows_of(lake, DEVICES, (*_names(DEVICE), "last_backup_id"), newer) if became else []
    recent = [run_id for run_id, at in moments.items() if moment - REJECTS_WITHIN < at <= moment]
    said = ("tenant_id", "reason", "source", "position", "detail")
    wanted = [("run_id", "in", recent), ("reason", "!=", "duplicate")]
    rejects = rows_of(lake, REJECTS, said, wanted) if recent else []
    return {
        "stage_failed": failed_stages(runs),
        "no_run": [],
        "dumps_missing": dumps_missing(runs),
        "silent": silent(quiet, moment),
        "emptied": emptied(empty, devices, moments),
        "rejects": refused(rejects, config.alerts.reject_records),
    }


def _since(held: Iterable[Row], moment: datetime, config: Config) -> datetime:
    over = {row["episode_id"] for row in held if row["event"] == "resolved"}
    open_since = [r["owed_at"] for r in held if r["condition"] == "emptied" and r["episode_id"] not in over]
    first: datetime = min([moment, *open_since])
    return first - timedelta(days=config.alerts.max_age_days + 1)


def _empty(lake: str, since: datetime) -> list[Row]:
    columns = (
        *_names(BACKUP_KEY),
        "ended_at",
        "status",
        "is_redelivery",
        "run_id",
        *(name for pair in EMPTY for name in pair),
    )
    found = {}
    for total, _ in EMPTY:
        for row in rows_of(lake, FEATURES, columns, [("day", ">=", since.date()), (total, "=", 0)]):
            found[tuple(row[name] for name in _names(BACKUP_KEY))] = row
    return list(found.values())


def _names(columns: Iterable[Column]) -> list[str]:
    return [column.name for column in columns]
