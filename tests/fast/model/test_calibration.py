import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from jobs.model.calibration import along, anomaly_score, backups_per_year, on_schedule
from jobs.train.calibrations import fit_reach
from tests.fast.model.made_up import SHIPPED

CALIBRATIONS = SHIPPED.sets["stored"].calibrations


def scored(raw, *, schedule=100.0, history=60.0):
    raw = np.array(raw, float)
    n = len(raw)
    return anomaly_score(raw, np.full(n, schedule), np.full(n, history), CALIBRATIONS)


@given(
    pair=st.tuples(st.floats(-1, 6), st.floats(-1, 6)),
    schedule=st.floats(1, 10_000),
    history=st.floats(0, 125),
)
def test_a_higher_raw_score_is_always_a_higher_score(pair, schedule, history):
    low, high = min(pair), max(pair)
    less, more = scored([low, high], schedule=schedule, history=history)
    assert more > less if high > low + 1e-9 else more >= less


def test_a_score_between_two_histories_lies_between_theirs():
    known = [calibration.history for calibration in CALIBRATIONS]
    ends = [scored([2.5], history=history)[0] for history in known]
    between = scored([2.5], history=(known[1] + known[2]) / 2)[0]
    assert min(ends[1:3]) <= between <= max(ends[1:3])
    assert scored([2.5], history=1_000)[0] == ends[-1]


def test_a_busy_device_needs_a_rarer_backup_to_score_the_same_but_not_in_step():
    raw = np.array([3.0, 3.0])
    weekly, hourly = on_schedule(raw, np.array([52.0, 8_766.0]), 0.3)
    assert 0 < weekly - hourly < np.log10(8_766 / 52)


def test_what_is_common_grows_more_in_step_with_the_backups_than_what_is_rare():
    schedules = 80 * np.array([0.01, 0.1, 1, 4])
    common, rare = on_schedule(np.array([[1.0], [3.0]]), schedules, 0.3)
    assert common - common[2] == pytest.approx([0.6, 0.45, 0, -0.416], abs=0.001)
    assert rare - rare[2] == pytest.approx([0.6, 0.3, 0, -0.181], abs=0.001)


@pytest.mark.parametrize("power", [0.3, 0.8])
def test_beyond_a_backup_a_night_it_grows_nearly_in_step_however_long_a_device_is_known(power):
    nightly, more = on_schedule(np.array([4.0, 4.0]), np.array([365.0, 3_650.0]), power)
    assert nightly - more == pytest.approx(0.8)


def test_a_curve_goes_straight_on_at_both_ends():
    curve = np.array([[0.0, 1.0, 3.0], [0.0, 2.0, 3.0]])
    assert along(np.array([-1, 0, 0.5, 1, 2, 3, 5]), curve).tolist() == [-2, 0, 1, 2, 2.5, 3, 4]


def test_a_schedule_leans_on_the_fleet_and_then_on_itself():
    assert backups_per_year(np.array([0, 1, 365]), np.array([0, 0, 364]))[:2].tolist() == [80, 80]
    assert backups_per_year(np.array([365]), np.array([364.0]))[0] == pytest.approx(351, abs=1)


@given(seed=st.integers(0, 2**32 - 1), n=st.integers(30, 400))
def test_a_calibration_curve_rises_and_says_the_share_that_reaches_a_value(seed, n):
    random = np.random.default_rng(seed)
    values = np.round(random.exponential(1, n), 1)
    weights = random.choice([1.0, 5.0], n)
    curve = fit_reach(values, weights, weights.sum(), 0.1)
    assert (np.diff(curve) > 0).all()
    places = curve[0][:-1]  # the last one is beyond the data
    for place, height in zip(places, curve[1], strict=False):
        share = weights[values >= place - 1e-9].sum() / weights.sum()
        assert 10**-height <= share + 1e-9  # never more than reach it: a flat piece is made to rise


def test_a_calibration_fitted_on_a_budget_keeps_it():
    random = np.random.default_rng(3)
    values, years = random.exponential(1, 20_000), 200.0
    scores = along(values, fit_reach(values, np.ones(20_000), years, 0.1))
    assert (scores >= 0).sum() / years == pytest.approx(1, rel=0.1)
    assert (scores >= -np.log10(4)).sum() / years == pytest.approx(4, rel=0.1)
