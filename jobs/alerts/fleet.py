"""Fleet episodes: many devices of one tenant that turned unusual at once, by a roll-out, a migration or an attack."""

from __future__ import annotations

from bisect import bisect_right
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from math import ceil

from jobs.alerts.events import Anomaly, Episode, Row, alert_id, badness, is_over, is_snoozed, unexcused

WINDOW = timedelta(hours=24)  # a day's backups: what hits a fleet shows in each device's next one
BEYOND_BUDGET = 3  # times the false alerts that the budget allows a day: in a large fleet there are always some
DAYS_A_YEAR = 365.25
GROWTH = 10  # times the devices with which it was recognised, then again so many times

Key = tuple[str, str]  # tenant and episode


@dataclass(frozen=True)
class Fleet:
    """One fleet episode: the episodes of its devices in the order in which they began."""

    fleet_id: str
    episodes: tuple[Episode, ...]
    recognised_with: int  # devices
    devices_held: int | None  # of the tenant, unusual or not; None: not known

    @property
    def keys(self) -> list[Key]:
        """Of its episodes."""
        return [key_of(rows) for rows in self.episodes]


@dataclass(frozen=True)
class FleetEvent:
    """One thing to tell of a fleet episode: a word of `alerts.event`, and the alert that made it happen."""

    word: str
    what: str  # that has grown: a kind, or how many times the devices; else empty
    anomaly: Anomaly
    episode_id: str
    episodes: tuple[Episode, ...]  # of its devices, but for snoozed ones
    devices_held: int | None

    @property
    def tenant_id(self) -> str:
        """Whose devices they are."""
        return str(self.anomaly["tenant_id"])

    @property
    def alert_id(self) -> str:
        """The same for the same event, however many devices have joined since."""
        return alert_id(self.episode_id, self.word, *([self.what] if self.what else []))

    @property
    def began_at(self) -> tuple[datetime, datetime]:
        """When the first and the last of its episodes began."""
        return self.episodes[0][0]["ended_at"], self.episodes[-1][0]["ended_at"]

    @property
    def first_at(self) -> datetime:
        """End of its first backup that alerted."""
        return self.began_at[0]

    @property
    def counts_from(self) -> datetime:
        """How old it is, for `max_age_days`: told if any of its episodes would be."""
        return self.began_at[1]

    @property
    def last_at(self) -> datetime:
        """End of its newest backup that alerted."""
        newest: datetime = max(rows[-1]["ended_at"] for rows in self.episodes)
        return newest

    @property
    def is_excused(self) -> bool:
        """People said of all its alerts that they were in order."""
        return not any(map(unexcused, self.episodes))


def fleets_of(episodes: Iterable[Episode], devices: Iterable[Row], least: int, known: Mapping[Key, str]) -> list[Fleet]:
    """Fleet episodes, whatever people said of their parts: a verdict must not take one apart.

    Episodes belong together where those of enough devices of their tenant began within `WINDOW`. Enough is `least`, and
    `BEYOND_BUDGET` times the false alerts that the budget of then allowed a day to the devices held then; so what has
    been found once is found again when the fleet, or the budget, has changed.

    Parameters
    ----------
    episodes : iterable of sequence of mapping
        In the order in which they began.
    devices : iterable of mapping
        Rows of `devices`: tenant_id, first_backup_at.
    known : mapping
        Fleet episode by tenant and episode, as it was told. One that was never told is named after its first episode.
    """
    first_backups: dict[str, list[datetime]] = {}
    for row in devices:
        first_backups.setdefault(row["tenant_id"], []).append(row["first_backup_at"])
    by_tenant: dict[str, list[Episode]] = {}
    for rows in episodes:
        by_tenant.setdefault(rows[0]["tenant_id"], []).append(rows)
    fleets: dict[str, Fleet] = {}
    for tenant, own in sorted(by_tenant.items()):
        firsts = sorted(first_backups.get(tenant, ()))
        for start, end, needed in _together(own, firsts, least):
            parts = tuple(own[start:end])
            # Late backups may put two into one, which keeps the older name, and other settings one into two.
            named = (known[key] for key in map(key_of, parts) if key in known and known[key] not in fleets)
            fleet_id = next(named, alert_id("fleet", *key_of(parts[0])))
            fleets[fleet_id] = Fleet(fleet_id, parts, needed, len(firsts) or None)
    return list(fleets.values())


