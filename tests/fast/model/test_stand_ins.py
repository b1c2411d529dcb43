import numpy as np
import pytest

from jobs.model.signals import FIGURES
from jobs.model.stand_ins import completed


def one(**known):
    """Figures of one backup with stand-ins; what is not given is unknown."""
    figures = completed({name: np.array([float(known.get(name, np.nan))]) for name in FIGURES})
    return {name: column[0] for name, column in figures.items()}


def test_what_is_printed_stays_as_it_is():
    known = {name: 10.0 + place for place, name in enumerate(FIGURES)}
    found = one(**known)
    assert {name: found[name] for name in FIGURES} == known


def test_totals_tell_how_many_files_came_or_went_at_least():
    more, fewer = one(files_before=100, files_total=130), one(files_before=100, files_total=60)
    assert (more["files_added"], more["files_deleted"]) == (30, 0)
    assert (fewer["files_added"], fewer["files_deleted"]) == (0, 40)
    assert np.isnan(one(files_total=130)["files_added"])


def test_what_deduplication_left_stands_in_for_what_was_uploaded():
    assert one(bytes_unique=500)["bytes_uploaded"] == 500
    assert one(bytes_unique=500, bytes_uploaded=800)["bytes_uploaded"] == 800
    assert one(bytes_uploaded=800)["bytes_unique"] == 800


def test_compressed_bytes_alone_are_taken_to_be_as_dense_as_what_is_stored():
    found = one(bytes_compressed=100, bytes_before=1_000, bytes_total_compressed_before=250)
    assert found["bytes_uploaded"] == pytest.approx(400)


def test_updated_files_follow_from_the_bytes_rewritten_and_are_never_more_than_there_were():
    held = {"files_before": 100, "bytes_before": 10_000, "bytes_total": 10_000}
    assert one(**held, bytes_uploaded=950)["files_updated"] == 10
    assert one(**held, bytes_uploaded=10**9)["files_updated"] == 100


def test_a_device_of_unknown_count_has_as_many_files_as_its_bytes_make_likely():
    assert one(files_before=70)["cohort"] == 70
    assert one(bytes_before=8e6)["cohort"] == 1_000
    assert np.isnan(one()["cohort"])


def test_nothing_known_is_nothing_made_up():
    assert {name for name, value in one().items() if not np.isnan(value)} == set()


def test_files_that_go_take_their_bytes_with_them_whatever_the_totals_say_or_leave_out():
    gone = {"files_before": 100, "files_added": 10, "files_deleted": 50, "bytes_before": 10_000}
    assert one(**gone)["bytes_lost"] == 4_000
    assert one(**gone, bytes_total=10_000)["bytes_lost"] == 2_000
    assert one(**gone, bytes_total=1_000)["bytes_lost"] == 9_000
    assert one(files_before=100, files_added=0, files_deleted=50)["bytes_lost"] == 50 * 8_000
    assert one(bytes_before=10_000, bytes_total=20_000)["bytes_lost"] == 0


def test_files_that_only_changed_owner_or_time_are_hardly_updated():
    held = {"files_before": 1_000, "bytes_before": 8e6, "bytes_total": 8e6}
    assert one(**held, files_updated=1_000, bytes_uploaded=2_000)["files_updated"] == 1
    assert one(**held, files_updated=1_000, bytes_unique=800_000)["files_updated"] == 200
    assert one(**held, files_updated=100, bytes_uploaded=800_000)["files_updated"] == 100
    assert one(files_updated=1_000)["files_updated"] == 1_000


def test_files_grew_by_what_was_gained_beyond_the_added_ones_and_at_most_by_what_was_rewritten():
    held = {"files_before": 100, "bytes_before": 10_000}
    assert one(**held, bytes_total=12_500, bytes_uploaded=7_500, files_added=0)["bytes_grown"] == 2_500
    assert one(**held, bytes_total=12_500, bytes_uploaded=7_500, files_added=10)["bytes_grown"] == 1_500
    assert one(**held, bytes_total=12_500, bytes_uploaded=2_500, files_added=1)["bytes_grown"] == 0
    assert one(**held, bytes_total=9_000, bytes_uploaded=7_500, files_added=0)["bytes_grown"] == 0
