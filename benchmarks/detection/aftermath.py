"""What comes after an attack that nobody judged: the next of its kind, what wears its evidence away, what stays dense.

    python -m benchmarks.detection.aftermath

On real histories in which an attack happened and its effect on the totals stayed: the devices of `open2` with a long
history, by the demo's model, which never saw them. Writes benchmarks/results/aftermath.json.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa

from benchmarks.detection.histories import DATA, described
from jobs.backtest.changes import NONE, History, history_of
from jobs.backtest.reading import read_backups
from jobs.backtest.rows import rows_of
from jobs.backtest.suspects import Rules
from jobs.backtest.walking import Judged, walk
from jobs.model.arrays import Array, age_of, first_rows, place_of
from jobs.model.attacks import attacked
from jobs.model.fleet import read_fleet_model

ROOT = Path(__file__).resolve().parents[2]
RESULTS = ROOT / "benchmarks" / "results" / "aftermath.json"
FLEET = read_fleet_model(ROOT / "demo" / "fleet_model.json")
HISTORIES = DATA / "backup_history_devices_open2.parquet"
REACH = 400
NEWEST = 160  # backups of each device: the models of some hundred are as good
TOTALS = ("bytes_total", "bytes_total_compressed")
MOMENTS = (60, 85, 110, 135)  # numbers of the backups at which attacks begin
IN_A_ROW = ("inplace_1", "inplace_0.1", "delete_0.1", "add_0.1")
SLOWLY, SLOW_RUN = ("run_delete_0.01", "run_add_0.02", "run_stage_0.005"), 30
AFTERWARDS = 40  # backups
LEARNED = {
    "sixth in a row": Rules(),
    "by days alone": Rules(aged_backups=0),
    "learned at once": Rules(aged_days=0, aged_backups=0),
}


def main() -> None:
    """Measure, write."""
    result = {
        "script": "benchmarks/detection/aftermath.py",
        "histories": described(DATA, "devices_open2"),
        "in a row": in_a_row(some_devices(every=1)),
        "slowly": slowly(some_devices(every=3)),
        "encryption that stays": encryption_that_stays(some_devices(every=3)),
    }
    RESULTS.write_text(json.dumps(result, indent=2) + "\n", "utf-8")
    print(f"wrote {RESULTS}")


def in_a_row(clean: History) -> dict[str, Any]:
    """Share of attacks found alone, and after five of the same in a row, by how soon models learn what alerted."""
    found: dict[str, Any] = {}
    for attack in IN_A_ROW:
        shares: dict[str, list[Array]] = {name: [] for name in ("alone", *LEARNED)}
        for begins in MOMENTS:
            shares["alone"].append(_is_found(clean, Rules(), attack, begins + 5))
            hit = struck(clean, attack, begins, times=5)
            for name, rules in LEARNED.items():
                shares[name].append(_is_found(hit, rules, attack, begins + 5))
        found[attack] = {name: round(float(np.concatenate(parts).mean()), 3) for name, parts in shares.items()}
        print(attack, found[attack], flush=True)
    alerts = {name: int(alerts_of(clean, rules)[0].sum()) for name, rules in LEARNED.items()}
    return {"devices": n_devices(clean), "found": found, "alerts without an attack": alerts}


def slowly(clean: History) -> dict[str, Any]:
    """Share of devices that alert within so many backups of an attack that goes on, by single backups and by all."""
    place, begins = place_of(clean.device), MOMENTS[2]
    found: dict[str, Any] = {}
    for attack in (None, *SLOWLY):
        history = struck(clean, attack, begins, SLOW_RUN) if attack else clean
        alerts, is_alone = alerts_of(history, Rules())
        own: dict[str, float] = {}
        for name, which in (("all", alerts), ("single backups", alerts & is_alone)):
            for within in (10, SLOW_RUN):
                is_soon = which & (place >= begins) & (place < begins + within)
                own[f"{name}, within {within}"] = round(len(np.unique(clean.device[is_soon])) / n_devices(clean), 3)
            own[f"{name}, alerts a device"] = round(float(is_soon.sum() / n_devices(clean)), 2)
        found[attack or "without an attack"] = own
        print(attack, own, flush=True)
    return {"devices": n_devices(clean), "found": found}


def encryption_that_stays(clean: History) -> dict[str, Any]:
    """Alerts a device beyond the attack's own and those of the same backups without it: later uploads are dense too."""
    begins, found = MOMENTS[2], {}
    for name, history in (("size of the store known", clean), ("unknown", without_size_of_store(clean))):
        place = place_of(history.device)
        is_after = (place > begins) & (place <= begins + AFTERWARDS)
        alerts = [alerts_of(one, Rules())[0][is_after].sum() for one in (encrypted_for_good(history, begins), history)]
        found[name] = round(float(alerts[0] - alerts[1]) / n_devices(history), 2)
    print(found, flush=True)
    return {"devices": n_devices(clean), "backups": AFTERWARDS, "more alerts a device": found}


