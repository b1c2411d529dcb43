"""What a device is taught, from which of its backups, and what MLflow keeps of it."""

from __future__ import annotations

import random
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest
from chispa import assert_df_equality
from pyspark.sql import functions as F

from jobs.config import load_config
from jobs.model.devices import fit_devices, untaught
from jobs.model.fleet import shipped
from jobs.model.scoring import score_backups
from jobs.model.signals import FIGURES, LAYOUT
from jobs.model.smallest_share import smallest_shares
from jobs.run import Run
from jobs.store import Store
from jobs.tables import ANOMALIES, BACKUPS, DEVICE_MODELS, FEATURES, KINDS, SCORES
from jobs.train.devices import device_models
from jobs.train.history import barred_from_teaching, new_learned_until, teachers
from jobs.train.job import train
from tests.rows import frame_of, moment

MOMENT = datetime(2025, 12, 1, tzinfo=UTC)
COMPARED = {"previous_backup_id": "the one before"}
OVER, UNDER = {"anomaly_score": 0.5}, {"anomaly_score": -0.5}
NEWEST = moment(60).date()


AGING = (7, 7)


def nobody(spark):
    return frame_of(spark, ANOMALIES).limit(0)


def day(at):
    return moment(at).date()


def learned_until_of(spark, waiting, scored, version):
    """What may be learned, of devices whose backups on these days wait or are scored; a number below 0 is unjudged."""
    ends = [{"at": abs(at), "not_judged": "first" if at < 0 else None} for at in (*waiting, *scored)]
    features = frame_of(spark, FEATURES, *ends)
    scores = frame_of(spark, SCORES, *[{"at": at} for at in scored])
    return new_learned_until(features, scores, version, NEWEST, first_days=30)


def test_the_first_load_learns_up_to_the_oldest_backup_of_its_last_month(spark):
    assert learned_until_of(spark, waiting=(2, 29, 31, 40, 60), scored=(), version=None) == day(31)


def test_learning_goes_up_to_the_oldest_backup_that_waits_for_its_score(spark):
    version = f"1-{day(50):%Y%m%d}"
    assert learned_until_of(spark, waiting=(-52, 54, 60), scored=(51, 53, 55), version=version) == day(54)
    assert learned_until_of(spark, waiting=(50, 60), scored=(51, 53), version=version) == day(50)


def test_a_late_backup_neither_turns_learning_back_nor_holds_it_up(spark):
    version = f"1-{day(50):%Y%m%d}"
    assert learned_until_of(spark, waiting=(45, 60), scored=(50, 51), version=version) == day(60)
    assert learned_until_of(spark, waiting=(45,), scored=(50, 51), version=version) is None


def test_nothing_is_learned_while_no_backup_waits(spark):
    assert learned_until_of(spark, waiting=(-58,), scored=(59, 60), version=None) is None


def test_teachers_are_complete_compared_ended_before_that_day_and_beyond_suspicion(spark):
    backups = {
        "usual": {"at": 50},
        "without a score": {"at": 49},
        "partial": {"at": 50, "status": "partial"},
        "failed": {"at": 50, "status": "failed"},
        "first": {"at": 50, "previous_backup_id": None},
        "redelivery": {"at": 50, "is_redelivery": True},
        "of the day itself": {"at": 60 - 2 / 24},  # the first second of the 60th day
        "of the evening before": {"at": 60 - 2 / 24 - 0.00001},
        "later": {"at": 61},
        "alerted": {"at": 53},
        "alerted and aged": {"at": 52},
        "at the threshold": {"at": 54},
    }
    features = frame_of(spark, FEATURES, *[{"device_id": name, **COMPARED, **row} for name, row in backups.items()])
    scored = {"usual": UNDER, "alerted": OVER, "alerted and aged": OVER, "at the threshold": {"anomaly_score": 0.0}}
    rows = [{"device_id": name, "at": backups[name]["at"], **row} for name, row in scored.items()]
    barred = barred_from_teaching(frame_of(spark, SCORES, *rows), nobody(spark), None, day(60), *AGING)
    taught = teachers(features, barred, day(60))
    expected = features.where(
        F.col("device_id").isin("usual", "without a score", "of the evening before", "alerted and aged")
    )
    assert_df_equality(taught, expected, ignore_row_order=True, ignore_column_order=True, ignore_nullable=True)


def test_an_alert_of_one_backup_leaves_its_namesakes_beyond_suspicion(spark):
    features = frame_of(
        spark, FEATURES, *[{**COMPARED, **other} for other in ({}, {"tenant_id": "b"}, {"product": "b"}, {"at": 2})]
    )
    barred = barred_from_teaching(frame_of(spark, SCORES, OVER), nobody(spark), None, day(5), *AGING)
    taught = teachers(features, barred, day(5))
    assert sorted((row["tenant_id"], row["product"], row["backup_id"]) for row in taught.collect()) == [
        ("b", "canonical", "backup 1"),
        ("default", "b", "backup 2"),
        ("default", "canonical", "backup 2"),
    ]


