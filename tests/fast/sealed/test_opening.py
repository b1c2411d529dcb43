"""A sealed dump is used whole or not at all: opened with the right key, for what its seal names, and unchanged."""

from __future__ import annotations

import csv
import gzip
import json
import random
import tempfile

import pytest
import zstandard
from hypothesis import given, settings
from hypothesis import strategies as st

from jobs.errors import ConfigError
from jobs.ingest.stems import Fault
from tests.fast.readers.landed import SAMPLES, became, needs_samples
from tests.fast.readers.test_paths import RESTIC_SUMMARY
from tests.fast.sealed.messages import (
    CONTEXT,
    SECRET,
    dump,
    key_file,
    opened_files,
    opened_records,
    opened_run,
    sealed_with,
    seals,
)

RECORD = {
    "tenant_id": "acme",
    "device_id": "nas",
    "backup_id": "7",
    "ended_at": "2025-03-03T02:15:55Z",
    "files_total": 9,
}


@pytest.fixture(scope="module")
def keys(tmp_path_factory):
    """Two key files: that of the dumps, and another one."""
    folder = tmp_path_factory.mktemp("keys")
    return key_file(folder, "site-1", 65), key_file(folder, "site-2", 66)


@pytest.fixture(scope="module")
def message(keys):
    return sealed_with(keys[0], dump())


def the_fault(found):
    """The one fault that the file became, of which nothing may tell what was in it or what would open it."""
    (fault,) = found if isinstance(found, list) else [found]
    assert isinstance(fault, Fault), "something of the dump was used"
    assert fault.text is None
    said = repr(fault)
    assert not [held for held in (SECRET, "A" * 8, "QUFB", "B" * 8, "QkJC") if held in said]
    return fault


@pytest.mark.parametrize("packed", ["jsonl.enc", "jsonl.gz.enc", "jsonl.zst.enc"])
def test_what_was_sealed_packed_or_not_reads_as_what_was_not(tmp_path, keys, packed):
    plain = dump() + dump(snapshotID=77, deviceID="laptop-2", status="failed", endTime="2025-03-04T02:15:55Z")
    pack = {"jsonl.enc": bytes, "jsonl.gz.enc": gzip.compress, "jsonl.zst.enc": zstandard.compress}[packed]
    opens = seals(keys[0])
    found = opened_run(tmp_path / "sealed", sealed_with(keys[0], pack(plain)), opens, packed)
    assert found == opened_run(tmp_path / "plain", plain, opens, "jsonl")
    assert [became(each) for each in found] == ["complete", "failed"]


def test_a_sealed_list_of_paths_is_read_with_its_run_and_refused_with_it(tmp_path, keys):
    listed = b'{"path": "secret plan.docx", "change": "deleted"}'
    message = sealed_with(keys[0], listed, {"product": "restic", "device_id": "nas1"})
    files = {"backup.jsonl": json.dumps(RESTIC_SUMMARY).encode(), "exit": b"0", "changes.jsonl.enc": message}
    (backup,) = opened_files(tmp_path, files, seals(keys[0]), "nas1", "restic")
    assert [changed["path"] for changed in backup["file_changes"]["paths"]] == ["secret plan.docx"]
    refused = opened_files(tmp_path, files, seals(keys[1]), "nas1", "restic")
    assert the_fault(refused).reason == "no_key"
    assert "secret" not in repr(refused)


def test_more_than_one_frame_of_a_message_is_read(tmp_path, keys):
    plain = b"".join(dump(endTime=f"2025-03-{day:02}T03:00:00Z", note="x" * 9000) for day in range(3, 31))
    assert len(plain) > 3 << 16
    found = opened_run(tmp_path, sealed_with(keys[0], plain), seals(keys[0]))
    assert [became(each) for each in found] == ["complete"] * 28


