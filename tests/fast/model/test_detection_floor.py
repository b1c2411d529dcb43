"""Attacks on real histories that the judging model never saw: small and seeded, to notice when detection breaks."""

from pathlib import Path

import numpy as np
import pytest

from benchmarks.detection.attack_rows import attacked_positions
from benchmarks.detection.cross_fit import schedules_of
from benchmarks.detection.histories import DATA, larger, rarer, read_histories
from benchmarks.detection.own_fleet import part
from jobs.model.arrays import age_of, first_rows
from jobs.model.attacks import attacked, kind_of
from jobs.model.calibration import threshold_of
from jobs.model.fleet import FleetModel
from jobs.model.walk_forward import Walk, judged_years, score_walk, walk_forward
from jobs.train.products import PRODUCTS, as_printed

# Fitted on `open` alone, so that `open2` is new to it.
FLEET = FleetModel.from_json((Path(__file__).resolve().parents[3] / "demo" / "fleet_model.json").read_text("utf-8"))
FLOORS = {
    "git; borg with diff": {
        "inplace_0.1": 0.9,
        "rename_0.02": 0.9,
        "delete_0.5": 0.95,
        "add_0.5": 0.95,
        "add_0.1": 0.75,
        "wipe_1": 0.9,
        "padded_0.5": 0.8,
        "truncate_0.5": 0.95,
        "drop_0.5": 0.95,
    },
    "all columns": {
        "inplace_0.1": 0.8,
        "rename_0.02": 0.9,
        "delete_0.5": 0.95,
        "add_0.5": 0.95,
        "wipe_1": 0.9,
        "truncate_0.5": 0.95,
        "drop_0.5": 0.95,
    },
    "restic with diff": {
        "delete_0.5": 0.9,
        "add_0.5": 0.9,
        "rename_1": 0.9,
        "truncate_0.5": 0.95,
        "drop_0.5": 0.95,
    },
}
pytestmark = pytest.mark.skipif(not DATA.exists(), reason="the histories are not shipped")


@pytest.fixture(scope="module")
def histories():
    """Every third device of `open2`, its newest 400 backups."""
    _, backups, device = read_histories(DATA, "devices_open2")
    return part(backups, device, (device % 3 == 0) & (age_of(device) < 400))


def test_whoever_allows_more_alerts_gets_them_from_busy_devices_and_others_alike():
    _, backups, device = read_histories(DATA, "devices_open2")
    walk = walk_forward(backups, device, FLEET)
    score = score_walk({name: column[walk.row] for name, column in backups.items()}, walk, FLEET)["anomaly_score"]
    years = judged_years(backups["ended_at"], device)
    alerts = np.bincount(device[walk.row], score >= threshold_of(4), len(years))
    schedule = schedules_of(backups["ended_at"], device)[first_rows(device)]
    is_busy = np.isin(schedule, ["100 to 200", "200 or more"])
    busy, seldom = (alerts[own].sum() / years[own].sum() for own in (is_busy, schedule == "under 50"))
    assert seldom / 1.6 < busy < seldom * 1.6


# Backups that are one, times the files, times the bytes.
ALTERED = {"as they are": (1, 1, 1), "backed up more seldom": (3, 1, 1), "larger": (1, 30, 1_000)}


@pytest.mark.parametrize("how", ALTERED.values(), ids=ALTERED)
@pytest.mark.parametrize("product", [p for p in PRODUCTS if p.name in FLOORS], ids=lambda product: product.name)
def test_attacks_are_found_within_the_budget(histories, product, how):
    every, files, size = how
    backups, device, _ = rarer(*histories, every)
    backups = larger(backups, files, size)
    printed = as_printed(backups, product)
    walk = walk_forward(printed, device, FLEET)
    clean = score_walk({name: column[walk.row] for name, column in printed.items()}, walk, FLEET)["anomaly_score"]
    assert (clean >= 0).sum() / judged_years(backups["ended_at"], device).sum() < 2.5
    at = attacked_positions(walk.refit)
    beside = Walk(walk.models, walk.row[at], walk.refit[at])
    before = {name: column[beside.row] for name, column in backups.items()}
    for attack, floor in FLOORS[product.name].items():
        found = score_walk(as_printed(attacked(before, attack), product, before), beside, FLEET)
        alerts = found["anomaly_score"] >= 0
        assert alerts.mean() >= floor, attack
        if product.set != "counts":
            assert (found["kind"][alerts] == kind_of(attack)).mean() >= 0.9, attack
