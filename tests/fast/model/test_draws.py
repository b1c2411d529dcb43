import numpy as np
import pytest

from jobs.model.attacks import ATTACKS, attacked
from jobs.model.signals import FIGURES
from jobs.model.sub_kinds import LEARNED
from jobs.train.draws import drawn_attacks
from jobs.train.products import PRODUCTS, as_printed
from tests.fast.model.made_up import steady_device

BACKUPS = {**steady_device(backups=400, files=1_000, touched=0), "bytes_deleted": np.zeros(400)}
DRAWN = drawn_attacks(BACKUPS, seed=3)


def grown(attack, name):
    return DRAWN[attack][name] - BACKUPS[name]


def test_every_learned_sub_kind_is_drawn_and_the_same_seed_draws_the_same():
    assert list(DRAWN) == [sub_kind.name for sub_kind in LEARNED]
    again = drawn_attacks(BACKUPS, seed=3)
    for attack, backups in DRAWN.items():
        for name, column in backups.items():
            np.testing.assert_array_equal(column, again[attack][name], f"{attack} {name}")
    assert (drawn_attacks(BACKUPS, seed=4)["delete"]["files_deleted"] != DRAWN["delete"]["files_deleted"]).any()


def test_draws_are_of_every_size_from_a_hundredth_to_all():
    share = grown("delete", "files_deleted") / 1_000
    assert share.min() < 0.015
    assert share.max() > 0.9
    assert np.median(share) == pytest.approx(0.1, abs=0.03)


def test_no_draw_is_a_class_of_the_judging_grid():
    grid = {attack: attacked(BACKUPS, attack) for attack in ATTACKS}
    for drawn in DRAWN.values():
        for backups in grid.values():
            same = np.logical_and.reduce([backups[name] == drawn[name] for name in FIGURES])
            assert same.mean() < 0.02


def test_encryption_in_place_leaves_the_bytes_and_makes_the_store_grow():
    np.testing.assert_array_equal(grown("inplace", "bytes_total"), 0)
    assert (grown("inplace", "bytes_total_compressed") >= 0).all()
    assert (grown("inplace", "files_added") == 0).all()


def test_a_renamed_file_is_one_deleted_and_one_added_of_its_size():
    assert (grown("rename", "files_added") >= grown("rename", "files_deleted")).all()
    footers = 300 * grown("rename", "files_deleted")
    assert (np.abs(grown("rename", "bytes_total")) <= footers + 1).all()
    np.testing.assert_array_equal(grown("newext", "files_new_extension"), grown("newext", "files_deleted"))


@pytest.mark.parametrize("product", PRODUCTS, ids=lambda product: product.name)
def test_what_a_product_does_not_print_is_unknown_and_the_rest_as_it_was(product):
    printed = as_printed(BACKUPS, product)
    for name in FIGURES:
        if name in product.unknown or (product.is_deduplicated and name == "bytes_uploaded"):
            assert np.isnan(printed[name]).all()
        elif name not in ("bytes_compressed", "bytes_unique"):
            np.testing.assert_array_equal(printed[name], BACKUPS[name])
    assert "ended_at" in printed
