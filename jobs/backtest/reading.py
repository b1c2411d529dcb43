"""Histories from files as people have them: Parquet or JSON Lines, one or a folder of them, checked, in one table."""

from __future__ import annotations

import gzip
import json
import math
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from jobs.backtest.columns import FIGURE_NAMES, LABELS, Faults, moments, numbers, texts
from jobs.errors import UdaError
from jobs.ingest.unpack import CutOffError, Overlong, lines
from jobs.tables import BACKUP_KINDS, STATUSES, UNSAID, WORDS

PARQUET = ".parquet"
LINES = tuple(f"{ending}{packing}" for ending in (".jsonl", ".ndjson", ".json") for packing in ("", ".gz", ".zst"))
LONGEST_LINE = 16 << 20  # bytes
NEEDED = {False: ("device_id", "backup_id", "ended_at"), True: ("device_id", "attack", "at_backup_id")}
ALLOWED = {"status": STATUSES, "backup_kind": BACKUP_KINDS}
TOTALS = ("files_total", "bytes_total", "bytes_total_compressed")
MOST_FAULTS = 10  # lines that are shown; whoever made one fault in a column made it in all its rows
FIELDS = (*WORDS, *LABELS, "ended_at", *FIGURE_NAMES)
SCHEMA = pa.schema(
    [(name, pa.string()) for name in (*WORDS, *LABELS)]
    + [("ended_at", pa.timestamp("us", tz="UTC"))]
    + [(name, pa.float64()) for name in FIGURE_NAMES]
)


@dataclass(frozen=True)
class Piece:
    """A file of backups; of a Parquet file one row group, if it is not the whole."""

    file: Path
    group: int | None = None


def read_backups(path: Path) -> pa.Table:
    """Backups as canonical records give them.

    Parameters
    ----------
    path : Path
        A Parquet or JSON Lines file (plain, gzip or zstd), or a folder with such files at any depth.

    Returns
    -------
    pa.Table
        Columns of `SCHEMA`, one row a record, in no order. Figures are NaN where unknown; what a record does not say of
        tenant, product, kind and status is as `jobs.ingest` takes it; other columns are dropped.

    Raises
    ------
    UdaError
        A file can't be read or holds a record that is no backup; the message names file, row and field.
    """
    return _read(path, is_what_if=False)


def read_what_if(path: Path) -> pa.Table:
    """What-if rows, as `read_backups` reads backups: they need device_id, attack and at_backup_id.

    They come from arithmetic: fractions are rounded, and a total that an attack brought below nothing is nothing.
    """
    return _read(path, is_what_if=True)


def in_shape(rows: pa.Table) -> pa.Table:
    """Rows that are in memory already in the columns of `SCHEMA`: what they lack is null, a figure that is null NaN."""
    columns = []
    for field in SCHEMA:
        held = rows[field.name] if field.name in rows.schema.names else pa.nulls(len(rows), field.type)
        column = held.cast(field.type)
        columns.append(pa.compute.fill_null(column, math.nan) if pa.types.is_floating(field.type) else column)
    return pa.table(columns, schema=SCHEMA)


def read_piece(piece: Piece, is_what_if: bool) -> tuple[pa.Table, list[str]]:
    """Rows of a piece of a file in the columns of `SCHEMA`, and what is wrong with them, a line a fault."""
    faults = Faults()
    return _table(piece, faults, is_what_if), faults.lines


def _read(path: Path, is_what_if: bool) -> pa.Table:
    faults = Faults()
    tables = [_table(Piece(file), faults, is_what_if) for file in files_of(path)]
    refuse(faults.lines)
    return pa.concat_tables(tables).combine_chunks()


def refuse(faults: Sequence[str]) -> None:
    """UdaError with the first of these faults; nothing if there are none."""
    if faults:
        more = [f"and {len(faults) - MOST_FAULTS} faults more"] if len(faults) > MOST_FAULTS else []
        raise UdaError("\n".join([*faults[:MOST_FAULTS], *more]))


def pieces_of(path: Path) -> list[Piece]:
    """Files of backups in pieces that can be read side by side: a Parquet file in its row groups, any other whole."""
    return [
        Piece(file, group)
        for file in files_of(path)
        for group in (range(_open(file).num_row_groups) if _is_parquet(file) else (None,))
    ]


