"""Notices of a topic, through its queue, into the tables: nothing lost or twice, nothing read that they do not name."""

from __future__ import annotations

import hashlib
import json
from dataclasses import replace
from pathlib import Path

import boto3
import pytest

from jobs.ingest.job import ingest
from jobs.ingest.sqs import SqsQueue
from jobs.tables import BACKUPS, LANDED, REJECTS
from tests.conftest import MOMENT, store_of
from tests.fast.notices.aws import aws, held, make_visible, queue_with_dead_letters, topic_for
from tests.rows import land, record

RUN = "phoenix/nas1/20250302T013007Z"
LATE = "canonical/late.jsonl"


class KilledError(Exception):
    """The process is gone."""


@pytest.fixture
def environment(monkeypatch):
    with aws() as settings:
        for name, value in settings.items():
            monkeypatch.setenv(name, value)
        yield


def phoenix():
    said = {"schema": "phoenix/1", "organizationID": "acme", "serverID": "nas1", "backupSetID": "bs", "jobID": "job-1"}
    said |= {"jobType": "incremental", "jobStatus": "successful", "fileStats": {"added": 1, "total": 9}}
    return said | {"startTime": "2025-03-02T01:30:07Z", "endTime": "2025-03-02T01:31:42Z"}


def notice(config, path, **dump):
    file = Path(config.landing) / path
    if file.is_file():
        dump = {"sha256": hashlib.sha256(file.read_bytes()).hexdigest()} | dump
    return json.dumps({"schema": "uda.backup_complete/1", "dump": {"uri": str(file), **dump}})


def tables(store):
    backups = sorted((row["source"], row["backup_id"]) for row in store.read(BACKUPS).collect())
    rejects = sorted((row["reason"], row["source"].split("/")[0]) for row in store.read(REJECTS).collect())
    return backups, rejects


def test_what_notices_name_is_read_once_whatever_comes_twice_too_early_or_damaged(
    spark, config, environment, monkeypatch
):
    queue, dead = queue_with_dead_letters("notices", 3)
    config = replace(config, queue=queue)
    topic, sns = topic_for(queue), boto3.client("sns")
    land(config, "one.jsonl", [record(1), record(2)])
    land(config, "unnamed.jsonl", [record(3)])
    land(config, "changed.jsonl", [record(4)])
    run = Path(config.landing) / f"{RUN}.jsonl"
    run.parent.mkdir(parents=True)
    run.write_text(json.dumps(phoenix()) + "\n")
    bodies = [notice(config, path) for path in ("canonical/one.jsonl", f"{RUN}.jsonl", LATE)]
    bodies += [
        bodies[0],
        "garbage",
        notice(config, "../elsewhere.jsonl"),
        notice(config, "canonical/changed.jsonl", bytes=1),
    ]
    for body in bodies:
        sns.publish(TopicArn=topic, Message=body)
    refused = [("bad_json", "notices"), ("dump_changed", "notices"), ("dump_outside", "notices")]
    first = [("canonical/one.jsonl", "nas-1"), ("canonical/one.jsonl", "nas-2"), (RUN, "job-1")]

    # Killed after the commit and before it could say so to the queue: all comes again.
    with monkeypatch.context() as killing:

        def kill(*_):
            raise KilledError

        killing.setattr(SqsQueue, "delete", kill)
        with pytest.raises(KilledError):
            ingest(store_of(spark, config), config)
    assert tables(store_of(spark, config)) == (first, refused)
    assert held(queue) == 7
    make_visible(queue)

    # Run again: nothing twice; what is not there yet is left to the next run.
    counts = ingest(store_of(spark, config), config)
    assert (counts["notices"], counts["waiting"], counts["backups"]) == (7, 1, 0)
    assert tables(store_of(spark, config)) == (first, refused)
    assert (held(queue), held(dead)) == (1, 0)

    # The last time: said in `rejects`, then a dead letter.
    assert ingest(store_of(spark, config), config)["waiting"] == 0
    assert ingest(store_of(spark, config), config)["notices"] == 0
    assert tables(store_of(spark, config)) == (first, sorted([*refused, ("dump_missing", "notices")]))
    assert (held(queue), held(dead)) == (0, 1)

    # The dump comes after all and the letter is sent anew.
    land(config, "late.jsonl", [record(5)])
    sqs = boto3.client("sqs")
    [letter] = sqs.receive_message(QueueUrl=dead)["Messages"]
    sqs.send_message(QueueUrl=queue, MessageBody=letter["Body"])
    assert ingest(store_of(spark, config), config)["backups"] == 1
    backups, _ = tables(store_of(spark, config))
    assert backups == sorted([*first, (LATE, "nas-5")])
    landed = {row["path"] for row in store_of(spark, config, MOMENT).read(LANDED).collect()}
    assert landed == {"canonical/one.jsonl", LATE, f"{RUN}.jsonl"}
    assert held(queue) == 0
