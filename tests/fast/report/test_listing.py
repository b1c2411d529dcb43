"""Terminal tables and JSON lines: order, width, accounting, and no control character that comes from a record."""

import json
import re
import unicodedata
from datetime import date, timedelta

import pytest

from jobs.report.listing import accounting, anomalies_table, as_json_lines, runs_table, stage_runs
from tests.fast.report.samples import FILES, HOSTILE, HOSTILE_PATHS, NEWEST, anomaly

LANDED = {"landed": 6_000, "backups": 5_990, "rejects": 8, "duplicates": 2}


def event(stage, event, seconds, run_id="r1", counts=None, error=None):
    at = NEWEST + timedelta(seconds=seconds)
    return {"run_id": run_id, "stage": stage, "event": event, "at": at, "counts": counts, "error": error}


def columns(line):
    return sum(2 if unicodedata.east_asian_width(character) in "WF" else 1 for character in line)


def test_nothing_unusual_is_said_as_such():
    assert anomalies_table([], 80, colour=False) == "No unusual backup."


def test_an_anomaly_is_listed_with_all_that_a_person_needs():
    table = anomalies_table([anomaly()], 80, colour=False)
    assert table.splitlines()[1].split(maxsplit=3) == ["2026-03-12", "06:14", "photo-archive", "mass deletion  open"]
    words = " ".join(table.split())
    assert "9,000 files deleted, usually 0 to 3 a backup; 45 % of the device's files." in words
    assert "About once in 40 device-years; restore b-1 of 2026-03-11 06:14; anomaly 0000000000000000" in words


def test_anomalies_are_listed_newest_first():
    table = anomalies_table([anomaly(5), anomaly(1), anomaly(9)], 120, colour=False)
    assert re.findall(r"^(2026\S+)", table, re.M) == ["2026-03-11", "2026-03-07", "2026-03-03"]


def test_a_good_backup_of_before_a_rename_is_named_with_what_the_device_was_called_then():
    table = anomalies_table([anomaly(last_good_device_id="old-nas")], 120, colour=False)
    assert "restore b-1 of 2026-03-11 06:14 (then called old-nas)" in " ".join(table.split())


def test_without_a_last_good_backup_the_list_says_so():
    row = anomaly(last_good_backup_id=None, last_good_at=None)
    assert "no good backup is held" in " ".join(anomalies_table([row], 80, colour=False).split())


def test_tenant_and_product_are_named_where_they_are_not_the_usual_ones():
    table = anomalies_table([anomaly(tenant_id="acme", product="restic")], 120, colour=False)
    assert "acme / restic / photo-archive" in table


def test_a_verdict_is_told_with_who_when_and_why():
    said = {"verdict": "new_baseline", "verdict_at": NEWEST, "verdict_by": "ana", "verdict_note": "a move\x1b[2J"}
    table = anomalies_table([anomaly(status="new_baseline", **said), anomaly(1)], 120, colour=False)
    assert "new baseline" in table.splitlines()[1]
    assert "; new baseline, by ana on 12 Mar 2026: a move␛[2J" in " ".join(table.split())


@pytest.mark.parametrize("width", [60, 80, 120, 200])
@pytest.mark.parametrize(
    "name",
    ["photo-archive", "x" * 300, "写真アーカイブ" * 12, "two words " * 20, ""],
    ids=["short", "long", "wide", "words", "empty"],
)
def test_no_line_is_wider_than_the_terminal(width, name):
    table = anomalies_table([anomaly(device_id=name, last_good_backup_id="f" * 64)], width, colour=False)
    assert max(map(columns, table.splitlines())) <= width


def test_columns_line_up_behind_wide_characters():
    table = anomalies_table([anomaly(device_id="写真"), anomaly(1, device_id="abcd")], 80, colour=False)
    wide, plain = (line for line in table.splitlines() if line.endswith("open"))
    assert columns(wide) == columns(plain)


@pytest.mark.parametrize("colour", [False, True])
@pytest.mark.parametrize(
    "column", ["tenant_id", "product", "device_id", "reason", "last_good_backup_id", "anomaly_kind", "status"]
)
def test_a_hostile_name_cannot_steer_the_terminal(column, colour):
    row = anomaly(**{column: f"{HOSTILE}\x1b[2J\x9b1m\r"})
    table = anomalies_table([row], 80, colour=colour)
    ours = re.sub(r"\x1b\[(0|1|2|31|32|33)m", "", table)
    assert not [c for c in ours if c != "\n" and unicodedata.category(c) in ("Cc", "Cf")]


def test_files_are_told_in_a_line_of_their_own_where_a_list_landed():
    text = anomalies_table([anomaly(**FILES)], 400, colour=False)
    assert text.splitlines()[-1].strip() == (
        "Files: 12,345 paths listed; counted are 1,000 drawn from them; 163 added, in no earlier list: .locked; "
        "400 of 1,000 in docs/plan; such as docs/plan/a.locked"
    )
    assert "Files" not in anomalies_table([anomaly()], 400, colour=False)


@pytest.mark.parametrize("column", ["top_directories", "extensions", "sample_paths"])
def test_a_hostile_file_name_cannot_steer_the_terminal(column):
    table = anomalies_table([anomaly(**FILES | {column: HOSTILE_PATHS})], 80, colour=False)
    assert not [c for c in table if c != "\n" and unicodedata.category(c) in ("Cc", "Cf", "Cs")]
    assert max(map(columns, table.splitlines())) <= 80


