"""What each product prints, imitated from full records."""

import numpy as np
import pytest

from jobs.model.attacks import attacked
from jobs.train.products import DELTA_BYTES, PRODUCTS, as_printed

(PRODUCT,) = [{product.name: product for product in PRODUCTS}]


def backups(n=2_000, **changes):
    """Days on which ten files of 10 kB were updated and none else touched, of a device of 1,000 such files."""
    figures = {
        **{"files_added": 0, "files_updated": 10, "files_deleted": 0, "files_moved": 0, "files_new_extension": 0},
        **{"files_before": 1_000, "files_total": 1_000, "dirs_total": 10, "bytes_before": 10_000_000},
        **{"bytes_total": 10_000_000, "bytes_total_compressed": 4_000_000, "bytes_total_compressed_before": 4_000_000},
        **{"bytes_uploaded": 100_000, "bytes_unique": 100_000, "bytes_compressed": 40_000},
    }
    figures |= changes
    return {name: np.full(n, float(value)) for name, value in figures.items()}


@pytest.mark.parametrize(("name", "sent"), [("duplicity", "bytes_uploaded"), ("rsync, network", "bytes_unique")])
def test_of_an_updated_file_what_differs_is_sent_and_of_an_added_one_all(name, sent):
    updated = as_printed(backups(), PRODUCT[name])[sent]
    assert np.median(updated) == pytest.approx(10 * DELTA_BYTES, rel=0.1)
    assert updated.max() <= 100_000
    added = as_printed(backups(files_added=10, files_updated=0), PRODUCT[name])[sent]
    assert (added == 100_000).all()
    small = as_printed(backups(bytes_uploaded=1_000, bytes_unique=1_000), PRODUCT[name])[sent]
    assert (small == 1_000).all()  # no more than the files hold


def test_what_is_encrypted_has_nothing_in_common_with_what_it_was_and_is_sent_whole():
    clean = {**backups(), "stored_density": np.full(2_000, 0.4)}
    printed = as_printed(attacked(clean, "inplace_0.1"), PRODUCT["duplicity"], clean)
    ordinary = as_printed(clean, PRODUCT["duplicity"])
    for name in ("bytes_uploaded", "bytes_compressed"):
        np.testing.assert_allclose(printed[name] - ordinary[name], 1_000_000)


@pytest.mark.parametrize("name", ["restic", "restic 0.17"])
def test_restic_knows_moves_from_new_files_beyond_its_new_blobs(name):
    moved = backups(2, files_added=100, files_deleted=100, files_moved=90)  # and ten blobs of the updated files
    assert as_printed(moved, PRODUCT[name])["files_moved"].tolist() == [80, 80]
    assert as_printed(backups(2, files_moved=5), PRODUCT[name])["files_moved"].tolist() == [0, 0]


def test_kopia_knows_updates_from_new_contents_beyond_the_files_gained():
    changes = {"files_added": 100, "files_deleted": 40, "files_moved": 30}
    printed = as_printed(backups(2, **changes), PRODUCT["kopia"])
    assert printed["files_updated"].tolist() == [20, 20]  # 100 - 30 + 10 contents, 60 files gained
    assert np.isnan(printed["files_added"]).all()


def test_bareos_counts_what_it_saved_and_not_what_it_was():
    printed = as_printed(backups(2, files_added=7, files_deleted=3), PRODUCT["Bareos"])
    assert printed["files_updated"].tolist() == [17, 17]
    assert all(np.isnan(printed[name]).all() for name in ("files_added", "files_deleted", "files_total", "bytes_total"))
