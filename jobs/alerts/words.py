"""A message in words: its title, its one paragraph, and a mail's text. Nothing in them is from a record unescaped."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC

from jobs.alerts.conditions import Operation
from jobs.alerts.events import Event
from jobs.alerts.fleet import FleetEvent
from jobs.alerts.fleet_words import fleet_description, fleet_facts, fleet_title
from jobs.alerts.operation_words import operation_description, operation_facts, operation_title
from jobs.alerts.told import Told
from jobs.report.words import how_unusual, kind_in_words, name_then, status_in_words, visible, when_in_words

LONGEST_TITLE = 150  # characters; a device's name has no limit


def title(event: Told) -> str:
    """One short line: what, where."""
    if isinstance(event, Operation):
        text = operation_title(event)
    else:
        text = fleet_title(event) if isinstance(event, FleetEvent) else _device_title(event)
    return _cut(visible(text), LONGEST_TITLE)


def description(event: Told) -> str:
    """What, how much, how rare, and what to restore, as one paragraph."""
    if isinstance(event, FleetEvent):
        return visible(fleet_description(event))
    if isinstance(event, Operation):
        return visible(operation_description(event))
    row = event.anomaly
    return visible(f"{row['reason']} {how_unusual(row['anomaly_score']).capitalize()}; {_restore(event)}.")


def mail_text(event: Told) -> str:
    """The body of a mail: what happened, one fact a line, and what to do."""
    if isinstance(event, FleetEvent):
        day = f"{event.first_at.astimezone(UTC):%Y-%m-%d}"
        said = f"Each with the backup to restore: uda search since:{day}"
        return _mail(fleet_description(event), fleet_facts(event), said)
    if isinstance(event, Operation):
        return _mail(operation_description(event), operation_facts(event), "Messages: uda alerts")
    row = event.anomaly
    said = f"Say what it was: uda feedback {row['anomaly_id']} confirmed, false_positive, new_baseline or snooze"
    return _mail(row["reason"], _device_facts(event), said)


def _mail(happened: str, facts: Mapping[str, str], said: str) -> str:
    width = 1 + max(map(len, facts))
    lines = [f"{name + ':':{width}} {visible(text)}" for name, text in facts.items()]
    return "\n".join([visible(happened), "", *lines, "", said, ""])


def _device_title(event: Event) -> str:
    row = event.anomaly
    kind = kind_in_words(row["anomaly_kind"])
    what = {
        "started": kind.capitalize(),
        "grown": f"Grown to {kind}",
        "resolved": f"Resolved: {kind}",
    }[event.word]
    return f"{what} on {row['device_id']}"


def _device_facts(event: Event) -> dict[str, str]:
    row = event.anomaly
    return {
        "Tenant": row["tenant_id"],
        "Product": row["product"],
        "Device": row["device_id"],
        "Backup": f"{row['backup_id']} of {when_in_words(row['ended_at'])}",
        "Unusual": how_unusual(row["anomaly_score"]),
        "Good backup": _restore(event),
        "Status": status_in_words(row["status"]),
        "Anomaly": row["anomaly_id"],
        "Episode": row["episode_id"],
        "Message": event.alert_id,
    }


def _restore(event: Event) -> str:
    row = event.anomaly
    if row["last_good_backup_id"] is None:
        return "no good backup is held"
    return f"restore {row['last_good_backup_id']} of {when_in_words(row['last_good_at'])}{name_then(row)}"


def _cut(text: str, longest: int) -> str:
    return text if len(text) <= longest else text[: longest - 1] + "…"
