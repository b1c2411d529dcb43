"""Fit the fleet model that the package ships, from the open histories; the draws have fixed seeds.

    python -m benchmarks.detection.fit_shipped_model [--data FOLDER]

`make model` does it. With `--only open` the `open2` histories stay unseen: the demo, which shows devices of those,
works with such a model. `cross_fit` says how well models do that were fitted in this way on half of the origins.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import numpy as np
import scipy  # type: ignore[import-untyped]

from benchmarks.detection.histories import DATA, described, device_weights, read_histories
from jobs.model.arrays import first_rows
from jobs.model.walk_forward import judged_years
from jobs.train.fleet import fit_fleet

SHIPPED = Path(__file__).resolve().parents[2] / "jobs" / "model" / "fleet_model.json"
HISTORIES = ("devices_open", "whole_open", "devices_open2", "whole_open2")


def main() -> None:
    """Read the histories, fit, write the file."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, default=DATA, help="folder of the histories (default: %(default)s)")
    parser.add_argument("--out", type=Path, default=SHIPPED, help="file to write (default: %(default)s)")
    parser.add_argument("--only", choices=("open", "open2"), help="fit on these histories alone")
    options = parser.parse_args()

    names = [name for name in HISTORIES if options.only is None or name.endswith(f"_{options.only}")]
    labels, backups, device = read_histories(options.data, *names)
    histories = labels["histories"].to_numpy()
    years, own = judged_years(backups["ended_at"], device), histories[first_rows(device)]
    provenance = {
        "script": "benchmarks/detection/fit_shipped_model.py",
        "histories": [described(options.data, name) for name in names],
        "device_years_judged": {name: round(float(years[own == name].sum()), 1) for name in names},
        "calibration": "small devices and whole repositories count the same",
        "numpy": np.__version__,
        "scipy": scipy.__version__,
    }
    weights = device_weights(backups, device, histories)
    name = "open histories" if options.only is None else f"{options.only} histories"
    options.out.write_text(fit_fleet(backups, device, weights, name, provenance).to_json() + "\n", "utf-8")
    print(f"wrote {options.out}")


if __name__ == "__main__":
    main()
