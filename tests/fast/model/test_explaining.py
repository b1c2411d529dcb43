"""What an anomaly says: the signal, how much of it, what is usual, and of how much."""

import numpy as np
import pytest

from jobs.model.attacks import attacked
from jobs.model.explaining import explain
from jobs.model.signals import SIGNALS
from jobs.train.products import PRODUCTS, as_printed
from tests.fast.model.made_up import SHIPPED, model_of, past_and_present


def test_of_a_day_on_which_nothing_changed_nothing_is_said():
    past, present = past_and_present(touched=0)
    said = explain(present, model_of(past, 60), SHIPPED)
    assert set(said["signal"]) == {-1}
    assert all(np.isnan(said[name]).all() for name in ("value", "usual_low", "usual_high", "share"))


def test_an_anomaly_says_how_much_what_is_usual_and_of_how_much():
    past, present = past_and_present(files=2_000, touched=0.02, noise=0.1)
    said = explain(attacked(present, "delete_0.5"), model_of(past, 60), SHIPPED)
    assert {SIGNALS[signal] for signal in said["signal"]} <= {"deleted", "deleted_net", "deleted_alone"}
    alone = np.array([SIGNALS[signal] for signal in said["signal"]]) == "deleted"
    np.testing.assert_array_equal(said["value"][alone], 1_000)
    np.testing.assert_array_equal(said["share"][alone], 0.5)
    assert (said["usual_low"] == 0).all()
    assert (said["usual_high"] <= 2).all()


@pytest.mark.parametrize("product", PRODUCTS, ids=lambda product: product.name)
def test_that_all_files_are_gone_is_told_in_files_wherever_they_are_counted(product):
    past, present = past_and_present()
    history, gone = as_printed(past, product), as_printed(attacked(present, "delete_1"), product, present)
    said = explain(gone, model_of(history, 60), SHIPPED)
    counted = np.isfinite(gone["files_deleted"]).all() or np.isfinite(gone["files_total"]).all()
    assert ({SIGNALS[signal] for signal in said["signal"]} <= {"deleted", "deleted_net", "deleted_alone"}) == counted


@pytest.mark.parametrize(("attack", "share"), [("drop_0.5", 0.5), ("truncate_0.5", 0.5), ("truncate_1", 1)])
@pytest.mark.parametrize("files", [50, 200_000])
def test_what_is_gone_is_told_in_bytes_where_they_are_many_and_the_files_few(attack, share, files):
    past, present = past_and_present(files=files)
    said = explain(attacked(present, attack), model_of(past, 60), SHIPPED)
    assert {SIGNALS[signal] for signal in said["signal"]} == {"lost"}
    np.testing.assert_allclose(said["share"], share, atol=0.02)


def test_the_usual_range_holds_nine_in_ten_of_a_devices_own_days():
    past, present = past_and_present(files=2_000, touched=0.05, noise=0.3)
    said = explain(attacked(present, "reformat_1"), model_of(past, 60), SHIPPED)
    names = ("updated", "updated_net")  # the same on this device
    updated = np.isin(said["signal"], [SIGNALS.index(name) for name in names])
    assert updated.any()
    low, high = said["usual_low"][updated][0], said["usual_high"][updated][0]
    inside = (past["files_updated"] >= low) & (past["files_updated"] <= high)
    assert 0.85 < inside.mean() < 0.97
    assert low == np.round(low)


def test_a_share_is_never_above_one_and_unknown_without_a_total():
    past, present = past_and_present()
    unknown = {
        **attacked(present, "rename_1"),
        "files_before": np.full(60, np.nan),
        "bytes_before": np.full(60, np.nan),
    }
    assert np.isnan(explain(unknown, model_of(past, 60), SHIPPED)["share"]).all()
    tiny = {**attacked(present, "delete_1"), "files_before": np.ones(60)}
    assert (explain(tiny, model_of(past, 60), SHIPPED)["share"] == 1).all()
