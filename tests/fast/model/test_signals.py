import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from jobs.model.signals import FIGURES, KIND_OF_SIGNAL, LAYOUT, SIGNALS, UNIT_OF_SIGNAL, signals_of
from jobs.model.stand_ins import completed
from jobs.tables import FEATURES, KINDS
from tests.fast.model.made_up import some_backups

# What each signal needs: it is unknown where nothing of a group is known. A group of several holds stand-ins.
NEEDED = {
    "excess_bytes": {"files_updated", "bytes_uploaded", "bytes_compressed"},
    "excess_files": {"files_updated", "bytes_uploaded", "bytes_compressed"},
    "dense_bytes": {"files_updated", "bytes_uploaded", "bytes_compressed"},
    "rewritten_excess": {"bytes_rewritten"},  # and what the store or the upload says of density
    "ratio_high": {"files_updated", "bytes_uploaded", "bytes_compressed"},
    "ratio_low": {"files_updated", "bytes_uploaded", "bytes_compressed"},
    "updated": {"files_updated"},
    "updated_net": {"files_added", "files_updated", "files_deleted"},
    "replaced": {"files_added", "files_deleted"},
    "replaced_new_ext": {"files_added", "files_deleted", "files_new_extension"},
    "new_ext": {"files_new_extension"},
    "deleted_net": {"files_added", "files_deleted"},
    "deleted": {"files_deleted"},
    "deleted_alone": {"files_added", "files_updated", "files_deleted"},
    "added_net": {"files_added", "files_deleted"},
    "added": {"files_added"},
    "added_alone": {"files_added", "files_updated", "files_deleted"},
    "uploaded_bytes": {"bytes_uploaded"},
    "grown": {"bytes_grown"},
    "stored_excess": {"stored_excess"},
    "stored_deficit": {"stored_excess"},
    "rewritten": {"bytes_rewritten"},
    "lost": {"bytes_lost"},
    "gained": {"bytes_gained"},
}
STATED = sorted(set().union(*NEEDED.values()))


def is_unknown(name, missing):
    tells_nothing = "stored_excess" in missing and NEEDED["excess_bytes"] & missing
    return bool(NEEDED[name] & missing) or (name == "rewritten_excess" and bool(tells_nothing))


def one(expected=0.5, spread=0.1, stored=np.nan, **figures):
    """Signals of one backup by name; what is not given is 0."""
    backups = {name: np.array([float(figures.get(name, 0))]) for name in FIGURES}
    found = signals_of(completed(backups), np.array([expected]), np.array([spread]), np.array([stored]))
    return dict(zip(SIGNALS, found[0].tolist(), strict=True))


def test_there_are_twenty_four_signals_each_with_a_unit_and_a_known_kind():
    assert len(SIGNALS) == 24
    assert LAYOUT.startswith("24x12/")
    assert set(UNIT_OF_SIGNAL) == set(KIND_OF_SIGNAL) == set(SIGNALS)
    assert set(UNIT_OF_SIGNAL.values()) == {"files", "bytes", "deviations"}
    assert set(KIND_OF_SIGNAL.values()) == set(KINDS)


def test_figures_are_columns_of_features():
    assert set(FIGURES) <= set(FEATURES.names)


def test_counts_that_come_in_pairs_are_replacements_and_no_net_change():
    found = one(files_added=10, files_deleted=12, files_moved=3, files_new_extension=4)
    assert (found["replaced"], found["replaced_new_ext"]) == (7, 4)
    assert (found["deleted_net"], found["added_net"], found["deleted"], found["added"]) == (2, 0, 12, 10)


def test_deletes_beside_updates_are_not_alone():
    assert one(files_deleted=9, files_updated=9)["deleted_alone"] == 0
    assert one(files_deleted=9)["deleted_alone"] == 9
    assert one(files_updated=9, files_deleted=4)["updated_net"] == 5


def test_excess_is_what_did_not_compress_as_expected():
    found = one(files_updated=4, bytes_uploaded=1_000, bytes_unique=1_000, bytes_compressed=900)
    assert found["excess_bytes"] == 400
    assert found["excess_files"] == pytest.approx(4 * 400 / 500)
    assert found["ratio_high"] == pytest.approx(0.4 / np.sqrt(0.04**2 + 0.1**2 / 4))
    assert found["ratio_low"] == 0


HELD = {"files_before": 100, "bytes_before": 10_000, "bytes_total_compressed_before": 5_000}


