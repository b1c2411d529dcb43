import json
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from jobs.model.attacks import attacked
from jobs.model.devices import fit_devices, untaught
from jobs.model.scoring import score_backups
from jobs.model.signals import FIGURES, SIGNALS
from jobs.tables import KINDS
from tests.fast.model.made_up import (
    SHIPPED,
    model_of,
    past_and_present,
    rows,
    scores,
    some_backups,
    steady_device,
    together,
)

OBVIOUS = {
    "inplace_0.5": "encrypt",
    "rename_1": "encrypt",
    "delete_0.5": "delete",
    "delete_1": "delete",
    "add_0.5": "add",
    "wipe_1": "modify",
    "stage_0.5": "add",
    "padded_0.5": "modify",
    "truncate_1": "delete",
    "truncate_0.5": "delete",
    "drop_0.5": "delete",
}
STORE = ("bytes_total_compressed", "bytes_total_compressed_before")
GOLDEN = json.loads(Path(__file__).with_name("golden_scores.json").read_text("utf-8"))


@pytest.mark.parametrize(("attack", "kind"), OBVIOUS.items())
@pytest.mark.parametrize("files", [2_000, 200_000])
@pytest.mark.parametrize("is_rotating", [False, True])
def test_an_obvious_attack_on_a_steady_device_alerts_with_its_kind(attack, kind, files, is_rotating):
    past, present = past_and_present(files=files, is_rotating=is_rotating)
    found = scores(attacked(present, attack), past)
    assert (found["anomaly_score"] >= 0).all()  # a budget of 1 false alert per device-year
    assert {KINDS[kind] for kind in found["kind"]} == {kind}


@pytest.mark.parametrize("has_store", [True, False])
def test_archives_on_a_day_on_which_as_usual_more_was_rewritten_are_added_files(has_store):
    past, present = past_and_present(touched=0.4)
    staged = attacked(present, "stage_0.5")
    assert (staged["bytes_total"] - staged["bytes_before"] < staged["bytes_uploaded"] / 2).all()
    if not has_store:
        for each in (past, staged):
            each |= dict.fromkeys(STORE, np.full(len(each["files_total"]), np.nan))
    found = scores(staged, past)
    assert (found["anomaly_score"] >= 0).all()
    assert {KINDS[kind] for kind in found["kind"]} == {"add"}


@pytest.mark.parametrize("files", [10, 1_000, 100_000, 10_000_000])
@pytest.mark.parametrize("touched", [0, 0.001, 0.05, 1])
@pytest.mark.parametrize("is_rotating", [False, True])
@pytest.mark.parametrize("ratio", [0.35, 0.97])
def test_a_steady_device_of_any_size_stays_quiet(files, touched, is_rotating, ratio):
    past, present = past_and_present(files=files, touched=touched, is_rotating=is_rotating, ratio=ratio)
    assert (scores(present, past)["anomaly_score"] < 0).all()


def test_a_first_backup_is_judged_by_the_fleet_alone():
    _, present = past_and_present()
    model = untaught(60)
    quiet = score_backups(present, model, SHIPPED)
    assert (quiet["anomaly_score"] < 0).all()
    deleted = score_backups(attacked(present, "delete_1"), model, SHIPPED)
    assert (deleted["anomaly_score"] > 0).all()
    assert {KINDS[kind] for kind in deleted["kind"]} == {"delete"}


def test_the_same_attack_is_more_unusual_the_rarer_a_device_is_backed_up():
    past, present = past_and_present()
    model, attack = model_of(past, 60), attacked(present, "inplace_0.1")
    weekly = score_backups(attack, {**model, "backups_per_year": np.full(60, 52.0)}, SHIPPED)["anomaly_score"]
    hourly = score_backups(attack, {**model, "backups_per_year": np.full(60, 8_766.0)}, SHIPPED)["anomaly_score"]
    assert (weekly > hourly + 0.5).all()