def test_hostile_file_names_are_ascii_in_json():
    (line,) = as_json_lines([anomaly(**FILES | {"sample_paths": HOSTILE_PATHS})])
    assert line.isascii()
    assert "\n" not in line
    assert json.loads(line)["sample_paths"] == HOSTILE_PATHS


def test_colour_codes_are_there_only_where_they_are_asked_for():
    rows = [anomaly()]
    plain, coloured = (anomalies_table(rows, 80, colour=colour) for colour in (False, True))
    assert "\x1b" not in plain
    assert "\x1b[31mopen" in coloured
    assert re.sub(r"\x1b\[\d+m", "", coloured).split() == plain.split()


def test_start_and_end_of_a_stage_run_are_one_line_with_its_duration():
    rows = [event("ingest", "ended", 83.4, counts=LANDED), event("ingest", "started", 0)]
    head, line = runs_table(rows, 140, colour=False).splitlines()
    assert head.split() == ["STARTED", "(UTC)", "RUN", "STAGE", "STATE", "TOOK", "ROWS"]
    assert line == (
        "2026-03-12 06:14  r1   ingest    ended    1 min 23 s  landed 6,000, backups 5,990, rejects 8, duplicates 2; ok"
    )


def test_only_a_start_is_running_when_it_is_the_newest_and_killed_when_it_is_not():
    rows = [
        event("ingest", "started", 0, "r1"),
        event("ingest", "started", 9, "r2"),
        event("ingest", "ended", 10, "r2"),
    ]
    rows += [event("features", "started", 11, "r2")]
    states = [(run.run_id, run.stage, run.state) for run in stage_runs(rows)]
    assert states == [("r2", "features", "running"), ("r2", "ingest", "ended"), ("r1", "ingest", "killed")]


def test_a_start_alone_is_killed_once_another_stage_run_came_after_it():
    rows = [event("ingest", "started", 0, "r1"), event("ingest", "failed", 9, "r2", error="no space")]
    assert [run.state for run in stage_runs(rows)] == ["failed", "killed"]


def test_an_end_whose_start_was_not_read_does_not_claim_a_duration():
    assert "ended    -" in runs_table([event("ingest", "ended", 83.4)], 120, colour=False)


def test_a_failed_run_says_why():
    rows = [event("train", "started", 0), event("train", "failed", 3_725, error="no space left\non device")]
    table = runs_table(rows, 120, colour=False)
    assert "failed   1 h 2 min" in table
    assert "no space left␊on device" in table


def test_landed_records_that_do_not_add_up_are_a_mismatch():
    assert accounting(LANDED) == "ok"
    assert accounting(LANDED | {"backups": 5_989}) == "MISMATCH"
    assert accounting({"landed": 3, "backups": 3}) == "ok"
    assert accounting({"features": 10}) is None
    rows = [event("ingest", "ended", 1, counts=LANDED | {"duplicates": 3})]
    assert "MISMATCH" in runs_table(rows, 80, colour=False)


@pytest.mark.parametrize("width", [80, 120])
def test_a_run_fits_the_terminal(width):
    counts = LANDED | {"late_corrections": 12_345_678, "conflicting": 99}
    rows = [
        event("ingest", "started", 0, "20260312T0600-7f3a91bc"),
        event("score", "started", -5, "20260312T0600-7f3a"),
    ]
    rows += [event("ingest", "ended", 5, "20260312T0600-7f3a91bc", counts=counts)]
    table = runs_table(rows, width, colour=False)
    assert max(map(len, table.splitlines())) <= width
    assert "" not in table.splitlines()


def test_no_run_at_all_is_said_as_such():
    assert runs_table([], 80, colour=False) == "Nothing ran yet."


def test_json_lines_hold_moments_with_z_and_no_nan():
    row = anomaly(value=float("nan"), share=float("inf"), evidence={"deleted": float("nan")})
    (line,) = as_json_lines([row])
    parsed = json.loads(line, parse_constant=lambda word: pytest.fail(f"{word} is not JSON"))
    assert parsed["ended_at"] == "2026-03-12T06:14:00Z"
    assert parsed["day"] == "2026-03-12"
    assert parsed["value"] is parsed["share"] is parsed["evidence"]["deleted"] is None
    assert parsed["unseen"] == ["ratio_high"]


def test_json_lines_keep_every_column_and_text_and_stay_one_printable_line():
    row = {"device_id": HOSTILE + "\x7f\x9b写真", "counts": {"landed": 3}, "at": NEWEST, "day": date(2026, 3, 12)}
    (line,) = as_json_lines([row])
    assert line.isascii()
    assert line.isprintable()
    assert json.loads(line)["device_id"] == row["device_id"]
    assert list(json.loads(line)) == list(row)


def test_a_hostile_error_or_count_cannot_steer_the_terminal():
    rows = [event("ingest", "failed", 0, run_id=HOSTILE, counts={HOSTILE: 3}, error=HOSTILE + "\x1b[2J")]
    table = runs_table(rows, 120, colour=False)
    assert not [c for c in table if c != "\n" and unicodedata.category(c) in ("Cc", "Cf")]
