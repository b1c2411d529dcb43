"""The whole line on a small lake: what it finds, and that the tables do not depend on how the input came."""

from __future__ import annotations

import json
import random
from dataclasses import replace
from pathlib import Path

import pytest

from jobs.channel_settings import Jsonl
from jobs.cli import main
from jobs.tables import (
    ANOMALIES,
    BACKUPS,
    DEVICE_MODELS,
    DEVICES,
    FEATURES,
    FILE_CHANGES,
    REJECTS,
    RUNS,
    SCORES,
    TABLES,
)
from tests.conftest import config_in, run_stages, store_of
from tests.rows import assert_same_rows, land, record

DAYS = 62  # of which the half before the last month teaches, in one step
DEVICES_LANDED = ("nas", "laptop", "mail")


def history():
    """Three steady devices. Two lines are no records, and one comes twice."""
    records = [record(number, device=device) for device in DEVICES_LANDED for number in range(DAYS)]
    return [*records, record(3, device="mail"), record(1, device="mail", files_added=-4), "no record"]


def attacked():
    """The next backup of one of them, which deletes half its files."""
    listed = [{"path": f"photos/{number}.jpg", "change": "deleted"} for number in range(520)]
    deleted = {"files_added": 0, "files_updated": 0, "files_deleted": 520, "files_total": 600}
    return [record(DAYS, device="nas", **deleted, file_changes=listed)]


@pytest.fixture(scope="module")
def finished(session_of_tests, tmp_path_factory):
    """A lake that the whole line made in two runs: of the history, and of the attacked backup."""
    folder = tmp_path_factory.mktemp("finished")
    config = config_in(folder)
    channels = {"file": Jsonl("file", str(folder / "alerts.jsonl"), about=("episodes",))}
    # The moment of the tests lies long after the last backup.
    config = replace(config, channels=channels, alerts=replace(config.alerts, max_age_days=400))
    land(config, "all.jsonl", history())
    run_stages(session_of_tests, config)
    assert told(config) == []
    land(config, "attacked.jsonl", attacked())
    run_stages(session_of_tests, config)
    return config


def told(config):
    """What the channel got: of which backup, and which event."""
    file = Path(config.channels["file"].path)
    findings = [json.loads(line) for line in file.read_text(encoding="utf-8").splitlines()] if file.exists() else []
    return [(found["evidences"][0]["data"]["backup_id"], found["activity_name"]) for found in findings]


def test_the_attacked_backup_is_the_one_anomaly_and_says_what_to_restore(spark, finished):
    (anomaly,) = store_of(spark, finished).read(ANOMALIES).collect()
    assert (anomaly["device_id"], anomaly["backup_id"], anomaly["anomaly_kind"]) == ("nas", f"nas-{DAYS}", "delete")
    assert anomaly["last_good_backup_id"] == f"nas-{DAYS - 1}"
    assert anomaly["reason"].startswith("520 files deleted")
    assert anomaly["status"] == "open"
    assert (anomaly["top_directories"], anomaly["extensions"]) == (["520 of 520 in photos"], ["520 deleted: .jpg"])


def test_every_backup_is_scored_once_from_the_first_judged_day_on(spark, finished):
    store = store_of(spark, finished)
    scores = store.read(SCORES).collect()
    first_judged = DAYS - 1 - 30  # `first_days` before the newest one of the first run
    judged = [f"{device}-{number}" for device in DEVICES_LANDED for number in range(first_judged, DAYS)]
    assert sorted(row["backup_id"] for row in scores) == sorted([*judged, f"nas-{DAYS}"])
    assert {row["model_version"].partition("-")[0] for row in scores} == {"1"}


def test_each_run_accounts_for_every_landed_record(spark, finished):
    runs = store_of(spark, finished).read(RUNS).where("stage = 'ingest' AND event = 'ended'").orderBy("at").collect()
    counts = runs[0]["counts"]
    assert counts["landed"] == len(history())
    assert counts["landed"] == counts["backups"] + counts["rejects"] + counts["duplicates"]
    assert (counts["rejects"], counts["duplicates"]) == (2, 1)


