"""Each channel by itself, in bounded time; what is not taken stays owed and is tried again, less and less often."""

import threading
import time
from datetime import timedelta

import pytest

from jobs.alerts.delivery import FIRST_WAIT, LONGEST_WAIT, MOST_FAILURES, deliver
from jobs.alerts.events import episodes_of, events_of
from jobs.alerts.owing import owed, waiting
from jobs.channel_settings import Jsonl
from jobs.errors import UdaError
from tests.fast.alerts.samples import MOMENT, episode, row, started

ATTEMPTS = 5


class Channel:
    """Takes what it is sent, but for ids that it refuses."""

    def __init__(self, refused=()):
        self.refused, self.asked, self.taken = set(refused), [], []

    def __call__(self, event, owed_at):
        self.asked.append(event.alert_id)
        if event.alert_id in self.refused:
            raise UdaError("refused")
        self.taken.append(event.alert_id)


class Down(Channel):
    def __call__(self, event, owed_at):
        self.asked.append(event.alert_id)
        raise UdaError("Connection refused")


def queue_of(count, channel="file", **stated):
    events = [started(anomaly_id=f"{n:016x}", episode_id=f"{n:016x}") for n in range(count)]
    return [(row(event, channel, **stated), event) for event in events]


def ids(queue):
    return [event.alert_id for _, event in queue]


def test_what_is_taken_is_delivered_with_the_moment_of_the_run():
    queue = queue_of(3)
    tried = deliver({"file": queue}, {"file": Channel()}, MOMENT, ATTEMPTS)
    assert [(found["status"], found["attempts"], found["delivered_at"]) for found in tried] == 3 * [
        ("delivered", 1, MOMENT)
    ]
    assert [found["alert_id"] for found in tried] == ids(queue)


def test_a_channel_that_is_down_is_asked_a_few_times_and_holds_up_no_other():
    down, well = Down(), Channel()
    queues = {"down": queue_of(20, "down"), "well": queue_of(20, "well")}
    tried = deliver(queues, {"down": down, "well": well}, MOMENT, ATTEMPTS)
    assert len(down.asked) == MOST_FAILURES
    assert well.taken == ids(queues["well"])
    missed = [found for found in tried if found["channel"] == "down"]
    expected = ("owed", 1, "Connection refused", MOMENT + FIRST_WAIT, None)
    names = ("status", "attempts", "last_error", "next_attempt_at", "delivered_at")
    assert [tuple(found[name] for name in names) for found in missed] == MOST_FAILURES * [expected]


def test_messages_that_are_refused_one_by_one_hold_up_no_other():
    queue = queue_of(2 * MOST_FAILURES)
    refused, taken = ids(queue)[::2], ids(queue)[1::2]
    channel = Channel(refused)
    deliver({"file": queue}, {"file": channel}, MOMENT, ATTEMPTS)
    assert channel.taken == taken


def test_a_channel_that_never_answers_is_left_after_the_limit_and_the_message_counts_as_tried():
    answer = threading.Event()

    def hangs(event, owed_at):
        answer.wait(20)

    began = time.monotonic()
    tried = deliver(
        {"hangs": queue_of(2, "hangs"), "well": queue_of(2, "well")},
        {"hangs": hangs, "well": Channel()},
        MOMENT,
        ATTEMPTS,
        limit=0.3,
    )
    answer.set()
    assert time.monotonic() - began < 5
    assert [(found["channel"], found["status"], found["last_error"]) for found in tried] == [
        ("hangs", "owed", "no answer in time"),
        ("well", "delivered", None),
        ("well", "delivered", None),
    ]


def test_waits_double_up_to_a_day_and_the_last_attempt_gives_up():
    (found, event), waits = queue_of(1)[0], []
    for attempt in range(1, 13):
        (found,) = deliver({"file": [(found, event)]}, {"file": Down()}, MOMENT, 12)
        assert found["attempts"] == attempt
        if found["status"] == "owed":
            waits.append(found["next_attempt_at"] - MOMENT)
            found["next_attempt_at"] = MOMENT
    assert waits == [min(FIRST_WAIT * 2**n, LONGEST_WAIT) for n in range(11)]
    assert (found["status"], found["next_attempt_at"], found["last_error"]) == ("gave_up", None, "Connection refused")


@pytest.mark.parametrize(("wait", "is_asked"), [(timedelta(0), True), (timedelta(seconds=1), False)])
def test_a_message_is_not_tried_before_its_time(wait, is_asked):
    channel = Channel()
    deliver({"file": queue_of(1, next_attempt_at=MOMENT + wait)}, {"file": channel}, MOMENT, ATTEMPTS)
    assert bool(channel.asked) == is_asked


def test_the_end_of_an_episode_never_comes_before_its_start():
    events = events_of(episodes_of(episode("add", "delete", status="resolved")))
    rows = owed(events, {}, [], [Jsonl("file", "/x")], MOMENT, 7)
    start, growth, end = (event.alert_id for event in events)
    channel = Channel(refused=[start])
    rows = deliver(waiting(events, rows, [Jsonl("file", "/x")]), {"file": channel}, MOMENT, ATTEMPTS) + rows[1:]
    assert channel.asked == [start]
    deliver(waiting(events, rows, [Jsonl("file", "/x")]), {"file": channel}, MOMENT, ATTEMPTS)
    assert channel.asked == [start]  # not due yet, and holds the others up
    later = Channel()
    deliver(waiting(events, rows, [Jsonl("file", "/x")]), {"file": later}, MOMENT + FIRST_WAIT, ATTEMPTS)
    assert later.taken == [start, growth, end]
    # What was given up holds nothing up.
    channel = Channel(refused=[start])
    deliver(waiting(events, rows, [Jsonl("file", "/x")]), {"file": channel}, MOMENT + FIRST_WAIT, 2)
    assert channel.taken == [growth, end]
