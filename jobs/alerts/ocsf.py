"""A message as a finding of the Open Cybersecurity Schema Framework, which SIEMs read."""

from __future__ import annotations

from collections import Counter
from datetime import UTC, datetime
from typing import Any

from jobs import __version__
from jobs.alerts.conditions import Operation
from jobs.alerts.events import Anomaly, Event
from jobs.alerts.fleet import FleetEvent
from jobs.alerts.fleet_words import causes, devices, kinds
from jobs.alerts.told import Told
from jobs.alerts.words import description, title
from jobs.words import is_known

VERSION = "1.5.0"
CLASS: dict[str, Any] = {
    "category_uid": 2,
    "category_name": "Findings",
    "class_uid": 2004,
    "class_name": "Detection Finding",
}
PRODUCT = {"name": "open UDA", "vendor_name": "open UDA", "version": __version__}
ACTIVITIES = {"started": (1, "Create"), "grown": (2, "Update"), "resolved": (3, "Close")}
# The words of `anomalies.status`, by what a finding's status can be.
STATUSES = {
    "open": (1, "New"),
    "confirmed": (2, "In Progress"),
    "snoozed": (3, "Suppressed"),
    "false_positive": (3, "Suppressed"),
    "new_baseline": (3, "Suppressed"),
    "resolved": (4, "Resolved"),
}
# From which score on: once in 1,000 device-years, once in 10, once in one; below only a large budget alerts.
HIGH, MEDIUM = 1.0, 0.0
SEVERITIES = ((3.0, 5, "Critical"), (HIGH, 4, "High"), (MEDIUM, 3, "Medium"))
LOW = (2, "Low")
LAST_GOOD = ("last_good_backup_id", "last_good_device_id")
CARRIED = ("backup_id", "anomaly_id", "anomaly_kind", "signal", "unit", *LAST_GOOD, "status")
FILES = ("paths_listed", "paths_kept", "top_directories", "extensions", "sample_paths")
MOST_RESOURCES = 20  # of a fleet episode, those with the highest scores; the evidence says how many there are
FIGURES = ("anomaly_score", "value", "usual_low", "usual_high", "share")


def detection_finding(event: Told, owed_at: datetime) -> dict[str, Any]:
    """The event as a Detection Finding, ready for JSON: moments in ms since 1970, unknown figures null.

    `metadata.correlation_uid` is what the message is about, the same from Create to Close; `finding_info.uid` is the
    message's own.

    Parameters
    ----------
    owed_at : datetime
        When it was found.

    Notes
    -----
    Attributes, which of them are required, and enumerations: OCSF 1.5.0, class `detection_finding` (2004) with its
    objects `finding_info`, `evidences`, `resource_details` and `metadata`; https://schema.ocsf.io/1.5.0.
    """
    activity_id, activity = ACTIVITIES[event.word]
    own = _particulars(event)
    return {
        "activity_id": activity_id,
        "activity_name": activity,
        **CLASS,
        "type_uid": CLASS["class_uid"] * 100 + activity_id,
        "type_name": f"Detection Finding: {activity}",
        "time": _ms(owed_at),
        "is_alert": event.word != "resolved",
        "message": title(event),
        **{name: value for name, value in own.items() if name != "types"},
        "finding_info": _info(event, owed_at) | {"types": own["types"]},
        "metadata": {
            "version": VERSION,
            "uid": event.alert_id,
            "correlation_uid": event.episode_id,
            "tenant_uid": event.tenant_id,
            "product": PRODUCT,
        },
    }


def _info(event: Told, owed_at: datetime) -> dict[str, Any]:
    return {
        "uid": event.alert_id,
        "title": title(event),
        "desc": description(event),
        "created_time": _ms(owed_at),
        "first_seen_time": _ms(event.first_at),
        "last_seen_time": _ms(event.last_at),
    }


def _particulars(event: Told) -> dict[str, Any]:
    if isinstance(event, Operation):
        return _of_operation(event)
    return _of_fleet(event) if isinstance(event, FleetEvent) else _of_device(event)


def _of_operation(event: Operation) -> dict[str, Any]:
    stops_all = event.condition in ("stage_failed", "no_run")  # nothing is judged meanwhile
    facts = {name: getattr(event, name) for name in ("condition", "subject", "detail")}
    return {
        **_severity(HIGH if stops_all else MEDIUM),
        **_status("resolved" if event.word == "resolved" else "open", event.word),
        "types": [event.condition],
        "resources": [{"uid": event.subject or event.condition, "type": "backup line"}],
        "evidences": [{"data": facts}],
    }


def _of_device(event: Event) -> dict[str, Any]:
    row = event.anomaly
    facts = {name: row[name] for name in (*CARRIED, *FILES)}
    facts |= {name: row[name] if is_known(row[name]) else None for name in FIGURES}
    facts |= {"product": row["product"], "last_good_at": _ms(row["last_good_at"])}
    return {
        **_severity(row["anomaly_score"]),
        **_status(row["status"], event.word),
        "types": [row["anomaly_kind"]],
        "resources": [_resource(row)],
        "evidences": [{"data": facts}],
    }


def _of_fleet(event: FleetEvent) -> dict[str, Any]:
    highest = devices(event)
    is_confirmed = any(row["status"] == "confirmed" for rows in event.episodes for row in rows)
    status = "false_positive" if event.is_excused else "confirmed" if is_confirmed else "open"
    facts = {
        "devices": len(highest),
        "devices_held": event.devices_held,
        "devices_by_kind": dict(kinds(event)),
        "devices_by_product": dict(Counter(row["product"] for row in highest)),
        "first_began_at": _ms(event.began_at[0]),
        "last_began_at": _ms(event.began_at[1]),
        "in_common": {column: {"name": name, "devices": count} for column, (name, count) in causes(event).items()},
    }
    return {
        **_severity(highest[0]["anomaly_score"]),
        **_status("resolved" if event.word == "resolved" and status == "open" else status, event.word),
        "types": list(kinds(event)),
        "resources": [_resource(row) for row in highest[:MOST_RESOURCES]],
        "evidences": [{"data": facts}],
    }


def _severity(score: float) -> dict[str, Any]:
    severity_id, severity = next((found for least, *found in SEVERITIES if score >= least), LOW)
    return {"severity_id": severity_id, "severity": severity}


def _status(word: str, event: str) -> dict[str, Any]:
    is_over = event == "resolved" and word == "confirmed"  # keeps that word in `anomalies`
    status_id, status = STATUSES["resolved" if is_over else word]
    return {"status_id": status_id, "status": status}


def _resource(row: Anomaly) -> dict[str, str]:
    return {"uid": row["device_id"], "name": row["device_id"], "type": "backup device"}


def _ms(moment: datetime | None) -> int | None:
    return None if moment is None else round(moment.astimezone(UTC).timestamp() * 1000)
