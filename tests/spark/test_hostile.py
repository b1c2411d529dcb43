"""Landings that nobody would wish for: no crash, and every record accounted for."""

from __future__ import annotations

import gzip
import json
import os
import subprocess
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import zstandard

from benchmarks.hostile import land_hostile, send_hostile
from jobs.config import Sealed
from jobs.ingest.job import ingest
from jobs.ingest.stems import parse_name
from jobs.keys import make_key
from jobs.tables import BACKUPS, LANDED, REJECTS
from tests.conftest import MOMENT, store_of
from tests.rows import folder_of, land, record

FILES = 40
FILES_NAMED = 200


def test_damaged_notices_records_and_runs_are_all_accounted_for_and_no_key_is_written_down(
    store, config, tmp_path, caplog
):
    key = tmp_path / "key.json"
    make_key(key)
    config = replace(config, sealed=Sealed({"key": str(key)}, {}, {}))
    land_hostile(Path(config.landing), FILES, seed=11, key_file=key)
    sent = send_hostile(Path(config.landing), tmp_path / "notices", seed=12)
    counts = [ingest(store, replace(config, queue=str(tmp_path / "notices")))]
    later = store_of(store.spark, config, MOMENT + timedelta(days=365 * 200))
    counts.append(ingest(later, config))  # by then even runs without .exit, whatever age they claim, are read
    landed = sum(each["landed"] for each in counts)
    assert landed == sum(each[name] for each in counts for name in ("backups", "rejects", "duplicates"))
    assert landed == store.read(BACKUPS).count() + store.read(REJECTS).count()

    held = {row["source"] for table in (BACKUPS, REJECTS) for row in store.read(table).select("source").collect()}
    refused = [source for source in held if source.startswith("notices/")]
    assert counts[0]["notices"] == sent
    assert 0 < len(refused) + counts[0]["waiting"] < sent
    assert len(list((tmp_path / "notices").iterdir())) == counts[0]["waiting"]
    secret = json.loads(key.read_text())["key_base64"]
    written = str([store.read(table).collect() for table in (LANDED, BACKUPS, REJECTS)]) + caplog.text
    assert "key" in written and secret not in written
    for file in Path(config.landing).rglob("*"):
        if file.is_file():
            source = str(file.relative_to(config.landing))
            run = parse_name(file.name)
            of_run = f"{source.rpartition('/')[0]}/{run[0]}" if run else source
            assert source in held or of_run in held or not file.read_bytes().strip(), source


def test_a_line_of_a_hundred_megabytes_and_a_bomb_cost_their_reject_and_little_memory(store, config):
    huge = b'{"device_id": "' + b"x" * 100_000_000 + b'"}\n'
    good = json.dumps(record(0)).encode() + b"\n"
    (folder_of(config) / "line.jsonl").write_bytes(huge + good)
    bomb = b"\0" * 1_000_000_000
    (folder_of(config) / "bomb.jsonl.gz").write_bytes(gzip.compress(bomb) + gzip.compress(b"\n" + good))
    (folder_of(config) / "bomb.jsonl.zst").write_bytes(zstandard.compress(bomb) + zstandard.compress(b"\n" + good))
    assert ingest(store, config) == {"landed": 6, "backups": 1, "rejects": 3, "duplicates": 2}
    rejects = {
        (row["source"], row["position"]): row for row in store.read(REJECTS).where("reason = 'too_long'").collect()
    }
    assert {source for source, _ in rejects} == {
        f"canonical/{name}" for name in ("line.jsonl", "bomb.jsonl.gz", "bomb.jsonl.zst")
    }
    assert all(row["record"] is None and len(row["record_sha256"]) == 64 for row in rejects.values())


