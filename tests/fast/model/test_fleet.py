import json

import numpy as np
import pytest

from jobs.errors import UdaError
from jobs.model.fleet import FleetModel, shipped
from jobs.model.signals import SIGNALS
from tests.fast.model.made_up import SHIPPED

TEXT = SHIPPED.to_json()


def changed(change):
    fields = json.loads(TEXT)
    change(fields)
    return json.dumps(fields)


def stored(fields):
    return fields["sets"]["stored"]


def of_delete(fields):
    return stored(fields)["sub_kinds"]["delete"]


def test_the_shipped_model_survives_being_written_and_read():
    again = FleetModel.from_json(TEXT)
    assert again.to_json() == TEXT
    np.testing.assert_array_equal(again.prior, SHIPPED.prior)


def test_the_shipped_model_says_what_it_was_fitted_on():
    provenance = shipped().provenance
    assert {entry["name"] for entry in provenance["histories"]} == {
        "backup_history_devices_open.parquet",
        "backup_history_whole_open.parquet",
        "backup_history_devices_open2.parquet",
        "backup_history_whole_open2.parquet",
    }
    assert all(len(entry["sha256"]) == 64 and entry["backups"] > 0 for entry in provenance["histories"])


def test_the_file_is_readable_a_row_of_numbers_a_line():
    assert max(len(line) for line in TEXT.splitlines()) < 4_000
    assert len(TEXT.splitlines()) > 24 * 6


def test_the_shipped_prior_falls_with_the_value():
    assert (np.diff(SHIPPED.prior, axis=2) <= 1e-3).all()
    assert (SHIPPED.prior <= 0).all()


@pytest.mark.parametrize(
    ("change", "complaint"),
    [
        (lambda fields: fields.pop("curve"), "curve is missing"),
        (lambda fields: fields.update(layout="14x9/3"), "layout '14x9/3'"),
        (lambda fields: fields["curve"].pop(), "curve must be 24"),
        (lambda fields: fields["curve"].__setitem__(0, "high"), "curve is not a table of numbers"),
        (lambda fields: fields["curve"].__setitem__(0, float("nan")), "curve must be 24 finite numbers"),
        (lambda fields: fields["prior"].update(grid_step=0.5), "in steps of 0.25"),
        (lambda fields: fields["prior"]["log10_chance"].pop("deleted"), "prior.log10_chance.deleted is missing"),
        (lambda fields: fields["prior"]["log10_chance"]["deleted"].pop(), "prior.log10_chance.deleted must be 6 x 128"),
        (lambda fields: fields["surge"]["log10_chance"].pop("deleted"), "surge.log10_chance.deleted is missing"),
        (lambda fields: fields["surge"].update(history=[1]), "surge must be by history"),
        (lambda fields: fields["sets"].pop("counts"), "sets.counts is missing"),
        (lambda fields: stored(fields)["sub_kinds"].pop("delete"), "sets.stored.sub_kinds.delete is missing"),
        (lambda fields: of_delete(fields)["weights"].update({"evidence mood": [1]}), "not a column: evidence mood"),
        (lambda fields: of_delete(fields)["weights"].update({"count deleted": [-1]}), "must be at least 0"),
        (lambda fields: of_delete(fields)["weights"].update({"count deleted": [1, 2]}), "must be 1 finite numbers"),
        (lambda fields: of_delete(fields)["tail"][0].reverse(), "delete.tail must rise"),
        (lambda fields: of_delete(fields).update(budget=0), "budget must be above 0"),
        (lambda fields: stored(fields)["calibrations"][0]["alert_rate"][1].reverse(), r"\[0\].alert_rate must rise"),
        (lambda fields: stored(fields)["calibrations"][1].pop("sum_rate"), r"\[1\].sum_rate is missing"),
        (
            lambda fields: stored(fields)["calibrations"][1]["sum_rate"].update(add=[2, 0]),
            r"\[1\].sum_rate: every line",
        ),
        (lambda fields: stored(fields)["calibrations"][1].pop("history"), r"calibrations\[1\].history is missing"),
        (lambda fields: stored(fields)["calibrations"].reverse(), "in order of rising history"),
        (lambda fields: stored(fields).update(calibrations=[]), "calibrations must be a list of at least two"),
        (lambda fields: fields.update(provenance=3), "provenance must be an object"),
    ],
)
def test_a_damaged_model_is_refused_and_the_fault_is_named(change, complaint):
    with pytest.raises(UdaError, match=complaint):
        FleetModel.from_json(changed(change))


@pytest.mark.parametrize("text", ["", "{", "[]", "3"])
def test_what_is_no_model_at_all_is_refused(text):
    with pytest.raises(UdaError, match="fleet model"):
        FleetModel.from_json(text)


def test_every_signal_has_a_prior_of_its_own():
    assert list(json.loads(TEXT)["prior"]["log10_chance"]) == list(SIGNALS)
