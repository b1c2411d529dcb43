import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from jobs.model.comparing import compared
from jobs.model.devices import fit_devices
from jobs.model.point_sets import SETS
from jobs.model.points import columns_of, points_of
from jobs.model.rarities import BEYOND_EVIDENCE, BIG_BEYOND_EVIDENCE, sub_kind_scores
from jobs.model.scoring import score_backups
from jobs.model.signals import FIGURES, SIGNALS
from jobs.model.stand_ins import completed
from jobs.model.sub_kinds import BUDGETS, COLUMNS, SUB_KINDS
from jobs.train.calibrations import fit_reach
from jobs.train.products import PRODUCTS, as_printed
from tests.fast.model.made_up import SHIPPED, model_of, some_backups, steady_device

KNOTS = {"evidence": (0, 0.7, 1.4, 2.2, 6), "surge": (0, 0.7, 1.4, 2.2, 6), "share": (0, 1, 2, 2.5, 3)}
WHOLE = {  # what a share is of
    "encrypted": lambda row: (1 - min(row["expected"], 0.95)) * row["bytes_before"],
    "stored_encrypted": lambda row: (1 - min(row["density"], 0.95)) * row["bytes_before"],
    "rewritten_encrypted": lambda row: (1 - min(row["density"], 0.95)) * row["bytes_before"],
    "emptied": lambda row: row["density"] * row["bytes_before"],
    **dict.fromkeys(("uploaded", "rewritten", "lost", "gained", "grown"), lambda row: row["bytes_before"]),
}
SIGNAL_OF_SHARE = {
    "encrypted": "excess_bytes",
    "stored_encrypted": "stored_excess",
    "rewritten_encrypted": "rewritten_excess",
    "emptied": "stored_deficit",
    "uploaded": "uploaded_bytes",
}


def plain_share(share, row):
    value = row["beyond"][SIGNAL_OF_SHARE.get(share, share)]
    if share == "deleted":
        value = min(value, max(row["files_deleted"] - row["files_moved"], 0))
    return value / WHOLE.get(share, lambda row: row["files_before"])(row)


def plain_column(name, piece, row):
    word, what = name.split()
    if word in ("evidence", "surge", "share"):
        value = row[word][what] if word != "share" else math.log10(min(max(plain_share(what, row), 1e-3), 1)) + 3
        low, high = KNOTS[word][piece : piece + 2]
        return min(max(value - low, 0), high - low)
    if word == "count":
        return math.log10(1 + row["beyond"][what])
    if word == "both":
        return min(row["surge"]["updated_net"], row["surge"]["rewritten"])
    if word == "gone":
        beyond_a_third = min(max((plain_share(what, row) - 1 / 3) * 1.5, 0), 1)
        return (row["evidence"][what] + row["surge"][what]) * beyond_a_third
    low, width = {"top": (0.75, 0.25), "big": (0.0, 0.5)}[word]
    return min(max((plain_share(what, row) - low) / width, 0), 1)


@given(seed=st.integers(0, 2**32 - 1))
@settings(max_examples=25)
def test_points_are_the_sums_of_plain_python(seed):
    random = np.random.default_rng(seed)
    figures = completed(some_backups(random, 1))
    evidence, surge = random.uniform(0, 6, (2, 1, 24)) * (random.random((2, 1, 24)) < 0.6)
    beyond = np.floor(10 ** random.uniform(0, 9, (1, 24))) * (random.random((1, 24)) < 0.6)
    weights, intercepts = random.random((len(COLUMNS), 10)), random.normal(size=10)
    columns = columns_of(evidence, surge, beyond, figures, np.array([0.3]), np.array([0.5]))
    row = {name: float(column[0]) for name, column in figures.items()}
    row |= {"expected": 0.3, "density": row["density_before"]}
    for name, values in (("evidence", evidence), ("surge", surge), ("beyond", beyond)):
        row[name] = dict(zip(SIGNALS, values[0].tolist(), strict=True))
    expected = [plain_column(name, piece, row) for name, piece in COLUMNS]
    np.testing.assert_allclose(columns[0], expected, rtol=1e-4, atol=1e-4)
    sums = [
        sum(w * x for w, x in zip(weights[:, k], expected, strict=True)) + intercepts[k] for k in range(len(SUB_KINDS))
    ]
    np.testing.assert_allclose(points_of(columns, weights, intercepts)[0], sums, rtol=1e-4, atol=1e-3)


