"""The life of the fleet model on a small fleet of real histories: fitted, judged, promoted, and rolled back by hand."""

from __future__ import annotations

import json
import re
from dataclasses import replace
from datetime import date, timedelta
from pathlib import Path
from types import SimpleNamespace

import pytest
from pyspark.sql import functions as F

from jobs import registry
from jobs.backtest.reading import read_backups
from jobs.champion import FILE, champion, working_version
from jobs.config import load_config
from jobs.model.fleet import FleetModel
from jobs.stages import run_stage
from jobs.tables import BACKUPS, DEVICE_MODELS, FEATURES, RUNS, SCORES
from jobs.train import sample
from jobs.train.challenger import is_due
from jobs.train.history import teachers
from tests.conftest import store_of
from tests.rows import frame_of, moment

DEMO = Path(__file__).resolve().parents[2] / "demo"
FILES = ("icons-brands.jsonl.zst", "logo-catalogue.jsonl.gz", "modpack-a.jsonl.gz", "modpack-b.jsonl.gz")
FILES += ("office-files.jsonl.gz", "photo-archive.jsonl.gz", "notes-with-images.jsonl.gz", "website-photos.jsonl.gz")
NEWEST = 100  # backups of each device
EARLIER_VERSION = "1-20250310"
ENOUGH = {"fleet_devices": 8, "fleet_device_days": 8 * 60}


def real_backups(file):
    """Newest backups of one of the demo's devices, as rows of `backups`."""
    rows = sorted(read_backups(DEMO / "landing" / "canonical" / file).to_pylist(), key=lambda row: row["ended_at"])
    for row in rows[-NEWEST:]:
        known = {name: value for name, value in row.items() if name in BACKUPS.names and value == value}
        figures = {name: int(value) if isinstance(value, float) else value for name, value in known.items()}
        kept = {"source": file, "position": 1, "derived": [], "upper_bound": []}
        yield {**figures, **kept, "day": row["ended_at"].date()}


def blind():
    """A fleet model that finds nothing: no evidence gives it a point."""
    fleet = FleetModel.from_json((DEMO / "fleet_model.json").read_text())
    sets = {name: replace(points, weights=points.weights * 0) for name, points in fleet.sets.items()}
    return replace(fleet, sets=sets, fleet_name="blind")


@pytest.fixture(scope="module")
def life(session_of_tests, tmp_path_factory):
    """A lake whose first fleet model finds nothing, after the run in which it had enough to learn one of its own."""
    root = tmp_path_factory.mktemp("life")
    (root / "blind.json").write_text(blind().to_json())
    config = load_config(None, {})
    # Few devices judge: at a budget this large single alerts of theirs decide nothing.
    score = replace(config.score, budget=20.0)
    train = replace(config.train, **ENOUGH, fleet_model=str(DEMO / "fleet_model.json"))
    config = replace(config, lake=str(root / "lake"), score=score, train=train)
    store = store_of(session_of_tests, config)
    champion(store, replace(config, train=replace(train, fleet_model=str(root / "blind.json"))))
    rows = [row for file in FILES for row in real_backups(file)]
    store.insert_new(frame_of(store.spark, BACKUPS, *rows), BACKUPS, None)
    run_stage("features", store, config)
    names = sorted({row["device_id"] for row in rows})
    taught = {"backups": NEWEST, "first_taught_at": moment(-100), "last_taught_at": moment(0)}
    models = [{"device_id": name, "model_version": EARLIER_VERSION, **taught} for name in names]
    store.insert_new(frame_of(store.spark, DEVICE_MODELS, *models), DEVICE_MODELS, None)
    for stage in ("train", "score"):
        run_stage(stage, store, config)
    return SimpleNamespace(store=store, config=config, devices=names, client=client_of(config))


def client_of(config):
    import mlflow  # late, for it takes seconds

    mlflow.set_tracking_uri(f"sqlite:///{config.lake}/_mlflow/mlflow.db")
    return mlflow.MlflowClient()


def waiting_from(life):
    return max(date.fromisoformat(v.tags["learned_until"]) for v in versions(life) if "learned_until" in v.tags)


def versions(life):
    return life.client.search_model_versions(f"name = '{life.config.mlflow.model_name}'")


def aliases(life):
    found = life.client.get_registered_model(life.config.mlflow.model_name).aliases
    return {name: str(version) for name, version in found.items()}


def ended(life, stage):
    rows = life.store.read(RUNS).where(f"stage = '{stage}' AND event = 'ended'")
    return rows.orderBy(F.desc("at")).first()


def test_the_fleets_own_model_is_judged_on_other_devices_and_becomes_the_champion(life):
    (own,) = [version for version in versions(life) if version.tags["decision"] != registry.FIRST]
    assert own.tags["decision"] == registry.PROMOTED and own.tags["reason"].startswith("no less found")
    assert aliases(life) == {"champion": str(own.version)}
    run = life.client.get_run(own.run_id)
    fitted, judged = int(run.data.params["devices"]), int(run.data.params["judged_devices"])
    assert min(fitted, judged) > 0 and fitted + judged == len(FILES)
    assert run.data.params["champion"] == "1" and run.data.params["start"] == "open histories"
    model = FleetModel.from_json(registry.fleet_json(life.config.mlflow, life.config.lake, str(own.version)))
    assert model.provenance["devices"] == str(fitted)


