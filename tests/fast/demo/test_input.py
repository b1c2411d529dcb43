"""The demo's landing folder is what its README says."""

import csv
import gzip
import json
import os
import shutil
import subprocess
import sys
import zlib
from collections import Counter
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pyarrow.parquet as pq
import pytest
import zstandard

from jobs.model.attacks import ATTACKS
from jobs.tables import FIGURES

DEMO = Path(__file__).resolve().parents[3] / "demo"
HISTORIES = DEMO.parents[1] / "shared" / "data" / "backup_history_devices_open2.parquet"
CANONICAL = DEMO / "landing" / "canonical"
ODD = ("odd-records.jsonl", "empty.jsonl")
FIELDS = {"device_id", "backup_id", "ended_at", *(column.name for column in FIGURES)}


def csv_rows(name):
    with (DEMO / name).open(newline="") as file:
        return list(csv.DictReader(file))


def lines(path):
    packed = path.read_bytes()
    if path.name.endswith("-cut.jsonl.gz"):
        packed = zlib.decompressobj(31).decompress(packed)
    elif path.suffix == ".gz":
        packed = gzip.decompress(packed)
    elif path.suffix == ".zst":
        packed = zstandard.ZstdDecompressor().decompress(packed)
    return packed.decode().splitlines()


@pytest.fixture(scope="module")
def records():
    """Every good record, moments read."""
    every = []
    for path in sorted(CANONICAL.iterdir()):
        if path.suffix == ".parquet":
            every += pq.read_table(path).to_pylist()
        elif path.name not in ODD:
            every += map(json.loads, lines(path))
    for record in every:
        if isinstance(record["ended_at"], str):
            assert record["ended_at"].endswith("Z")
            record["ended_at"] = datetime.fromisoformat(record["ended_at"])
    return every


@pytest.fixture(scope="module")
def newest(records):
    """Each device's newest record."""
    return {record["device_id"]: record for record in sorted(records, key=lambda record: record["ended_at"])}


def test_the_input_is_small_and_every_name_can_be_listed_by_hadoop():
    assert sum(path.stat().st_size for path in CANONICAL.rglob("*")) < 2_000_000
    assert not [path.name for path in CANONICAL.rglob("*") if ":" in path.name]


def test_a_record_holds_its_key_its_moment_and_its_figures_and_nothing_that_labels_it(records):
    assert {frozenset(record) for record in records} == {frozenset(FIELDS)}
    assert not [record for record in records for name in FIELDS if record[name] is None]


def test_no_backup_is_landed_twice(records):
    assert max(Counter((record["device_id"], record["backup_id"]) for record in records).values()) == 1


def test_devices_are_those_listed_and_all_end_in_the_same_week(newest):
    assert set(newest) == {row["device_id"] for row in csv_rows("devices.csv")}
    monday = datetime(2025, 3, 24, tzinfo=UTC)
    assert all(monday <= record["ended_at"] < monday + timedelta(days=7) for record in newest.values())


def test_each_attack_lies_on_the_newest_backup_of_its_own_device(newest):
    labels = csv_rows("attacks.csv")
    assert [newest[label["device_id"]]["backup_id"] for label in labels] == [label["backup_id"] for label in labels]
    assert len({label["device_id"] for label in labels}) == len(labels) == 8
    assert {label["attack"] for label in labels} < set(ATTACKS)


def test_records_with_an_attack_are_still_possible(records):
    for record in records:
        assert record["files_added"] + record["files_updated"] <= record["files_total"]
        assert record["files_moved"] <= min(record["files_added"], record["files_deleted"])
        assert record["bytes_uploaded"] <= record["bytes_total"]
        assert record["bytes_compressed"] <= record["bytes_uploaded"]
        assert record["bytes_total_compressed"] <= record["bytes_total"]


def test_every_count_follows_from_the_backup_before(records):
    before = {}
    for record in sorted(records, key=lambda record: record["ended_at"]):
        device = record["device_id"]
        if device in before:
            change = record["files_added"] - record["files_deleted"]
            assert record["files_total"] == before[device] + change, (device, record["backup_id"])
        before[device] = record["files_total"]


def test_the_cut_file_ends_early_with_forty_whole_records():
    packed = (CANONICAL / "firmware-builds-cut.jsonl.gz").read_bytes()
    unpacker = zlib.decompressobj(31)
    text = unpacker.decompress(packed)
    assert not unpacker.eof
    assert text.endswith(b"\n")
    assert text.count(b"\n") == 40


def test_the_odd_records_are_odd_as_listed(records):
    broken, *others = lines(CANONICAL / "odd-records.jsonl")
    negative, nameless, zoneless, ahead, short, bare, twice = map(json.loads, others)
    with pytest.raises(json.JSONDecodeError):
        json.loads(broken)
    assert negative["files_deleted"] < 0
    assert "device_id" not in nameless
    assert datetime.fromisoformat(zoneless["ended_at"]).tzinfo is None
    assert ahead["ended_at"].startswith("2099-")
    assert short["files_total"] < short["files_updated"]
    assert set(bare) == {"device_id", "backup_id", "ended_at"}
    assert {**twice, "ended_at": datetime.fromisoformat(twice["ended_at"])} in records
    assert (CANONICAL / "empty.jsonl").stat().st_size == 0


def test_the_readme_names_every_device_and_the_true_numbers(records):
    readme = (DEMO / "README.md").read_text()
    for row in csv_rows("devices.csv"):
        line = next(line for line in readme.splitlines() if line.startswith(f"| {row['origin']} "))
        assert row["device_id"] in line.split("|")[2].replace(",", " ").split()
        assert row["holds"] in line
        assert f"| {row['group']} |" in line
    origins = {row["origin"] for row in csv_rows("devices.csv")}
    assert f"{len(csv_rows('devices.csv'))} devices of {len(origins)} origins" in readme
    assert f"{len(records):,} backups" in readme
    # One duplicate, seven bad lines, two files.
    assert f"{len(records) + 10:,} records land: {len(records):,} backups, 1 duplicate, and 9 rejects" in readme


@pytest.mark.skipif(not HISTORIES.exists(), reason="the histories are not shipped")
def test_the_same_histories_give_the_same_files_byte_for_byte(tmp_path):
    for name in ("make_input.py", "devices.csv"):
        shutil.copy(DEMO / name, tmp_path / name)
    environment = {**os.environ, "PYTHONPATH": str(DEMO.parent)}
    subprocess.run([sys.executable, tmp_path / "make_input.py", HISTORIES], check=True, env=environment)
    made = {path.relative_to(tmp_path): path.read_bytes() for path in (tmp_path / "landing").rglob("*.*")}
    assert made == {path.relative_to(DEMO): path.read_bytes() for path in (DEMO / "landing").rglob("*.*")}
    assert (tmp_path / "attacks.csv").read_bytes() == (DEMO / "attacks.csv").read_bytes()
