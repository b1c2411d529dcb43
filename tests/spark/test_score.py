"""How unusual each backup is, which alerts belong together, and which backup to restore from."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import UTC, datetime
from types import SimpleNamespace

import numpy as np
import pytest
from pyspark.sql import functions as F

from benchmarks.detection.aftermath import (
    HISTORIES,
    encrypted_for_good,
    judged,
    some_devices,
    without_size_of_store,
)
from jobs.backtest.suspects import Rules
from jobs.champion import FILE
from jobs.config import load_config
from jobs.episodes import timeline
from jobs.files import write_text
from jobs.model.arrays import place_of
from jobs.model.calibration import threshold_of
from jobs.model.cumulative import ADDED_UP, add_up
from jobs.model.devices import fit_devices, untaught
from jobs.model.explaining import explain
from jobs.model.fleet import shipped
from jobs.model.loudness import loudness_along
from jobs.model.scoring import score_backups, scores_alone
from jobs.model.signals import FIGURES, LAYOUT, SIGNALS, UNIT_OF_SIGNAL
from jobs.run import Run
from jobs.score.evidence import scored
from jobs.score.job import score, score_new
from jobs.store import Store
from jobs.tables import ANOMALIES, DEVICE_MODELS, DEVICES, FEATURES, KINDS, SCORES
from tests.rows import frame_of, moment

MOMENT = datetime(2025, 12, 1, tzinfo=UTC)
FLEET = shipped()
EXPLAINED = ("signal", "value", "unit", "usual_low", "usual_high", "share")


def usual(at=0, **said):
    """What an ordinary device does on an ordinary day."""
    number = int(at)
    return {
        "at": at,
        "previous_backup_id": "the one before",
        "files_before": 10_000,
        "files_added": 5 + number % 3,
        "files_updated": 20 + number % 7,
        "files_deleted": number % 3,
        "bytes_before": 10**9,
        "bytes_uploaded": 10**6 + 10**4 * (number % 5),
        "bytes_compressed": 4 * 10**5 + 10**3 * (number % 4),
        **said,
    }


def encrypted(at=0, **said):
    return usual(at, files_updated=9_000, bytes_uploaded=9 * 10**8, bytes_compressed=8_990 * 10**5, **said)


SMALLEST = {"encrypt": 0.01, "delete": 0.1, "add": 0.2, "modify": None}


def figures_of(rows):
    """The same rows as the kernel takes them."""
    return {name: np.array([np.nan if row.get(name) is None else row[name] for row in rows], float) for name in FIGURES}


def model_of(history):
    """A row of `device_models` of what these backups taught, in the types of the table."""
    ended_at = np.array([moment(row["at"]).timestamp() for row in history])
    fitted = fit_devices({**figures_of(history), "ended_at": ended_at}, np.zeros(len(history), int), FLEET)
    row = {name: column[0].tolist() for name, column in fitted.items()}
    moments = {name: datetime.fromtimestamp(row[name], UTC) for name in ("first_taught_at", "last_taught_at")}
    no_job = dict.fromkeys(("job_gap_hours", "job_due_from", "job_due_until"))
    return {**row, **moments, **no_job, "smallest_share": SMALLEST, "layout": LAYOUT}


def stored(model, name):
    """A number of a device model as exact as its table keeps it, a moment in seconds."""
    kind = DEVICE_MODELS.only(name)[0].type
    value = model[name].timestamp() if kind == "timestamp" and model[name] else model[name]
    return np.array(np.nan if value is None else value, np.float32 if "float" in kind else float)


@pytest.fixture(scope="module")
def kernel(session_of_tests):
    """Scores of backups with and without a device model: as Spark gives them, and as the kernel does directly."""
    job = {"job_gap_hours": 720.0, "job_due_from": moment(106), "job_due_until": moment(107)}
    model = {**model_of([usual(at) for at in range(90)]), **job, "job_levels": [1e12] * len(SIGNALS)}
    backups = [
        usual(100),
        encrypted(101),
        usual(102, files_deleted=7_000),
        usual(103, files_deleted=None),
        {"at": 104},
        usual(105, files_updated=700),
        encrypted(106.5),
    ]
    rows = [{"device_id": device, **row} for device in ("known", "unknown") for row in backups]
    ended_at = np.array([moment(row["at"]).timestamp() for row in rows])
    models = frame_of(session_of_tests, DEVICE_MODELS, {"device_id": "known", **model})
    judged = frame_of(session_of_tests, FEATURES, *rows)
    nothing = frame_of(session_of_tests, SCORES)
    found = scored(judged, models, nothing, FLEET, "1-20250301", budget=1.0, partitions=2)
    found = found.orderBy("device_id", "ended_at").collect()
    beside = {
        name: np.concatenate([np.broadcast_to(stored(model, name), column.shape), column])
        for name, column in untaught(len(backups)).items()
    }
    return SimpleNamespace(
        figures=figures_of(backups),
        found=found,
        expected=score_backups({**figures_of(rows), "ended_at": ended_at}, beside, FLEET),
        reasons=explain(figures_of(rows), beside, FLEET),
    )


def test_scores_are_what_the_kernel_gives_of_the_same_arrays(kernel):
    np.testing.assert_allclose([row["anomaly_score"] for row in kernel.found], kernel.expected["anomaly_score"])
    kinds = [KINDS[kind] if kind >= 0 else None for kind in kernel.expected["kind"]]
    assert [row["anomaly_kind"] for row in kernel.found] == kinds
    assert {"encrypt", "delete", None} <= set(kinds)


def test_evidence_is_a_map_of_what_one_backup_in_ten_reaches_and_unseen_a_list_of_what_cannot_be_told(kernel):
    for row, evidence, unseen in zip(kernel.found, kernel.expected["evidence"], kernel.expected["unseen"], strict=True):
        speaks = {name: value for name, value in zip(SIGNALS, evidence, strict=True) if value >= 1}
        assert row["evidence"] == pytest.approx(speaks)
        assert row["unseen"] == [name for name, is_unseen in zip(SIGNALS, unseen, strict=True) if is_unseen]


def test_what_ends_when_a_regular_job_is_due_is_judged_beside_the_job(kernel):
    attack, job = kernel.found[1], kernel.found[6]
    assert attack["anomaly_score"] >= attack["threshold"] > job["anomaly_score"]
    assert (attack["anomaly_kind"], job["anomaly_kind"], job["evidence"]) == ("encrypt", None, {})


def test_a_device_without_a_model_is_judged_by_the_fleet_alone(kernel):
    known, unknown = kernel.found[:7], kernel.found[7:]
    alone = score_backups(kernel.figures, untaught(len(unknown)), FLEET)["anomaly_score"]
    np.testing.assert_allclose([row["anomaly_score"] for row in unknown], alone)
    assert unknown[1]["anomaly_score"] > unknown[1]["threshold"]
    assert all(one["anomaly_score"] != other["anomaly_score"] for one, other in zip(known, unknown, strict=True))


def test_what_is_usual_is_said_of_backups_that_alert_and_of_no_other(kernel):
    alerted = [row["anomaly_score"] >= row["threshold"] for row in kernel.found]
    assert {True, False} == set(alerted)
    for place, (row, is_alert) in enumerate(zip(kernel.found, alerted, strict=True)):
        said = {name: row[name] for name in EXPLAINED}
        if not is_alert:
            assert said == dict.fromkeys(EXPLAINED)
            continue
        signal = SIGNALS[kernel.reasons["signal"][place]]
        assert (said.pop("signal"), said.pop("unit")) == (signal, UNIT_OF_SIGNAL[signal])
        numbers = {name: kernel.reasons[name][place] for name in said}
        assert said == pytest.approx({name: None if np.isnan(n) else n for name, n in numbers.items()})


def test_every_score_says_the_smallest_share_that_could_have_been_seen_and_nothing_of_a_device_without_a_model(kernel):
    assert [row["smallest_share"] for row in kernel.found] == [SMALLEST] * 7 + [None] * 7


def test_the_threshold_is_minus_log10_of_the_budget():
    assert [threshold_of(budget) for budget in (1.0, 0.1, 10.0)] == [0.0, 1.0, -1.0]
    assert str(threshold_of(1.0)) == "0.0"


SLOW_FROM, SLOW_UNTIL = 100, 118


@pytest.fixture(scope="module")
def slow(session_of_tests):
    """A device that loses a few files a day more than ever, judged by one model: a function of how runs are cut.

    Scores are kept as `scores` holds them, and are what the next run goes on from. Beside it a device that is usual,
    and one that loses most of its files on the third and fourth day.
    """
    spark = session_of_tests
    devices = ("slow", "usual", "wiped")
    model = model_of([usual(at) for at in range(90)])
    models = frame_of(spark, DEVICE_MODELS, *({"device_id": device, **model} for device in devices))

    def backup(device, at, before):
        is_wiped = device == "wiped" and at in (SLOW_FROM + 2, SLOW_FROM + 3)
        deleted = at % 3 if device == "usual" else 700 if is_wiped else 14
        before = {"previous_backup_id": f"backup {before}", "previous_ended_at": moment(before)}
        added = 5 if device == "usual" else 0
        return {"device_id": device, **usual(at, files_added=added, files_deleted=deleted), **before}

    def judge(runs):
        held, seen = [], {SLOW_FROM - 1}
        for days in runs:
            seen |= set(days)
            rows = [backup(device, at, max(day for day in seen if day < at)) for at in days for device in devices]
            judged = frame_of(spark, FEATURES, *rows)
            before = frame_of(spark, SCORES, *({**row, "at": at} for at, row in held))
            found = scored(judged, models, before, FLEET, "1", budget=1.0, partitions=2).collect()
            held += [((row["ended_at"].astimezone(UTC) - moment(0)).days, row.asDict()) for row in found]
        return {(row["device_id"], at): row for at, row in held}

    return SimpleNamespace(judge=judge, backup=backup, model=model)


def sums_of(row):
    """To rounding: single floats are summed in other orders where other backups are judged beside them."""
    left = [{kind: round(value, 4) for kind, value in (row[of] or {}).items()} for of in ("cumulative", "loudness")]
    return round(row["anomaly_score"], 4), row["anomaly_kind"], left, row["backups_together"]


def test_a_slow_attack_alerts_by_what_its_backups_add_up_to_however_they_are_spread_over_runs(slow):
    days = range(SLOW_FROM, SLOW_UNTIL)
    at_once = slow.judge([days])
    alerts = [at for at in days if at_once["slow", at]["anomaly_score"] >= 0]
    first = at_once["slow", alerts[0]]
    assert first["anomaly_kind"] == "delete" and first["signal"].startswith("deleted")
    assert first["backups_together"] == alerts[0] - SLOW_FROM + 1 > 2
    assert first["cumulative"] is None
    assert at_once["slow", alerts[0] + 1]["cumulative_backups"] == {"delete": 1}
    of_wiped = [at_once["wiped", at]["cumulative_backups"] for at in days[:5]]
    assert of_wiped == [{"delete": together} for together in (1, 2, 1, 2, 3)]  # anew with what alerts alone
    assert not [at for at in days if at_once["usual", at]["anomaly_score"] >= 0]
    for runs in ([[day] for day in days], [days[:5], days[5:]], [days[:1], days[1:]]):
        again = slow.judge(runs)
        assert {key: sums_of(row) for key, row in again.items()} == {key: sums_of(row) for key, row in at_once.items()}


def test_a_late_backup_adds_to_what_was_before_it_and_changes_no_score_that_was_given(slow):
    days = [day for day in range(SLOW_FROM, SLOW_FROM + 6) if day != SLOW_FROM + 2]
    in_time = slow.judge([range(SLOW_FROM, SLOW_FROM + 6)])
    late = slow.judge([days, [SLOW_FROM + 2]])
    assert sums_of(late["slow", SLOW_FROM + 2]) == sums_of(in_time["slow", SLOW_FROM + 2])
    assert [late["slow", at]["cumulative_backups"]["delete"] for at in days] == [1, 2, 3, 4, 5]


def test_the_line_adds_up_as_the_backtest_does(slow):
    at_once = slow.judge([range(SLOW_FROM, SLOW_UNTIL)])
    rows = [slow.backup("slow", at, at - 1) for at in range(SLOW_FROM, SLOW_UNTIL)]
    beside = {name: np.stack([stored(slow.model, name)] * len(rows)) for name in untaught(1)}
    alone, in_a_row = score_backups(figures_of(rows), beside, FLEET), np.arange(len(rows)) - 1
    before, after = loudness_along(alone["loud"], in_a_row)
    sums = add_up({**alone, **scores_alone(alone, FLEET, before)}, in_a_row, 0.0)
    found = [at_once["slow", at] for at in range(SLOW_FROM, SLOW_UNTIL)]
    np.testing.assert_allclose([row["anomaly_score"] for row in found], sums.score)
    for row, own in zip(found, sums.sums, strict=True):
        left = {kind: value for kind, value in zip(ADDED_UP, own, strict=True) if value > 0}
        assert (row["cumulative"] or {}) == pytest.approx(left)
    held = [[row["loudness"][kind] for kind in KINDS] for row in found]
    np.testing.assert_allclose(held, after)
    assert held[-1][KINDS.index("delete")] > 2


def stored_as(spark, rows, scores):
    """Rows of a backtest as `features` and `scores` hold them."""
    keys = [{name: row[name] for name in ("device_id", "backup_id", "ended_at", "status")} for row in rows]
    kinds = [KINDS[kind] if kind >= 0 else None for kind in scores.kind]
    said = [
        {**{k: v for k, v in key.items() if k != "status"}, "anomaly_score": float(score), "anomaly_kind": kind}
        for key, score, kind in zip(keys, scores.score, kinds, strict=True)
    ]
    return frame_of(spark, FEATURES, *keys), frame_of(spark, SCORES, *said)


def lake_of(spark, lake, run_id):
    """A lake as a run of that name sees it, with the shipped fleet model as its champion and no MLflow."""
    store = Store(spark, lake, Run(run_id, MOMENT))
    write_text(spark, f"{lake}/{FILE}", json.dumps({"fleet_version": "1", "fleet_model": FLEET.to_json()}))
    return store


def device(name, *rows):
    return [{"device_id": name, **row} for row in rows]


NOT_JUDGED = {"first": {"not_judged": "first", "previous_backup_id": None}, "failed": {"not_judged": "failed"}}
VERSION = f"1-{moment(55).date():%Y%m%d}"
FIRST_LOAD = [
    *device("steady", usual(0, **NOT_JUDGED["first"]), *map(usual, range(26, 61))),
    *device("hit", *map(usual, range(50, 58)), encrypted(58), encrypted(59)),
    *device("silent", usual(10)),
    *device("broken", {"at": 60, "status": "failed", **NOT_JUDGED["failed"]}),
    *device("young", usual(59, **NOT_JUDGED["first"])),
]
NEXT_DAY = [
    *device("steady", usual(40.5)),
    *device("hit", usual(61)),
    *device("young", usual(58, **NOT_JUDGED["first"])),
]


@pytest.fixture(scope="module")
def line(session_of_tests, tmp_path_factory):
    """What two runs made: all tables after each, as plain rows by device."""
    lake = str(tmp_path_factory.mktemp("scored"))
    config = replace(load_config(None, {}), lake=lake)
    made = SimpleNamespace(config=config, counts=[], scores=[], anomalies=[], devices=[])
    for number, rows in enumerate((FIRST_LOAD, NEXT_DAY)):
        store = lake_of(session_of_tests, lake, f"run {number}")
        if number == 0:
            model = {"device_id": "hit", "model_version": VERSION, **model_of([usual(at) for at in range(40, 55)])}
            store.insert_new(frame_of(store.spark, DEVICE_MODELS, model), DEVICE_MODELS, None)
        rows = [{**row, "run_id": store.run.run_id} for row in rows]
        store.insert_new(frame_of(store.spark, FEATURES, *rows), FEATURES, None)
        if number == 1:  # as features does with the one after a late backup
            second = device("young", usual(59, run_id=store.run.run_id))
            store.correct(frame_of(store.spark, FEATURES, *second), FEATURES, [moment(59).date()])
        made.counts.append(score(store, config))
        for table, kept in ((SCORES, made.scores), (ANOMALIES, made.anomalies), (DEVICES, made.devices)):
            kept.append([aware(row.asDict()) for row in store.read(table).collect()])
    made.store = store
    return made


def aware(row):
    """The row with its moments in UTC; Spark gives them in the machine's own time, and without saying so."""
    return {name: value.astimezone(UTC) if isinstance(value, datetime) else value for name, value in row.items()}


