"""Every backup is judged by what its own device did before it, and by nothing else."""

import numpy as np
import pytest

from jobs.backtest.changes import NONE, history_of
from jobs.backtest.reading import read_backups, read_what_if
from jobs.backtest.rows import judged, rows_of
from jobs.backtest.suspects import Rules
from jobs.backtest.walking import YOUNG, refits_of
from jobs.errors import UdaError
from jobs.model.devices import fit_devices, untaught
from jobs.model.fleet import shipped
from jobs.model.loudness import loudness_along, usual_loudness
from jobs.model.scoring import score_backups, scores_alone
from jobs.model.signals import FIGURES
from tests.fast.backtest.histories import REACH, history, records, what_if, what_if_table, written

FLEET = shipped()


def scores(folder, rows, what_ifs=(), refit_every=1):
    """Score by device and backup; of what-if rows by device, attack and the backup that they stand for."""
    held = history(folder, rows)
    judged_rows = rows_of(held, what_if_table(folder, what_ifs) if what_ifs else None)
    found = judged(judged_rows, held, FLEET, Rules(refit_every))
    keys = [
        (row["device_id"], row["backup_id"])
        if row["backup_id"]
        else (row["device_id"], row["attack"], row["at_backup_id"])
        for row in judged_rows.table.to_pylist()
    ]
    return dict(zip(keys, zip(found.score, found.kind, strict=True), strict=True))


def same(one, other):
    """To rounding: sums over rows that are worked on together may differ in their last digits."""
    return all(np.allclose(one[key], other[key], rtol=1e-9, equal_nan=True) for key in one)


def test_a_score_is_that_of_a_model_fitted_on_the_devices_earlier_backups_alone(tmp_path):
    """Ten plain lines beside the walk."""
    held = history(tmp_path, records(days=80))
    rows = rows_of(held, None)
    found = judged(rows, held, FLEET, Rules())
    loudness = usual_loudness(1)
    for place in range(1, 80):
        model = untaught(1)
        if place > 1:
            taught = {name: rows.figures[name][1:place] for name in FIGURES}
            taught["ended_at"] = held.ended_at[1:place] / 1e6
            model = fit_devices(taught, np.zeros(place - 1, int), FLEET)
        alone = score_backups({name: rows.figures[name][place : place + 1] for name in FIGURES}, model, FLEET)
        score = scores_alone(alone, FLEET, loudness)["anomaly_score"][0]
        assert found.score[place] == pytest.approx(score), place
        _, loudness = loudness_along(alone["loud"], np.array([-1]), loudness)


@pytest.mark.parametrize("refit_every", [1, 7, 50])
def test_a_history_cut_short_has_the_same_scores_for_what_is_left(tmp_path, refit_every):
    rows = records(days=120) + records("pc", days=50, seed=1)
    whole = scores(tmp_path, rows, refit_every=refit_every)
    cut = [row for row in rows if row["ended_at"] < "2025-03-20"]
    assert same(scores(tmp_path, cut, refit_every=refit_every), whole)


def test_other_devices_labels_and_the_order_of_rows_change_no_score(tmp_path):
    rows, attacks = records(days=70), [what_if(r, files_deleted=500, files_total=500) for r in records(days=70)[40:50]]
    alone = scores(tmp_path, rows, attacks)
    labelled = [{**row, "attack": "secret", "origin": "o1", "attack_id": "x"} for row in rows]
    others = records("pc", days=90, seed=3)
    mixed = labelled + others
    np.random.default_rng(0).shuffle(mixed)
    assert same(alone, scores(tmp_path, mixed, attacks[::-1]))


def test_what_if_rows_teach_nothing_and_are_judged_beside_the_backup_before_the_one_they_stand_for(tmp_path):
    rows = records(days=70)
    plain = scores(tmp_path, rows)
    copies = [what_if(row, attack="nothing happened") for row in rows[1:]]
    wiped = [what_if(row, files_deleted=900, files_total=100) for row in rows[1:]]
    found = scores(tmp_path, rows, copies + wiped)
    assert same(plain, found)
    for row in rows[1:]:
        assert found["nas", "nothing happened", row["backup_id"]] == pytest.approx(plain["nas", row["backup_id"]])
        assert found["nas", "mine", row["backup_id"]][0] > plain["nas", row["backup_id"]][0]


def test_the_derived_deletes_of_a_what_if_row_follow_from_its_own_totals(tmp_path):
    rows = [{k: v for k, v in row.items() if k != "files_deleted"} for row in records(days=50)]
    held = history(tmp_path, rows)
    found = rows_of(held, what_if_table(tmp_path, [what_if(rows[40], files_total=300, files_added=0)]))
    assert found.figures["files_deleted"][-1] == rows[39]["files_total"] - 300
    assert found.figures["files_before"][-1] == rows[39]["files_total"]


def test_young_devices_are_judged_from_their_second_backup_on(tmp_path):
    found = scores(tmp_path, records(days=5))
    assert [np.isnan(score) for score, _ in found.values()] == [True, False, False, False, False]


def test_failed_and_partial_runs_first_backups_and_redeliveries_do_not_teach(tmp_path):
    rows = records(days=6)
    rows[2] |= {"status": "failed"}
    rows[3] |= {"status": "partial"}
    rows[5] |= {"backup_id": rows[4]["backup_id"]}
    held = history(tmp_path, rows)
    assert held.is_teacher.tolist() == [False, True, False, False, True, False]
    assert (rows_of(held, None).not_judged == NONE).tolist() == [False, True, False, True, True, False]


