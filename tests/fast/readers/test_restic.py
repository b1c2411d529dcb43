"""What the restic reader makes of real outputs, and of what no restic prints."""

from __future__ import annotations

import csv
import json
import random
from datetime import UTC, datetime
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from jobs.ingest.outcomes import outcomes
from jobs.ingest.readers.restic import read
from jobs.ingest.stems import Fault, Stem, parse_name, stem_time
from tests.fast.readers.landed import damaged_files

SAMPLES = Path(__file__).resolve().parents[4] / "shared" / "data" / "samples" / "restic"
OUTPUTS = Path(__file__).parent / "outputs" / "restic"
LATEST = datetime(2030, 1, 1, tzinfo=UTC)
# Counts that the tool knows exactly; after a partial backup files that could not be read look new.
EXACT = ("files_added", "files_total", "bytes_total")
SUMMARY = {
    "message_type": "summary",
    **{"files_new": 3, "files_changed": 50, "files_unmodified": 947, "total_files_processed": 1000},
    **{"dirs_new": 0, "dirs_changed": 2, "dirs_unmodified": 8, "data_blobs": 8, "tree_blobs": 2},
    **{"data_added": 900_000, "data_added_packed": 300_000, "total_bytes_processed": 10**8},
    **{"backup_start": "2025-03-02T21:15:15.103499287-05:00", "backup_end": "2025-03-02T21:15:17.5-05:00"},
    **{"total_duration": 2.0, "snapshot_id": "0123456789abcdef"},
}


def runs(folder):
    """Each run of a folder of devices, by (device, stem)."""
    found = {}
    for file in sorted(folder.glob("*/*")):
        stem, what = parse_name(file.name)
        found.setdefault((file.parent.name, stem), {})[what] = str(file)
    return {
        (device, stem): Stem(f"restic/{device}/{stem}", device, stem_time(stem), files)
        for (device, stem), files in found.items()
    }


def made_of(folder, **files):
    """What the reader makes of a run with these files; `exit` and the like are names, text their content."""
    held = {}
    for what, said in files.items():
        file = folder / what
        file.write_bytes(said if isinstance(said, bytes) else said.encode())
        held[what.replace("__", ".")] = str(file)
    stem = Stem("restic/nas/20250303T021515Z", "nas", stem_time("20250303T021515Z"), held)
    return list(outcomes(read, stem, LATEST))


def summary(**changes):
    return json.dumps({name: value for name, value in (SUMMARY | changes).items() if value is not None})


def test_every_run_of_the_samples_is_what_was_done():
    if not SAMPLES.is_dir():
        pytest.skip("the samples are not beside the project")
    found = runs(SAMPLES)
    with (SAMPLES / "truth.csv").open() as file:
        for row in csv.DictReader(file):
            outcome, *more = outcomes(read, found[row["device"], row["file_stem"]], LATEST)
            assert not more
            if isinstance(outcome, Fault):
                assert row["expect"] == f"reject:{outcome.reason}"
                continue
            assert outcome["status"] in (*row["expect"].split("|"), "complete" if row["expect"] == "duplicate" else "")
            if outcome["status"] == "failed" or row["expect"] == "duplicate" or row["note"] == "unreadable":
                continue
            known = [name for name in EXACT if not (name == "files_added" and row["note"] == "after_partial")]
            if "files_deleted" in outcome and outcome["status"] == "complete":
                known += ["files_updated", "files_deleted"]
            assert {name: outcome[name] for name in known} == {name: int(row[name]) for name in known}, row
            assert outcome["files_updated"] >= int(row["files_updated"])
            assert outcome["backup_kind"] == row["backup_kind"]


def test_a_summary_gives_exact_counts_and_marks_what_may_be_too_high(tmp_path):
    (record,) = made_of(tmp_path, backup__jsonl=summary(), exit="0")
    assert (
        record
        | {
            "backup_id": "01234567",
            "status": "complete",
            "backup_kind": "incremental",
            "started_at": "2025-03-03T02:15:15.103499Z",
            "ended_at": "2025-03-03T02:15:17.500000Z",
            "files_added": 3,
            "files_updated": 8,
            "files_moved": 0,
            "files_total": 1000,
            "dirs_total": 10,
            "bytes_total": 10**8,
            # 345 bytes for each of 1,010 entries, two folders of ten: 69,690.
            "bytes_unique": 900_000 - 69_690,
            "bytes_compressed": 300_000 - round(0.22 * 69_690),
            "derived": ["files_moved", "bytes_unique", "bytes_compressed"],
            "upper_bound": ["files_updated", "dirs_total", "files_moved"],
        }
        == record
    )
    assert "files_deleted" not in record
    assert "bytes_uploaded" not in record


def diff(**changes):
    said = {"message_type": "statistics", "source_snapshot": "ff", "target_snapshot": "0123456789abcdef"}
    said |= {"changed_files": 5, "added": {"files": 3, "bytes": 1}, "removed": {"files": 7, "bytes": 1}}
    return '{"message_type":"change","path":"/a\\udce9","modifier":"M"}\n' + json.dumps(said | changes)


def test_the_diff_beside_it_makes_the_counts_exact(tmp_path):
    (record,) = made_of(tmp_path, backup__jsonl=summary(), diff__jsonl=diff(), exit="0")
    assert (record["files_updated"], record["files_deleted"]) == (5, 7)
    assert record["upper_bound"] == ["dirs_total", "files_moved"]


@pytest.mark.parametrize(
    "changes", [{"target_snapshot": "fedcba98"}, {"added": {"files": 4}}, {"added": None}, {"removed": 3}]
)
def test_a_diff_of_other_snapshots_says_nothing(tmp_path, changes):
    (record,) = made_of(tmp_path, backup__jsonl=summary(), diff__jsonl=diff(**changes), exit="0")
    assert record["files_updated"] == 8
    assert "files_deleted" not in record


