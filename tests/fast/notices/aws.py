"""moto's server on loopback, and what a publisher does with it."""

import json
from contextlib import contextmanager
from threading import Lock
from unittest import mock

import boto3
from moto.server import ThreadedMotoServer
from moto.sqs.models import SQSBackend, sqs_backends

SETTINGS = {
    "AWS_ACCESS_KEY_ID": "none",
    "AWS_SECRET_ACCESS_KEY": "none",
    "AWS_DEFAULT_REGION": "us-east-1",
    "AWS_ALLOW_HTTP": "true",  # of delta-rs
    "no_proxy": "127.0.0.1",
}


@contextmanager
def aws():
    """A server; gives the environment in which the AWS libraries find it."""
    server = ThreadedMotoServer("127.0.0.1", 0, verbose=False)
    with mock.patch.object(SQSBackend, "receive_message", one_at_a_time(SQSBackend.receive_message)):
        server.start()
        try:
            host, port = server.get_host_and_port()
            yield {**SETTINGS, "AWS_ENDPOINT_URL": f"http://{host}:{port}"}
        finally:
            server.stop()


def one_at_a_time(receive):
    """Of two calls at once moto may fail one after it lent out messages, which then come again in ten minutes only."""
    lock = Lock()

    def locked(backend, queue_name, count, wait_seconds_timeout, *more):
        with lock:  # a long poll would have the others wait for it
            return receive(backend, queue_name, count, 0, *more)

    return locked


def queue_with_dead_letters(name, receives):
    """URLs of a queue and of where its messages go after so many receives."""
    sqs = boto3.client("sqs")
    dead = sqs.create_queue(QueueName=f"{name}-dead")["QueueUrl"]
    policy = {"deadLetterTargetArn": arn_of(sqs, dead), "maxReceiveCount": receives}
    queue = sqs.create_queue(QueueName=name, Attributes={"RedrivePolicy": json.dumps(policy)})["QueueUrl"]
    return queue, dead


def topic_for(queue):
    """ARN of a topic whose messages go to the queue."""
    sns = boto3.client("sns")
    topic = sns.create_topic(Name="backup-complete")["TopicArn"]
    sns.subscribe(TopicArn=topic, Protocol="sqs", Endpoint=arn_of(boto3.client("sqs"), queue))
    return topic


def arn_of(sqs, queue):
    return sqs.get_queue_attributes(QueueUrl=queue, AttributeNames=["QueueArn"])["Attributes"]["QueueArn"]


def make_visible(queue):
    """What was lent to a run that is dead comes again, as it would after ten minutes."""
    for message in sqs_backends["123456789012"]["us-east-1"].queues[queue.rpartition("/")[2]]._messages:
        message.visible_at = 0


def held(queue):
    """How many messages a queue has, visible or not."""
    names = ["ApproximateNumberOfMessages", "ApproximateNumberOfMessagesNotVisible"]
    said = boto3.client("sqs").get_queue_attributes(QueueUrl=queue, AttributeNames=names)["Attributes"]
    return sum(int(said[name]) for name in names)
