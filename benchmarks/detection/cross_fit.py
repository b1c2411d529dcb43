"""Judge the detector on origins that it never saw: fit on half of them, judge the other half, and the reverse.

    python -m benchmarks.detection.cross_fit [--data FOLDER]

Writes benchmarks/results/detection.json and docs/detection.svg. Walks forward: at least 33 earlier backups, a history
of at most 365, refit every 50; attacks are put on five backups of each 50, scored as of their moment, never learned.
Recall is at the score that the group's own clean backups exceed once (four times) a device-year; false alerts are at
the threshold that the other half set. Full records are judged with few backups that teach as well, with the histories
altered, and by how often devices are backed up. With --halves the two fitted models are kept in a folder and taken
from there.
"""

from __future__ import annotations

import argparse
import json
import platform
import time
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.detection.attack_rows import half_of
from benchmarks.detection.histories import DATA, described, device_weights, larger, rarer, read_histories
from benchmarks.detection.judged import Judged, false_alerts, judge, merged, recall
from benchmarks.detection.picture import recall_svg
from benchmarks.detection.slow import judge_slow, slow_recall
from jobs.backtest.measures import years_of
from jobs.model.attacks import ATTACKS, EXTRAS, LOOK_ALIKES
from jobs.model.fleet import FleetModel
from jobs.train.fleet import fit_fleet
from jobs.train.products import PRODUCTS

RESULTS = Path(__file__).resolve().parents[1] / "results" / "detection.json"
PICTURE = Path(__file__).resolve().parents[2] / "docs" / "detection.svg"
HISTORIES = ("devices_open", "whole_open", "devices_open2", "whole_open2")
GROUPS = ("devices_open", "whole_open", "text", "media", "large", "whole_open2")
ALL_CLASSES = ("git; borg with diff", "all columns")  # products judged on every class; the others on these beside
HEADLINES = (*ATTACKS, "touch_1", "move_1")
SHORT = (0, 5, 10, 20)  # newest backups that teach
RARER = (3, 7)  # backups that are made one
LARGER = (30, 1_000)  # times the files, times the bytes
SCHEDULES = {"under 50": 0, "50 to 100": 50, "100 to 200": 100, "200 or more": 200}  # backups a year, from so many on


