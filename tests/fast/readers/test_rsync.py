"""What rsync prints, read: as 3.5 printed it, shortened, and as older ones do by their sources."""

from __future__ import annotations

import os
import shutil
import subprocess

import pytest

from tests.fast.readers.landed import became, made_of

STATS = """\
>f+++++++++ docs/Number of files: 9 (reg: 9)
Number of files: 7 (reg: 7)

Number of files: 1,959 (reg: 1,909, dir: 50)
Number of created files: 15 (reg: 14, dir: 1)
Number of deleted files: 5 (reg: 5)
Number of regular files transferred: 32
Total file size: 15,022,199 bytes
Total transferred file size: 260,764 bytes
Literal data: 260,764 bytes
Matched data: 0 bytes
File list size: 0
File list generation time: 0.001 seconds
File list transfer time: 0.000 seconds
Total bytes sent: 322,391
Total bytes received: 969

sent 322,391 bytes  received 969 bytes  646,720.00 bytes/sec
total size is 15,022,199  speedup is 46.46
"""
GERMAN = STATS.replace(",", ".").replace(". dir", ", dir")
PLAIN = STATS.replace(",", "").replace(" dir", ", dir")
OLD = """\
Number of files: 1959
Number of files transferred: 32
Total file size: 15022199 bytes
Total transferred file size: 260764 bytes
Literal data: 260764 bytes
Matched data: 0 bytes
File list size: 6553
File list generation time: 0.001 seconds
File list transfer time: 0.000 seconds
Total bytes sent: 322391
Total bytes received: 969
"""
GONE = 'file has vanished: "/srv/data/a"\nrsync warning: some files vanished before they could be sent (code 24)'


@pytest.fixture
def read(tmp_path):
    return lambda files: made_of(tmp_path, "rsync", files)


@pytest.mark.parametrize("said", [STATS, GERMAN, PLAIN, STATS.replace("\n", "\r\n")])
def test_the_statistics_of_a_run_are_read_whatever_separates_thousands(read, said):
    (record,) = read({"stdout.txt": said, "stderr": "", "exit": "0\n"})
    assert record == {
        "product": "rsync",
        "device_id": "nas1",
        "backup_id": "20250323T014007Z",
        "backup_kind": "incremental",
        "status": "complete",
        "started_at": "2025-03-23T01:40:07Z",
        "ended_at": "2025-03-23T01:40:07Z",
        "exit_status": 0,
        "files_added": 14,
        "files_updated": 18,
        "files_deleted": 5,
        "files_total": 1909,
        "dirs_total": 50,
        "bytes_total": 15022199,
        "bytes_uploaded": 260764,
        "derived": [],
        "upper_bound": ["files_updated", "bytes_uploaded"],
    }


def test_sizes_in_units_are_rounded_and_marked_as_derived(read):
    said = STATS.replace("15,022,199 bytes", "15.02M bytes").replace("260,764 bytes", "260,76K bytes")
    (record,) = read({"stdout.txt": said, "exit": "0"})
    assert (record["bytes_total"], record["bytes_uploaded"]) == (15_020_000, 260_760)
    assert record["derived"] == ["bytes_total", "bytes_uploaded"]


def test_the_length_of_links_makes_the_total_a_bound(read):
    (record,) = read({"stdout.txt": STATS.replace("dir: 50)", "dir: 49, link: 1)"), "exit": "0"})
    assert "bytes_total" in record["upper_bound"]
    assert record["files_total"] == 1909


def test_what_the_other_side_held_already_is_no_new_data(read):
    """Over a network a file that was only touched is transferred, and all of it matches."""
    said = STATS.replace("Literal data: 260,764", "Literal data: 700").replace("Matched data: 0", "Matched data: 9,000")
    (record,) = read({"stdout.txt": said, "exit": "0"})
    assert record["bytes_unique"] == 700
    assert "bytes_uploaded" not in record


def test_no_deletes_are_not_taken_for_known_since_rsync_prints_0_without_delete_too(read):
    (record,) = read({"stdout.txt": STATS.replace("files: 5 (reg: 5)", "files: 0"), "exit": "0"})
    assert "files_deleted" not in record


@pytest.mark.parametrize("kind", ["link", "special"])
def test_deletes_follow_from_the_totals_where_links_or_pipes_were_made_since_those_take_the_place_of_files(read, kind):
    """Real, but for the sizes: 2 files became pipes, 25 were deleted elsewhere, 25 is what it prints."""
    said = STATS.replace("15 (reg: 14, dir: 1)", f"27 (reg: 25, {kind}: 2)").replace("5 (reg: 5)", "25 (reg: 25)")
    (record,) = read({"stdout.txt": said, "exit": "0"})
    assert "files_deleted" not in record
    assert record["backup_kind"] == "incremental"
    (record,) = read({"stdout.txt": said, "exit": "23"})  # nothing follows from the totals of a partial run
    assert record["files_deleted"] == 25


