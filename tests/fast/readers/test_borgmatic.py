"""What borgmatic prints, read: as 2.1 printed it over borg 1.4, shortened."""

from __future__ import annotations

import os
import shutil
import subprocess

import pytest

from tests.fast.readers.landed import became, made_of

STATS = {"compressed_size": 7940798, "deduplicated_size": 138153, "nfiles": 1710, "original_size": 12199689}
ARCHIVE = {"id": "22" * 32, "name": "laptop-2-2025-03-02T21:45:20", "duration": 0.5, "stats": STATS}
LISTED = {"start": "2025-03-02T21:45:20.000000", "end": "2025-03-02T21:45:21.000000"}
CREATED = {
    "archive": ARCHIVE,
    "cache": {"stats": {"total_size": 24325252}},
    "repository": {"id": "2c" * 32, "location": "/mnt/backup/bmatic", "label": "local"},
}
OTHER = {**CREATED, "archive": {**ARCHIVE, "id": "33" * 32}, "repository": {"id": "2d" * 32, "label": ""}}
LOCKED = "Failed to create/acquire the lock /mnt/lock.exclusive (timeout).\nlocal: Error running actions\n"


@pytest.fixture
def read(tmp_path):
    return lambda files, zone=None: made_of(tmp_path, "borgmatic", files, zone)


def test_an_archive_has_two_files_of_borgmatics_own(read):
    (record,) = read({"create.json": [CREATED], "stderr": "", "exit": "0"})
    assert (record["product"], record["device_id"], record["backup_id"]) == ("borgmatic", "nas1", "22" * 32)
    assert (record["files_total"], record["bytes_compressed"]) == (1710, 138153)
    assert {"files_total", "bytes_total"} <= set(record["upper_bound"])


def test_each_of_several_repositories_is_a_device_by_its_label_or_its_id(read):
    found = read({"create.json": [CREATED, OTHER], "exit": "0"})
    assert [record["device_id"] for record in found] == ["nas1/local", "nas1/" + "2d" * 20]


@pytest.mark.parametrize(
    ("files", "words"),
    [
        ({"create.json": [CREATED]}, ["complete"]),
        ({"create.json": [CREATED], "exit": "1"}, ["partial"]),
        ({"create.json": "", "stderr": LOCKED, "exit": "1"}, ["failed"]),
        ({"create.json": '[{"archive": {"id"'}, ["truncated"]),
        ({"create.json": "", "stderr": ""}, ["empty"]),
        ({"create.json": CREATED, "exit": "0"}, ["unknown_shape"]),
        ({"create.json": [], "exit": "0"}, ["unknown_shape"]),
        ({"list.json": [{"archives": [{**ARCHIVE, **LISTED}]}]}, ["no_figures"]),
        ({"info.json": [{"archives": [{**ARCHIVE, **LISTED}]}]}, ["no_time_zone"]),
        ({"info.json": "["}, ["truncated"]),
    ],
)
def test_what_a_run_becomes(read, files, words):
    assert [became(outcome) for outcome in read(files)] == words


def test_a_failed_run_says_borgs_word_for_it(read):
    (record,) = read({"create.json": "", "stderr": LOCKED, "exit": "1"})
    assert record["message"] == "Failed to create/acquire the lock /mnt/lock.exclusive (timeout)."


def test_info_gives_the_archives_that_there_are(read):
    said = [{"archives": [{**ARCHIVE, **LISTED}], "cache": CREATED["cache"], "repository": CREATED["repository"]}]
    (record,) = read({"info.json": said}, zone="America/New_York")
    assert (record["ended_at"], record["files_total"]) == ("2025-03-03T02:45:21Z", 1710)


@pytest.mark.skipif(not shutil.which("borgmatic"), reason="borgmatic is not installed; tools/backup_tools.sh says how")
def test_what_the_installed_borgmatic_prints_is_what_was_done(read, tmp_path):
    source, repository, config = tmp_path / "source", tmp_path / "repository", tmp_path / "config.yaml"
    source.mkdir()
    for name in ("a", "b", "c"):
        (source / name).write_text(os.urandom(500).hex())
    places = f"location:\n    source_directories: [{source}]\n    repositories: [{repository}]\n"
    config.write_text(places + "storage:\n    archive_name_format: 'a-{now:%f}'\nretention:\n    keep_daily: 7\n")
    environment = {**os.environ, "HOME": str(tmp_path), "BORG_UNKNOWN_UNENCRYPTED_REPO_ACCESS_IS_OK": "yes"}

    def run(*command):
        return subprocess.run(command, env=environment, check=True, capture_output=True).stdout

    run("borg", "init", "--encryption", "none", str(repository))
    (first,) = read({"create.json": run("borgmatic", "--config", str(config), "create", "--json"), "exit": "0"})
    assert (first["status"], first["backup_kind"]) == ("complete", "full")
    assert 3 <= first["files_total"] <= 5
    assert first["bytes_total"] >= 3000
