"""An episode from its start to its end, told by the report: once, in order, whatever is down or killed meanwhile."""

from __future__ import annotations

import json
import socket
from dataclasses import dataclass, replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from deltalake.exceptions import DeltaError

from jobs.channel_settings import Jsonl, Webhook
from jobs.episodes import timeline
from jobs.errors import SchemaError
from jobs.report.job import report
from jobs.report.reading import rows_of
from jobs.score.anomalies import anomalies_of
from jobs.stages import run_stage
from jobs.store import Store
from jobs.tables import ALERTS, ANOMALIES, DEVICES, FEATURES, REJECTS, RUNS, SCORES
from tests.conftest import MOMENT, store_of
from tests.fast.alerts.servers import http_server
from tests.rows import frame_of, moment
from tests.rows import rows_of as rows_of_table

AGING = (2, 2)


class KilledError(Exception):
    """The process is gone."""


@dataclass(frozen=True)
class KilledAfterSending(Store):
    """A lake of a run that is killed before it has written down what it delivered."""

    def upsert_few(self, rows: Any, table: Any) -> None:
        if any(row["attempts"] for row in rows):
            raise KilledError
        super().upsert_few(rows, table)


def score_day(store, *kinds):
    """What score makes of a device that was usual, then of so many backups judged: each a kind, or None for usual."""
    judged = [None, *kinds]
    features = frame_of(store.spark, FEATURES, *({"at": at} for at, _ in enumerate(judged)))
    told = [{"at": at, "anomaly_score": 1.5 if kind else -1.0, "anomaly_kind": kind} for at, kind in enumerate(judged)]
    scores = frame_of(store.spark, SCORES, *told)
    store.upsert(anomalies_of(timeline(features, scores, None, *AGING), scores), ANOMALIES)


def run(spark, config, day):
    return store_of(spark, config, moment(day))


def outbox(store):
    """By channel each event with what became of it, in order."""
    rows = sorted(rows_of(store.lake, ALERTS), key=lambda row: (row["channel"], row["owed_at"], row["event"]))
    return [(row["channel"], row["event"], row["status"], row["attempts"]) for row in rows]


def lines(file):
    return [json.loads(line) for line in Path(file).read_text().splitlines()]


def test_an_episode_is_told_once_from_start_to_end_though_a_channel_is_down_and_a_run_is_killed(
    spark, config, tmp_path, monkeypatch, caplog
):
    monkeypatch.setenv("no_proxy", "127.0.0.1")
    with socket.create_server(("127.0.0.1", 0)) as taken:  # nobody listens there once it is closed
        url = f"http://127.0.0.1:{taken.getsockname()[1]}/"
    file, siem = Jsonl("file", str(tmp_path / "alerts.jsonl")), Webhook("siem", url)

    # Before there is a channel nothing is owed.
    first = run(spark, config, 1)
    score_day(first, "add")
    assert report(first, config) == {"listed": 1}
    assert outbox(first) == []

    # The first alert; killed after the message went out and before that was written down.
    config = replace(config, channels={"siem": siem, "file": file})
    with pytest.raises(KilledError):
        report(KilledAfterSending(spark, first.lake, first.run), config)
    assert outbox(first) == [("file", "started", "owed", 0), ("siem", "started", "owed", 0)]
    assert len(lines(file.path)) == 1

    # Run again it is sent again, with the same id; the channel that is down fails no run and no other channel.
    assert report(first, config) == {"listed": 1, "owed": 0, "delivered": 1, "undelivered": 1}
    once, again = (line["metadata"]["uid"] for line in lines(file.path))
    assert once == again
    expected = [("file", "started", "delivered", 1), ("siem", "started", "owed", 1)]
    assert outbox(first) == expected
    (waits,) = (row for row in rows_of(first.lake, ALERTS) if row["channel"] == "siem")
    assert "refused" in waits["last_error"]
    assert "not delivered" in caplog.text

    # What was delivered is never owed again, and what waits is not tried before its time.
    version = first.version(ALERTS)
    assert report(first, config) == {"listed": 1, "owed": 0, "delivered": 0, "undelivered": 0}
    assert (first.version(ALERTS), len(lines(file.path))) == (version, 2)

    # The next day it has grown, and the device is usual again after that; the other channel is back.
    second = run(spark, config, 2)
    score_day(second, "add", "delete", None)
    with http_server(200) as server:
        back = replace(config, channels={"siem": Webhook("siem", server.url), "file": file})
        assert report(second, back) == {"listed": 2, "owed": 4, "delivered": 5, "undelivered": 0}
        assert report(second, back) == {"listed": 2, "owed": 0, "delivered": 0, "undelivered": 0}
    posted = [json.loads(body) for _, _, body in server.got]
    assert [finding["activity_name"] for finding in posted] == ["Create", "Update", "Close"]
    assert [line["metadata"]["uid"] for line in lines(file.path)] == [once, *(f["metadata"]["uid"] for f in posted)]
    assert [headers["Idempotency-Key"] for _, headers, _ in server.got] == [f["metadata"]["uid"] for f in posted]
    assert {status for _, _, status, _ in outbox(second)} == {"delivered"}
    (start,) = (row for row in rows_of(second.lake, ALERTS) if row["channel"] == "siem" and row["event"] == "started")
    assert (start["attempts"], start["last_error"], start["next_attempt_at"]) == (2, None, None)


