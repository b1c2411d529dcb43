"""What a message says, and where its dump may lie."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from jobs.ingest.notices import Notice, notice_of
from jobs.ingest.outcomes import RefusedError
from tests.fast.readers.landed import SAMPLES, needs_samples

LANDING = "/srv/landing"
URI = "/srv/landing/phoenix/nas1/20250302T013007Z.jsonl"
SHA256 = "e" * 64


def body(uri=URI, **fields):
    notice = {"schema": "uda.backup_complete/1", "product": "phoenix", "dump": {"uri": uri}}
    return json.dumps(notice | fields)


def refused(text, landing=LANDING, tenants=None):
    with pytest.raises(RefusedError) as error:
        notice_of(text, landing, tenants or {})
    return error.value.fault.reason, error.value.fault.field


@needs_samples
@pytest.mark.parametrize("name", ["envelope", "raw"])
def test_a_notice_is_read_in_the_envelope_of_a_topic_and_as_it_is(name):
    message = json.loads((SAMPLES / "notices" / f"sqs-message-{name}.json").read_text())
    assert notice_of(message["Body"], "s3a://acme-landing/landing", {}) == Notice(
        "insync/laptop-2/20250303T021515Z.jsonl.enc",
        796,
        "ee99ed67690b5d13a34700127a25d2e72daad37c8def20ab4af24ed3219957a4",
    )


@pytest.mark.parametrize(
    ("text", "reason", "field"),
    [
        ("", "bad_json", None),
        ("backup done", "bad_json", None),
        ("[1]", "bad_json", None),
        ("[" * 100_000, "bad_json", None),
        (json.dumps({"Type": "Notification", "Message": "hello"}), "bad_json", None),
        (body(schema="uda.backup_complete/2"), "bad_value", "schema"),
        (body(schema=None), "bad_value", "schema"),
        (body(tenant_id=7), "bad_value", "tenant_id"),
        (body(device_id=["nas1"]), "bad_value", "device_id"),
        (body(dump=None), "missing_field", "dump.uri"),
        (body(dump=URI), "missing_field", "dump.uri"),
        (body(dump={"uri": 7}), "missing_field", "dump.uri"),
        (body(dump={"uri": URI, "bytes": -1}), "bad_number", "dump.bytes"),
        (body(dump={"uri": URI, "bytes": True}), "bad_number", "dump.bytes"),
        (body(dump={"uri": URI, "sha256": SHA256.upper()}), "bad_value", "dump.sha256"),
        (body(dump={"uri": URI, "sha256": SHA256 + "\n"}), "bad_value", "dump.sha256"),
    ],
)
def test_what_is_no_notice_is_refused_with_the_field_at_fault(text, reason, field):
    assert refused(text) == (reason, field)


@pytest.mark.parametrize(
    "uri",
    [
        "",
        "phoenix/nas1/20250302T013007Z.jsonl",
        "/srv/landing",
        "/srv/landing/",
        "/srv/landing2/phoenix/nas1/a.jsonl",
        "/srv/landing/phoenix",
        "/srv/landing/phoenix/../../../etc/shadow",
        "/srv/landing/./phoenix/a.jsonl",
        "/srv/landing/phoenix//a.jsonl",
        "/srv/landing/feedback/a.json",
        "/srv/landing/git/wiki/a",
        "/srv/landing/elsewhere/nas1/a.jsonl",
        "/srv/landing/phoenix/_hidden/a.jsonl",
        "/srv/landing/phoenix/nas1/.a.jsonl",
        "/srv/landing/phoenix/nas1/a.jsonl.tmp",
        "/srv/landing/phoenix/nas1/a\nb.jsonl",
        "/srv/landing/phoenix/nas1/a\x00.jsonl",
        "/srv/landing/phoenix/nas1/\ud800.jsonl",
        "/srv/landing/phoenix/nas1/" + "a" * 2_000,
        "s3://srv/landing/phoenix/nas1/a.jsonl",
        "http://srv/landing/phoenix/nas1/a.jsonl",
    ],
)
def test_a_dump_that_lies_elsewhere_is_never_looked_at(uri):
    assert refused(body(uri)) == ("dump_outside", "dump.uri")


@pytest.mark.parametrize(
    ("uri", "landing"),
    [
        (URI, LANDING),
        (f"file://{URI}", LANDING),
        (f"file:{URI}", f"file://{LANDING}"),
        ("s3://b/in/phoenix/nas1/20250302T013007Z.jsonl", "s3a://b/in"),
        ("s3a://b/in/phoenix/nas1/20250302T013007Z.jsonl", "s3a://b/in/"),
    ],
)
def test_an_address_may_be_written_in_any_of_its_ways(uri, landing):
    assert notice_of(body(uri), landing, {}).path == "phoenix/nas1/20250302T013007Z.jsonl"


def test_another_bucket_of_a_longer_name_is_not_the_landing():
    assert refused(body("s3://b2/in/phoenix/a/b.jsonl"), "s3a://b/in") == ("dump_outside", "dump.uri")


def test_a_tenant_names_no_dump_of_another_one():
    tenants = {"phoenix": "acme"}
    assert notice_of(body(tenant_id="acme"), LANDING, tenants) == notice_of(body(), LANDING, tenants)
    assert refused(body(tenant_id="bolt"), tenants=tenants) == ("foreign_tenant", "tenant_id")


JSON = st.recursive(
    st.none() | st.booleans() | st.floats() | st.integers() | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=8,
)
FIELDS = st.fixed_dictionaries(
    {},
    optional={
        "schema": st.just("uda.backup_complete/1") | JSON,
        "dump": st.fixed_dictionaries({"uri": st.just(URI) | JSON, "bytes": JSON, "sha256": JSON}) | JSON,
        "tenant_id": JSON,
        "Message": st.just(body()) | JSON,
    },
)


@given(FIELDS | JSON)
def test_whatever_a_message_says_is_a_notice_below_the_landing_or_refused(said):
    try:
        assert notice_of(json.dumps(said), LANDING, {"phoenix": "acme"}).path == URI.removeprefix(f"{LANDING}/")
    except RefusedError as error:
        assert error.fault.detail.encode()  # which every table can hold
