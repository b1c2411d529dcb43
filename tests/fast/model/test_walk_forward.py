import numpy as np
import pytest

from jobs.model.devices import fit_devices
from jobs.model.loudness import usual_loudness
from jobs.model.scoring import score_backups
from jobs.model.walk_forward import judged_years, score_walk, walk_forward
from tests.fast.model.made_up import DAY, SHIPPED, rows, some_backups, steady_device, together

RANDOM = np.random.default_rng(11)
DEVICES = [some_backups(RANDOM, size) for size in (20, 33, 34, 120, 500)]
BACKUPS, DEVICE = together(*DEVICES)


def judged_rows(walk):
    return rows(BACKUPS, walk.row)


def test_every_backup_after_the_first_33_of_its_device_is_judged_once():
    walk = walk_forward(BACKUPS, DEVICE, SHIPPED)
    expected = [np.flatnonzero(device == DEVICE)[33:] for device in range(len(DEVICES))]
    np.testing.assert_array_equal(walk.row, np.concatenate(expected))


@pytest.mark.parametrize("history", [5, 365])
def test_each_is_judged_by_a_model_of_earlier_backups_only(history):
    walk = walk_forward(BACKUPS, DEVICE, SHIPPED, history)
    found = score_walk(judged_rows(walk), walk, SHIPPED, usual_loudness(len(walk.row)))["anomaly_score"]
    for device, place in ((3, 33), (3, 90), (4, 33), (4, 499)):
        own = DEVICES[device]
        refit = 33 + (place - 33) // 50 * 50
        taught = rows(own, slice(max(0, refit - history), refit))
        model = fit_devices(taught, np.zeros(len(taught["ended_at"]), int), SHIPPED)
        score = score_backups(rows(own, slice(place, place + 1)), model, SHIPPED)["anomaly_score"][0]
        row = np.flatnonzero(device == DEVICE)[place]
        assert found[walk.row == row][0] == pytest.approx(score, abs=1e-5)


def test_later_backups_change_no_earlier_score():
    walk = walk_forward(BACKUPS, DEVICE, SHIPPED)
    before = score_walk(judged_rows(walk), walk, SHIPPED)["anomaly_score"]
    disturbed = {name: column.copy() for name, column in BACKUPS.items()}
    last_device = np.flatnonzero(len(DEVICES) - 1 == DEVICE)
    disturbed["files_deleted"][last_device[300:]] += 10_000
    again = walk_forward(disturbed, DEVICE, SHIPPED)
    after = score_walk(rows(disturbed, again.row), again, SHIPPED)["anomaly_score"]
    earlier = walk.row < last_device[300]
    np.testing.assert_array_equal(before[earlier], after[earlier])
    assert (before[~earlier] != after[~earlier]).any()


def test_without_history_the_fleet_alone_judges():
    walk = walk_forward(BACKUPS, DEVICE, SHIPPED, history=0)
    assert np.isnan(walk.models["bins"]).all()
    assert np.isfinite(score_walk(judged_rows(walk), walk, SHIPPED)["anomaly_score"]).all()


def test_years_are_counted_from_the_34th_backup():
    backups, device = together(steady_device(backups=33), steady_device(backups=34 + 365))
    assert judged_years(backups["ended_at"], device).tolist() == pytest.approx([0, 365 * DAY / (365.25 * DAY)])
