"""What kopia prints, read: as 0.23 printed it, shortened."""

from __future__ import annotations

import json
import time

import pytest

from jobs.ingest.outcomes import outcomes
from jobs.ingest.readers import kopia
from jobs.ingest.stems import Fault
from tests.fast.readers.landed import LATEST, SAMPLES, became, made_of, needs_samples, runs

SUMMARY = {
    "size": 12199448,
    "files": 1708,
    "symlinks": 2,
    "dirs": 36,
    "maxTime": "2025-03-01T00:00:00Z",
    "numFailed": 0,
}
CREATED = {
    "id": "7003e2175a0a72ad3f4b34db6668b4c7",
    "source": {"host": "laptop-2", "userName": "alice", "path": "/home/alice"},
    "startTime": "2025-03-03T02:20:15.22410006Z",
    "endTime": "2025-03-03T02:20:16.270530295Z",
    "rootEntry": {"name": "alice", "type": "d", "obj": "k29156816", "summ": SUMMARY},
}


def stored(day, original, packed, **changes):
    """An element of the list: the snapshot of a day, and what it added to the store."""
    new = {"originalContentBytes": original, "packedContentBytes": packed, "fileObjects": 7}
    times = {"startTime": f"2025-03-{day:02}T02:20:15Z", "endTime": f"2025-03-{day:02}T02:20:16Z"}
    return {**CREATED, "id": f"{day:032}", **times, "storageStats": {"newData": new}, **changes}


@pytest.fixture
def read(tmp_path):
    return lambda files: made_of(tmp_path, "kopia", files)


@pytest.mark.parametrize("indent", [None, 2])
def test_a_run_says_what_there_is_and_nothing_of_what_changed(read, indent):
    (record,) = read({"create.json": json.dumps(CREATED, indent=indent), "stderr": "Snapshotting ...", "exit": "0"})
    assert record == {
        "product": "kopia",
        "device_id": "nas1",
        "backup_id": "7003e2175a0a72ad3f4b34db6668b4c7",
        "status": "complete",
        "started_at": "2025-03-03T02:20:15.224100Z",
        "ended_at": "2025-03-03T02:20:16.270530Z",
        "exit_status": 0,
        "files_total": 1708,
        "dirs_total": 36,
        "bytes_total": 12199448,
    }


def test_a_bad_size_in_a_list_costs_its_own_snapshot_alone(read):
    found = read({"list.json": json.dumps([stored(1, 9, 9), stored(2, 900, 300), stored(3, -1, 9), stored(4, 90, 30)])})
    assert [became(each) for each in found] == ["complete", "complete", "negative", "complete"]


def test_a_list_of_years_is_read_in_time_that_grows_with_its_length(read):
    """So many took forty seconds when each one looked through all others."""
    listed = [stored(1 + day % 28, 900, 300, id=f"{day:032}") for day in range(5_000)]
    started = time.process_time()
    assert len(read({"list.json": json.dumps(listed)})) == len(listed)
    assert time.process_time() - started < 10


def test_the_list_beside_a_run_says_how_much_was_new_and_how_it_compressed(read):
    listed = [stored(1, 900, 300), stored(2, 100, 40)]
    (record,) = read({"create.json": {**listed[1], "storageStats": None}, "list.json": listed, "exit": "0"})
    assert (record["backup_kind"], record["bytes_unique"], record["bytes_compressed"]) == ("incremental", 100, 40)
    (record,) = read({"create.json": listed[0], "list.json": listed[:1], "exit": "0"})
    assert record["backup_kind"] == "full"


@pytest.mark.parametrize(
    ("files", "contents", "updated"),
    [(1708, 7, 7), (1711, 7, 4), (1700, 7, 7), (1720, 7, 0), (1708, None, None)],
)
def test_new_contents_beyond_the_files_gained_were_updated(read, files, contents, updated):
    newer = stored(2, 100, 40)
    newer["rootEntry"] = {**newer["rootEntry"], "summ": {**SUMMARY, "files": files}}
    newer["storageStats"]["newData"]["fileObjects"] = contents
    *_, record = read({"list.json": [stored(1, 900, 300), newer]})
    assert record.get("files_updated") == updated
    for mark in ("derived", "upper_bound"):
        assert ("files_updated" in record.get(mark, [])) == (updated is not None)


