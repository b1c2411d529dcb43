"""What is wrong with the line, from the rows of its tables."""

from datetime import timedelta

import pytest

from jobs.alerts.facts import dumps_missing, emptied, failed_stages, no_run, refused, silent
from tests.fast.report.samples import NEWEST

DAY = timedelta(days=1)
HOUR = timedelta(hours=1)


def run(stage="report", event="ended", ago=0 * HOUR, **stated):
    at = NEWEST - ago
    return {"run_id": f"r{ago}", "stage": stage, "event": event, "at": at, "moment": at, "error": None, **stated}


def device(**stated):
    row = {"tenant_id": "default", "product": "canonical", "device_id": "nas", "last_backup_id": "b-0"}
    row |= {"not_judged": None, "snoozed_from": None, "snoozed_until": None}
    return row | {"last_backup_at": NEWEST, "usual_gap_hours": 24.0, **stated}


def empty(ago=0, **stated):
    row = {"tenant_id": "default", "product": "canonical", "device_id": "nas", "backup_id": f"b-{ago}"}
    row |= {"ended_at": NEWEST - ago * DAY, "status": "complete", "is_redelivery": False, "run_id": f"r{ago}"}
    return row | {"files_total": 0, "files_before": 900, "bytes_total": None, "bytes_before": None, **stated}


def reject(reason="bad_json", **stated):
    row = {"tenant_id": None, "reason": reason, "source": "canonical/a.jsonl", "position": 7, "detail": "is no JSON"}
    return row | stated


def test_a_stage_has_failed_as_long_as_it_did_when_it_ran_last():
    failed = run("score", "failed", 2 * HOUR, error="No space left on device")
    (fact,) = failed_stages([run("ingest", ago=3 * HOUR), failed, run("score", "started", HOUR)])
    assert (fact.condition, fact.subject, fact.tenant_id) == ("stage_failed", "score", None)
    assert "No space left on device" in fact.text
    assert "Thu 12 Mar 2026, 04:14 UTC" in fact.text
    assert failed_stages([failed, run("score", ago=HOUR)]) == []
    assert failed_stages([failed, run("score", ago=3 * HOUR)]) == [fact]


@pytest.mark.parametrize(("hours", "holds"), [(26, False), (26.1, True)])
def test_there_is_no_run_once_the_last_whole_one_began_too_long_ago(hours, holds):
    runs = [run(ago=90 * HOUR), run(), run("ingest", ago=-HOUR * 20), run("report", "failed", ago=-HOUR * 20)]
    facts = no_run(runs, NEWEST + hours * HOUR, 26)
    assert bool(facts) == holds
    assert all("Thu 12 Mar 2026, 06:14 UTC" in fact.text for fact in facts)


@pytest.mark.parametrize(("waiting", "holds"), [((3, 2), True), ((0, 2), False), ((3, 0), False), ((2,), False)])
def test_notices_that_wait_for_their_dumps_in_two_runs_on_end_are_told_of(waiting, holds):
    runs = [run("ingest", ago=n * HOUR, counts=[("waiting", count)]) for n, count in enumerate(waiting)]
    facts = dumps_missing([*runs, run("ingest", "failed", counts=[]), run("score", counts=[])])
    assert [fact.text.partition(",")[0] for fact in facts] == (["3 notices wait for dumps that are not there"] * holds)


def test_where_no_run_ever_came_to_its_end_that_is_said():
    (fact,) = no_run([run("ingest", "failed")], NEWEST, 26)
    assert "there was none yet" in fact.text


@pytest.mark.parametrize(
    ("usual", "hours", "holds"),
    [(24.0, 119, False), (24.0, 120, True), (168.0, 407, False), (168.0, 408, True), (1.0, 73, False), (1.0, 74, True)],
)
def test_a_device_is_told_of_from_when_it_is_silent(usual, hours, holds):
    facts = silent([device(usual_gap_hours=usual)], NEWEST + hours * HOUR)
    assert bool(facts) == holds
    assert all(fact.since == NEWEST + hours * HOUR for fact in facts)


def test_a_device_whose_usual_gap_is_not_known_is_not_called_silent():
    assert silent([device(usual_gap_hours=None)], NEWEST + 400 * DAY) == []


def test_a_device_of_which_people_said_that_it_is_gone_is_not_told_of():
    assert silent([device(not_judged="retired")], NEWEST + 400 * DAY) == []


def test_a_silent_device_is_named_with_its_last_backup_and_its_tenant():
    (fact,) = silent([device(tenant_id="acme", usual_gap_hours=36.0)], NEWEST + 30 * DAY)
    assert (fact.tenant_id, fact.subject) == ("acme", None)
    assert fact.text == "nas (last backup Thu 12 Mar 2026, 06:14 UTC, usually every 36 h)"


@pytest.mark.parametrize(
    ("stated", "holds"),
    [
        ({}, True),
        ({"files_before": 1}, False),  # stands for 0, too
        ({"files_before": None}, False),
        ({"files_total": None, "bytes_total": 0, "bytes_before": 5_000}, True),
        ({"files_total": 5, "bytes_total": 0, "bytes_before": 5_000}, True),
        ({"files_total": None, "bytes_total": None}, False),
        ({"status": "failed"}, False),
        ({"status": "partial"}, False),
        ({"is_redelivery": True}, False),
    ],
)
def test_a_backup_became_empty_if_it_was_not_and_an_unknown_figure_is_no_zero(stated, holds):
    assert bool(emptied([empty(**stated)], [device()], {})) == holds


def test_it_holds_until_a_backup_is_not_empty_and_counts_from_the_run_that_read_the_first():
    rows = [empty(2), empty(1, files_before=1), empty(0, files_before=1)]
    moments = {"r2": NEWEST - 2 * DAY + HOUR}
    (fact,) = emptied(rows, [device()], moments)
    assert (fact.since, fact.text) == (NEWEST - 2 * DAY + HOUR, "nas (b-2 of Tue 10 Mar 2026, 06:14 UTC)")
    assert emptied(rows, [device(last_backup_id="b-later")], moments) == []
    assert emptied([], [device()], moments) == []


@pytest.mark.parametrize(("count", "holds"), [(9, False), (10, True)])
def test_rejects_are_told_from_so_many_on_by_reason_and_tenant(count, holds):
    others = [reject("missing_field")] * 5 + [reject(tenant_id="acme")] * 5 + [reject("duplicate")] * 90
    facts = refused([*others, *[reject(position=n + 1) for n in range(count)]], 10)
    assert [(fact.subject, fact.tenant_id) for fact in facts] == ([("bad_json", None)] if holds else [])
    expected = "10 records refused as bad_json, for example canonical/a.jsonl 1: is no JSON"
    assert all(fact.text == expected for fact in facts)


@pytest.mark.parametrize("reason", ["bad_time", "foreign_tenant"])
def test_of_a_wrong_clock_and_of_a_foreign_tenant_one_reject_is_enough(reason):
    (fact,) = refused([reject(reason, tenant_id="acme")], 10)
    assert (fact.subject, fact.tenant_id) == (reason, "acme")