def test_an_alert_is_under_suspicion_until_it_is_old_enough_and_enough_backups_came_after_it(spark):
    """By days alone five attacks in a row on a weekly device would make the sixth usual."""
    old = {"at": 10, "anomaly_kind": "encrypt", "anomaly_score": 0.5, "status": "open"}
    listed = [
        {**old, "anomaly_id": str(since), "backup_id": f"{since} since", "backups_since": since} for since in (6, 7)
    ]
    anomalies = frame_of(spark, ANOMALIES, *listed)
    barred = barred_from_teaching(frame_of(spark, SCORES).limit(0), anomalies, None, day(60), *AGING)
    assert [row["backup_id"] for row in barred.collect()] == ["6 since"]


def test_verdicts_outweigh_suspicion_and_age(spark):
    alerts = [{"device_id": name, "at": at, **OVER} for name in ("excused", "attack", "neither") for at in (20, 58)]
    told = frame_of(spark, BACKUPS, *[{k: v for k, v in row.items() if k != "anomaly_score"} for row in alerts]).select(
        *BACKUPS.key,
        (F.col("device_id") == "excused").alias("is_excused"),
        (F.col("device_id") == "attack").alias("is_attack"),
    )
    barred = barred_from_teaching(frame_of(spark, SCORES, *alerts), nobody(spark), told, day(60), *AGING)
    assert {(row["device_id"], row["backup_id"]) for row in barred.collect()} == {
        ("attack", "backup 20"),
        ("attack", "backup 58"),
        ("neither", "backup 58"),
    }


def some_teachers(draw, device, backups):
    """Ordinary figures, now and then unknown; time goes on by hours or days."""
    at = 0.0
    for _ in range(backups):
        at += draw.choice((0.3, 1, 1, 1, 3))
        figures = {name: draw.choice((None, draw.randrange(9), draw.randrange(10**5))) for name in FIGURES}
        yield {"device_id": device, "at": round(at, 4), **COMPARED, **figures}


def fitted_alone(rows, fleet):
    """The kernel's own answer for one device, from plain rows."""
    rows = sorted(rows, key=lambda row: row["at"])
    figures = {name: np.array([np.nan if row[name] is None else row[name] for row in rows], float) for name in FIGURES}
    ended_at = np.array([moment(row["at"]).timestamp() for row in rows])
    models = fit_devices({**figures, "ended_at": ended_at}, np.zeros(len(rows), int), fleet)
    return {name: column[0] for name, column in models.items()}


def smallest_of(rows, fleet):
    """The kernel's own answer, beside the newest of these backups."""
    newest = max(rows, key=lambda row: row["at"])
    figures = {name: np.array([np.nan if newest[name] is None else newest[name]], float) for name in FIGURES}
    models = {name: column[np.newaxis] for name, column in fitted_alone(rows, fleet).items()}
    (shares,) = smallest_shares(figures, models, fleet, 0.0)
    return {kind: None if np.isnan(share) else share for kind, share in zip(KINDS, shares, strict=True)}


@pytest.mark.parametrize("partitions", [1, 5])
def test_a_device_model_is_what_the_kernel_fits_of_that_device_alone(spark, partitions):
    draw, fleet = random.Random(3), shipped()
    rows = {f"device {n}": list(some_teachers(draw, f"device {n}", backups)) for n, backups in enumerate((1, 2, 9, 30))}
    # The same name under another tenant and product is another device.
    rows["namesake"] = [{**row, "device_id": "device 3", "tenant_id": "b"} for row in some_teachers(draw, "", 7)]
    mixed = [row for history in rows.values() for row in history]
    draw.shuffle(mixed)
    models = device_models(frame_of(spark, FEATURES, *mixed), fleet, "1-20250301", partitions, 0.0).collect()
    assert len(models) == len(rows)
    for model in models:
        history = rows["namesake" if model["tenant_id"] == "b" else model["device_id"]]
        for name, expected in fitted_alone(history, fleet).items():
            found = model[name].timestamp() if isinstance(model[name], datetime) else model[name]
            found = np.array(np.nan if found is None else found, float)
            np.testing.assert_allclose(found, expected.astype(float), rtol=1e-6, equal_nan=True, err_msg=name)
        assert model["smallest_share"] == smallest_of(history, fleet)
        assert (model["model_version"], model["layout"]) == ("1-20250301", LAYOUT)


def test_an_unknown_number_of_a_device_model_is_null_and_not_nan(spark):
    teacher = frame_of(spark, FEATURES, {**COMPARED, "files_updated": 3})
    (model,) = device_models(teacher, shipped(), "1-20250301", 1, 0.0).collect()
    assert (model["usual_gap_hours"], model["stored_density"], model["backups"]) == (None, None, 1)


