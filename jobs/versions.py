"""Model versions: fleet model's registered version, a dash, and the day up to which was learned."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, date, datetime, timedelta

NOTHING_LEARNED = "00000000"
SHORTEST_LOOK = timedelta(days=7)  # steps of a day or two would be many and teach little


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


def judging(versions: Iterable[str], fleet_version: str, day: date) -> str | None:
    """Of the fleet model's versions, the newest that learned nothing of that day or later; else the oldest."""
    own = sorted((v for v in versions if v.rpartition("-")[0] == fleet_version), key=learned_until)
    before = [version for version in own if learned_until(version) <= day]
    return next(iter(before[-1:] or own), None)


def learning_steps(first_day: date, until: date, newest_day: date) -> list[date]:
    """Days up to which to learn, one version each, so that none judges further ahead than it looked back.

    One day while the line runs as scheduled. A first load of a short history would else be judged as a whole by what
    its first few days taught. What a later step learns was not judged before, as what the first one learns.

    Parameters
    ----------
    first_day, newest_day : date
        Of the history that is held.
    until : date
        Up to where the first version learns: the day of the oldest backup that waits for its score.
    """
    steps, look = [until], until - first_day
    while look > timedelta(0) and first_day + (look := max(2 * look, SHORTEST_LOOK)) <= newest_day:
        steps.append(first_day + look)
    return steps


def judge_from(version: str | None, newest_day: date, first_days: int) -> date:
    """The first day that is judged: from where the version ends, or `first_days` back if that is earlier.

    History that lands late and is older teaches and is not scored.
    """
    recent = newest_day - timedelta(days=first_days)
    return min(learned_until(version), recent) if version else recent
