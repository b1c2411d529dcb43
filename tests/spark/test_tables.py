"""Every declared table in Delta: who can read it, and what is refused on the way in and out."""

from __future__ import annotations

from datetime import UTC, date, datetime
from pathlib import Path

import duckdb
import duckdb_ext
import pytest
from deltalake import DeltaTable
from pyspark.sql import functions as F

from jobs.errors import SchemaError
from jobs.run import Run
from jobs.store import Store
from jobs.tables import (
    ALERTS,
    ANOMALIES,
    BACKUPS,
    DEVICE_MODELS,
    DEVICE_NOTES,
    FEATURES,
    FEEDBACK,
    FILE_CHANGES,
    REASONS,
    REJECTS,
    RUNS,
    SCORES,
    TABLES,
)
from tests.rows import frame_of, moment

# What a table's CHECKs ask for, and a value of every nested type.
ROWS = {
    REJECTS: {"reason": "bad_json", "position": 3, "record": '{"ü": '},
    FEATURES: {"unknown": ["files_moved"], "files_added": 2**53 + 1, "gap_hours": 0.1},
    DEVICE_MODELS: {"top": [0.5, 0.0], "bins": [1.0], "stored_density": None},
    SCORES: {"evidence": {"updated": 1.5}, "unseen": ["new_ext"], "cumulative": None},
    FILE_CHANGES: {"path": "a/\n\x1b[31m<b>\u202e\\udce9", "change": "moved"},
    ANOMALIES: {
        **{"anomaly_kind": "encrypt", "status": "open", "evidence": {"updated": 1.5}},
        "sample_paths": ["a/\n\x1b[31m<b>\u202e\\udce9"],
    },
    ALERTS: {"event": "started", "status": "owed", "attempts": 0, "about": "operation", "condition": "no_run"},
    FEEDBACK: {"verdict": "snooze", "snooze_until": datetime(2025, 3, 9, tzinfo=UTC), "note": "moving house"},
    DEVICE_NOTES: {"word": "rename", "new_device_id": "nas2"},
    RUNS: {"event": "ended", "counts": {"backups": 3}, "versions_read": {}, "versions_written": {"scores": 7}},
}
BY_NAME = {table.name: table for table in TABLES}
MOMENT = datetime(2025, 12, 1, tzinfo=UTC)


@pytest.fixture(scope="module")
def lake(session_of_tests, tmp_path_factory):
    """A lake with two rows in every table."""
    store = Store(session_of_tests, str(tmp_path_factory.mktemp("lake") / "it's a lake"), Run("a run", MOMENT))
    for table in TABLES:
        row = ROWS.get(table, {})
        store.insert_new(frame_of(store.spark, table, row, row), table, None)
    return store


def comparable(value):
    """Moments aware, maps as dicts, single floats alike, so that what three readers give can be compared."""
    if isinstance(value, datetime):
        return value.astimezone(UTC)
    if isinstance(value, dict):
        return {key: comparable(item) for key, item in value.items()}
    return value


def as_rows(rows):
    return sorted(({name: comparable(value) for name, value in row.items()} for row in rows), key=str)


def by_duckdb(path):
    (extension,) = Path(duckdb_ext.__path__[0]).rglob("delta.duckdb_extension")
    with duckdb.connect(config={"allow_unsigned_extensions": "true"}) as connection:
        connection.execute(f"LOAD '{extension}'")
        connection.execute("SET TimeZone = 'UTC'")
        found = connection.execute("SELECT * FROM delta_scan(?)", [path]).fetch_arrow_table()
    return found.to_pylist(maps_as_pydicts="strict")


@pytest.mark.parametrize("name", BY_NAME)
def test_spark_duckdb_and_delta_rs_read_the_same_rows(lake, name):
    table = BY_NAME[name]
    by_spark = as_rows(row.asDict() for row in lake.read(table).collect())
    assert len(by_spark) == 2
    assert tuple(by_spark[0]) == table.names
    by_delta_rs = DeltaTable(lake.path(table)).to_pyarrow_table().to_pylist(maps_as_pydicts="strict")
    assert as_rows(by_delta_rs) == by_spark
    assert as_rows(by_duckdb(lake.path(table))) == by_spark
    assert tuple(DeltaTable(lake.path(table)).to_pandas().columns) == table.names


@pytest.mark.parametrize("name", BY_NAME)
def test_any_reader_of_the_first_protocol_may_open_the_table(lake, name):
    assert DeltaTable(lake.path(BY_NAME[name])).protocol().min_reader_version == 1


