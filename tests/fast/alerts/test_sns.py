"""A topic of Amazon SNS, as moto's server on loopback has it: what a subscribed queue gets, and what a failure says."""

import json
import socket
import time
from collections.abc import Iterator
from types import SimpleNamespace

import boto3
import pytest
from moto.server import ThreadedMotoServer

from jobs.alerts import sns
from jobs.alerts.channels import send
from jobs.alerts.conditions import Operation
from jobs.alerts.delivery import deliver
from jobs.alerts.ocsf import detection_finding
from jobs.channel_settings import Jsonl, Sns
from jobs.cli import main
from jobs.errors import UdaError
from tests.fast.alerts.samples import MOMENT, event, row, started
from tests.fast.report.samples import HOSTILE

REGION = "eu-central-1"
SECRET = "wJalrXUtnFEMIexample"
START = started(tenant_id="acme", anomaly_kind="encrypt")


@pytest.fixture(scope="module")
def server() -> Iterator[str]:
    """The address of AWS on loopback."""
    serving = ThreadedMotoServer("127.0.0.1", 0, verbose=False)
    serving.start()
    yield "http://{}:{}".format(*serving.get_host_and_port())
    serving.stop()


@pytest.fixture
def aws(server, monkeypatch, tmp_path):
    """The usual AWS variables, set for that server; and its services."""
    for name, value in {
        "AWS_ENDPOINT_URL": server,
        "AWS_ACCESS_KEY_ID": "test",
        "AWS_SECRET_ACCESS_KEY": SECRET,
        "AWS_CONFIG_FILE": str(tmp_path / "none"),
        "AWS_EC2_METADATA_DISABLED": "true",
        "no_proxy": "127.0.0.1",
    }.items():
        monkeypatch.setenv(name, value)
    sns.client.cache_clear()
    yield SimpleNamespace(**{name: boto3.client(name, region_name=REGION) for name in ("sns", "sqs")})
    sns.client.cache_clear()


def subscribed(aws, name, raw="true", policy=None):
    """A topic, and a queue that gets what is published to it."""
    fifo = {"FifoTopic": "true", "ContentBasedDeduplication": "false"} if name.endswith(".fifo") else {}
    topic = aws.sns.create_topic(Name=name, Attributes=fifo)["TopicArn"]
    queue = aws.sqs.create_queue(QueueName=name, Attributes={"FifoQueue": "true"} if fifo else {})["QueueUrl"]
    arn = aws.sqs.get_queue_attributes(QueueUrl=queue, AttributeNames=["QueueArn"])["Attributes"]["QueueArn"]
    attributes = {"RawMessageDelivery": raw} | ({"FilterPolicy": json.dumps(policy)} if policy else {})
    aws.sns.subscribe(TopicArn=topic, Protocol="sqs", Endpoint=arn, Attributes=attributes)
    return topic, queue


def got(aws, queue):
    names = {"MessageAttributeNames": ["All"], "AttributeNames": ["All"], "MaxNumberOfMessages": 10}
    return aws.sqs.receive_message(QueueUrl=queue, **names).get("Messages", [])


def failure(topic, about=START):
    with pytest.raises(UdaError) as raised:
        send(Sns("topic", topic), about, MOMENT, {})
    assert "\n" not in str(raised.value)
    assert SECRET not in str(raised.value)
    return str(raised.value)


def test_a_subscribed_queue_gets_the_finding_with_what_it_can_be_filtered_by(aws):
    topic, queue = subscribed(aws, "alerts")
    send(Sns("topic", topic), START, MOMENT, {})
    (message,) = got(aws, queue)
    assert json.loads(message["Body"]) == detection_finding(START, MOMENT)
    said = {name: value["StringValue"] for name, value in message["MessageAttributes"].items()}
    assert said == {"tenant_id": "acme", "event": "started", "anomaly_kind": "encrypt"}


def test_what_is_of_the_whole_lake_names_its_condition_and_no_tenant(aws):
    topic, queue = subscribed(aws, "operations")
    send(Sns("topic", topic), Operation("started", None, "e" * 16, "no_run", None, "none", MOMENT, MOMENT), MOMENT, {})
    (message,) = got(aws, queue)
    said = {name: value["StringValue"] for name, value in message["MessageAttributes"].items()}
    assert said == {"event": "started", "condition": "no_run"}