@settings(max_examples=150)
@given(at=st.floats(0, 1, exclude_max=True), change=st.integers(1, 255))
def test_a_flipped_byte_anywhere_costs_one_reject(tmp_path_factory, keys, message, at, change):
    place = int(at * len(message))
    flipped = message[:place] + bytes([message[place] ^ change]) + message[place + 1 :]
    fault = the_fault(opened_run(tmp_path_factory.mktemp("run"), flipped, seals(keys[0])))
    # A byte of the key's name makes it another key's dump, which can't be told from one.
    assert fault.reason in ("unseal_failed", "no_key")


def test_each_byte_of_a_message_is_proved(tmp_path, keys, message):
    opens = seals(keys[0])
    for place in range(len(message)):
        flipped = message[:place] + bytes([message[place] ^ 1]) + message[place + 1 :]
        the_fault(opened_records(tmp_path, flipped, opens, "canonical/a.jsonl.enc"))


def test_a_message_that_is_cut_anywhere_or_has_something_behind_it_costs_one_reject(tmp_path, keys):
    long = sealed_with(keys[0], dump() * 400)  # three frames
    opens = seals(keys[0])
    places = {0, 1, len(long) - 1, *random.Random(7).sample(range(len(long)), 150)}
    for end in places:
        assert the_fault(opened_run(tmp_path, long[:end], opens)).reason == "unseal_failed"
    for behind in (b"\n", long, dump()):
        assert the_fault(opened_run(tmp_path, long + behind, opens)).reason == "unseal_failed"


def test_a_plain_file_that_is_named_sealed_is_refused(tmp_path, keys):
    for plain in (dump(), gzip.compress(dump()), b"\x00" * 1000, b"\x02"):
        assert the_fault(opened_run(tmp_path, plain, seals(keys[0]))).reason == "unseal_failed"


def test_what_was_packed_and_cut_off_before_it_was_sealed_is_not_used_in_part(tmp_path, keys):
    whole = gzip.compress(dump() * 50)
    message = sealed_with(keys[0], whole[:-9])
    assert the_fault(opened_run(tmp_path, message, seals(keys[0]), "jsonl.gz.enc")).reason == "unseal_failed"
    found = opened_records(tmp_path, message, seals(keys[0]), "canonical/a.jsonl.gz.enc")
    assert the_fault(found).reason == "unseal_failed"


def test_a_bomb_in_a_message_is_refused_at_the_limit_of_any_packed_file(tmp_path, keys, monkeypatch):
    from jobs.ingest import unpack

    monkeypatch.setattr(unpack, "LARGEST", 4 << 20)
    message = sealed_with(keys[0], gzip.compress(dump(note="x" * 9_000_000)))
    assert the_fault(opened_run(tmp_path, message, seals(keys[0]), "jsonl.gz.enc")).reason == "unseal_failed"


def test_another_key_of_the_same_name_does_not_open_it(tmp_path, message):
    fault = the_fault(opened_run(tmp_path, message, seals(key_file(tmp_path, "site-1", 66))))
    assert fault.reason == "unseal_failed"
    assert "another key of this id" in fault.detail


def test_a_key_that_is_not_configured_is_named(tmp_path, keys, message):
    fault = the_fault(opened_run(tmp_path, message, seals(keys[1])))
    assert (fault.reason, "'site-1'" in fault.detail) == ("no_key", True)


def test_a_message_without_key_commitment_is_refused(tmp_path, keys):
    from aws_encryption_sdk import CommitmentPolicy, EncryptionSDKClient
    from aws_encryption_sdk.identifiers import Algorithm

    from jobs.envelope import local_master
    from jobs.keys import read_key

    client = EncryptionSDKClient(commitment_policy=CommitmentPolicy.FORBID_ENCRYPT_ALLOW_DECRYPT)
    suite = Algorithm.AES_256_GCM_IV12_TAG16_HKDF_SHA256
    said, _ = client.encrypt(source=dump(), key_provider=local_master(read_key(keys[0])), algorithm=suite)
    fault = the_fault(opened_run(tmp_path, said, seals(keys[0])))
    assert (fault.reason, "without key commitment" in fault.detail) == ("unseal_failed", True)


