"""What can be said of a device, which names go together, and `uda device`. Without Spark."""

import json
from datetime import UTC, datetime

import pytest

from jobs.cli import main
from jobs.device_note import current_names, note_of, refused_renames
from jobs.landed_words import RefusedError
from jobs.tables import DEVICE_NOTES, DEVICES
from tests.fast.docs.lake import write_table

AT = datetime(2025, 3, 30, 21, 15, tzinfo=UTC)
NOW = "2025-04-01T08:00:00Z"
GOOD = {"device_id": "nas", "word": "retire", "given_at": NOW}
RENAME = {**GOOD, "word": "rename", "new_device_id": "nas2"}
SNOOZE = {**GOOD, "word": "snooze", "snooze_until": "2025-04-06T00:00:00+02:00"}
FAULTS = {
    "not JSON": (b"{", "bad_json", None),
    "no device": ({"device_id": ""}, "missing_field", "device_id"),
    "no word": ({"word": None}, "missing_field", "word"),
    "another word": ({"word": "erase"}, "bad_value", "word"),
    "no time": ({"given_at": None}, "missing_field", "given_at"),
    "a rename to nothing": ({"word": "rename"}, "missing_field", "new_device_id"),
    "a rename to itself": ({**RENAME, "new_device_id": "nas"}, "bad_value", "new_device_id"),
    "a name without a rename": ({"new_device_id": "nas2"}, "bad_value", "new_device_id"),
    "a snooze without end": ({"word": "snooze"}, "missing_field", "snooze_until"),
    "a snooze that ends first": ({**SNOOZE, "snooze_from": "2025-04-09T00:00:00Z"}, "bad_time", "snooze_until"),
    "an end without a snooze": ({"snooze_until": NOW}, "bad_value", "snooze_until"),
    "a begin without a snooze": ({"snooze_from": NOW}, "bad_value", "snooze_from"),
}


@pytest.mark.parametrize("fault", FAULTS)
def test_a_record_that_says_nothing_of_a_device_is_refused_naming_the_field(fault):
    record, reason, field = FAULTS[fault]
    with pytest.raises(RefusedError) as refused:
        note_of(record if isinstance(record, bytes) else json.dumps({**GOOD, **record}).encode(), None)
    assert (refused.value.reason, refused.value.field) == (reason, field)


def test_a_note_is_the_tenants_of_its_prefix_and_a_snooze_begins_when_it_is_said():
    found = note_of(json.dumps(SNOOZE).encode(), "acme")
    assert (found["tenant_id"], found["product"]) == ("acme", "canonical")
    assert (found["snooze_from"].isoformat(), found["snooze_until"].isoformat()) == (
        "2025-04-01T08:00:00+00:00",
        "2025-04-05T22:00:00+00:00",
    )
    with pytest.raises(RefusedError, match="land it under its own"):
        note_of(json.dumps({**GOOD, "tenant_id": "other"}).encode(), "acme")


def rename(old, new, at=1, position=1, tenant="t", product="p"):
    named = {"tenant_id": tenant, "product": product, "device_id": old, "new_device_id": new}
    return {**named, "given_at": AT.replace(day=at), "source": f"devices/{at}.json", "position": position}


def names_of(*renames):
    return {device[2]: name for device, name in current_names({("t", "p", old): new for old, new in renames}).items()}


def test_a_chain_of_names_ends_in_the_last_one_and_several_may_come_together():
    assert names_of(("a", "b"), ("b", "c"), ("x", "c")) == {"a": "c", "b": "c", "x": "c"}


def test_another_tenants_or_products_device_of_the_same_name_is_another_device():
    renames = {("t", "p", "a"): "b", ("u", "p", "b"): "c", ("t", "q", "b"): "d"}
    assert current_names(renames)["t", "p", "a"] == "b"
    others = [rename("b", "a", 2, tenant="u"), rename("b", "a", 2, product="q")]
    assert refused_renames(others, [rename("a", "b")]) == {}


@pytest.mark.parametrize(
    ("new", "why"),
    [
        (rename("a", "c", 2), "the device was renamed before, to b; rename that one"),
        (rename("b", "a", 2), "a was renamed to b before: a device can't go back to a name that it had"),
    ],
    ids=["twice", "back"],
)
def test_a_rename_that_conflicts_with_one_before_is_refused_with_the_reason(new, why):
    assert refused_renames([new], [rename("a", "b")]) == {("devices/2.json", 1): why}
    assert refused_renames([new, rename("a", "b")], []) == {("devices/2.json", 1): why}, "the earlier one counts"


def test_a_long_way_round_is_a_cycle_too_and_what_was_said_twice_is_none():
    chain = [rename("a", "b", 1), rename("b", "c", 2)]
    assert list(refused_renames([rename("c", "a", 3)], chain)) == [("devices/3.json", 1)]
    assert refused_renames([rename("a", "b", 5)], chain) == {}


