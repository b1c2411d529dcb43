"""Each backup beside the one before it, whatever the order in which backups arrive."""

from __future__ import annotations

import random
from dataclasses import replace
from datetime import UTC, datetime

import pytest
from chispa import assert_df_equality
from pyspark.sql import functions as F

from jobs.features.changes import beside_previous, without_provenance
from jobs.features.job import features, write_features
from jobs.run import Run
from jobs.store import Store
from jobs.tables import BACKUPS, FEATURES, FIGURES
from tests.rows import frame_of, moment

MOMENT = datetime(2026, 12, 1, tzinfo=UTC)
REACH = 400
WHOLE = {"files_added": 5, "files_updated": 7, "files_deleted": 2, "files_total": 1_000, "bytes_total": 10_000}

# One device a case, one list of its backups; what is not said is unknown.
ONE_SIGN = ({"files_total": 90}, {"bytes_unique": 5}, {"bytes_compressed": 5})
CASES = {
    "plain": [WHOLE, {**WHOLE, "at": 1.5, "files_moved": 1, "bytes_uploaded": 500, "bytes_compressed": 125}],
    "compressed": [{**WHOLE, "bytes_total_compressed": 4_000}, {**WHOLE, "at": 1}],
    "skips": [WHOLE, {"at": 1, "status": "failed"}, {**WHOLE, "at": 2, "status": "partial"}, {**WHOLE, "at": 3}],
    "alone": [{**WHOLE, "at": 0, "status": "failed"}, WHOLE | {"at": 1}, {**WHOLE, "at": 2, "status": "partial"}],
    "too far": [{**WHOLE, "at": 0}, {**WHOLE, "at": REACH}, {**WHOLE, "at": 2 * REACH + 0.01}],
    "no deletes": [
        {"at": 0, "files_total": 100},
        {"at": 1, "files_added": 10, "files_total": 90},
        {"at": 2, "files_added": 10, "files_total": 200},
        {"at": 3, "files_added": 10, "files_deleted": 1, "files_total": 50},
        {"at": 4, "files_added": 10},
        {"at": 5, "files_added": 10, "files_total": 40},
    ],
    "partial": [
        {"at": 0, "files_total": 100},
        {"at": 1, "files_added": 10, "files_total": 90, "status": "partial"},
        {"at": 2, "files_added": 10, "files_total": 80},
        {"at": 3, "files_added": 10, "files_total": 70},
    ],
    "locked": [
        {"at": 0, "files_total": 100},
        {"at": 1, "status": "failed"},
        {"at": 2, "files_added": 10, "files_moved": 9, "files_total": 104},
        {"at": 3, "files_added": 10, "files_moved": 3, "files_total": 104},
    ],
    "hidden partial": [
        {"at": 0, "files_total": 100},
        {"at": 1, "files_added": 10, "files_total": 90, "status": "partial"},
        {"at": 2, "files_total": 100, "backup_id": "backup 0"},
        {"at": 3, "files_added": 10, "files_total": 70},
    ],
    "full": [
        {"at": 0, "files_total": 100},
        {"at": 1, "backup_kind": "full", "files_added": 90, "files_updated": 0, "files_total": 90, "bytes_uploaded": 9},
        {"at": 2, "backup_kind": "full", "files_added": 95, "files_new_extension": 95, "files_total": 95},
        {"at": 3, "backup_kind": "full", "files_added": 3, "files_updated": 4, "files_total": 96},
        {"at": 4, "backup_kind": "incremental", "files_added": 97, "files_total": 97},
    ],
    "again": [WHOLE, {**WHOLE, "at": 1}, {**WHOLE, "at": 3, "backup_id": "backup 1"}, {**WHOLE, "at": 4}],
    "says nothing": [WHOLE, {"at": 1, "bytes_total": 7}, {"at": 2, "bytes_uploaded": 0}],
    "totals alone": [WHOLE, *({"at": at, **only} for at, only in enumerate(ONE_SIGN, start=1))],
    "deletes known": [
        WHOLE,
        {"at": 1, "files_deleted": 4, "files_total": 999},
        {"at": 2, "files_deleted": 4, "files_total": 994},
        {"at": 3, "status": "partial", "files_deleted": 1, "files_total": 995},
        {"at": 4, "files_deleted": 1, "files_total": 996},
    ],
    "empty": [{"at": 0, "files_total": 0, "bytes_total": 0}, {"at": 1, "files_added": 3, "bytes_uploaded": 30}],
    "own totals": [{"at": 0, "files_total": 500}, {"at": 1, "files_added": 30, "files_deleted": 10, "files_total": 90}],
}


def backups_of(spark, cases):
    """Rows of `backups`, one device a case."""
    rows = [{"device_id": device, **row} for device, rows in cases.items() for row in numbered(rows)]
    return frame_of(spark, BACKUPS, *rows)


