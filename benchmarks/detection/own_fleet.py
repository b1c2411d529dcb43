"""What a fleet's own model is worth: fitted on half of a fleet's devices, judged on the others, beside the start.

    python -m benchmarks.detection.own_fleet [--data FOLDER]

The fleet are the devices and repositories of `open2`, the start is the demo's model, which never saw them. Writes
benchmarks/results/own_fleet.json. Judged as in `cross_fit`: recall is at the score that the judging devices' own clean
backups exceed once a device-year, alerts are at the threshold in use.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from benchmarks.detection.histories import DATA, described, read_histories
from benchmarks.detection.judged import BUDGETS, Judged, false_alerts, judge, merged, recall
from jobs.model.arrays import age_of
from jobs.model.attacks import ATTACKS
from jobs.model.fleet import FleetModel, read_fleet_model
from jobs.train.products import PRODUCTS, Product, as_printed
from jobs.train.refit import refit_fleet

ROOT = Path(__file__).resolve().parents[2]
RESULTS = ROOT / "benchmarks" / "results" / "own_fleet.json"
HISTORIES = ("devices_open2", "whole_open2")
JUDGED_AS = ("git; borg with diff", "borg", "restic 0.17", "restic", "rsync", "AWS Backup")
SMALLER = ((10, 120), (20, 120), (43, 120), (43, 10_000))  # devices fitted on, and the newest backups of each
SEED = 5

Array = NDArray[Any]
Half = tuple[dict[str, Array], Array]
Fit = Callable[[Half, Product], FleetModel]


def main() -> None:
    """Fit, judge, write."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, default=DATA, help="folder of the histories (default: %(default)s)")
    options = parser.parse_args()
    _, backups, device = read_histories(options.data, *HISTORIES)
    drawn = np.random.default_rng(SEED).permutation(device.max() + 1)
    is_first = np.isin(device, drawn[: len(drawn) // 2])
    halves = [part(backups, device, own) for own in (is_first, ~is_first)]
    start = read_fleet_model(ROOT / "demo" / "fleet_model.json")

    def own_model(half: Half, product: Product) -> FleetModel:
        return refit_fleet(as_printed(half[0], product), half[1], start, "own", {})

    found: dict[str, Any] = {}
    for product in (product for product in PRODUCTS if product.name in JUDGED_AS):
        found[product.name] = {
            "start": figures(both(halves, lambda *_: start, product)),
            "own": figures(both(halves, own_model, product)),
        }
        print(product.name, found[product.name], flush=True)
    by_size = {}
    for devices, newest in SMALLER:
        few = [smaller(half, devices, newest) for half in halves]
        models = {id(half): few[place] for place, half in enumerate(halves)}
        judged = both(halves, lambda half, product, m=models: own_model(m[id(half)], product), PRODUCTS[0])  # type: ignore[misc]
        by_size[f"{devices} devices, newest {newest:,}"] = figures(judged)
    result = {
        "script": "benchmarks/detection/own_fleet.py",
        "histories": [described(options.data, name) for name in HISTORIES],
        "products": found,
        "by size of the fleet, git": by_size,
    }
    RESULTS.write_text(json.dumps(result, indent=2) + "\n", "utf-8")
    print(f"wrote {RESULTS}")


def part(backups: dict[str, Array], device: Array, own: Array) -> Half:
    """Some rows, their devices numbered anew."""
    return {name: column[own] for name, column in backups.items()}, np.unique(device[own], return_inverse=True)[1]


def smaller(half: Half, devices: int, newest: int) -> Half:
    """The newest backups of some devices."""
    backups, device = half
    drawn = np.random.default_rng(SEED).permutation(device.max() + 1)[:devices]
    return part(backups, device, np.isin(device, drawn) & (age_of(device) < newest))


def both(halves: list[Half], fit: Fit, product: Product) -> Judged:
    """Each half judged by a model of the other."""
    judged = []
    for own, other in (halves, halves[::-1]):
        one = np.full(len(own[1]), "all")
        judged.append(judge((own[0], own[1], one, one), fit(other, product), product, ATTACKS))
    return merged(*judged)["all"]


def figures(judged: Judged) -> dict[str, float]:
    """Mean recall of the headline attacks, and alerts a device-year, by budget."""
    by_attack = recall(judged)
    mean = float(np.mean([by_attack[attack]["budget 1"] for attack in ATTACKS]))
    rates = false_alerts(judged)
    return {"recall": round(mean, 3), **{f"alerts, budget {b:g}": round(rates[f"budget {b:g}"], 2) for b in BUDGETS}}


if __name__ == "__main__":
    main()
