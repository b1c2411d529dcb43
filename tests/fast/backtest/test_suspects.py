"""A backup that alerted is withheld from the models until it has aged; a history has nobody who judges it sooner."""

from datetime import timedelta

import numpy as np
import pytest

from jobs.backtest.rows import judged, rows_of
from jobs.backtest.suspects import Rules
from jobs.model.devices import fit_devices
from jobs.model.fleet import shipped
from jobs.model.scoring import score_backups
from jobs.model.signals import FIGURES
from tests.fast.backtest.histories import FIRST_DAY, history, records

FLEET = shipped()
HIT = 50


@pytest.fixture(autouse=True)
def _scores_are_their_models_alone(monkeypatch):
    monkeypatch.setattr("jobs.model.loudness.POWER", 0.0)


def hit(record):
    return record | {"files_deleted": 600, "files_total": 400}


def with_a_hit(folder, days=80, every=1):
    """A history in which half of the files go on one day; `every` so many days there is a backup."""
    rows = records(days=days)
    for number, row in enumerate(rows):
        row["ended_at"] = (FIRST_DAY + timedelta(days=number * every)).isoformat()
    rows[HIT] = hit(rows[HIT])
    return history(folder, rows)


def score_by_a_model_of(held, rows, place, taught):
    """Plain lines beside the walk: one backup judged by a model of the backups given."""
    figures = {name: rows.figures[name][taught] for name in FIGURES} | {"ended_at": held.ended_at[taught] / 1e6}
    model = fit_devices(figures, np.zeros(len(taught), int), FLEET)
    of_row = {name: rows.figures[name][place : place + 1] for name in FIGURES}
    return score_backups(of_row, model, FLEET)["anomaly_score"][0]


# Days between two backups, the rules, and from how many backups later on the models learn it.
CASES = {
    "daily": (1, Rules(), 8),
    "daily, by days alone": (1, Rules(aged_backups=0), 8),
    "daily, by backups alone": (1, Rules(aged_days=0), 8),
    "daily, by fewer backups": (1, Rules(aged_days=0, aged_backups=3), 4),
    "weekly": (7, Rules(), 8),
    "weekly, by days alone": (7, Rules(aged_backups=0), 2),
    "weekly, at once": (7, Rules(aged_days=0, aged_backups=0), 1),
}


@pytest.mark.parametrize("case", CASES)
def test_what_alerted_teaches_once_it_is_old_enough_and_enough_backups_came_after_it(tmp_path, case):
    every, rules, learned_after = CASES[case]
    held = with_a_hit(tmp_path, every=every)
    rows = rows_of(held, None)
    found = judged(rows, held, FLEET, rules).score
    assert found[HIT] >= 0
    assert (found[1:] >= 0).sum() == 1
    for after in (1, learned_after - 1, learned_after, 15):
        if after:
            earlier = np.arange(1, HIT + after)
            taught = earlier if after >= learned_after else earlier[earlier != HIT]
            assert found[HIT + after] == pytest.approx(score_by_a_model_of(held, rows, HIT + after, taught)), after


def test_a_threshold_that_nothing_reaches_withholds_nothing(tmp_path):
    held = with_a_hit(tmp_path)
    rows = rows_of(held, None)
    found = judged(rows, held, FLEET, Rules(threshold=np.inf)).score
    assert found[HIT + 1] == pytest.approx(score_by_a_model_of(held, rows, HIT + 1, np.arange(1, HIT + 1)))


def test_what_alerts_because_an_earlier_alert_was_withheld_is_withheld_too(tmp_path):
    """The same again each day for two weeks: one model after the other has to leave out one more."""
    rows = records(days=80)
    rows[HIT : HIT + 14] = map(hit, rows[HIT : HIT + 14])
    held = history(tmp_path, rows)
    at_once = judged(rows_of(held, None), held, FLEET, Rules(aged_days=0, aged_backups=0)).score[HIT : HIT + 14] >= 0
    later = judged(rows_of(held, None), held, FLEET, Rules()).score[HIT : HIT + 14] >= 0
    assert at_once.sum() < 8 <= later.sum()
    cut = history(tmp_path, rows[: HIT + 6])
    whole = judged(rows_of(held, None), held, FLEET, Rules()).score[: HIT + 6]
    # To rounding: single floats are summed in other orders where other models are worked on beside them.
    np.testing.assert_allclose(judged(rows_of(cut, None), cut, FLEET, Rules()).score, whole, rtol=1e-5)


def test_a_weekly_job_of_varying_size_is_known_by_its_fourth_time_though_its_alerts_are_under_suspicion(tmp_path):
    rows = []
    for device in range(4):
        random = np.random.default_rng(device)
        for turn in range(560):
            uploaded = 2e6 * np.exp(0.1 * random.standard_normal())
            if turn % 28 == 27:
                uploaded += 4e7 * np.exp(0.3 * random.standard_normal())
            ended_at = (FIRST_DAY + timedelta(hours=6 * turn)).isoformat()
            said = {"bytes_uploaded": round(uploaded), "bytes_total": 100_000_000}
            rows.append({"device_id": f"vm-{device}", "backup_id": f"{turn}", "ended_at": ended_at, **said})
    held = history(tmp_path, rows)
    alerts = np.flatnonzero(judged(rows_of(held, None), held, FLEET, Rules()).score >= 0) % 560
    assert set(alerts % 28) == {27}
    assert set(alerts // 28) <= {0, 1, 2}
