"""Runs of tools as they land: several files each, whole or not, early or late."""

from __future__ import annotations

import csv
import json
import os
import shutil
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from io import StringIO
from pathlib import Path

import pytest

from jobs.ingest import job
from jobs.ingest.job import ingest
from jobs.ingest.sealed import Seals
from jobs.read.job import read
from jobs.tables import BACKUPS, FIGURES, FILE_CHANGES, REJECTS
from tests.conftest import MOMENT, store_of

SAMPLES = Path(__file__).resolve().parents[3] / "shared" / "data" / "samples"
OLD = (MOMENT - timedelta(days=2)).timestamp()
NEW = (MOMENT - timedelta(hours=1)).timestamp()
SUMMARY = {
    "message_type": "summary",
    **{
        "files_new": 3,
        "files_changed": 5,
        "files_unmodified": 992,
        "data_blobs": 8,
        "tree_blobs": 2,
        "data_added": 9000,
    },
    **{"dirs_new": 0, "dirs_changed": 2, "dirs_unmodified": 8, "total_files_processed": 1000},
    **{"total_bytes_processed": 10**8, "total_duration": 2.0, "snapshot_id": "0123456789abcdef"},
}
STEM = "restic/nas/20250323T013007Z"


def drop(config, name, said, at=OLD):
    """A file below the landing folder, last modified at a time."""
    file = Path(config.landing) / name
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_bytes(said if isinstance(said, bytes) else said.encode())
    os.utime(file, (at, at))


def outcomes(store):
    """What each run became: a status or a reason."""
    rows = store.read(BACKUPS).selectExpr("source", "status AS became").collect()
    return {row["source"]: row["became"] for row in rows} | reasons(store)


def reasons(store):
    return {row["source"]: row["reason"] for row in store.read(REJECTS).where("position < 2").collect()}


@pytest.mark.parametrize("product", ["restic", "rsync"])
def test_what_tools_printed_becomes_what_was_done_and_uda_read_says_the_same(store, config, product):
    if not SAMPLES.is_dir():
        pytest.skip("the samples are not beside the project")
    shutil.copytree(SAMPLES / product, Path(config.landing) / product, ignore=shutil.ignore_patterns("truth.csv"))
    for file in Path(config.landing).rglob("*.*"):
        os.utime(file, (OLD, OLD))
    ingest(store, config)
    became = outcomes(store)
    with (SAMPLES / product / "truth.csv").open() as file:
        for row in csv.DictReader(file):
            said = became[f"{product}/{row['device']}/{row['file_stem']}"]
            assert said in row["expect"].removeprefix("reject:").split("|"), row

    out, errors = StringIO(), StringIO()
    read(product, [Path(config.landing) / product], None, MOMENT, Seals(config.sealed, config.tenants), out, errors)
    printed = {(r["source"], r["position"]): r for r in map(json.loads, out.getvalue().splitlines())}
    held = {(row["source"], row["position"]): row.asDict() for row in store.read(BACKUPS).collect()}
    assert printed.keys() == held.keys()
    for key, row in held.items():
        derived = set(printed[key].get("derived", ())) - set(row["derived"])
        own = {name: row[name] for name in (f.name for f in FIGURES) if name not in derived}
        assert own == {name: printed[key].get(name) for name in own}
    refused = [json.loads(line) for line in errors.getvalue().splitlines()]
    assert sorted((r["source"], r["position"], r["reason"]) for r in refused) == sorted(
        (row["source"], row["position"], row["reason"]) for row in store.read(REJECTS).collect()
    )


def test_a_run_whose_files_come_on_either_side_of_a_run_of_ours_is_read_once_when_its_exit_is_there(store, config):
    drop(config, f"{STEM}.backup.jsonl", json.dumps(SUMMARY), NEW)
    assert ingest(store, config)["landed"] == 0
    drop(config, f"{STEM}.stderr", "", NEW)
    drop(config, f"{STEM}.exit", "0\n", NEW)
    assert ingest(store, config) == {"landed": 1, "backups": 1, "rejects": 0, "duplicates": 0}
    (row,) = store.read(BACKUPS).collect()
    assert (row["device_id"], row["backup_id"], row["files_added"], row["status"]) == ("nas", "01234567", 3, "complete")
    assert ingest(store, config)["landed"] == 0
    assert store.version(FILE_CHANGES) < 0  # nothing is made for lists of paths where there are none


def test_a_file_that_comes_after_its_run_was_read_is_late(store, config):
    drop(config, f"{STEM}.backup.jsonl", json.dumps(SUMMARY))
    drop(config, f"{STEM}.exit", "0")
    ingest(store, config)
    drop(config, f"{STEM}.diff.jsonl", "{}")
    assert ingest(store, config) == {"landed": 1, "backups": 0, "rejects": 1, "duplicates": 0}
    assert reasons(store) == {f"{STEM}.diff.jsonl": "late_file"}


def test_a_run_without_exit_waits_until_nothing_was_written_to_it_for_a_day_and_then_takes_nothing_more(store, config):
    drop(config, f"{STEM}.backup.jsonl", json.dumps(SUMMARY), NEW)
    assert ingest(store, config)["landed"] == 0
    later = store_of(store.spark, config, MOMENT + timedelta(hours=24))
    assert ingest(later, config)["backups"] == 1
    assert ingest(later, config)["landed"] == 0
    drop(config, f"{STEM}.exit", "0")
    assert ingest(later, config)["rejects"] == 1
    assert outcomes(store) == {STEM: "complete", f"{STEM}.exit": "late_file"}