def test_of_the_oldest_snapshot_in_a_list_nothing_is_called_new(read):
    oldest, newer = read({"list.json": [stored(2, 100, 40), stored(1, 900, 300)]})  # whatever their order
    assert oldest["backup_id"] < newer["backup_id"]
    assert not {"bytes_unique", "bytes_compressed"} & set(oldest)
    assert newer["bytes_unique"] == 100


def test_without_compression_nothing_is_known_of_how_data_compresses(read):
    found = read({"list.json": [stored(1, 900, 930), stored(2, 100, 103), stored(3, 0, 0)]})
    assert [record.get("bytes_unique") for record in found] == [None, 100, 0]
    assert not any("bytes_compressed" in record for record in found)


def test_what_does_not_compress_at_all_is_no_larger_for_it(read):
    *_, last = read({"list.json": [stored(1, 900, 300), stored(2, 100, 103)]})
    assert last["bytes_compressed"] == 100


def test_each_of_several_sources_is_a_device(read):
    other = {**CREATED, "id": "2" * 32, "source": {**CREATED["source"], "path": "/srv/data"}}
    lines = "\n".join(json.dumps(each) for each in (CREATED, other))
    assert [each["device_id"] for each in read({"create.json": lines, "exit": "0"})] == [
        "nas1/home/alice",
        "nas1/srv/data",
    ]


@pytest.mark.parametrize(
    ("files", "words"),
    [
        ({"create.json": CREATED}, ["complete"]),
        ({"create.json": {**CREATED, "incomplete": "canceled"}, "exit": "0"}, ["failed"]),
        ({"create.json": {**CREATED, "incomplete": "canceled", "rootEntry": None}, "exit": "0"}, ["failed"]),
        ({"create.json": CREATED, "exit": "1"}, ["partial"]),
        ({"create.json": "", "stderr": "error opening repository", "exit": "1"}, ["failed"]),
        ({"create.json": json.dumps(CREATED)[:300]}, ["truncated"]),
        ({"create.json": "", "stderr": ""}, ["empty"]),
        ({"create.json": "{}", "exit": "0"}, ["unknown_shape"]),
        ({"create.json": {**CREATED, "rootEntry": {"type": "d"}}, "exit": "0"}, ["no_figures"]),
        ({"create.json": {**CREATED, "rootEntry": {"type": "f", "size": 9}}, "exit": "0"}, ["complete"]),
        ({"list.json": []}, ["unknown_shape"]),
        ({"list.json": "[{"}, ["truncated"]),
        ({"list.json": [7, stored(1, 9, 3)]}, ["unknown_shape", "complete"]),
        ({"list.json": [stored(1, 9, 3)], "stderr": "", "exit": "0"}, ["complete"]),
        ({"list.json": [stored(1, 9, 3, incomplete="checkpoint")]}, ["truncated"]),
    ],
)
def test_what_a_run_becomes(read, files, words):
    assert [became(outcome) for outcome in read(files)] == words


def test_a_run_that_could_not_read_files_is_partial_and_says_so_whatever_it_returned(read):
    failed = {**CREATED, "rootEntry": {**CREATED["rootEntry"], "summ": {**SUMMARY, "numFailed": 2}}}
    said = 'Error when processing "a"\nrunning in write session: Found 2 fatal error(s)\n'
    for status in ("0", "1"):
        (record,) = read({"create.json": failed, "stderr": said, "exit": status})
        assert (record["status"], record["message"]) == ("partial", "running in write session: Found 2 fatal error(s)")


@needs_samples
def test_a_snapshot_in_a_sample_list_is_the_run_that_made_it():
    found = runs(SAMPLES, "kopia").values()
    by_run = [list(outcomes(kopia.read, stem, LATEST)) for stem in found if not stem.has("list.json")]
    made = {each["backup_id"]: each for (each,) in by_run if not isinstance(each, Fault)}
    listed = [each for stem in found if stem.has("list.json") for each in outcomes(kopia.read, stem, LATEST)]
    assert len(listed) == 16
    for record in listed:
        same = ("ended_at", "status", "files_total", "bytes_total", "dirs_total")
        assert {name: record[name] for name in same} == {name: made[record["backup_id"]][name] for name in same}
