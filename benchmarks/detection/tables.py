"""The tables of docs/detection.md, from the measured figures: `python -m benchmarks.detection.tables` prints them."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from jobs.model.attacks import ATTACKS, EXTRAS, LOOK_ALIKES

RESULTS = Path(__file__).resolve().parents[1] / "results" / "detection.json"
FULL, WITHOUT_STORE = "git; borg with diff", "all columns"
GROUPS = {
    "devices_open": "devices, open",
    "whole_open": "whole, open",
    "text": "text",
    "media": "media",
    "large": "large",
    "whole_open2": "whole, open2",
}
OF_PRODUCT = ("inplace_1", "inplace_0.1", "inplace_0.02", "rename_0.02", "delete_0.1", "add_0.1", "stage_0.5")
MEAN = "mean of the headline attacks"


def tables_of(results: dict[str, Any]) -> dict[str, str]:
    """Markdown by what it shows: attacks, means, products, false alerts."""
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
    for length, found in results["short histories"].items():
        rates = (two(found[group]["false alerts"]["budget 1"]) for group in GROUPS)
        alerts.append([f"budget 1, newest {length} backups", *rates])
    years = ["device-years", *(f"{results['device_years'][group]:,.0f}" for group in GROUPS)]
    heads = list(GROUPS.values())
    return {
        "attacks": markdown(["attack", *heads], by_attack),
        "means": markdown(["mean of the 20", *heads], means),
        "products": markdown(["product", "set", *OF_PRODUCT, "mean of the 20", "false alerts"], products),
        "false alerts": markdown(["", *heads], [years, *alerts]),
    }


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


if __name__ == "__main__":
    for name, table in tables_of(json.loads(RESULTS.read_text("utf-8"))).items():
        print(f"<!-- {name} -->\n{table}\n")
