"""Numbers, rarities, moments and untrusted text in words."""

from datetime import UTC, datetime, timedelta, timezone

import pytest

from jobs.model.signals import SIGNALS
from jobs.report.words import (
    KIND_WORDS,
    SIGNAL_WORDS,
    budget_in_words,
    how_unusual,
    iso_utc,
    one_backup_in,
    visible,
    when_in_short,
    when_in_words,
)
from jobs.score.words import PHRASES, reason
from jobs.tables import KINDS
from jobs.words import bytes_in_words, count_in_words, quantity_in_words, range_in_words, share_in_words

NAN = float("nan")


@pytest.mark.parametrize(
    ("size", "words"),
    [
        (0, "0 B"),
        (1, "1 B"),
        (999, "999 B"),
        (999.6, "1 kB"),
        (1_000, "1 kB"),
        (1_234, "1.2 kB"),
        (9_960, "10 kB"),
        (340_000_000, "340 MB"),
        (999_999_999, "1 GB"),
        (5e12, "5 TB"),
        (3e21, "3,000 EB"),
    ],
)
def test_bytes_are_decimal_and_no_unit_reaches_a_thousand(size, words):
    assert bytes_in_words(size) == words


@pytest.mark.parametrize("says", [count_in_words, bytes_in_words, share_in_words, how_unusual])
@pytest.mark.parametrize("value", [None, NAN, float("inf")])
def test_unknown_is_said_and_never_zero(says, value):
    assert says(value) == "unknown"


def test_a_quantity_names_its_unit_and_one_file_is_singular():
    assert quantity_in_words(1.0, "files") == "1 file"
    assert quantity_in_words(9_000, "files") == "9,000 files"
    assert quantity_in_words(1_200_000_000, "bytes") == "1.2 GB"
    assert quantity_in_words(7.31, "deviations") == "7.3 deviations"
    assert quantity_in_words(None, "files") == "unknown"


def test_a_range_says_none_one_value_or_both_ends():
    assert range_in_words(0, 0.3, "files") == "none"
    assert range_in_words(2.0, 2.2, "files") == "2"
    assert range_in_words(0, 3, "files") == "0 to 3"
    assert range_in_words(0, 3e6, "bytes") == "up to 3 MB"
    assert range_in_words(1_800, 1.9e6, "bytes") == "1.8 kB to 1.9 MB"
    assert range_in_words(0.5, 1.25, "deviations") == "0.5 to 1.2"
    assert range_in_words(None, 3, "files") == "unknown"


def test_a_small_share_is_not_said_to_be_zero():
    assert share_in_words(0.45) == "45 %"
    assert share_in_words(0.001) == "less than 1 %"
    assert share_in_words(0) == "0 %"


@pytest.mark.parametrize(
    ("score", "words"),
    [
        (1.6, "about once in 40 device-years"),
        (0.0, "about once a device-year"),
        (0.001, "about once a device-year"),
        (0.1, "about once in 1.3 device-years"),
        (3.14, "about once in 1,400 device-years"),
        (6.0, "about once in 1,000,000 device-years"),
        (6.1, "rarer than once in a million device-years"),
        (300.0, "rarer than once in a million device-years"),
        (-0.6, "about 4 times a device-year"),
    ],
)
def test_a_score_is_said_as_device_years_between_false_alerts(score, words):
    assert how_unusual(score) == words


def test_evidence_is_said_as_backups_and_not_beyond_what_the_model_counts():
    assert one_backup_in(3.1) == "1 in 1,300"
    assert one_backup_in(6.0) == "under 1 in a million"


def test_a_budget_below_one_is_said_in_years():
    assert budget_in_words(1.0) == "1 false alert per device-year"
    assert budget_in_words(4.0) == "4 false alerts per device-year"
    assert budget_in_words(0.1) == "1 false alert in 10 device-years"


def test_every_kind_and_every_signal_has_words():
    assert set(KIND_WORDS) == set(KINDS)
    assert set(SIGNAL_WORDS) == set(PHRASES) == set(SIGNALS)


