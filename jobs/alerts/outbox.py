"""The outbox, table `alerts`: what is owed is written down first, then sent, then what became of it is written down."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from functools import partial

from jobs import log
from jobs.alerts.channels import send
from jobs.alerts.delivery import deliver
from jobs.alerts.events import Anomaly, Row, events_of, owed, waiting
from jobs.config import Config
from jobs.report.reading import rows_of
from jobs.store import Store
from jobs.tables import ALERTS


def tell(store: Store, config: Config, anomalies: Iterable[Anomaly], environment: Mapping[str, str]) -> dict[str, int]:
    """Tell of episodes through the channels of the configuration; return how many messages are new, came and did not.

    Killed at any point and called again: what was written down as delivered is not sent again; what was sent and not
    yet written down is, under the same id.
    """
    store.make_if_missing(ALERTS)
    channels = list(config.channels.values())
    if not channels:
        return {}
    moment, events = store.run.moment, events_of(anomalies)
    held: list[Row] = rows_of(store.lake, ALERTS)
    new = owed(events, held, channels, moment, config.alerts.max_age_days)
    if new:
        store.upsert_few(new, ALERTS)
    queues = waiting(events, [*held, *new], channels)
    sends = {channel.name: partial(send, channel, environment=environment) for channel in channels}
    tried = deliver(queues, sends, moment, config.alerts.attempts)
    if tried:
        store.upsert_few(tried, ALERTS)
    _log(tried)
    outcomes = Counter("delivered" if row["status"] == "delivered" else "undelivered" for row in tried)
    return {"owed": len(new), **{word: outcomes[word] for word in ("delivered", "undelivered")}}


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
