"""Model versions: fleet model's registered version, a dash, and the day up to which was learned."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, date, datetime, timedelta

NOTHING_LEARNED = "00000000"


def model_version(fleet_version: str, learned_until: date | None) -> str:
    """The version's name, as in 14-20260301; without a day where no device model was learned yet."""
    return f"{fleet_version}-{learned_until:%Y%m%d}" if learned_until else f"{fleet_version}-{NOTHING_LEARNED}"


def learned_until(version: str) -> date:
    """The day before whose start everything that may teach was learned."""
    return datetime.strptime(version.rpartition("-")[2], "%Y%m%d").replace(tzinfo=UTC).date()


def newest(versions: Iterable[str], fleet_version: str) -> str | None:
    """Of the fleet model's versions, the one that learned longest; None: there is none."""
    own = [version for version in versions if version.rpartition("-")[0] == fleet_version]
    return max(own, key=learned_until, default=None)


def judge_from(version: str | None, newest_day: date, first_days: int) -> date:
    """The first day that is judged: from where the version ends, or `first_days` back if that is earlier.

    History that lands late and is older teaches and is not scored.
    """
    recent = newest_day - timedelta(days=first_days)
    return min(learned_until(version), recent) if version else recent
