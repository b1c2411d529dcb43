"""A condition of the line itself in words: what is wrong, and what to do about it."""

from __future__ import annotations

from collections.abc import Mapping

from jobs.alerts.conditions import Operation
from jobs.report.words import when_in_words

TITLES = {
    "stage_failed": "Stage failed",
    "no_run": "No run",
    "dumps_missing": "Notices without their dumps",
    "silent": "Devices without a backup",
    "emptied": "Backups that became empty",
    "rejects": "Records refused",
}
TODO = {
    "stage_failed": "See uda runs, mend what the error names, and run the same command again.",
    "no_run": "See uda runs and the log of what starts uda run; nothing is judged until it runs again.",
    "dumps_missing": "See whether products can still write where their notices point; docs/notices.md, The queue.",
    "silent": "See whether their backup jobs still run, and whether what they print still lands.",
    "emptied": "See whether the source is still mounted; restore from a backup before.",
    "rejects": "See table rejects and docs/runbook.md, Accounting and rejects.",
}


def operation_title(event: Operation) -> str:
    """What is wrong, or no longer."""
    over = "Over: " if event.word == "resolved" else ""
    return f"{over}{TITLES[event.condition]}" + (f": {event.subject}" if event.subject else "")


def operation_description(event: Operation) -> str:
    """The same with what it was when it began, and what to do."""
    if event.word == "resolved":
        return f"This is over: {event.detail}"
    return f"{TITLES[event.condition]}: {event.detail}. {TODO[event.condition]}"


def operation_facts(event: Operation) -> Mapping[str, str]:
    """One fact by its name, as a mail lists them."""
    tenant = {"Tenant": event.tenant_id} if event.tenant_id is not None else {}
    about = {"About": event.subject} if event.subject else {}
    return tenant | about | {"Found": when_in_words(event.first_at), "Message": event.alert_id}
