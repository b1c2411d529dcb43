"""Dumps of our own products, read: what each key stands for, and what a line may not be."""

from __future__ import annotations

import csv
import json

import pytest

from tests.fast.readers.landed import OUTPUTS, SAMPLES, became, made_of, needs_samples, read_samples

TIMES = {"started_at": "2025-03-03T02:15:15Z", "ended_at": "2025-03-03T02:15:55Z"}
SAID = {"startTime": TIMES["started_at"], "endTime": TIMES["ended_at"]}
INSYNC = {
    **{"schema": "insync/1", "customerID": "acme", "deviceID": "laptop-2", "snapshotID": 1740968115, **SAID},
    **{"backupType": "incremental", "status": "backed_up", "filesAdded": 15, "filesUpdated": 23, "filesDeleted": 7},
    **{
        "filesMissed": 0,
        "filesTotal": 1708,
        "bytesTotal": 12199448,
        "bytesChanged": 216336,
        "bytesTransferred": 129801,
    },
    "aNewKey": {"any": ["thing"]},
}
PHOENIX = {
    **{
        "schema": "phoenix/1",
        "organizationID": "acme",
        "serverID": "nas1",
        "jobID": "job-1",
        "jobType": "full",
        **SAID,
    },
    **{"jobStatus": "successful_with_errors"},
    "fileStats": {"added": 14, "modified": 18, "deleted": 5, "skipped": 0, "total": 1909, "folders": 50},
    "byteStats": {"source": 15022199, "changed": 260764, "transferred": 143420, "stored": 117343},
}
CLOUDRANGER = {
    **{"schema": "cloudranger/1", "organizationID": "acme", "resourceID": "vol-a4", "snapshotID": "snap-5a"},
    **{"parentSnapshotID": "snap-41", "state": "completed", "startTime": TIMES["started_at"]},
    **{"completionTime": TIMES["ended_at"], "volumeSizeGiB": 80, "blockSize": 524288, "changedBlocks": 1115},
}
SFAPEX = {
    **{"schema": "sfapex/1", "organizationID": "acme", "orgID": "00D6", "jobID": "sf-1", "status": "partial", **SAID},
    "jobType": "incremental",
    "objects": [
        {"name": "Account", "added": 46, "updated": 25, "deleted": 5, "total": 21000},
        {"name": "Contact", "added": 6, "updated": 146, "deleted": 4, "total": 64000},
    ],
}
CASES = {
    "insync": (
        INSYNC,
        {
            **{"device_id": "laptop-2", "backup_id": "1740968115", "backup_kind": "incremental", "status": "complete"},
            **{"files_added": 15, "files_updated": 23, "files_deleted": 7, "files_total": 1708},
            **{"bytes_total": 12199448, "bytes_uploaded": 216336, "bytes_compressed": 129801},
        },
    ),
    "phoenix": (
        PHOENIX,
        {
            **{"device_id": "nas1", "backup_id": "job-1", "backup_kind": "full", "status": "partial"},
            **{"files_added": 14, "files_updated": 18, "files_deleted": 5, "files_total": 1909, "dirs_total": 50},
            **{"bytes_total": 15022199, "bytes_uploaded": 260764, "bytes_unique": 143420, "bytes_compressed": 117343},
        },
    ),
    "cloudranger": (
        CLOUDRANGER,
        {
            **{"device_id": "vol-a4", "backup_id": "snap-5a", "backup_kind": "incremental", "status": "complete"},
            **{"bytes_total": 80 * 2**30, "bytes_uploaded": 1115 * 524288},
        },
    ),
    "sfapex": (
        SFAPEX,
        {
            **{"device_id": "00D6", "backup_id": "sf-1", "backup_kind": "incremental", "status": "partial"},
            **{"files_added": 52, "files_updated": 171, "files_deleted": 9, "files_total": 85000},
        },
    ),
}


@pytest.fixture
def read(tmp_path):
    """What a product's reader makes of lines."""
    return lambda product, *lines: made_of(
        tmp_path,
        product,
        {"jsonl": "".join((each if isinstance(each, str) else json.dumps(each)) + "\n" for each in lines)},
    )


