"""When a device is silent: no backup of it came for longer than its own schedule explains."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any

# One run that did not come may be a reboot; the second is worth a question. A device that is backed up every hour is
# off over a long weekend without anything being wrong. So a daily one is silent after 5 days, a weekly one after 17.
# Version-control histories, which keep no schedule at all, are silent 8 times a device-year by this rule.
USUAL_GAPS = 2
LONG_WEEKEND = timedelta(days=3)


def silent_from(last_backup_at: datetime, usual_gap_hours: float | None) -> datetime | None:
    """The moment from which a device is silent; None: its usual gap is not known, so nobody can say.

    >>> silent_from(datetime(2025, 3, 3, 2), 24.0)
    datetime.datetime(2025, 3, 8, 2, 0)
    """
    if usual_gap_hours is None:
        return None
    return last_backup_at + USUAL_GAPS * timedelta(hours=usual_gap_hours) + LONG_WEEKEND


def is_silent(device: Mapping[str, Any], moment: datetime) -> bool:
    """Whether a device is silent at a moment, and nobody said that it would be; a row of `devices`."""
    if device["not_judged"] in ("retired", "renamed"):
        return False
    if device["snoozed_until"] is not None and device["snoozed_from"] <= moment < device["snoozed_until"]:
        return False
    since = silent_from(device["last_backup_at"], device["usual_gap_hours"])
    return since is not None and since <= moment
