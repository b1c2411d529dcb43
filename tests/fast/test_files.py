"""What a listing of the landing folder finds, and what it leaves out."""

import os
import shutil
from datetime import UTC, datetime

from jobs.files import files_below


def touched(folder, *names):
    for name in names:
        file = folder / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(b"12345")


def paths(folder):
    return sorted(file.path for file in files_below(str(folder)))


def test_a_name_is_a_name_whatever_signs_and_bytes_are_in_it(tmp_path):
    names = sorted(
        [r"nas [old] {1}/a?*^,\.jsonl", "new\nline", "per%20cent+", "co:lon", "ü/日本", os.fsdecode(b"\xff")]
    )
    touched(tmp_path, *names)
    assert paths(tmp_path) == names


def test_hidden_files_and_folders_are_left_out_and_empty_ones_are_not(tmp_path):
    touched(tmp_path, ".a", "_b", ".c/d", "_e/f", "g/.h", "g/a_b.c")
    (tmp_path / "empty").touch()
    assert paths(tmp_path) == ["empty", "g/a_b.c"]


def test_links_are_followed_but_never_in_a_circle_and_what_is_no_file_is_left_out(tmp_path):
    touched(tmp_path, "in/a", "beside/b", "beside/deep/c")
    (tmp_path / "in" / "beside").symlink_to(tmp_path / "beside")
    (tmp_path / "in" / "file").symlink_to(tmp_path / "beside" / "b")
    (tmp_path / "in" / "circle").symlink_to(tmp_path / "in")
    (tmp_path / "beside" / "deep" / "back").symlink_to(tmp_path / "in")
    (tmp_path / "in" / "itself").symlink_to("itself")
    (tmp_path / "in" / "nowhere").symlink_to("nothing")
    os.mkfifo(tmp_path / "in" / "pipe")
    assert paths(tmp_path / "in") == ["a", "beside/b", "beside/deep/c", "file"]


def test_folders_that_go_while_others_are_listed_are_left_out(tmp_path):
    touched(tmp_path, *(f"{number}/file" for number in range(5)))
    listing = files_below(str(tmp_path))
    seen = next(listing).path.partition("/")[0]
    for folder in tmp_path.iterdir():
        if folder.name != seen:
            shutil.rmtree(folder)
    assert list(listing) == []
    assert paths(tmp_path / "not there") == []


def test_a_time_that_python_does_not_know_is_the_nearest_that_it_does(tmp_path):
    for seconds in (-5, 10**12):
        touched(tmp_path, str(seconds))
        os.utime(tmp_path / str(seconds), (seconds, seconds))  # a file system may keep less
    years = {file.path: file.modified_at.year for file in files_below(str(tmp_path))}
    assert years["-5"] == 1970
    assert 2400 < years[str(10**12)] <= 9999


def test_files_in_an_object_store_are_found_like_those_in_a_folder(bucket):
    touched(bucket / "landing" / "restic", "nas [old] {1}/a", "nas/_hidden/b", ".c")
    (file,) = files_below("s3a://backups/landing/restic")
    assert (file.path, file.bytes) == ("nas [old] {1}/a", 5)
    assert file.modified_at == datetime(2026, 3, 12, 6, 14, tzinfo=UTC)
    assert list(files_below("s3a://backups/elsewhere")) == []