def test_a_batch_that_comes_again_is_decided_as_before():
    batch = [rename("a", "b", 1), rename("b", "a", 2), rename("b", "c", 3), rename("c", "b", 4)]
    refused = refused_renames(batch, [])
    assert [source for source, _ in refused] == ["devices/2.json", "devices/4.json"]
    written = [row for row in batch if (row["source"], row["position"]) not in refused]
    assert refused_renames(batch, written).keys() == refused.keys()


@pytest.fixture(scope="module")
def lake(tmp_path_factory):
    folder = tmp_path_factory.mktemp("lake")
    of_all = {"product": "canonical", "last_backup_at": AT}
    devices = [("default", "nas"), ("default", "nas2"), ("default", "laptop"), ("acme", "laptop"), ("default", "b")]
    rows = [{**of_all, "tenant_id": tenant, "device_id": name} for tenant, name in devices]
    old = {**of_all, "tenant_id": "default", "device_id": "a", "renamed_to": "b"}
    write_table(folder, DEVICES, [*rows, old])
    held = {"tenant_id": "default", "product": "canonical", "device_id": "a", "new_device_id": "b"}
    write_table(folder, DEVICE_NOTES, [{**held, "word": "rename", "given_at": AT}])
    return folder


@pytest.fixture
def say(lake, tmp_path, monkeypatch, capsys):
    """Say something of a device; return the exit status, what was answered, and what landed."""
    for name in ("UDA_CONFIG", "UDA_LAKE", "UDA_LANDING"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("LOGNAME", "ana")
    monkeypatch.chdir(tmp_path)

    def call(*arguments):
        status = main(["device", *arguments, "--lake", str(lake), "--landing", str(tmp_path), "--moment", NOW])
        said = capsys.readouterr()
        landed = [json.loads(file.read_text()) for file in sorted((tmp_path / "devices").glob("*"))]
        return status, said.out or said.err, landed

    return call


SAID = {
    "retire": (("retire", "nas", "--note", "sold"), {"word": "retire", "note": "sold"}, "named as retired until"),
    "rename": (("rename", "nas", "new"), {"word": "rename", "new_device_id": "new"}, "under the name new goes on"),
    "merge": (("rename", "nas", "nas2"), {"word": "rename", "new_device_id": "nas2"}, "nas2 has backups too: both"),
    "snooze": (
        ("snooze", "nas", "--until", "7"),
        {"word": "snooze", "snooze_until": "2025-04-08T08:00:00Z"},
        "Until 2025-04-08 08:00 UTC no message",
    ),
    "planned": (
        ("snooze", "nas", "--from", "2025-04-05", "--until", "2025-04-07"),
        {"word": "snooze", "snooze_from": "2025-04-05T00:00:00Z", "snooze_until": "2025-04-07T00:00:00Z"},
        "From 2025-04-05 00:00 UTC until 2025-04-07 00:00 UTC no message",
    ),
}


@pytest.mark.parametrize("word", SAID)
def test_what_is_said_lands_at_once_as_the_reader_takes_it_and_says_what_follows(say, word):
    arguments, expected, follows = SAID[word]
    status, said, landed = say(*arguments)
    whole = {"tenant_id": "default", "product": "canonical", "device_id": "nas", "given_at": NOW, "given_by": "ana"}
    assert (status, landed) == (0, [whole | expected])
    assert follows in said
    assert note_of(json.dumps(landed[0]).encode(), None)["word"] == arguments[0]


@pytest.mark.parametrize(
    ("arguments", "status", "says"),
    [
        (("retire", "gone"), 1, "no device 'gone' in"),
        (("retire", "laptop"), 1, "2 devices are called 'laptop': tenant acme, product canonical; tenant default"),
        (("retire", "nas", "--product", "restic"), 1, "no device 'nas' in"),
        (("retire", "a"), 1, "a is called b by now; say that name"),
        (("rename", "b", "a"), 1, "b can't be called a: a was renamed to b before"),
        (("rename", "nas", "nas"), 2, "--new_device_id: new_device_id is the name that the device has"),
        (("rename", "nas"), 2, "a rename needs both names"),
        (("retire", "nas", "nas2"), 2, "a rename needs both names, and nothing else does"),
        (("snooze", "nas"), 2, "a snooze needs its end"),
        (("snooze", "nas", "--until", "2025-04-01"), 2, "--until 2025-04-01 is over already"),
        (("snooze", "nas", "--until", "3", "--from", "5"), 2, "--snooze_until: snooze_until must lie after"),
        (("retire", "nas", "--from", "5"), 2, "--snooze_from: retire has no snooze_from"),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, tuple) else "",
)
def test_what_cannot_be_said_is_one_line_and_leaves_no_file(say, arguments, status, says):
    found, said, landed = say(*arguments)
    assert (found, landed) == (status, [])
    assert said.startswith(f"uda: {says}")
    assert len(said.splitlines()) == 1


def test_a_device_is_meant_by_its_tenant_where_two_have_it(say):
    status, said, landed = say("retire", "laptop", "--tenant", "acme")
    assert (status, landed[0]["tenant_id"]) == (0, "acme")
    assert said.startswith("retire: acme / laptop, newest backup 2025-03-30 21:15 UTC")
