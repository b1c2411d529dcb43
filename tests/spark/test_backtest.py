"""The backtest compares a backup with the one before it as the table `features` does."""

from __future__ import annotations

import random
from datetime import UTC, datetime, timedelta

import numpy as np
import pyarrow as pa
import pytest
from pyspark.sql import functions as F

from jobs.backtest.changes import NONE, NOT_JUDGED, changes_beside, history_of
from jobs.backtest.reading import SCHEMA
from jobs.features.changes import beside_previous, without_provenance
from jobs.tables import BACKUPS, FIGURES
from tests.rows import frame_of, moment, rows_of
from tests.spark.test_features import CASES, REACH, numbered

COMPARED = (
    *(column.name for column in FIGURES),
    *("files_before", "bytes_before", "bytes_total_compressed_before"),
    "previous_backup_id",
    "not_judged",
)


def any_history(seed):
    """Backups of any sort, some of their figures unknown."""
    draw = random.Random(seed)
    rows, total = [], 100
    for place in range(40):
        total = max(0, total + draw.randint(-20, 20))
        row = {name: draw.choice([None, draw.randint(0, 120)]) for name in (c.name for c in FIGURES)}
        row |= {"files_total": draw.choice([None, total, total]), "files_added": draw.choice([None, 5, total])}
        row |= {"status": draw.choice(["complete"] * 4 + ["partial", "failed"])}
        row |= {"backup_kind": draw.choice(["full", "incremental", "unknown"])}
        if place and draw.random() < 0.1:
            row["backup_id"] = f"backup {place - 1}"
        rows.append({**row, "at": place * draw.choice([1, 1, 1, 30]) + place / 100})
    # A backup may stand under two days, but not twice under one.
    return sorted(
        {(row.get("backup_id", row["at"]), int(row["at"])): row for row in rows}.values(), key=lambda r: r["at"]
    )


HISTORIES = {name: numbered(rows) for name, rows in CASES.items()} | {f"any {n}": any_history(n) for n in range(20)}


def as_arrow(histories):
    """The same rows as the backtest holds them."""
    whole = [
        dict(zip(BACKUPS.names, row, strict=True))
        for device, rows in histories.items()
        for row in rows_of(BACKUPS, *({"device_id": device, **row} for row in rows))
    ]
    names = {field.name: field.type for field in SCHEMA}
    columns = {
        name: [float("nan") if row.get(name) is None and kind == pa.float64() else row.get(name) for row in whole]
        for name, kind in names.items()
    }
    return pa.table({name: pa.array(columns[name], names[name]) for name in names}, schema=SCHEMA)


def plain(value):
    return None if value is None or (isinstance(value, float) and np.isnan(value)) else value


def by_backup_of_arrays(backups):
    history = history_of(backups, REACH)
    figures, not_judged = changes_beside(history.rows, history, np.arange(len(history.rows)))
    found = {}
    for row, said in enumerate(history.rows.to_pylist()):
        before = int(history.previous[row])
        of_row = {name: plain(float(figures[name][row])) for name in COMPARED[:-2]}
        of_row["previous_backup_id"] = None if before == NONE else history.rows["backup_id"][before].as_py()
        of_row["not_judged"] = None if not_judged[row] == NONE else NOT_JUDGED[not_judged[row]]
        found[said["device_id"], said["ended_at"].astimezone(UTC)] = of_row
    return found


def by_backup_of_spark(spark, histories):
    rows = [{"device_id": device, **row} for device, of_device in histories.items() for row in of_device]
    backups = without_provenance(frame_of(spark, BACKUPS, *rows)).withColumn("is_new", F.lit(True))
    changes = beside_previous(backups, REACH)
    kept = changes.select("device_id", F.unix_micros("ended_at").alias("at"), *COMPARED).collect()
    epoch = datetime(1970, 1, 1, tzinfo=UTC)
    return {
        (row["device_id"], epoch + timedelta(microseconds=row["at"])): {
            name: float(row[name]) if isinstance(row[name], int) else row[name] for name in COMPARED
        }
        for row in kept
    }


def test_arrays_and_the_table_compare_every_backup_alike(spark):
    expected = by_backup_of_spark(spark, HISTORIES)
    found = by_backup_of_arrays(as_arrow(HISTORIES))
    assert found.keys() == expected.keys()
    different = {key: (found[key], expected[key]) for key in expected if found[key] != expected[key]}
    assert not different


@pytest.mark.parametrize("place", [2, 3])
def test_a_what_if_row_is_compared_as_if_it_had_happened(spark, place):
    """Its record in place of the real one gives the same figures in the table."""
    real = [{"at": n, "files_added": 3, "files_total": 100 + n, "bytes_total": 1_000 + n} for n in range(5)]
    changed = {**real[place], "files_added": 60, "files_total": 70, "bytes_total": 900}
    would_be = [*real[:place], changed, *real[place + 1 :]]
    expected = by_backup_of_spark(spark, {"nas": would_be})["nas", moment(place)]
    history = history_of(as_arrow({"nas": real}), REACH)
    figures, _ = changes_beside(as_arrow({"nas": [changed]}), history, np.array([place]))
    assert {name: plain(float(figures[name][0])) for name in COMPARED[:-2]} == {
        name: expected[name] for name in COMPARED[:-2]
    }
