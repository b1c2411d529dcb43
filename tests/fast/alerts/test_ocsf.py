"""A finding has what the OCSF class 2004 requires, and says what the anomaly says."""

import json
import math
from datetime import timedelta

import pytest

from jobs.alerts.events import episodes_of, events_of
from jobs.alerts.ocsf import STATUSES, detection_finding
from jobs.tables import ALERT_EVENTS, ANOMALY_STATUSES
from tests.fast.alerts.samples import MOMENT, episode, event
from tests.fast.report.samples import FILES, HOSTILE, HOSTILE_PATHS, NEWEST

# Required in version 1.5.0 of the class and of the objects used, with the type that each has in JSON.
REQUIRED = {
    "": {
        **dict.fromkeys(("activity_id", "category_uid", "class_uid", "severity_id", "time", "type_uid"), int),
        **dict.fromkeys(("finding_info", "metadata"), dict),
    },
    "finding_info": {"uid": str, "title": str},  # the title from 1.0 on; recommended since
    "metadata": {"product": dict, "version": str},
    "metadata.product": {"vendor_name": str, "name": str},  # either, by version
}
TIMES = ("created_time", "first_seen_time", "last_seen_time")


def at(finding, path):
    for name in path.split(".") if path else ():
        finding = finding[name]
    return finding


@pytest.mark.parametrize("word", ALERT_EVENTS)
@pytest.mark.parametrize("status", ANOMALY_STATUSES)
def test_a_finding_has_every_required_attribute_and_is_plain_json(word, status):
    finding = detection_finding(event(word, status=status), MOMENT)
    for path, attributes in REQUIRED.items():
        assert {name: type(at(finding, path)[name]) for name in attributes} == attributes, path
    assert json.loads(json.dumps(finding, allow_nan=False)) == finding
    # Of `evidences` and `resource_details` at least one of several attributes is needed.
    assert all("data" in evidence for evidence in finding["evidences"])
    assert all(resource["uid"] for resource in finding["resources"])
    assert finding["status_id"] in range(1, 7)


def test_ids_follow_from_class_and_event():
    found = {word: detection_finding(event(word), MOMENT) for word in ALERT_EVENTS}
    assert {word: finding["activity_id"] for word, finding in found.items()} == {
        "started": 1,
        "grown": 2,
        "resolved": 3,
    }
    for finding in found.values():
        assert (finding["class_uid"], finding["category_uid"]) == (2004, finding["class_uid"] // 1000)
        assert finding["type_uid"] == finding["class_uid"] * 100 + finding["activity_id"]


def test_a_finding_carries_the_alerts_id_and_the_episodes():
    start, *_, end = events_of(episodes_of(episode("delete", "encrypt", status="resolved")))
    findings = [detection_finding(found, MOMENT) for found in (start, end)]
    assert [f["finding_info"]["uid"] for f in findings] == [start.alert_id, end.alert_id]
    assert [f["metadata"]["uid"] for f in findings] == [start.alert_id, end.alert_id]
    assert len({f["metadata"]["correlation_uid"] for f in findings}) == 1


def test_moments_are_milliseconds():
    start, *_ = events_of(episodes_of(episode("delete", "delete")))
    finding = detection_finding(start, MOMENT)
    yesterday = NEWEST - timedelta(days=1)
    info = finding["finding_info"]
    assert [info[name] for name in TIMES] == [int(t.timestamp()) * 1000 for t in (MOMENT, yesterday, NEWEST)]
    assert finding["time"] == int(MOMENT.timestamp()) * 1000


@pytest.mark.parametrize(
    ("score", "severity"),
    [(-1.0, "Low"), (0.0, "Medium"), (0.99, "Medium"), (1.0, "High"), (3.0, "Critical"), (math.inf, "Critical")],
)
def test_severity_follows_the_score(score, severity):
    ids = {"Low": 2, "Medium": 3, "High": 4, "Critical": 5}
    finding = detection_finding(event("started", anomaly_score=score), MOMENT)
    assert (finding["severity"], finding["severity_id"]) == (severity, ids[severity])


def test_the_evidence_says_value_usual_range_share_last_good_and_status_and_unknown_is_null():
    (evidence,) = detection_finding(event("started"), MOMENT)["evidences"]
    expected = {"value": 9_000.0, "usual_low": 0.0, "usual_high": 3.0, "share": 0.45, "unit": "files"}
    expected |= {"last_good_backup_id": "b-1", "status": "open", "signal": "deleted", "backup_id": "b-0"}
    assert evidence["data"].items() >= expected.items()
    unknown = {"value": math.nan, "share": None, "last_good_backup_id": None, "last_good_at": None}
    (evidence,) = detection_finding(event("started", **unknown), MOMENT)["evidences"]
    assert evidence["data"].items() >= dict.fromkeys(unknown).items()


def test_every_status_of_an_anomaly_has_one_of_a_finding():
    assert set(STATUSES) == set(ANOMALY_STATUSES)


def test_what_is_closed_is_not_still_in_progress():
    assert detection_finding(event("resolved", status="confirmed"), MOMENT)["status"] == "Resolved"
    assert detection_finding(event("grown", status="confirmed"), MOMENT)["status"] == "In Progress"
    assert detection_finding(event("resolved", status="new_baseline"), MOMENT)["status"] == "Suppressed"


def test_names_from_records_stay_data():
    finding = detection_finding(event("started", device_id=HOSTILE, reason=HOSTILE), MOMENT)
    assert finding["resources"][0]["uid"] == HOSTILE
    assert "\n" not in finding["message"] + finding["finding_info"]["desc"]
    assert json.loads(json.dumps(finding)) == finding


def test_a_finding_names_files_as_data_where_a_list_landed():
    finding = detection_finding(event("started", **FILES | {"sample_paths": HOSTILE_PATHS}), MOMENT)
    (evidence,) = finding["evidences"]
    assert evidence["data"].items() >= (FILES | {"sample_paths": HOSTILE_PATHS}).items()
    assert json.loads(json.dumps(finding)) == finding
    assert "docs/plan" not in finding["message"] + finding["finding_info"]["desc"]
