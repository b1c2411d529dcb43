"""Sealed and plain dumps of two tenants beside each other: each record accounted for, nothing of a refused one kept."""

from __future__ import annotations

import base64
import json
import os
import shutil
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest

from jobs.config import Sealed
from jobs.envelope import local_master, seal
from jobs.errors import ConfigError
from jobs.ingest.job import ingest
from jobs.keys import PROVIDER, make_key, read_key
from jobs.tables import BACKUPS, LANDED, REJECTS
from tests.conftest import MOMENT
from tests.rows import record

OLD = (MOMENT - timedelta(days=2)).timestamp()
SECRET = "nobody-may-read-this"


@pytest.fixture
def keys(tmp_path):
    """Key files: one that is nobody's, one of the tenant bolt, and one that is not configured."""
    folder = tmp_path / "keys"
    folder.mkdir()
    for name in ("common", "of-bolt", "elsewhere"):
        make_key(folder / f"{name}.json")
    return folder


@pytest.fixture
def config(config, keys):
    """Two tenants by landing prefix; the second has a key of its own."""
    files = {name: str(keys / f"{name}.json") for name in ("common", "of-bolt")}
    tenants = {"insync/acme": "acme", "insync/bolt": "bolt", "canonical/acme": "acme"}
    return replace(config, tenants=tenants, sealed=Sealed(files, {}, {"of-bolt": "bolt"}))


def dump(tenant, number, **changes):
    said = {"schema": "insync/1", "customerID": tenant, "deviceID": "laptop", "snapshotID": number}
    said |= {"status": "backed_up", "startTime": "2025-03-03T02:00:00Z", "endTime": f"2025-03-03T02:15:{number:02}Z"}
    return json.dumps(said | {"filesTotal": 9, "filesAdded": 1} | changes).encode() + b"\n"


def sealed(keys, name, content, **context):
    return seal(content, local_master(read_key(keys / f"{name}.json")), context)


def drop(config, name, content):
    """A file below the landing folder, as old as a run that is settled; its source."""
    file = Path(config.landing) / name
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_bytes(content)
    os.utime(file, (OLD, OLD))
    return name


def run_of(tenant, number):
    return f"insync/{tenant}/laptop/20250303T0200{number:02}Z"


def dropped_dump(config, number, message, tenant="acme", ending=".jsonl.enc"):
    source = run_of(tenant, number)
    drop(config, source + ending, message)
    drop(config, f"{source}.exit", b"0")
    return source


def land_all(config, keys):
    """Dumps that are good, and by source what the others are refused for."""
    for tenant, key in (("acme", "common"), ("bolt", "of-bolt")):
        dropped_dump(config, 1, dump(tenant, 1), tenant, ".jsonl")
        two = dump(tenant, 2) + dump(tenant, 3)
        dropped_dump(config, 2, sealed(keys, key, two, tenant_id=tenant, device_id="laptop", product="insync"), tenant)
    lines = [json.dumps(record(number)).encode() for number in range(3)]
    content = b"\n".join([*lines, b"no JSON", lines[0]])
    drop(config, "canonical/acme/a.jsonl.enc", sealed(keys, "common", content, tenant_id="acme"))
    message = sealed(keys, "common", dump("acme", 40, note=SECRET), device_id="laptop")
    flipped = message[:-30] + bytes([message[-30] ^ 1]) + message[-29:]
    secret = json.dumps(record(9, note=SECRET)).encode()
    return {
        dropped_dump(config, 4, flipped): "unseal_failed",
        dropped_dump(config, 5, message[:-1]): "unseal_failed",
        dropped_dump(config, 6, sealed(keys, "elsewhere", dump("acme", 41, note=SECRET))): "no_key",
        dropped_dump(config, 7, sealed(keys, "common", dump("bolt", 42, note=SECRET)), "bolt"): "no_key",
        dropped_dump(config, 8, sealed(keys, "common", dump("acme", 43, note=SECRET), device_id="pc")): (
            "context_mismatch"
        ),
        drop(config, "canonical/acme/b.jsonl.enc", sealed(keys, "common", secret, tenant_id="bolt")): (
            "context_mismatch"
        ),
        drop(config, "canonical/acme/c.jsonl.gz.enc", b'{"device_id": "plain"}'): "unseal_failed",
        drop(config, "canonical/acme/d.parquet.enc", sealed(keys, "common", secret)): "unknown_shape",
    }


def tables(store):
    return [store.read(table).orderBy("source", "position").collect() for table in (BACKUPS, REJECTS)]


def test_sealed_and_plain_dumps_of_two_tenants_are_all_accounted_for_once(store, config, keys, tmp_path):
    refused = land_all(config, keys)
    landed = 2 * 3 + 5 + len(refused)
    counts = ingest(store, config)
    assert counts == {"landed": landed, "backups": 9, "rejects": len(refused) + 1, "duplicates": 1}
    backups, rejects = tables(store)
    assert {row["source"]: row["reason"] for row in rejects if row["source"] in refused} == refused
    (line,) = [row for row in rejects if row["reason"] == "bad_json"]
    assert (line["source"], line["position"]) == ("canonical/acme/a.jsonl.enc", 4)
    held = {(row["tenant_id"], row["source"], row["position"]) for row in backups if row["product"] == "insync"}
    runs = [(tenant, run_of(tenant, number)) for tenant in ("acme", "bolt") for number in (1, 2)]
    assert held == {(*run, 1) for run in runs} | {(tenant, run_of(tenant, 2), 2) for tenant in ("acme", "bolt")}
    # Nothing that was refused, and no key, is in any file that the run left.
    secrets = [json.loads(file.read_text())["key_base64"].encode() for file in keys.iterdir()]
    secrets += [base64.b64decode(key) for key in secrets] + [SECRET.encode()]
    left = [file for file in Path(config.lake).rglob("*") if file.is_file()]
    assert len(left) > 10
    assert not [file for file in left if any(secret in file.read_bytes() for secret in secrets)]
    shown = repr((tables(store), store.read(LANDED).collect()))
    assert not [secret for secret in secrets if secret.decode("latin-1") in shown]

    # A key that is configured later changes nothing of what was refused, even if all is read again; but landed anew
    # under another name the dump is read.
    files = {**config.sealed.key_files, "elsewhere": str(keys / "elsewhere.json")}
    config = replace(config, sealed=replace(config.sealed, key_files=files))
    shutil.rmtree(f"{config.lake}/_checkpoints")
    anew = dropped_dump(config, 9, sealed(keys, "elsewhere", dump("acme", 41, note=SECRET)))
    ingest(store, config)
    more, same = tables(store)
    assert ([row for row in more if row["source"] != anew], same) == (backups, rejects)
    assert len(more) == len(backups) + 1


def test_a_key_file_that_can_not_be_used_stops_the_run_before_anything_is_refused(store, config, keys):
    dropped_dump(config, 1, sealed(keys, "common", dump("acme", 1)))
    (keys / "of-bolt.json").chmod(0o644)
    with pytest.raises(ConfigError, match="chmod 600"):
        ingest(store, config)
    (keys / "of-bolt.json").chmod(0o600)
    assert ingest(store, config) == {"landed": 1, "backups": 1, "rejects": 0, "duplicates": 0}
    assert PROVIDER not in repr(tables(store))