def test_names_of_signs_that_patterns_are_made_of_are_read_like_plain_ones(store, config):
    signs = "[]{}*?"
    for number in range(FILES_NAMED):
        name = f"{number} {signs}.jsonl" if number % 10 == 0 else f"{number}.jsonl"
        land(config, name, [record(number)])
    folder = Path(config.landing) / "restic" / "nas [old] {1}"
    folder.mkdir(parents=True)
    for number in range(10):
        (folder / f"20250323T01{number:02}07Z.backup.jsonl").write_text("no summary")
        (folder / f"20250323T01{number:02}07Z.exit").write_text("0")
    expected = {"landed": FILES_NAMED + 10, "backups": FILES_NAMED, "rejects": 10, "duplicates": 0}
    assert ingest(store, config) == expected
    held = {row["source"] for row in store.read(BACKUPS).select("source").collect()}
    assert sum(signs in source for source in held) == FILES_NAMED // 10
    assert {row["source"].rpartition("/")[0] for row in store.read(REJECTS).collect()} == {"restic/nas [old] {1}"}
    assert ingest(store, config)["landed"] == 0


def test_deep_json_is_one_bad_record(store, config):
    land(config, "deep.jsonl", ["[" * 100_000, '{"a":' * 5_000 + "1" + "}" * 5_000, record(0)])
    assert ingest(store, config)["rejects"] == 2


def test_text_that_other_programs_would_act_on_is_kept_as_it_is(store, config):
    name = "../../etc'; DROP TABLE backups; -- <script>\u202e\n\u0000`$(reboot)`"
    land(config, "names.jsonl", [record(0, device=name)])
    ingest(store, config)
    (row,) = store.read(BACKUPS).collect()
    assert row["device_id"] == name


def test_a_git_repository_is_read_by_day_and_only_for_what_is_new(store, config):
    folder = Path(config.landing) / "git" / "wiki"
    folder.mkdir(parents=True)
    git(folder, "init", "-q")
    for day in (1, 2, 2):
        commit(folder, f"2025-03-0{day}T10:00:00Z")
    tree = folder.with_name("tree")
    (tree / "docs").mkdir(parents=True)
    git(tree, "init", "-q")
    commit(tree, "2025-03-01T10:00:00Z", "docs/a", "b")
    config = replace(config, git_devices={"tree/docs": "manual"})
    assert ingest(store, config) == {"landed": 3, "backups": 3, "rejects": 0, "duplicates": 0}
    assert ingest(store, config)["landed"] == 0
    commit(folder, "2025-03-04T10:00:00Z")
    commit(tree, "2025-03-04T10:00:00Z", "c")
    assert ingest(store, config)["backups"] == 1
    rows = store.read(BACKUPS).orderBy("source").collect()
    assert [(row["source"], row["backup_kind"], row["files_added"]) for row in rows] == [
        ("git/manual/2025-03-01", "full", 1),
        ("git/wiki/2025-03-01", "full", 1),
        ("git/wiki/2025-03-02", "incremental", 2),
        ("git/wiki/2025-03-04", "incremental", 1),
    ]


def test_a_folder_that_is_no_repository_is_refused_and_the_others_are_read(store, config):
    (Path(config.landing) / "git" / "empty").mkdir(parents=True)
    land(config, "a.jsonl", [record(0)])
    assert ingest(store, config)["rejects"] == 1
    (reject,) = store.read(REJECTS).collect()
    assert (reject["source"], reject["position"], reject["reason"]) == ("git/empty", 0, "unreadable")


def commit(folder, at, *names):
    for name in names or [f"file {len(list(folder.iterdir()))}"]:
        (folder / name).write_text(at, "utf-8")
    git(folder, "add", "-A")
    git(folder, "commit", "-q", "-m", "x", at=at)


def git(folder, *arguments, at="2025-01-01T00:00:00Z"):
    who = {f"GIT_{role}_{what}": "a" for role in ("AUTHOR", "COMMITTER") for what in ("NAME", "EMAIL")}
    dates = {"GIT_AUTHOR_DATE": at, "GIT_COMMITTER_DATE": at}
    subprocess.run(["git", *arguments], cwd=folder, env={**os.environ, **who, **dates}, check=True)
