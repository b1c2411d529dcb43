"""`uda backtest` of a large history: on Spark it comes to the same as in one process."""

from functools import partial

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from jobs.backtest import fleet
from jobs.backtest import job as backtest_job
from jobs.backtest.findings import findings
from jobs.backtest.job import judged_part
from jobs.backtest.rows import SCORES
from jobs.backtest.suspects import Rules
from jobs.cli import main
from jobs.errors import UdaError
from jobs.model.fleet import shipped
from tests.fast.backtest.histories import REACH, records, what_if, written

JUDGE = partial(judged_part, fleet=shipped(), rules=Rules(refit_every=50), look_back_days=REACH)


@pytest.fixture
def histories(tmp_path):
    """Six devices, some in lines and some in Parquet of three row groups, and what-if rows of four of them."""
    devices = [records(f"nas{number}", days=45 + number, seed=number) for number in range(6)]
    backups = tmp_path / "backups"
    (backups / "deep").mkdir(parents=True)
    written(backups, "a.jsonl", [*devices[0], *devices[1][:20]])
    written(backups / "deep", "b.ndjson", devices[1][20:])
    frame = pd.DataFrame([row for device in devices[2:] for row in device])
    frame["ended_at"] = pd.to_datetime(frame["ended_at"])
    pq.write_table(pa.Table.from_pandas(frame), backups / "c.parquet", row_group_size=70)
    gone = {"files_deleted": 1_000, "files_total": 0, "bytes_total": 0}
    attacks = [what_if(row, attack="delete_1", **gone) for device in devices[1:5] for row in device[40:44]]
    attacks += [what_if(row, attack="slow", attack_id="1", **gone) for row in devices[5][41:44]]
    return backups, written(tmp_path, "what-if.jsonl", attacks)


def ordered(scores):
    frame = scores.to_pandas()
    return frame.sort_values(["device_id", "ended_at", "attack"], na_position="first", ignore_index=True)


def test_scores_and_findings_are_those_of_one_process(spark, histories, tmp_path, monkeypatch):
    monkeypatch.setattr(fleet, "ROWS_A_PART", 60)
    backups, attacks = histories
    tally = fleet.judge_fleet(spark, backups, attacks, JUDGE, tmp_path / "scores")
    alone, tally_alone = JUDGE(backtest_job.read_backups(backups), backtest_job.read_what_if(attacks))
    found = pq.read_table(tmp_path / "scores")
    assert found.schema.names == SCORES.names
    pd.testing.assert_frame_equal(ordered(found), ordered(alone))
    assert len(list((tmp_path / "scores").glob("*.parquet"))) > 1  # in parts
    told, expected = findings(tally), findings(tally_alone)
    assert told["counts"] == expected["counts"]
    assert str(told["recall"]) == str(expected["recall"])


def test_each_fault_is_named_once_with_file_and_row_and_nothing_is_written(spark, histories, tmp_path):
    backups, attacks = histories
    written(backups, "wrong.jsonl", [{"device_id": "nas9", "backup_id": "1", "files_added": -1}] * 2)
    (backups / "cut.parquet").write_bytes((backups / "c.parquet").read_bytes()[:-3])
    with pytest.raises(UdaError) as refused:
        fleet.judge_fleet(spark, backups, attacks, JUDGE, tmp_path / "scores")
    assert f"{backups / 'cut.parquet'}: not a whole Parquet file" in str(refused.value)
    (backups / "cut.parquet").unlink()
    with pytest.raises(UdaError) as refused:
        fleet.judge_fleet(spark, backups, attacks, JUDGE, tmp_path / "scores")
    assert f"{backups / 'wrong.jsonl'}: rows 1, 2: files_added must be 0 or more" in str(refused.value)
    assert not (tmp_path / "scores").exists()


def test_a_backup_told_twice_and_a_what_if_row_of_none_are_refused_by_name(spark, histories, tmp_path):
    backups, attacks = histories
    lost = written(tmp_path, "lost.jsonl", [what_if(records("nobody", days=1)[0])])
    with pytest.raises(UdaError, match="no backup 'nobody-0' of device 'nobody'"):
        fleet.judge_fleet(spark, backups, lost, JUDGE, tmp_path / "scores")
    written(backups, "again.jsonl", [records("nas0", days=1)[0] | {"files_added": 999}])
    with pytest.raises(UdaError, match="backup 'nas0-0' of device 'nas0' is there twice with different figures"):
        fleet.judge_fleet(spark, backups, attacks, JUDGE, tmp_path / "scores")


def test_a_large_input_goes_that_way_by_itself_and_is_answered_alike(spark, histories, tmp_path, monkeypatch, capsys):
    backups, attacks = histories
    options = ["backtest", "--backups", str(backups), "--what-if", str(attacks), "--refit-every", "50"]
    assert main([*options, "--out", str(tmp_path / "alone")]) == 0
    monkeypatch.setattr(backtest_job, "LARGE_INPUT", 1_000)
    assert main([*options, "--out", str(tmp_path / "large")]) == 0
    said = capsys.readouterr().out.splitlines()
    assert said[:3] == said[4:7]
    pages = [(tmp_path / name / "report.html").read_text() for name in ("alone", "large")]
    assert pages[0] == pages[1]
    assert sorted(path.name for path in (tmp_path / "large").iterdir()) == ["report.html", "scores"]
