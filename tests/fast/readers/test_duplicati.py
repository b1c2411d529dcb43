"""What Duplicati reports, read; the report is as its users publish theirs, since none of ours was at hand."""

from __future__ import annotations

import json

import pytest

from tests.fast.readers.landed import OUTPUTS, became, made_of

REPORT = json.loads((OUTPUTS / "duplicati" / "nas1" / "20250421T234546Z.result.json").read_bytes())


def report(**changes):
    return {**REPORT, "Data": {**REPORT["Data"], **changes}}


@pytest.fixture
def read(tmp_path):
    return lambda files: made_of(tmp_path, "duplicati", files)


def test_a_report_has_exact_counts_and_what_was_sent(read):
    (record,) = read({"result.json": REPORT, "exit": "0"})
    assert record == {
        "product": "duplicati",
        "device_id": "nas1",
        "backup_id": "DB-2 20250421T234546Z",
        "backup_kind": "incremental",
        "status": "complete",
        "started_at": "2025-04-21T23:45:46.971221Z",
        "ended_at": "2025-04-21T23:46:38.356827Z",
        "exit_status": 0,
        "files_added": 1861,
        "files_updated": 7,
        "files_deleted": 3,
        "files_total": 15399,
        "bytes_total": 11086692615,
        "bytes_uploaded": 13450481 + 9000,
        "bytes_compressed": 8290314,
        "derived": ["bytes_compressed"],
    }


def test_what_is_sent_beside_the_data_is_not_more_than_the_data(read):
    (record,) = read({"result.json": report(SizeOfAddedFiles=0, SizeOfModifiedFiles=100)})
    assert record["bytes_compressed"] == 100


def test_all_files_new_and_none_gone_is_a_full_backup(read):
    for gone, kind in ((0, "full"), (15000, "incremental")):
        changes = {"AddedFiles": 15399, "ModifiedFiles": 0, "DeletedFiles": gone}
        assert read({"result.json": report(**changes)})[0]["backup_kind"] == kind


@pytest.mark.parametrize(
    ("files", "word"),
    [
        ({"result.json": report(ParsedResult="Warning", Warnings=["a file is locked"])}, "complete"),
        ({"result.json": report(ParsedResult="Warning", FilesWithError=1)}, "partial"),
        ({"result.json": report(PartialBackup=True)}, "partial"),
        ({"result.json": report(ParsedResult="Error")}, "failed"),
        ({"result.json": report(ParsedResult="Fatal")}, "failed"),
        ({"result.json": report(Interrupted=True)}, "failed"),
        ({"result.json": {"Data": {"Message": "no such host"}, "Extra": {"OperationName": "Backup"}}}, "failed"),
        ({"result.json": report(Dryrun=True)}, "dry_run"),
        ({"result.json": report(MainOperation="Verify")}, "unknown_shape"),
        ({"result.json": {"hello": 1}, "exit": "0"}, "unknown_shape"),
        ({"result.json": json.dumps(REPORT)[:200]}, "truncated"),
        ({"result.json": "", "exit": "100"}, "failed"),
        ({"result.json": ""}, "empty"),
        ({"result.json": report(AddedFiles=-1)}, "negative"),
        ({"result.json": report(AddedFiles="many")}, "bad_number"),
    ],
)
def test_what_a_report_becomes(read, files, word):
    assert [became(outcome) for outcome in read(files)] == [word]


def test_half_a_character_in_a_report_becomes_a_text_that_a_table_can_hold(read):
    (fault,) = read({"result.json": json.dumps(report(MainOperation="Ver\ud800ify"))})
    assert "of the operation Ver?ify," in fault.detail
