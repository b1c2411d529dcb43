"""What-if rows: real backups as their records would have looked with one attack in them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import pyarrow as pa

from jobs.backtest.changes import History, changes_beside
from jobs.backtest.columns import FIGURE_NAMES
from jobs.model.arrays import Array, first_rows
from jobs.model.attack_classes import ATTACKS, EXTRAS, LOOK_ALIKES, SLOW
from jobs.model.attacks import attacked

EARLIER = 33  # backups that a device must have before one is attacked
BLOCK, ATTACKED_A_BLOCK = 50, 5  # backups
RUN = 30  # backups in a row that a slow attack lasts
SHORTEST_RUN = 10
BYTES_A_FILE = 8_000  # where a product counts no files
DENSITY = 0.5  # compressed share of what is stored, where nothing tells it; text has .3, media 1
SINGLE = (*ATTACKS, *EXTRAS, *LOOK_ALIKES)
NAMES = ("tenant_id", "product", "device_id", "backup_kind", "status", "origin")
SCHEMA = pa.schema(
    [(name, pa.string()) for name in (*NAMES, "attack", "at_backup_id", "attack_id")]
    + [("ended_at", pa.timestamp("us", tz="UTC"))]
    + [(name, pa.int64()) for name in FIGURE_NAMES]
)


def what_if_rows(history: History, seed: int) -> pa.Table:
    """Rows for every class of attack, in the columns of `SCHEMA`.

    Parameters
    ----------
    history : History
        The backups. Of those after a device's first 33, five of every 50 get every class; and of each slow attack a
        device gets one run of up to 30 backups, whose rows share an attack_id.
    seed : int
        The same seed draws the same backups.

    Notes
    -----
    docs/model.md, "Simulated attacks". A record's unknown figures stay unknown: derived deletes, for one, follow
    from the totals as they do for a real one.
    """
    random = np.random.default_rng(seed)
    at = drawn(history, random)
    starts, lengths = drawn_runs(history, random)
    run = np.repeat(np.arange(len(starts)), lengths)
    in_run = _sessions(history)[np.repeat(starts, lengths) + _places(lengths)]
    before = _before(history)
    tables = [_rows(history, before, at, attack, np.full(len(at), None)) for attack in SINGLE]
    for attack in SLOW:
        names = np.array([f"{attack}-{number}" for number in range(len(starts))], object)[run]
        tables.append(_rows(history, before, in_run, attack, names))
    return pa.concat_tables(tables).combine_chunks()


def drawn(history: History, random: np.random.Generator) -> Array:
    """Rows of the history that are attacked: five of each 50 after a device's first 33, without replacement."""
    sessions = _sessions(history)
    found = []
    for first, count in _devices(history):
        for start in range(EARLIER, count, BLOCK):
            size = min(BLOCK, count - start)
            draw = random.choice(size, min(ATTACKED_A_BLOCK, size), replace=False)
            found.append(sessions[first + start + np.sort(draw)])
    return np.concatenate(found) if found else np.zeros(0, np.int64)


def drawn_runs(history: History, random: np.random.Generator) -> tuple[Array, Array]:
    """A run of backups of each device that has enough: its first place among the sessions, and how many there are."""
    starts, lengths = [], []
    for first, count in _devices(history):
        length = min(RUN, count - EARLIER)
        if length >= SHORTEST_RUN:
            starts.append(first + EARLIER + int(random.integers(count - EARLIER - length + 1)))
            lengths.append(length)
    return np.array(starts, np.int64), np.array(lengths, np.int64)


def _sessions(history: History) -> Array:
    return np.flatnonzero(history.is_session)


def _devices(history: History) -> list[tuple[int, int]]:
    """First place and number of the sessions of each device that has any."""
    device = history.device[history.is_session]
    first = np.flatnonzero(np.diff(device, prepend=-1))
    counts = np.diff(np.append(first, len(device)))
    return list(zip(first.tolist(), counts.tolist(), strict=True))


def _places(lengths: Array) -> Array:
    before = np.cumsum(lengths) - lengths
    place: Array = np.arange(lengths.sum()) - np.repeat(before, lengths)
    return place


def _before(history: History) -> dict[str, Array]:
    """Figures of every backup with 0 for what is unknown of it, and the state before as well as it can be told."""
    figures, _ = changes_beside(history.rows, history, np.arange(len(history.rows)))
    state = ("files_before", "bytes_before", "bytes_total_compressed_before", "dirs_total")
    # An attack adds to what is known; a sum with what is unknown would make a known total unknown.
    filled = {name: column if name in state else np.nan_to_num(column) for name, column in figures.items()}
    by_size = np.maximum(1.0, figures["bytes_before"] / BYTES_A_FILE)
    filled["files_before"] = np.where(np.isnan(figures["files_before"]), by_size, figures["files_before"])
    return {**filled, "stored_density": _stored_density(history, figures)}


def _stored_density(history: History, figures: Mapping[str, Array]) -> Array:
    """Compressed share of all that a device uploaded before each backup."""
    first = first_rows(history.device)
    uploaded = figures["bytes_uploaded"]
    sent = np.where(np.isnan(uploaded), figures["bytes_unique"], uploaded)
    is_known = ~np.isnan(figures["bytes_compressed"] + sent)
    sums = []
    for column in (figures["bytes_compressed"], sent):
        known = np.where(is_known, column, 0.0)
        running = np.cumsum(known) - known
        sums.append(running - running[first][history.device])
    share: Array = np.divide(sums[0], sums[1], out=np.full(len(is_known), DENSITY), where=sums[1] > 0)
    return share


def _rows(history: History, before: Mapping[str, Array], at: Array, attack: str, attack_id: Array) -> pa.Table:
    after = attacked({name: column[at] for name, column in before.items()}, attack)
    columns: dict[str, Any] = {name: history.rows[name].take(pa.array(at)).combine_chunks() for name in NAMES}
    columns["attack"] = pa.array([attack] * len(at), pa.string())
    columns["at_backup_id"] = history.rows["backup_id"].take(pa.array(at)).combine_chunks()
    columns["attack_id"] = pa.array(attack_id, pa.string())
    columns["ended_at"] = history.rows["ended_at"].take(pa.array(at)).combine_chunks()
    for name in FIGURE_NAMES:
        is_unknown = np.isnan(history.figures[name][at]) | np.isnan(after[name])
        columns[name] = pa.array(np.where(is_unknown, 0, after[name]).astype(np.int64), mask=is_unknown)
    return pa.table([columns[name] for name in SCHEMA.names], schema=SCHEMA)