@pytest.mark.parametrize("name", BY_NAME)
def test_comments_required_columns_and_checks_are_in_the_table_itself(lake, name):
    table, stored = BY_NAME[name], DeltaTable(lake.path(BY_NAME[name]))
    fields = {field.name: (field.metadata.get("comment"), not field.nullable) for field in stored.schema().fields}
    assert fields == {column.name: (column.comment, column.required) for column in table.columns}
    settings = stored.metadata().configuration
    checks = {key.removeprefix("delta.constraints."): text for key, text in settings.items() if "constraints" in key}
    assert checks == dict(table.checks)
    assert stored.metadata().partition_columns == list(table.partition_by)
    assert table.grain in stored.metadata().description


def rows_and_version(store, table):
    return as_rows(row.asDict() for row in store.read(table).collect()), store.version(table)


def backups(store, *rows):
    return frame_of(store.spark, BACKUPS, *rows)


DAYS = [moment(day).date() for day in range(9)]


def test_a_frame_that_is_not_as_declared_is_refused_naming_every_fault(lake):
    before = {table: rows_and_version(lake, table) for table in (BACKUPS, DEVICE_MODELS)}
    wrong = (
        backups(lake, {"at": 5})
        .drop("source", "derived")
        .withColumns({"colour": F.lit("blue"), "files_added": F.lit(1.5), "ended_at": F.lit("2025-01-01")})
    )
    for write in (
        lambda: lake.insert_new(wrong, BACKUPS, DAYS),
        lambda: lake.correct(wrong, BACKUPS, DAYS),
        lambda: lake.upsert(wrong, BACKUPS),
        lambda: lake.insert_new(wrong, BACKUPS, None),
    ):
        with pytest.raises(SchemaError) as refused:
            write()
        assert str(refused.value) == (
            "rows for backups: column derived is missing; column source is missing; column colour is not declared; "
            "column ended_at is string, declared timestamp; column files_added is double, declared bigint"
        )
    with pytest.raises(SchemaError, match=r"^rows for device_models: column layout is missing$"):
        models = frame_of(lake.spark, DEVICE_MODELS, {}).drop("layout")
        lake.replace_slice(models, DEVICE_MODELS, "1-20250101")
    assert {table: rows_and_version(lake, table) for table in before} == before


def test_a_stored_table_that_is_not_as_declared_is_refused_on_read(store):
    store.insert_new(frame_of(store.spark, REJECTS, ROWS[REJECTS]), REJECTS, None)
    store.spark.sql(f"ALTER TABLE delta.`{store.path(REJECTS)}` ADD COLUMNS (colour string)")
    with pytest.raises(SchemaError) as refused:
        store.read(REJECTS)
    assert str(refused.value) == f"rejects in {store.lake}: column colour is not declared"


@pytest.mark.parametrize(
    ("wrong", "says"),
    [
        ({"files_added": -1}, "files_added_not_negative"),
        ({"status": "so so"}, "status_known"),
        ({"backup_kind": None}, "backup_kind"),
        ({"device_id": None}, "device_id"),
        ({"derived": None}, "derived"),
    ],
    ids=str,
)
def test_a_row_that_breaks_a_check_or_lacks_what_is_required_keeps_its_whole_batch_out(lake, wrong, says):
    before = rows_and_version(lake, BACKUPS)
    batch = backups(lake, {"at": 5}, {"at": 6, **wrong}, {"at": 7})
    with pytest.raises(Exception, match=says):  # whichever class Delta wraps it in
        lake.insert_new(batch, BACKUPS, DAYS)
    assert rows_and_version(lake, BACKUPS) == before


def test_every_reason_and_no_other_may_stand_in_rejects(store):
    rows = [{"reason": reason, "position": place} for place, reason in enumerate(REASONS)]
    assert store.insert_new(frame_of(store.spark, REJECTS, *rows), REJECTS, None) == len(REASONS)
    with pytest.raises(Exception, match="reason_known"):
        store.insert_new(frame_of(store.spark, REJECTS, {"reason": "dull", "position": 99}), REJECTS, None)


def test_a_held_row_is_neither_inserted_again_nor_changed_and_a_correction_changes_what_differs(store):
    first = backups(store, {"at": 0, "files_added": 1}, {"at": 1})
    assert store.insert_new(first, BACKUPS, DAYS) == 2
    again = backups(store, {"at": 0, "files_added": 5, "run_id": "later"}, {"at": 1, "run_id": "later"}, {"at": 2})
    assert store.insert_new(again, BACKUPS, DAYS) == 1
    assert added(store) == [(0, 1, "an earlier run"), (1, None, "an earlier run"), (2, None, "an earlier run")]
    assert store.correct(again, BACKUPS, DAYS) == 1
    assert added(store) == [(0, 5, "later"), (1, None, "an earlier run"), (2, None, "an earlier run")]
    unheld = backups(store, {"at": 3, "files_added": 7})
    assert store.correct(unheld, BACKUPS, DAYS) == 0


