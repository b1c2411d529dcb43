"""Judge the shipped fleet model on origins it never saw: false alerts, and how many simulated attacks it finds.

    python -m benchmarks.detection.check_first_model [--data FOLDER]

Writes benchmarks/results/first_model.json. Walks forward: at least 33 earlier backups, a history of at most 365, refit
every 50; attacks are put on five backups of each 50, scored as of their moment, and never learned. The threshold is the
shipped one: nothing is fitted to what is judged.
"""

from __future__ import annotations

import argparse
import json
import platform
import time
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from benchmarks.detection.histories import DATA, described, read_histories
from jobs.model.arrays import first_rows
from jobs.model.attacks import ATTACKS, EXTRAS, LOOK_ALIKES, attacked
from jobs.model.fleet import FleetModel, shipped
from jobs.model.walk_forward import Walk, judged_years, score_walk, walk_forward
from jobs.tables import KINDS

RESULTS = Path(__file__).resolve().parents[1] / "results" / "first_model.json"
HISTORIES = ("devices_open2", "whole_open2")
BUDGETS = (1.0, 4.0)  # false alerts per device-year
CUT = (
    0,
    3,
    5,
    10,
    20,
    50,
    365,
)  # newest backups that teach; with 0 the fleet alone judges, as on a device's first days
ATTACKS_PER_REFIT = 5
SEED = 7
KIND_OF_ATTACK = {
    "delete": "delete",
    "add": "add",
    "stage": "add",
    "wipe": "modify",
    "padded": "modify",
}  # else encrypt

LARGE = 500  # files before

Arrays = dict[str, NDArray[Any]]


def main() -> None:
    """Judge and write the figures."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, default=DATA, help="folder of the histories (default: %(default)s)")
    parser.add_argument("--out", type=Path, default=RESULTS, help="file to write (default: %(default)s)")
    options = parser.parse_args()

    begun = time.process_time()
    fleet = shipped()
    judged = {name: judge(options.data, name, fleet) for name in HISTORIES}
    figures = {
        "fleet_model": {"fleet_name": fleet.fleet_name, **fleet.provenance},
        "histories": [described(options.data, name) for name in HISTORIES],
        "machine": {"processor": platform.machine(), "python": platform.python_version(), "numpy": np.__version__},
        "cpu_seconds": round(time.process_time() - begun, 1),
        "judged": judged,
    }
    options.out.parent.mkdir(parents=True, exist_ok=True)
    options.out.write_text(json.dumps(figures, indent=2) + "\n", "utf-8")
    print(f"wrote {options.out}")


def judge(folder: Path, name: str, fleet: FleetModel) -> dict[str, Any]:
    """False alerts and recall on one file of histories."""
    labels, backups, device = read_histories(folder, name)
    walks = {str(history): walk_forward(backups, device, fleet, history) for history in CUT}
    walk = walks[str(max(CUT))]
    judged = {column: values[walk.row] for column, values in backups.items()}

    groups = labels["group"].to_numpy()
    years = judged_years(backups["ended_at"], device)
    device_years = {group: float(years[groups[first_rows(device)] == group].sum()) for group in np.unique(groups)}
    device_years["all"] = float(years.sum())
    return {
        "device_years": {group: round(value, 1) for group, value in device_years.items()},
        "backups_judged": len(walk.row),
        "false_alerts_per_device_year": {
            history: false_alerts(score_walk(judged, cut, fleet), groups[walk.row], device_years)
            for history, cut in walks.items()
        },
        "recall": recall(judged, walk, fleet, walk),
        "recall_without_device_model": recall(judged, walk, fleet, walks["0"]),
    }


def false_alerts(scores: Arrays, groups: NDArray[Any], device_years: dict[str, float]) -> dict[str, Any]:
    """Alerts per device-year on clean backups, by group and budget; by kind at a budget of 1."""
    found: dict[str, Any] = {}
    for group, years in device_years.items():
        rows = (groups == group) | (group == "all")
        score, kind = scores["anomaly_score"][rows], scores["kind"][rows]
        found[group] = {
            f"budget {budget:g}": _rounded((score >= -np.log10(budget)).sum() / years) for budget in BUDGETS
        }
        by_kind = np.bincount(kind[score >= 0], minlength=len(KINDS)) / years
        found[group]["by kind"] = {word: _rounded(rate) for word, rate in zip(KINDS, by_kind, strict=True)}
    return found


def recall(judged: Arrays, walk: Walk, fleet: FleetModel, known: Walk) -> dict[str, Any]:
    """Share of attacked backups that alert, by attack; `known` is the walk whose models judge."""
    at = attacked_positions(walk.refit)
    beside = Walk(known.models, walk.row[at], walk.refit[at])
    density = walk.models["stored_density"][walk.refit[at]]
    clean = {**{name: column[at] for name, column in judged.items()}, "stored_density": density}
    by_attack = {}
    for attack in (*ATTACKS, *EXTRAS, *LOOK_ALIKES):
        scores = score_walk(attacked(clean, attack), beside, fleet)
        score, is_large = scores["anomaly_score"], clean["files_before"] >= LARGE
        kind = KINDS.index(KIND_OF_ATTACK.get(attack.partition("_")[0], "encrypt"))
        by_attack[attack] = {
            **{f"budget {budget:g}": _rounded((score >= -np.log10(budget)).mean()) for budget in BUDGETS},
            "budget 1, 500 files or more": _rounded((score[is_large] >= 0).mean()),
        }
        if attack not in LOOK_ALIKES:
            by_attack[attack]["kind right"] = _rounded((scores["kind"][score >= 0] == kind).mean())
    headline = {key: _rounded(np.mean([by_attack[attack][key] for attack in ATTACKS])) for key in by_attack[ATTACKS[0]]}
    return {"attacked_backups": len(at), "mean of the headline attacks": headline, **by_attack}


def attacked_positions(refit: NDArray[Any]) -> NDArray[Any]:
    """Five of the backups that each refit judges, drawn without replacement."""
    random = np.random.default_rng(SEED)
    first = first_rows(refit)
    counts = np.diff(np.append(first, len(refit)))
    draws = [random.choice(count, min(ATTACKS_PER_REFIT, count), replace=False) for count in counts]
    return np.concatenate([begin + draw for begin, draw in zip(first, draws, strict=True)])


def _rounded(figure: float) -> float:
    return round(float(figure), 3)


if __name__ == "__main__":
    main()