@given(seed=st.integers(0, 2**32 - 1), missing=st.sets(st.sampled_from(FIGURES)))
@settings(max_examples=40)
def test_an_unknown_figure_never_gives_evidence_and_its_signals_are_listed_as_unseen(seed, missing):
    backups = some_backups(np.random.default_rng(seed), 20)
    backups.update({name: np.full(20, np.nan) for name in missing})
    found = scores(backups, steady_device(backups=60))
    assert np.isfinite(found["anomaly_score"]).all()
    assert not found["evidence"][found["unseen"]].any()
    if missing == set(FIGURES):
        assert found["unseen"].all()
        assert (found["kind"] == -1).all()
    if {"files_deleted", "files_total"} <= missing:  # the totals would tell how many at least
        assert found["unseen"][:, SIGNALS.index("deleted")].all()
    if not missing:
        assert not found["unseen"].any()


@given(seed=st.integers(0, 2**32 - 1), more=st.integers(1, 10**6))
@settings(max_examples=40)
def test_more_updated_files_are_never_less_evidence_of_updates(seed, more):
    backups = some_backups(np.random.default_rng(seed), 20)
    history = steady_device(backups=60, seed=seed)
    worse = {**backups, "files_updated": backups["files_updated"] + more}
    updated = SIGNALS.index("updated")
    gain = scores(worse, history)["evidence"][:, updated] - scores(backups, history)["evidence"][:, updated]
    assert (gain >= -1e-6).all()


@given(seed=st.integers(0, 2**32 - 1))
@settings(max_examples=20)
def test_other_backups_change_no_score(seed):
    backups = some_backups(np.random.default_rng(seed), 12)
    history = steady_device(backups=40)
    together = scores(backups, history)
    for place in range(12):
        alone = scores(rows(backups, slice(place, place + 1)), history)
        assert alone["anomaly_score"][0] == pytest.approx(together["anomaly_score"][place], abs=1e-5)
        assert alone["kind"][0] == together["kind"][place]


def test_many_backups_of_all_products_are_scored_as_each_alone_is():
    n = 9_000  # more than are worked on at a time
    random = np.random.default_rng(11)
    backups = some_backups(random, n)
    for name in ("bytes_total_compressed", "bytes_compressed", "files_updated", "files_before", "files_total"):
        backups[name] = np.where(random.random(n) < 0.3, np.nan, backups[name])
    taught, _ = together(steady_device(backups=90, seed=1), steady_device(backups=20, files=90, touched=0.3, seed=2))
    models = fit_devices(taught, np.repeat([0, 1], [90, 20]), SHIPPED)
    models = {name: np.concatenate([column, untaught(1)[name]]) for name, column in models.items()}
    beside = random.integers(0, 3, n)
    found = score_backups(backups, models, SHIPPED, beside)
    assert np.isfinite(found["anomaly_score"]).all()
    for place in (0, 1, 4_095, 4_096, *random.integers(0, n, 200)):
        own = {name: column[beside[[place]]] for name, column in models.items()}
        alone = score_backups(rows(backups, [place]), own, SHIPPED)
        for name, column in alone.items():
            np.testing.assert_allclose(column[0], found[name][place], atol=1e-5, err_msg=name)


def test_a_day_on_which_nothing_changed_has_no_kind():
    past, present = past_and_present(touched=0)
    assert set(scores(present, past)["kind"]) == {-1}


def test_the_shipped_model_still_scores_stored_backups_the_same():
    backups = {name: np.array(column, float) for name, column in GOLDEN["backups"].items()}
    history = {name: np.array(column, float) for name, column in GOLDEN["history"].items()}
    found = scores(backups, history)
    assert [KINDS[kind] for kind in found["kind"]] == GOLDEN["kind"]
    np.testing.assert_allclose(found["anomaly_score"], GOLDEN["anomaly_score"], atol=2e-4)


def test_no_backups_give_no_scores():
    past, present = past_and_present()
    found = scores(rows(present, slice(0, 0)), past)
    assert found["anomaly_score"].shape == (0,)
    assert found["evidence"].shape == (0, 24)
