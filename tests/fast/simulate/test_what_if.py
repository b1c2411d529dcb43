"""What-if rows: what `uda simulate` writes."""

import json

import numpy as np
import pyarrow.parquet as pq
import pytest

from jobs.cli import main
from jobs.model.attack_classes import ATTACKS, EXTRAS, LOOK_ALIKES, SLOW
from jobs.simulate.what_if import EARLIER, what_if_rows
from tests.fast.backtest.histories import history, records, what_if_table, written

SINGLE = {*ATTACKS, *EXTRAS, *LOOK_ALIKES}


@pytest.fixture
def elsewhere(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    return tmp_path


def rows_by_class(rows):
    found = {}
    for row in rows.to_pylist():
        found.setdefault(row["attack"], []).append(row)
    return found


def test_every_class_stands_on_five_backups_of_each_fifty_after_the_first_33(tmp_path):
    by_class = rows_by_class(what_if_rows(history(tmp_path, records(days=33 + 50 + 3)), seed=7))
    assert set(by_class) == SINGLE | set(SLOW)
    for name in SINGLE:
        places = sorted(int(row["at_backup_id"].removeprefix("nas-")) for row in by_class[name])
        assert len(set(places)) == 5 + 3
        assert sum(33 <= place < 83 for place in places) == 5
        assert places[5:] == [83, 84, 85]
    drawn = {name: [row["at_backup_id"] for row in by_class[name]] for name in SINGLE}
    assert all(places == drawn["wipe_1"] for places in drawn.values())


def test_a_slow_attack_is_thirty_backups_in_a_row_under_one_name(tmp_path):
    rows = records(days=100) + records("pc", days=100, seed=1) + records("young", days=35)
    by_class = rows_by_class(what_if_rows(history(tmp_path, rows), seed=7))
    for name in SLOW:
        runs = {}
        for row in by_class[name]:
            runs.setdefault((row["device_id"], row["attack_id"]), []).append(int(row["at_backup_id"].split("-")[1]))
        assert {device for device, _ in runs} == {"nas", "pc"}
        assert all(places == list(range(places[0], places[0] + 30)) for places in runs.values())
        assert all(places[0] >= EARLIER for places in runs.values())


def test_the_same_seed_gives_the_same_rows_whatever_the_order_and_another_seed_others(tmp_path):
    rows = records(days=90) + records("pc", days=60, seed=1)
    first = what_if_rows(history(tmp_path, rows), seed=7)
    assert what_if_rows(history(tmp_path, rows[::-1]), seed=7).equals(first)
    assert not what_if_rows(history(tmp_path, rows), seed=8).equals(first)


def test_an_attack_is_added_to_what_the_record_says_and_the_state_before(tmp_path):
    made = records(days=40)
    by_class = rows_by_class(what_if_rows(history(tmp_path, made), seed=7))
    by_id = {record["backup_id"]: (place, record) for place, record in enumerate(made)}
    for row in by_class["inplace_0.1"]:
        place, real = by_id[row["at_backup_id"]]
        before = made[place - 1]
        encrypted = round(0.1 * before["bytes_total"])
        assert row["files_updated"] == real["files_updated"] + round(0.1 * before["files_total"])
        assert row["bytes_uploaded"] == pytest.approx(real["bytes_uploaded"] + encrypted, abs=1)
        assert row["bytes_compressed"] == pytest.approx(real["bytes_compressed"] + encrypted, abs=1)
        assert (row["files_total"], row["ended_at"].day) == (real["files_total"], int(real["ended_at"][8:10]))


def test_what_a_record_does_not_say_stays_unknown_and_its_totals_tell_of_the_attack(tmp_path):
    said = ("device_id", "backup_id", "ended_at", "files_added", "files_total", "bytes_total")
    made = [{name: record[name] for name in said} for record in records(days=40)]
    by_class = rows_by_class(what_if_rows(history(tmp_path, made), seed=7))
    by_id = {record["backup_id"]: record for record in made}
    for row in by_class["delete_0.5"]:
        assert row["files_deleted"] is None
        assert row["bytes_uploaded"] is None
        gone = by_id[row["at_backup_id"]]["files_total"] - row["files_total"]
        assert gone == pytest.approx(500, abs=60)


def test_of_a_product_that_counts_no_files_the_bytes_tell(tmp_path):
    said = ("device_id", "backup_id", "ended_at", "bytes_uploaded", "bytes_total")
    made = [{name: record[name] for name in said} for record in records(days=40)]
    row = rows_by_class(what_if_rows(history(tmp_path, made), seed=7))["inplace_1"][0]
    assert row["bytes_uploaded"] > 40_000_000
    assert row["files_updated"] is None


def test_totals_alone_still_tell_of_what_was_deleted(tmp_path):
    said = ("device_id", "backup_id", "ended_at", "bytes_uploaded", "files_total", "bytes_total")
    made = [{name: record[name] for name in said} for record in records(days=40)]
    for row in rows_by_class(what_if_rows(history(tmp_path, made), seed=7))["delete_0.5"]:
        assert row["files_total"] == pytest.approx(500, abs=60)
        assert row["bytes_total"] == pytest.approx(25_000_000, rel=0.1)


def test_failed_runs_and_redeliveries_are_neither_attacked_nor_counted(tmp_path):
    made = records(days=40)
    made.insert(20, {**made[20], "backup_id": "failed", "status": "failed", "ended_at": "2025-01-20T03:00:00Z"})
    made.append({**made[5], "ended_at": "2025-03-01T02:00:00Z"})
    by_class = rows_by_class(what_if_rows(history(tmp_path, made), seed=7))
    places = {int(row["at_backup_id"].removeprefix("nas-")) for row in by_class["wipe_1"]}
    assert places <= set(range(33, 40))


@pytest.mark.parametrize("name", ["w.parquet", "w.jsonl", "deep/w.jsonl"])
def test_what_is_written_is_what_a_backtest_reads(elsewhere, capsys, name):
    backups = written(elsewhere, "b.jsonl", records(days=50, product="restic", tenant_id="acme"))
    assert main(["simulate", "--backups", str(backups), "--out", name]) == 0
    assert "what-if rows of 43 classes of attack" in capsys.readouterr().out
    if name.endswith(".parquet"):
        rows = pq.read_table(name).to_pylist()
        rows = [{k: v for k, v in row.items() if v is not None} for row in rows]
    else:
        rows = [json.loads(line) for line in (elsewhere / name).read_text().splitlines()]
    assert not any("backup_id" in row for row in rows)
    assert {(row["tenant_id"], row["product"]) for row in rows} == {("acme", "restic")}
    rows = [{**row, "ended_at": "2025-02-20T00:00:00Z"} for row in rows]
    assert len(what_if_table(elsewhere, rows)) == len(rows)
    assert not list(elsewhere.rglob("*.tmp"))


def test_without_a_device_of_more_than_33_backups_it_says_so_and_writes_nothing(elsewhere, capsys):
    backups = written(elsewhere, "b.jsonl", records(days=33))
    assert main(["simulate", "--backups", str(backups), "--out", "w.parquet"]) == 1
    assert "no device has more than 33 backups" in capsys.readouterr().err
    assert not (elsewhere / "w.parquet").exists()


def test_no_figure_is_below_0(tmp_path):
    rows = what_if_rows(history(tmp_path, records(days=90)), seed=7)
    for name in ("files_total", "bytes_total", "files_deleted"):
        assert np.min(rows[name].to_numpy()) >= 0
