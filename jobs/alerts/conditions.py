"""What is not as it should be with the line itself: told once when it begins and once when it is over.

Whoever knows of something makes facts of it; from facts and the rows of `alerts` alone follows what is told.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from jobs.alerts.events import Row, alert_id, told_since

MOST_NAMED = 5  # facts in one message, those that began first
LONGEST_TEXT = 300  # characters of each; a device's name has no limit


@dataclass(frozen=True)
class Fact:
    """One thing that holds now.

    Facts of the same condition, tenant and subject are told together. Those that say since when they hold are told in
    turns: who joins after a message gets into the next one. Of those that do not there is one message as long as any
    of them holds.
    """

    condition: str  # a word of `alerts.condition`
    text: str  # one line: what, since when
    tenant_id: str | None = None  # None: it is of the whole lake
    subject: str | None = None  # what the condition is about; None: of many devices
    since: datetime | None = None


# By condition. One that is left out is not known now, and nothing of it is over.
Facts = Mapping[str, Sequence[Fact]]
Group = tuple[str, str | None, str | None]


@dataclass(frozen=True)
class Operation:
    """One thing to tell of a condition: a word of `alerts.event`, and what stands in `alerts`, which says it all."""

    word: str
    tenant_id: str | None
    episode_id: str
    condition: str
    subject: str | None
    detail: str
    first_at: datetime
    last_at: datetime

    @property
    def alert_id(self) -> str:
        """As that of an episode's event."""
        return alert_id(self.episode_id, self.word)


def operations_of(rows: Iterable[Row]) -> list[Operation]:
    """What the rows of `alerts` tell of conditions, in the order in which it was found."""
    found = {row["alert_id"]: row for row in rows if row["about"] == "operation"}
    ordered = sorted(found.values(), key=lambda row: (row["owed_at"], row["event"] != "started", row["alert_id"]))
    began = {row["episode_id"]: row["owed_at"] for row in reversed(ordered)}
    return [
        Operation(
            row["event"],
            row["tenant_id"],
            row["episode_id"],
            row["condition"],
            row["subject"],
            row["detail"],
            began[row["episode_id"]],
            row["owed_at"],
        )
        for row in ordered
    ]


def operations_owed(facts: Facts, own: Sequence[Row], moment: datetime, max_age_days: int) -> list[Operation]:
    """What one channel has not been told of conditions: those that began, and those that are over.

    Parameters
    ----------
    own : sequence of dict
        Rows of `alerts` of that channel.
    moment : datetime
        Of this run.
    max_age_days : int
        What has held for longer than that, and since before the channel's first message, is not told.
    """
    since = told_since(own, moment, max_age_days)
    groups: dict[Group, list[Fact]] = {}
    for fact in (fact for of_condition in facts.values() for fact in of_condition):
        groups.setdefault((fact.condition, fact.tenant_id, fact.subject), []).append(fact)
    over = {row["episode_id"] for row in own if row["event"] == "resolved"}
    going_on: dict[Group, list[Row]] = {}
    for row in own:
        if row["condition"] in facts and row["event"] == "started" and row["episode_id"] not in over:
            going_on.setdefault((row["condition"], row["tenant_id"], row["subject"]), []).append(row)
    everything = sorted({*groups, *going_on}, key=lambda group: tuple(part or "" for part in group))
    return [
        operation
        for group in everything
        for operation in _of_group(group, groups.get(group, []), going_on.get(group, []), moment, since)
    ]


def _of_group(
    group: Group, facts: Sequence[Fact], going_on: Sequence[Row], moment: datetime, since: datetime
) -> Iterator[Operation]:
    condition, tenant_id, subject = group
    told_by: dict[str, list[Fact]] = {row["episode_id"]: [] for row in going_on}
    new = []
    for fact in facts:
        told = (row for row in going_on if fact.since is None or fact.since <= row["owed_at"])
        if row := min(told, key=lambda row: row["owed_at"], default=None):
            told_by[row["episode_id"]].append(fact)
        elif fact.since is None or fact.since >= since:
            new.append(fact)
    for row in going_on:
        if not told_by[row["episode_id"]]:
            known = (row["episode_id"], condition, subject, row["detail"], row["owed_at"], moment)
            yield Operation("resolved", tenant_id, *known)
    if new:
        episode_id = alert_id("operation", condition, tenant_id or "", subject or "", moment.isoformat())
        yield Operation("started", tenant_id, episode_id, condition, subject, _detail(new), moment, moment)


def _detail(facts: Sequence[Fact]) -> str:
    ordered = sorted(facts, key=lambda fact: (fact.since is not None and fact.since.timestamp(), fact.text))
    texts = [fact.text if len(fact.text) <= LONGEST_TEXT else fact.text[: LONGEST_TEXT - 1] + "…" for fact in ordered]
    more = f"; and {len(facts) - MOST_NAMED:,} more" if len(facts) > MOST_NAMED else ""
    counted = f"{len(facts):,}: " if len(facts) > 1 else ""
    return counted + "; ".join(texts[:MOST_NAMED]) + more
