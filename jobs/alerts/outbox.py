"""The outbox, table `alerts`: what is owed is written down first, then sent, then what became of it is written down."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from functools import partial

from jobs import log
from jobs.alerts.channels import send
from jobs.alerts.delivery import deliver
from jobs.alerts.events import Anomaly, Row, episodes_of, events_of
from jobs.alerts.fleet import fleet_events, fleets_of
from jobs.alerts.owing import owed, waiting
from jobs.alerts.told import Told
from jobs.config import Config
from jobs.report.reading import rows_of
from jobs.store import Store
from jobs.tables import ALERTS, DEVICES


def tell(store: Store, config: Config, anomalies: Iterable[Anomaly], environment: Mapping[str, str]) -> dict[str, int]:
    """Tell of episodes through the channels of the configuration; return how many messages are new, came and did not.

    Killed at any point and called again: what was written down as delivered is not sent again; what was sent and not
    yet written down is, under the same id.
    """
    store.make_if_missing(ALERTS)
    channels = list(config.channels.values())
    if not channels:
        return {}
    moment, episodes = store.run.moment, episodes_of(anomalies)
    held: list[Row] = rows_of(store.lake, ALERTS)
    devices = rows_of(store.lake, DEVICES, columns=["tenant_id", "first_backup_at"])
    known = {(row["tenant_id"], row["episode_id"]): row["fleet_episode_id"] for row in held if row["fleet_episode_id"]}
    fleets = fleets_of(episodes, devices, config.alerts.fleet_devices, known)
    events: list[Told] = [*events_of(episodes), *fleet_events(fleets)]
    events.sort(key=lambda event: event.first_at)
    fleet_of = {key: fleet.fleet_id for fleet in fleets for key in fleet.keys}
    new = owed(events, fleet_of, held, channels, moment, config.alerts.max_age_days)
    if new:
        store.upsert_few(new, ALERTS)
    queues = waiting(events, [*held, *new], channels)
    sends = {channel.name: partial(send, channel, environment=environment) for channel in channels}
    tried = deliver(queues, sends, moment, config.alerts.attempts)
    if tried:
        store.upsert_few(tried, ALERTS)
    _log(tried)
    outcomes = Counter("delivered" if row["status"] == "delivered" else "undelivered" for row in tried)
    n_owed = sum(row["status"] == "owed" for row in new)
    return {"owed": n_owed, **{word: outcomes[word] for word in ("delivered", "undelivered")}}


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
