import numpy as np
import pytest

from jobs.model.arrays import first_rows
from jobs.model.attacks import attacked
from jobs.model.devices import fit_devices
from jobs.model.scoring import score_backups
from jobs.model.signals import FIGURES, SIGNALS
from jobs.model.walk_forward import score_walk, walk_forward
from jobs.train.products import PRODUCTS, as_printed
from tests.fast.model.made_up import DAY, SHIPPED, rows, steady_device, together

HOUR = 3600.0
PRODUCT = {product.name: product for product in PRODUCTS}


def with_job(every, backups=400, gap=DAY, scatter=0.0, seed=0, late=()):
    """A device that touches 2 % of its files each time, and writes 60 % of them anew with each so-manieth backup."""
    random = np.random.default_rng(seed)
    device = {name: column.copy() for name, column in steady_device(backups=backups, seed=seed).items()}
    at = np.arange(every - 1, backups, every)
    for place, later in late:
        at[place] += later
    written = np.rint(1_200 * np.exp(scatter * random.standard_normal(len(at))))
    device["files_updated"][at] += written
    for name, part in (("bytes_uploaded", 1), ("bytes_unique", 1), ("bytes_compressed", 0.4)):
        device[name][at] += np.rint(written * 50_000 * part)
    device["ended_at"] = 1.7e9 + gap * np.arange(backups)
    return device, at


def with_guest(every, backups=400):
    """A device to which half as many files as it has come with each so-manieth backup, and go with the next."""
    device = {name: column.copy() for name, column in steady_device(backups=backups).items()}
    come = np.arange(every - 1, backups - 1, every)
    many = np.rint(1_000 * np.exp(0.3 * np.random.default_rng(0).standard_normal(len(come))))
    device["files_added"][come] += many
    device["files_deleted"][come + 1] += many
    for before, after, size in (
        ("files_before", "files_total", 1),
        ("bytes_before", "bytes_total", 50_000),
        ("bytes_total_compressed_before", "bytes_total_compressed", 20_000),
    ):
        device[after][come] += many * size
        device[before][come + 1] += many * size
    for name, size in (("bytes_uploaded", 50_000), ("bytes_unique", 50_000), ("bytes_compressed", 20_000)):
        device[name][come] += many * size
    return device, come


def model_at(device, place):
    return fit_devices(rows(device, slice(0, place)), np.zeros(place, int), SHIPPED)


def alerts(devices, product):
    """By device, the places of the backups that alert."""
    backups, device = together(*devices)
    printed = as_printed(backups, PRODUCT[product])
    walk = walk_forward(printed, device, SHIPPED)
    score = score_walk(rows(printed, walk.row), walk, SHIPPED)["anomaly_score"]
    row = walk.row[score >= 0]
    return [row[device[row] == own] - first for own, first in enumerate(first_rows(device))]


@pytest.mark.parametrize(("every", "gap"), [(30, DAY), (91, DAY), (168, HOUR), (28, 6 * HOUR)])
@pytest.mark.parametrize("product", ["git; borg with diff", "restic 0.17", "AWS Backup", "volume snapshots"])
def test_a_regular_job_alerts_a_few_times_at_most_and_then_never_again(product, every, gap):
    devices, jobs = zip(*(with_job(every, 10 * every, gap, seed=seed) for seed in range(3)), strict=True)
    for loud, at in zip(alerts(devices, product), jobs, strict=True):
        assert set(loud) <= set(at[: 3 if every < 120 else 2])


def test_a_job_whose_size_varies_seldom_alerts_once_it_is_known():
    devices, jobs = zip(*(with_job(30, 600, scatter=0.3, seed=seed) for seed in range(8)), strict=True)
    loud = [set(found) & set(at[3:]) for found, at in zip(alerts(devices, "AWS Backup"), jobs, strict=True)]
    assert sum(map(len, loud)) <= 0.1 * sum(len(at[3:]) for at in jobs)


def test_the_next_occasion_is_due_a_gap_after_the_last_one():
    device, at = with_job(30)
    model = model_at(device, at[5] + 10)
    assert model["job_gap_hours"][0] == pytest.approx(30 * 24)
    next_one = device["ended_at"][at[6]]
    assert model["job_due_from"][0] == pytest.approx(next_one - 3 * DAY)
    assert model["job_due_until"][0] == pytest.approx(next_one + 3 * DAY)
    uploaded = device["bytes_uploaded"][at[2:6]].max()
    assert model["job_levels"][0, SIGNALS.index("uploaded_bytes")] == pytest.approx(uploaded)