def test_a_message_larger_than_what_is_held_in_memory_is_refused_unread(tmp_path, keys, monkeypatch):
    from jobs import envelope

    message = sealed_with(keys[0], dump())
    monkeypatch.setattr(envelope, "LARGEST", len(message) - 1)
    assert the_fault(opened_run(tmp_path, message, seals(keys[0]))).reason == "unseal_failed"


@pytest.mark.parametrize(
    ("context", "field"),
    [
        ({"device_id": "laptop-3"}, "device_id"),
        ({"tenant_id": "bolt"}, "tenant_id"),
        ({"product": "phoenix"}, "product"),
        ({"backup_id": "78"}, "backup_id"),
    ],
)
def test_a_seal_for_something_else_than_the_records_say_is_a_reject(tmp_path, keys, context, field):
    fault = the_fault(opened_run(tmp_path, sealed_with(keys[0], dump(), CONTEXT | context), seals(keys[0])))
    assert (fault.reason, fault.field) == ("context_mismatch", field)


def test_a_dump_in_the_folder_of_another_device_product_or_tenant_is_a_reject(tmp_path, keys, message):
    opens = seals(keys[0])
    assert the_fault(opened_run(tmp_path, message, opens, device="laptop-3")).reason == "context_mismatch"
    assert the_fault(opened_run(tmp_path, message, opens, product="phoenix")).reason == "context_mismatch"
    of_bolt = seals(keys[0], tenants={"insync/eu": "bolt"})
    fault = the_fault(opened_run(tmp_path, message, of_bolt, device="eu/laptop-2"))
    assert (fault.reason, fault.field) == ("context_mismatch", "tenant_id")
    nothing_readable = sealed_with(keys[0], SECRET.encode(), {"tenant_id": "acme"})
    assert the_fault(opened_run(tmp_path, nothing_readable, of_bolt, device="eu/laptop-2")).field == "tenant_id"
    assert [became(r) for r in opened_run(tmp_path, message, opens, device="eu/laptop-2")] == ["complete"]


def test_the_tenant_of_a_record_that_names_none_is_that_of_its_landing_prefix(tmp_path, keys):
    message = sealed_with(keys[0], dump(customerID=None))
    (record,) = opened_run(tmp_path, message, seals(keys[0], tenants={"insync": "acme"}))
    assert became(record) == "complete"
    assert the_fault(opened_run(tmp_path, message, seals(keys[0]))).reason == "context_mismatch"


def test_one_record_of_another_backup_refuses_the_whole_dump(tmp_path, keys):
    two = dump() + dump(deviceID="laptop-9")
    assert the_fault(opened_run(tmp_path, sealed_with(keys[0], two), seals(keys[0]))).reason == "context_mismatch"


def test_what_the_seal_does_not_name_is_not_compared(tmp_path, keys):
    two = dump() + dump(deviceID="laptop-9", snapshotID=5)
    found = opened_run(tmp_path, sealed_with(keys[0], two, {"product": "insync"}), seals(keys[0]))
    assert [record["device_id"] for record in found] == ["laptop-2", "laptop-9"]


def test_a_tenants_dump_is_opened_with_its_own_keys_alone(tmp_path, keys):
    own, other = keys
    opens = seals(own, other, owners={"site-1": "acme"})
    assert [became(r) for r in opened_run(tmp_path, sealed_with(own, dump()), opens)] == ["complete"]
    # The key that is nobody's opens no dump of acme, whoever the seal says or does not say it is for.
    assert the_fault(opened_run(tmp_path, sealed_with(other, dump()), opens)).reason == "no_key"
    assert the_fault(opened_run(tmp_path, sealed_with(other, dump(), {}), opens)).reason == "context_mismatch"
    # Nor does acme's open those of others.
    of_bolt = dump(customerID="bolt")
    assert the_fault(opened_run(tmp_path, sealed_with(own, of_bolt, {}), opens)).reason == "context_mismatch"
    assert the_fault(opened_run(tmp_path, sealed_with(own, of_bolt, {"tenant_id": "bolt"}), opens)).reason == "no_key"
    assert [became(r) for r in opened_run(tmp_path, sealed_with(other, of_bolt, {}), opens)] == ["complete"]


