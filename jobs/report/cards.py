"""One unusual backup on the report page: what, how much, what is usual, what to restore, with its history drawn."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from jobs.report.chart import Point, chart
from jobs.report.figures import FIGURES, figure_of
from jobs.report.markup import Markup, element, foreign, joined
from jobs.report.words import (
    MOST_EVIDENCE,
    date_in_words,
    how_unusual,
    iso_utc,
    kind_in_words,
    name_then,
    one_backup_in,
    paths_in_words,
    signal_in_words,
    status_in_words,
    verdict_in_words,
    when_in_words,
)
from jobs.words import is_known, quantity_in_words, range_in_words, share_in_words

Anomaly = Mapping[str, Any]
Backup = Mapping[str, Any]

# A quarter of daily backups: enough to see what is usual, few enough to tell bars apart on a phone.
CHART_BACKUPS = 90
# Of those, so many at most after the unusual one: whether it went on.
CHART_BACKUPS_AFTER = 14
EVIDENCE_ROWS = 6
FILES = (("Extensions", "extensions"), ("Folders", "top_directories"), ("Such as", "sample_paths"))


@dataclass(frozen=True)
class Context:
    """What a card says beyond its own row.

    `episode` holds the listed anomalies of its episode, oldest first; `anchors` the anomalies that have a card;
    `history` the device's rows of `features` in time order; `unusual` names the device's unusual backups.
    """

    has_tenants: bool
    episode: Sequence[Anomaly]
    anchors: Collection[str]
    history: Sequence[Backup]
    unusual: Collection[str]


def moment(at: datetime) -> Markup:
    """A moment in words, in UTC, machine-readable beside it."""
    return element("time", when_in_words(at), datetime=iso_utc(at))


def kind_mark(kind: str) -> Markup:
    """The kind in words behind a square of its colour; the words alone say it too."""
    return element("span", element("i", class_=f"square {kind}"), kind_in_words(kind).capitalize(), class_="kind")


def status_mark(status: str) -> Markup:
    """Where it stands, as a pill: open, resolved, or what a person said."""
    return element("span", status_in_words(status), class_=f"status {status}")


def device_words(anomaly: Anomaly, has_tenants: bool) -> Markup:
    """Product and, where there is more than one, tenant of a device."""
    tenant = joined(" · tenant ", foreign(anomaly["tenant_id"])) if has_tenants else None
    return joined(foreign(anomaly["product"]), tenant)


def restore_words(anomaly: Anomaly) -> Markup:
    """The last good backup, or that there is none."""
    if anomaly.get("last_good_backup_id") is None:
        return element("span", "No good backup is held.", class_="warning")
    at = anomaly.get("last_good_at")
    name = element("code", foreign(anomaly["last_good_backup_id"]))
    then = foreign(name_then(anomaly)) if name_then(anomaly) else None
    ended = element("span", " ended ", moment(at), then, class_="muted") if at else None
    return joined(name, ended)


def card(anomaly: Anomaly, context: Context) -> Markup:
    """One anomaly as an article."""
    head = element(
        "header",
        element("h3", foreign(anomaly["device_id"])),
        element("p", kind_mark(anomaly["anomaly_kind"]), status_mark(anomaly["status"]), class_="marks"),
        element("p", device_words(anomaly, context.has_tenants), " · ", moment(anomaly["ended_at"]), class_="muted"),
    )
    return element(
        "article",
        head,
        element("p", anomaly["reason"], class_="reason"),
        element(
            "div",
            _facts(anomaly, context),
            element("div", _chart(anomaly, context), _evidence(anomaly["evidence"])),
            class_="sides",
        ),
        id=f"anomaly-{anomaly['anomaly_id']}",
        data_anomaly=anomaly["anomaly_id"],
    )


def _facts(anomaly: Anomaly, context: Context) -> Markup:
    unit = anomaly.get("unit")
    of = f" of the device's {unit}" if unit in ("files", "bytes") else ""
    has_share, has_value = is_known(anomaly.get("share")), is_known(anomaly.get("value"))
    entries: list[tuple[str, str | None]] = [
        ("How unusual", how_unusual(anomaly["anomaly_score"])),
        ("Value", quantity_in_words(anomaly.get("value"), unit) if has_value else None),
        ("Usual", range_in_words(anomaly.get("usual_low"), anomaly.get("usual_high"), unit) if has_value else None),
        ("Share", share_in_words(anomaly["share"]) + of if has_share else None),
        ("Backup", element("code", foreign(anomaly["backup_id"]))),
        ("Episode", _episode(anomaly, context)),
        ("Verdict", foreign(said) if (said := verdict_in_words(anomaly)) else None),
        ("Not seen", _unseen(anomaly["unseen"])),
        ("Files", paths_in_words(anomaly)),
        *((term, _lines(anomaly.get(name))) for term, name in FILES),
    ]
    listed = (joined(element("dt", term), element("dd", words)) for term, words in entries if words is not None)
    restore = joined(element("dt", "Restore this one"), element("dd", restore_words(anomaly)))
    return element("dl", restore, *listed)


def _lines(said: Sequence[str] | None) -> Markup | None:
    return element("ul", *(element("li", foreign(line)) for line in said)) if said else None


def _episode(anomaly: Anomaly, context: Context) -> Markup | None:
    listed = [row["anomaly_id"] for row in context.episode]
    first, began_here = listed[0], anomaly["episode_id"] in listed
    if len(listed) == 1 and began_here:
        return None
    place = f"unusual backup {listed.index(anomaly['anomaly_id']) + 1} of {len(listed)} listed, "
    since = f"since {date_in_words(context.episode[0]['ended_at'])}" if began_here else "began before these"
    has_link = first != anomaly["anomaly_id"] and first in context.anchors
    return joined(place, since, "; " if has_link else None, _link(first, "first") if has_link else None)


def _link(anomaly_id: str, words: str) -> Markup:
    return element("a", words, href=f"#anomaly-{anomaly_id}")


def _chart(anomaly: Anomaly, context: Context) -> Markup:
    figure = FIGURES.get(anomaly.get("signal") or "")
    at = next((at for at, backup in enumerate(context.history) if _is_same(backup, anomaly)), None)
    if figure is None or at is None or figure_of(context.history[at], figure) is None:
        return element("p", "No history to draw for this signal.", class_="chart muted")
    end = min(len(context.history), at + 1 + CHART_BACKUPS_AFTER)
    shown = context.history[max(0, end - CHART_BACKUPS) : end]
    points = [Point(backup["backup_id"], backup["ended_at"], figure_of(backup, figure)) for backup in shown]
    low, high = anomaly.get("usual_low"), anomaly.get("usual_high")
    usual = (low, high) if figure.is_signal and is_known(low) and is_known(high) else None
    marked = points[len(points) - (end - at)]
    good = anomaly.get("last_good_backup_id")
    return chart(figure.label, figure.unit, points, marked, usual, context.unusual, good)


def _is_same(backup: Backup, anomaly: Anomaly) -> bool:
    # A redelivery has the same name under another day.
    return bool(backup["backup_id"] == anomaly["backup_id"] and backup["ended_at"] == anomaly["ended_at"])


def _evidence(evidence: Mapping[str, float]) -> Markup:
    strongest = sorted(evidence.items(), key=lambda entry: (-entry[1], entry[0]))[:EVIDENCE_ROWS]
    if not strongest:
        return element("p", "No single signal gives evidence.", class_="muted")
    return element(
        "table",
        element("caption", "Evidence: how many backups like these it takes to see as much"),
        element("tbody", *(_evidence_row(signal, value) for signal, value in strongest)),
        class_="evidence",
    )


def _evidence_row(signal: str, value: float) -> Markup:
    width = 100 * min(max(value / MOST_EVIDENCE, 0), 1)
    bar = element("span", element("span", style=f"width:{width:.0f}%"), class_="meter", aria_hidden="true")
    return element(
        "tr",
        element("th", signal_in_words(signal), scope="row"),
        element("td", bar),
        element("td", one_backup_in(value), class_="number"),
    )


def _unseen(unseen: Sequence[str]) -> str:
    return ", ".join(map(signal_in_words, unseen)) or "nothing: the record carries all figures"
