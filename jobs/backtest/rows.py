"""The rows that a backtest judges: the history's own, and behind them what might have stood in their place."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pyarrow as pa

from jobs.arrow import numbered
from jobs.backtest.changes import DEVICE, NONE, History, changes_beside
from jobs.backtest.columns import LABELS
from jobs.backtest.suspects import Rules
from jobs.backtest.walking import Judged, walk
from jobs.errors import UdaError
from jobs.model.arrays import Array, Arrays
from jobs.model.fleet import FleetModel
from jobs.model.signals import FIGURES
from jobs.tables import KINDS, WORDS

RUN = (*DEVICE, "attack", "attack_id")
SCORES = pa.schema(  # docs/backtest.md says what they mean
    [
        ("tenant_id", pa.string()),
        ("device_id", pa.string()),
        ("backup_id", pa.string()),
        ("ended_at", pa.timestamp("us", tz="UTC")),
        ("anomaly_score", pa.float64()),
        ("anomaly_kind", pa.string()),
        ("alerted", pa.bool_()),
        ("attack", pa.string()),
        ("at_backup_id", pa.string()),
    ]
)
STATE = ("files_before", "bytes_before", "bytes_total_compressed_before")


@dataclass(frozen=True, eq=False)
class Rows:
    """Backups by device and time, then what-if rows by the backup that they stand for.

    Attributes
    ----------
    table : pa.Table
        Texts and labels of each row, and ended_at: of a what-if row when the real backup ended.
    at : int array of shape (n,)
        The row of the history in whose place it stands: its own for a backup.
    is_what_if : bool array of shape (n,)
    figures : mapping of arrays of shape (n,)
        As `jobs.backtest.changes.changes_beside` gives them, those that the kernel takes.
    not_judged : int array of shape (n,)
    """

    table: pa.Table
    at: Array
    is_what_if: Array
    figures: Arrays
    not_judged: Array


def rows_of(history: History, what_if: pa.Table | None) -> Rows:
    """Every row to judge, beside what stood before it.

    A what-if row is compared with the same backup as the one that it stands for; the state before is the same too.

    Raises
    ------
    UdaError
        A what-if row names a backup that the history does not hold.
    """
    own = np.arange(len(history.rows))
    figures, not_judged = _changes(history.rows, history, own)
    carried = history.rows.select([*WORDS, *LABELS, "ended_at"])
    if what_if is None or not len(what_if):
        return Rows(carried, own, np.zeros(len(own), bool), figures, not_judged)
    at = _stands_for(what_if, history)
    order = np.lexsort((numbered(what_if, ("attack",))[0], at))
    what_if, at = what_if.take(pa.array(order)).combine_chunks(), at[order]
    changed, not_judged_changed = _changes(what_if, history, at)
    for name in STATE:
        changed[name] = np.where(np.isnan(figures[name][at]), changed[name], figures[name][at])
    stands = what_if
    for name in ("ended_at", "origin"):  # whatever a what-if row says of them
        place = stands.schema.get_field_index(name)
        stands = stands.set_column(place, name, history.rows[name].take(pa.array(at)))
    stands = stands.select(carried.schema.names)
    return Rows(
        table=pa.concat_tables([carried, stands]).combine_chunks(),
        at=np.concatenate([own, at]),
        is_what_if=np.repeat([False, True], [len(own), len(at)]),
        figures={name: np.concatenate([column, changed[name]]) for name, column in figures.items()},
        not_judged=np.concatenate([not_judged, not_judged_changed]),
    )


def judged(rows: Rows, history: History, fleet: FleetModel, rules: Rules) -> Judged:
    """Scores of all rows; NaN for those that are not judged."""
    which = np.flatnonzero(rows.not_judged == NONE)
    own = {name: column[: len(history.rows)] for name, column in rows.figures.items()}
    chosen = {name: column[which] for name, column in rows.figures.items()}
    found = walk(history, own, chosen, rows.at[which], ~rows.is_what_if[which], fleet, rules, _runs(rows)[which])
    n = len(rows.at)
    score, kind, loudest, evidence = np.full(n, np.nan), np.full(n, -1), np.full(n, -1), np.zeros(n)
    score[which], kind[which], loudest[which] = found.score, found.kind, found.loudest
    evidence[which] = found.evidence
    unseen = np.zeros((n, found.unseen.shape[1]), bool)
    unseen[which] = found.unseen
    together = np.zeros(n, np.int64)
    together[which] = found.together
    return Judged(score, kind, loudest, evidence, unseen, together)


def _runs(rows: Rows) -> Array:
    """A number for each attack over several backups of a device; -1 for rows of none."""
    is_run = rows.is_what_if & rows.table["attack_id"].is_valid().to_numpy()
    run = np.full(len(is_run), NONE)
    run[is_run] = numbered(rows.table.select(RUN).filter(pa.array(is_run)), RUN)[0]
    return run


def alerted(scores: Judged, threshold: float) -> Array:
    """Which rows alert."""
    alerts: Array = (scores.score >= threshold) & (scores.kind >= 0)  # NaN is not above anything
    return alerts


def scores_table(rows: Rows, scores: Judged, alerts: Array) -> pa.Table:
    """What is written: a row a backup and a row a what-if row, in the columns of `SCORES`."""
    told = {
        "anomaly_score": pa.array(scores.score, pa.float64(), mask=np.isnan(scores.score)),
        "anomaly_kind": pa.array(KINDS, pa.string()).take(pa.array(scores.kind, pa.int64(), mask=scores.kind < 0)),
        "alerted": pa.array(alerts),
    }
    columns = [told[name] if name in told else rows.table[name].combine_chunks() for name in SCORES.names]
    return pa.table(columns, schema=SCORES)


def _changes(rows: pa.Table, history: History, at: Array) -> tuple[dict[str, Array], Array]:
    figures, not_judged = changes_beside(rows, history, at)
    return {name: figures[name] for name in (*STATE, *FIGURES)}, not_judged


def _stands_for(what_if: pa.Table, history: History) -> Array:
    """Row of the history for each what-if row: of a backup delivered twice, the first."""
    place = what_if.schema.get_field_index("backup_id")
    keys = (*DEVICE, "backup_id")
    named = what_if.set_column(place, "backup_id", what_if["at_backup_id"]).select(keys)
    number, _ = numbered(pa.concat_tables([history.rows.select(keys), named]), keys)
    held = np.full(number.max() + 1, NONE)
    count = len(history.rows)
    held[number[:count][::-1]] = np.arange(count)[::-1]  # of several rows the one that is written last stays
    at: Array = held[number[count:]]
    lost = np.flatnonzero(at == NONE)
    if len(lost):
        row = what_if.slice(int(lost[0]), 1).to_pylist()[0]
        more = f" ({len(lost) - 1:,} more rows like it)" if len(lost) > 1 else ""
        raise UdaError(
            f"what-if row of attack {row['attack']!r}: no backup {row['at_backup_id']!r} of device "
            f"{row['device_id']!r} (product {row['product']}, tenant {row['tenant_id']}) is among the backups{more}; "
            "make what-if rows from the same backups"
        )
    return at