def test_what_is_wrong_with_the_line_itself_is_told_when_it_begins_and_when_it_is_over(
    spark, config, tmp_path, run_line, caplog
):
    file = Jsonl("file", str(tmp_path / "alerts.jsonl"))
    config = replace(config, channels={"file": file})

    def told():
        said = [line["message"] for line in lines(file.path)] if Path(file.path).exists() else []
        Path(file.path).unlink(missing_ok=True)
        return sorted(said)

    # A stage that fails is told at once: no report will come. If that fails as well, the first failure counts.
    in_the_way = [Path(config.lake) / name / "notes.txt" for name in ("alerts", "anomalies")]
    for there in in_the_way:
        there.parent.mkdir(parents=True)
        there.touch()
    with pytest.raises(SchemaError, match="anomalies holds files"):
        run_line(config, "report")
    assert ("not told" in caplog.text, told()) == (True, [])
    in_the_way[0].unlink()
    for _ in range(2):
        with pytest.raises(SchemaError):
            run_line(config, "report")
    assert told() == ["Stage failed: report"]
    in_the_way[1].unlink()

    # The report tells of what the tables say.
    store = store_of(spark, config, MOMENT)
    append(store, RUNS, {"run_id": "r", "stage": "ingest", "event": "ended", "at": MOMENT, "moment": MOMENT})
    gone = {"usual_gap_hours": 24.0, "last_backup_at": MOMENT - timedelta(days=5), "first_backup_at": moment(0)}
    emptied = gone | {"last_backup_at": MOMENT, "last_backup_id": "backup 0"}
    append(store, DEVICES, gone | {"device_id": "gone"}, gone | {"device_id": "away"}, emptied)
    now = {"ended_at": MOMENT, "run_id": "r", "files_total": 0, "files_before": 900}
    store.upsert(frame_of(spark, FEATURES, now, now | {"device_id": "other", "files_total": 5}), FEATURES)
    clock = {"run_id": "r", "reason": "bad_time", "tenant_id": None}
    append(store, REJECTS, clock, *({"run_id": "r", "reason": "duplicate", "position": n} for n in range(20)))
    assert report(store, config)["delivered"] == 3
    assert report(store, config)["owed"] == 0
    assert told() == ["Backups that became empty", "Devices without a backup", "Records refused: bad_time"]

    # Over a day later, but for one device; the report that had failed comes to its end after it has told.
    later = store_of(spark, config, MOMENT + timedelta(days=2))
    back = emptied | {"last_backup_id": "backup 9"}
    later.upsert(frame_of(spark, DEVICES, back, back | {"device_id": "gone"}), DEVICES)
    run_stage("report", later, config)
    assert report(later, config)["delivered"] == 1
    assert told() == [
        "Over: Backups that became empty",
        "Over: Records refused: bad_time",
        "Over: Stage failed: report",
    ]


def row_of(table, said):
    """One row of a table as a mapping."""
    return dict(zip(table.names, rows_of_table(table, said)[0], strict=True))


def append(store, table, *rows):
    store.append([row_of(table, row) for row in rows], table)


def test_a_few_rows_written_without_spark_are_checked_as_others_are(store):
    row = dict.fromkeys(ALERTS.names, "x") | {"event": "started", "status": "owed", "attempts": 0, "owed_at": MOMENT}
    nothing = ("next_attempt_at", "delivered_at", "fleet_episode_id", "condition", "subject", "detail")
    row |= dict.fromkeys(nothing) | {"about": "episode"}
    store.upsert_few([row], ALERTS)
    wrongs = ({"status": "lost"}, {"status": "delivered"}, {"alert_id": "y", "event": "ended"}, {"owed_at": None})
    wrongs += ({"about": "nothing"}, {"status": "covered"}, {"fleet_episode_id": "z"}, {"about": "operation"})
    for wrong in (*wrongs, {"anomaly_id": None}, {"condition": "no_run"}):
        with pytest.raises(DeltaError):
            store.upsert_few([row | wrong], ALERTS)
    store.upsert_few([row | {"attempts": 1}, row | {"alert_id": "y"}], ALERTS)
    assert sorted(found.alert_id + str(found.attempts) for found in store.read(ALERTS).collect()) == ["x1", "y0"]
