"""Where notices wait: each message comes until it is deleted, and after its last time goes to the dead letters."""

import json
import os
import threading
from datetime import UTC, datetime, timedelta

import boto3
import pytest

from jobs.errors import UdaError
from jobs.ingest.pull import kept
from jobs.ingest.queued import queue_at
from tests.fast.notices.aws import aws, held, queue_with_dead_letters

NOW = datetime(2025, 3, 3, 12, tzinfo=UTC)


@pytest.fixture(scope="module")
def server():
    with aws() as environment:
        yield environment


@pytest.fixture
def sqs(server, monkeypatch):
    for name, value in server.items():
        monkeypatch.setenv(name, value)
    return boto3.client("sqs")


def taken(queue):
    """All messages that one look at the queue finds."""
    return [message for batch in queue_at(queue, NOW, 24).batches() for message in batch]


def test_every_message_is_taken_once_and_is_gone_once_it_is_deleted(sqs):
    url, _ = queue_with_dead_letters("all", 3)
    for number in range(23):
        sqs.send_message(QueueUrl=url, MessageBody=str(number))
    queue = queue_at(url, NOW, 24)
    [messages] = queue.batches()
    assert sorted(int(message.body) for message in messages) == list(range(23))
    assert len({message.id for message in messages}) == 23
    queue.delete(messages[:20])
    assert held(url) == 3
    queue.delete(messages[20:])
    assert (held(url), taken(url)) == (0, [])


def test_a_message_that_is_given_back_comes_again_until_its_last_time_and_then_lies_among_the_dead(sqs):
    url, dead = queue_with_dead_letters("again", 3)
    sent = sqs.send_message(QueueUrl=url, MessageBody="wait")["MessageId"]
    came = []
    for _ in range(3):
        queue = queue_at(url, NOW, 24)
        [[message]] = queue.batches()
        came.append((message.id, message.is_last))
        queue.give_back([message])
    assert came == [(sent, False), (sent, False), (sent, True)]
    assert taken(url) == []
    assert (held(url), held(dead)) == (0, 1)


def test_without_dead_letters_a_message_is_given_up_after_five_times(sqs):
    url = sqs.create_queue(QueueName="alone")["QueueUrl"]
    sqs.send_message(QueueUrl=url, MessageBody="wait")
    for turn in range(1, 6):
        queue = queue_at(url, NOW, 24)
        [[message]] = queue.batches()
        assert message.is_last == (turn == 5)
        queue.give_back([message])
    assert held(url) == 0


def test_what_is_kept_is_lent_for_longer(sqs):
    url, _ = queue_with_dead_letters("kept", 3)
    sqs.send_message(QueueUrl=url, MessageBody="work")
    queue = queue_at(url, NOW, 24)
    [[message]] = queue.batches()
    # As if all of the time but a moment had gone by.
    sqs.change_message_visibility(QueueUrl=url, ReceiptHandle=message.handle, VisibilityTimeout=1)
    with kept(queue, [message], every=0.05):
        threading.Event().wait(1.5)
    assert taken(url) == []
    queue.delete([message])
    assert held(url) == 0


def test_that_a_message_could_not_be_kept_stops_nothing(caplog):
    class Unreachable:
        asked = threading.Event()

        def keep(self, messages):
            self.asked.set()
            raise UdaError("queue: no answer")

    with kept(Unreachable(), [], every=0.01):
        assert Unreachable.asked.wait(5)
    assert "no answer" in str([record.fields for record in caplog.records])


@pytest.mark.parametrize(
    ("address", "said"),
    [
        ("http://127.0.0.1:1/123456789012/notices", "queue http://127.0.0.1:1/123456789012/notices: "),
        ("https://sqs.eu-central-1.amazonaws.com/1/none", "does not exist"),
        ("/nowhere", "nor a folder with notices"),
    ],
)
def test_a_queue_that_is_not_there_is_said_in_one_line(sqs, address, said, monkeypatch):
    if ":1/" in address:
        monkeypatch.setenv("AWS_ENDPOINT_URL", "http://127.0.0.1:1")
    with pytest.raises(UdaError) as error:
        taken(address)
    assert said in str(error.value) and "\n" not in str(error.value)


def test_a_folder_has_the_same_notices_as_files_and_keeps_its_dead(tmp_path):
    for name, hours in (("b.json", 1), ("a.json", 30), ("half.json.tmp", 1)):
        file = tmp_path / name
        file.write_text(json.dumps(name))
        at = (NOW - timedelta(hours=hours)).timestamp()
        os.utime(file, (at, at))
    queue = queue_at(str(tmp_path), NOW, 24)
    [messages] = queue.batches()
    assert [(message.id, message.is_last) for message in messages] == [("a.json", True), ("b.json", False)]
    queue.give_back(messages)
    assert sorted(str(file.relative_to(tmp_path)) for file in tmp_path.rglob("*.json*")) == [
        "b.json",
        "dead/a.json",
        "half.json.tmp",
    ]
    queue.delete(messages[1:])
    assert taken(str(tmp_path)) == []


def test_of_a_file_that_is_no_notice_no_more_than_a_message_can_have_is_read(tmp_path):
    with (tmp_path / "huge.json").open("wb") as file:
        file.truncate(1 << 30)
    [message] = taken(str(tmp_path))
    assert len(message.body) == 1 << 20