def files_of(path: Path) -> list[Path]:
    """The files of backups in a folder, or the file itself; UdaError if there is none."""
    if path.is_file():
        return [path]
    if not path.is_dir():
        raise UdaError(f"{path}: no such file or folder; name a Parquet or JSON Lines file of backups, or their folder")
    found = sorted(file for file in path.rglob("*") if file.is_file() and file.name.endswith((PARQUET, *LINES)))
    found = [file for file in found if not any(part.startswith(".") for part in file.relative_to(path).parts)]
    if not found:
        raise UdaError(f"{path}: no file in it ends in .parquet, .jsonl, .ndjson or .json; name a folder with backups")
    return found


def _table(piece: Piece, faults: Faults, is_what_if: bool) -> pa.Table:
    rows, columns = _parquet(piece) if _is_parquet(piece.file) else _records(piece.file)
    of_file = faults.of(str(piece.file), rows)
    nothing: list[None] = [None] * len(rows)
    read: dict[str, pa.Array] = {}
    for name in (*WORDS, *LABELS):
        read[name] = texts(columns.get(name, nothing), name, of_file)
    for name, words in ALLOWED.items():
        of_file.unknown_word(name, read[name], words)
    read["ended_at"] = moments(columns.get("ended_at", nothing), "ended_at", of_file)
    for name in FIGURE_NAMES:
        floor = float("-inf") if is_what_if and name in TOTALS else 0.0
        read[name] = numbers(columns.get(name, nothing), name, of_file, floor=floor, is_rounded=is_what_if)
    of_file.missing({name: read[name] for name in NEEDED[is_what_if]}, have=sorted(columns))
    if len(rows) and not columns.keys() & set(FIGURE_NAMES):
        of_file.say(f"no column is a figure; name them {', '.join(FIGURE_NAMES)}")
    for name, default in UNSAID.items():
        read[name] = read[name].fill_null(default)
    return pa.table([read[name] for name in SCHEMA.names], schema=SCHEMA)


def _is_parquet(file: Path) -> bool:
    if file.name.endswith(PARQUET):
        return True
    with file.open("rb") as stream:
        return stream.read(4) == b"PAR1"


def _parquet(piece: Piece) -> tuple[Sequence[int], dict[str, Any]]:
    held = _open(piece.file)
    names = [name for name in held.schema_arrow.names if name in FIELDS]
    groups = range(held.num_row_groups) if piece.group is None else [piece.group]
    try:
        rows = held.read_row_groups(list(groups), columns=names)
    except (OSError, pa.ArrowException) as error:
        raise _not_whole(piece.file, error) from error
    before = sum(held.metadata.row_group(group).num_rows for group in range(piece.group or 0))
    return range(before + 1, before + len(rows) + 1), {name: rows[name].combine_chunks() for name in names}


def _open(file: Path) -> pq.ParquetFile:
    try:
        return pq.ParquetFile(file)
    except (OSError, pa.ArrowException) as error:
        raise _not_whole(file, error) from error


def _not_whole(file: Path, error: Exception) -> UdaError:
    return UdaError(f"{file}: not a whole Parquet file ({str(error).partition(chr(10))[0]})")


def _records(file: Path) -> tuple[Sequence[int], dict[str, Any]]:
    """Line number of each record, and a list of values for each field that any of them has."""
    numbers_of_lines, records = [], []
    try:
        for number, line in enumerate(lines(str(file), LONGEST_LINE), start=1):
            record = _record(line, f"{file}: row {number}")
            if record is not None:
                numbers_of_lines.append(number)
                records.append(record)
    except (CutOffError, gzip.BadGzipFile) as error:
        raise UdaError(f"{file}: damaged or cut off; the whole file is needed") from error
    said = set().union(*(record.keys() for record in records)) if records else set()
    return numbers_of_lines, {name: [record.get(name) for record in records] for name in FIELDS if name in said}


def _record(line: bytes | Overlong, at: str) -> dict[str, Any] | None:
    if isinstance(line, Overlong):
        raise UdaError(f"{at}: longer than {LONGEST_LINE >> 20} MiB; write one record a line")
    if not line.strip():
        return None
    try:
        record = json.loads(line)
    except (ValueError, RecursionError) as error:
        raise UdaError(f"{at}: not JSON in UTF-8 ({error}); write one object a line") from error
    if not isinstance(record, dict):
        raise UdaError(f"{at}: not a JSON object; write one object a line")
    return record
