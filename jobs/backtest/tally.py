"""What judged rows come to: small tables of counts; those of parts of a fleet put together are those of the whole."""

from __future__ import annotations

import zlib
from collections.abc import Iterable, Mapping

import numpy as np
import pyarrow as pa

from jobs.backtest.changes import DEVICE, NONE, History, words_of
from jobs.backtest.measures import LARGE, SETTLED, alerts_and_years, detections
from jobs.backtest.rows import Rows
from jobs.backtest.walking import Judged
from jobs.model.arrays import Array, first_rows, place_of
from jobs.model.signals import SIGNALS

UNITS = 4_096  # groups of devices or of origins, drawn again as wholes for the intervals
EVIDENCE_DIGITS = 1  # to which the evidence of what was missed is told
Tally = Mapping[str, pa.Table]


def tallied(history: History, rows: Rows, scores: Judged, alerts: Array) -> Tally:
    """What the rows of whole devices come to.

    Returns
    -------
    mapping of tables
        devices: one row each, with its unit (what intervals draw again: its origin if it has one, else itself), alerts
        and years, of all its judged backups and of those once it is settled. reasons: rows by why they were not judged.
        caught: judged attacks on one backup by attack, size, unit, alert and kind. slow: one row an attack on several.
        missed: by attack, loudest signal and evidence; examples: of each attack the largest device missed. unseen: rows
        in which a signal could not be seen, of each attack that was missed and, under no attack, of real backups.
    """
    attack, attack_id = words_of(rows.table, "attack"), words_of(rows.table, "attack_id")
    is_judged = rows.not_judged == NONE
    single = np.flatnonzero(is_judged & (attack != "") & (attack_id == ""))
    missed = single[~alerts[single]]
    several = np.flatnonzero(attack_id != "")
    unit = _units(rows.table)
    real = np.flatnonzero(is_judged & ~rows.is_what_if)
    return {
        "devices": _devices(history, rows, alerts, attack, unit),
        "reasons": _counted({"is_what_if": rows.is_what_if, "reason": rows.not_judged}),
        "caught": _counted(
            {
                "attack": attack[single],
                "size": _size(rows.figures["files_before"][single]),
                "unit": unit[single],
                "alerted": alerts[single],
                "kind": scores.kind[single],
            }
        ),
        "slow": pa.table(
            detections(
                attack[several],
                attack_id[several],
                history.device[rows.at[several]],
                history.ended_at[rows.at[several]] / 1e6,
                alerts[several],
            )
        ),
        "missed": _counted(
            {
                "attack": attack[missed],
                "loudest": scores.loudest[missed],
                "evidence": scores.evidence[missed].round(EVIDENCE_DIGITS),
            }
        ),
        "examples": _examples(rows, scores, attack, missed),
        "unseen": pa.concat_tables(
            [_unseen(np.full(len(real), ""), scores.unseen[real]), _unseen(attack[missed], scores.unseen[missed])]
        ),
    }


def together(tallies: Iterable[Tally]) -> Tally:
    """The tally of several parts of a fleet, each with whole devices."""
    parts = list(tallies)
    return {name: pa.concat_tables([part[name] for part in parts]).combine_chunks() for name in parts[0]}


def packed(tally: Tally) -> bytes:
    """A tally as bytes, to cross between processes; `unpacked` takes them."""
    return _as_bytes(pa.table({name: [_as_bytes(table)] for name, table in tally.items()}))


def unpacked(whole: bytes) -> Tally:
    """What `packed` was given."""
    (row,) = pa.ipc.open_stream(whole).read_all().to_pylist()
    return {name: pa.ipc.open_stream(held).read_all() for name, held in row.items()}


def _as_bytes(table: pa.Table) -> bytes:
    sink = pa.BufferOutputStream()
    with pa.ipc.new_stream(sink, table.schema) as stream:
        stream.write_table(table)
    written: bytes = sink.getvalue().to_pybytes()
    return written


