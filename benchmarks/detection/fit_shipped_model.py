"""Fit the fleet model that the package ships, from the `open` histories: the same file on every run.

    python -m benchmarks.detection.fit_shipped_model [--data FOLDER]

The `open2` histories stay unseen: `check_first_model` judges them, and the demo uses them.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import numpy as np

from benchmarks.detection.histories import DATA, described, read_histories
from jobs.model.walk_forward import judged_years
from jobs.train.fleet import fit_fleet

SHIPPED = Path(__file__).resolve().parents[2] / "jobs" / "model" / "fleet_model.json"
HISTORIES = ("devices_open", "whole_open")


def main() -> None:
    """Read the histories, fit, write the file."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, default=DATA, help="folder of the histories (default: %(default)s)")
    parser.add_argument("--out", type=Path, default=SHIPPED, help="file to write (default: %(default)s)")
    options = parser.parse_args()

    labels, backups, device = read_histories(options.data, *HISTORIES)
    years = judged_years(backups["ended_at"], device)
    histories = labels.groupby(device)["histories"].first().to_numpy()
    # Small devices have six times the years of whole repositories: by years alone the latter would go over the budget.
    weights = np.ones(len(years))
    for name in HISTORIES:
        weights[histories == name] = years.sum() / len(HISTORIES) / years[histories == name].sum()
    provenance = {
        "script": "benchmarks/detection/fit_shipped_model.py",
        "histories": [described(options.data, name) for name in HISTORIES],
        "device_years_judged": {name: round(float(years[histories == name].sum()), 1) for name in HISTORIES},
        "calibration": "each of the histories counts the same",
        "numpy": np.__version__,
    }
    options.out.write_text(fit_fleet(backups, device, weights, "open histories", provenance).to_json() + "\n", "utf-8")
    print(f"wrote {options.out}")


if __name__ == "__main__":
    main()
