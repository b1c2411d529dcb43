"""A small quiet device as two real tools printed it: a tenth of its files encrypted in place on the last day."""

import json
from pathlib import Path

import numpy as np
import pytest

from jobs.model.devices import fit_devices
from jobs.model.scoring import score_backups
from jobs.model.signals import FIGURES, SIGNALS
from jobs.tables import KINDS
from tests.fast.model.made_up import DAY, SHIPPED

PRINTED = json.loads(Path(__file__).with_name("quiet_nas.json").read_text("utf-8"))
TEACHERS = (12, 20, 38)  # backups


def backups_of(tool, **changed):
    """All backups but the first, each beside the one before it."""
    figures = {name: np.array(column, float) for name, column in PRINTED[tool].items()}
    figures |= {name: change(figures) for name, change in changed.items()}
    n = len(figures["files_total"]) - 1
    rows = {name: figures[name][1:] if name in figures else np.full(n, np.nan) for name in FIGURES}
    for name, before in (("files_total", "files_before"), ("bytes_total", "bytes_before")):
        rows[before] = figures[name][:-1]
    if "bytes_total_compressed" in figures:
        rows["bytes_total_compressed_before"] = figures["bytes_total_compressed"][:-1]
    return {**rows, "ended_at": 1.7e9 + DAY * np.arange(n)}


def compressed(figures):
    """What newer versions of restic print beside the new bytes: text compresses, what was encrypted does not."""
    ratio = np.where(np.arange(len(figures["bytes_unique"])) == len(figures["bytes_unique"]) - 1, 0.999, 0.45)
    return np.rint(figures["bytes_unique"] * ratio)


def judged(backups, teachers):
    """Scores of all later backups by the model that the first ones taught."""
    taught = {name: column[:teachers] for name, column in backups.items()}
    model = fit_devices(taught, np.zeros(teachers, int), SHIPPED)
    later = {name: column[teachers:] for name, column in backups.items()}
    return score_backups(later, model, SHIPPED, np.zeros(len(later["ended_at"]), int))


@pytest.mark.parametrize("teachers", TEACHERS)
@pytest.mark.parametrize(
    ("tool", "changed", "kind"),
    [
        ("restic", {}, "modify"),  # nothing that it prints says that the new bytes are encrypted
        ("restic", {"bytes_compressed": compressed}, "encrypt"),
        ("borg", {}, "encrypt"),
    ],
    ids=["restic 0.14", "restic 0.17", "borg with diff"],
)
def test_a_tenth_encrypted_in_place_on_a_quiet_device_alerts_and_its_other_days_do_not(tool, changed, kind, teachers):
    found = judged(backups_of(tool, **changed), teachers)
    assert found["anomaly_score"][-1] >= 0  # a budget of 1 false alert per device-year
    assert KINDS[found["kind"][-1]] == kind
    assert (found["anomaly_score"][:-1] < -0.5).all()


def test_restic_without_compression_says_what_it_cannot_show():
    unseen = judged(backups_of("restic"), 38)["unseen"][-1]
    assert {"excess_bytes", "ratio_high", "stored_excess", "new_ext"} <= set(np.array(SIGNALS)[unseen])
    assert not {"updated", "rewritten", "deleted"} & set(np.array(SIGNALS)[unseen])