@pytest.mark.parametrize("status", ["0", "3"])
def test_what_was_deleted_is_left_to_follow_from_the_totals_where_something_became_of_another_type(tmp_path, status):
    """Printed by 0.14 for a folder of 39 files that became a file: nothing was removed, it says."""
    said = diff(removed={"files": 0, "dirs": 0, "bytes": 0})
    said = '{"message_type":"change","path":"/srv/data/docs","modifier":"T"}\n' + said
    (record,) = made_of(tmp_path, backup__jsonl=summary(), diff__jsonl=said, exit=status)
    assert record["files_updated"] == 5
    assert "files_deleted" not in record
    assert "files_deleted" not in record["upper_bound"]


def test_all_files_new_beside_a_known_folder_is_no_first_backup(tmp_path):
    every = {"files_new": 1000, "files_changed": 0, "files_unmodified": 0, "dirs_changed": 10, "dirs_unmodified": 0}
    (record,) = made_of(tmp_path, backup__jsonl=summary(**every), exit="0")
    assert record["backup_kind"] == "incremental"
    (first,) = made_of(tmp_path, backup__jsonl=summary(**every | {"dirs_new": 10, "dirs_changed": 0}), exit="0")
    assert first["backup_kind"] == "full"


@pytest.mark.parametrize(
    ("files", "became"),
    [
        ({"backup__jsonl": "", "exit": "1", "stderr": "\x1b[2KFatal: wrong password\nmore"}, "failed"),
        ({"backup__jsonl": '{"message_type":"status"}', "exit": "137"}, "failed"),
        ({"exit": "11"}, "failed"),
        ({"backup__jsonl": summary(), "exit": "3"}, "partial"),
        ({"backup__jsonl": summary(), "exit": "0", "stderr": "/srv/gone does not exist, skipping"}, "partial"),
        ({"backup__jsonl": summary(), "exit": "0", "stderr": "unable to write to the cache"}, "complete"),
        ({"backup__jsonl": summary()}, "complete"),
        ({"backup__jsonl": summary(dry_run=True), "exit": "0"}, "dry_run"),
        ({"backup__jsonl": "hello", "exit": "0"}, "unknown_shape"),
        ({"backup__jsonl": '{"message_type":"status"}\n{"mess'}, "truncated"),
        ({"backup__jsonl": ""}, "empty"),
        ({"stats__json": '{"total_size":1}'}, "unknown_shape"),
        ({"backup__jsonl": summary(), "exit": "nought"}, "bad_value"),
        ({"backup__jsonl": summary(files_new="3"), "exit": "0"}, "bad_number"),
        ({"backup__jsonl": summary(data_added=-1), "exit": "0"}, "negative"),
        ({"backup__jsonl": summary(total_files_processed=2), "exit": "0"}, "complete"),
        ({"backup__jsonl": summary(snapshot_id=None), "exit": "0"}, "missing_field"),
        ({"backup__jsonl": summary(backup_end="2100-01-01T00:00:00Z"), "exit": "0"}, "bad_time"),
    ],
)
def test_what_a_run_becomes(tmp_path, files, became):
    (outcome,) = made_of(tmp_path, **files)
    assert (outcome.reason if isinstance(outcome, Fault) else outcome["status"]) == became


def test_a_failed_run_says_why_and_has_no_counts(tmp_path):
    said = '{"message_type":"error","error":{"message":"first"}}\n'
    said += '{"message_type":"exit_error","code":11,"message":"locked\\nby"}'
    (record,) = made_of(tmp_path, backup__jsonl="", exit="11", stderr=said)
    assert (record["backup_id"], record["message"], record["exit_status"]) == ("20250303T021515Z", "locked", 11)
    assert not [name for name in record if name.startswith(("files_", "bytes_", "dirs_"))]


def test_what_follows_a_summary_makes_it_no_summary_of_this_run(tmp_path):
    """Two runs in one file: the last one did not come to its end."""
    (outcome,) = made_of(tmp_path, backup__jsonl=summary() + '\n{"message_type":"status"}\n', exit="130")
    assert outcome["status"] == "failed"


def test_each_snapshot_of_a_list_is_a_backup_if_it_carries_its_summary(tmp_path):
    listed = [
        {"time": "2025-03-01T21:15:14-05:00", "id": "aa" * 32, "summary": SUMMARY | {"backup_end": None}},
        {"time": "2025-03-01T21:15:14-05:00", "id": "bb" * 32},
        {"time": "2025-03-02T21:15:14-05:00", "id": "cc" * 32, "summary": SUMMARY | {"files_new": "x"}},
    ]
    good, without, bad = made_of(tmp_path, snapshots__json=json.dumps(listed))
    assert (good["backup_id"], good["ended_at"], good["files_added"]) == ("aaaaaaaa", good["started_at"], 3)
    assert (without.reason, bad.reason, bad.field) == ("no_figures", "bad_number", "files_new")


@settings(max_examples=300)
@given(seed=st.integers(0, 2**32), which=st.integers(0, 10**6))
def test_damaged_output_gives_records_and_faults_and_no_crash(tmp_path_factory, seed, which):
    draw = random.Random(seed)
    found = list(runs(OUTPUTS).values())
    stem = found[which % len(found)]
    folder = tmp_path_factory.mktemp("run")
    files = damaged_files(stem, folder, draw)
    for outcome in outcomes(read, Stem(stem.source, stem.device_id, stem.started_at, files), LATEST):
        assert isinstance(outcome, (dict, Fault))
        assert json.dumps(outcome if isinstance(outcome, dict) else outcome.detail).encode()
