"""A queue of SQS with notices in it."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any
from urllib.parse import urlsplit

from jobs import log
from jobs.errors import UdaError
from jobs.ingest.pull import BATCH, LENT_SECONDS, Message, parts

AT_ONCE = 10  # messages that one call takes or deletes
CALLS = 8  # calls at a time: one waits for the network while another is worked on
WAIT_SECONDS = 1  # of a long poll: from 1 on SQS asks all of its servers, so that no answer means no message
RECEIVES = 5  # where no dead letter queue says how often; a message is given up by us then


class SqsQueue:
    """A queue of SQS; credentials and, if need be, the endpoint are what the usual AWS settings say."""

    def __init__(self, url: str) -> None:
        import boto3  # half a second, which nothing else waits for
        from botocore.config import Config

        self.url = url
        host = (urlsplit(url).hostname or "").split(".")
        region = host[1] if host[0] == "sqs" and len(host) > 2 else None  # the address names it
        waits = {"connect_timeout": 10, "read_timeout": 30 + WAIT_SECONDS, "max_pool_connections": CALLS + 1}
        retries: Any = {"mode": "standard", "total_max_attempts": 4}
        settings = Config(retries=retries, **waits)
        self.sqs: Any = self._tried(lambda: boto3.client("sqs", region_name=region, config=settings))
        policy = self._tried(lambda: self.sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["RedrivePolicy"])).get(
            "Attributes", {}
        )
        receives = json.loads(policy.get("RedrivePolicy", "{}")).get("maxReceiveCount")
        self.has_dead_letters = receives is not None
        self.receives = int(receives or RECEIVES)

    def batches(self) -> Iterator[list[Message]]:
        """As `Queue`; several calls at a time."""
        batch = self._batch()
        while batch:
            yield batch
            # Fewer than it could have been: the queue was found empty.
            batch = self._batch() if len(batch) >= BATCH else []

    def _batch(self) -> list[Message]:
        held: dict[str, Message] = {}

        def receive(_: int) -> None:
            while len(held) < BATCH:
                found = self._receive()
                held.update((message.id, message) for message in found)  # of one that came twice the newer handle
                if not found:
                    return

        with ThreadPoolExecutor(CALLS) as calls:
            list(calls.map(receive, range(CALLS)))
        return list(held.values())

    def _receive(self) -> list[Message]:
        answer = self._tried(
            lambda: self.sqs.receive_message(
                QueueUrl=self.url,
                MaxNumberOfMessages=AT_ONCE,
                WaitTimeSeconds=WAIT_SECONDS,
                VisibilityTimeout=LENT_SECONDS,
                MessageSystemAttributeNames=["ApproximateReceiveCount"],
            )
        )
        return [
            Message(
                said["MessageId"],
                said["Body"],
                int(said["Attributes"]["ApproximateReceiveCount"]) >= self.receives,
                said["ReceiptHandle"],
            )
            for said in answer.get("Messages", ())
        ]

    def keep(self, messages: Sequence[Message]) -> None:
        """As `Queue`."""
        self._lend(messages, LENT_SECONDS)

    def delete(self, messages: Sequence[Message]) -> None:
        """As `Queue`."""
        self._each("delete_message_batch", messages, {})

    def give_back(self, messages: Sequence[Message]) -> None:
        """As `Queue`; a queue that has dead letters moves a message there itself, when it is next asked for it."""
        is_over = [message.is_last and not self.has_dead_letters for message in messages]
        self.delete([message for message, over in zip(messages, is_over, strict=True) if over])
        self._lend([message for message, over in zip(messages, is_over, strict=True) if not over], 0)

    def _lend(self, messages: Sequence[Message], seconds: int) -> None:
        self._each("change_message_visibility_batch", messages, {"VisibilityTimeout": seconds})

    def _each(self, call: str, messages: Sequence[Message], also: dict[str, int]) -> None:
        def one(part: Sequence[Message]) -> int:
            entries = [{"Id": str(turn), "ReceiptHandle": message.handle, **also} for turn, message in enumerate(part)]
            answer = self._tried(lambda: getattr(self.sqs, call)(QueueUrl=self.url, Entries=entries))
            return len(answer.get("Failed", ()))

        with ThreadPoolExecutor(CALLS) as calls:
            failed = sum(calls.map(one, parts(messages, AT_ONCE)))
        if failed:  # lent for too long, or gone: such a message comes again, and is found held
            log.warn("queue", call=call, failed=failed, todo="nothing: such a message comes again")

    def _tried(self, call: Callable[[], Any]) -> Any:
        from botocore.exceptions import BotoCoreError, ClientError

        try:
            return call()
        except (BotoCoreError, ClientError, ValueError) as error:  # an address that is none is a ValueError
            raise UdaError(f"queue {self.url}: {str(error).partition(chr(10))[0]}") from error
