"""Devices of any size that do about the same every day are as quiet as the budget says."""

import itertools

import pytest

from jobs.model.walk_forward import judged_years, score_walk, walk_forward
from tests.fast.model.made_up import SHIPPED, steady_device, together

FILES = (10, 100, 10_000, 1_000_000, 10_000_000)
BYTES_A_BACKUP = (1e6, 1e9, 1e13)
TOUCHED = (0.001, 0.05, 1.0)


def devices(is_rotating, ratio):
    for seed, (files, sent, touched) in enumerate(itertools.product(FILES, BYTES_A_BACKUP, TOUCHED)):
        if files * touched >= 1:
            file_size = max(1.0, round(sent / (files * touched)))
            own = {"files": files, "file_size": file_size, "touched": touched, "seed": seed}
            yield steady_device(backups=120, is_rotating=is_rotating, ratio=ratio, **own)


@pytest.mark.parametrize("ratio", [0.35, 0.97])
@pytest.mark.parametrize("is_rotating", [False, True], ids=["updates", "rotates"])
def test_steady_devices_alert_no_more_than_the_budget_allows(is_rotating, ratio):
    backups, device = together(*devices(is_rotating, ratio))
    walk = walk_forward(backups, device, SHIPPED)
    judged = {name: column[walk.row] for name, column in backups.items()}
    alerts = score_walk(judged, walk, SHIPPED)["anomaly_score"] >= 0
    assert alerts.sum() <= judged_years(backups["ended_at"], device).sum()