def test_only_an_empty_target_makes_a_run_a_full_backup(read):
    first = STATS.replace("15 (reg: 14, dir: 1)", "1,958 (reg: 1,909, dir: 49)")
    first = first.replace("transferred: 32", "transferred: 1,909")
    nothing_gone = first.replace("5 (reg: 5)", "0")
    renamed = nothing_gone.replace("1,958 (reg: 1,909, dir: 49)", "1,909 (reg: 1,909)")
    for said, kind in ((nothing_gone, "full"), (first, "incremental"), (renamed, "incremental")):
        (record,) = read({"stdout.txt": said, "exit": "0"})
        assert record["backup_kind"] == kind
    flat = renamed.replace("dir: 50", "dir: 1")
    assert "backup_kind" not in read({"stdout.txt": flat, "exit": "0"})[0]


def test_a_version_that_says_less_leaves_it_unknown(read):
    (record,) = read({"stdout.txt": OLD, "exit": "0"})
    assert not {"files_added", "files_deleted", "dirs_total", "backup_kind"} & set(record)
    assert (record["files_total"], record["files_updated"], record["bytes_total"]) == (1959, 32, 15022199)
    assert set(record["upper_bound"]) == {"files_total", "files_updated", "bytes_total", "bytes_uploaded"}


def test_a_log_file_is_read_where_stdout_has_no_statistics(read):
    log = "".join(f"2025/03/23 03:20:06 [9876] {line}\n" for line in STATS.splitlines())
    for files in ({"rsync.log": log}, {"rsync.log": log, "stdout.txt": ">f+++ a\n"}):
        (record,) = read({**files, "exit": "0"})
        assert (record["files_added"], record["files_deleted"]) == (14, 5)


@pytest.mark.parametrize(
    ("files", "word"),
    [
        ({"stdout.txt": STATS, "exit": "23"}, "partial"),
        ({"stdout.txt": STATS, "exit": "24", "stderr": GONE}, "partial"),
        ({"stdout.txt": STATS, "exit": "25"}, "partial"),
        ({"stdout.txt": STATS, "stderr": GONE}, "partial"),
        ({"stdout.txt": STATS}, "complete"),
        ({"stdout.txt": "", "exit": "12"}, "failed"),
        ({"stdout.txt": STATS, "exit": "30"}, "failed"),
        ({"stdout.txt": STATS[:-330], "exit": "20"}, "failed"),
        ({"exit": "127"}, "failed"),
        ({"stdout.txt": STATS.replace("46.46", "46.46 (DRY RUN)"), "exit": "0"}, "dry_run"),
        ({"stdout.txt": STATS[:-330]}, "truncated"),
        ({"stdout.txt": "", "stderr": ""}, "empty"),
        ({"stdout.txt": ">f+++++++++ a\n", "exit": "0"}, "unknown_shape"),
        ({"stdout.txt": STATS.replace("1,909,", "many,"), "exit": "0"}, "bad_number"),
        ({"stdout.txt": STATS.replace("260,764", "-1"), "exit": "0"}, "bad_number"),
        ({"stdout.txt": STATS.replace("260,764", "9" * 5000), "exit": "0"}, "bad_number"),
        ({"stdout.txt": STATS.replace("15,022,199 bytes", "22 bytes"), "exit": "0"}, "complete"),
    ],
)
def test_what_a_run_becomes(read, files, word):
    assert [became(outcome) for outcome in read(files)] == [word]


def test_a_failed_run_says_why_and_has_no_counts(read):
    (record,) = read({"stdout.txt": "", "stderr": '\nrsync: [Receiver] mkdir "/x" failed\nmore', "exit": "11"})
    assert (record["message"], record["exit_status"]) == ('rsync: [Receiver] mkdir "/x" failed', 11)
    assert not [name for name in record if name.startswith(("files_", "bytes_", "dirs_"))]


@pytest.mark.skipif(not shutil.which("rsync"), reason="rsync is not installed; tools/backup_tools.sh says how")
@pytest.mark.parametrize("options", [[], ["-h", "-i"], ["--no-h"], ["--no-whole-file"]])
def test_what_the_installed_rsync_prints_is_what_was_done(read, tmp_path, options):
    source, target = tmp_path / "source", tmp_path / "target"
    for name in ("a", "b", "c/d", "c/e"):
        (source / name).parent.mkdir(parents=True, exist_ok=True)
        (source / name).write_bytes(os.urandom(70_000))
    command = ["rsync", "-a", "--delete", "--stats", *options, f"{source}/", f"{target}/"]
    said = subprocess.run(command, check=True, capture_output=True).stdout
    (first,) = read({"stdout.txt": said, "exit": "0"})
    assert (first["backup_kind"], first["files_added"], first["files_total"]) == ("full", 4, 4)
    (source / "a").unlink()
    (source / "b").write_bytes((source / "b").read_bytes()[:60_000] + b"more")
    (source / "new").write_bytes(b"1234567")
    said = subprocess.run(command, check=True, capture_output=True).stdout
    (record,) = read({"stdout.txt": said, "exit": "0"})
    counts = [record[f"files_{name}"] for name in ("added", "updated", "deleted", "total")]
    assert (record["backup_kind"], counts) == ("incremental", [1, 1, 1, 4])
    if "--no-whole-file" in options:
        assert record["bytes_unique"] < 20_000
    else:
        assert record["bytes_uploaded"] == pytest.approx(60_004 + 7, rel=0.001)
