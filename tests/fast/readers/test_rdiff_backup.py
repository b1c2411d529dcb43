"""What rdiff-backup prints, read: as 2.2 printed it."""

from __future__ import annotations

import gzip
import shutil
import subprocess
import time

import pytest

from tests.fast.readers.landed import became, made_of

SESSION = """\
StartTime 1742696706.97 (Sun Mar 23 03:25:06 2025)
EndTime 1742696707.58 (Sun Mar 23 03:25:07 2025)
ElapsedTime 0.61 (0.61 seconds)
SourceFiles 1959
SourceFileSize 15022199 (14.3 MB)
MirrorFiles 1950
MirrorFileSize 14909786 (14.2 MB)
NewFiles 14
NewFileSize 130925 (128 KB)
DeletedFiles 5
DeletedFileSize 43206 (42.2 KB)
ChangedFiles 55
ChangedSourceSize 129839 (127 KB)
ChangedMirrorSize 105145 (103 KB)
IncrementFiles 74
IncrementFileSize 19660 (19.2 KB)
TotalDestinationSizeChange -132073 (-129 KB)
Errors 0
"""
PRINTED = f"NOTE:    Starting backup\n--------------[ Session statistics ]--------------\n{SESSION}{'-' * 50}\n"
FILES = b"""\
# Format of each line in file statistics file:
# Filename Changed SourceSize MirrorSize IncrementSize
. 1 0 0 NA
d 1 0 0 NA
d/f1 1 30005 30000 271
d/f2 1 30000 30000 58
d/f3 1 NA 30000 30061
d/f4 0 7 7 NA
emptied 1 0 12 30
gone NA NA NA NA
n 1 2 NA 0
nd 1 0 NA NA
nd/caf\xe9 with space 1 9 NA 0
"""
# What a session says whose list that is, but for the line without a figure.
OF_FILES = (
    SESSION.replace("SourceFiles 1959", "SourceFiles 9")
    .replace("Files 14", "Files 3")
    .replace("Files 5\n", "Files 1\n")
)


@pytest.fixture
def read(tmp_path):
    return lambda files: made_of(tmp_path, "rdiff-backup", files)


@pytest.mark.parametrize("files", [{"session_statistics.data": SESSION}, {"stdout.txt": PRINTED}])
def test_a_session_counts_folders_with_the_files_and_says_what_was_new(read, files):
    (record,) = read({**files, "exit": "0\n"})
    assert record == {
        "product": "rdiff-backup",
        "device_id": "nas1",
        "backup_id": "20250323T022506Z",
        "backup_kind": "incremental",
        "status": "complete",
        "started_at": "2025-03-23T02:25:06.970000Z",
        "ended_at": "2025-03-23T02:25:07.580000Z",
        "exit_status": 0,
        "files_added": 14,
        "files_deleted": 5,
        "files_total": 1959,
        "bytes_total": 15022199,
        "bytes_uploaded": 130925 + 129839,
        "bytes_deleted": 43206,
        "derived": ["files_added", "files_deleted", "files_total"],
        "upper_bound": ["files_added", "files_deleted", "files_total", "bytes_uploaded"],
    }


def test_the_list_of_files_tells_files_from_folders(read):
    listed = FILES.replace(b"gone NA NA NA NA\n", b"")
    (record,) = read(
        {"session_statistics.data": OF_FILES, "file_statistics.data.gz": gzip.compress(listed), "exit": "0"}
    )
    counts = [record[f"files_{name}"] for name in ("added", "updated", "deleted", "total")]
    assert counts == [2, 3, 1, 6]
    assert record["upper_bound"] == ["bytes_uploaded", "files_updated"]
    assert "derived" not in record


def test_what_is_empty_and_has_nothing_below_it_may_be_a_file_a_link_or_a_folder(read):
    listed = FILES.replace(b"gone NA NA NA NA\n", b"new-empty 1 0 NA NA\n")
    session = OF_FILES.replace("SourceFiles 9", "SourceFiles 10").replace("NewFiles 3", "NewFiles 4")
    (record,) = read({"session_statistics.data": session, "file_statistics.data": listed, "exit": "0"})
    assert (record["files_added"], record["files_total"]) == (3, 7)
    assert record["upper_bound"] == ["bytes_uploaded", "files_added", "files_total", "files_updated"]


