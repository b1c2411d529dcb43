import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from jobs.model.devices import HISTORY, fit_devices, untaught
from tests.fast.model.made_up import DAY, SHIPPED, rows, some_backups, steady_device, together

lengths = st.lists(st.integers(1, 60), min_size=1, max_size=6)


def histories(seed, sizes):
    random = np.random.default_rng(seed)
    return [some_backups(random, size) for size in sizes]


def fitted(*devices):
    return fit_devices(*together(*devices), SHIPPED)


@given(seed=st.integers(0, 2**32 - 1), sizes=lengths)
@settings(max_examples=30)
def test_other_devices_change_nothing_for_a_device(seed, sizes):
    devices = histories(seed, sizes)
    among_others = fitted(*devices)
    for place, own in enumerate(devices):
        for name, column in fitted(own).items():
            np.testing.assert_array_equal(column[0], among_others[name][place], name)


@given(seed=st.integers(0, 2**32 - 1), sizes=lengths)
@settings(max_examples=20)
def test_the_order_of_devices_is_irrelevant(seed, sizes):
    devices = histories(seed, sizes)
    forward, backward = fitted(*devices), fitted(*reversed(devices))
    for name, column in forward.items():
        np.testing.assert_array_equal(column, backward[name][::-1], name)


def test_many_devices_are_fitted_as_each_alone_is():
    devices = [steady_device(backups=150, seed=seed) for seed in range(250)]  # more rows than are worked on at a time
    all_fitted = fitted(*devices)
    for place in (0, 108, 109, 110, 249):
        np.testing.assert_array_equal(all_fitted["bins"][place], fitted(devices[place])["bins"][0])


def test_only_the_newest_365_backups_teach():
    long = steady_device(backups=500)
    whole, newest = fitted(long), fitted(rows(long, slice(-HISTORY, None)))
    assert whole["backups"][0] == HISTORY
    for name, column in whole.items():
        np.testing.assert_array_equal(column, newest[name], name)


def test_a_newer_backup_weighs_more_than_an_older_one():
    history = steady_device(backups=50, touched=0)
    history["files_deleted"][0], history["files_deleted"][-1] = 10, 1_000
    deleted = fitted(history)["bins"].reshape(24, 12)[12]
    assert deleted[11] == pytest.approx(1)
    assert deleted[1:11].max() == pytest.approx(0.992**49, rel=1e-5)


def test_an_unknown_figure_adds_to_no_bin():
    history = steady_device(backups=50)
    history["files_deleted"][:20] = np.nan
    history["files_total"][:20] = np.nan  # which would tell how many went at least
    bins = fitted(history)["bins"].reshape(24, 12)
    assert bins[12].sum() == pytest.approx(sum(0.992**age for age in range(30)), rel=1e-5)
    assert bins[6].sum() == pytest.approx(sum(0.992**age for age in range(50)), rel=1e-5)


def test_what_is_never_known_leaves_finite_numbers():
    history = {name: np.full(5, np.nan) for name in steady_device(backups=1)} | {"ended_at": 1.7e9 + DAY * np.arange(5)}
    model = fitted(history)
    assert np.isnan(model["stored_density"][0])
    assert not model["top"].any()
    assert not model["bins"].any()
    assert (model["ratio_offset"][0], model["ratio_spread"][0]) == (0, 0.2)


def test_the_schedule_is_read_from_the_gaps_and_leans_on_the_fleet_while_young():
    daily = fitted(steady_device(backups=365))
    assert daily["usual_gap_hours"][0] == 24
    assert daily["backups_per_year"][0] == pytest.approx((364 + 4) / (364 / 365.25 + 4 / 80))
    assert daily["first_taught_at"][0] == 1.7e9
    assert daily["last_taught_at"][0] == 1.7e9 + 364 * DAY
    single = fitted(steady_device(backups=1))
    assert np.isnan(single["usual_gap_hours"][0])
    assert single["backups_per_year"][0] == 80


def test_counts_up_to_a_million_million_are_kept():
    history = {
        name: np.where(name.startswith(("files", "bytes")), column + 1e12, column)
        for name, column in steady_device().items()
    }
    model = fitted(history)
    assert np.isfinite(model["top"]).all()
    assert np.isfinite(model["bins"]).all()
    assert model["top"][0, 6] == pytest.approx(np.log(1e12), rel=1e-3)


def test_no_backups_give_no_models_with_the_same_columns():
    empty = {name: np.zeros(0) for name in steady_device(backups=1)}
    model = fit_devices(empty, np.zeros(0, int), SHIPPED)
    assert {name: column.shape for name, column in model.items()} == {
        name: column.shape for name, column in untaught(0).items()
    }