def ends(rows, name):
    """Days on which the device's rows end, since the first."""
    return sorted(round((row["ended_at"] - moment(0)).total_seconds() / 86_400, 3) for row in rows if is_of(row, name))


def is_of(row, name):
    return row["device_id"] == name


def test_a_first_load_scores_its_last_month_and_no_backup_that_cannot_be_judged(line):
    first = line.scores[0]
    assert ends(first, "steady") == list(range(30, 61))
    assert ends(first, "hit") == list(range(50, 60))
    assert {row["device_id"] for row in first} == {"steady", "hit"}
    assert {row["model_version"] for row in first} == {VERSION}
    assert line.counts[0] == {"scored": 41, "anomalies": 2, "devices": 5}


def test_an_alert_is_listed_with_its_reason_its_episode_and_the_backup_to_restore(line):
    first, second = sorted(line.anomalies[0], key=lambda row: row["ended_at"])
    assert [row["episode_id"] for row in (first, second)] == [first["anomaly_id"]] * 2
    for row in (first, second):
        assert (row["device_id"], row["anomaly_kind"], row["status"]) == ("hit", "encrypt", "open")
        assert (row["last_good_backup_id"], row["last_good_at"]) == ("backup 57", moment(57))
        assert row["anomaly_score"] >= row["threshold"]
        assert row["reason"].endswith("of the device's files.") or row["reason"].endswith("of the device's bytes.")
    (of_score,) = [row for row in line.scores[0] if row["backup_id"] == "backup 58" and is_of(row, "hit")]
    assert {name: first[name] for name in (*EXPLAINED, "evidence")} == {
        name: of_score[name] for name in (*EXPLAINED, "evidence")
    }