def numbered(rows):
    return [{"at": place, **row} for place, row in enumerate(rows)]


def beside(backups):
    changes = beside_previous(without_provenance(backups).withColumn("is_new", F.lit(True)), REACH)
    return changes.drop("is_new", "is_touched")


@pytest.fixture(scope="module")
def changes(session_of_tests):
    """What became of all cases, by device and place in its list."""
    rows = beside(backups_of(session_of_tests, CASES)).orderBy("device_id", "ended_at").collect()
    return {device: [row for row in rows if row["device_id"] == device] for device in CASES}


def column(rows, name):
    return [row[name] for row in rows]


def test_a_backup_is_put_beside_the_one_before_it_in_files_bytes_shares_and_hours(changes):
    row = changes["plain"][1].asDict()
    assert (
        row
        | {
            "previous_backup_id": "backup 0",
            "gap_hours": 36.0,
            "files_before": 997,  # 1,000 - 5 + 2, as the row says of itself
            "bytes_before": 10_000,
            "bytes_total_compressed_before": None,
            "added_net": 3,
            "deleted_net": 0,
            "replaced": 1,  # two pairs, one of them moved
            "added_share": 5 / 997,
            "updated_share": 7 / 997,
            "deleted_share": 2 / 997,
            "uploaded_share": 0.05,
            "compressed_ratio": 0.25,
            "not_judged": None,
            "is_redelivery": False,
            "derived": [],
        }
        == row
    )
    known = {"files_added", "files_updated", "files_deleted", "files_moved", "files_total", "bytes_total"}
    known |= {"bytes_uploaded", "bytes_compressed"}
    assert row["unknown"] == [figure.name for figure in FIGURES if figure.name not in known]


def test_failed_and_partial_backups_are_not_what_the_next_is_compared_with(changes):
    assert column(changes["skips"], "previous_backup_id") == [None, "backup 0", "backup 0", "backup 0"]
    assert column(changes["skips"], "not_judged") == ["first", "failed", None, None]


def test_a_backup_without_a_complete_one_before_it_is_a_first(changes):
    assert column(changes["alone"], "not_judged") == ["failed", "first", None]
    assert column(changes["alone"], "previous_backup_id") == [None, None, "backup 1"]


def test_the_look_back_ends_to_the_second(changes):
    assert column(changes["too far"], "previous_backup_id") == [None, "backup 0", None]
    assert column(changes["too far"], "not_judged") == ["first", None, "first"]
    assert column(changes["too far"], "gap_hours") == [None, REACH * 24.0, None]


def test_deletes_are_what_the_totals_leave_no_other_room_for(changes):
    """Negative: the totals do not agree with what was added, so nothing is known."""
    assert column(changes["no deletes"], "files_deleted") == [None, 20, None, 1, None, None]
    marked = [[], ["files_deleted"], [], [], [], []]
    assert column(changes["no deletes"], "derived") == marked
    assert column(changes["no deletes"], "files_before") == [None, 100, 90, 41, 50, None]


def test_on_and_after_a_partial_no_deletes_are_derived(changes):
    assert column(changes["partial"], "files_deleted") == [None, None, None, 20]


def test_after_a_partial_the_added_files_may_be_too_many(changes):
    assert column(changes["partial"], "upper_bound") == [[], [], ["files_added"], []]


def test_a_failed_run_stands_between_no_two_and_no_more_files_moved_than_were_deleted(changes):
    assert column(changes["locked"], "files_deleted") == [None, None, 6, 10]
    assert column(changes["locked"], "files_moved") == [None, None, 6, 3]
    assert column(changes["locked"], "derived")[2:] == [["files_deleted", "files_moved"], ["files_deleted"]]


def test_a_redelivery_does_not_hide_the_partial_before_it(changes):
    assert column(changes["hidden partial"], "files_deleted")[3] is None


def test_a_full_that_calls_every_file_new_gets_its_change_from_the_totals(changes):
    full = changes["full"]
    assert column(full, "files_added") == [None, 0, 5, 3, 97]
    assert column(full, "files_deleted") == [None, 10, 0, 2, 96]
    assert column(full, "files_updated") == [None, None, None, 4, None]
    assert column(full, "files_new_extension") == [None] * 5
    assert column(full, "bytes_uploaded") == [None] * 5
    assert column(full, "not_judged") == ["first", None, None, None, None]
    assert [sorted(names) for names in column(full, "derived")] == [
        [],
        ["files_added", "files_deleted"],
        ["files_added", "files_deleted"],
        ["files_deleted"],
        ["files_deleted"],
    ]


