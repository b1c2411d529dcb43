"""Devices that are renamed, retired and kept quiet: what follows in the tables, whenever it is said."""

from __future__ import annotations

import shutil
from dataclasses import replace
from types import SimpleNamespace

import pytest

from jobs.config import load_config
from jobs.features.job import features
from jobs.ingest.job import ingest
from jobs.score.job import score
from jobs.tables import (
    ANOMALIES,
    BACKUPS,
    DEVICE_MODELS,
    DEVICE_NOTES,
    DEVICES,
    FEATURES,
    FEEDBACK,
    REJECTS,
    SCORES,
)
from tests.conftest import store_of
from tests.rows import assert_same_rows, frame_of, land, moment, record
from tests.spark.test_score import VERSION, aware, lake_of, model_of, usual

CUT = 60  # the first day under the new name, whose backup is a full one
LEARNED = {"model_version": VERSION, **model_of([usual(at) for at in range(40, 55)])}


def backup(at, device, **said):
    """A backup as `usual` has it, as the tool prints it."""
    figures = {name: value for name, value in usual(at).items() if name.startswith(("files_", "bytes_", "at"))}
    del figures["files_before"], figures["bytes_before"]
    totals = {"files_total": 10_000 + at, "bytes_total": 10**9 + at * 10**5}
    return {"device_id": device, "position": int(at), **figures, **totals, **said}


def full(at, device):
    """The first one under another name: everything is new to the tool."""
    figures = {"files_added": 10_000 + at, "files_updated": 0, "files_deleted": 0}
    return backup(at, device, backup_kind="full", **figures)


def wiped(at, device):
    return backup(at, device, files_deleted=7_000, files_total=3_000)


BEFORE = [backup(at, "old") for at in range(48, CUT)]
NAMED = [backup(CUT + 1, "new"), wiped(CUT + 2, "new"), backup(CUT + 3, "new")]
OTHERS = [backup(at, device) for device in ("gone", "back", "quiet", "over") for at in range(56, 60)]
WINDOW = {"word": "snooze", "snooze_from": moment(59.5), "snooze_until": moment(61.5)}
NOTES = [
    {"device_id": "old", "word": "rename", "new_device_id": "new"},
    *({"device_id": device, "word": "retire"} for device in ("gone", "back")),
    *({"device_id": device, **WINDOW} for device in ("quiet", "over")),
]
RUNS = (
    (BACKUPS, [*BEFORE, full(CUT, "new"), *OTHERS]),
    (DEVICE_NOTES, [{"given_at": moment(60.5), "position": at, **note} for at, note in enumerate(NOTES)]),
    (BACKUPS, [*NAMED, wiped(60, "quiet"), wiped(60, "over"), wiped(62, "over"), backup(63, "back")]),
)


@pytest.fixture(scope="module")
def told(session_of_tests, tmp_path_factory):
    """What three runs made: the devices and anomalies after each, and the lake at the end."""
    lake = str(tmp_path_factory.mktemp("noted"))
    config = replace(load_config(None, {}), lake=lake)
    made = SimpleNamespace(config=config, devices=[], anomalies=[])
    for number, (table, rows) in enumerate(RUNS):
        store = lake_of(session_of_tests, lake, f"run {number}")
        if number == 0:
            learned = [{"device_id": device, **LEARNED} for device in ("old", "quiet")]
            store.insert_new(frame_of(store.spark, DEVICE_MODELS, *learned), DEVICE_MODELS, None)
        store.insert_new(frame_of(store.spark, table, *rows), table, None)
        features(store, config)
        score(store, config)
        made.devices.append({row["device_id"]: aware(row.asDict()) for row in store.read(DEVICES).collect()})
        listed = store.read(ANOMALIES).collect()
        made.anomalies.append({(row["device_id"], row["backup_id"]): aware(row.asDict()) for row in listed})
    made.store = store
    return made


