"""The tables of docs/model.md, from the measured figures: `python -m benchmarks.detection.tables` puts them in."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from jobs.model.attack_classes import SLOW
from jobs.model.attacks import ATTACKS, EXTRAS, LOOK_ALIKES

ROOT = Path(__file__).resolve().parents[2]
MEASURED = ROOT / "benchmarks" / "results"
PAGE = ROOT / "docs" / "model.md"
FULL, WITHOUT_STORE = "git; borg with diff", "all columns"
GROUPS = {
    "devices_open": "devices, open",
    "whole_open": "whole, open",
    "text": "text",
    "media": "media",
    "large": "large",
    "whole_open2": "whole, open2",
}
OF_PRODUCT = (
    "inplace_1",
    "inplace_0.1",
    "inplace_0.02",
    "rename_0.02",
    "delete_0.1",
    "add_0.1",
    "stage_0.5",
    "touch_1",
)
MEAN = "mean of the headline attacks"
# Where ours stand beside the best peer: name of the figure, and how a row's name goes on.
ASKED = {
    "budget 1": "",
    "budget 1, 500 files or more": ", 500 files or more",
    "budget 4": " at 4",
    "budget 4, 500 files or more": " at 4, 500 files or more",
}


def tables_of(results: dict[str, Any]) -> dict[str, str]:
    """Markdown by what it shows: attacks, means, products, false alerts, the same by schedule."""
    full = results["products"][FULL]
    by_attack = [
        [attack, *(cell(full[group][attack]) for group in GROUPS)] for attack in (*ATTACKS, *EXTRAS, *LOOK_ALIKES)
    ]
    by_attack.insert(len(ATTACKS), ["**mean of the 20**", *(cell(full[group][MEAN]) for group in GROUPS)])
    without = results["products"][WITHOUT_STORE]
    means = [
        ["at 1 a year", *(two(full[group][MEAN]["budget 1"]) for group in GROUPS)],
        ["at 4 a year", *(two(full[group][MEAN]["budget 4"]) for group in GROUPS)],
        ["500 files or more", *(two(full[group][MEAN]["budget 1, 500 files or more"]) for group in GROUPS)],
        ["kind right", *(two(full[group][MEAN]["kind right"]) for group in GROUPS)],
        ["store's size unknown", *(two(without[group][MEAN]["budget 1"]) for group in GROUPS)],
    ]
    for altered, found in results["altered histories"].items():
        means.append([altered, *(two(found[group][MEAN]["budget 1"]) for group in GROUPS)])
    products = [
        [
            name,
            product["set"],
            *(two(product["devices_open"][attack]["budget 1"]) for attack in OF_PRODUCT),
            two(product["devices_open"][MEAN]["budget 1"]),
            two(product["devices_open"]["false alerts"]["budget 1"]),
        ]
        for name, product in results["products"].items()
    ]
    alerts = [
        [f"budget {budget}, all history", *(two(full[group]["false alerts"][f"budget {budget}"]) for group in GROUPS)]
        for budget in ("1", "4")
    ]
    short = {f"newest {length} backups": found for length, found in results["short histories"].items()}
    for history, found in (short | results["altered histories"]).items():
        rates = (two(found[group]["false alerts"]["budget 1"]) for group in GROUPS)
        alerts.append([f"budget 1, {history}", *rates])
    years = ["device-years", *(f"{results['device_years'][group]:,.0f}" for group in GROUPS)]
    by_schedule = results["schedules"].values()
    schedules = [
        ["device-years", *(f"{found['device_years']:,}" for found in by_schedule)],
        *([budget, *(two(found[budget]) for found in by_schedule)] for budget in ("budget 1", "budget 4")),
    ]
    heads = list(GROUPS.values())
    return {
        "attacks": markdown(["attack", *heads], by_attack),
        "means": markdown(["mean of the 20", *heads], means),
        "products": markdown(["product", "set", *OF_PRODUCT, "mean of the 20", "false alerts"], products),
        "false alerts": markdown(["", *heads], [years, *alerts]),
        "schedules": markdown(["backups a year", *results["schedules"]], schedules),
    }


def table_of_slow(results: dict[str, Any]) -> dict[str, str]:
    """Markdown: what is found of slow attacks, and how soon, without sums and with them."""
    slow = results["slow attacks"]
    rows = [
        [attack, f"within {within}", *(_both_ways(slow[group], attack, within) for group in GROUPS)]
        for attack in SLOW
        for within in (5, 10, 20)
    ]
    taken = [[attack, *(_times(slow[group]["budget 1"], attack) for group in GROUPS)] for attack in SLOW]
    return {
        "slow attacks": markdown(["slow attack", "found", *GROUPS.values()], rows),
        "times": markdown(["backups to the first alert", *GROUPS.values()], taken),
    }


def _both_ways(found: dict[str, Any], attack: str, within: int) -> str:
    cells = []
    for budget in ("budget 1", "budget 4"):
        alone, added = (found[budget][way][attack][f"within {within}"] for way in ("alone", "added up"))
        cells.append(f"{two(alone)} → {two(added)}")
    return f"{cells[0]} ({cells[1]})"


def _times(found: dict[str, Any], attack: str) -> str:
    medians = (found[way][attack]["median"] for way in ("alone", "added up"))
    return " → ".join("over 20" if median is None else f"{median:g}" for median in medians)


def tables_of_peers(results: dict[str, Any], peers: dict[str, Any]) -> dict[str, str]:
    """Markdown: the mean of each peer beside ours, and where one of them finds more than ours by over .01."""
    full, heads = results["products"][FULL], list(GROUPS.values())
    means = [[peer, *(cell(found[group][MEAN]) for group in GROUPS)] for peer, found in peers["peers"].items()]
    means.append(["**ours**", *(cell(full[group][MEAN]) for group in GROUPS)])
    better = []
    for attack in (*ATTACKS, *EXTRAS):
        for key, where in ASKED.items():
            cells = []
            for group in GROUPS:
                own = full[group][attack][key]
                best = max(found[group][attack][key] for found in peers["peers"].values())
                cells.append(f"{two(best)} ({two(own)})" if best > own + 0.01 else "")
            if any(cells):
                better.append([f"{attack}{where}", *cells])
    return {
        "peers": markdown(["detector", *heads], means),
        "peers that find more": markdown(["best peer (ours)", *heads], better),
    }


def table_of_own_fleets(results: dict[str, Any]) -> dict[str, str]:
    """Markdown: what a fleet's own model finds beside the one that it began with."""
    heads = ["product", "recall, as begun", "recall, own", "alerts, as begun", "alerts, own"]
    rows = []
    for product, found in results["products"].items():
        models = (found["start"], found["own"])
        alerts = [", ".join(two(of_model[f"alerts, budget {budget}"]) for budget in "14") for of_model in models]
        rows.append([product, *(f"{of_model['recall']:.3f}".lstrip("0") for of_model in models), *alerts])
    return {"own fleets": markdown(heads, rows)}