def test_the_same_backup_under_a_later_day_is_a_redelivery_and_nothing_is_compared_with_it(changes):
    again = changes["again"]
    assert column(again, "is_redelivery") == [False, False, True, False]
    assert column(again, "not_judged") == ["first", None, "redelivery", None]
    assert again[3]["previous_ended_at"].date() == moment(1).date()


def test_a_backup_that_says_nothing_of_change_is_not_judged(changes):
    assert column(changes["says nothing"], "not_judged") == ["first", "no_figures", None]
    assert changes["says nothing"][2]["compressed_ratio"] is None


def test_a_total_or_new_bytes_alone_tell_of_a_change(changes):
    assert column(changes["totals alone"], "not_judged") == ["first", None, None, None]


def test_what_was_added_follows_from_the_totals_of_two_whole_backups_where_the_deletes_are_known(changes):
    known = changes["deletes known"]
    # What would be fewer than none is unknown, and so is what lies beside a partial backup.
    assert column(known, "files_added") == [5, 3, None, None, None]
    assert column(known, "derived") == [[], ["files_added"], [], [], []]


def test_an_unknown_figure_stays_unknown_in_all_that_follows_from_it(changes):
    row = changes["says nothing"][1]
    names = ("added_net", "deleted_net", "replaced", "added_share", "updated_share", "deleted_share", "uploaded_share")
    assert {name: row[name] for name in names} == dict.fromkeys(names)
    assert row["unknown"] == [figure.name for figure in FIGURES if figure.name != "bytes_total"]


def test_before_is_at_least_one_so_that_a_share_of_an_empty_device_is_a_number(changes):
    row = changes["empty"][1]
    assert (row["files_before"], row["bytes_before"], row["added_share"], row["uploaded_share"]) == (1, 1, 3.0, 30.0)


def test_files_before_are_what_the_backup_says_of_itself_where_it_does(changes):
    assert changes["own totals"][1]["files_before"] == 70


def test_other_devices_change_nothing_even_where_names_are_the_same(spark):
    rows = numbered(CASES["partial"])
    namesakes = [
        {**row, "at": row["at"] - 0.1, "files_total": 7, **other}
        for row in rows
        for other in ({"tenant_id": "other"}, {"product": "other"}, {"device_id": "other"})
    ]
    alone = beside(frame_of(spark, BACKUPS, *rows))
    among = beside(frame_of(spark, BACKUPS, *namesakes, *rows))
    own = among.where("tenant_id = 'default' AND product = 'canonical' AND device_id = 'nas'")
    assert_df_equality(own, alone, ignore_row_order=True)


def land(store, rows):
    """Put rows into `backups` and write their features, as a run does that is named in the store."""
    backups = frame_of(store.spark, BACKUPS, *rows)
    store.insert_new(backups, BACKUPS, None)
    return write_features(store, backups, REACH)


def device(name, *rows):
    return [{"device_id": name, **row} for row in numbered(rows)]


def days(*days, **said):
    return [{**WHOLE, "at": day, **said} for day in days]


# What is held by the first run, and what comes after it.
HELD_AND_LATE = {
    "corrected": (days(0, 2, 3), days(1)),
    "no longer first": (days(2, 3), days(1)),
    "late partial": (
        [{"at": 0, "files_total": 9}, {"at": 2, "files_added": 1, "files_total": 8}],
        [{"at": 1, "files_added": 1, "status": "partial"}],
    ),
    "far": (days(-300) + days(-299, status="partial") + days(3, status="failed"), days(4)),
    "far from a partial": (days(-300), days(4, status="partial")),
    "near": (days(-20, 3), days(4)),
    "redelivered": (days(0, 1), days(3, backup_id="backup 1")),
    "turned": (days(-1, 1, 2, 3), days(0, backup_id="backup 2")),
    "left alone": (days(-20, 1, 2), []),
}


@pytest.fixture(scope="module")
def late(session_of_tests, tmp_path_factory):
    """The lake of two runs, what each of them counted, and the features by device."""
    lake = str(tmp_path_factory.mktemp("late"))
    counts = []
    for place, name in enumerate(("first run", "second run")):
        store = Store(session_of_tests, lake, Run(name, MOMENT))
        counts.append(land(store, [row for case, both in HELD_AND_LATE.items() for row in device(case, *both[place])]))
    rows = store.read(FEATURES).orderBy("ended_at", "day").collect()
    return store, counts, {case: [row for row in rows if row["device_id"] == case] for case in HELD_AND_LATE}


def test_a_late_backup_corrects_the_one_after_it_and_only_that(late):
    rows = late[2]["corrected"]
    assert column(rows, "previous_backup_id") == [None, "backup 0", "backup 1", "backup 2"]
    assert column(rows, "run_id") == ["first run", "second run", "second run", "first run"]