def test_the_page_shows_the_anomaly_and_needs_nothing_from_outside(finished):
    page = Path(finished.lake, "_report", "index.html").read_text(encoding="utf-8")
    assert f"nas-{DAYS}" in page
    assert "<svg" in page
    assert "http://" not in page.replace("http://www.w3.org/2000/svg", "")
    assert "https://" not in page


def test_a_second_run_changes_no_table(spark, finished, run_line):
    store = store_of(spark, finished)
    tables = [table for table in TABLES if table is not RUNS]
    before = {table.name: store.version(table) for table in tables}
    run_line(finished)
    assert {table.name: store.version(table) for table in tables} == before
    assert told(finished) == [(f"nas-{DAYS}", "Create")]


def test_another_order_over_two_runs_with_late_backups_gives_the_same_tables(spark, finished, config, run_line):
    lines = history() + attacked()
    random.Random(11).shuffle(lines)
    for part, name in ((lines[::2], "second-half-first.jsonl"), (lines[1::2], "rest.jsonl")):
        land(config, name, part)
        run_line(config, "ingest", "features")
    ours, theirs = store_of(spark, config), store_of(spark, finished)
    for table in (BACKUPS, FILE_CHANGES, FEATURES):
        assert_same_rows(ours.read(table), theirs.read(table), leave_out=("source", "position", "run_id"))
    reasons = [sorted(row["reason"] for row in store.read(REJECTS).collect()) for store in (ours, theirs)]
    assert reasons[0] == reasons[1]


def test_the_next_day_is_judged_by_a_model_that_has_learned_the_days_before(spark, finished, run_line):
    """Day by day: each backup is learned only after it was judged, and what alerted is not learned yet."""
    land(finished, "next.jsonl", [record(DAYS + 1, files_total=563)])
    run_line(finished)
    store = store_of(spark, finished)
    scored = store.read(SCORES).where("device_id = 'nas' AND day > '2025-03-02'").collect()
    assert {row["backup_id"]: row["model_version"] for row in scored} == {
        "nas-61": "1-20250201",
        "nas-62": "1-20250304",
        "nas-63": "1-20250305",
    }
    # 62 backups, less the first, which stands beside nothing; the one that alerted is left out.
    assert taught(store) == {"1-20250201": 30, "1-20250304": 61, "1-20250305": 61}
    (device,) = store.read(DEVICES).where("device_id = 'nas'").collect()
    assert (device["last_backup_id"], device["last_good_backup_id"]) == ("nas-63", "nas-63")
    (anomaly,) = store.read(ANOMALIES).collect()
    assert (anomaly["backup_id"], anomaly["status"], anomaly["last_good_backup_id"]) == ("nas-62", "resolved", "nas-61")
    assert told(finished) == [("nas-62", "Create"), ("nas-62", "Close")]

    # A verdict alone counts in the tables with the next run, and is learned before the next backup is judged.
    give(finished, anomaly, "false_positive")
    run_line(finished, "ingest", "score")
    (anomaly,) = store.read(ANOMALIES).collect()
    assert (anomaly["status"], anomaly["verdict_note"]) == ("false_positive", "an import")
    land(finished, "later.jsonl", [record(DAYS + 2, files_total=566)])
    run_line(finished, "ingest", "features", "train")
    assert taught(store)["1-20250306"] == 63


def taught(store):
    """How many backups each version learned of the device that was attacked."""
    models = store.read(DEVICE_MODELS).where("device_id = 'nas'").collect()
    return {row["model_version"]: row["backups"] for row in models}


def give(config, anomaly, verdict):
    """As a person does at a terminal."""
    said = [anomaly["anomaly_id"][:6], verdict, "--note", "an import", "--moment", "2025-03-05T08:00:00Z"]
    assert main(["feedback", *said, "--lake", config.lake, "--landing", config.landing]) == 0


def test_a_failed_stage_says_so_in_runs_and_stops(spark, config, run_line):
    land(config, "a.jsonl", [record(0)])
    run_line(config, "ingest")

    store = store_of(spark, config)
    store.spark.sql(f"ALTER TABLE delta.`{config.lake}/backups` ADD COLUMNS (colour string)")
    with pytest.raises(Exception, match="column colour is not declared"):
        run_line(config, "features")
    events = {(row["stage"], row["event"]): row["error"] for row in store.read(RUNS).collect()}
    assert "column colour is not declared" in events["features", "failed"]
