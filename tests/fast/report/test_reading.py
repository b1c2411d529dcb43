"""Reading tables of a lake without Spark: rows, order, filters, and what is said when there is nothing to read."""

import math
import subprocess
import sys
import time
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import pyarrow as pa
import pytest
from deltalake import write_deltalake

from jobs.errors import UdaError
from jobs.report.reading import rows_of
from jobs.tables import ANOMALIES, FEATURES, REJECTS, RUNS
from tests.fast.report.samples import NEWEST, anomaly, history

ROOT = Path(__file__).parents[3]
ARROW_TYPES = {
    "string": pa.string(),
    "bigint": pa.int64(),
    "double": pa.float64(),
    "boolean": pa.bool_(),
    "date": pa.date32(),
    "timestamp": pa.timestamp("us", tz="UTC"),
    "array<string>": pa.list_(pa.string()),
    "map<string,double>": pa.map_(pa.string(), pa.float64()),
    "map<string,bigint>": pa.map_(pa.string(), pa.int64()),
}


def kept(lake, table, rows, **how):
    """Write rows as Spark writes them: every column of the table, maps as maps."""
    schema = pa.schema([(column.name, ARROW_TYPES[column.type]) for column in table.columns])
    whole = [{name: row.get(name) for name in table.names} for row in rows]
    write_deltalake(str(lake / table.name), pa.Table.from_pylist(whole, schema=schema), **how)
    return str(lake)


def test_rows_come_back_as_they_were_written_newest_first(tmp_path):
    rows = [anomaly(5), anomaly(1, share=None, last_good_at=None), anomaly(9, unseen=[], evidence={})]
    lake = kept(tmp_path, ANOMALIES, rows)
    assert rows_of(lake, ANOMALIES) == [rows[1], rows[0], rows[2]]


def test_moments_are_utc_and_nan_is_not_turned_into_anything(tmp_path):
    lake = kept(tmp_path, ANOMALIES, [anomaly(value=math.nan)])
    (row,) = rows_of(lake, ANOMALIES)
    assert row["ended_at"].utcoffset() == timedelta(0)
    assert row["day"] == date(2026, 3, 12)
    assert math.isnan(row["value"])


def test_columns_and_limit_give_that_much_and_no_more(tmp_path):
    lake = kept(tmp_path, ANOMALIES, [anomaly(days) for days in (4, 2, 3)])
    assert rows_of(lake, ANOMALIES, columns=["backup_id"], limit=2) == [{"backup_id": "b-2"}, {"backup_id": "b-3"}]


def test_all_filters_must_hold(tmp_path):
    rows = [anomaly(1), anomaly(2, status="resolved"), anomaly(3, device_id="b"), anomaly(40)]
    lake = kept(tmp_path, ANOMALIES, rows)
    since = NEWEST - timedelta(days=30)
    filters = [("ended_at", ">=", since), ("status", "=", "open"), ("device_id", "in", ["photo-archive"])]
    assert [row["backup_id"] for row in rows_of(lake, ANOMALIES, filters=filters)] == ["b-1"]
    assert len(rows_of(lake, ANOMALIES, filters=[])) == 4


def test_equally_new_rows_are_in_the_order_of_the_key(tmp_path):
    rows = [{"run_id": "r", "stage": stage, "event": "ended", "at": NEWEST} for stage in ("train", "ingest", "score")]
    lake = kept(tmp_path, RUNS, rows)
    assert [row["stage"] for row in rows_of(lake, RUNS)] == ["ingest", "score", "train"]


def test_a_table_without_moments_is_in_the_order_of_its_key(tmp_path):
    rows = [{"source": source, "position": at} for source, at in (("b", 1), ("a", 10), ("a", 9))]
    lake = kept(tmp_path, REJECTS, rows)
    found = rows_of(lake, REJECTS, columns=["source", "position"])
    assert found == [rows[2], rows[1], rows[0]]


def test_rows_of_several_commits_are_read(tmp_path):
    kept(tmp_path, ANOMALIES, [anomaly(2)])
    lake = kept(tmp_path, ANOMALIES, [anomaly(1)], mode="append")
    assert [row["backup_id"] for row in rows_of(f"{lake}/", ANOMALIES)] == ["b-1", "b-2"]


@pytest.mark.parametrize("folder", ["", "nowhere"])
def test_a_lake_without_the_table_says_what_to_run(tmp_path, folder):
    lake = str(tmp_path / folder) if folder else str(tmp_path)
    with pytest.raises(UdaError, match="no table anomalies in ") as caught:
        rows_of(lake, ANOMALIES)
    assert str(caught.value).endswith(f"run `uda run --lake {lake} --landing DIR` first")
    assert not (tmp_path / "nowhere").exists()


def test_a_file_in_the_place_of_a_table_is_an_error_in_one_line(tmp_path):
    (tmp_path / "anomalies").write_text("no folder")
    with pytest.raises(UdaError, match=r"^cannot read table anomalies in [^\n]*$"):
        rows_of(str(tmp_path), ANOMALIES)


def test_a_table_whose_file_is_gone_is_one_line_not_a_traceback(tmp_path):
    lake = kept(tmp_path, ANOMALIES, [anomaly()])
    for file in (tmp_path / "anomalies").glob("*.parquet"):
        file.unlink()
    with pytest.raises(UdaError, match=r"^cannot read table anomalies in [^\n]*$"):
        rows_of(lake, ANOMALIES)


def test_a_table_that_lacks_a_column_is_one_line_not_a_traceback(tmp_path):
    write_deltalake(str(tmp_path / "anomalies"), pa.table({"ended_at": [NEWEST]}))
    with pytest.raises(UdaError, match="cannot read table anomalies"):
        rows_of(str(tmp_path), ANOMALIES)


def test_the_newest_of_a_hundred_thousand_rows_are_there_within_a_second(tmp_path):
    one = history(days=1)[0] | {"tenant_id": "default", "product": "canonical"}
    rows = [
        one | {"device_id": f"d{n % 1_000}", "backup_id": f"b{n}", "ended_at": datetime(2026, 1, 1, tzinfo=UTC)}
        for n in range(100_000)
    ]
    lake = kept(tmp_path, FEATURES, rows)
    began = time.process_time()  # not the clock on the wall: other tests share the cores
    found = rows_of(lake, FEATURES, columns=["backup_id", "files_deleted"], limit=50)
    assert time.process_time() - began < 1
    assert len(found) == 50


@pytest.mark.parametrize("scheme", ["s3", "s3a"])
def test_a_lake_on_s3_is_read_where_the_environment_says(bucket, scheme):
    kept(bucket / "lake", ANOMALIES, [anomaly(2), anomaly(1)])
    assert rows_of(f"{scheme}://backups/lake", ANOMALIES) == [anomaly(1), anomaly(2)]


def test_a_lake_on_s3_without_the_table_says_what_to_run(bucket):
    with pytest.raises(UdaError, match="no table anomalies in s3a://backups/lake: run `uda run --lake s3a://backups"):
        rows_of("s3a://backups/lake", ANOMALIES)


def test_reading_never_imports_spark():
    code = "import sys, jobs.report.reading, jobs.report.listing, jobs.report.page; sys.exit('pyspark' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], cwd=ROOT, check=False).returncode == 0