@pytest.mark.parametrize(
    ("name", "listed", "reason"),
    [
        ("file_statistics.data", FILES[:-4], "bad_line"),
        ("file_statistics.data", FILES + b"x 1 2 3\n", "bad_line"),
        ("file_statistics.data.gz", gzip.compress(FILES)[:-9], "unreadable"),
    ],
)
def test_a_list_that_is_not_whole_gives_no_count_and_one_reject(read, name, listed, reason):
    record, fault = read({"session_statistics.data": SESSION, name: listed, "exit": "0"})
    assert (record["files_total"], fault.reason) == (1959, reason)


@pytest.mark.parametrize(
    "listed",
    [b"", FILES[: FILES.index(b"d/f3")], FILES.replace(b"d/f4", b"d/f4 0 7 7 NA\nd/f4"), FILES + b"o 1 NA 8 9\n"],
)
def test_a_list_that_the_session_counts_otherwise_is_cut_or_of_another_session_and_gives_no_count(read, listed):
    listed = listed.replace(b"gone NA NA NA NA\n", b"")
    record, fault = read({"session_statistics.data": OF_FILES, "file_statistics.data": listed, "exit": "0"})
    assert (record["files_added"], record["files_deleted"], record["files_total"]) == (3, 1, 9)
    assert "files_total" in record["upper_bound"]
    assert fault.reason == "unreadable"


def test_a_mirror_without_files_before_makes_a_full_backup(read):
    (record,) = read({"session_statistics.data": SESSION.replace("MirrorFiles 1950", "MirrorFiles 1"), "exit": "0"})
    assert record["backup_kind"] == "full"


@pytest.mark.parametrize(
    ("files", "word"),
    [
        ({"session_statistics.data": SESSION}, "complete"),
        ({"session_statistics.data": SESSION, "exit": "2"}, "complete"),
        ({"session_statistics.data": SESSION, "exit": "6"}, "partial"),
        ({"session_statistics.data": SESSION, "exit": "8"}, "partial"),
        ({"session_statistics.data": SESSION.replace("Errors 0", "Errors 3"), "exit": "0"}, "partial"),
        ({"session_statistics.data": SESSION, "exit": "1"}, "failed"),
        ({"session_statistics.data": SESSION, "exit": "137"}, "failed"),
        ({"stdout.txt": "", "stderr": "ERROR: Source path", "exit": "1"}, "failed"),
        ({"session_statistics.data": SESSION[:200]}, "truncated"),
        ({"session_statistics.data": ""}, "empty"),
        ({"stdout.txt": "NOTE: done\n", "exit": "0"}, "unknown_shape"),
        (
            {"session_statistics.data": SESSION.replace("SourceFileSize 1", "SourceFileSize -1"), "exit": "0"},
            "negative",
        ),
        ({"session_statistics.data": SESSION.replace("1742696707.58", "9999999999999.5"), "exit": "0"}, "complete"),
        ({"session_statistics.data": SESSION.replace("17426967", "99999999"), "exit": "0"}, "bad_time"),
    ],
)
def test_what_a_run_becomes(read, files, word):
    assert [became(outcome) for outcome in read(files)] == [word]


@pytest.mark.skipif(not shutil.which("rdiff-backup"), reason="not installed; tools/backup_tools.sh says how")
def test_what_the_installed_rdiff_backup_prints_is_what_was_done(read, tmp_path):
    source, target = tmp_path / "source", tmp_path / "target"
    (source / "folder").mkdir(parents=True)
    for name in ("a", "b", "folder/c"):
        (source / name).write_text(name * 1000)

    def run(moment):
        command = ["rdiff-backup", "--current-time", str(moment), "--print-statistics", str(source), str(target)]
        said = subprocess.run(command, check=True, capture_output=True).stdout
        (listed,) = (target / "rdiff-backup-data").glob(
            f"file_statistics.{time.strftime('%Y-%m-%d', time.gmtime(moment))}*"
        )
        return read({"stdout.txt": said, "file_statistics.data.gz": listed.read_bytes(), "exit": "0"})

    (first,) = run(1_700_000_000)
    assert (first["backup_kind"], first["files_added"], first["files_total"]) == ("full", 3, 3)
    (source / "a").unlink()
    (source / "b").write_text("changed")
    (source / "folder" / "new one").write_text("1234567")
    (record,) = run(1_700_086_400)
    counts = [record[f"files_{name}"] for name in ("added", "updated", "deleted", "total")]
    assert (record["backup_kind"], counts) == ("incremental", [1, 1, 1, 3])
    assert (record["bytes_uploaded"], record["backup_id"]) == (14, "20231115T221320Z")
