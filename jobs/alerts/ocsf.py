"""A message as a finding of the Open Cybersecurity Schema Framework, which SIEMs read."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from jobs import __version__
from jobs.alerts.events import Event
from jobs.alerts.words import description, title
from jobs.words import is_known

VERSION = "1.5.0"
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
SEVERITIES = ((3.0, 5, "Critical"), (1.0, 4, "High"), (0.0, 3, "Medium"))
LOW = (2, "Low")
LAST_GOOD = ("last_good_backup_id", "last_good_device_id")
CARRIED = ("backup_id", "anomaly_id", "anomaly_kind", "signal", "unit", *LAST_GOOD, "status")
FIGURES = ("anomaly_score", "value", "usual_low", "usual_high", "share")


def detection_finding(event: Event, owed_at: datetime) -> dict[str, Any]:
    """The event as a Detection Finding, ready for JSON: moments in ms since 1970, unknown figures null.

    `metadata.correlation_uid` is the episode's id, the same from Create to Close; `finding_info.uid` is the message's.

    Parameters
    ----------
    owed_at : datetime
        When it was found.

    Notes
    -----
    Attributes, which of them are required, and enumerations: OCSF 1.5.0, class `detection_finding` (2004) with its
    objects `finding_info`, `evidences`, `resource_details` and `metadata`; https://schema.ocsf.io/1.5.0.
    """
    row = event.anomaly
    activity_id, activity = ACTIVITIES[event.word]
    severity_id, severity = next((found for least, *found in SEVERITIES if row["anomaly_score"] >= least), LOW)
    status_id, status = STATUSES[row["status"]]
    device = {"uid": row["device_id"], "name": row["device_id"], "type": "backup device"}
    facts = {name: row[name] for name in CARRIED} | {n: row[n] if is_known(row[n]) else None for n in FIGURES}
    return {
        "activity_id": activity_id,
        "activity_name": activity,
        "category_uid": 2,
        "category_name": "Findings",
        "class_uid": 2004,
        "class_name": "Detection Finding",
        "type_uid": 2004 * 100 + activity_id,
        "type_name": f"Detection Finding: {activity}",
        "time": _ms(owed_at),
        "severity_id": severity_id,
        "severity": severity,
        "status_id": status_id,
        "status": status,
        "is_alert": event.word != "resolved",
        "message": title(event),
        "finding_info": {
            "uid": event.alert_id,
            "title": title(event),
            "desc": description(event),
            "created_time": _ms(owed_at),
            "first_seen_time": _ms(event.first_at),
            "last_seen_time": _ms(event.last_at),
            "types": [row["anomaly_kind"]],
        },
        "resources": [device],
        "evidences": [{"data": facts | {"product": row["product"], "last_good_at": _ms(row["last_good_at"])}}],
        "metadata": {
            "version": VERSION,
            "uid": event.alert_id,
            "correlation_uid": row["episode_id"],
            "tenant_uid": row["tenant_id"],
            "product": {"name": "open UDA", "vendor_name": "open UDA", "version": __version__},
        },
    }


def _ms(moment: datetime | None) -> int | None:
    return None if moment is None else round(moment.astimezone(UTC).timestamp() * 1000)
