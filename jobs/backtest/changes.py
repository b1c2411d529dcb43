"""Each backup beside the one before it, as arrays: what `jobs.features.changes` says of a table, said of a history.

The two must agree row by row; tests/spark/test_backtest.py holds them to it.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pyarrow as pa

from jobs.arrow import numbered
from jobs.backtest.columns import FIGURE_NAMES
from jobs.errors import UdaError
from jobs.model.arrays import Array, Arrays, first_rows

DEVICE = ("tenant_id", "product", "device_id")
# Any of these beside the backup before tells of a change; some tools print no count but the total.
SIGNS_OF_CHANGE = (
    *("files_added", "files_updated", "files_deleted", "files_total"),
    *("bytes_uploaded", "bytes_unique", "bytes_compressed"),
)
UNKNOWN_IN_A_FULL = ("files_updated", "files_new_extension", "bytes_uploaded", "bytes_unique", "bytes_compressed")
NOT_JUDGED = ("redelivery", "failed", "first", "no_figures")
DAY = 86_400_000_000  # microseconds
NONE = -1


@dataclass(frozen=True, eq=False)
class History:
    """Backups by device and time, and what each is compared with.

    Attributes
    ----------
    rows : pa.Table
        The columns of `jobs.backtest.reading.SCHEMA`.
    device : int array of shape (n,)
        0 to n_devices - 1, ascending.
    ended_at : int array of shape (n,)
        Microseconds since 1970 UTC.
    figures : mapping of arrays of shape (n,)
        What the records say; NaN where unknown.
    is_redelivery : bool array of shape (n,)
        The same backup stands under an earlier day.
    previous : int array of shape (n,)
        Row of the latest earlier complete backup in reach; -1: none.
    status, status_before : arrays of shape (n,)
        Its own; that of the run directly before that did not fail, "" where there is none.
    """

    rows: pa.Table
    device: Array
    ended_at: Array
    figures: Arrays
    is_redelivery: Array
    previous: Array
    status: Array
    status_before: Array

    @property
    def is_teacher(self) -> Array:
        """Which backups may teach: complete and compared with another."""
        teaches: Array = (self.status == "complete") & (self.previous != NONE) & ~self.is_redelivery
        return teaches

    @property
    def is_session(self) -> Array:
        """Which rows are a backup of their own that left something."""
        left: Array = (self.status != "failed") & ~self.is_redelivery
        return left


def history_of(backups: pa.Table, look_back_days: int) -> History:
    """Backups in order, each beside the one that it is compared with.

    Parameters
    ----------
    backups : pa.Table
        From `jobs.backtest.reading.read_backups`, in any order.
    look_back_days : int
        A previous backup further back than this is none.

    Raises
    ------
    UdaError
        A backup is there twice with different figures. The same record twice is one.
    """
    rows = _in_order(backups)
    device = _changes_of(numbered(rows, DEVICE)[0])
    ended_at = rows["ended_at"].cast(pa.int64()).to_numpy()
    status = words_of(rows, "status")
    is_redelivery = _again(rows)
    first = first_rows(device)[device] if len(rows) else device

    previous = _latest_before((status == "complete") & ~is_redelivery, first)
    is_far = ended_at[previous] < ended_at - look_back_days * DAY
    directly_before = _latest_before((status != "failed") & ~is_redelivery, first)
    return History(
        rows=rows,
        device=device,
        ended_at=ended_at,
        figures=figures_of(rows),
        is_redelivery=is_redelivery,
        previous=np.where(is_far, NONE, previous),
        status=status,
        status_before=np.where(directly_before == NONE, "", status[directly_before]),
    )


def changes_beside(rows: pa.Table, history: History, at: Array) -> tuple[dict[str, Array], Array]:
    """Figures of each row beside what stood before a row of the history.

    Parameters
    ----------
    rows : pa.Table
        The rows of the history, or what would have stood in their place.
    at : int array of shape (n,)
        The row of the history in whose place each one stands.

    Returns
    -------
    figures : mapping of arrays of shape (n,)
        The figures, derived ones included; files_before, bytes_before, bytes_total_compressed_before. NaN: unknown.
    not_judged : int array of shape (n,)
        Index into `NOT_JUDGED`; -1: judged.
    """
    previous = history.previous[at]
    has_previous = previous != NONE
    before = {
        name: np.where(has_previous, history.figures[name][previous], np.nan)
        for name in ("files_total", "bytes_total", "bytes_total_compressed")
    }
    status, status_before = words_of(rows, "status"), history.status_before[at]
    was_whole = (status == "complete") & (status_before == "complete")
    is_full = words_of(rows, "backup_kind") == "full"
    figures = _with_derived(figures_of(rows), before["files_total"], was_whole, is_full)

    files_before = figures["files_total"] - figures["files_added"] + figures["files_deleted"]
    files_before = np.where(np.isnan(files_before), before["files_total"], files_before)
    figures["files_before"] = np.maximum(files_before, 1.0)
    figures["bytes_before"] = np.maximum(before["bytes_total"], 1.0)
    figures["bytes_total_compressed_before"] = before["bytes_total_compressed"]
    says_nothing = np.all([np.isnan(figures[name]) for name in SIGNS_OF_CHANGE], axis=0)
    reasons = (history.is_redelivery[at], status == "failed", ~has_previous, says_nothing)
    return figures, np.select(reasons, range(len(reasons)), NONE)


def figures_of(rows: pa.Table) -> dict[str, Array]:
    """Figures as float arrays, NaN where unknown."""
    return {name: rows[name].to_numpy() for name in FIGURE_NAMES}


def words_of(rows: pa.Table, name: str) -> Array:
    """A column of few words as a numpy array, "" for none."""
    column = rows[name].combine_chunks().fill_null("").dictionary_encode()
    words: Array = np.array([*column.dictionary.to_pylist(), ""])[column.indices.to_numpy(zero_copy_only=False)]
    return words


def _with_derived(said: Arrays, before: Array, was_whole: Array, is_full: Array) -> dict[str, Array]:
    """Deletes or what was added, from the files before and after; of a full that calls everything new, all changes."""
    added, after = said["files_added"], said["files_total"]
    gone = before + added - after
    deleted = np.where(was_whole & np.isnan(said["files_deleted"]) & (gone >= 0), gone, np.nan)
    come = after - before + said["files_deleted"]
    added_by_rule = np.where(was_whole & np.isnan(added) & (come >= 0), come, np.nan)
    is_all_new = is_full & (added >= after)
    moved = np.where(deleted < said["files_moved"], deleted, said["files_moved"])
    figures = {
        **said,
        "files_added": np.where(
            is_all_new, np.maximum(after - before, 0.0), np.where(np.isnan(added_by_rule), added, added_by_rule)
        ),
        "files_deleted": np.where(
            is_all_new, np.maximum(before - after, 0.0), np.where(np.isnan(deleted), said["files_deleted"], deleted)
        ),
        "files_moved": np.where(is_all_new, np.nan, moved),
    }
    return figures | {name: np.where(is_all_new, np.nan, said[name]) for name in UNKNOWN_IN_A_FULL}


def _in_order(backups: pa.Table) -> pa.Table:
    order = [(name, "ascending") for name in (*DEVICE, "ended_at", "backup_id")]
    rows = backups.take(pa.compute.sort_indices(backups, sort_keys=order)).combine_chunks()
    if not len(rows):
        return rows
    day = pa.array(rows["ended_at"].cast(pa.int64()).to_numpy() // DAY)
    number, first = numbered(rows.append_column("day", day), (*DEVICE, "backup_id", "day"))
    is_twice = np.ones(len(rows), bool)
    is_twice[first] = False
    twice = np.flatnonzero(is_twice)
    if not len(twice):
        return rows
    held = first[number[twice]]
    figures = figures_of(rows)
    differs = [~_equal(figures[name][held], figures[name][twice]) for name in FIGURE_NAMES]
    differs += [words_of(rows, name)[held] != words_of(rows, name)[twice] for name in ("status", "backup_kind")]
    different = np.flatnonzero(np.any(differs, axis=0))
    if len(different):
        row = rows.slice(int(twice[different[0]]), 1).to_pylist()[0]
        raise UdaError(
            f"backup {row['backup_id']!r} of device {row['device_id']!r} is there twice with different figures, and "
            f"{len(different) - 1:,} more are; leave one of each"
        )
    return rows.filter(pa.array(~is_twice)).combine_chunks()


def _equal(one: Array, other: Array) -> Array:
    same: Array = (one == other) | (np.isnan(one) & np.isnan(other))
    return same


def _changes_of(number: Array) -> Array:
    """Numbers that rise by one wherever the number in the row changes."""
    return np.cumsum(np.diff(number, prepend=number[:1]) != 0)


def _again(rows: pa.Table) -> Array:
    """Whether an earlier row is the same backup of the same device; rows in time order."""
    number, _ = numbered(rows, (*DEVICE, "backup_id"))
    _, first = np.unique(number, return_index=True)
    is_again = np.ones(len(rows), bool)
    is_again[first] = False
    return is_again


def _latest_before(is_one: Array, first: Array) -> Array:
    """Latest earlier row of the same device for which it holds; -1: none."""
    rows = np.where(is_one, np.arange(len(is_one)), NONE)
    latest = np.concatenate([[NONE], np.maximum.accumulate(rows)[:-1]]) if len(rows) else rows
    return np.where(latest >= first, latest, NONE)
