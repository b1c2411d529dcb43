"""What AWS tells of backup jobs, read: as the command prints them, and as events."""

from __future__ import annotations

import json

import pytest

from tests.fast.readers.landed import became, made_of, needs_samples, read_samples, truth

ARN = "arn:aws:ec2:eu-central-1:111122223333:volume/vol-ec8217468dd6b13a9"
JOB = {
    "BackupJobId": "6B43261C",
    "ResourceArn": ARN,
    "CreationDate": 1742432400.513,
    "CompletionDate": 1742434568.72,
    "State": "COMPLETED",
    "BackupSizeInBytes": 85899345920,
    "BytesTransferred": 700000000,
    "ResourceType": "EBS",
    "IsParent": False,
    "ResourceName": "erp-db-data",
}
ISO = {"CreationDate": "2025-03-20T01:00:00.513000+00:00", "CompletionDate": "2025-03-20T02:36:08.720000+01:00"}


def jobs(*changes):
    return {"BackupJobs": [{**JOB, **change} for change in changes]}


def event(state, time, **changes):
    detail = {
        **{"backupJobId": "DC5E", "backupSizeInBytes": "85899345920", "bytesTransferred": "41000000000"},
        **{"creationDate": "2025-03-26T01:00:00.513Z", "resourceArn": ARN, "state": state},
    }
    said = {"source": "aws.backup", "detail-type": "Backup Job State Change", "time": time}
    return json.dumps({**said, "detail": {**detail, **changes}}) + "\n"


@pytest.fixture
def read(tmp_path):
    return lambda files: made_of(tmp_path, "aws-backup", files)


@pytest.mark.parametrize("files", [{"list-backup-jobs.json": jobs({}, ISO)}, {"describe-backup-job.json": JOB | ISO}])
def test_a_job_has_sizes_and_no_counts_whichever_version_of_the_command_printed_it(read, files):
    (record,) = read({**files, "exit": "0"})
    assert record == {
        "product": "aws-backup",
        "device_id": ARN,
        "backup_id": "6B43261C",
        "status": "complete",
        "started_at": "2025-03-20T01:00:00.513000Z",
        "ended_at": "2025-03-20T01:36:08.720000Z",
        "resource_name": "erp-db-data",
        "resource_type": "EBS",
        "bytes_total": 85899345920,
        "bytes_uploaded": 700000000,
    }


def test_the_last_state_of_a_job_counts_in_whatever_order_its_events_come(read):
    told = [event("CREATED", "2025-03-26T01:00:00Z"), event("RUNNING", "2025-03-26T01:01:00Z")]
    told += [event("COMPLETED", "2025-03-26T01:17:58Z", completionDate="2025-03-26T01:17:58.720Z")]
    for order in ((0, 1, 2), (2, 1, 0), (2, 2, 0, 2)):
        (record,) = read({"events.jsonl": "".join(told[place] for place in order)})
        assert (record["status"], record["ended_at"]) == ("complete", "2025-03-26T01:17:58.720000Z")
        assert (record["bytes_total"], record["bytes_uploaded"]) == (85899345920, 41000000000)


def test_nothing_comes_after_an_end_whenever_it_was_told(read):
    late = event("COMPLETED", "2025-03-26T01:17:58Z") + event("RUNNING", "2025-03-26T01:18:00Z")
    assert [became(outcome) for outcome in read({"events.jsonl": late})] == ["complete"]


def test_a_job_that_never_began_ended_when_that_was_told(read):
    (record,) = read({"events.jsonl": event("EXPIRED", "2025-03-26T09:00:00Z", bytesTransferred="0")})
    assert (record["status"], record["ended_at"]) == ("failed", "2025-03-26T09:00:00Z")
    assert not [name for name in record if name.startswith("bytes_")]


@pytest.mark.parametrize(
    ("files", "words"),
    [
        ({"list-backup-jobs.json": jobs({}, {"BackupJobId": "7", "State": "PARTIAL"})}, ["complete", "partial"]),
        ({"list-backup-jobs.json": jobs({"State": "ABORTED"})}, ["failed"]),
        ({"list-backup-jobs.json": jobs({"IsParent": True}, {"BackupJobId": "7"})}, ["complete"]),
        ({"list-backup-jobs.json": jobs({"State": "RUNNING"})}, ["no_figures"]),
        ({"list-backup-jobs.json": jobs({"State": "RUNNING"}, {"BackupJobId": "7"})}, ["complete"]),
        ({"list-backup-jobs.json": jobs()}, ["no_figures"]),
        ({"list-backup-jobs.json": jobs({"BackupJobId": 7}, {})}, ["unknown_shape", "complete"]),
        ({"list-backup-jobs.json": jobs({"BytesTransferred": -1})}, ["negative"]),
        ({"list-backup-jobs.json": jobs({"BytesTransferred": "many"})}, ["bad_number"]),
        ({"list-backup-jobs.json": jobs({"CompletionDate": 1e300, "CreationDate": None})}, ["missing_field"]),
        ({"list-backup-jobs.json": json.dumps(jobs({}))[:90]}, ["truncated"]),
        ({"list-backup-jobs.json": ""}, ["empty"]),
        ({"list-backup-jobs.json": "", "exit": "254"}, ["unknown_shape"]),
        ({"events.jsonl": event("COMPLETED", "x") + '{"source": "aws.ec2"}\n'}, ["unknown_shape", "complete"]),
    ],
)
def test_what_jobs_become(read, files, words):
    assert [became(outcome) for outcome in read(files)] == words


@needs_samples
def test_each_job_of_the_samples_becomes_what_truth_expects():
    records = {record["backup_id"]: record for record in read_samples("aws-backup", by="backup_id").values()}
    rows = truth("aws-backup")
    assert len(rows) == len(records)
    for row in rows:
        record = records[row["backup_id"]]
        assert record["status"] == row["expect"]
        assert [record[name][:22] for name in ("started_at", "ended_at")] == [
            row["started_at"][:22],
            row["ended_at"][:22],
        ]
        for name in ("bytes_total", "bytes_uploaded"):
            assert str(record.get(name, "")) == row[name]
