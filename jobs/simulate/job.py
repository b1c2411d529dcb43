"""Simulate: what-if rows from a history, in one file."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import TextIO

import pyarrow as pa
import pyarrow.parquet as pq

from jobs.backtest.changes import history_of
from jobs.backtest.reading import read_backups
from jobs.errors import UdaError
from jobs.report.words import iso_utc
from jobs.simulate.what_if import EARLIER, what_if_rows
from jobs.words import count_in_words

SEED = 7
ROWS_A_TIME = 10_000


def simulate(backups: Path, target: Path, seed: int, look_back_days: int, said: TextIO) -> None:
    """Write what-if rows of the backups to `target`, whole or not at all: JSON Lines if it ends so, else Parquet.

    Raises
    ------
    UdaError
        The backups can't be read, or no device has more than 33.
    """
    history = history_of(read_backups(backups), look_back_days)
    rows = what_if_rows(history, seed)
    if not len(rows):
        raise UdaError(f"{backups}: no device has more than {EARLIER} backups, after which attacks begin; give more")
    target.parent.mkdir(parents=True, exist_ok=True)
    draft = target.with_name(f".{target.name}.tmp")
    if target.name.endswith((".jsonl", ".ndjson", ".json")):
        _write_lines(rows, draft)
    else:
        pq.write_table(rows, draft)
    draft.replace(target)
    classes = len(set(rows["attack"].unique().to_pylist()))
    said.write(f"{count_in_words(len(rows))} what-if rows of {classes} classes of attack in {target}\n")


def _write_lines(rows: pa.Table, draft: Path) -> None:
    with draft.open("w", encoding="utf-8") as stream:
        for batch in rows.to_batches(max_chunksize=ROWS_A_TIME):
            for row in batch.to_pylist():
                row["ended_at"] = iso_utc(row["ended_at"])
                stream.write(json.dumps({name: value for name, value in row.items() if value is not None}) + "\n")


if __name__ == "__main__":
    from jobs.cli import main

    sys.exit(main(["simulate", *sys.argv[1:]]))
