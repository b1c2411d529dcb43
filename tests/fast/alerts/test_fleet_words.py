"""What a message of a fleet episode says: how many of how many, which, since when, and what they share."""

import json
from datetime import timedelta

import pytest

from jobs.alerts.channels import mail
from jobs.alerts.events import episodes_of
from jobs.alerts.fleet import fleet_events, fleets_of
from jobs.alerts.fleet_words import causes, fleet_facts
from jobs.alerts.listing import alerts_table
from jobs.alerts.ocsf import detection_finding
from jobs.alerts.words import description, mail_text, title
from jobs.channel_settings import Smtp
from jobs.score.touched import Changed, extensions, top_directories
from tests.fast.alerts.samples import MOMENT, row, together, turned
from tests.fast.alerts.test_ocsf_published import check
from tests.fast.report.samples import HOSTILE, NEWEST

DEVICES = [{"tenant_id": "default", "first_backup_at": NEWEST - timedelta(days=400)}] * 1_203


def events(anomalies, devices=DEVICES):
    return fleet_events(fleets_of(episodes_of(anomalies), devices, 10, {}))


def mixed():
    rows = together(24)
    rows[3] |= {"anomaly_kind": "encrypt", "anomaly_score": 2.6, "product": "restic"}
    return rows


def test_it_says_how_many_of_how_many_which_kinds_products_since_when_and_the_highest():
    (start,) = events(mixed())
    told = fleet_facts(start)
    assert told["Devices"] == "24 of 1,203"
    assert told["Kinds"] == "encryption 1, mass deletion 23"
    assert told["Products"] == "canonical 23, restic 1"
    assert told["Began"] == "Wed 11 Mar 2026, 18:44 UTC to Thu 12 Mar 2026, 06:14 UTC"
    assert told["Highest"].startswith("nas-003 (about once in 400 device-years); nas-000 (")
    assert told["In common"] == "nothing that is known"
    assert title(start) == "24 devices at once: encryption, mass deletion"
    for text in ("24 of 1,203 devices", "encryption 1", "canonical 23", "nas-003"):
        assert text in description(start)
        assert text.removesuffix(" devices") in mail_text(start)
    assert "uda search since:2026-03-11" in mail_text(start)


def test_a_device_counts_once_by_its_worst_kind_and_highest_score():
    rows = mixed()
    again = turned(0, NEWEST, episode_id=rows[0]["episode_id"], anomaly_id="f" * 16, anomaly_score=3.0)
    (start,) = events([*rows, again])
    told = fleet_facts(start)
    assert (told["Devices"], told["Kinds"]) == ("24 of 1,203", "encryption 1, mass deletion 23")
    assert told["Highest"].startswith("nas-000 (about once in 1,000 device-years); nas-003 (")


def test_a_fleet_of_unknown_size_is_said_to_be_unknown():
    (start,) = events(mixed(), devices=())
    assert fleet_facts(start)["Devices"] == "24 of unknown"
    assert detection_finding(start, MOMENT)["evidences"][0]["data"]["devices_held"] is None


@pytest.mark.parametrize(("having", "is_named"), [(12, False), (13, True)])
def test_what_more_than_half_of_the_devices_share_is_named(having, is_named):
    rows = together(24)
    for n, device in enumerate(rows):
        device |= {
            "extensions": [f"{n} added, in no earlier list: .locked", "9 added: .docx"] if n < having else None,
            "top_directories": [f"{n} of 90 in home"],
        }
    (start,) = events(rows)
    expected = {"extensions": (".locked", 13)} if is_named else {}
    assert causes(start) == expected | {"top_directories": ("home", 24)}
    assert ("extension .locked (13 devices)" in description(start)) == is_named
    assert "directory home (24 devices)" in mail_text(start)


def test_the_lines_that_score_writes_are_understood():
    changed = [Changed(f"a/in b: c/{n}.locked", "added", "locked", True) for n in range(2)]
    said = {"extensions": extensions(changed), "top_directories": top_directories(changed)}
    (start,) = events([device | said for device in together(24)])
    assert causes(start) == {"extensions": (".locked", 24), "top_directories": ("a/in b: c", 24)}


def test_unknown_causes_are_none():
    for unknown in ({}, {"extensions": None, "top_directories": None}, {"extensions": [], "top_directories": []}):
        (start,) = events([device | unknown for device in together(24)])
        assert causes(start) == {}


def test_every_event_of_it_is_a_detection_finding():
    rows = [
        device | {"extensions": ["9 added, in no earlier list: .locked"]} for device in together(12, anomaly_kind="add")
    ]
    rows += [turned(100 + n, NEWEST + timedelta(hours=1)) for n in range(100)]
    for status in ("open", "confirmed", "false_positive", "resolved"):
        for event in events([device | {"status": status, "backups_since": 1} for device in rows]):
            finding = detection_finding(event, MOMENT)
            check(finding)
            assert finding["metadata"]["correlation_uid"] == event.episode_id
            assert finding["finding_info"]["uid"] == event.alert_id
            assert len(finding["resources"]) == 20
            assert finding["evidences"][0]["data"]["devices"] == 112
            if event.word == "resolved":
                assert finding["status"] == ("Suppressed" if status == "false_positive" else "Resolved")


def test_severity_is_that_of_the_highest_score():
    rows = together(24, anomaly_score=0.5)
    assert detection_finding(events(rows)[0], MOMENT)["severity"] == "Medium"
    rows[5] |= {"anomaly_score": 3.0}
    assert detection_finding(events(rows)[0], MOMENT)["severity"] == "Critical"


def test_hostile_names_stay_data():
    names = dict.fromkeys(("product", "tenant_id"), HOSTILE) | {
        "extensions": [f"9 added, in no earlier list: {HOSTILE}"]
    }
    rows = [device | names | {"device_id": f"{HOSTILE}{n}"} for n, device in enumerate(together(12))]
    (start,) = events(rows)
    message = mail(Smtp("mail", "h", "uda@example.org", ("soc@example.org",)), start, MOMENT)
    shown = message["Subject"] + message.get_content().replace("\r\n", "").replace("\n", "")
    assert shown.isprintable()
    finding = detection_finding(start, MOMENT)
    assert json.loads(json.dumps(finding)) == finding
    assert "\n" not in finding["message"] + finding["finding_info"]["desc"]
    (_, line) = alerts_table([row(start)]).splitlines()
    assert line.endswith("/ many devices at once")
    assert line.isprintable()