def test_an_episode_is_resolved_once_its_device_is_usual_again(line):
    assert [row["status"] for row in line.anomalies[1]] == ["resolved", "resolved"]
    assert {row["anomaly_id"] for row in line.anomalies[1]} == {row["anomaly_id"] for row in line.anomalies[0]}


def devices_after(line, run):
    return {row["device_id"]: row for row in line.devices[run]}


def test_devices_stand_as_their_newest_backup_left_them(line):
    def stands(name, run, *columns):
        return tuple(devices_after(line, run)[name][column] for column in columns)

    last_good = ("last_backup_id", "last_good_backup_id")
    assert stands("steady", 0, "first_backup_at", "last_backup_at") == (moment(0), moment(60))
    assert stands("steady", 0, *last_good, "not_judged") == ("backup 60", "backup 60", None)
    assert stands("hit", 0, *last_good) == ("backup 59", "backup 57")
    assert stands("hit", 0, "open_episode_id") == (min(line.anomalies[0], key=str)["episode_id"],)
    assert stands("hit", 0, "usual_gap_hours") == (24.0,)
    assert stands("hit", 1, *last_good, "open_episode_id") == ("backup 61", "backup 61", None)
    assert stands("silent", 0, *last_good, "not_judged") == ("backup 10", "backup 10", "history")
    assert stands("broken", 0, *last_good, "not_judged") == ("backup 60", None, "failed")
    assert stands("broken", 0, "usual_gap_hours") == (None,)
    assert stands("young", 0, "not_judged") == ("first",)