def test_moments_are_said_in_utc_whatever_their_zone():
    moment = datetime(2026, 3, 12, 1, 14, tzinfo=timezone(timedelta(hours=-5)))
    assert when_in_words(moment) == "Thu 12 Mar 2026, 06:14 UTC"
    assert when_in_short(moment) == "2026-03-12 06:14"
    assert iso_utc(moment) == "2026-03-12T06:14:00Z"
    assert iso_utc(datetime(2026, 3, 12, 6, 14, 0, 5, tzinfo=UTC)) == "2026-03-12T06:14:00.000005Z"


@pytest.mark.parametrize("says", [when_in_words, when_in_short, iso_utc])
def test_a_moment_without_zone_is_refused_not_guessed(says):
    with pytest.raises(ValueError, match="no time zone"):
        says(datetime(2026, 3, 12))  # noqa: DTZ001  the fault under test


@pytest.mark.parametrize(
    ("text", "seen"),
    [
        ("plain name", "plain name"),
        ("größe 文書 🗂", "größe 文書 🗂"),
        ("a\nb\r\tc", "a␊b␍␉c"),
        ("nul\x00esc\x1b[31m", "nul␀esc␛[31m"),
        ("del\x7f", "del␡"),
        ("c1\x9b31m", "c1\\u009b31m"),
        ("\u202egnp.exe", "\\u202egnp.exe"),
        ("\u2066a\u2069\u200b\u200f", "\\u2066a\\u2069\\u200b\\u200f"),
        ("a\u2028b\u2029", "a\\u2028b\\u2029"),
        ("\ud800", "\\ud800"),
        ("\U000e0041", "\\U000e0041"),
    ],
)
def test_characters_that_hide_or_move_others_are_made_visible(text, seen):
    assert visible(text) == seen


def anomaly(**stated):
    row = {"anomaly_kind": "delete", "signal": "deleted", "value": 9_000.0, "unit": "files"}
    return row | {"usual_low": 0.0, "usual_high": 3.0, "share": 0.45} | stated


def test_a_reason_says_what_how_much_what_is_usual_and_how_much_of_the_device():
    assert reason(anomaly()) == "9,000 files deleted, usually 0 to 3 a backup; 45 % of the device's files."


def test_a_reason_in_bytes_says_so():
    row = anomaly(signal="excess_bytes", value=1.2e9, unit="bytes", usual_high=3e6, share=0.4)
    what = "1.2 GB uploaded that did not compress as this device's files do"
    assert reason(row) == f"{what}, usually up to 3 MB; 40 % of the device's bytes."


def test_a_reason_in_deviations_has_no_share():
    row = anomaly(signal="ratio_high", value=9.4, unit="deviations", usual_high=1.3, share=NAN)
    assert reason(row) == "The upload compressed worse than expected by 9.4 deviations, usually up to 1.3."


def test_a_reason_leaves_out_what_is_unknown():
    assert reason(anomaly(usual_low=NAN, usual_high=None, share=None)) == "9,000 files deleted."
    assert reason(anomaly(usual_high=0.2)) == "9,000 files deleted, usually none; 45 % of the device's files."


@pytest.mark.parametrize("signal", sorted(PHRASES))
def test_every_signal_gives_one_sentence_with_its_value(signal):
    sentence = reason(anomaly(signal=signal))
    assert "9,000 files" in sentence
    assert "{" not in sentence
    assert sentence.endswith(".")
    assert sentence[0].isupper() or sentence[0].isdigit()


def test_a_reason_says_over_how_many_backups_evidence_added_up():
    assert reason(anomaly(backups_together=5)).endswith("; 5 backups that are a little unusual in this way add up.")
    assert "add up" not in reason(anomaly(backups_together=None))


def test_a_signal_without_words_is_still_named():
    assert reason(anomaly(signal="brightness")).startswith("brightness at 9,000 files, usually")
    assert reason(anomaly(signal=None)) == "Unusual as a whole (delete); no single figure says why."
