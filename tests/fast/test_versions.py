"""Names of model versions, and from which day backups are judged."""

from datetime import date

import pytest

from jobs.versions import judge_from, learned_until, model_version, newest


def test_a_version_names_the_fleet_model_and_the_day_up_to_which_was_learned():
    assert model_version("14", date(2026, 3, 1)) == "14-20260301"
    assert learned_until("14-20260301") == date(2026, 3, 1)


def test_a_version_without_any_device_model_names_no_day_and_never_reads_as_one():
    assert model_version("14", None) == "14-00000000"
    with pytest.raises(ValueError, match="00000000"):
        learned_until("14-00000000")


def test_the_newest_version_is_that_which_learned_longest_from_the_same_fleet_model():
    held = ["1-20260301", "2-20260101", "1-20251231", "12-20270101", "2-20260102"]
    assert newest(held, "2") == "2-20260102"
    assert newest(held, "1") == "1-20260301"
    assert newest(held, "3") is None
    assert newest([], "1") is None


def test_a_fleet_version_may_hold_dashes():
    assert newest(["a-b-20260301", "a-20260401"], "a-b") == "a-b-20260301"


@pytest.mark.parametrize(
    ("version", "first_judged"),
    [
        (None, date(2026, 3, 1)),  # first load: the last month of what is there
        ("1-20260329", date(2026, 3, 1)),  # late backups of that month are judged too
        ("1-20260115", date(2026, 1, 15)),  # nothing ran for months: nothing is left out
    ],
)
def test_what_is_judged_begins_a_month_back_or_where_learning_ended(version, first_judged):
    assert judge_from(version, date(2026, 3, 31), first_days=30) == first_judged
