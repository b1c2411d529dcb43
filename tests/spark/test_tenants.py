"""Two tenants in one lake: nothing that one does changes anything of the other's; and what is erased is gone."""

from __future__ import annotations

import hashlib
import shutil
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import pyarrow.parquet as pq
import pytest

from jobs.channel_settings import Jsonl
from jobs.erase.job import erase, rows_held
from jobs.erase.what import Whose, the_device
from jobs.errors import UdaError
from jobs.features.job import features
from jobs.ingest.job import ingest
from jobs.report.job import report
from jobs.score.job import score
from jobs.tables import (
    ALERTS,
    ANOMALIES,
    BACKUPS,
    DEVICE_MODELS,
    DEVICE_NOTES,
    DEVICES,
    ERASED,
    FEATURES,
    FEEDBACK,
    LANDED,
    REJECTS,
    RUNS,
    SCORES,
    TABLES,
)
from jobs.train.job import train
from tests.conftest import config_in
from tests.rows import frame_of, land, moment, record
from tests.spark.test_score import VERSION, lake_of, model_of, usual

TENANTS = {f"{folder}/{tenant}": tenant for folder in ("canonical", "devices", "feedback") for tenant in "ab"}
DAYS = range(50, 61)
SAID_AT, UNTIL = "2025-03-10T21:00:00Z", "2025-06-01T00:00:00Z"


def wiped(at, device):
    return record(at, device=device, files_added=0, files_updated=0, files_deleted=700, files_total=300)


def anomaly_of(tenant, device, at):
    key = (tenant, "canonical", device, f"{device}-{at}", str(moment(at).date()))
    return hashlib.sha256("".join(f"{len(part)}:{part}" for part in key).encode()).hexdigest()[:16]


def land_of(config, tenant, is_hit):
    """The same devices, backups and faults for each tenant; one of them is hit, and says all that can be said."""
    records = [record(at, device=device) for device in ("nas", "laptop") for at in DAYS]
    faulty = {**record(3, device="nas"), "files_added": -1}
    last = wiped(61, "nas") if is_hit else record(61, device="nas")
    land(config, f"{tenant}/all.jsonl", [*records, last, wiped(61, "laptop"), faulty, record(DAYS[0], device="nas")])
    if is_hit:
        notes = [
            {"device_id": "nas", "word": "rename", "new_device_id": "nas2"},
            {"device_id": "laptop", "word": "snooze", "snooze_from": "2025-03-01T00:00:00Z", "snooze_until": UNTIL},
        ]
        land(config, f"../devices/{tenant}/said.jsonl", [{**note, "given_at": SAID_AT} for note in notes])
        verdict = {"anomaly_id": anomaly_of(tenant, "nas", 61), "verdict": "confirmed", "given_at": SAID_AT}
        land(config, f"../feedback/{tenant}/said.jsonl", [{**verdict, "note": "seen"}])


def run(spark, folder, tenants):
    """A lake in which these tenants landed what they have, in one run."""
    config = config_in(folder)
    channels = {name: Jsonl(name, str(folder / f"told-{name}.jsonl"), tenants=(name,)) for name in "ab"}
    # The moment of the tests lies long after the last backup.
    config = replace(config, tenants=TENANTS, channels=channels, alerts=replace(config.alerts, max_age_days=400))
    for tenant in tenants:
        land_of(config, tenant, is_hit=tenant == "b")
    shared = [{**record(61, device="mail"), "tenant_id": tenant} for tenant in tenants]
    land(config, "shared.jsonl", shared)
    store = lake_of(spark, config.lake, "a run")
    model = {"model_version": VERSION, **model_of([usual(at) for at in range(40, 55)])}
    learned = [
        {"tenant_id": tenant, "device_id": device, **model} for tenant in tenants for device in ("nas", "laptop")
    ]
    store.insert_new(frame_of(spark, DEVICE_MODELS, *learned), DEVICE_MODELS, None)
    for stage in (ingest, features, score, report, train):  # train last: what judges here is the model above
        stage(store, config)
    return SimpleNamespace(store=store, config=config)


@pytest.fixture(scope="module")
def both(session_of_tests, tmp_path_factory):
    return run(session_of_tests, tmp_path_factory.mktemp("both"), "ab")


@pytest.fixture(scope="module")
def alone(session_of_tests, tmp_path_factory):
    return run(session_of_tests, tmp_path_factory.mktemp("alone"), "a")


def rows_of_lake(lake, condition=None):
    """Every row of every table, as text, for which a condition of its table holds; when files were landed aside."""
    found = {}
    for table in TABLES:
        if table not in (ERASED, RUNS) and lake.store.version(table) >= 0:
            rows = lake.store.read(table)
            rows = rows.where(condition(table)) if condition else rows
            kept = [name for name in table.names if name not in ("modified_at", "arrival", "bytes")]
            found[table.name] = sorted(str(row) for row in rows.select(*kept).collect())
    return {name: rows for name, rows in found.items() if rows}