def added(store):
    rows = store.read(BACKUPS).orderBy("ended_at").collect()
    return [((row["day"] - DAYS[0]).days, row["files_added"], row["run_id"]) for row in rows]


def test_an_upsert_inserts_what_is_new_changes_what_differs_and_counts_both(store):
    one = {**ROWS[ANOMALIES], "anomaly_id": "a"}
    assert store.upsert(frame_of(store.spark, ANOMALIES, one, {**one, "anomaly_id": "b"}), ANOMALIES) == 2
    rows = [{**one, "at": 0}, {**one, "at": 1, "anomaly_id": "b", "status": "resolved"}, {**one, "anomaly_id": "c"}]
    assert store.upsert(frame_of(store.spark, ANOMALIES, *rows), ANOMALIES) == 2
    found = {row["anomaly_id"]: row["status"] for row in store.read(ANOMALIES).collect()}
    assert found == {"a": "open", "b": "resolved", "c": "open"}


def test_a_slice_is_replaced_or_deleted_whole_and_no_other_is_touched(store):
    def models(version, *devices):
        return frame_of(store.spark, DEVICE_MODELS, *[{"device_id": d, "model_version": version} for d in devices])

    store.replace_slice(models("it's 1", "a", "b"), DEVICE_MODELS, "it's 1")
    store.replace_slice(models("2", "a"), DEVICE_MODELS, "2")
    store.replace_slice(models("it's 1", "c"), DEVICE_MODELS, "it's 1")
    rows = sorted((row["model_version"], row["device_id"]) for row in store.read(DEVICE_MODELS).collect())
    assert rows == [("2", "a"), ("it's 1", "c")]
    assert sorted(store.slices(DEVICE_MODELS)) == ["2", "it's 1"]
    with pytest.raises(Exception, match="model_version"):
        store.replace_slice(models("3", "d"), DEVICE_MODELS, "2")
    store.delete_slice(DEVICE_MODELS, "it's 1")
    assert store.slices(DEVICE_MODELS) == ["2"]


def test_an_append_that_comes_again_is_skipped(lake):
    before = rows_and_version(lake, RUNS)
    lake.insert_new(frame_of(lake.spark, RUNS, ROWS[RUNS]), RUNS, None)
    assert rows_and_version(lake, RUNS)[0] == before[0]


def test_reading_takes_the_days_that_are_asked_for(lake):
    first, second = DAYS[:2]

    def days(**asked):
        return sorted(row["day"] for row in lake.read(BACKUPS, **asked).collect())

    assert days() == [first, second]
    assert days(days=[second]) == [second]
    assert days(days=[]) == []
    assert days(since=second) == [second]
    # Beyond some tens of days a range stands for them.
    assert days(days=[second, *(date(2026, 1, 1 + day % 28) for day in range(70))]) == [second]
    assert lake.first_and_last_day(BACKUPS) == (first, second)


def test_a_table_that_is_not_there_is_empty_and_is_made_once_it_is_read(store):
    assert store.first_and_last_day(SCORES) is None
    assert not store.holds_any(SCORES)
    assert store.version(SCORES) == -1
    assert store.read(SCORES).isEmpty()
    assert store.version(SCORES) == 0
    assert not store.holds_any(SCORES)


def test_a_copied_table_holds_the_rows_of_its_first_commit(store):
    frame_of(store.spark, BACKUPS, {}).write.format("delta").save(store.path(BACKUPS))
    assert store.version(BACKUPS) == 0
    assert store.holds_any(BACKUPS)
    assert store.first_and_last_day(BACKUPS) is not None


def test_a_table_whose_first_commit_was_cut_off_is_made_as_declared(store):
    log = Path(store.path(REJECTS)) / "_delta_log"
    (log / "_staged_commits").mkdir(parents=True)
    for name in (".00000000000000000000.json.9f0e.tmp", "..00000000000000000000.json.9f0e.tmp.crc"):
        (log / name).write_text("{")
    with pytest.raises(Exception, match="DELTA_VIOLATE_CONSTRAINT"):
        store.insert_new(frame_of(store.spark, REJECTS, {"reason": "no such reason"}), REJECTS, None)
    assert not [
        field.name for field in store.read(REJECTS).schema if field.nullable == REJECTS.only(field.name)[0].required
    ]


def test_files_in_the_place_of_a_table_are_never_taken_for_one(store):
    stray = Path(store.path(BACKUPS)) / "notes.txt"
    stray.parent.mkdir(parents=True)
    stray.write_text("mine")
    with pytest.raises(SchemaError, match="/backups holds files but no table: move them away"):
        store.insert_new(frame_of(store.spark, BACKUPS, {}), BACKUPS, None)
    assert stray.read_text() == "mine"
