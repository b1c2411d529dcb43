"""What the demo says of its attacks must be so."""

import json
import re

import pytest

from demo.comparison import (
    attacks_in_words,
    backups_judged,
    beside_each_other,
    exposure_in_words,
    others_in_words,
)

DELETED = {"device_id": "a", "backup_id": "1", "attack": "delete_0.5", "kind": "delete", "in_words": "half deleted"}
WIPED = {"device_id": "b", "backup_id": "1", "attack": "wipe_1", "kind": "modify", "in_words": "zeros"}


def listed(device_id="a", backup_id="1", kind="delete", score=2.0):
    """An anomaly as it comes out of `uda anomalies --json`."""
    line = json.dumps(
        {
            "device_id": device_id,
            "backup_id": backup_id,
            "ended_at": "2025-03-29T09:17:23Z",
            "anomaly_kind": kind,
            "anomaly_score": score,
            "reason": "9,000 files deleted, usually 0 to 3 a backup.",
        }
    )
    return json.loads(line)


def test_an_attack_is_found_only_on_its_very_backup():
    found, others = beside_each_other([DELETED, WIPED], [listed(), listed("b", "2")])
    assert [anomaly for _, anomaly in found] == [listed(), None]
    assert others == [listed("b", "2")]


def test_the_same_backup_id_on_another_device_is_another_backup():
    found, others = beside_each_other([DELETED], [listed("c", "1")])
    assert found == [(DELETED, None)]
    assert others == [listed("c", "1")]


@pytest.mark.parametrize(
    ("anomaly", "said", "summary"),
    [
        (None, "MISSED", "0 of 1 found, 0 of them with the right kind."),
        (listed(), "found as delete", "1 of 1 found, 1 of them with the right kind."),
        (listed(kind="add"), "found as add, is delete", "1 of 1 found, 0 of them with the right kind."),
    ],
)
def test_missed_found_and_found_as_another_kind_are_told_apart(anomaly, said, summary):
    lines = attacks_in_words([(DELETED, anomaly)]).splitlines()
    assert re.split("  +", lines[2])[2] == said
    assert lines[-1] == summary


def test_a_score_of_nothing_found_is_blank_and_a_score_of_zero_is_not():
    assert attacks_in_words([(DELETED, None)]).splitlines()[2].endswith("MISSED")
    assert attacks_in_words([(DELETED, listed(score=0.0))]).splitlines()[2].endswith("0.0")


def test_other_alerts_are_listed_with_their_reason_the_most_unusual_first():
    said = others_in_words([listed("x", score=0.4), listed("y", score=3.0)])
    assert said.index("y ") < said.index("x ")
    assert said.count("9,000 files deleted, usually 0 to 3 a backup.") == 2
    assert others_in_words([]) == "No other backup alerted."


def test_false_alerts_stand_beside_what_the_budget_allows():
    said = exposure_in_words(judged=210, devices=33, days=30, others=4, budget=1.0)
    assert "210 backups of 33 devices" in said
    assert "2.7 device-years" in said
    assert "about 2.7 such alerts are allowed; there were 4." in said


def test_how_many_were_judged_comes_from_the_score_stage_and_is_not_guessed():
    ended = {"stage": "score", "event": "ended", "counts": {"scored": 210}}
    others = [{**ended, "event": "started", "counts": {}}, {**ended, "stage": "ingest", "counts": {"landed": 5}}]
    assert backups_judged([*others, ended]) == 210
    assert backups_judged(others) is None
    assert exposure_in_words(None, 33, 30, 4, 1.0).startswith("Backups of 33 devices")
