"""Publishing one message to a topic of Amazon SNS. Credentials and endpoint are what the usual AWS settings say."""

from __future__ import annotations

import re
from functools import cache
from typing import Any

import boto3
from botocore.config import Config

TIMEOUT_SECONDS = 5.0  # to connect, and of each answer that is waited for
LONGEST_SUBJECT = 99  # characters; the service takes fewer than 100


@cache
def client(region: str) -> Any:
    """The service's client of one region, made once a process: that takes a tenth of a second."""
    # A repetition is the outbox's: after minutes, and counted.
    once = Config(connect_timeout=TIMEOUT_SECONDS, read_timeout=TIMEOUT_SECONDS, retries={"total_max_attempts": 1})
    return boto3.session.Session().client("sns", region_name=region, config=once)


def publish(topic: str, body: str, subject: str, attributes: dict[str, str], group: str, alert_id: str) -> None:
    """Publish one message; return once the topic has it.

    Parameters
    ----------
    topic : str
        Its ARN, which says the region. Of a FIFO topic the name ends in `.fifo`.
    subject : str
        Of the mail that a subscribed mailbox gets.
    attributes : dict
        What a subscription can filter by.
    group, alert_id : str
        A FIFO topic keeps the order of a group, and drops the second message of an id within five minutes.
    """
    attributed = {name: {"DataType": "String", "StringValue": value} for name, value in attributes.items()}
    fifo = {"MessageGroupId": group, "MessageDeduplicationId": alert_id} if topic.endswith(".fifo") else {}
    region = topic.split(":")[3]
    client(region).publish(TopicArn=topic, Message=body, Subject=_ascii(subject), MessageAttributes=attributed, **fifo)


def _ascii(text: str) -> str:
    """The service takes only ASCII that does not begin with a blank."""
    return re.sub(r"[^!-~]+", " ", text).strip()[:LONGEST_SUBJECT] or "open UDA"
