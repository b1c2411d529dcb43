"""What a landed verdict has to say, and which field is named where it does not."""

import json

import pytest

from jobs.landed_words import RefusedError
from jobs.verdict import verdict_of

GOOD = {"anomaly_id": "0123456789abcdef", "verdict": "confirmed", "given_at": "2025-03-30T21:00:00Z"}
SNOOZE = {**GOOD, "verdict": "snooze", "snooze_until": "2025-04-06T00:00:00+02:00"}
FAULTS = {
    "not JSON": (b"{", "bad_json", None),
    "no object": (b"[]", "bad_json", None),
    "too deep": (b"[" * 100_000, "bad_json", None),
    "no UTF-8": (b'{"note": "\xff"}', "bad_encoding", None),
    "no id": ({"anomaly_id": None}, "missing_field", "anomaly_id"),
    "an empty id": ({"anomaly_id": " "}, "missing_field", "anomaly_id"),
    "half an id": ({"anomaly_id": "0123"}, "bad_value", "anomaly_id"),
    "an id in capitals": ({"anomaly_id": "0123456789ABCDEF"}, "bad_value", "anomaly_id"),
    "a number as id": ({"anomaly_id": 123}, "bad_value", "anomaly_id"),
    "no verdict": ({"verdict": None}, "missing_field", "verdict"),
    "another word": ({"verdict": "maybe"}, "bad_value", "verdict"),
    "no time": ({"given_at": None}, "missing_field", "given_at"),
    "a time without a zone": ({"given_at": "2025-03-30T21:00:00"}, "no_time_zone", "given_at"),
    "no such time": ({"given_at": "2025-02-30T21:00:00Z"}, "bad_time", "given_at"),
    "a clock that was never set": ({"given_at": "1970-01-01T00:00:00Z"}, "bad_time", "given_at"),
    "the first hour of all": ({"given_at": "0001-01-01T00:00:00+14:00"}, "bad_time", "given_at"),
    "a note that is none": ({"note": ["a"]}, "bad_value", "note"),
    "a note without end": ({"note": "a" * 1_001}, "bad_value", "note"),
    "a snooze without end": ({"verdict": "snooze"}, "missing_field", "snooze_until"),
    "a snooze that is over": ({**SNOOZE, "snooze_until": GOOD["given_at"]}, "bad_time", "snooze_until"),
    "an end without a snooze": ({"snooze_until": SNOOZE["snooze_until"]}, "bad_value", "snooze_until"),
}


def said(fields=None, tenant=None):
    return verdict_of(json.dumps({**GOOD, **(fields or {})}).encode(), tenant)


@pytest.mark.parametrize("fault", FAULTS)
def test_a_record_that_is_no_verdict_is_refused_naming_the_field(fault):
    record, reason, field = FAULTS[fault]
    with pytest.raises(RefusedError) as refused:
        verdict_of(record, None) if isinstance(record, bytes) else said(record)
    assert (refused.value.reason, refused.value.field) == (reason, field)
    assert (field or "not") in str(refused.value)


def test_a_verdict_says_whose_anomaly_it_is_as_a_record_does():
    assert said()["tenant_id"] == "default"
    assert said({"tenant_id": "a"})["tenant_id"] == "a"
    assert said(tenant="b")["tenant_id"] == "b"
    assert said({"tenant_id": "b"}, tenant="b")["tenant_id"] == "b"
    with pytest.raises(RefusedError, match="land it under its own") as refused:
        said({"tenant_id": "a"}, tenant="b")
    assert (refused.value.reason, refused.value.field) == ("foreign_tenant", "tenant_id")


def test_moments_are_utc_and_what_is_not_said_is_none():
    found = verdict_of(json.dumps({**SNOOZE, "note": "", "colour": "blue"}).encode(), None)
    assert found["snooze_until"].isoformat() == "2025-04-05T22:00:00+00:00"
    assert (found["given_by"], found["note"]) == (None, None)
    assert "colour" not in found


def test_half_of_a_surrogate_pair_becomes_text_that_a_table_can_hold():
    assert verdict_of(json.dumps({**GOOD, "note": "a\ud800"}).encode(), None)["note"] == "a?"