def main() -> None:
    """Fit both halves, judge, write."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, default=DATA, help="folder of the histories (default: %(default)s)")
    parser.add_argument("--halves", type=Path, help="folder to keep the two fitted models in, and to take them from")
    parser.add_argument("--out", type=Path, default=RESULTS, help="file to write (default: %(default)s)")
    options = parser.parse_args()

    begun = time.process_time()
    labels, backups, device = read_histories(options.data, *HISTORIES)
    half_a = half_of(labels)
    halves = {}
    for name, own in (("a", half_a), ("b", ~half_a)):
        halves[name] = cut(labels, backups, device, own)
    fleets = {name: fitted(rows, name, options.halves) for name, rows in halves.items()}
    judged = {product.name: both_halves(halves, fleets, product) for product in PRODUCTS}
    results: dict[str, Any] = {
        "histories": [described(options.data, name) for name in HISTORIES],
        "machine": {"processor": platform.machine(), "python": platform.python_version(), "numpy": np.__version__},
        "device_years": {group: round(judged[ALL_CLASSES[0]][group].years, 1) for group in GROUPS},
        "products": {product.name: {"set": product.set, **figures(judged[product.name])} for product in PRODUCTS},
        "slow attacks": slow_figures(halves, fleets, PRODUCTS[0]),
        "short histories": {
            str(history): in_short(both_halves(halves, fleets, PRODUCTS[0], history)) for history in SHORT
        },
        "altered histories": {
            name: in_short(both_halves(own, fleets, PRODUCTS[0])) for name, own in altered_halves(halves).items()
        },
        "schedules": schedule_figures(halves, fleets, PRODUCTS[0]),
    }
    results["cpu_seconds"] = round(time.process_time() - begun, 1)
    options.out.write_text(json.dumps(results, indent=1) + "\n", "utf-8")
    print(f"wrote {options.out}")
    if options.out == RESULTS:
        PICTURE.write_text(recall_svg(results["products"], GROUPS), "utf-8")
        print(f"wrote {PICTURE}")


def cut(labels: Any, backups: Any, device: Any, own: Any) -> tuple[Any, ...]:
    """Rows of one half: backups, device anew from 0, group and origin of each row, histories of each row."""
    histories = labels["histories"].to_numpy().astype(str)[own]
    group = np.where(histories == "devices_open2", labels["group"].to_numpy().astype(str)[own], histories)
    numbered = np.unique(device[own], return_inverse=True)[1]
    origin = labels["origin"].to_numpy().astype(str)[own]
    return {name: column[own] for name, column in backups.items()}, numbered, group, origin, histories


def fitted(rows: tuple[Any, ...], name: str, folder: Path | None) -> FleetModel:
    """The fleet model of one half; kept in, or taken from, a folder."""
    path = folder / f"fleet_half_{name}.json" if folder else None
    if path and path.exists():
        return FleetModel.from_json(path.read_text("utf-8"))
    backups, device, _, _, histories = rows
    fleet = fit_fleet(backups, device, device_weights(backups, device, histories), f"half {name}", {})
    if path:
        path.write_text(fleet.to_json() + "\n", "utf-8")
    return fleet


def both_halves(halves: Any, fleets: Any, product: Any, history: int = 365) -> dict[str, Judged]:
    """Each half judged by the model of the other."""
    every = product.name in ALL_CLASSES and history == 365
    attacks = (*ATTACKS, *EXTRAS, *LOOK_ALIKES) if every else HEADLINES if history == 365 else ATTACKS
    parts = [judge(halves[own][:4], fleets[other], product, attacks, history) for own, other in ("ab", "ba")]
    return merged(*parts)


def altered_halves(halves: Any) -> dict[str, dict[str, tuple[Any, ...]]]:
    """Both halves, by what was made of them: devices that are backed up more seldom, and larger ones."""
    found: dict[str, dict[str, tuple[Any, ...]]] = {}
    for every in RARER:
        own = found[f"{every} backups as one"] = {}
        for name, (backups, device, *labels) in halves.items():
            *made, row = rarer(backups, device, every)
            own[name] = (*made, *(column[row] for column in labels))
    files, size = LARGER
    found[f"{files} times the files, {size:,} times the bytes"] = {
        name: (larger(backups, files, size), *others) for name, (backups, *others) in halves.items()
    }
    return found


def slow_figures(halves: Any, fleets: Any, product: Any) -> dict[str, Any]:
    """Recall of attacks over many backups by group, each half judged by the model of the other."""
    parts = [judge_slow(halves[own][:3], fleets[other], product) for own, other in ("ab", "ba")]
    return {group: slow_recall([half[group] for half in parts if group in half]) for group in GROUPS}


def schedule_figures(halves: Any, fleets: Any, product: Any) -> dict[str, Any]:
    """False alerts of devices by how often they are backed up, each half judged by the model of the other."""
    by_schedule = {
        name: (backups, device, schedules_of(backups["ended_at"], device), origin)
        for name, (backups, device, _, origin, _) in halves.items()
    }
    judged = merged(*(judge(by_schedule[own], fleets[other], product, ()) for own, other in ("ab", "ba")))
    return {name: {"device_years": round(judged[name].years), **false_alerts(judged[name])} for name in SCHEDULES}


def schedules_of(ended_at: Any, device: Any) -> Any:
    """Which of `SCHEDULES` the device of each row has, over all of its history."""
    count = np.bincount(device)
    a_year = (count - 1) / years_of(device, ended_at, len(count))
    place = np.searchsorted(list(SCHEDULES.values()), a_year, side="right") - 1
    return np.array(list(SCHEDULES))[place][device]


def figures(judged: dict[str, Judged]) -> dict[str, Any]:
    """False alerts and recall of each group."""
    found = {}
    for group in GROUPS:
        by_attack = recall(judged[group])
        mean = means(by_attack)
        found[group] = {"false alerts": false_alerts(judged[group]), "mean of the headline attacks": mean, **by_attack}
    return found


def in_short(judged: dict[str, Judged]) -> dict[str, Any]:
    """False alerts and mean recall of each group."""
    return {
        group: {"false alerts": false_alerts(found), "mean of the headline attacks": means(recall(found))}
        for group, found in judged.items()
    }


def means(by_attack: dict[str, dict[str, float]]) -> dict[str, float]:
    """Means over the headline attacks; an attack that never alerts has no kind."""
    keys = [key for key in by_attack[ATTACKS[0]] if key not in ("low", "high")]
    return {key: round(float(np.nanmean([by_attack[attack][key] for attack in ATTACKS])), 3) for key in keys}


if __name__ == "__main__":
    main()
