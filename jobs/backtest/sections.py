"""Sections of the backtest's report: recall, slow attacks, devices, what was missed and why."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

from jobs.backtest.findings import Findings
from jobs.backtest.measures import Rate
from jobs.report.markup import Markup, element, foreign, joined
from jobs.report.words import (
    how_unusual,
    kind_in_words,
    one_backup_in,
    rounded,
    signal_in_words,
    when_in_short,
)
from jobs.words import count_in_words, share_in_words

WIDTH = 200.0  # of a bar's drawing, which is stretched
MOST_NAMES = 3
LEAST_NAMED = 0.01  # of a class's alerts
CLASS_WORDS = {
    "inplace": "encrypted in place",
    "rename": "encrypted under new names",
    "rename_same_extension": "encrypted under new names, known extensions",
    "first4k": "start of each file encrypted, 4 kB",
    "5pct": "a twentieth of each file encrypted",
    "stripes": "nine tenths of each file encrypted",
    "stopdjvu": "start of each file encrypted, 150 kB, new names",
    "delete": "deleted",
    "wipe": "overwritten with zeros",
    "add": "added, like those that are there",
    "stage": "archived, ready to be carried off",
    "slow_rename": "one day of a slow encryption under new names",
    "padded": "changed and grown, compression as before",
    "split": "encrypted, half in place and half under new names",
    "truncate": "cut to nothing, each file still there",
    "drop": "the three files that hold so much of the bytes deleted",
    "reformat": "rewritten in order, as by a formatter",
    "move": "moved to other folders",
    "upgrade": "a program's new version",
    "touch": "a new owner or time of files",
    "run_inplace": "encrypted in place, each time",
    "run_rename": "encrypted under new names, each time",
    "run_delete": "deleted, each time",
    "run_add": "added, like those that are there, each time",
    "run_stage": "archived, ready to be carried off, each time",
}


def recall_table(classes: Mapping[str, Findings], title: str, caption: str) -> Markup | None:
    """Alerted share by class, of all rows and by size; None without classes."""
    if not classes:
        return None
    heads = ("Class", "What it does", "Alerted", "", "95 %", "Small", "Large", "Rows", "Named")
    rows = [_recall_row(name, each) for name, each in classes.items()]
    return _section(title, caption, heads, rows, wraps=("What it does", "Named"))


def slow_table(classes: Mapping[str, Mapping[str, Any]]) -> Markup | None:
    """Attacks over several backups: how many were found and how soon; None without any."""
    if not classes:
        return None
    heads = ("Class", "What it does", "Attacks", "Found", "First alert", "After")
    rows = [
        (
            element("code", foreign(name)),
            in_words(name),
            count_in_words(each["attacks"]),
            share_in_words(each["found"] / each["attacks"]),
            "never" if each["backups"] is None else f"backup {rounded(each['backups'])}",
            "" if each["hours"] is None else _hours(each["hours"]),
        )
        for name, each in classes.items()
    ]
    caption = "Attacks over several backups; medians over those found"
    return _section("How soon", caption, heads, rows, wraps=("What it does",))


def devices_table(devices: Sequence[Mapping[str, Any]]) -> Markup | None:
    """Devices whose real backups alert most; None where none did."""
    if not devices:
        return None
    heads = ("Device", "Alerts", "A year", "Latest (UTC)", "Backup")
    rows = [
        (
            foreign(each["device_id"]),
            count_in_words(each["alerts"]),
            "" if each["per_year"] is None else f"{each['per_year']:.1f}",
            when_in_short(each["ended_at"]),
            foreign(each["backup_id"]),
        )
        for each in devices
    ]
    caption = "Real backups, which count as false alerts"
    return _section("Devices that alert most", caption, heads, rows, wraps=("Device", "Backup"))


def missed_table(classes: Mapping[str, Findings]) -> Markup | None:
    """What did not alert, and why; None where all did."""
    if not classes:
        return None
    heads = ("Class", "Missed", "Why", "Largest device missed", "Files before", "Looked unusual")
    rows = [
        (
            element("code", foreign(name)),
            count_in_words(each["rows"]),
            _why(each),
            foreign(each["example"]["device_id"] or ""),
            count_in_words(each["example"]["files_before"]) if each["example"]["files_before"] >= 0 else "unknown",
            how_unusual(each["example"]["score"]),
        )
        for name, each in classes.items()
    ]
    caption = "What-if rows of attacks that did not alert"
    return _section("What was missed, and why", caption, heads, rows, wraps=("Why", "Largest device missed"))


def unseen_table(unseen: Mapping[str, float]) -> Markup | None:
    """Signals that the records do not allow; None where they allow all."""
    if not unseen:
        return None
    rows = [(signal_in_words(name), share_in_words(share)) for name, share in unseen.items()]
    heads = ("Signal", "Could not be seen in")
    return _section("What the records do not tell", "Share of the judged backups", heads, rows, wraps=("Signal",))


def in_words(name: str) -> str:
    """What a class of attack does; nothing for a class of the user's own.

    >>> in_words("inplace_0.1"), in_words("inplace_20_files"), in_words("mine")
    ('encrypted in place: 10 % of all files', 'encrypted in place: 20 files', '')
    """
    if name in CLASS_WORDS:
        return CLASS_WORDS[name]
    stem, _, last = name.removesuffix("_files").rpartition("_")
    if stem not in CLASS_WORDS:
        return ""
    try:
        amount = float(last)
    except ValueError:
        return ""
    of_all = "all files" if amount == 1 else f"{share_in_words(amount)} of all files"
    return f"{CLASS_WORDS[stem]}: {f'{amount:g} files' if name.endswith('_files') else of_all}"


def _recall_row(name: str, each: Findings) -> tuple[str, ...]:
    every: Rate = each["recall"]["all"]
    often = [(kind, share) for kind, share in each["kinds"].items() if share >= LEAST_NAMED]
    kinds = [f"{kind_in_words(kind)} {share_in_words(share)}" for kind, share in often]
    return (
        element("code", foreign(name)),
        in_words(name),
        _percent(every.value),
        _bar(every),
        "" if math.isnan(every.low) else f"{100 * every.low:.0f} to {100 * every.high:.0f}",
        _percent(each["recall"]["small"].value),
        _percent(each["recall"]["large"].value),
        count_in_words(int(every.size)),
        ", ".join(kinds),
    )


def _percent(share: float) -> str:
    return "" if math.isnan(share) else f"{100 * share:.1f} %"


def _bar(rate: Rate) -> Markup:
    """The share as a bar, its interval as a line; the same in figures stands beside it."""
    parts = [element("rect", class_="whole", x=0, y=2, width=WIDTH, height=8)]
    parts.append(element("rect", class_="share", x=0, y=2, width=f"{WIDTH * rate.value:.1f}", height=8))
    if not math.isnan(rate.low):
        low, high = WIDTH * rate.low, WIDTH * rate.high
        parts.append(element("path", class_="interval", d=f"M{low:.1f} 6H{high:.1f}"))
    box = f"0 0 {WIDTH:g} 12"
    return element("svg", *parts, class_="recall", viewBox=box, preserveAspectRatio="none", aria_hidden="true")


def _why(each: Findings) -> Markup:
    said = [Markup("no signal says anything")]
    if each["loudest"]:
        loudest, rare = signal_in_words(each["loudest"]), one_backup_in(each["evidence"])
        said = [joined(f"loudest: {loudest}; as much in {rare} backups anyway")]
    hidden = [signal_in_words(name) for name, share in each["unseen"].items() if share > 0.5]
    if hidden:
        more = f" and {len(hidden) - MOST_NAMES} more" if len(hidden) > MOST_NAMES else ""
        said.append(joined(f"could not be seen: {', '.join(hidden[:MOST_NAMES])}{more}"))
    return joined(said[0], *(joined("; ", part) for part in said[1:]))


def _hours(hours: float) -> str:
    if hours < 1:
        return "with its first backup"
    return f"{rounded(hours)} hours" if hours < 72 else f"{rounded(hours / 24)} days"


def _section(
    title: str, caption: str, heads: Sequence[str], rows: Sequence[Sequence[str]], wraps: Sequence[str]
) -> Markup:
    """A table under a heading; only the columns in `wraps` break their lines."""
    sorts = [None if name in wraps else "number" for name in heads]
    head = element(
        "tr", *(element("th", words, scope="col", class_=sort) for words, sort in zip(heads, sorts, strict=True))
    )
    body = (
        element("tr", *(element("td", cell, class_=sort) for cell, sort in zip(row, sorts, strict=True)))
        for row in rows
    )
    table = element(
        "table", element("caption", caption), element("thead", head), element("tbody", *body), class_="overview figures"
    )
    return element("section", element("h2", title), element("div", table, class_="scrolls"))
