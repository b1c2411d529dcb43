"""The outbox, table `alerts`: what is owed is written down first, then sent, then what became of it is written down."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import datetime
from functools import partial

from jobs import log
from jobs.alerts.channels import send
from jobs.alerts.conditions import Facts, operations_of
from jobs.alerts.delivery import deliver
from jobs.alerts.events import Anomaly, Event, Row, episodes_of, events_of
from jobs.alerts.fleet import FleetEvent, Key, fleet_events, fleets_of
from jobs.alerts.owing import operations_owed_to, owed, waiting
from jobs.config import Config
from jobs.report.reading import rows_of
from jobs.tables import DEVICES


def tell(
    config: Config,
    moment: datetime,
    held: Sequence[Row],
    anomalies: Iterable[Anomaly],
    facts: Facts,
    write: Callable[[Sequence[Row]], None],
    environment: Mapping[str, str],
) -> dict[str, int]:
    """Tell what there is through the channels of the configuration; return how many messages are new, came and did not.

    Killed at any point and called again: what was written down as delivered is not sent again; what was sent and not
    yet written down is, under the same id.

    Parameters
    ----------
    held : sequence of dict
        Rows of `alerts`.
    anomalies : iterable of mapping
        All rows of `anomalies`; none: nothing is told of episodes now, what is owed of them included.
    write : callable
        Puts rows into `alerts`, in the place of those with their keys.
    environment : mapping
        Variables that the channels' secrets are in.
    """
    channels = list(config.channels.values())
    events, fleet_of = _episodes(config, anomalies, held)
    new = owed(events, fleet_of, held, channels, moment, config.alerts.max_age_days)
    new += operations_owed_to(facts, held, channels, moment, config.alerts.max_age_days)
    if new:
        write(new)
    rows = [*held, *new]
    sends = {channel.name: partial(send, channel, environment=environment) for channel in channels}
    tried = deliver(waiting([*operations_of(rows), *events], rows, channels), sends, moment, config.alerts.attempts)
    if tried:
        write(tried)
        _log(tried)
    n_owed = sum(row["status"] == "owed" for row in new)
    n_delivered = sum(row["status"] == "delivered" for row in tried)
    return {"owed": n_owed, "delivered": n_delivered, "undelivered": len(tried) - n_delivered}


def _episodes(
    config: Config, anomalies: Iterable[Anomaly], held: Iterable[Row]
) -> tuple[list[Event | FleetEvent], dict[Key, str]]:
    """What there is to tell of episodes in the order in which they began, and which fleet episode each is part of."""
    episodes = episodes_of(anomalies)
    devices = rows_of(config.lake, DEVICES, columns=["tenant_id", "first_backup_at"]) if episodes else []
    known = {(row["tenant_id"], row["episode_id"]): row["fleet_episode_id"] for row in held if row["fleet_episode_id"]}
    fleets = fleets_of(episodes, devices, config.alerts.fleet_devices, known)
    events: list[Event | FleetEvent] = [*events_of(episodes), *fleet_events(fleets)]
    events.sort(key=lambda event: event.first_at)
    return events, {key: fleet.fleet_id for fleet in fleets for key in fleet.keys}


def _log(tried: Iterable[Row]) -> None:
    by_channel: dict[str, list[Row]] = {}
    for row in tried:
        by_channel.setdefault(row["channel"], []).append(row)
    for channel, rows in by_channel.items():
        missed = [row for row in rows if row["status"] != "delivered"]
        log.event("alerts", channel=channel, delivered=len(rows) - len(missed))
        if missed:
            gave_up = sum(row["status"] == "gave_up" for row in missed)
            fields = {"messages": len(missed), "gave_up": gave_up, "error": missed[-1]["last_error"]}
            log.warn("not delivered", channel=channel, **fields, todo=f"uda alerts test {channel}")