def test_a_late_backup_is_scored_and_moves_no_device_back(line):
    assert 40.5 in ends(line.scores[1], "steady")
    assert devices_after(line, 1)["steady"] == devices_after(line, 0)["steady"]
    young = devices_after(line, 1)["young"]
    assert (young["first_backup_at"], young["last_backup_at"], young["not_judged"]) == (moment(58), moment(59), None)


def test_a_backup_that_a_late_one_before_it_made_comparable_gets_its_score(line):
    """Else it would wait for ever, and learning with it."""
    assert ends(line.scores[1], "young") == [59]
    assert line.counts[1]["scored"] == 3


def test_a_score_is_given_once(line):
    kept = [row for row in line.scores[1] if row["run_id"] == "run 0"]
    assert sorted(kept, key=str) == sorted(line.scores[0], key=str)


def test_scoring_again_changes_no_table(line):
    tables = (SCORES, ANOMALIES, DEVICES)
    versions = [line.store.version(table) for table in tables]
    assert score(line.store, line.config) == {"scored": 0, "anomalies": 0, "devices": 0}
    assert [line.store.version(table) for table in tables] == versions


def test_a_batch_that_comes_again_after_a_crash_changes_no_row(line):
    tables = (SCORES, ANOMALIES, DEVICES)
    before = [sorted(map(str, line.store.read(table).collect())) for table in tables]
    fresh = line.store.read(FEATURES).where(F.col("run_id") == "run 1")
    assert score_new(line.store, line.config, fresh) == {"scored": 0, "anomalies": 0, "devices": 0}
    assert [sorted(map(str, line.store.read(table).collect())) for table in tables] == before