def test_a_model_is_fitted_at_each_of_the_first_backups_and_then_every_so_many(tmp_path):
    held = history(tmp_path, records(days=YOUNG + 25))
    of_row = refits_of(held, refit_every=10).of_row
    assert of_row.tolist() == [*range(YOUNG), *[YOUNG] * 10, *[YOUNG + 1] * 10, *[YOUNG + 2] * 5]
    refits = refits_of(held, refit_every=10)
    assert refits.end[-3:].tolist() == [YOUNG - 1, YOUNG + 9, YOUNG + 19]  # the first backup teaches nothing


def test_a_what_if_row_for_a_backup_that_is_not_there_is_refused_by_name(tmp_path):
    held = history(tmp_path, records(days=3))
    lost = {**what_if(records(days=3)[1]), "at_backup_id": "nowhere"}
    with pytest.raises(UdaError, match="no backup 'nowhere' of device 'nas'"):
        rows_of(held, what_if_table(tmp_path, [lost, lost]))


def test_the_same_record_twice_is_one_and_with_other_figures_it_is_refused(tmp_path):
    rows = records(days=40)
    assert same(scores(tmp_path, rows + rows), scores(tmp_path, rows))
    with pytest.raises(UdaError, match="backup 'nas-3' of device 'nas' is there twice with different figures"):
        history(tmp_path, [*rows, {**rows[3], "files_added": 99}])


def test_devices_of_one_name_in_two_tenants_or_products_are_two(tmp_path):
    one, other = records(days=40), records(days=40, seed=5, product="restic")
    both = scores_by_product(tmp_path, one + other)
    assert both["canonical"] == pytest.approx(scores_by_product(tmp_path, one)["canonical"])


def scores_by_product(folder, rows):
    held = history_of(read_backups(written(folder, "b.jsonl", rows)), REACH)
    found = judged(rows_of(held, None), held, FLEET, Rules()).score
    products = held.rows["product"].to_pylist()
    return {
        name: [s for s, p in zip(found[1:], products[1:], strict=True) if p == name and s == s] for name in products
    }


def test_what_if_rows_may_be_given_without_a_moment(tmp_path):
    rows = records(days=40)
    row = {name: value for name, value in what_if(rows[35]).items() if name != "ended_at"}
    file = written(tmp_path, "w.jsonl", [row])
    found = rows_of(history(tmp_path, rows), read_what_if(file))
    assert found.table["ended_at"][-1] == found.table["ended_at"][35]


def test_a_history_that_begins_with_a_failed_run_is_judged_by_its_own_models(tmp_path):
    rows = records("before", days=40) + records(days=40, seed=1)
    rows[40] |= {"status": "failed"}
    alone = scores(tmp_path, rows[40:])
    assert same(alone, scores(tmp_path, rows))
    held = history(tmp_path, rows)
    refits = refits_of(held, refit_every=1)
    assert refits.end[refits.of_row[40]] == refits.begin[refits.of_row[40]]


def test_the_state_before_a_what_if_row_is_that_before_the_backup_it_stands_for(tmp_path):
    """Even where its totals, cut off at nothing, would say otherwise."""
    rows = records(days=50)
    held = history(tmp_path, rows)
    found = rows_of(held, what_if_table(tmp_path, [what_if(rows[40], files_deleted=5_000, files_total=-4_000)]))
    for name in ("files_before", "bytes_before", "bytes_total_compressed_before"):
        assert found.figures[name][-1] == found.figures[name][40]


def test_a_what_if_row_of_a_backup_delivered_twice_stands_for_the_first(tmp_path):
    rows = records(days=40)
    again = {**rows[20], "ended_at": "2025-03-01T02:00:00Z"}
    found = rows_of(history(tmp_path, [again, *rows]), what_if_table(tmp_path, [what_if(rows[20])]))
    assert found.at[-1] == 20
    assert found.not_judged[-1] == NONE


def test_a_what_if_row_is_of_the_origin_of_the_backup_it_stands_for(tmp_path):
    rows = records(days=40, origin="o1")
    row = {name: value for name, value in what_if(rows[35]).items() if name != "origin"}
    assert rows_of(history(tmp_path, rows), what_if_table(tmp_path, [row])).table["origin"][-1].as_py() == "o1"


def slow_deletes(rows, days):
    """What-if rows of one attack over several backups: a little deleted each time, more than the device ever does."""
    return [
        what_if(rows[day], attack="run_mine", attack_id="mine", files_deleted=rows[day]["files_deleted"] + 16)
        for day in days
    ]


def test_evidence_of_an_attack_over_several_backups_adds_up_along_the_attack_alone(tmp_path):
    rows = records(days=90)
    run = slow_deletes(rows, range(60, 80))
    single = [{**row, "attack": "mine", "attack_id": None} for row in run]
    found = scores(tmp_path, rows, run + single, refit_every=50)
    in_run = np.array([found["nas", "run_mine", f"nas-{day}"][0] for day in range(60, 80)])
    alone = np.array([found["nas", "mine", f"nas-{day}"][0] for day in range(60, 80)])
    assert (alone < 0).all() and (in_run >= 0).any()
    assert in_run[0] == alone[0]
    assert same(scores(tmp_path, rows, refit_every=50), found)


def test_attacks_at_the_same_time_do_not_add_up_to_each_other_and_the_order_of_rows_does_not_matter(tmp_path):
    rows = records(days=90)
    early, late = slow_deletes(rows, range(60, 80)), slow_deletes(rows, range(65, 85))
    late = [{**row, "attack": "run_other", "attack_id": "other"} for row in late]
    both = scores(tmp_path, rows, [*late[::-1], *early], refit_every=50)
    assert same(scores(tmp_path, rows, early, refit_every=50), both)
    assert same(scores(tmp_path, rows, late, refit_every=50), both)
