"""Real histories in which an attack happened and its effect stayed, for tests of what comes after it."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pyarrow as pa

from benchmarks.detection.histories import DATA
from jobs.backtest.changes import NONE, History, history_of
from jobs.backtest.reading import read_backups
from jobs.backtest.rows import rows_of
from jobs.backtest.suspects import Rules
from jobs.backtest.walking import Judged, walk
from jobs.model.arrays import Array, first_rows
from jobs.model.attacks import attacked
from jobs.model.fleet import FleetModel

# Fitted on other histories than these.
FLEET = FleetModel.from_json((Path(__file__).resolve().parents[1] / "demo" / "fleet_model.json").read_text("utf-8"))
HISTORIES = DATA / "backup_history_devices_open2.parquet"
REACH = 400
NEWEST = 160  # backups of each device: the models of some hundred are as good
TOTALS = ("bytes_total", "bytes_total_compressed")


def some_devices(every: int) -> History:
    """Every so manieth device of those with a long history, its newest backups."""
    whole = history_of(read_backups(HISTORIES), REACH)
    first = first_rows(whole.device)
    count = np.diff(np.append(first, len(whole.device)))
    age = (first + count)[whole.device] - np.arange(len(whole.device))
    is_kept = (whole.device % every == 1) & (count[whole.device] >= NEWEST) & (age <= NEWEST)
    return history_of(whole.rows.filter(pa.array(is_kept)), REACH)


def place_in_device(history: History) -> Array:
    """Number of each backup on its device, from 0."""
    place: Array = np.arange(len(history.device)) - first_rows(history.device)[history.device]
    return place


def changed(history: History, figures: dict[str, Array]) -> History:
    """The same backups with other figures."""
    rows = history.rows
    for name, values in figures.items():
        at = rows.schema.get_field_index(name)
        rows = rows.set_column(at, name, pa.array(values, rows.schema.field(name).type, from_pandas=True))
    return history_of(rows, REACH)


def struck(history: History, attack: str, begins: int, times: int) -> History:
    """Each device attacked in so many backups in a row; what that does to its totals stays."""
    place = place_in_device(history)
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
    what_if = np.flatnonzero(place_in_device(history) == at) if attack else which[:0]
    figures = {name: column[which] for name, column in rows.figures.items()}
    if attack:
        added = attacked({name: column[what_if] for name, column in rows.figures.items()}, attack)
        figures = {name: np.concatenate([column, added[name]]) for name, column in figures.items()}
    is_backup = np.repeat([True, False], [len(which), len(what_if)])
    return walk(history, rows.figures, figures, np.concatenate([which, what_if]), is_backup, FLEET, rules), which