def test_a_correction_alone_is_nothing_to_score(line):
    """Its backup was scored already; the correction is no new row."""
    corrected = frame_of(line.store.spark, FEATURES, *device("steady", usual(60, files_moved=1)))
    assert line.store.correct(corrected, FEATURES, [moment(60).date()]) == 1
    assert score(line.store, line.config) == {"scored": 0, "anomalies": 0, "devices": 0}


@pytest.mark.skipif(not HISTORIES.exists(), reason="the histories are not shipped")
def test_encryption_that_stays_is_one_episode_and_soon_quiet(spark):
    """On real histories: all that is uploaded afterwards is as dense as what was encrypted, for good.

    Without the size of the store, which would tell the two apart at once. Devices alert on other days as well, so those
    days are counted on the same histories without the attack.
    """
    begins, span = 110, 40
    clean = without_size_of_store(some_devices(every=3))
    alerts, episodes = {}, {}
    for name, history in (("clean", clean), ("hit", encrypted_for_good(clean, begins))):
        scores, which = judged(history, Rules())
        rows, places = history.rows.take(which).to_pylist(), place_of(history.device)[which]
        told = timeline(*stored_as(spark, rows, scores), None, Rules.aged_days, Rules.aged_backups)
        episode_of = {
            (row["device_id"], row["backup_id"]): row["episode_id"] for row in told.where("is_alert").collect()
        }
        keys = [(row["device_id"], row["backup_id"]) for row in rows]
        since = [key for key, at in zip(keys, places, strict=True) if begins <= at < begins + span]
        alerts[name] = len(episode_of.keys() & since)
        episodes[name] = len({episode_of[key] for key in episode_of.keys() & since})
    devices = clean.device[-1] + 1
    assert (episodes["hit"] - episodes["clean"]) / devices == pytest.approx(1, abs=0.15)
    assert (alerts["hit"] - alerts["clean"]) / devices < 5
