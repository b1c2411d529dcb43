"""What duplicity prints, read: as 0.8 and 3.2 printed it, shortened."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import time

import pytest

from tests.fast.readers.landed import became, made_of

NUMBERS = {
    "SourceFiles": 1959,
    "SourceFileSize": 15063359,
    "NewFiles": 36,
    "NewFileSize": 154585,
    "DeletedFiles": 5,
    "ChangedFiles": 18,
    "ChangedFileSize": 129839,
    "ChangedDeltaSize": 0,
    "DeltaEntries": 59,
    "RawDeltaSize": 166813,
    "TotalDestinationSizeChange": 59745,
    "Errors": 0,
}


def block(**changes):
    lines = [f"{name} {value}" + (" (151 KB)" if "Size" in name else "") for name, value in (NUMBERS | changes).items()]
    times = ["StartTime 1742695807.32 (Sun Mar 23 03:10:07 2025)", "EndTime 1742695807.55 (Sun Mar 23 03:10:07 2025)"]
    head = ["Last full backup date: Sat Mar 22 03:10:06 2025", "--------------[ Backup Statistics ]--------------"]
    return "\n".join([*head, *times, *lines, "-" * 49, ""])


def jsonstat(action, **changes):
    said = {"Filename": None, "StartTime": 1742695807.32, "EndTime": 1742695807.55, **NUMBERS, **changes}
    said |= {"TotalDestinationSizeChange": None, "backup_meta": {"action": action, "target": "file:///x"}}
    return f"DEBUG: to_remote called for b'x'\n{json.dumps(said, indent=4)}\nDEBUG: to_final called for b'x'\n"


@pytest.fixture
def read(tmp_path):
    return lambda files: made_of(tmp_path, "duplicity", files)


def test_a_session_counts_folders_with_the_files_and_leaves_out_what_was_added(read):
    (record,) = read({"stdout.txt": block(), "stderr": "", "exit": "0\n"})
    assert record == {
        "product": "duplicity",
        "device_id": "nas1",
        "backup_id": "20250323T021007Z",
        "backup_kind": "incremental",
        "status": "complete",
        "started_at": "2025-03-23T02:10:07.320000Z",
        "ended_at": "2025-03-23T02:10:07.550000Z",
        "exit_status": 0,
        "files_updated": 18,
        "files_deleted": 5,
        "files_total": 1959,
        "bytes_total": 15063359,
        "bytes_uploaded": 166813,
        # 120 bytes for each of 54 entries and 500 for the volume describe the files.
        "bytes_compressed": 59745 - 120 * 54 - 500,
        "derived": ["bytes_uploaded", "bytes_compressed"],
        "upper_bound": ["files_updated", "files_deleted", "files_total", "bytes_total"],
    }


def test_the_json_says_the_kind_and_stands_in_for_the_block(read):
    for action, kind in (("full", "full"), ("inc", "incremental")):
        (record,) = read({"stdout.txt": jsonstat(action), "exit": "0"})
        assert (record["backup_kind"], record["files_total"]) == (kind, 1959)
        assert "bytes_compressed" not in record
    (record,) = read({"stdout.txt": jsonstat("inc") + block(), "exit": "0"})
    assert record["bytes_compressed"] == 52765


def test_a_backup_in_which_all_is_new_is_a_full_one_whatever_was_asked_for(read):
    said = jsonstat("inc", NewFiles=1959, ChangedFiles=0, DeletedFiles=0)
    assert read({"stdout.txt": said, "exit": "0"})[0]["backup_kind"] == "full"
    said = jsonstat("inc", NewFiles=1959, ChangedFiles=0, DeletedFiles=1950)
    assert read({"stdout.txt": said, "exit": "0"})[0]["backup_kind"] == "incremental"


def test_a_full_backup_compares_with_nothing(read):
    (record,) = read({"stdout.txt": block(NewFiles=1959, ChangedFiles=0, DeletedFiles=0), "exit": "0"})
    assert (record["backup_kind"], record["files_added"]) == ("full", 1959)
    assert not {"files_updated", "files_deleted"} & set(record)


@pytest.mark.parametrize(
    ("files", "word"),
    [
        ({"stdout.txt": block()}, "complete"),
        ({"stdout.txt": block(Errors=2), "exit": "0"}, "partial"),
        ({"stdout.txt": block(), "exit": "23"}, "failed"),
        ({"stdout.txt": "Last full backup date: none\n", "stderr": "", "exit": "4"}, "failed"),
        ({"stdout.txt": block(TotalDestinationSizeChange=0), "exit": "0"}, "dry_run"),
        ({"stdout.txt": block(TotalDestinationSizeChange=0, DeltaEntries=0), "exit": "0"}, "complete"),
        ({"stdout.txt": block()[:-60]}, "truncated"),
        ({"stdout.txt": ""}, "empty"),
        ({"stdout.txt": "Nothing to do\n", "exit": "0"}, "unknown_shape"),
        ({"stdout.txt": jsonstat("inc", SourceFiles="many"), "exit": "0"}, "bad_number"),
        ({"stdout.txt": block(RawDeltaSize=-4), "exit": "0"}, "negative"),
        ({"stdout.txt": jsonstat("inc").replace("1742695807.32", "1e400"), "exit": "0"}, "complete"),
    ],
)
def test_what_a_run_becomes(read, files, word):
    assert [became(outcome) for outcome in read(files)] == [word]


def test_a_failed_run_says_its_error_and_not_that_all_is_in_sync(read):
    said = "Local and Remote metadata are synchronized, no sync needed.\n"
    (record,) = read({"stdout.txt": said, "stderr": "Fatal Error: Old signatures not found\nmore", "exit": "17"})
    assert (record["status"], record["message"]) == ("failed", "Fatal Error: Old signatures not found")


@pytest.mark.skipif(not shutil.which("duplicity"), reason="duplicity is not installed; tools/backup_tools.sh says how")
def test_what_the_installed_duplicity_prints_is_what_was_done(read, tmp_path):
    source = tmp_path / "source"
    source.mkdir()
    for name in ("a", "b", "c"):
        (source / name).write_text(os.urandom(5000).hex())
    environment = {**os.environ, "HOME": str(tmp_path)}

    def run(*options):
        command = ["duplicity", *options, "--no-encryption", str(source), f"file://{tmp_path / 'target'}"]
        said = subprocess.run(command, env=environment, check=True, capture_output=True).stdout
        return read({"stdout.txt": said, "exit": "0"})

    (first,) = run()
    assert (first["backup_kind"], first["files_added"], first["files_total"]) == ("full", 4, 4)  # with the folder
    assert 0 < first["bytes_compressed"] < first["bytes_uploaded"] == 30_000
    (source / "a").unlink()
    (source / "b").write_text("changed")
    os.utime(source / "b", (2e9, 2e9))  # duplicity takes a file of the same second for the same
    (source / "new").write_text("1234567")
    (record,) = run("--dry-run")
    assert record.reason == "dry_run"
    (record,) = run()
    counts = [record[f"files_{name}"] for name in ("updated", "deleted", "total")]
    assert (record["backup_kind"], counts) == ("incremental", [1, 1, 4])


def test_a_brace_that_nothing_closes_costs_time_that_grows_with_what_follows(read):
    """50,000 lines took two seconds when each one copied those before it."""
    started = time.process_time()
    (fault,) = read({"stdout.txt": "{\n" + "A some file\n" * 200_000})
    assert fault.reason == "truncated"
    assert time.process_time() - started < 10
