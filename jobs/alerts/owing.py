"""Which messages to write down and which to send: from what there is to tell and the rows of `alerts` alone."""

from __future__ import annotations

from collections.abc import Container, Iterable, Mapping, Sequence
from datetime import datetime

from jobs.alerts.conditions import Facts, Operation, operations_owed
from jobs.alerts.events import Event, Row, alert_id, told_since
from jobs.alerts.fleet import FleetEvent, Key
from jobs.alerts.told import Told
from jobs.channel_settings import Channel
from jobs.tables import ALERTS


def owed(
    events: Sequence[Event | FleetEvent],
    fleet_of: Mapping[Key, str],
    held: Sequence[Row],
    channels: Iterable[Channel],
    moment: datetime,
    max_age_days: int,
) -> list[Row]:
    """Rows that `alerts` lacks, and held ones that changed: each event on each channel that is for its tenant.

    Told are episodes that the channel has heard of; and others unless they were excused before anybody was told of
    them, or began before both the channel's first message and `max_age_days` ago. What is part of a fleet episode is
    covered by that one's messages.

    Parameters
    ----------
    fleet_of : mapping
        Fleet episode by tenant and episode.
    held : sequence of dict
        Rows of `alerts`.
    moment : datetime
        Of this run.
    """
    rows = []
    for channel in channels:
        own = {row["alert_id"]: row for row in _own(held, channel)}
        since = told_since(own.values(), moment, max_age_days)
        heard_of = {row["episode_id"] for row in own.values()}
        told = [event for event in events if is_for(channel, event) and _is_told(event, heard_of, since)]
        covers = _covers(told, fleet_of, own)
        for event in told:
            row, fleet_id = own.get(event.alert_id), covers.get(event.alert_id)
            if row is None or (fleet_id and row["status"] == "owed"):
                row = row or _row(event, channel.name, moment)
                covered = {"status": "covered", "fleet_episode_id": fleet_id, "next_attempt_at": None}
                rows.append(row | covered if fleet_id else row)
    return rows


def _is_told(event: Event | FleetEvent, heard_of: Container[str], since: datetime) -> bool:
    return event.episode_id in heard_of or (event.counts_from >= since and not event.is_excused)


def operations_owed_to(
    facts: Facts, held: Sequence[Row], channels: Iterable[Channel], moment: datetime, max_age_days: int
) -> list[Row]:
    """Rows that `alerts` lacks of conditions, on each channel that is for operations and for their tenant."""
    return [
        _row(operation, channel.name, moment)
        for channel in channels
        for operation in operations_owed(facts, _own(held, channel), moment, max_age_days)
        if is_for(channel, operation)
    ]


def _own(held: Iterable[Row], channel: Channel) -> list[Row]:
    return [row for row in held if row["channel"] == channel.name]


def _covers(told: Sequence[Event | FleetEvent], fleet_of: Mapping[Key, str], own: Mapping[str, Row]) -> dict[str, str]:
    """By message the fleet episode of which another message says the same already.

    That is so of its devices; but where the start of one was delivered by itself, so is its end, for a receiver that
    keeps findings has one to close. And of its growth: what has grown before it is told at all, and all but the last.
    """
    fleets = [event for event in told if isinstance(event, FleetEvent)]
    last_growth = {event.episode_id: event.alert_id for event in fleets if event.word == "grown"}
    told_of = {event.episode_id for event in fleets}
    covers = {}
    for event in told:
        start = own.get(alert_id(event.episode_id, "started"))
        if isinstance(event, FleetEvent):
            if event.word == "grown" and (start is None or event.alert_id != last_growth[event.episode_id]):
                covers[event.alert_id] = event.episode_id
        else:
            fleet_id = fleet_of.get((event.tenant_id, event.episode_id))
            was_told = start is not None and start["status"] == "delivered"
            if fleet_id in told_of and not (event.word == "resolved" and was_told):
                covers[event.alert_id] = str(fleet_id)
    return covers


def waiting(
    events: Iterable[Told], rows: Iterable[Row], channels: Iterable[Channel]
) -> dict[str, list[tuple[Row, Told]]]:
    """By channel the messages that are still owed, in the order of the events.

    Left out for now: what no longer holds (the end of an episode that goes on again, an episode snoozed meanwhile), and
    what the configuration has no channel for any more.
    """
    by_key = {_key(row): row for row in rows}
    found = list(events)
    queues: dict[str, list[tuple[Row, Told]]] = {}
    for channel in channels:
        pairs = [(by_key.get((event.alert_id, channel.name)), event) for event in found]
        queue = [(row, event) for row, event in pairs if row is not None and row["status"] == "owed"]
        queue = [(row, event) for row, event in queue if is_for(channel, event)]
        if queue:
            queues[channel.name] = queue
    return queues


def is_for(channel: Channel, event: Told) -> bool:
    """Whether a message may go to a channel: what is of the whole lake is for none that is for single tenants."""
    about = "operations" if isinstance(event, Operation) else "episodes"
    is_for_tenant = not channel.tenants or event.tenant_id in channel.tenants
    return is_for_tenant and (not channel.about or about in channel.about)


def _key(row: Row) -> tuple[str, str]:
    return row["alert_id"], row["channel"]


def _row(event: Told, channel: str, moment: datetime) -> Row:
    if isinstance(event, Operation):
        own = {name: getattr(event, name) for name in ("condition", "subject", "detail")} | {"about": "operation"}
    elif isinstance(event, FleetEvent):
        own = {name: event.anomaly[name] for name in ("anomaly_id", "anomaly_kind")} | {"about": "fleet"}
    else:
        names = ("anomaly_id", "product", "device_id", "anomaly_kind")
        own = {name: event.anomaly[name] for name in names} | {"about": "episode"}
    row = dict.fromkeys(ALERTS.names) | own
    row |= {"tenant_id": event.tenant_id, "episode_id": event.episode_id}
    row |= {"alert_id": event.alert_id, "channel": channel, "event": event.word}
    return row | {"owed_at": moment, "status": "owed", "attempts": 0}