@pytest.mark.parametrize("product", CASES)
def test_each_key_of_a_product_stands_for_a_canonical_one_and_others_are_left_aside(read, product):
    line, expected = CASES[product]
    assert read(product, line) == [{"product": product, "tenant_id": "acme", **TIMES, **expected}]


def test_what_is_quoted_of_a_record_can_be_written_as_utf_8(read):
    (fault,) = read("insync", INSYNC | {"schema": "insync\ud800/1"})
    assert fault.detail == "schema must be insync/1, got insync?/1"


def test_missed_files_make_a_backup_partial_whatever_its_status(read):
    (record,) = read("insync", INSYNC | {"filesMissed": 2})
    assert record["status"] == "partial"


@pytest.mark.parametrize(
    ("product", "changes"), [("insync", {"status": "failed"}), ("cloudranger", {"state": "error"})]
)
def test_a_failed_backup_has_no_figures(read, product, changes):
    (record,) = read(product, CASES[product][0] | changes)
    assert record["status"] == "failed"
    assert not [name for name in record if name.startswith(("files_", "bytes_", "dirs_"))]


def test_a_snapshot_without_a_parent_is_a_full_backup(read):
    (record,) = read("cloudranger", CLOUDRANGER | {"parentSnapshotID": None})
    assert record["backup_kind"] == "full"


def test_a_kind_of_object_without_a_count_leaves_the_sum_unknown(read):
    (record,) = read("sfapex", SFAPEX | {"objects": [*SFAPEX["objects"], {"name": "Case", "added": 1}]})
    assert record["files_added"] == 53
    assert "files_total" not in record


@pytest.mark.parametrize(
    ("lines", "words"),
    [
        ((INSYNC, INSYNC | {"snapshotID": "2"}), ["complete", "complete"]),
        ((INSYNC, json.dumps(INSYNC)[:99]), ["complete", "bad_line"]),
        (("7", INSYNC), ["bad_line", "complete"]),
        ((INSYNC | {"schema": "insync/2"},), ["unknown_shape"]),
        ((INSYNC | {"schema": "phoenix/1"},), ["unknown_shape"]),
        ((INSYNC | {"status": "sleeping"},), ["bad_value"]),
        ((INSYNC | {"status": ["backed_up"]},), ["bad_value"]),
        ((INSYNC | {"deviceID": None},), ["missing_field"]),
        ((INSYNC | {"endTime": "2025-03-03T02:15:55"},), ["bad_time"]),
        ((INSYNC | {"endTime": 7},), ["bad_time"]),
        ((INSYNC | {"filesAdded": -1},), ["negative"]),
        ((INSYNC | {"filesAdded": "3"},), ["bad_number"]),
        ((INSYNC | {"filesTotal": 3},), ["total_below_parts"]),
        ((), ["empty"]),
    ],
)
def test_what_lines_become(read, lines, words):
    assert [became(outcome) for outcome in read("insync", *lines)] == words


@needs_samples
def test_each_dump_of_the_samples_becomes_what_truth_expects():
    records = read_samples("phoenix")
    with (SAMPLES / "phoenix" / "truth.csv").open() as lines:
        rows = list(csv.DictReader(lines))
    assert len(rows) == len(records)
    for row in rows:
        record = records[row["device"], row["file_stem"]]
        assert record["status"] == row["expect"]
        counts = [name for name in row if name.startswith(("files_", "bytes_"))]
        assert {name: record[name] for name in counts} == {name: int(row[name]) for name in counts}


def test_dumps_of_a_sealed_sample_say_what_was_done(tmp_path):
    """Lines of the sealed samples, opened."""
    files = sorted((OUTPUTS / "insync" / "laptop-2").iterdir())
    found = [made_of(tmp_path, "insync", {"jsonl": file.read_bytes()}) for file in files]
    assert [(r["status"], r["files_total"], r["files_updated"]) for (r,) in found] == [
        ("complete", 1700, 0),
        ("complete", 1708, 23),
        ("partial", 1729, 31),
    ]
