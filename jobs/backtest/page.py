"""The report of a backtest: one HTML document that needs nothing else, and runs nothing."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

from jobs.backtest.findings import Findings
from jobs.backtest.measures import LARGE, SETTLED, Rate
from jobs.backtest.sections import devices_table, missed_table, recall_table, slow_table, unseen_table
from jobs.report.markup import Markup, element, foreign, joined
from jobs.report.page import head
from jobs.report.words import NOT_JUDGED_WORDS, budget_in_words, date_in_words, rounded
from jobs.words import count_in_words, share_in_words


def page(findings: Findings, facts: Mapping[str, Any]) -> str:
    """Self-contained HTML document.

    Parameters
    ----------
    findings : mapping
        From `jobs.backtest.findings.findings`.
    facts : mapping
        backups and what_if (where they were read from; what_if None: none), fleet_name, refit_every (backups), budget
        (false alerts per device-year), code_version.
    """
    main = element(
        "main",
        _summary(findings, facts),
        recall_table(findings["recall"], "What it would have caught", "Simulated attacks by class"),
        slow_table(findings["slow"]),
        recall_table(findings["look_alikes"], "What looks like an attack and is none", "The fewer alerts, the better"),
        devices_table(findings["loudest_devices"]),
        missed_table(findings["missed"]),
        unseen_table(findings["unseen"]),
        _legend(facts),
    )
    return "<!doctype html>\n" + element(
        "html",
        head(f"Backtest: {facts['backups']}", "report", "backtest"),
        element("body", _top(findings, facts), main),
        lang="en",
    )


def _top(findings: Findings, facts: Mapping[str, Any]) -> Markup:
    counts = findings["counts"]
    parts = [joined("Backups ", element("code", foreign(str(facts["backups"]))))]
    if facts["what_if"]:
        parts.append(joined("what-if rows ", element("code", foreign(str(facts["what_if"])))))
    if counts["first_at"]:
        parts.append(joined(f"{date_in_words(counts['first_at'])} to {date_in_words(counts['last_at'])}"))
    parts += [joined("fleet model ", foreign(facts["fleet_name"]))]
    parts += [joined(f"open-uda {facts['code_version']}")]
    return element(
        "header",
        element("h1", "Backtest"),
        element("p", *(element("span", part) for part in parts), class_="muted parts"),
        class_="top",
    )


def _summary(findings: Findings, facts: Mapping[str, Any]) -> Markup:
    counts, clean, settled = findings["counts"], findings["clean"], findings["settled"]
    recall = findings["mean_recall"]
    reasons = [f"{count_in_words(n)}: {NOT_JUDGED_WORDS.get(why, why)}" for why, n in counts["not_judged"].items() if n]
    figures = [
        (_tile("not asked" if recall is None else share_in_words(recall), "of attacks caught"), _attacks(findings)),
        (_tile(_rate(clean.value), "false alerts per device-year"), _interval(clean)),
        (_tile(count_in_words(counts["judged"]), "backups judged"), f"of {count_in_words(counts['devices'])} devices"),
        (_tile(count_in_words(counts["backups"] - counts["judged"]), "not judged"), "; ".join(reasons)),
    ]
    tiles = (element("li", figure, element("span", note or "", class_="muted")) for figure, note in figures)
    alerts = "1 alert" if findings["alerts"] == 1 else f"{count_in_words(findings['alerts'])} alerts"
    years = rounded(findings["years"]) if findings["years"] else "0"
    said = (
        f"Allowed: {budget_in_words(facts['budget'])}. {alerts} in {years} device-years of real backups; each "
        "counts as false unless a label says that it was an attack. Once a device has more than "
        f"{SETTLED} backups: {_rate(settled.value)} a device-year."
    )
    return element(
        "section",
        element("h2", "Summary", class_="unseen-heading"),
        element("ul", *tiles),
        element("p", said, class_="muted"),
        class_="summary",
    )


def _tile(figure: str, words: str) -> Markup:
    return element("strong", element("b", figure), " ", words)


def _attacks(findings: Findings) -> str:
    what_if, lost = findings["counts"]["what_if"], findings["counts"]["what_if_not_judged"]
    if not what_if:
        return "give --what-if rows to ask"
    left_out = f", {count_in_words(lost)} not judged" if lost else ""
    return f"mean over the classes of attacks; {count_in_words(what_if)} what-if rows{left_out}"


def _rate(value: float) -> str:
    return "unknown" if math.isnan(value) else f"{value:.2f}"


def _interval(rate: Rate) -> str:
    return "" if math.isnan(rate.low) else f"{rate.low:.2f} to {rate.high:.2f} with 95 % confidence"


def _legend(facts: Mapping[str, Any]) -> Markup:
    every = "each backup" if facts["refit_every"] == 1 else f"every {facts['refit_every']} backups"
    said = (
        ("Judged", f"by a model of the device's own earlier backups, fitted anew after {every}, and the fleet model."),
        ("What-if row", "a real backup as its record would have looked with one attack in it; nothing learns from it."),
        ("Caught", "the backup alerted. The bar is the share; the line its interval, 95 % confidence."),
        ("Interval", "whole origins (or devices) drawn again 1,000 times; with a single device, from its rows alone."),
        ("Small, large", f"fewer than {LARGE} files before the backup, or more: 2 % of 100 files is two files."),
        ("Fleet model", "if it was fitted on these very devices, the figures are better than they would be elsewhere."),
    )
    return element(
        "section",
        element("h2", "How to read this page"),
        element("dl", *(joined(element("dt", term), element("dd", words)) for term, words in said)),
        class_="legend",
    )