def test_a_subscription_gets_only_the_tenant_that_it_filters_by(aws):
    topic, queue = subscribed(aws, "filtered", policy={"tenant_id": ["acme"], "event": ["started"]})
    for about in (START, started(tenant_id="umbrella"), event("resolved", tenant_id="acme")):
        send(Sns("topic", topic), about, MOMENT, {})
    (message,) = got(aws, queue)
    assert json.loads(message["Body"])["metadata"]["uid"] == START.alert_id


def test_a_fifo_topic_drops_a_repetition_and_keeps_the_order_of_an_episode(aws):
    topic, queue = subscribed(aws, "alerts.fifo")
    for about in (START, START, event("resolved")):
        send(Sns("topic", topic), about, MOMENT, {})
    start, end = got(aws, queue)
    assert start["Attributes"]["MessageDeduplicationId"] == START.alert_id
    assert start["Attributes"]["MessageGroupId"] == START.anomaly["episode_id"]
    assert json.loads(end["Body"])["activity_name"] == "Close"


def test_a_hostile_name_changes_neither_subject_nor_attributes(aws):
    topic, queue = subscribed(aws, "hostile", raw="false")
    about = started(device_id=HOSTILE + "\u00fc" * 200, tenant_id=HOSTILE)
    send(Sns("topic", topic), about, MOMENT, {})
    outer = json.loads(got(aws, queue)[0]["Body"])
    assert outer["Subject"].isascii()
    assert outer["Subject"].isprintable()
    assert 0 < len(outer["Subject"]) < 100
    assert outer["MessageAttributes"]["tenant_id"]["Value"].isprintable()
    assert json.loads(outer["Message"]) == detection_finding(about, MOMENT)


def test_a_topic_that_is_not_there_is_a_failure_that_says_so(aws):
    assert "NotFound" in failure(f"arn:aws:sns:{REGION}:123456789012:nobodys")


def test_no_credentials_are_a_failure_that_says_so(aws, monkeypatch, tmp_path):
    topic, _ = subscribed(aws, "unsigned")
    monkeypatch.delenv("AWS_ACCESS_KEY_ID")
    monkeypatch.delenv("AWS_SECRET_ACCESS_KEY")
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", str(tmp_path / "none"))
    assert "credentials" in failure(topic)


def test_an_endpoint_that_is_silent_or_gone_is_a_failure_in_bounded_time_and_holds_up_no_other(
    aws, monkeypatch, tmp_path
):
    monkeypatch.setattr(sns, "TIMEOUT_SECONDS", 0.3)
    topic = f"arn:aws:sns:{REGION}:123456789012:alerts"
    with socket.create_server(("127.0.0.1", 0)) as silent:
        monkeypatch.setenv("AWS_ENDPOINT_URL", f"http://127.0.0.1:{silent.getsockname()[1]}")
        began = time.monotonic()
        channels = [Sns("topic", topic), Jsonl("file", str(tmp_path / "alerts.jsonl"))]
        queues = {channel.name: [(row(START, channel.name), START)] for channel in channels}
        sends = {c.name: lambda about, owed_at, c=c: send(c, about, owed_at, {}) for c in channels}
        tried = {found["channel"]: found for found in deliver(queues, sends, MOMENT, 12)}
        assert time.monotonic() - began < 4
        silent.setblocking(False)
        silent.accept()
        with pytest.raises(BlockingIOError):  # one attempt, for the outbox repeats it
            silent.accept()
    assert (tried["file"]["status"], tried["topic"]["status"]) == ("delivered", "owed")
    assert "timeout" in tried["topic"]["last_error"].lower()
    sns.client.cache_clear()
    assert "Could not connect" in failure(topic)


def test_uda_alerts_test_sends_through_a_topic(aws, tmp_path, capsys):
    topic, queue = subscribed(aws, "tested")
    (tmp_path / "uda.toml").write_text(f'[channels.aws]\nkind = "sns"\ntopic = "{topic}"\n')
    assert main(["alerts", "test", "aws", "--config", str(tmp_path / "uda.toml")]) == 0
    finding = json.loads(got(aws, queue)[0]["Body"])
    said = f"channel aws: test message delivered, alert_id {finding['metadata']['uid']}\n"
    assert capsys.readouterr().out == said
