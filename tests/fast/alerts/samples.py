"""Events and channels for tests that state only what they are about."""

from datetime import UTC, datetime, timedelta

from jobs.alerts.events import Event, episodes_of, events_of
from jobs.alerts.owing import owed
from jobs.channel_settings import Jsonl
from tests.fast.report.samples import NEWEST, anomaly

MOMENT = datetime(2026, 3, 13, 6, tzinfo=UTC)
FILE = Jsonl("file", "/nowhere/alerts.jsonl")


def episode(*alerts, **shared):
    """Anomalies of one episode, the first longest ago: each states its kind, or what differs."""
    stated = [{"anomaly_kind": alert} if isinstance(alert, str) else alert for alert in alerts]
    first = f"{len(alerts) - 1:016x}"
    return [
        anomaly(len(alerts) - 1 - place, **{"episode_id": first, "status": "open", **shared, **alert})
        for place, alert in enumerate(stated)
    ]


def together(count, hours=0.5, **shared):
    """Anomalies of so many devices, each of which began so long after the one before, the newest at `NEWEST`."""
    return [turned(n, NEWEST - timedelta(hours=hours * (count - 1 - n)), **shared) for n in range(count)]


def turned(number, ended_at, **stated):
    """The one anomaly of an episode of a device with a number."""
    ids = {"anomaly_id": f"{number:016x}", "backup_id": f"b-{number}", "device_id": f"nas-{number:03}"}
    return anomaly(0, **ids | {"ended_at": ended_at, "day": ended_at.date(), **stated})


def started(**stated):
    """The start of an episode of one alert."""
    return events_of(episodes_of(episode({"status": "open", **stated})))[0]


def event(word, **stated):
    """An event of any kind about one alert."""
    return Event(word, episode(stated)[0], NEWEST, NEWEST, False)


def row(found, channel="file", **stated):
    """The row of `alerts` that an event makes."""
    (made,) = owed([found], {}, [], [Jsonl(channel, "/x")], MOMENT, 10_000)
    return made | stated
