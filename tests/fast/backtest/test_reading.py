"""Histories as people have them are read; what is wrong in them is named with file, row and field."""

import gzip
import json

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from jobs.backtest.reading import read_backups, read_what_if
from jobs.errors import UdaError
from tests.fast.backtest.histories import records, what_if, written

SMALL = {"device_id": "nas", "backup_id": "b1", "ended_at": "2025-03-30T21:15:15Z", "files_deleted": 3}


def refused(path, read=read_backups):
    with pytest.raises(UdaError) as error:
        read(path)
    return str(error.value).splitlines()


def test_what_a_record_does_not_say_is_the_default_and_an_unknown_figure_is_not_0(tmp_path):
    row = read_backups(written(tmp_path, "b.jsonl", [SMALL])).to_pylist()[0]
    assert (row["tenant_id"], row["product"], row["status"], row["backup_kind"]) == (
        *("default", "canonical", "complete", "unknown"),
    )
    assert row["files_deleted"] == 3
    assert row["files_added"] != row["files_added"]


def test_parquet_json_lines_and_packed_lines_hold_the_same_backups(tmp_path):
    made = records(days=5)
    lines = written(tmp_path, "b.jsonl", made)
    packed = tmp_path / "b.json.gz"
    packed.write_bytes(gzip.compress(lines.read_bytes()))
    frame = pd.DataFrame(made)
    frame["ended_at"] = pd.to_datetime(frame["ended_at"])
    frame["files_deleted"] = frame["files_deleted"].astype(float)
    frame.to_parquet(tmp_path / "b.parquet")
    expected = str(read_backups(lines).to_pylist())  # as text a NaN equals a NaN
    assert str(read_backups(packed).to_pylist()) == expected
    assert str(read_backups(tmp_path / "b.parquet").to_pylist()) == expected


def test_a_folder_is_read_at_any_depth_and_what_is_no_file_of_records_is_passed_over(tmp_path):
    (tmp_path / "2025" / ".drafts").mkdir(parents=True)
    written(tmp_path, "a.jsonl", records(days=2))
    written(tmp_path / "2025", "b.ndjson", records("pc", days=3))
    written(tmp_path / "2025" / ".drafts", "c.jsonl", records("draft", days=3))
    written(tmp_path, "README.txt", [])
    assert sorted(set(read_backups(tmp_path)["device_id"].to_pylist())) == ["nas", "pc"]


def test_every_fault_is_named_with_file_row_and_field(tmp_path):
    rows = [
        SMALL,
        {**SMALL, "files_deleted": -3},
        {**SMALL, "files_deleted": 1.5},
        {**SMALL, "ended_at": "2025-03-30T21:15:15"},
        {**SMALL, "ended_at": "yesterday"},
        {**SMALL, "status": "fine"},
        {**SMALL, "device_id": ""},
        {**SMALL, "bytes_total": "many"},
        {**SMALL, "backup_id": [1]},
    ]
    file = written(tmp_path, "b.jsonl", rows)
    said = "\n".join(refused(file))
    for row, field, rest in (
        (2, "files_deleted", "must be 0 or more; leave it out where it is unknown, got -3"),
        (3, "files_deleted", "must be a whole number, got 1.5"),
        (4, "ended_at", "must be UTC or have an offset such as +02:00, got '2025-03-30T21:15:15'"),
        (5, "ended_at", "must be like 2025-03-02T21:15:15Z, got 'yesterday'"),
        (6, "status", "must be one of complete, partial, failed, got 'fine'"),
        (7, "device_id", "is missing; every row needs it"),
        (8, "bytes_total", "must be a whole number, got 'many'"),
        (9, "backup_id", "must be a text, got [1]"),
    ):
        assert f"{file}: row {row}: {field} {rest}" in said


def test_the_same_fault_in_many_rows_is_one_line(tmp_path):
    file = written(tmp_path, "b.jsonl", [{**SMALL, "files_deleted": -1}] * 1_000)
    assert refused(file) == [
        f"{file}: rows 1, 2, 3 and 997 more: files_deleted must be 0 or more; leave it out where it is unknown, got -1"
    ]


def test_a_parquet_file_without_a_needed_column_a_zone_or_any_figure_says_so(tmp_path):
    file = tmp_path / "b.parquet"
    pq.write_table(pa.table({"device": ["nas"], "ended_at": pa.array([0], pa.timestamp("us"))}), file)
    assert refused(file)[:3] == [
        f"{file}: ended_at has no time zone; write it in UTC, with a zone",
        f"{file}: there is no device_id; every row needs it",
        f"{file}: there is no backup_id; every row needs it",
    ]


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b'{"device_id": "nas"', "row 1: not JSON"),
        (b"[1]\n", "row 1: not a JSON object"),
        (b"PAR1 and no more", "not a whole Parquet file"),
        (b'\n\n{"device_id": "\xff"}\n', "row 3: not JSON in UTF-8"),
    ],
)
def test_a_file_that_is_something_else_is_refused_with_its_row(tmp_path, content, said):
    file = tmp_path / "b"
    file.write_bytes(content)
    assert refused(file)[0].startswith(f"{file}: {said}")


def test_a_path_that_is_not_there_and_a_folder_without_records_are_refused(tmp_path):
    assert "no such file or folder" in refused(tmp_path / "nowhere")[0]
    assert "no file in it ends in" in refused(tmp_path)[0]


def test_a_what_if_row_may_have_fractions_and_a_total_below_nothing_but_needs_its_labels(tmp_path):
    row = what_if(SMALL, files_deleted=2.6, files_total=-4)
    read = read_what_if(written(tmp_path, "w.jsonl", [row])).to_pylist()[0]
    assert (read["files_deleted"], read["files_total"]) == (3, 0)
    file = written(tmp_path, "w.jsonl", [{**SMALL, "files_added": -1}])
    assert refused(file, read_what_if) == [
        f"{file}: row 1: files_added must be 0 or more; leave it out where it is unknown, got -1",
        f"{file}: there is no attack; every row needs it",
        f"{file}: there is no at_backup_id; every row needs it",
    ]


def test_columns_that_are_not_known_are_dropped_whatever_they_hold(tmp_path):
    row = {**SMALL, "kind": {"of": "repository"}, "bulk_reformat_label": True}
    assert "kind" not in read_backups(written(tmp_path, "b.jsonl", [json.loads(json.dumps(row))])).schema.names
