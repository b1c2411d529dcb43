"""Sealed files as the tests take them: keys, dumps of a product, and what ingest would make of them."""

from __future__ import annotations

import json
import os
from dataclasses import replace
from pathlib import Path

from jobs.config import Sealed, load_config
from jobs.ingest.outcomes import RefusedError
from jobs.ingest.products import READERS
from jobs.ingest.sealed import Seals, open_records, outcomes_of
from jobs.ingest.stems import Stem, stem_time
from jobs.keys import PROVIDER
from tests.fast.readers.landed import LATEST

STEM = "20250303T021515Z"
SECRET = "nobody-may-read-this"
CONTEXT = {"tenant_id": "acme", "product": "insync", "device_id": "laptop-2", "backup_id": "77"}
NO_KEYS = load_config(None, {}).sealed


def dump(**changes):
    """One backup as insync dumps it, with a further field that no output may show."""
    said = {"schema": "insync/1", "customerID": "acme", "deviceID": "laptop-2", "snapshotID": 77, "note": SECRET}
    said |= {"status": "backed_up", "startTime": "2025-03-03T02:15:15Z", "endTime": "2025-03-03T02:15:55Z"}
    return json.dumps(said | {"filesTotal": 9, "filesAdded": 1} | changes).encode() + b"\n"


def key_file(folder, name, fill):
    """A key file of bytes that are all the same, so that tests can look for it; only its owner may read it."""
    import base64

    file = folder / f"{name}.json"
    key = base64.b64encode(bytes([fill]) * 32).decode()
    file.write_text(json.dumps({"provider": PROVIDER, "key_name": name, "key_base64": key}))
    file.chmod(0o600)
    return file


def sealed_with(file, content, context=CONTEXT):
    """The content, sealed with the key of a file."""
    from jobs.envelope import local_master, seal
    from jobs.keys import read_key

    return seal(content, local_master(read_key(file)), context)


def seals(*files, tenants=None, owners=None, **others):
    """What opens dumps sealed with the keys in these files; `owners` is key to tenant."""
    keys = Sealed({file.stem: str(file) for file in files}, {}, owners or {})
    return Seals(replace(keys, **others), tenants or {})


def opened_run(folder, message, opens, name="jsonl.enc", device="laptop-2", product="insync"):
    """What ingest makes of a run of one sealed file: records and faults."""
    return opened_files(folder, {name: message}, opens, device, product)


def opened_files(folder, files, opens, device="laptop-2", product="insync"):
    from jobs.ingest.stems import parse_name

    place = folder / product / device
    place.mkdir(parents=True, exist_ok=True)
    held = {}
    for name, content in files.items():
        file = place / f"{STEM}.{name}"
        file.write_bytes(content)
        held[parse_name(file.name)[1]] = str(file)
    stem = Stem(f"{product}/{device}/{STEM}", device, stem_time(STEM), held, most_paths=10)
    return list(outcomes_of(READERS[product], stem, LATEST, opens))


def opened_records(folder, message, opens, source="canonical/a.jsonl.enc"):
    """Content of a sealed file of canonical records, or the fault."""
    file = folder / Path(source).name
    file.write_bytes(message)
    try:
        return open_records(str(file), source, 1 << 24, opens).content
    except RefusedError as error:
        return error.fault


def files_with(folder, *texts):
    """Files below a folder that hold one of some bytes."""
    places = [Path(place) / name for place, _, names in os.walk(folder) for name in names]
    return [file for file in places if any(text in file.read_bytes() for text in texts)]