def test_a_tools_run_is_refused_as_a_whole_if_one_of_its_files_does_not_open(tmp_path, keys):
    summary = {"message_type": "summary", "files_new": 3, "files_changed": 5, "files_unmodified": 992}
    summary |= {
        "total_files_processed": 1000,
        "total_bytes_processed": 10**8,
        "data_added": 9,
        "snapshot_id": "ab" * 32,
    }
    context = {"product": "restic", "device_id": "nas"}
    files = {"backup.jsonl.enc": sealed_with(keys[0], json.dumps(summary).encode(), context), "exit": b"0"}
    place = {"device": "nas", "product": "restic"}
    (record,) = opened_files(tmp_path, files, seals(keys[0]), **place)
    assert record["files_total"] == 1000
    files["stderr.enc"] = b"plain"
    assert the_fault(opened_files(tmp_path, files, seals(keys[0]), **place)).reason == "unseal_failed"


def test_canonical_records_agree_with_the_seal_whatever_a_reader_takes_of_them(tmp_path, keys):
    line = json.dumps(RECORD).encode()
    context = {"tenant_id": "acme", "device_id": "nas", "product": "canonical"}
    for good in (line, line + b"\n\n" + line, line + b"\nno JSON", b"\n" + line + b"\n[1]\n"):
        assert opened_records(tmp_path, sealed_with(keys[0], good, context), seals(keys[0])) == good
    for wrong in (
        json.dumps(RECORD | {"tenant_id": "bolt"}),
        json.dumps(RECORD | {"product": "restic"}),
        json.dumps(RECORD | {"tenant_id": " "}),  # which counts as the default tenant
        json.dumps({name: value for name, value in RECORD.items() if name != "device_id"}),
        "{}",
        '{"tenant_id": "bolt", ' + json.dumps(RECORD)[1:],  # of two values for a name some take the first
    ):
        both = sealed_with(keys[0], line + b"\n" + wrong.encode(), context)
        assert the_fault(opened_records(tmp_path, both, seals(keys[0]))).reason == "context_mismatch", wrong


def test_a_key_file_that_others_may_read_stops_the_reading_and_refuses_nothing(tmp_path, message):
    file = key_file(tmp_path, "site-1", 65)
    file.chmod(0o640)
    with pytest.raises(ConfigError, match="chmod 600"):
        opened_run(tmp_path, message, seals(file))


def test_opening_leaves_no_file(tmp_path, keys, message, monkeypatch):
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path / "temp"))
    (tmp_path / "temp").mkdir()
    opened_run(tmp_path / "landing", message, seals(keys[0]))
    opened_run(tmp_path / "landing", message[:-1], seals(keys[0]))
    assert not list((tmp_path / "temp").iterdir())
    assert sorted(file.name for file in (tmp_path / "landing").rglob("*.*")) == ["20250303T021515Z.jsonl.enc"]


def test_nothing_of_a_refused_dump_is_printed_or_logged(tmp_path, keys, message, capfd):
    for said in (message[:-1], message[:40], dump(), b"\x02" + message):
        opened_run(tmp_path, said, seals(keys[0]))
    assert capfd.readouterr() == ("", "")


@needs_samples
def test_each_dump_of_the_sealed_samples_becomes_what_truth_expects(tmp_path):
    key = tmp_path / "site-key-1.json"
    key.write_bytes((SAMPLES / "insync" / "site-key-1.json").read_bytes())
    key.chmod(0o600)
    with (SAMPLES / "insync" / "truth.csv").open(encoding="utf-8") as lines:
        rows = list(csv.DictReader(lines))
    assert len(rows) > 12
    for row in rows:
        file = SAMPLES / "insync" / row["device"] / f"{row['file_stem']}.jsonl.enc"
        (found,) = opened_run(tmp_path, file.read_bytes(), seals(key), device=row["device"])
        assert became(found) == row["expect"].removeprefix("reject:"), row
        if not isinstance(found, Fault):
            counts = [name for name in row if name.startswith(("files_", "bytes_"))]
            assert {name: found[name] for name in counts} == {name: int(row[name]) for name in counts}