def test_excess_in_added_files_is_not_excess_of_rewritten_ones():
    upload = {"bytes_uploaded": 1_000, "bytes_unique": 1_000, "bytes_compressed": 1_000}
    added = one(**HELD, **upload, files_added=4, bytes_total=11_000, bytes_total_compressed=6_000)
    updated = one(**HELD, **upload, files_updated=4, bytes_total=10_000, bytes_total_compressed=5_500)
    assert (added["stored_excess"], added["rewritten_excess"]) == (500, 0)
    assert (updated["stored_excess"], updated["rewritten_excess"]) == (500, 500)


def test_where_the_store_is_unknown_the_upload_says_what_was_rewritten_densely():
    upload = {"bytes_uploaded": 1_000, "bytes_unique": 1_000, "bytes_compressed": 900, "bytes_total": 10_000}
    found = one(**HELD, **upload, files_updated=4, bytes_total_compressed=np.nan)
    assert (found["excess_bytes"], found["rewritten_excess"]) == (400, 400)


def test_an_upload_that_grew_by_compression_is_at_most_all_of_its_files():
    found = one(files_updated=4, bytes_uploaded=1_000, bytes_unique=9_000, bytes_compressed=1_300)
    assert found["excess_files"] == 4


def test_known_content_is_no_excess_however_dense_it_is():
    found = one(files_added=4, bytes_uploaded=1_000, bytes_unique=30, bytes_compressed=1_000)
    assert found["excess_bytes"] == 30


def test_a_missing_bytes_unique_counts_all_of_the_upload():
    found = one(files_added=4, bytes_uploaded=1_000, bytes_unique=np.nan, bytes_compressed=1_000)
    assert found["excess_bytes"] == 500


def test_dense_bytes_are_beyond_what_the_device_already_holds():
    upload = {"files_updated": 1, "bytes_uploaded": 1_000, "bytes_unique": 1_000, "bytes_compressed": 1_000}
    assert one(**upload, bytes_before=100, bytes_total_compressed_before=90)["dense_bytes"] == pytest.approx(100)
    assert one(**upload, stored=0.8)["dense_bytes"] == pytest.approx(200)
    assert np.isnan(one(**upload)["dense_bytes"])


def test_a_wipe_compresses_better_than_expected():
    found = one(files_updated=4, bytes_uploaded=1_000, bytes_unique=1_000, bytes_compressed=5)
    assert found["ratio_low"] > 5
    assert found["ratio_high"] == found["excess_bytes"] == 0


def test_nothing_uploaded_is_no_compression_signal():
    assert all(value == 0 for name, value in one(files_deleted=0).items() if "bytes_compressed" in NEEDED[name])


def test_a_store_that_grows_more_than_its_files_holds_what_does_not_compress():
    held = {"bytes_before": 1_000, "bytes_total": 1_100, "bytes_total_compressed_before": 400}
    assert one(**held, bytes_total_compressed=500)["stored_excess"] == pytest.approx(60)
    assert one(**held, bytes_total_compressed=440)["stored_excess"] == pytest.approx(0)
    assert one(**held, bytes_total_compressed=400)["stored_deficit"] == pytest.approx(40)


def test_bytes_written_over_others_are_those_by_which_the_device_did_not_grow():
    found = one(bytes_uploaded=500, bytes_before=1_000, bytes_total=1_200)
    assert (found["gained"], found["lost"], found["rewritten"]) == (200, 0, 300)
    assert one(bytes_before=1_000, bytes_total=400)["lost"] == 600


@given(seed=st.integers(0, 2**32 - 1), missing=st.sets(st.sampled_from(STATED)))
def test_a_signal_is_unknown_exactly_where_a_figure_that_it_needs_is(seed, missing):
    figures = completed(some_backups(np.random.default_rng(seed), 20))
    figures.update({name: np.full(20, np.nan) for name in missing})
    figures["files_uploaded"] = np.nan_to_num(figures["files_added"]) + figures["files_updated"]
    found = signals_of(figures, np.full(20, 0.5), np.full(20, 0.1), np.full(20, 0.5))
    for name, signal in zip(SIGNALS, found.T, strict=True):
        assert np.isnan(signal).all() == is_unknown(name, missing), name
        assert np.isnan(signal).any() == np.isnan(signal).all(), name


@given(seed=st.integers(0, 2**32 - 1))
def test_signals_are_never_below_zero(seed):
    backups = completed(some_backups(np.random.default_rng(seed), 50, largest=1e12))
    assert (signals_of(backups, np.full(50, 0.5), np.full(50, 0.1), np.full(50, 0.5)) >= 0).all()
