"""`uda devices` and the page's section on coverage: who is judged, who is not and why, who is silent."""

import json
from datetime import timedelta

import pytest

from jobs.cli import main
from jobs.report.coverage import TODO, coverage
from jobs.report.devices import devices_table
from jobs.report.words import NOT_JUDGED_WORDS
from jobs.tables import DEVICES
from tests.fast.docs.lake import write_table
from tests.fast.report.samples import HOSTILE, NEWEST

MOMENT = NEWEST + timedelta(hours=6)


def device(name="photo-archive", days_ago=0, **said):
    """One row of `devices`: a daily device that was judged."""
    at = NEWEST - timedelta(days=days_ago)
    good = {"last_good_backup_id": f"b-{days_ago + 1}", "last_good_at": at - timedelta(days=1)}
    row = {"tenant_id": "default", "product": "canonical", "device_id": name, "usual_gap_hours": 24.0}
    row |= {"first_backup_at": at - timedelta(days=90), "last_backup_at": at, "last_backup_id": f"b-{days_ago}"}
    return dict.fromkeys(DEVICES.names) | row | good | said


def test_each_device_says_whether_it_is_judged_and_what_is_wrong_and_what_to_restore():
    rows = [
        device(),
        device("nas", 1, open_episode_id="3f9c0a5be1d27486"),
        device("laptop", 9, usual_gap_hours=96.0, tenant_id="acme"),
        device("gone", 40),
        device("new", usual_gap_hours=None, not_judged="first", last_good_backup_id=None, last_good_at=None),
    ]
    assert devices_table(rows, MOMENT, 100, colour=False).splitlines() == [
        "NEWEST (UTC)      DEVICE                                                       USUAL GAP  STATE",
        "2026-03-12 06:14  photo-archive                                                24 h       judged",
        "                  last good backup b-1 of 2026-03-11 06:14",
        "2026-03-11 06:14  nas                                                          24 h       open",
        "                  episode 3f9c0a5be1d27486; last good backup b-2 of 2026-03-10 06:14",
        "2026-03-03 06:14  acme / laptop                                                4 days     judged",
        "                  last good backup b-10 of 2026-03-02 06:14",
        "2026-01-31 06:14  gone                                                         24 h       silent",
        "                  silent since 2026-02-05 06:14; last good backup b-41 of 2026-01-30 06:14",
        "2026-03-12 06:14  new                                                          -          not judged",
        "                  first backup, nothing to compare with; no good backup is held",
    ]


@pytest.mark.parametrize("column", ["tenant_id", "device_id", "not_judged", "last_good_backup_id"])
def test_a_hostile_name_moves_no_cursor_and_widens_no_line(column):
    lines = devices_table([device(**{column: HOSTILE * 9})], MOMENT, 80, colour=False).splitlines()
    assert all(line.isprintable() and len(line) <= 80 for line in lines)


def test_the_listing_is_newest_first_and_json_says_from_when_on_a_device_is_silent(tmp_path, capsys):
    write_table(tmp_path, DEVICES, [device("old", 3), device("new"), device("middle", 1, usual_gap_hours=None)])
    assert main(["devices", "--lake", str(tmp_path), "--json"]) == 0
    rows = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert [(row["device_id"], row["silent_from"]) for row in rows] == [
        ("new", "2026-03-17T06:14:00Z"),
        ("middle", None),
        ("old", "2026-03-14T06:14:00Z"),
    ]
    assert set(rows[0]) == {*DEVICES.names, "silent_from"}
    assert main(["devices", "--lake", str(tmp_path), "--limit", "1"]) == 0
    said = capsys.readouterr().out
    assert "new" in said
    assert "old" not in said


def test_the_page_counts_devices_that_nobody_watches_over_and_says_what_to_do():
    html = str(coverage({"devices": 9, "judged": 4, "not_judged": {"first": 2, "failed": 3}, "silent": 1}))
    assert html.index("silent: no backup") < html.index(NOT_JUDGED_WORDS["failed"]) < html.index("first backup")
    assert "<td>3</td><td>newest backup failed</td>" in html
    assert TODO["failed"] in html


def test_a_fleet_that_is_watched_over_has_no_such_section_and_a_hostile_reason_is_text():
    assert coverage({"devices": 9, "judged": 9, "not_judged": {"failed": 0}}) is None
    assert "<script>" not in str(coverage({"devices": 9, "judged": 8, "not_judged": {HOSTILE: 1}}))


def test_every_reason_has_its_words_and_what_to_do():
    assert set(TODO) == set(NOT_JUDGED_WORDS)