def test_a_first_is_no_first_any_more_once_an_earlier_one_arrives(late):
    rows = late[2]["no longer first"]
    assert column(rows, "not_judged") == ["first", None, None]
    assert column(rows, "run_id") == ["second run", "second run", "first run"]


def test_a_late_partial_takes_back_the_deletes_that_were_derived_without_it(late):
    rows = late[2]["late partial"]
    assert column(rows, "previous_backup_id") == [None, "backup 0", "backup 0"]
    assert (rows[2]["files_deleted"], rows[2]["derived"]) == (None, [])


def test_the_backup_before_is_found_however_far_back_it_is_held(late):
    assert late[2]["far"][-1]["previous_backup_id"] == "backup -300"
    assert late[2]["far from a partial"][-1]["previous_backup_id"] == "backup -300"
    assert late[2]["near"][-1]["previous_backup_id"] == "backup 3"


def test_a_redelivery_is_known_by_what_an_earlier_run_held(late):
    assert column(late[2]["redelivered"], "not_judged") == ["first", None, "redelivery"]


def test_an_earlier_day_that_arrives_later_turns_the_held_one_into_the_redelivery(late):
    rows = late[2]["turned"]
    assert column(rows, "is_redelivery") == [False, False, False, True, False]
    assert column(rows, "previous_backup_id") == [None, "backup -1", "backup 2", "backup 1", "backup 1"]


def test_what_no_late_backup_touches_is_left_as_it_was_written(late):
    assert column(late[2]["left alone"], "run_id") == ["first run"] * 3
    assert late[1] == [{"features": 22, "corrected": 0}, {"features": 8, "corrected": 6}]


def test_writing_the_same_features_again_changes_no_row_and_counts_none(late):
    store, _, _ = late
    before = store.read(FEATURES).collect()
    again = land(store, [row for case, both in HELD_AND_LATE.items() for row in device(case, *both[1])])
    assert again == {"features": 0, "corrected": 0}
    assert store.read(FEATURES).collect() == before


def test_small_files_put_together_are_no_new_backups(late, config):
    store, _, _ = late
    config = replace(config, lake=store.lake)
    features(store, config)
    store.spark.sql(f"OPTIMIZE delta.`{store.path(BACKUPS)}`")
    assert features(store, config) == {"features": 0, "corrected": 0}


def random_history(draw, name):
    """Backups of one device, now and then a month apart, failed, partial, full, silent or delivered again."""
    at, rows = draw.uniform(0, 5), []
    for number in range(draw.randrange(4, 14)):
        row = {"device_id": name, "backup_id": str(number), "at": round(at, 3)}
        row["status"] = draw.choices(("complete", "partial", "failed"), (6, 2, 1))[0]
        row["backup_kind"] = draw.choice(("full", "incremental", "unknown"))
        for figure in ("files_added", "files_updated", "files_deleted", "files_moved", "files_total", "bytes_total"):
            row[figure] = draw.choice((None, draw.randrange(20), draw.randrange(20)))
        rows.append(row)
        if draw.random() < 0.15:  # an earlier run's redelivery is looked for as far back as NEAR_DAYS
            rows.append({**row, "at": row["at"] + 1})
        at += draw.choice((0.1, 0.6, 1, 1, 1, 1, 2, 9, 40))
    return rows


def test_a_history_split_over_runs_in_any_order_gives_the_features_of_one_run(spark, tmp_path):
    draw = random.Random(4)
    rows = [row for number in range(200) for row in random_history(draw, f"device {number}")]
    parts = [[], [], []]
    for row in rows:
        draw.choice(parts).append(row)
    stores = [Store(spark, str(tmp_path), Run(f"run {number}", MOMENT)) for number in range(len(parts))]
    corrected = [land(store, part)["corrected"] for store, part in zip(stores, parts, strict=True)]
    assert all(corrected[1:])
    in_one_run = beside(frame_of(spark, BACKUPS, *rows))
    split = stores[0].read(FEATURES).drop("run_id")
    # A stored table has comments and says what is required; the values are what is compared.
    assert_df_equality(split, in_one_run, ignore_row_order=True, ignore_nullable=True, ignore_metadata=True)


def test_backups_that_come_again_as_new_are_corrected_by_what_was_held_beside_them(spark, tmp_path):
    """A checkpoint that was lost before a late backup was handled: all rows come as new, most are held."""
    store = Store(spark, str(tmp_path), Run("first run", MOMENT))
    land(store, device("nas", *days(0, 2)))
    late_one = frame_of(spark, BACKUPS, *device("nas", *days(1)))
    store.insert_new(late_one, BACKUPS, None)
    write_features(store, store.read(BACKUPS), REACH)
    rows = store.read(FEATURES).orderBy("ended_at").collect()
    assert column(rows, "previous_backup_id") == [None, "backup 0", "backup 1"]