def is_a(table):
    """Rows of the one tenant, and of the file that both share."""
    source = {LANDED: "path", REJECTS: "source"}.get(table)
    return f"{source} LIKE 'canonical/a/%' OR {source} = 'canonical/shared.jsonl'" if source else "tenant_id = 'a'"


def is_not_the_erased_device(table):
    if table is ALERTS:  # one tells of both devices of the tenant
        return "tenant_id = 'a' OR NOT concat_ws(' ', device_id, detail) LIKE '%nas%'"
    if {"product", "device_id"} <= set(table.names):
        return "NOT (tenant_id = 'b' AND device_id IN ('nas', 'nas2'))"
    others = {FEEDBACK: "tenant_id = 'a'", REJECTS: "tenant_id = 'a' OR record IS NULL"}
    return others.get(table, "true")


def test_one_tenants_attack_verdict_snooze_and_rename_change_nothing_for_the_other(both, alone):
    """With the same ids of devices and backups; whole tables beside a lake in which the other never was."""
    theirs = {row["status"] for row in both.store.read(ANOMALIES).where("tenant_id = 'b'").collect()}
    assert theirs == {"confirmed", "snoozed"}
    assert rows_of_lake(both, is_a) == rows_of_lake(alone)
    held = {"backups", "features", "scores", "anomalies", "devices", "rejects", "alerts", "device_models"}
    assert held <= rows_of_lake(alone).keys()
    told = [(Path(lake.config.channels["a"].path)).read_text("utf-8") for lake in (both, alone)]
    assert told[0] == told[1]
    assert "nas-61" not in told[0]
    assert "nas-61" in Path(both.config.channels["b"].path).read_text("utf-8")


def test_what_would_be_erased_is_counted_and_a_name_of_several_devices_is_refused(both):
    with pytest.raises(UdaError, match="is of 2 devices: tenant a, product canonical; tenant b"):
        the_device(both.store, "nas", None, None)
    with pytest.raises(UdaError, match="is held of no device"):
        the_device(both.store, "nobody", None, None)
    whose = the_device(both.store, "nas", "b", None)
    assert [name for *_, name in whose.devices] == ["nas", "nas2"]
    held = rows_held(both.store, both.config, whose)
    assert held["backups"] == held["features"] == len(DAYS) + 1
    assert (held["anomalies"], held["feedback"], held["device_notes"], held["rejects"]) == (1, 1, 1, 1)


def parquet_holds(lake, **values):
    """Data files of the lake, needed or not, that hold a row with these values."""
    files = [file for file in Path(lake.config.lake).glob("*/**/*.parquet") if "_delta_log" not in file.parts]
    tables = [(file, pq.ParquetFile(file)) for file in files]
    wanted = [(file, table) for file, table in tables if set(values) <= set(table.schema_arrow.names)]
    return [str(file) for file, table in wanted if values in table.read(list(values)).to_pylist()]


def test_an_erased_device_is_gone_from_every_file_and_all_other_rows_are_as_they_were(both):
    """And comes back by no second reading of the landing folder, which still has it."""
    whose = the_device(both.store, "nas2", "b", None)
    assert "nas2" in str(both.store.read(ALERTS).where("tenant_id = 'b' AND condition = 'silent'").collect())
    before = rows_of_lake(both, is_not_the_erased_device)
    erase(both.store, both.config, whose)
    assert rows_of_lake(both) == before
    assert not parquet_holds(both, tenant_id="b", device_id="nas")
    shutil.rmtree(f"{both.config.lake}/_checkpoints/ingest")
    counts = ingest(both.store, both.config)
    assert counts["landed"] == sum(counts[name] for name in ("backups", "verdicts", "notes", "rejects", "duplicates"))
    assert both.store.read(BACKUPS).where("tenant_id = 'b' AND device_id = 'nas'").isEmpty()
    refused = both.store.read(REJECTS).where("reason = 'erased'").collect()
    # Its backups, the faulty one, and its new name; the duplicate stands as before.
    assert len(refused) == len(DAYS) + 3
    assert not [row for row in refused if row["record"]]


def test_an_erased_tenant_leaves_the_lake_of_the_others(both, alone):
    for folder in ("canonical", "devices", "feedback"):
        shutil.rmtree(f"{both.config.landing}/{folder}/b")
    erase(both.store, both.config, Whose("b"))  # which goes over what was erased before once more
    assert rows_of_lake(both) == rows_of_lake(alone)
    for table in (BACKUPS, FEATURES, SCORES, ANOMALIES, DEVICES, DEVICE_MODELS, DEVICE_NOTES, FEEDBACK):
        assert both.store.read(table).where("tenant_id = 'b'").isEmpty(), table.name
    assert not parquet_holds(both, tenant_id="b")
    assert both.store.read(LANDED).where("path LIKE '%/b/%'").isEmpty()
