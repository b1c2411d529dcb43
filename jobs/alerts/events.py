"""What there is to tell of episodes, from the rows of `anomalies` alone."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import groupby
from typing import Any

Row = dict[str, Any]
Anomaly = Mapping[str, Any]
Episode = Sequence[Anomaly]  # its alerts, oldest first

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
    def tenant_id(self) -> str:
        """Whose device it is."""
        return str(self.anomaly["tenant_id"])

    @property
    def episode_id(self) -> str:
        """Of its episode."""
        return str(self.anomaly["episode_id"])

    @property
    def counts_from(self) -> datetime:
        """How old it is, for `max_age_days`."""
        return self.first_at

    @property
    def alert_id(self) -> str:
        """The same for the same event, whenever and however often it is told; an episode may grow more than once."""
        parts = [self.episode_id, self.word]
        return alert_id(*parts, *([self.anomaly["anomaly_kind"]] if self.word == "grown" else []))


def alert_id(*parts: str) -> str:
    """First 16 hex digits of the SHA-256 of the parts, each behind its length in bytes: no two lists look alike.

    >>> alert_id("3f9c0a5be1d27486", "started")
    '9136a4899251a734'
    """
    prefixed = (f"{len(part.encode())}:{part}" for part in parts)
    return hashlib.sha256("".join(prefixed).encode()).hexdigest()[:16]


def told_since(own: Iterable[Row], moment: datetime, max_age_days: int) -> datetime:
    """What began before is not told on a channel: `max_age_days` ago, or its first message if that was earlier.

    `own` are its rows of `alerts`.
    """
    first: datetime = min((row["owed_at"] for row in own), default=moment)
    return min(moment - timedelta(days=max_age_days), first)


def episodes_of(anomalies: Iterable[Anomaly]) -> list[Episode]:
    """Anomalies by episode, in the order in which the episodes began.

    Parameters
    ----------
    anomalies : iterable of mapping
        Rows of `anomalies`, all that there are of each episode.
    """
    ordered = sorted(
        anomalies, key=lambda row: (row["tenant_id"], row["episode_id"], row["ended_at"], row["anomaly_id"])
    )
    episodes = [list(rows) for _, rows in groupby(ordered, key=lambda row: (row["tenant_id"], row["episode_id"]))]
    return sorted(episodes, key=lambda rows: (rows[0]["ended_at"], rows[0]["episode_id"]))


def events_of(episodes: Iterable[Episode]) -> list[Event]:
    """What holds now, in the order in which the episodes began; of one episode start, growth, end.

    An episode that is snoozed has no events until it is no more. One that is over has both its start and its end: a
    receiver that keeps findings needs the one to make it and the other to close it.
    """
    return [event for rows in episodes for event in _events_of_one(rows)]


def _events_of_one(rows: Episode) -> Iterator[Event]:
    if is_snoozed(rows):
        return
    counted = unexcused(rows)
    facts = (rows[0]["ended_at"], rows[-1]["ended_at"], not counted)
    yield Event("started", rows[0], *facts)
    worst = badness(rows[0])
    for row in counted:
        if badness(row) < worst:
            worst = badness(row)
            yield Event("grown", row, *facts)
    if is_over(rows):
        yield Event("resolved", rows[-1], *facts)


def badness(row: Anomaly) -> int:
    """Place of an alert's kind among all: 0 is the worst."""
    return WORST_FIRST.index(row["anomaly_kind"])


def is_snoozed(rows: Episode) -> bool:
    """Whether nobody is to be told of an episode for now."""
    return any(row["status"] == "snoozed" for row in rows)


def unexcused(rows: Episode) -> list[Anomaly]:
    """The alerts of an episode but for those of which people said that they were in order."""
    return [row for row in rows if row["status"] not in EXCUSED]


def is_over(rows: Episode) -> bool:
    """Whether the device is usual again, or a verdict closed the episode.

    A confirmed attack keeps that word after its end. A backup that was judged since and is no alert of the episode was
    usual, or there would be a newer alert.
    """
    counted = unexcused(rows)
    if not counted:
        return True
    newest = counted[-1]
    return bool(newest["status"] == "resolved" or (newest["status"] == "confirmed" and newest["backups_since"] > 0))
