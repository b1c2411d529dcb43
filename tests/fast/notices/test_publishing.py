"""The lines that a product team writes, run as they stand in the page against moto's server."""

from datetime import UTC, datetime

import boto3
import pytest

from jobs.ingest.notices import notice_of
from jobs.ingest.queued import queue_at
from tests.fast.docs.pages import blocks
from tests.fast.notices.aws import aws, queue_with_dead_letters, topic_for
from tests.fast.readers.landed import made_of

LANDING = "s3a://acme-landing/landing"


@pytest.fixture
def queue(monkeypatch):
    with aws() as environment:
        for name, value in environment.items():
            monkeypatch.setenv(name, value)
        boto3.client("s3").create_bucket(Bucket="acme-landing")
        url, _ = queue_with_dead_letters("uda-notices", 24)
        topic_for(url)
        yield url


def test_what_a_product_team_writes_arrives_as_a_notice_of_a_dump_that_is_read(queue, tmp_path):
    [code] = blocks("docs/notices.md", "python")
    exec(compile(code, "docs/notices.md", "exec"), {})
    [[message]] = queue_at(queue, datetime(2025, 3, 3, tzinfo=UTC), 24).batches()
    notice = notice_of(message.body, LANDING, {"insync": "acme"})
    dump = boto3.client("s3").get_object(Bucket="acme-landing", Key=f"landing/{notice.path}")["Body"].read()
    assert notice.bytes == len(dump)
    [record] = made_of(tmp_path, "insync", {"jsonl": dump})
    assert (record["tenant_id"], record["backup_id"], record["files_added"]) == ("acme", "1740968115", 1)