def n_devices(history: History) -> int:
    """How many devices there are."""
    return int(history.device[-1]) + 1


def alerts_of(history: History, rules: Rules) -> tuple[Array, Array]:
    """Which backups alert at a budget of 1, and which scores are of the backup alone."""
    found, which = judged(history, rules)
    alerts, is_alone = np.zeros((2, len(history.device)), bool)
    alerts[which], is_alone[which] = found.score >= 0, found.together == 0
    return alerts, is_alone


def _is_found(history: History, rules: Rules, attack: str, at: int) -> Array:
    found, which = judged(history, rules, attack, at)
    is_found: Array = found.score[len(which) :] >= 0
    return is_found


def encrypted_for_good(history: History, begins: int) -> History:
    """All files encrypted in place by one backup, and whatever is uploaded afterwards as dense as that."""
    hit = struck(history, "inplace_1", begins, times=1)
    dense = np.where(place_of(hit.device) > begins, hit.figures["bytes_uploaded"], hit.figures["bytes_compressed"])
    return changed(hit, {"bytes_compressed": dense})


def some_devices(every: int) -> History:
    """Every so manieth device of those with a long history, its newest backups."""
    whole = history_of(read_backups(HISTORIES), REACH)
    is_long = np.bincount(whole.device)[whole.device] >= NEWEST
    is_kept = (whole.device % every == 1 % every) & is_long & (age_of(whole.device) < NEWEST)
    return history_of(whole.rows.filter(pa.array(is_kept)), REACH)


def changed(history: History, figures: dict[str, Array]) -> History:
    """The same backups with other figures."""
    rows = history.rows
    for name, values in figures.items():
        at = rows.schema.get_field_index(name)
        rows = rows.set_column(at, name, pa.array(values, rows.schema.field(name).type, from_pandas=True))
    return history_of(rows, REACH)


def struck(history: History, attack: str, begins: int, times: int) -> History:
    """Each device attacked in so many backups in a row; what that does to its totals stays."""
    place = place_of(history.device)
    is_struck = (place >= begins) & (place < begins + times)
    clean = rows_of(history, None).figures
    after = attacked(clean, attack)
    own = {name for name in after if name in history.figures} - {*TOTALS, "files_total"}
    figures = {name: np.where(is_struck, after[name], history.figures[name]) for name in own}
    growth = {name: after[name] - clean[name] for name in TOTALS}
    net = [figures["files_added"] - figures["files_deleted"] for figures in (after, clean)]
    growth["files_total"] = net[0] - net[1]
    for name, by in growth.items():
        grown = np.cumsum(np.where(is_struck, np.nan_to_num(by), 0.0))  # over all devices; none is struck at its first
        figures[name] = np.maximum(history.figures[name] + grown - grown[first_rows(history.device)][history.device], 0)
    return changed(history, figures)


def without_size_of_store(history: History) -> History:
    """As most products print it."""
    return changed(history, {"bytes_total_compressed": np.full(len(history.device), np.nan)})


def judged(history: History, rules: Rules, attack: str | None = None, at: int = 0) -> tuple[Judged, Array]:
    """Scores of all judged backups, and which rows these are; behind them, of each device, an attack on backup `at`."""
    rows = rows_of(history, None)
    which = np.flatnonzero(rows.not_judged == NONE)
    what_if = np.flatnonzero(place_of(history.device) == at) if attack else which[:0]
    figures = {name: column[which] for name, column in rows.figures.items()}
    if attack:
        added = attacked({name: column[what_if] for name, column in rows.figures.items()}, attack)
        figures = {name: np.concatenate([column, added[name]]) for name, column in figures.items()}
    is_backup = np.repeat([True, False], [len(which), len(what_if)])
    return walk(history, rows.figures, figures, np.concatenate([which, what_if]), is_backup, FLEET, rules), which


if __name__ == "__main__":
    main()