def test_a_run_without_exit_that_still_grows_is_not_read(store, config):
    drop(config, f"{STEM}.backup.jsonl", "", OLD)
    drop(config, "canonical/a.jsonl", "")
    young = store_of(store.spark, config, datetime.fromtimestamp(OLD, UTC) + timedelta(hours=1))
    ingest(young, config)
    drop(config, f"{STEM}.backup.jsonl", json.dumps(SUMMARY), NEW)
    assert ingest(store, config)["landed"] == 0


def test_cut_off_and_empty_runs_are_rejected_only_when_they_are_old(store, config):
    drop(config, f"{STEM}.backup.jsonl", '{"message_type":"status"}\n{"message_type":"summ')
    drop(config, "restic/nas/20250324T013007Z.backup.jsonl", "")
    drop(config, "restic/nas/20250325T013007Z.backup.jsonl", "", NEW)
    ingest(store, config)
    assert reasons(store) == {STEM: "truncated", "restic/nas/20250324T013007Z": "empty"}


def test_a_bad_line_between_good_ones_costs_a_reject_and_not_the_run(store, config):
    drop(config, f"{STEM}.backup.jsonl", '{"message_type":"status"}\nnot JSON\n' + json.dumps(SUMMARY))
    drop(config, f"{STEM}.exit", "0")
    assert ingest(store, config) == {"landed": 2, "backups": 1, "rejects": 1, "duplicates": 0}
    (reject,) = store.read(REJECTS).collect()
    assert (reject["position"], reject["reason"], reject["record"]) == (2, "bad_line", "not JSON")


def test_a_draft_that_was_not_renamed_yet_is_no_file_of_the_run(store, config):
    drop(config, f"{STEM}.backup.jsonl", json.dumps(SUMMARY), NEW)
    drop(config, f"{STEM}.exit.tmp", "0", NEW)
    assert ingest(store, config)["landed"] == 0


def test_a_file_that_is_not_named_like_a_run_is_refused(store, config):
    drop(config, "restic/nas/notes.txt", "hello")
    drop(config, "restic/20250323T013007Z.exit", "0")
    ingest(store, config)
    assert reasons(store) == {"restic/nas/notes.txt": "unknown_shape", "restic/20250323T013007Z.exit": "unknown_shape"}


def test_two_folders_named_alike_below_different_ones_are_two_devices(store, config):
    for site in ("berlin", "paris"):
        drop(config, f"restic/{site}/nas/20250323T013007Z.backup.jsonl", json.dumps(SUMMARY))
        drop(config, f"restic/{site}/nas/20250323T013007Z.exit", "0")
    config = replace(config, tenants={"restic/paris": "acme"})
    ingest(store, config)
    devices = {(row["tenant_id"], row["device_id"]) for row in store.read(BACKUPS).collect()}
    assert devices == {("default", "berlin/nas"), ("acme", "paris/nas")}


def test_a_lost_checkpoint_reads_runs_again_and_changes_no_row(store, config):
    drop(config, f"{STEM}.backup.jsonl", json.dumps(SUMMARY) + "\nbad\n" + json.dumps(SUMMARY))
    drop(config, f"{STEM}.exit", "0")
    drop(config, "restic/nas/20250324T013007Z.backup.jsonl", "")
    ingest(store, config)
    before = [store.read(table).collect() for table in (BACKUPS, REJECTS)]
    shutil.rmtree(f"{config.lake}/_checkpoints")
    ingest(store, config)
    assert [store.read(table).collect() for table in (BACKUPS, REJECTS)] == before


def test_a_late_exit_of_a_run_that_was_read_without_changes_no_row_when_the_checkpoint_is_lost(store, config):
    drop(config, f"{STEM}.backup.jsonl", '{"message_type":"summ')
    ingest(store, config)
    drop(config, f"{STEM}.exit", "0")
    ingest(store, config)
    assert outcomes(store) == {STEM: "truncated", f"{STEM}.exit": "late_file"}
    before = store.read(REJECTS).collect()
    shutil.rmtree(f"{config.lake}/_checkpoints")
    ingest(store, config)
    assert store.read(REJECTS).collect() == before


def test_a_run_of_which_a_file_was_removed_is_not_read_again_when_the_checkpoint_is_lost(store, config):
    drop(config, f"{STEM}.backup.jsonl", json.dumps(SUMMARY))
    drop(config, f"{STEM}.exit", "0")
    ingest(store, config)
    shutil.rmtree(f"{config.lake}/_checkpoints")
    (Path(config.landing) / f"{STEM}.backup.jsonl").unlink()
    assert ingest(store, config)["landed"] == 0
    assert outcomes(store) == {STEM: "complete"}


def test_a_run_of_ours_that_ends_between_seeing_files_and_reading_them_does_not_part_a_run(store, config, monkeypatch):
    drop(config, f"{STEM}.backup.jsonl", json.dumps(SUMMARY), NEW)
    with monkeypatch.context() as patch, pytest.raises(KeyError):
        patch.setattr(job, "_arrived", lambda *_: {}["ended"])
        ingest(store, config)
    drop(config, f"{STEM}.stderr", "", NEW)
    drop(config, f"{STEM}.exit", "0\n", NEW)
    assert ingest(store, config) == {"landed": 1, "backups": 1, "rejects": 0, "duplicates": 0}
    assert outcomes(store) == {STEM: "complete"}
