"""Facts about the line itself, from rows of its tables alone."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import datetime, timedelta

from jobs.alerts.conditions import Fact
from jobs.alerts.events import Row
from jobs.report.words import when_in_words
from jobs.silent import is_silent, silent_from
from jobs.words import count_in_words

REJECTS_WITHIN = timedelta(hours=26)  # a day, and by what the starts of daily runs differ
# Rejects of which one is enough: a wrong clock costs every backup of its device until it is mended.
ONE_IS_ENOUGH = ("bad_time", "foreign_tenant")


def failed_stages(runs: Iterable[Row]) -> list[Fact]:
    """A fact for each stage that failed when it ran last."""
    newest: dict[str, Row] = {}
    for row in sorted(runs, key=lambda row: row["at"]):
        if row["event"] in ("ended", "failed"):
            newest[row["stage"]] = row
    return [
        Fact(
            "stage_failed",
            f"{stage} failed on {when_in_words(row['at'])}, run {row['run_id']}: {row['error']}",
            subject=stage,
        )
        for stage, row in newest.items()
        if row["event"] == "failed"
    ]


def no_run(runs: Iterable[Row], moment: datetime, hours: int) -> list[Fact]:
    """A fact if no run has come to its end for so many hours before the moment."""
    ended = [row["moment"] for row in runs if row["stage"] == "report" and row["event"] == "ended"]
    if ended and moment - max(ended) <= timedelta(hours=hours):
        return []
    last = f"the last one was on {when_in_words(max(ended))}" if ended else "there was none yet"
    return [Fact("no_run", f"no run has come to its end for more than {hours} hours; {last}")]


def dumps_missing(runs: Iterable[Row]) -> list[Fact]:
    """A fact if notices waited for their dumps in the last two runs of ingest: one may come between notice and dump."""
    ended = [row for row in runs if row["stage"] == "ingest" and row["event"] == "ended"]
    last = sorted(ended, key=lambda row: row["at"])[-2:]
    waiting = [dict(row["counts"]).get("waiting", 0) for row in last]
    if len(waiting) < 2 or not all(waiting):
        return []
    many = f"{count_in_words(waiting[-1])} notices wait" if waiting[-1] > 1 else "1 notice waits"
    return [Fact("dumps_missing", f"{many} for dumps that are not there, in the second run or more")]


def silent(devices: Iterable[Row], moment: datetime) -> list[Fact]:
    """A fact for each device that is silent at a moment."""
    facts = []
    for row in devices:
        if is_silent(row, moment):
            gap = f"usually every {count_in_words(row['usual_gap_hours'])} h"
            text = f"{row['device_id']} (last backup {when_in_words(row['last_backup_at'])}, {gap})"
            since = silent_from(row["last_backup_at"], row["usual_gap_hours"])
            facts.append(Fact("silent", text, row["tenant_id"], since=since))
    return facts


def emptied(empty: Iterable[Row], devices: Iterable[Row], moments: Mapping[str, datetime]) -> list[Fact]:
    """A fact for each device whose newest backup is empty and that has an empty one after one that was not.

    Parameters
    ----------
    empty : iterable of dict
        Rows of `features` with no file or no byte after the backup.
    moments : mapping
        Of runs by run_id: an empty backup counts from the run that read it.
    """
    newest = {_device(row): row["last_backup_id"] for row in devices}
    by_device: dict[tuple[str, ...], list[Row]] = {}
    for row in sorted(empty, key=lambda row: row["ended_at"]):
        if row["status"] == "complete" and not row["is_redelivery"]:
            by_device.setdefault(_device(row), []).append(row)
    facts = []
    for device, rows in by_device.items():
        became = [row for row in rows if was_not_empty(row)]
        if became and newest.get(device) == rows[-1]["backup_id"]:
            row = became[-1]
            text = f"{row['device_id']} ({row['backup_id']} of {when_in_words(row['ended_at'])})"
            facts.append(Fact("emptied", text, row["tenant_id"], since=moments.get(row["run_id"], row["ended_at"])))
    return facts


def was_not_empty(row: Row) -> bool:
    """Whether what is empty now was not before; a figure before is 1 at least, so 1 may stand for 0."""
    pairs = (("files_total", "files_before"), ("bytes_total", "bytes_before"))
    return any(row[after] == 0 and (row[before] or 0) > 1 for after, before in pairs)


def refused(rejects: Iterable[Row], least: int) -> list[Fact]:
    """A fact for each reason and tenant with so many rejects, or one where that is enough; duplicates aside."""
    by_group: dict[tuple[str | None, str], list[Row]] = {}
    for row in rejects:
        if row["reason"] != "duplicate":
            by_group.setdefault((row["tenant_id"], row["reason"]), []).append(row)
    facts = []
    for (tenant_id, reason), rows in by_group.items():
        if len(rows) >= (1 if reason in ONE_IS_ENOUGH else least):
            first = min(rows, key=lambda row: (row["source"], row["position"]))
            many = f"{count_in_words(len(rows))} records" if len(rows) > 1 else "1 record"
            text = f"{many} refused as {reason}, for example {first['source']} {first['position']}: {first['detail']}"
            facts.append(Fact("rejects", text, tenant_id, reason))
    return facts


def _device(row: Row) -> tuple[str, ...]:
    return row["tenant_id"], row["product"], row["device_id"]