def _together(episodes: Sequence[Episode], firsts: Sequence[datetime], least: int) -> list[tuple[int, int, int]]:
    """Of one tenant's episodes: first and end of each stretch that belongs together, and the devices that it took."""
    found: list[tuple[int, int, int]] = []
    inside: Counter[tuple[str, str]] = Counter()
    end = 0
    for start, rows in enumerate(episodes):
        began_at = rows[0]["ended_at"]
        while end < len(episodes) and episodes[end][0]["ended_at"] - began_at <= WINDOW:
            inside[device_of(episodes[end])] += 1
            end += 1
        budgeted = 10 ** -rows[0]["threshold"] * bisect_right(firsts, began_at) / DAYS_A_YEAR
        needed = max(least, ceil(BEYOND_BUDGET * budgeted))
        if len(inside) >= needed:
            if found and start < found[-1][1]:
                found[-1] = (found[-1][0], end, found[-1][2])
            else:
                found.append((start, end, needed))
        inside[device_of(rows)] -= 1
        if not inside[device_of(rows)]:  # a device with several episodes counts once
            del inside[device_of(rows)]
    return found


def fleet_events(fleets: Iterable[Fleet]) -> list[FleetEvent]:
    """What holds now: of one fleet episode start, growth, end."""
    return [event for fleet in fleets for event in _events_of_one(fleet)]


def _events_of_one(fleet: Fleet) -> Iterator[FleetEvent]:
    told = tuple(rows for rows in fleet.episodes if not is_snoozed(rows))
    if not told:
        return
    facts = (fleet.fleet_id, told, fleet.devices_held)
    began: dict[tuple[str, str], datetime] = {}
    for rows in fleet.episodes:
        began.setdefault(device_of(rows), rows[0]["ended_at"])
    recognised_at = sorted(began.values())[fleet.recognised_with - 1]
    alerts = sorted((row for rows in told for row in rows), key=_age)
    early = [row for row in alerts if row["ended_at"] <= recognised_at] or alerts[:1]
    first = min(unexcused(early) or early, key=badness)
    yield FleetEvent("started", "", first, *facts)
    later = alerts[len(early) :]
    yield from (FleetEvent("grown", what, row, *facts) for what, row in _growth(fleet, first, early, later))
    if all(map(is_over, fleet.episodes)):  # a snoozed one is not
        yield FleetEvent("resolved", "", alerts[-1], *facts)


def _growth(
    fleet: Fleet, first: Anomaly, early: Sequence[Anomaly], later: Sequence[Anomaly]
) -> Iterator[tuple[str, Anomaly]]:
    """What has grown since it was recognised, and the alert that made it: a worse kind, or ten times the devices."""
    worst, times = badness(first), GROWTH
    seen = {device_of([row]) for row in early}
    for row in later:
        if unexcused([row]) and badness(row) < worst:
            worst = badness(row)
            yield row["anomaly_kind"], row
        seen.add(device_of([row]))
        if len(seen) >= fleet.recognised_with * times:
            yield f"{times} times", row
            times *= GROWTH


def _age(row: Anomaly) -> tuple[datetime, str]:
    return row["ended_at"], row["anomaly_id"]


def key_of(rows: Episode) -> Key:
    """Tenant and episode."""
    return rows[0]["tenant_id"], rows[0]["episode_id"]


def device_of(rows: Episode) -> tuple[str, str]:
    """Product and device: with the tenant, one history."""
    return rows[0]["product"], rows[0]["device_id"]
