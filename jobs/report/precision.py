"""How often alerts were right, as far as people said so: by tenant and kind, with what so few verdicts leave open."""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from jobs.report.markup import Markup, element, foreign
from jobs.report.words import kind_in_words
from jobs.words import count_in_words, share_in_words

Z = 1.959964  # of a normal distribution, 95 % lies within so many deviations
HEADS = ("Tenant", "Kind", "Alerts", "Judged", "Confirmed", "False positive", "New baseline", "Precision")


@dataclass(frozen=True)
class Judged:
    """Alerts of one kind of one tenant, and how many of them a verdict of their own calls what."""

    tenant_id: str
    kind: str
    alerts: int
    confirmed: int
    false_positive: int
    new_baseline: int

    @property
    def judged(self) -> int:
        """Alerts with a judgement; a snooze is none."""
        return self.confirmed + self.false_positive + self.new_baseline


def judged_alerts(anomalies: Iterable[Mapping[str, Any]]) -> list[Judged]:
    """A row for each tenant and kind of which an alert was judged, most alerts first.

    What a verdict on one alert says of others of its episode is no judgement of those: they are not independent.

    Parameters
    ----------
    anomalies : iterable of mapping
        Rows of `anomalies`, all that there are.
    """
    verdicts: dict[tuple[str, str], list[str | None]] = defaultdict(list)
    for row in anomalies:
        verdicts[row["tenant_id"], row["anomaly_kind"]].append(row["verdict"])
    words = ("confirmed", "false_positive", "new_baseline")
    found = [Judged(*key, len(said), *(said.count(word) for word in words)) for key, said in verdicts.items()]
    return sorted((row for row in found if row.judged), key=lambda row: (-row.alerts, row.tenant_id, row.kind))


def interval(right: int, judged: int) -> tuple[float, float]:
    """Between which shares the true one lies, 95 times in 100 such samples.

    Parameters
    ----------
    right, judged : int
        Counts; at least one was judged.

    Notes
    -----
    Wilson's score interval (Journal of the American Statistical Association 22, 1927): it holds for few verdicts too,
    and where none or all of them are right.
    """
    share, spread = right / judged, Z * Z / judged
    middle = (share + spread / 2) / (1 + spread)
    half = Z * math.sqrt(share * (1 - share) / judged + spread / (4 * judged)) / (1 + spread)
    return max(0.0, middle - half), min(1.0, middle + half)


def precision_in_words(right: int, judged: int) -> str:
    """Share of judged alerts that were right, with its interval.

    >>> precision_in_words(6, 9)
    '67 %, between 35 % and 88 %'
    """
    low, high = interval(right, judged)
    return f"{share_in_words(right / judged)}, between {share_in_words(low)} and {share_in_words(high)}"


def precision_section(rows: Sequence[Judged]) -> Markup | None:
    """Table for the page; None where nobody judged anything."""
    if not rows:
        return None
    shown = slice(0 if any(row.tenant_id != "default" for row in rows) else 1, None)
    return element(
        "section",
        element("h2", "What people said"),
        element(
            "table",
            element("caption", "Precision: confirmed of judged, and where it lies in 95 of 100 such samples"),
            element("thead", element("tr", *(element("th", words, scope="col") for words in HEADS[shown]))),
            element("tbody", *(element("tr", *_cells(row)[shown]) for row in rows)),
            class_="overview verdicts",
        ),
    )


def _cells(row: Judged) -> list[Markup]:
    counts = (row.alerts, row.judged, row.confirmed, row.false_positive, row.new_baseline)
    texts = [kind_in_words(row.kind).capitalize(), *map(count_in_words, counts)]
    texts += [precision_in_words(row.confirmed, row.judged)]
    return [element("td", foreign(row.tenant_id)), *(element("td", text) for text in texts)]