def plain_tail(points, tail):
    """Height of the curve at these points: straight between its places, straight on beyond its ends."""
    places, heights = tail.tolist()
    k = max((k for k in range(len(places) - 1) if places[k] < points), default=0)
    return heights[k] + (heights[k + 1] - heights[k]) / (places[k + 1] - places[k]) * (points - places[k])


@pytest.mark.parametrize("name", SETS)
def test_a_sub_kinds_score_is_its_tail_and_its_part_of_the_budget_and_deletion_keeps_near_its_evidence(name):
    points, random = SHIPPED.sets[name], np.random.default_rng(1)
    columns = random.random((5, len(COLUMNS))).astype(np.float32) * 2
    evidence = random.uniform(0, 4, (5, len(SIGNALS)))
    found = points_of(columns, points.weights, points.intercepts)
    scores = sub_kind_scores({"columns": columns, "evidence": evidence}, points)
    of_deletion = evidence[:, [SIGNALS.index(name) for name in ("deleted_net", "deleted", "deleted_alone", "lost")]]
    for row in range(5):
        for place, tail in enumerate(points.tails):
            expected = plain_tail(float(found[row, place]), tail)
            if SUB_KINDS[place].kind == "delete":
                big = max(columns[row, COLUMNS.index((f"big {share}", 0))] for share in ("deleted", "lost"))
                expected = min(expected, max(of_deletion[row]) + BEYOND_EVIDENCE + BIG_BEYOND_EVIDENCE * big)
            assert scores[row, place] == pytest.approx(expected + math.log10(points.budget[place]), abs=1e-4)


@pytest.mark.parametrize("budget", BUDGETS.values(), ids=BUDGETS)
def test_the_parts_of_the_budget_are_all_of_it(budget):
    assert sum(budget) == pytest.approx(1, abs=0.01)


def test_a_tail_says_how_many_clean_backups_have_as_many_points():
    points = np.random.default_rng(5).exponential(size=20_000)
    tail = fit_reach(points, np.ones(20_000), 20_000, 0.25)
    assert plain_tail(4.0, tail) == pytest.approx(4 / np.log(10), abs=0.05)
    assert plain_tail(16.0, tail) == pytest.approx(16 / np.log(10), rel=0.1)  # beyond the data: straight on


@pytest.mark.parametrize("name", SETS)
def test_no_weight_of_the_shipped_model_is_below_zero(name):
    assert (SHIPPED.sets[name].weights >= 0).all()


# What can only speak for an attack the more of it there is, all else the same. More updated files also mean smaller
# ones, which compress otherwise, so that is told of records without compressed bytes.
@given(seed=st.integers(0, 2**32 - 1), more=st.integers(1, 10**6), figure=st.sampled_from(["deleted", "new_extension"]))
@settings(max_examples=40)
def test_more_evidence_never_lowers_a_sub_kinds_score(seed, more, figure):
    backups = some_backups(np.random.default_rng(seed), 20)
    del_name = f"files_{figure}"
    history = steady_device(backups=60, seed=seed)
    models = fit_devices(history, np.zeros(60, int), SHIPPED)
    own = {"deleted": "delete", "new_extension": "newext"}[figure]
    place = [sub_kind.name for sub_kind in SUB_KINDS].index(own)
    if figure == "deleted":  # nothing comes with it, and the totals stay as they are
        backups |= {"files_added": np.zeros(20), "files_updated": np.zeros(20)}
    worse = {**backups, del_name: backups[del_name] + more}

    def scored(rows):
        (part,) = compared(rows, models, SHIPPED, np.zeros(20, int))
        return sub_kind_scores(part, SHIPPED.sets["stored"])[:, place]

    assert (scored(worse) >= scored(backups) - 1e-4).all()


