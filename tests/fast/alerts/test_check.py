"""`uda alerts check`: told even when no run comes to its end, and what is owed goes out between runs; without Spark."""

import json
from datetime import timedelta
from threading import Thread

import pytest

from jobs.cli import main
from jobs.few_rows import upsert_rows
from jobs.report.reading import rows_of
from jobs.tables import ALERTS, ANOMALIES, DEVICES, RUNS
from tests.fast.alerts.samples import MOMENT, row, started
from tests.fast.docs.lake import write_table
from tests.fast.report.samples import anomaly

HOUR = timedelta(hours=1)


@pytest.fixture(autouse=True)
def elsewhere(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("UDA_CONFIG", raising=False)
    (tmp_path / "uda.toml").write_text(f'[channels.log]\nkind = "jsonl"\npath = "{tmp_path}/alerts.jsonl"\n')
    return tmp_path


def ran(folder, *stages, moment=MOMENT):
    """The tables after runs with these stages: each its word, event and age."""
    rows = [
        {"run_id": "r", "stage": stage, "event": event, "at": moment - ago, "moment": moment - ago, "error": "cut"}
        for stage, event, ago in stages
    ]
    write_table(folder / "lake", RUNS, rows)


def check(at=MOMENT):
    return main(["alerts", "--lake", "lake", "check", "--config", "uda.toml", "--moment", at.isoformat()])


def titles(folder):
    file = folder / "alerts.jsonl"
    return [json.loads(line)["message"] for line in file.read_text().splitlines()] if file.exists() else []


def test_without_a_run_for_too_long_that_is_told_once_and_its_end_once(elsewhere, capsys):
    for table in (ALERTS, ANOMALIES, DEVICES):
        write_table(elsewhere / "lake", table, [])
    ran(elsewhere, ("report", "ended", 30 * HOUR))
    assert [check(), check(MOMENT + HOUR)] == [0, 0]
    assert titles(elsewhere) == ["No run"]
    first, messages, *_ = capsys.readouterr().out.splitlines()
    assert first.startswith("no run has come to its end for more than 26 hours; the last one was on")
    assert messages == "messages: 1 owed, 1 delivered, 0 undelivered"

    ran_again = elsewhere / "later"
    ran(ran_again, ("report", "ended", HOUR), ("score", "failed", 0 * HOUR))
    (elsewhere / "lake" / "runs").rename(elsewhere / "before")
    (ran_again / "lake" / "runs").rename(elsewhere / "lake" / "runs")
    assert check(MOMENT + 2 * HOUR) == 0
    assert sorted(titles(elsewhere)) == ["No run", "Over: No run", "Stage failed: score"]
    assert "score failed on" in capsys.readouterr().out


def test_it_sends_what_is_owed_of_episodes_between_two_runs(elsewhere, capsys):
    ran(elsewhere, ("report", "ended", HOUR))
    write_table(elsewhere / "lake", ANOMALIES, [anomaly(0), anomaly(1, device_id="nas")])
    write_table(elsewhere / "lake", DEVICES, [])
    waits = {"attempts": 1, "next_attempt_at": MOMENT + HOUR, "last_error": "no space left"}
    write_table(elsewhere / "lake", ALERTS, [row(started(anomaly_id=f"{0:016x}"), "log", **waits)])
    assert check() == 0
    assert titles(elsewhere) == ["Mass deletion on nas"]
    assert check(MOMENT + HOUR) == 0
    assert titles(elsewhere) == ["Mass deletion on nas", "Mass deletion on photo-archive"]
    assert {found["status"] for found in rows_of("lake", ALERTS)} == {"delivered"}
    assert "runs come to their end" in capsys.readouterr().out


def test_a_lake_without_a_run_says_what_to_do(elsewhere, capsys):
    assert check() == 1
    assert "run `uda run" in capsys.readouterr().err


def test_two_programs_that_write_messages_at_once_both_write_them(elsewhere):
    """A check while a run reports."""
    write_table(elsewhere / "lake", ALERTS, [])
    rows = [row(started(anomaly_id=f"{n:016x}", episode_id=f"{n:016x}")) for n in range(8)]
    writers = [
        Thread(target=lambda own=own: [upsert_rows("lake", [found], ALERTS) for found in own])
        for own in (rows[:4], rows[4:])
    ]
    for writer in writers:
        writer.start()
    for writer in writers:
        writer.join()
    assert {found["alert_id"] for found in rows_of("lake", ALERTS)} == {found["alert_id"] for found in rows}
