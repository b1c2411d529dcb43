"""Draining the outbox: each channel by itself, in bounded time, and what became of each message."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime, timedelta

from jobs.alerts.events import Row
from jobs.alerts.told import Told
from jobs.errors import UdaError

FIRST_WAIT = timedelta(minutes=5)
LONGEST_WAIT = timedelta(days=1)  # the usual time between two runs
MOST_FAILURES = 3  # in a row; then the channel is down, and its other messages stay as they are
LIMIT_SECONDS = 60.0  # all channels together, side by side

Queue = Sequence[tuple[Row, Told]]
Send = Callable[[Told, datetime], None]


def deliver(
    queues: Mapping[str, Queue],
    sends: Mapping[str, Send],
    moment: datetime,
    attempts: int,
    limit: float = LIMIT_SECONDS,
) -> list[Row]:
    """Send what is due; return the rows of `alerts` that were tried, as they now stand.

    Each channel has a thread of its own, so one that is slow or down holds up no other; after `limit` seconds none is
    waited for. A message that is then under way counts as failed, and may come twice.

    Parameters
    ----------
    queues : mapping
        By channel, rows that are owed with their events; of one episode in the order in which they are to come.
    sends : mapping
        By channel, what sends one event that was found at a moment; raises UdaError if it was not taken.
    moment : datetime
        Of this run: what is due, and the moments in the rows.
    attempts : int
        After so many a message is given up.
    """
    over = threading.Event()
    tried: dict[str, list[Row]] = {name: [] for name in queues}
    threads = [
        threading.Thread(
            target=_drain, args=(queue, sends[name], moment, attempts, tried[name], over), name=name, daemon=True
        )
        for name, queue in queues.items()
    ]
    for thread in threads:
        thread.start()
    ends = time.monotonic() + limit
    for thread in threads:
        thread.join(max(0.0, ends - time.monotonic()))
    over.set()
    return [row for rows in tried.values() for row in list(rows)]


def _drain(queue: Queue, send: Send, moment: datetime, attempts: int, tried: list[Row], over: threading.Event) -> None:
    failures, held_up = 0, set()
    for row, event in queue:
        if over.is_set() or failures == MOST_FAILURES:
            return
        if row["episode_id"] in held_up:  # its end must not come before its start
            continue
        if row["next_attempt_at"] is not None and row["next_attempt_at"] > moment:
            held_up.add(row["episode_id"])
            continue
        tried.append(failed(row, "no answer in time", moment, attempts))  # unless it is known better in time
        try:
            send(event, row["owed_at"])
        except UdaError as error:
            tried[-1] = failed(row, str(error), moment, attempts)
            failures += 1
            if tried[-1]["status"] == "owed":
                held_up.add(row["episode_id"])
        else:
            tried[-1] = delivered(row, moment)
            failures = 0


def failed(row: Row, error: str, moment: datetime, attempts: int) -> Row:
    """The row after one attempt more that failed; the wait until the next is twice the one before."""
    count = row["attempts"] + 1
    is_last = count >= attempts
    wait = FIRST_WAIT * 2 ** min(count - 1, 20)
    return row | {
        "attempts": count,
        "last_error": error,
        "status": "gave_up" if is_last else "owed",
        "next_attempt_at": None if is_last else moment + min(wait, LONGEST_WAIT),
    }


def delivered(row: Row, moment: datetime) -> Row:
    """The row of a message that was taken."""
    return row | {
        "attempts": row["attempts"] + 1,
        "last_error": None,
        "status": "delivered",
        "next_attempt_at": None,
        "delivered_at": moment,
    }
