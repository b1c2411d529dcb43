"""A test message through one channel, for who sets it up."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime

from jobs.alerts.channels import send
from jobs.alerts.events import Event, alert_id
from jobs.channel_settings import Channel
from jobs.tables import ANOMALIES, UNSAID


def try_channel(channel: Channel, moment: datetime, environment: Mapping[str, str]) -> str:
    """Send a test message through one channel; return its id. UdaError if it was not taken."""
    tenant = channel.tenants[0] if channel.tenants else UNSAID["tenant_id"]
    anomaly = {
        **dict.fromkeys(ANOMALIES.names),
        "tenant_id": tenant,
        "episode_id": alert_id("test", channel.name, moment.isoformat()),
        "anomaly_id": "test",
        "product": "test",
        "device_id": "test",
        "backup_id": "test",
        "ended_at": moment,
        "anomaly_kind": "modify",
        "anomaly_score": 0.0,
        "reason": f"This is a test of the channel {channel.name}; no backup is unusual.",
        "status": "open",
    }
    event = Event("started", anomaly, moment, moment, False)
    send(channel, event, moment, environment)
    return event.alert_id
