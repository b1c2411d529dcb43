"""Which devices nobody watches over, on the report page: how many by reason, and what to do about it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from jobs.report.markup import Markup, element
from jobs.report.words import NOT_JUDGED_WORDS
from jobs.words import count_in_words

TODO = {
    "first": "Nothing: the next backup is compared with it. Was the device renamed? Say so: uda device rename.",
    "failed": "See what the backup tool says. Nothing newer can be restored.",
    "redelivery": "Nothing, unless it goes on: the tool then names one backup under several days.",
    "no_figures": "Have the tool print what it added, changed, deleted or holds.",
    "retired": "Nothing: it is watched over again once a newer backup lands.",
    "renamed": "Nothing: its history goes on under its new name.",
    "history": "Nothing, if old records were landed. Else the device has stopped: see what is silent.",
}
SILENT = "See why no backup comes. Is the device gone, or has it another name? Say so: uda device retire, rename."


def coverage(devices: Mapping[str, Any]) -> Markup | None:
    """Devices that are not judged, by reason, and those that are silent; None: all are judged, and none is silent.

    Parameters
    ----------
    devices : mapping
        As in `jobs.report.page.page`.
    """
    ordered = sorted(devices["not_judged"].items(), key=lambda entry: (-entry[1], entry[0]))
    rows = [(count, NOT_JUDGED_WORDS.get(why, why), TODO.get(why, "")) for why, count in ordered if count]
    if devices.get("silent"):
        rows.insert(0, (devices["silent"], "silent: no backup for longer than usual", SILENT))
    if not rows:
        return None
    heads = ("Devices", "Why", "What to do")
    return element(
        "section",
        element("h2", "Devices that are not watched over"),
        element(
            "table",
            element("caption", "Which they are: uda devices"),
            element("thead", element("tr", *(element("th", words, scope="col") for words in heads))),
            element("tbody", *(_row(*row) for row in rows)),
            class_="coverage",
        ),
    )


def _row(count: int, why: str, todo: str) -> Markup:
    return element("tr", element("td", count_in_words(count)), element("td", why), element("td", todo))
