"""Names of model versions, and from which day backups are judged."""

from datetime import date, timedelta

import pytest

from jobs.versions import judge_from, judging, learned_until, learning_steps, model_version, newest


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


@pytest.mark.parametrize(
    ("history", "until", "steps"),
    [
        (400, 399, [399]),  # every day
        (90, 60, [60]),  # a first load of three months
        (40, 10, [10, 20, 40]),  # ten days would else judge thirty
        (33, 3, [3, 7, 14, 28]),
        (20, 0, [0]),  # nothing is old enough to teach
        (20, -3, [-3]),
    ],
)
def test_a_version_judges_no_further_ahead_than_it_looked_back(history, until, steps):
    days = {at: date(2026, 1, 1) + timedelta(days=at) for at in range(-3, 401)}
    assert learning_steps(days[0], days[until], days[history]) == [days[step] for step in steps]


@pytest.mark.parametrize(
    ("day", "version"),
    [
        (date(2026, 3, 31), "1-20260320"),
        (date(2026, 3, 20), "1-20260320"),  # learned until the start of that day
        (date(2026, 3, 19), "1-20260310"),
        (date(2026, 3, 1), "1-20260310"),  # so late that all versions held learned later days
    ],
)
def test_a_backup_is_judged_by_the_newest_version_that_learned_before_its_day(day, version):
    assert judging(["1-20260310", "2-20260301", "1-20260320"], "1", day) == version


def test_before_anything_was_learned_no_version_judges():
    assert judging(["2-20260301"], "1", date(2026, 3, 31)) is None
