"""A message in words: its title, its one paragraph, and a mail's text. Nothing in them is from a record unescaped."""

from __future__ import annotations

from jobs.alerts.events import Event
from jobs.report.words import how_unusual, kind_in_words, name_then, status_in_words, visible, when_in_words

LONGEST_TITLE = 150  # characters; a device's name has no limit


def title(event: Event) -> str:
    """One short line: what, where."""
    row = event.anomaly
    kind = kind_in_words(row["anomaly_kind"])
    what = {
        "started": kind.capitalize(),
        "grown": f"Grown to {kind}",
        "resolved": f"Resolved: {kind}",
    }[event.word]
    return _cut(visible(f"{what} on {row['device_id']}"), LONGEST_TITLE)


def description(event: Event) -> str:
    """What, how much, how rare, and what to restore, as one paragraph."""
    row = event.anomaly
    return visible(f"{row['reason']} {how_unusual(row['anomaly_score']).capitalize()}; {_restore(event)}.")


def mail_text(event: Event) -> str:
    """The body of a mail: the reason, then one fact a line."""
    row = event.anomaly
    facts = {
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
    lines = [f"{name + ':':13}{visible(text)}" for name, text in facts.items()]
    said = f"Say what it was: uda feedback {row['anomaly_id']} confirmed, false_positive, new_baseline or snooze"
    return "\n".join([visible(row["reason"]), "", *lines, "", said, ""])


def _restore(event: Event) -> str:
    row = event.anomaly
    if row["last_good_backup_id"] is None:
        return "no good backup is held"
    return f"restore {row['last_good_backup_id']} of {when_in_words(row['last_good_at'])}{name_then(row)}"


def _cut(text: str, longest: int) -> str:
    return text if len(text) <= longest else text[: longest - 1] + "…"