def _devices(history: History, rows: Rows, alerts: Array, attack: Array, unit: Array) -> pa.Table:
    """Backups that nobody labelled as an attack count as clean, and their alerts as false."""
    first = first_rows(history.device)
    count = len(first)
    place = place_of(history.device)
    is_judged = ~rows.is_what_if & (rows.not_judged == NONE)
    clean = np.flatnonzero(is_judged & (attack == ""))
    device, seconds = history.device[clean], history.ended_at[clean] / 1e6
    all_alerts, years = alerts_and_years(alerts[clean], device, seconds, count)
    settled = place[clean] >= SETTLED
    late_alerts, late_years = alerts_and_years(alerts[clean][settled], device[settled], seconds[settled], count)
    latest = np.full(count, NONE)
    alerted = clean[alerts[clean]]
    latest[history.device[alerted]] = alerted  # of several the last stays
    newest = pa.array(latest, mask=latest == NONE)
    return pa.table(
        {
            **{name: rows.table[name].take(pa.array(first)) for name in ("tenant_id", "device_id")},
            "unit": unit[first],
            "backups": np.bincount(history.device, minlength=count),
            "judged": np.bincount(history.device[is_judged[: len(history.device)]], minlength=count),
            "alerts": all_alerts,
            "years": years,
            "settled_alerts": late_alerts,
            "settled_years": late_years,
            "backup_id": rows.table["backup_id"].take(newest),
            "ended_at": rows.table["ended_at"].take(newest),
            "first_at": rows.table["ended_at"].take(pa.array(first)),
            "last_at": rows.table["ended_at"].take(pa.array(np.append(first[1:], len(history.device))[:count] - 1)),
        }
    )


def _examples(rows: Rows, scores: Judged, attack: Array, missed: Array) -> pa.Table:
    files = np.nan_to_num(rows.figures["files_before"][missed], nan=-1.0)
    by_size = missed[np.argsort(-files, kind="stable")]
    _, first = np.unique(attack[by_size], return_index=True)
    largest = by_size[first]
    said = rows.table.select(["device_id", "at_backup_id", "backup_id"]).take(pa.array(largest))
    return pa.table(
        {
            "attack": attack[largest],
            **{name: said[name] for name in said.schema.names},
            "files_before": np.nan_to_num(rows.figures["files_before"][largest], nan=-1.0),
            "score": scores.score[largest],
            "loudest": scores.loudest[largest],
        }
    )


def _unseen(attack: Array, unseen: Array) -> pa.Table:
    """Of each attack and signal: rows in which it could not be seen, and rows."""
    names, number = np.unique(attack, return_inverse=True)
    rows = np.bincount(number, minlength=len(names))
    hidden = np.stack([np.bincount(number, column, len(names)) for column in unseen.T], axis=1)
    signals = len(SIGNALS)
    return pa.table(
        {
            "attack": np.repeat(names.astype(str), signals),
            "signal": np.tile(np.arange(signals), len(names)),
            "unseen": hidden.ravel().astype(np.int64),
            "rows": np.repeat(rows, signals),
        }
    )


def _counted(columns: Mapping[str, Array]) -> pa.Table:
    """How many rows have each combination of values."""
    return pa.table(dict(columns)).group_by(list(columns)).aggregate([([], "count_all")])


def _size(files_before: Array) -> Array:
    """0: fewer than 500 files, 1: more, -1: unknown."""
    return np.where(np.isnan(files_before), NONE, files_before >= LARGE)


def _units(table: pa.Table) -> Array:
    """A number below `UNITS` for each row's origin or, without one, its device: the same in every part of a fleet."""
    names = [table[name].combine_chunks() for name in DEVICE]
    name = pa.compute.coalesce(
        table["origin"].combine_chunks(), pa.compute.binary_join_element_wise(*names, "\x1f")
    ).dictionary_encode()
    unit_of_name = np.array([zlib.crc32(text.encode()) % UNITS for text in name.dictionary.to_pylist()], np.int64)
    units: Array = unit_of_name[name.indices.to_numpy(zero_copy_only=False)]
    return units
