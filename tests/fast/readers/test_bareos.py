"""What the catalogue of Bareos or Bacula says of jobs, read; the columns are those of its documentation."""

from __future__ import annotations

import pytest

from tests.fast.readers.landed import became, made_of

HEADER = "jobid,name,client,type,level,jobstatus,starttime,endtime,jobfiles,jobbytes,readbytes\n"
FULL = "1,daily,nas1-fd,B,F,T,2025-03-22 01:30:07,2025-03-22 01:31:07,1960,5000000,14909786\n"
NEXT = "2,daily,nas1-fd,B,I,T,2025-03-23 01:30:07,2025-03-23 01:30:09,32,117343,260764\n"


@pytest.fixture
def read(tmp_path):
    return lambda said, zone="Europe/Berlin", **files: made_of(tmp_path, "bareos", {"jobs.csv": said, **files}, zone)


def test_a_job_says_what_it_saved_and_of_a_full_one_that_is_all(read):
    full, incremental = read(HEADER + FULL + NEXT)
    assert full == {
        "product": "bareos",
        "device_id": "nas1-fd/daily",
        "backup_id": "1",
        "backup_kind": "full",
        "status": "complete",
        "started_at": "2025-03-22T00:30:07Z",
        "ended_at": "2025-03-22T00:31:07Z",
        "files_total": 1960,
        "bytes_total": 14909786,
        "bytes_uploaded": 14909786,
        "bytes_compressed": 5000000,
        "derived": [],
        "upper_bound": ["files_total"],
    }
    assert (incremental["backup_kind"], incremental["files_updated"], incremental["bytes_compressed"]) == (
        "incremental",
        32,
        117343,
    )
    assert (incremental["derived"], incremental["upper_bound"]) == (["files_updated"], ["files_updated"])


def test_a_differential_job_has_all_since_the_last_full_one(read):
    (record,) = read(HEADER + NEXT.replace(",I,", ",D,"))
    assert "backup_kind" not in record
    assert record["upper_bound"] == ["files_updated", "bytes_uploaded", "bytes_compressed"]


def test_names_of_columns_may_be_written_in_any_case(read):
    header = HEADER.replace("jobid", "JobId").replace("endtime", "EndTime").replace("readbytes", "ReadBytes")
    assert read(header + NEXT)[0]["bytes_uploaded"] == 260764


@pytest.mark.parametrize(
    ("said", "words"),
    [
        (HEADER + NEXT.replace(",T,", ",W,"), ["partial"]),
        (HEADER + NEXT.replace(",T,", ",f,"), ["failed"]),
        (HEADER + NEXT.replace(",T,", ",R,") + FULL, ["complete"]),
        (HEADER + NEXT.replace(",B,", ",R,") + FULL, ["complete"]),
        (HEADER + NEXT.replace(",I,", ",f,") + FULL, ["complete"]),
        (HEADER + "2,daily\n" + FULL, ["bad_line", "complete"]),
        (HEADER + NEXT.replace(",32,", ",-32,"), ["negative"]),
        (HEADER + NEXT.replace(",32,", ",many,"), ["bad_number"]),
        (HEADER + NEXT.replace("2025-03-23 01:30:09", "yesterday"), ["bad_time"]),
        (HEADER + NEXT.replace("nas1-fd", ""), ["missing_field"]),
        (FULL + NEXT, ["unknown_shape"]),
        (HEADER, ["no_figures"]),
        (HEADER + NEXT.replace(",T,", ",R,"), ["no_figures"]),
        ("", ["empty"]),
    ],
)
def test_what_rows_become(read, said, words):
    assert [became(outcome) for outcome in read(said)] == words


def test_local_times_need_a_zone(read):
    assert [became(outcome) for outcome in read(HEADER + NEXT, zone=None)] == ["no_time_zone"]
