"""What there is to tell of episodes, from the rows of `anomalies` alone, and which messages that makes."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import groupby
from typing import Any

from jobs.channel_settings import Channel

Row = dict[str, Any]
Anomaly = Mapping[str, Any]

# By what is lost if it was an attack: content held to ransom; content gone; content that may be either; nothing.
WORST_FIRST = ("encrypt", "delete", "modify", "add")
EXCUSED = ("false_positive", "new_baseline")


@dataclass(frozen=True)
class Event:
    """One thing to tell of one episode: a word of `alerts.event`, and the alert that it is about."""

    word: str
    anomaly: Anomaly
    first_at: datetime  # end of the backup that alerted first in the episode
    last_at: datetime  # of the newest that did
    is_excused: bool  # people said of all its alerts that they were in order

    @property
    def alert_id(self) -> str:
        """The same for the same event, whenever and however often it is told; an episode may grow more than once."""
        parts = [self.anomaly["episode_id"], self.word]
        return alert_id(*parts, *([self.anomaly["anomaly_kind"]] if self.word == "grown" else []))


def alert_id(*parts: str) -> str:
    """First 16 hex digits of the SHA-256 of the parts, each behind its length in bytes: no two lists look alike.

    >>> alert_id("3f9c0a5be1d27486", "started")
    '9136a4899251a734'
    """
    prefixed = (f"{len(part.encode())}:{part}" for part in parts)
    return hashlib.sha256("".join(prefixed).encode()).hexdigest()[:16]


def events_of(anomalies: Iterable[Anomaly]) -> list[Event]:
    """What holds now, in the order in which the episodes began; of one episode start, growth, end.

    An episode that is snoozed has no events until it is no more. One that is over has both its start and its end: a
    receiver that keeps findings needs the one to make it and the other to close it.

    Parameters
    ----------
    anomalies : iterable of mapping
        Rows of `anomalies`, all that there are of each episode.
    """
    ordered = sorted(
        anomalies, key=lambda row: (row["tenant_id"], row["episode_id"], row["ended_at"], row["anomaly_id"])
    )
    episodes = [list(rows) for _, rows in groupby(ordered, key=lambda row: (row["tenant_id"], row["episode_id"]))]
    episodes.sort(key=lambda rows: (rows[0]["ended_at"], rows[0]["episode_id"]))
    return [event for rows in episodes for event in _events_of_one(rows)]


def _events_of_one(rows: Sequence[Anomaly]) -> Iterator[Event]:
    if any(row["status"] == "snoozed" for row in rows):
        return
    unexcused = [row for row in rows if row["status"] not in EXCUSED]
    facts = (rows[0]["ended_at"], rows[-1]["ended_at"], not unexcused)
    yield Event("started", rows[0], *facts)
    worst = WORST_FIRST.index(rows[0]["anomaly_kind"])
    for row in unexcused:
        if WORST_FIRST.index(row["anomaly_kind"]) < worst:
            worst = WORST_FIRST.index(row["anomaly_kind"])
            yield Event("grown", row, *facts)
    if not unexcused or _is_over(unexcused[-1]):
        yield Event("resolved", rows[-1], *facts)


def _is_over(newest: Anomaly) -> bool:
    """Whether the device is usual again after the newest alert of an episode.

    A confirmed attack keeps that word after its end. A backup that was judged since and is no alert of the episode was
    usual, or there would be a newer alert.
    """
    return bool(newest["status"] == "resolved" or (newest["status"] == "confirmed" and newest["backups_since"] > 0))


def owed(
    events: Iterable[Event], held: Sequence[Row], channels: Iterable[Channel], moment: datetime, max_age_days: int
) -> list[Row]:
    """Rows that `alerts` lacks: each event on each channel that is for its tenant.

    Told are episodes that the channel has heard of; and others unless they were excused before anybody was told of
    them, or began before both the channel's first message and `max_age_days` ago.

    Parameters
    ----------
    held : sequence of dict
        Rows of `alerts`.
    moment : datetime
        Of this run.
    """
    rows = []
    found = list(events)
    keys = {_key(row) for row in held}
    for channel in channels:
        own = [row for row in held if row["channel"] == channel.name]
        told = {(row["tenant_id"], row["episode_id"]) for row in own}
        since = min([moment - timedelta(days=max_age_days), *(row["owed_at"] for row in own)])
        for event in found:
            row = _row(event, channel.name, moment)
            is_told = (row["tenant_id"], row["episode_id"]) in told
            is_new = event.first_at >= since and not event.is_excused
            if is_for(channel, row["tenant_id"]) and (is_told or is_new) and _key(row) not in keys:
                rows.append(row)
    return rows


def waiting(
    events: Iterable[Event], rows: Iterable[Row], channels: Iterable[Channel]
) -> dict[str, list[tuple[Row, Event]]]:
    """By channel the messages that are still owed, in the order of the events.

    Left out for now: what no longer holds (the end of an episode that goes on again, an episode snoozed meanwhile), and
    what the configuration has no channel for any more.
    """
    by_key = {_key(row): row for row in rows if row["status"] == "owed"}
    found = list(events)
    queues: dict[str, list[tuple[Row, Event]]] = {}
    for channel in channels:
        pairs = ((by_key.get((e.anomaly["tenant_id"], e.alert_id, channel.name)), e) for e in found)
        queue = [(row, event) for row, event in pairs if row is not None and is_for(channel, row["tenant_id"])]
        if queue:
            queues[channel.name] = queue
    return queues


def is_for(channel: Channel, tenant_id: str) -> bool:
    """Whether a tenant's messages may go to a channel."""
    return not channel.tenants or tenant_id in channel.tenants


def _key(row: Mapping[str, Any]) -> tuple[str, str, str]:
    return row["tenant_id"], row["alert_id"], row["channel"]


def _row(event: Event, channel: str, moment: datetime) -> Row:
    copied = ("tenant_id", "episode_id", "anomaly_id", "product", "device_id", "anomaly_kind")
    return {
        **{name: event.anomaly[name] for name in copied},
        "alert_id": event.alert_id,
        "channel": channel,
        "event": event.word,
        "owed_at": moment,
        "status": "owed",
        "attempts": 0,
        "last_error": None,
        "next_attempt_at": None,
        "delivered_at": None,
    }
