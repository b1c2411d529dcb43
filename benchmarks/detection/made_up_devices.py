"""Kinds of devices that the histories of version control do not hold, made up: how often they alert, what is found.

    python -m benchmarks.detection.made_up_devices

Ten devices of each kind, judged by the shipped model at its threshold for a budget of 1, as `uda backtest` does it; how
often they alert for a budget of 4 as well. Writes benchmarks/results/made_up_devices.json. Nothing is fitted on them.
"""

from __future__ import annotations

import json
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from numpy.typing import NDArray

from benchmarks.detection.device_kinds import DEVICES, KINDS, SEED, devices_of
from benchmarks.detection.judged import BUDGETS
from jobs.backtest.changes import History, history_of
from jobs.backtest.measures import alerts_and_years
from jobs.backtest.reading import in_shape, read_backups
from jobs.backtest.rows import alerted, judged, rows_of
from jobs.backtest.suspects import Rules
from jobs.model.arrays import place_of
from jobs.model.attacks import ATTACKS
from jobs.model.calibration import threshold_of
from jobs.model.fleet import shipped
from jobs.simulate.what_if import what_if_rows

RESULTS = Path(__file__).resolve().parents[1] / "results" / "made_up_devices.json"
REACH = 400


def main() -> None:
    """Make up, judge, write."""
    found = {kind: figures(kind) for kind in KINDS}
    for kind, own in found.items():
        print(kind, own, flush=True)
    result = {"script": "benchmarks/detection/made_up_devices.py", "devices of each kind": DEVICES, "kinds": found}
    RESULTS.write_text(json.dumps(result, indent=2) + "\n", "utf-8")
    print(f"wrote {RESULTS}")


def figures(kind: str) -> dict[str, float]:
    """Alerts a device-year, once known and in the first 33 backups, and mean recall of the headline attacks."""
    history = as_history(devices_of(kind))
    rows, rules = rows_of(history, in_shape(what_if_rows(history, SEED))), Rules()
    found = judged(rows, history, shipped(), rules)
    is_alert, is_judged = alerted(found, rules.threshold), ~np.isnan(found.score)
    is_known = place_of(history.device) >= 33
    is_young = ~is_known & is_judged[: len(is_known)]
    attack = rows.table["attack"].to_numpy()
    recall = [float(is_alert[is_judged & (attack == name)].mean()) for name in ATTACKS]
    budget = BUDGETS[-1]
    return {
        "alerts a year": a_year(is_alert, history, is_known),
        "alerts a year, first 33 backups": a_year(is_alert, history, is_young),
        f"alerts a year, budget {budget:g}": a_year(alerts_of(history, budget), history, is_known),
        "recall": round(float(np.mean(recall)), 3),
    }


def as_history(devices: pa.Table) -> History:
    """Records of made-up devices as a backtest reads them."""
    with TemporaryDirectory() as folder:
        pq.write_table(devices, file := Path(folder) / "devices.parquet")
        return history_of(read_backups(file), REACH)


def alerts_of(history: History, budget: float) -> NDArray[Any]:
    """Whether each backup alerts, for a budget in false alerts per device-year."""
    rules = Rules(threshold=threshold_of(budget))
    return alerted(judged(rows_of(history, None), history, shipped(), rules), rules.threshold)


def a_year(is_alert: NDArray[Any], history: History, is_own: NDArray[Any]) -> float:
    """Alerts a device-year among these backups."""
    own = np.flatnonzero(is_own)
    alerts, years = alerts_and_years(is_alert[own], history.device[own], history.ended_at[own] / 1e6, DEVICES)
    return round(float(alerts.sum() / years.sum()), 2)


if __name__ == "__main__":
    main()
