"""Each class against figures worked by hand, and what holds for all of them."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from jobs.model.attacks import ATTACKS, EXTRAS, LOOK_ALIKES, attacked

EVERY = (*ATTACKS, *EXTRAS, *LOOK_ALIKES)
BEFORE = ("files_before", "bytes_before", "bytes_total_compressed_before")

# 200 files of 2,000 bytes in 10 folders, stored at a quarter of their size. 3 files came, 1 went, 5 changed.
REAL = {
    "files_before": 200,
    "bytes_before": 400_000,
    "bytes_total_compressed_before": 100_000,
    "files_added": 3,
    "files_updated": 5,
    "files_deleted": 1,
    "files_moved": 0,
    "files_new_extension": 1,
    "files_total": 202,
    "dirs_total": 10,
    "bytes_uploaded": 20_000,
    "bytes_unique": 18_000,
    "bytes_compressed": 6_000,
    "bytes_deleted": 2_000,
    "bytes_total": 410_000,
    "bytes_total_compressed": 103_000,
}


def change(files="", **sizes):
    """Growth by column from short words: "A 3 U 5" are files, b c gone total stored are bytes."""
    words = files.split()
    columns = {
        "A": "files_added",
        "U": "files_updated",
        "D": "files_deleted",
        "V": "files_moved",
        "N": "files_new_extension",
        "b": "bytes_uploaded",
        "q": "bytes_unique",
        "c": "bytes_compressed",
        "gone": "bytes_deleted",
        "total": "bytes_total",
        "stored": "bytes_total_compressed",
    }
    counts = dict(zip(words[::2], map(int, words[1::2]), strict=True))
    sizes.setdefault("q", sizes.get("b", 0))
    growth = {columns[word]: by for word, by in {**counts, **sizes}.items()}
    return {**growth, "files_total": counts.get("A", 0) - counts.get("D", 0)}


BY_HAND = {
    "inplace_1": change("U 200", b=400_000, c=400_000, stored=300_000),
    "inplace_0.5": change("U 100", b=200_000, c=200_000, stored=150_000),
    "inplace_0.1": change("U 20", b=40_000, c=40_000, stored=30_000),
    "inplace_0.02": change("U 4", b=8_000, c=8_000, stored=6_000),
    "rename_1": change("A 210 D 200 N 200", b=466_800, c=466_800, gone=400_000, total=66_800, stored=366_800),
    "rename_0.1": change("A 21 D 20 N 20", b=46_680, c=46_680, gone=40_000, total=6_680, stored=36_680),
    "rename_0.02": change("A 5 D 4 N 4", b=9_336, c=9_336, gone=8_000, total=1_336, stored=7_336),
    "first4k_1": change("U 200", b=400_000, c=400_000, stored=300_000),
    "5pct_1": change("U 200", b=400_000, c=115_000, stored=15_000),
    "stripes_1": change("U 200", b=400_000, c=370_000, stored=270_000),
    "stopdjvu_1": change("A 210 D 200 N 200", b=466_800, c=400_000, gone=400_000, total=66_800, stored=300_000),
    "delete_1": change("D 200", gone=400_000, total=-400_000, stored=-100_000),
    "delete_0.5": change("D 100", gone=200_000, total=-200_000, stored=-50_000),
    "delete_0.1": change("D 20", gone=40_000, total=-40_000, stored=-10_000),
    "delete_0.02": change("D 4", gone=8_000, total=-8_000, stored=-2_000),
    "wipe_1": change("U 200", b=400_000, c=2_000, stored=-98_000),
    "add_0.5": change("A 100", b=200_000, c=50_000, total=200_000, stored=50_000),
    "add_0.1": change("A 20", b=40_000, c=10_000, total=40_000, stored=10_000),
    "stage_0.5": change("A 3", b=50_000, c=50_000, total=50_000, stored=50_000),
    "slow_rename_0.01": change("A 2 D 2 N 2", b=4_000, c=4_000, gone=4_000, stored=3_000),
    "inplace_100_files": change("U 100", b=200_000, c=200_000, stored=150_000),
    "inplace_20_files": change("U 20", b=40_000, c=40_000, stored=30_000),
    "stripes_0.1": change("U 20", b=40_000, c=37_000, stored=27_000),
    "5pct_0.1": change("U 20", b=40_000, c=11_500, stored=1_500),
    "padded_0.5": change("U 100", b=300_000, c=75_000, total=100_000, stored=25_000),
    "rename_same_extension_0.1": change("A 21 D 20", b=46_680, c=46_680, gone=40_000, total=6_680, stored=36_680),
    "rename_same_extension_0.02": change("A 5 D 4", b=9_336, c=9_336, gone=8_000, total=1_336, stored=7_336),
    "split_0.1": change("A 10 U 10 D 10", b=40_000, c=40_000, gone=20_000, stored=30_000),
    "truncate_1": change("U 200", total=-400_000, stored=-100_000),
    "truncate_0.5": change("U 100", total=-200_000, stored=-50_000),
    "drop_0.5": change("D 3", gone=6_000, total=-200_000, stored=-50_000),
    "reformat_1": change("U 200", b=400_000, c=100_000),
    "reformat_0.3": change("U 60", b=120_000, c=30_000),
    "move_1": change("A 200 D 200 V 200", b=400_000, q=0, c=100_000, gone=400_000),
    "move_0.1": change("A 20 D 20 V 20", b=40_000, q=0, c=10_000, gone=40_000),
    "upgrade": change("A 20 D 20 U 60", b=160_000, c=40_000, gone=40_000),
    "touch_1": change("U 200"),
}


def one(**different):
    return {name: np.array([figure], dtype=float) for name, figure in {**REAL, **different}.items()}


@pytest.mark.parametrize("attack", EVERY)
def test_an_attack_changes_the_figures_as_worked_by_hand(attack):
    expected = {name: figure + BY_HAND[attack].get(name, 0) for name, figure in REAL.items()}
    assert {name: float(figure[0]) for name, figure in attacked(one(), attack).items()} == expected


def test_the_grid_has_twenty_headline_classes_and_each_class_once():
    assert len(ATTACKS) == 20
    assert len(set(EVERY)) == len(EVERY) == len(BY_HAND)


@pytest.mark.parametrize(("attack", "encrypted"), [("first4k_1", 4_096), ("stopdjvu_1", 153_605)])
def test_families_that_stop_early_leave_the_rest_of_large_files_compressible(attack, encrypted):
    big = one(bytes_before=200_000_000, bytes_total_compressed_before=50_000_000, bytes_total=200_010_000)
    grown = attacked(big, attack)["bytes_compressed"][0] - 6_000
    assert grown == round(200 * (1_000_000 * 0.25 + encrypted * 0.75))  # files of 1 MB, a quarter of it stored


@pytest.mark.parametrize(("stored", "density"), [(1, 0.02), (900_000, 1.0)])
def test_density_is_kept_between_a_fiftieth_and_one(stored, density):
    changed = attacked(one(bytes_total_compressed_before=stored), "add_0.1")
    assert changed["bytes_compressed"][0] == 6_000 + density * 40_000


def test_unknown_density_comes_from_what_the_device_stores_else_stays_unknown():
    nan = float("nan")
    known = attacked(one(bytes_total_compressed_before=nan, stored_density=0.5), "add_0.1")
    unknown = attacked(one(bytes_total_compressed_before=nan), "add_0.1")
    assert known["bytes_compressed"][0] == 26_000
    assert np.isnan(unknown["bytes_compressed"][0])
    assert unknown["files_added"][0] == 23


def test_at_least_one_file_is_touched_and_no_more_than_there_are():
    assert attacked(one(files_before=10), "delete_0.02")["files_deleted"][0] == 2
    assert attacked(one(files_before=10), "inplace_100_files")["files_updated"][0] == 15


def test_uncounted_folders_get_no_notes():
    assert attacked(one(dirs_total=float("nan")), "rename_0.1")["files_added"][0] == 23


def test_figures_that_were_not_given_are_not_made_up():
    backups = {name: figure for name, figure in one().items() if name not in ("files_moved", "bytes_total")}
    assert set(attacked(backups, "move_1")) == set(backups)


def test_an_unknown_attack_names_the_known_ones():
    with pytest.raises(ValueError, match=r'unknown attack "delete_0.11" \(did you mean "delete_0.1"\?\).*wipe_1'):
        attacked(one(), "delete_0.11")


@st.composite
def real_backups(draw):
    """Backups that can happen: what is deleted or updated was there."""
    size = draw(st.integers(1, 4))
    rows = [
        {
            "files_before": (files := draw(st.integers(1, 10**7))),
            "bytes_before": (total := draw(st.integers(1, 10**13))),
            "bytes_total_compressed_before": draw(st.integers(0, total)),
            "files_added": (added := draw(st.integers(0, 10**6))),
            "files_deleted": (deleted := draw(st.integers(0, files))),
            "files_updated": draw(st.integers(0, files - deleted)),
            "files_moved": draw(st.integers(0, min(added, deleted))),
            "files_new_extension": draw(st.integers(0, added)),
            "files_total": files + added - deleted,
            "dirs_total": draw(st.integers(0, 10**5)),
            "bytes_uploaded": (uploaded := draw(st.integers(0, 10**12))),
            "bytes_unique": draw(st.integers(0, uploaded)),
            "bytes_compressed": draw(st.integers(0, uploaded)),
            "bytes_deleted": draw(st.integers(0, total)),
            "bytes_total": draw(st.integers(0, total)),
            "bytes_total_compressed": draw(st.integers(0, total)),
        }
        for _ in range(size)
    ]
    unknown = draw(st.sets(st.sampled_from(sorted(rows[0]))))
    return {name: np.array([np.nan if name in unknown else row[name] for row in rows], float) for name in rows[0]}


@given(real_backups(), st.sampled_from(EVERY))
def test_totals_agree_nothing_is_negative_and_unknown_stays_unknown(backups, attack):
    changed = attacked(backups, attack)
    for name, figure in changed.items():
        assert not (figure < 0).any(), name
        assert np.isnan(figure[np.isnan(backups[name])]).all(), name
    total = np.maximum(0, np.maximum(1, changed["files_before"]) + changed["files_added"] - changed["files_deleted"])
    known = ~np.isnan(changed["files_total"])
    np.testing.assert_array_equal(changed["files_total"][known], total[known])
    assert not (changed["bytes_unique"] > changed["bytes_uploaded"]).any()
    assert not (changed["bytes_compressed"] > changed["bytes_uploaded"]).any()


@given(real_backups(), st.sampled_from(EVERY))
def test_an_attack_adds_and_never_takes_away_and_leaves_what_was_before(backups, attack):
    kept = {name: figure.copy() for name, figure in backups.items()}
    changed = attacked(backups, attack)
    for name in ("added", "updated", "deleted", "moved", "new_extension"):
        assert not (changed[f"files_{name}"] < backups[f"files_{name}"]).any()
    for name in BEFORE:
        np.testing.assert_array_equal(changed[name], backups[name])
    for name, figure in kept.items():
        np.testing.assert_array_equal(backups[name], figure)


@given(real_backups(), st.sampled_from(EVERY))
def test_a_backup_is_changed_alike_whatever_stands_beside_it(backups, attack):
    together = attacked(backups, attack)
    for row in range(len(backups["files_before"])):
        alone = attacked({name: figure[row : row + 1] for name, figure in backups.items()}, attack)
        for name, figure in alone.items():
            np.testing.assert_array_equal(figure[0], together[name][row])
