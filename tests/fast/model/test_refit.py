"""A fleet's own model: its own where it has much to tell, the model that it began with where it has little."""

import numpy as np
import pytest

from jobs.model.calibration import along
from jobs.model.fleet import FleetModel, shipped
from jobs.model.walk_forward import judged_years, score_walk, walk_forward
from jobs.train.refit import blended, refit_fleet
from tests.fast.model.made_up import rows, steady_device, together

BACKUPS, DEVICE = together(
    *(
        steady_device(backups=300, files=files, touched=touched, noise=0.8, is_rotating=is_rotating, seed=seed)
        for seed, (files, touched, is_rotating) in enumerate(
            (files, touched, is_rotating)
            for files in (100, 2_000)
            for touched in (0.01, 0.1)
            for is_rotating in (False, True)
            for _ in range(3)
        )
    )
)
START = shipped()
OWN = refit_fleet(BACKUPS, DEVICE, START, "own", {"seed": 0})
STEP = 0.1


def alerts_a_year(fleet, budget):
    walk = walk_forward(BACKUPS, DEVICE, fleet)
    score = score_walk(rows(BACKUPS, walk.row), walk, fleet)["anomaly_score"]
    return (score >= -np.log10(budget)).sum() / judged_years(BACKUPS["ended_at"], DEVICE).sum()


def test_alerts_come_nearer_to_the_budget_from_both_sides():
    for budget in (10.0, 100.0):  # the start alerts 1.4 and 213 times a device-year
        before, after = (abs(np.log(alerts_a_year(fleet, budget) / budget)) for fleet in (START, OWN))
        assert after < 0.75 * before, (budget, before, after)


def test_what_an_attack_looks_like_stays_as_it_was_learned():
    for name, points in START.sets.items():
        assert OWN.sets[name].weights is points.weights and OWN.sets[name].intercepts is points.intercepts


def test_sets_that_the_fleet_does_not_show_stay_as_they_were():
    changed = {name for name, points in OWN.sets.items() if points is not START.sets[name]}
    assert changed == {"stored"}  # the made-up devices print everything


def test_a_fleet_whose_product_tells_no_compressed_bytes_keeps_the_curve():
    unknown = np.full(len(DEVICE), np.nan)
    hidden = {name: unknown for name in ("bytes_compressed", "bytes_total_compressed", "bytes_total_compressed_before")}
    own = refit_fleet({**BACKUPS, **hidden}, DEVICE, START, "own", {})
    np.testing.assert_array_equal(own.curve, START.curve)
    assert {name for name, points in own.sets.items() if points is not START.sets[name]} == {"counts"}


def test_a_fleets_own_model_can_be_stored_and_is_the_same_when_fitted_again():
    again = refit_fleet(BACKUPS, DEVICE, START, "own", {"seed": 0})
    assert again.to_json() == OWN.to_json()
    assert FleetModel.from_json(OWN.to_json()).fleet_name == "own"


def test_one_device_moves_the_prior_less_than_many():
    one = DEVICE == 0
    alone = refit_fleet({name: column[one] for name, column in BACKUPS.items()}, DEVICE[one], START, "one", {})
    moved = [np.abs(fleet.prior - START.prior).mean() for fleet in (alone, OWN)]
    assert 0 < moved[0] < moved[1] / 3


def test_two_curves_are_one_by_the_years_behind_them():
    own, start = np.array([[0.0, 1, 2, 3], [1.0, 2, 3, 4]]), np.array([[0.0, 1, 2, 3], [2.0, 3, 4, 5]])
    places = np.array([0.5, 1.5])
    for years, expected in ((0, 1e-2), (50, (1e-1 + 1e-2) / 2), (1e9, 1e-1)):
        found = 10 ** -along(places, blended(own, years, start, 50, STEP))
        assert found == pytest.approx(expected * 10**-places, rel=0.01)


def test_beyond_what_was_counted_a_curve_goes_on_as_the_start_does():
    own, start = np.array([[0.0, 1, 2], [1.0, 2, 2.1]]), np.array([[0.0, 9, 10], [1.0, 19, 21]])
    found = along(np.array([5.0]), blended(own, 1e9, start, 50, STEP))
    assert found == pytest.approx(2 + 2 * 4, abs=0.05)  # not the .1 a step that its own end would say


def test_a_blended_curve_rises_where_one_of_both_has_all_backups_already():
    own, start = np.array([[4.0, 5, 6], [0.0, 1, 2]]), np.array([[-12.0, 0, 6], [0.0, 1, 2]])
    places, heights = blended(own, 500, start, 50, STEP)
    assert (np.diff(heights) > 0).all() and heights[0] == pytest.approx(0, abs=0.01) and places[0] == -12


def test_the_model_that_was_begun_with_is_not_changed():
    assert START.to_json() == shipped().to_json()