def test_loud_backups_in_a_row_are_one_occasion():
    device, at = with_job(30)
    for name in ("bytes_uploaded", "bytes_unique", "bytes_compressed"):
        device[name][at[:-1] + 1] = device[name][at[:-1]]
    model = model_at(device, at[5] + 10)
    assert model["job_gap_hours"][0] == pytest.approx(30 * 24)
    assert model["job_due_until"][0] == pytest.approx(device["ended_at"][at[6] + 1] + 3 * DAY)


def test_what_was_louder_once_hides_no_job():
    device, at = with_job(30)
    for name in ("bytes_uploaded", "bytes_unique", "bytes_compressed"):
        device[name][100] *= 120
    assert model_at(device, at[5] + 10)["job_gap_hours"][0] == pytest.approx(30 * 24)


def test_of_what_is_too_rare_to_be_held_three_times_two_are_enough_but_the_next_has_to_be_closer():
    device, at = with_job(168, gap=HOUR)
    model = model_at(device, at[1] + 20)
    assert model["job_due_until"][0] - model["job_due_from"][0] == pytest.approx(2 * 0.03 * 168 * HOUR)
    device, at = with_job(91)
    assert np.isnan(model_at(device, at[1] + 20)["job_gap_hours"][0])


@pytest.mark.parametrize(
    ("every", "late"),
    [(30, [(5, 9)]), (5, []), (300, [])],
    ids=["its last gap is another", "it comes with every fifth backup", "it came once"],
)
def test_what_comes_irregularly_often_or_once_is_no_job(every, late):
    device, _ = with_job(every, late=late)
    model = model_at(device, 200 if late else 400)
    assert np.isnan(model["job_gap_hours"][0])
    assert np.isnan(model["job_due_from"][0]) and np.isnan(model["job_due_until"][0])
    assert not model["job_levels"].any()


def scores(device, place, model, attack=None, days=0.0):
    """What the job's backup scores: as it is, with an attack on top, or days later."""
    present = rows(device, slice(place, place + 1))
    present = attacked(present, attack) if attack else present
    present["ended_at"] = present["ended_at"] + days * DAY
    walk = walk_forward(device, np.zeros(len(device["ended_at"]), int), SHIPPED)
    walk = type(walk)(model, np.array([place]), np.array([0]))
    return score_walk(present, walk, SHIPPED)["anomaly_score"][0]


def test_the_same_on_another_day_is_as_unusual_as_ever():
    # Of a job that has varied, so that all of it is not usual for the device anyway.
    device, at = with_job(91, scatter=0.3)
    device = as_printed(device, PRODUCT["AWS Backup"])
    model = model_at(device, at[2] + 10)
    without = {**model, "job_gap_hours": np.full(1, np.nan)}
    on_time, off_time = scores(device, at[3], model), scores(device, at[3], model, days=40)
    assert off_time == scores(device, at[3], without)
    assert on_time < off_time


@pytest.mark.parametrize("attack", ["inplace_0.5", "rename_0.1", "delete_0.5", "add_0.5"])
def test_an_attack_on_the_day_of_the_job_alerts(attack):
    device, at = with_job(30)
    assert scores(device, at[6], model_at(device, at[6]), attack) >= 0


@pytest.mark.parametrize("product", ["git; borg with diff", "restic 0.17", "AWS Backup"])
def test_what_goes_again_with_the_next_backup_is_of_the_same_occasion(product):
    device, come = with_guest(30)
    device = as_printed(device, PRODUCT[product])
    place = come[come < 200][-1] + 1
    model = model_at(device, place)  # the backup with which it came is held already
    without = {**model, "job_gap_hours": np.full(1, np.nan)}
    assert scores(device, place, model) < scores(device, place, without)
    assert scores(device, place, model, days=10) == scores(device, place, without, days=10)
    before = model_at(device, place - 1)  # it came a moment ago and is not held yet, as while it is under suspicion
    assert scores(device, place, before) < scores(device, place, {**before, "job_gap_hours": np.full(1, np.nan)})


def test_one_occasion_may_be_missed():
    device, at = with_job(91, 700, scatter=0.3, seed=1)
    device = as_printed(device, PRODUCT["AWS Backup"])
    model = model_at(device, at[2] + 10)
    base = scores(device, at[3], {**model, "job_gap_hours": np.full(1, np.nan)})
    assert scores(device, at[3], model, days=91) < base
    assert scores(device, at[3], model, days=2 * 91) == base


def test_a_backup_whose_end_is_not_told_is_taken_for_none_of_a_job():
    device, at = with_job(91, scatter=0.3)
    device = as_printed(device, PRODUCT["AWS Backup"])
    model = model_at(device, at[2] + 10)
    untold = {name: device[name][at[3] : at[3] + 1] for name in FIGURES}
    without = {**model, "job_gap_hours": np.full(1, np.nan)}
    assert score_backups(untold, model, SHIPPED)["anomaly_score"][0] == scores(device, at[3], without)