def test_an_unknown_count_never_gives_evidence_and_never_raises_a_score():
    history, attack = steady_device(backups=60), steady_device(backups=1, seed=9)
    attack |= {"files_deleted": np.array([1_500.0]), "files_total": np.array([np.nan])}
    model = model_of(history)
    known = score_backups(attack, model, SHIPPED)
    unknown = score_backups({**attack, "files_deleted": np.array([np.nan])}, model, SHIPPED)
    deleted = SIGNALS.index("deleted")
    assert known["evidence"][0, deleted] > 1
    assert unknown["evidence"][0, deleted] == 0
    assert unknown["unseen"][0, deleted]
    assert unknown["anomaly_score"][0] < known["anomaly_score"][0]


STORE = ("bytes_total_compressed", "bytes_total_compressed_before")
COUNTS = ("files_added", "files_updated", "files_deleted")
UNKNOWN_OF = {
    "stored": (),
    "dense": (),
    "totals": COUNTS,
    "ratio_saved": (*STORE, "files_added", "files_deleted", "files_new_extension", "files_total", "bytes_total"),
    "ratio": (*STORE, "bytes_uploaded"),
    "ratio_counts": (*STORE, "files_new_extension"),
    "ratio_unique": (*STORE, "bytes_uploaded", "files_new_extension"),
    "counts": (*STORE, "bytes_compressed"),
    "counts_totals": (*STORE, "bytes_compressed", *COUNTS),
    "size": (*STORE, "bytes_compressed", *COUNTS, "files_total", "files_before"),
    "upload": (*STORE, "bytes_compressed", *COUNTS, "files_total", "files_before", "bytes_total"),
}


@pytest.mark.parametrize("name", SETS)
def test_each_backup_is_judged_by_the_set_that_its_figures_allow(name):
    backups = some_backups(np.random.default_rng(0), 4)
    density = 0.95 if name == "dense" else 0.5
    backups["bytes_total_compressed_before"] = np.floor(backups["bytes_before"] * density)
    backups |= dict.fromkeys(UNKNOWN_OF[name], np.full(4, np.nan))
    (part,) = compared(backups, model_of(steady_device(backups=40), 4), SHIPPED, np.arange(4))
    assert [SETS[place] for place in part["set"]] == [name] * 4


@pytest.mark.parametrize("product", PRODUCTS, ids=lambda product: product.name)
def test_a_products_records_are_judged_by_the_set_that_was_learned_from_it(product):
    printed = as_printed(steady_device(backups=41), product)
    rows = {name: printed[name][1:] for name in FIGURES}
    (part,) = compared(rows, model_of(steady_device(backups=40), 40), SHIPPED, np.arange(40))
    assert {SETS[place] for place in part["set"]} == {product.set}


def louder_by(column, name, sub_kind, piece=0):
    """Points that one more of a column gives a sub-kind in a set of the shipped model, all else being the same."""
    without, with_it = np.zeros((2, 1, len(COLUMNS)), np.float32)
    with_it[:, COLUMNS.index((column, piece))] = 1
    points, own = SHIPPED.sets[name], [one.name for one in SUB_KINDS].index(sub_kind)
    before, after = (points_of(columns, points.weights, points.intercepts)[0, own] for columns in (without, with_it))
    return after - before


@pytest.mark.parametrize("name", SETS)
def test_a_tenth_of_the_files_added_is_louder_than_a_hundredth(name):
    assert louder_by("share added_net", name, "add", piece=1) > 1.5


@pytest.mark.parametrize("name", ["stored", "dense", "ratio"])
def test_ten_times_as_many_deleted_files_are_louder_where_the_store_or_counts_and_compression_are_known(name):
    """A tenth of a large device beside a tenth of a small one."""
    assert louder_by("count deleted", name, "delete") > 0.5


def test_ten_times_as_many_added_files_are_louder_where_counts_and_compression_are_known():
    assert louder_by("count added_net", "ratio", "add") > 0.3


@pytest.mark.parametrize("name", ["size", "counts_totals"])
def test_that_all_is_rewritten_is_louder_where_little_but_totals_is_known(name):
    """It cannot be seen in any other way."""
    assert louder_by("top rewritten", name, "modify") > 3.5