def tables_of_aftermath(results: dict[str, Any]) -> dict[str, str]:
    """Markdown: what is found after five attacks in a row, and of slow attacks that teach."""
    ways = ("alone", "sixth in a row", "by days alone", "learned at once")
    in_a_row = [[attack, *(two(found[way]) for way in ways)] for attack, found in results["in a row"]["found"].items()]
    slowly = [
        [
            attack,
            *(
                f"{two(found[f'{by}, within 10'])} ({two(found[f'{by}, within 30'])})"
                for by in ("single backups", "all")
            ),
        ]
        for attack, found in results["slowly"]["found"].items()
    ]
    return {
        "in a row": markdown(["attack", *ways], in_a_row),
        "slowly": markdown(["attack that teaches", "single backups", "with sums"], slowly),
    }


def table_of_made_up(results: dict[str, Any]) -> dict[str, str]:
    """Markdown: how kinds of devices that were made up alert, and what is found on them."""
    figures = ("alerts a year", "alerts a year, budget 4", "alerts a year, first 33 backups", "recall")
    rows = [[kind, *(two(found[figure]) for figure in figures)] for kind, found in results["kinds"].items()]
    return {"made up": markdown(["kind of device", "alerts a year", "budget 4", "first 33 backups", "recall"], rows)}


def with_tables(page: str, tables: dict[str, str]) -> str:
    """The page with each of its tables that begins with the head of one of these in the place of the old one."""
    by_head = {table.split("\n", 1)[0]: table for table in tables.values()}
    lines: list[str] = []
    is_old = False
    for line in page.split("\n"):
        if line in by_head:
            lines.append(by_head[line])
            is_old = True
        elif not (is_old and line.startswith("|")):
            lines.append(line)
            is_old = False
    return "\n".join(lines)


def cell(found: dict[str, float]) -> str:
    """Recall at a budget of 1, and of 4 behind it."""
    return f"{two(found['budget 1'])} ({two(found['budget 4'])})"


def two(figure: float) -> str:
    """Two digits, without the leading 0."""
    return f"{figure:.2f}".replace("0.", ".", 1) if figure < 1 else f"{figure:.2f}"


def markdown(head: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """A Markdown table."""
    lines = [head, ["---"] * len(head), *rows]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def measured_tables() -> dict[str, str]:
    """All tables of the page."""
    names = ("detection", "detection_peers", "own_fleet", "aftermath", "made_up_devices")
    ours, peers, own, after, made_up = (json.loads((MEASURED / f"{name}.json").read_text("utf-8")) for name in names)
    of_ours = tables_of(ours) | table_of_slow(ours) | tables_of_peers(ours, peers)
    return of_ours | table_of_own_fleets(own) | tables_of_aftermath(after) | table_of_made_up(made_up)


def main() -> None:
    """Put the tables of the measured figures into the page."""
    tables = measured_tables()
    PAGE.write_text(with_tables(PAGE.read_text("utf-8"), tables), "utf-8")
    print(f"wrote {PAGE}")


if __name__ == "__main__":
    main()
