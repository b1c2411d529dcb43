"""When a device is silent."""

from datetime import UTC, datetime, timedelta

import pytest

from jobs.silent import is_silent, silent_from

FRIDAY = datetime(2025, 3, 7, 2, tzinfo=UTC)


def device(gap, **said):
    return {
        "last_backup_at": FRIDAY,
        "usual_gap_hours": gap,
        "not_judged": None,
        "snoozed_from": None,
        "snoozed_until": None,
        **said,
    }


@pytest.mark.parametrize(
    ("gap", "days"), [(1.0, 3 + 2 / 24), (24.0, 5), (168.0, 17)], ids=["hourly", "daily", "weekly"]
)
def test_a_device_is_silent_once_two_usual_gaps_and_a_long_weekend_have_passed(gap, days):
    since = FRIDAY + timedelta(days=days)
    assert silent_from(FRIDAY, gap) == since
    assert is_silent(device(gap), since)
    assert not is_silent(device(gap), since - timedelta(seconds=1))


def test_a_device_that_is_backed_up_on_working_days_is_not_silent_on_a_tuesday_after_a_holiday():
    assert not is_silent(device(24.0), FRIDAY + timedelta(days=4))


def test_a_device_whose_usual_gap_is_unknown_is_never_silent():
    assert silent_from(FRIDAY, None) is None
    assert not is_silent(device(None), FRIDAY + timedelta(days=4_000))


@pytest.mark.parametrize("word", ["retired", "renamed"])
def test_a_device_that_is_gone_or_has_another_name_is_not_silent(word):
    assert not is_silent(device(24.0, not_judged=word), FRIDAY + timedelta(days=400))


def test_a_device_is_not_silent_while_it_is_snoozed():
    window = {"snoozed_from": FRIDAY + timedelta(days=6), "snoozed_until": FRIDAY + timedelta(days=8)}
    silent = [is_silent(device(24.0, **window), FRIDAY + timedelta(days=day)) for day in (5, 6, 7, 8)]
    assert silent == [True, False, False, True]
