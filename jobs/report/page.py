"""The report page: one HTML document that needs nothing else, and runs nothing."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from importlib import resources
from typing import Any

from jobs.report.cards import Anomaly, Backup, Context, card, kind_mark, moment, status_mark
from jobs.report.coverage import coverage
from jobs.report.markup import Markup, element, foreign, joined, void
from jobs.report.precision import precision_section
from jobs.report.words import NOT_JUDGED_WORDS, budget_in_words, how_unusual, iso_utc, when_in_short
from jobs.words import count_in_words

Device = tuple[str, ...]  # tenant_id, product, device_id

# About 12 kB each: more would be a page that nobody reads and a browser is slow to open.
MOST_CARDS = 200
POLICY = "default-src 'none'; style-src 'unsafe-inline'; img-src data:; base-uri 'none'; form-action 'none'"


def page(
    anomalies: Iterable[Anomaly],
    histories: Mapping[Device, Sequence[Backup]],
    devices: Mapping[str, Any],
    facts: Mapping[str, Any],
) -> str:
    """Self-contained HTML document that lists anomalies newest first.

    Parameters
    ----------
    anomalies : iterable of mapping
        Rows of `anomalies`; moments are aware.
    histories : mapping
        By (tenant_id, product, device_id) the device's rows of `features`; a device without any gets no chart.
    devices : mapping
        `devices` and `judged` as counts, `not_judged` as counts by reason; `silent`, a count, may be left out.
    facts : mapping
        `lake`, `moment`, `code_version`; None or left out where unknown: `model_version`, `budget` (false alerts per
        device-year), `since` (anomalies are listed from then on), `anomalies` (how many there are in all, where more
        than those given), `judged` (as `judged_alerts` gives it).

    Raises
    ------
    ValueError
        A moment has no time zone.
    """
    newest = sorted(anomalies, key=lambda row: (row["ended_at"], row["anomaly_id"]), reverse=True)
    total = max(facts.get("anomalies") or 0, len(newest))
    found = joined(_overview(newest, total), _cards(newest, histories)) if newest else _empty(devices, facts)
    said = precision_section(facts.get("judged") or ())
    parts = (_summary(newest, total, devices, facts), found, coverage(devices), said, _legend())
    main = element("main", *parts)
    return (
        "<!doctype html>\n"
        + element(
            "html", head(f"Unusual backups: {facts['lake']}", "report"), element("body", _top(facts), main), lang="en"
        )
        + "\n"
    )


def head(title: str, *folders: str) -> Markup:
    """Head of a page that asks nothing of anybody; `folders` of `jobs` whose style.css it takes, in this order."""
    styles = [resources.files(f"jobs.{folder}").joinpath("style.css").read_text(encoding="utf-8") for folder in folders]
    return element(
        "head",
        void("meta", charset="utf-8"),
        void("meta", http_equiv="Content-Security-Policy", content=POLICY),
        void("meta", name="viewport", content="width=device-width, initial-scale=1"),
        void("meta", name="color-scheme", content="light dark"),
        # Without it a browser asks the server for an icon.
        void("link", rel="icon", href="data:,"),
        element("title", title),
        element("style", Markup("\n".join(styles))),
    )


def _top(facts: Mapping[str, Any]) -> Markup:
    parts = [joined("Lake ", element("code", foreign(facts["lake"]))), joined("as of ", moment(facts["moment"]))]
    parts += [joined("model ", foreign(facts["model_version"]))] if facts.get("model_version") else []
    parts += [joined(f"open-uda {facts['code_version']}")]
    return element(
        "header",
        element("h1", "Unusual backups"),
        element("p", *(element("span", part) for part in parts), class_="muted parts"),
        class_="top",
    )


def _summary(newest: Sequence[Anomaly], total: int, devices: Mapping[str, Any], facts: Mapping[str, Any]) -> Markup:
    opened = {(row["tenant_id"], row["episode_id"]) for row in newest if row["status"] == "open"}
    not_judged = sum(devices["not_judged"].values())
    since = facts.get("since")
    figures = [
        (_plural(total, "unusual backup"), joined("since ", moment(since)) if since else None),
        (_plural(len(opened), "open episode"), "devices that are not usual again yet"),
        (_plural(devices["judged"], "device judged", "devices judged"), f"of {count_in_words(devices['devices'])}"),
        (_plural(not_judged, "not judged", "not judged"), _reasons(devices["not_judged"])),
    ]
    tiles = (element("li", figure, element("span", note or "", class_="muted")) for figure, note in figures)
    return element(
        "section",
        element("h2", "Summary", class_="unseen-heading"),
        element("ul", *tiles),
        _budget(facts.get("budget"), devices["judged"]),
        class_="summary",
    )


def _plural(count: int, one: str, many: str | None = None) -> Markup:
    return element("strong", element("b", count_in_words(count)), " ", one if count == 1 else many or f"{one}s")


def _reasons(not_judged: Mapping[str, int]) -> str:
    ordered = sorted(not_judged.items(), key=lambda entry: (-entry[1], entry[0]))
    return "; ".join(f"{count_in_words(n)}: {NOT_JUDGED_WORDS.get(why, why)}" for why, n in ordered if n)


def _budget(budget: float | None, judged: int) -> Markup | None:
    if budget is None:
        return None
    a_month = budget * judged / 12
    expected = f"about {a_month:,.1f}" if a_month < 10 else f"about {count_in_words(a_month)}"
    return element(
        "p",
        f"Allowed: {budget_in_words(budget)}. With the devices judged here, expect {expected} false alerts a month.",
        class_="muted",
    )


def _empty(devices: Mapping[str, Any], facts: Mapping[str, Any]) -> Markup:
    if not devices["judged"]:
        said = "No device could be judged yet, so nothing could be found. The summary above says why."
    else:
        span = " in this time" if facts.get("since") else ""
        said = f"{_judged(devices['judged'])} judged, and none did anything unusual{span}."
    return element("section", element("h2", "No unusual backup"), element("p", said), class_="empty")


def _judged(count: int) -> str:
    return "1 device was" if count == 1 else f"{count_in_words(count)} devices were"


def _overview(newest: Sequence[Anomaly], total: int) -> Markup:
    heads = ("When (UTC)", "Device", "Kind", "How unusual", "Status")
    more = total - min(len(newest), MOST_CARDS)
    return element(
        "section",
        element("h2", "At a glance"),
        element(
            "table",
            element("caption", "Unusual backups, newest first"),
            element("thead", element("tr", *(element("th", words, scope="col") for words in heads))),
            element("tbody", *(_overview_row(row) for row in newest[:MOST_CARDS])),
            class_="overview",
        ),
        element("p", f"{count_in_words(more)} older ones are in the table anomalies.") if more > 0 else None,
    )


def _overview_row(row: Anomaly) -> Markup:
    follows = None if row["episode_id"] == row["anomaly_id"] else element("span", " same episode", class_="muted")
    link = element("a", foreign(row["device_id"]), href=f"#anomaly-{row['anomaly_id']}")
    return element(
        "tr",
        element("td", element("time", *_day_and_hour(row["ended_at"]), datetime=iso_utc(row["ended_at"]))),
        element("td", link, follows),
        element("td", kind_mark(row["anomaly_kind"])),
        element("td", how_unusual(row["anomaly_score"]), class_="wide"),
        element("td", status_mark(row["status"])),
    )


def _day_and_hour(at: datetime) -> tuple[Markup, str, Markup]:
    # Two spans, so that a narrow page breaks between day and hour and nowhere else.
    day, hour = when_in_short(at).split()
    return element("span", day), " ", element("span", hour)


def _cards(newest: Sequence[Anomaly], histories: Mapping[Device, Sequence[Backup]]) -> Markup:
    has_tenants = any(row["tenant_id"] != "default" for row in newest)
    episodes: dict[tuple[str, str], list[Anomaly]] = defaultdict(list)
    unusual: dict[Device, set[str]] = defaultdict(set)
    for row in reversed(newest):
        episodes[row["tenant_id"], row["episode_id"]].append(row)
        unusual[_device(row)].add(row["backup_id"])
    shown = []
    anchors = {row["anomaly_id"] for row in newest[:MOST_CARDS]}
    for row in newest[:MOST_CARDS]:
        history = sorted(histories.get(_device(row), ()), key=lambda backup: backup["ended_at"])
        episode = episodes[row["tenant_id"], row["episode_id"]]
        shown.append(card(row, Context(has_tenants, episode, anchors, history, unusual[_device(row)])))
    return element("section", element("h2", "One by one"), *shown, class_="cards")


def _device(row: Anomaly) -> Device:
    return (row["tenant_id"], row["product"], row["device_id"])


def _legend() -> Markup:
    said = (
        ("How unusual", "how often a backup that is in order looks as unusual, on devices with this schedule."),
        ("Usual", "from the 5 % to the 95 % point of what this device did before."),
        ("Evidence", "each signal alone, beside the device's own past; signals overlap, so they do not multiply."),
        ("Restore this one", "the newest earlier backup that is complete, not unusual and outside any episode."),
        ("Charts", "one bar a backup; heights are proportional up to what is usual, logarithmic beyond."),
    )
    return element(
        "section",
        element("h2", "How to read this page"),
        element("dl", *(joined(element("dt", term), element("dd", words)) for term, words in said)),
        element("p", "An unusual backup is not proof of an attack: ask the person who uses the device."),
        class_="legend",
    )