HELD = ("1-20241229", "1-20241230", "1-20241231")
LEARNED = f"1-{day(12):%Y%m%d}"


@pytest.fixture(scope="module")
def trained(session_of_tests, tmp_path_factory):
    """A lake of three devices that was trained once with three versions held, and what that training counted."""
    lake = str(tmp_path_factory.mktemp("trained"))
    config = replace(load_config(None, {}), lake=lake)
    store = Store(session_of_tests, lake, Run("the training", MOMENT))
    draw = random.Random(5)
    ends = [(device, at) for device in ("a", "b", "c") for at in range(16)]
    features = [{"device_id": device, "at": at, **COMPARED, "files_updated": draw.randrange(9)} for device, at in ends]
    store.insert_new(frame_of(store.spark, FEATURES, *features), FEATURES, None)
    scores = [{"device_id": device, "at": at, **UNDER} for device, at in ends if at < 12]
    store.insert_new(frame_of(store.spark, SCORES, *scores), SCORES, None)
    held = [{"device_id": "a", "model_version": version} for version in HELD]
    store.insert_new(frame_of(store.spark, DEVICE_MODELS, *held), DEVICE_MODELS, None)
    counts = train(store, config)
    return SimpleNamespace(store=store, config=config, counts=counts)


def test_training_learns_every_device_from_what_ended_before_the_oldest_waiting_backup(trained):
    assert trained.counts == {"devices": 3, "teachers": 36}
    models = trained.store.read(DEVICE_MODELS).where(F.col("model_version") == LEARNED).collect()
    assert sorted((model["device_id"], model["backups"], model["last_taught_at"].date()) for model in models) == [
        (device, 12, day(11)) for device in ("a", "b", "c")
    ]


def test_the_newest_version_and_two_before_are_kept(trained):
    assert sorted(trained.store.slices(DEVICE_MODELS)) == [*HELD[1:], LEARNED]


def test_training_again_changes_no_table(trained):
    before = {table.name: trained.store.version(table) for table in (FEATURES, SCORES, DEVICE_MODELS)}
    assert train(trained.store, trained.config) == {}
    assert {table.name: trained.store.version(table) for table in (FEATURES, SCORES, DEVICE_MODELS)} == before


def test_training_an_empty_lake_learns_nothing(store, config):
    assert train(store, config) == {}


@pytest.fixture
def tracked(trained, monkeypatch):
    """MLflow, looking at that lake, with pickles forbidden; imported late because that takes seconds."""
    import mlflow

    monkeypatch.setenv("MLFLOW_ALLOW_PICKLE_DESERIALIZATION", "false")
    address = f"sqlite:///{trained.config.lake}/_mlflow/mlflow.db"
    mlflow.set_tracking_uri(address)
    return mlflow


def test_a_training_is_one_run_that_says_what_was_learned_from_what(trained, tracked):
    runs = tracked.search_runs(experiment_names=["uda-train"], output_format="list")
    (run,) = [run for run in runs if run.info.run_name == LEARNED]
    assert run.info.status == "FINISHED"
    assert run.data.params == {
        "model_version": LEARNED,
        "fleet_version": "1",
        "learned_from": str(day(0)),
        "learned_until": str(day(12)),
        "run_id": "the training",
        "code_version": trained.store.run.code_version,
        "features_version": str(trained.store.version(FEATURES)),
        "scores_version": str(trained.store.version(SCORES)),
        "feedback_version": "-1",  # nobody gave a verdict
        "device_notes_version": "-1",  # nor said anything of a device
    }
    assert run.data.metrics == {"devices": 3.0, "teachers": 36.0}


def test_the_champion_loads_without_pickle_and_scores_as_the_fleet_alone_does(trained, tracked):
    name = trained.config.mlflow.model_name
    assert str(tracked.MlflowClient().get_model_version_by_alias(name, "champion").version) == "1"
    backups = pd.DataFrame({"files_updated": [1.0, 900.0], "files_before": [1e3, 1e3], "files_deleted": [0.0, np.nan]})
    said = tracked.pyfunc.load_model(f"models:/{name}@champion").predict(backups)
    figures = {n: backups[n].to_numpy() if n in backups else np.full(2, np.nan) for n in FIGURES}
    expected = score_backups(figures, untaught(2), shipped())
    np.testing.assert_allclose(said["anomaly_score"], expected["anomaly_score"])
    assert list(said["anomaly_kind"]) == [KINDS[kind] for kind in expected["kind"]]


def test_nothing_that_mlflow_keeps_is_a_pickle(trained, tracked):
    files = [path for path in Path(trained.config.lake, "_mlflow").rglob("*") if path.is_file()]
    assert any(path.name == "fleet_model.json" for path in files)
    assert not [path for path in files if path.suffix in {".pkl", ".pickle", ".joblib"} or is_pickle(path)]


def is_pickle(path):
    return path.read_bytes()[:1] == b"\x80"