def test_one_run_keeps_figures_of_both_models_a_card_plots_and_tables(life):
    (run,) = [r for r in life.client.search_runs(["1"]) if r.info.run_name.startswith("fleet model")]
    figures = run.data.metrics
    for who in ("champion", "challenger"):
        assert figures[f"{who}/alerts_per_device_year"] >= 0 and figures[f"{who}/recall/delete"] > 0
    assert (figures["champion/recall_at_threshold/rename_1"], figures["challenger/recall_at_threshold/rename_1"]) == (
        0,
        1,
    )
    held = {file.path for folder in (None, "plots") for file in life.client.list_artifacts(run.info.run_id, folder)}
    assert held >= {"model_card.md", "plots/curves.svg", "plots/recall.svg", "plots/points_stored.svg", "recall.json"}
    card = Path(life.client.download_artifacts(run.info.run_id, "model_card.md")).read_text()
    assert run.data.tags["reason"] in card and "What it can't see" in card


def test_after_a_promotion_models_and_scores_are_of_the_new_version(life):
    version = f"2-{waiting_from(life):%Y%m%d}"
    assert working_version(life.store) == "2"
    assert set(life.store.slices(DEVICE_MODELS)) == {EARLIER_VERSION, version}
    assert {row["model_version"] for row in life.store.read(SCORES).select("model_version").collect()} == {version}
    train, score = ended(life, "train"), ended(life, "score")
    assert (train["model_version"], score["model_version"]) == (version, version)
    assert (train["counts"]["promoted"], train["counts"]["fleet_devices"]) == (1, len(FILES))


def test_no_name_both_teaches_and_judges_and_no_more_is_drawn_than_allowed(life):
    features, nobody = life.store.read(FEATURES), frame_of(life.store.spark, BACKUPS).limit(0)
    until = waiting_from(life)
    taught = teachers(features, nobody, until)
    sides = {}
    for at_most in (10_000, 400):
        draw = sample.largest_draw(taught, at_most)
        judging = sample.judged_by(life.store.read(BACKUPS), nobody, until, draw)
        backups, device = sample.fitted_on(taught, draw)
        again, _ = sample.fitted_on(taught.repartition(3), draw)
        assert all((backups[name] == again[name]).all() for name in ("ended_at", "files_total"))
        names = set(judging["device_id"].to_pylist())
        sides[at_most] = (names, int(device.max()) + 1, len(device))
        teaching = taught.where(~F.col("device_id").isin(*names)).count()
        assert teaching == len(device) or at_most < 10_000
    assert sides[400][0] <= sides[10_000][0] and sides[400][1] < sides[10_000][1] and sides[400][2] <= 400
    assert len(sides[10_000][0]) + sides[10_000][1] == len(FILES)


def test_a_fleet_model_is_fitted_again_only_when_it_is_time_and_the_fleet_has_enough(life):
    def due(days, **settings):
        config = replace(life.config, train=replace(life.config.train, **settings))
        return is_due(life.store, config, EARLIER_VERSION, waiting_from(life) + timedelta(days=days))

    assert [due(days) for days in (0, 29, 30)] == [False, False, True]
    assert not due(30, fleet_every_days=0)
    assert not due(30, fleet_devices=9)
    assert not due(30, fleet_device_days=8 * 67 + 1)  # of 100 days 67 come after the 33rd backup
    assert due(30, fleet_device_days=8 * 67 - 1)


def test_a_call_killed_before_the_alias_was_given_is_ended_by_the_next(life):
    name = life.config.mlflow.model_name
    life.client.delete_registered_model_alias(name, "champion")
    life.client.delete_model_version_tag(name, "2", registry.SETTLED)
    assert registry.standing(life.config.mlflow, life.config.lake).champion == "2"
    assert aliases(life) == {"champion": "2"}


def test_a_lost_copy_of_the_champion_is_fetched_from_mlflow(life):
    held = Path(life.config.lake) / FILE
    before = json.loads(held.read_text())
    held.unlink()
    assert champion(life.store, life.config).version == "2"
    assert json.loads(held.read_text()) == before


def test_an_alias_moved_by_hand_is_followed_by_the_next_run(life):
    """Rolled back: new device models and scores are of the older version, and nothing promotes the newer one again."""
    runbook = (DEMO.parent / "docs" / "runbook.md").read_text()
    (command,) = re.findall(
        r"^    MLFLOW_TRACKING_URI=\S+ \S+python -c '(.*set_registered_model_alias.*)'$", runbook, re.M
    )
    exec(command)  # MLflow looks at this lake already
    day = waiting_from(life) + timedelta(days=20)
    newest = life.store.read(FEATURES).where(F.col("not_judged").isNull()).orderBy(F.desc("ended_at")).first()
    later = {**newest.asDict(), "backup_id": "after the roll-back", "day": day}
    later["ended_at"] = newest["ended_at"].replace(year=day.year, month=day.month, day=day.day)
    life.store.insert_new(frame_of(life.store.spark, FEATURES, later), FEATURES, [day])
    for stage in ("train", "score"):
        run_stage(stage, life.store, life.config)
    (score,) = life.store.read(SCORES).where("backup_id = 'after the roll-back'").collect()
    assert score["model_version"] == f"1-{day:%Y%m%d}"
    assert working_version(life.store) == "1" and aliases(life) == {"champion": "1"}
    assert ended(life, "score")["model_version"] == score["model_version"]