def test_backups_under_a_new_name_are_compared_and_judged_as_those_of_one_device(told, spark, tmp_path):
    """Whole rows, beside a lake in which it was called so from the beginning; no score was given anew."""
    lake, config = str(tmp_path / "one-name"), replace(told.config, lake=str(tmp_path / "one-name"))
    store = lake_of(spark, lake, "one name")
    learned = frame_of(spark, DEVICE_MODELS, {"device_id": "new", **LEARNED})
    store.insert_new(learned, DEVICE_MODELS, None)
    one = [{**row, "device_id": "new"} for row in (*BEFORE, full(CUT, "new"), *NAMED)]
    store.insert_new(frame_of(spark, BACKUPS, *one), BACKUPS, None)
    features(store, config)
    score(store, config)
    for table in (FEATURES, SCORES):
        ours = told.store.read(table).where("device_id IN ('old', 'new')")
        assert_same_rows(ours, store.read(table), leave_out=("device_id", "run_id"))
    rows = {row["backup_id"]: row for row in told.store.read(FEATURES).where("device_id = 'new'").collect()}
    assert (rows["backup 60"]["previous_backup_id"], rows["backup 60"]["not_judged"]) == ("backup 59", None)


def test_rows_keep_the_name_that_they_came_with(told):
    held = {row["backup_id"] for row in told.store.read(SCORES).where("device_id = 'old'").collect()}
    assert "backup 59" in held
    assert "backup 60" not in held
    assert {device for device, _ in told.anomalies[2]} == {"new", "quiet", "over"}


def test_an_attack_on_a_renamed_device_is_restored_from_what_it_was_called_before_or_after(told):
    anomaly = told.anomalies[2]["new", "backup 62"]
    assert (anomaly["last_good_backup_id"], anomaly["last_good_device_id"]) == ("backup 61", None)
    assert told.devices[1]["new"]["last_good_backup_id"] == "backup 60"


def test_a_device_has_one_row_that_goes_on_under_its_new_name_and_one_that_says_so(told):
    before, after = told.devices[0], told.devices[1]
    assert (before["new"]["not_judged"], before["new"]["first_backup_at"]) == ("first", moment(CUT))
    new = after["new"]
    assert (new["not_judged"], new["first_backup_at"], new["last_backup_at"]) == (None, moment(48), moment(CUT))
    assert new["usual_gap_hours"] == 24.0
    old = after["old"]
    assert (old["not_judged"], old["renamed_to"], old["open_episode_id"]) == ("renamed", "new", None)


def test_a_retired_device_says_so_until_a_newer_backup_lands(told):
    found = [[devices[name]["not_judged"] for name in ("gone", "back")] for devices in told.devices]
    assert found == [[None, None], ["retired", "retired"], ["retired", None]]


def test_alerts_of_a_planned_change_are_quiet_until_it_is_over(told):
    found = told.anomalies[2]
    assert (found["quiet", "backup 60"]["status"], found["over", "backup 60"]["status"]) == ("snoozed", "open")
    assert found["quiet", "backup 60"]["snoozed_until"] == moment(61.5)
    assert found["over", "backup 62"]["snoozed_until"] is None
    assert [told.devices[1][name]["snoozed_until"] for name in ("quiet", "gone")] == [moment(61.5), None]


def test_what_was_said_comes_again_after_a_crash_and_changes_no_row(told):
    for reader in ("names", "notes"):
        shutil.rmtree(f"{told.config.lake}/_checkpoints/{reader}")
    assert features(told.store, told.config) == {"features": 0, "corrected": 0}
    assert score(told.store, told.config) == {"scored": 0, "anomalies": 0, "devices": 0}


def test_a_name_is_read_from_the_landing_folder_and_refused_where_it_leads_back(spark, config):
    told = {"device_id": "a", "word": "rename", "new_device_id": "b", "given_at": "2025-03-30T21:00:00Z"}
    back = {**told, "device_id": "b", "new_device_id": "a", "given_at": "2025-03-31T21:00:00Z"}
    land(config, "../devices/1.json", [told, told, back, {**told, "tenant_id": "t", "word": "sell"}])
    land(config, "a.jsonl", [record(1)])
    store = store_of(spark, config)
    counts = ingest(store, config)
    assert counts == {"landed": 5, "backups": 1, "notes": 1, "rejects": 2, "duplicates": 1}
    held = store.read(REJECTS).where("reason <> 'duplicate'").collect()
    found = {row["position"]: (row["reason"], row["field"], row["detail"]) for row in held}
    assert found[3] == (
        "conflicting_record",
        "new_device_id",
        "a was renamed to b before: a device can't go back to a name that it had",
    )
    assert found[4][:2] == ("bad_value", "word")
    assert store.version(FEEDBACK) < 0
