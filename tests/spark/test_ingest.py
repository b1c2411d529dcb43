"""What becomes of each landed record: backup, reject or duplicate, and nothing else."""

from __future__ import annotations

import gzip
import json
import os
import random
import shutil
from dataclasses import replace
from pathlib import Path

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import zstandard
from chispa import assert_df_equality
from pyspark.sql import functions as F

from jobs.errors import AccountingError
from jobs.ingest import job
from jobs.ingest.accounting import check_nothing_is_lost
from jobs.ingest.job import ingest
from jobs.tables import BACKUPS, FEEDBACK, LANDED, REJECTS
from tests.conftest import config_in, store_of
from tests.rows import folder_of, land, record

GOOD = record(0)
FAULTS = {
    "bad_json": '{"device_id": "nas", ',
    "bad_json ": json.dumps([record(1)]),
    "bad_encoding": b'{"device_id": "n\xffs", "backup_id": "1", "ended_at": "2025-01-01T00:00:00Z", "files_added": 1}',
    "missing_field": record(1, device_id=None),
    "missing_field ": record(1, backup_id=""),
    "missing_field  ": record(1, ended_at=None),
    "bad_value": record(1, status="so so"),
    "bad_value ": record(1, derived="files_added"),
    "bad_number": record(1, files_added="many"),
    "bad_number ": record(1, bytes_uploaded=2**70),
    "bad_number  ": record(1, files_updated=1.5),
    "bad_number   ": record(1, files_updated=float("nan")),
    "negative": record(1, files_deleted=-1),
    "no_figures": {"device_id": "nas", "backup_id": "1", "ended_at": "2025-01-01T00:00:00Z"},
    "total_below_parts": record(1, files_total=3, files_added=4),
    "no_time_zone": record(1, ended_at="2025-01-02T02:00:00"),
    "bad_time": record(1, ended_at="yesterday"),
    "bad_time ": record(1, ended_at="1970-01-01T00:00:00Z"),
    "bad_time  ": record(1, ended_at="2100-01-01T00:00:00Z"),
    "bad_time   ": record(1, started_at="2025-02-02T02:00:00Z"),
    "bad_time    ": record(1, ended_at=1735693200),
    "bad_time     ": record(1, ended_at="2025-02-30T00:00:00Z"),
}


def reasons(store):
    return {(row["source"], row["position"]): row["reason"] for row in store.read(REJECTS).collect()}


def land_faults(config):
    land(config, "faults/mixed.jsonl", [GOOD, "", *FAULTS.values(), record(99)])
    land(config, "faults/long.jsonl", [record(1, files_deleted=-1, note="x" * 70_000)])


def land_parquet(config):
    folder = folder_of(config) / "parquet"
    folder.mkdir()
    pq.write_table(pa.Table.from_pylist([record(0, device="p")]), folder / "a.parquet")
    pq.write_table(pa.Table.from_pylist([record(1, device="p", files_added="7", colour="blue")]), folder / "b.parquet")
    for unit in ("us", "ns"):
        table = pd.DataFrame([record(0, device=unit)])
        table["ended_at"] = pd.to_datetime(table["ended_at"]).dt.tz_localize(None).astype(f"datetime64[{unit}]")
        table.to_parquet(folder / f"{unit}.parquet", coerce_timestamps=None)


def land_cut(config):
    folder = folder_of(config) / "cut"
    folder.mkdir()
    noise = random.Random(1)
    records = [record(n % 300, device=f"d{n // 300}", note=noise.randbytes(200).hex()) for n in range(3_000)]
    whole = gzip.compress("".join(json.dumps(each) + "\n" for each in records).encode())
    (folder / "cut.jsonl.gz").write_bytes(whole[: len(whole) // 2])


UNUSABLE = {
    "empty.jsonl": (b"", "empty"),
    "not.parquet": (b"PAR1 no it is not", "unreadable"),
    "plain.jsonl.gz": (b"not gzip\n", "unreadable"),
    "plain.jsonl.zst": (b"not zstd\n", "unreadable"),
    "notes.txt": (b"hello\n", "unknown_shape"),
}


def land_unusable(config):
    folder = folder_of(config) / "unusable"
    folder.mkdir()
    for name, (content, _) in UNUSABLE.items():
        (folder / name).write_bytes(content)


NAMES = (
    "a b+c%20d.jsonl",
    "co:lon.jsonl",
    "[x]{y}*?.jsonl",
    "ü/日本.jsonl",
    "back\\slash.jsonl",
    "comma,file.jsonl",
    "folder.jsonl/x.jsonl",
)


def land_names(config):
    for number, name in enumerate(NAMES):
        land(config, f"names/{name}", [record(number, device="names")])


def land_same(config):
    land(config, "same/a.jsonl", [record(0, device="same"), record(1, device="same")])
    land(config, "same/b.jsonl", [record(1, device="same"), record(1, device="same", files_total=None)])
    exact = record(0, device="differ")
    maybe = {**exact, "files_updated": 12, "upper_bound": ["files_updated"]}
    land(config, "same/differ.jsonl", [exact, {**exact, "files_updated": 11}, maybe])


def land_tenants(config):
    land(config, "acme/a.jsonl", [record(0), record(1, tenant_id="acme"), record(2, tenant_id="other")])
    land(config, "acme-not/a.jsonl", [record(3), record(4, tenant_id="other")])


@pytest.fixture(scope="module")
def landed(session_of_tests, tmp_path_factory):
    """A lake into which one run read what each of the functions above landed in a folder of its own."""
    config = replace(config_in(tmp_path_factory.mktemp("landed")), tenants={"canonical/acme": "acme"})
    for put_there in (land_faults, land_parquet, land_cut, land_unusable, land_names, land_same, land_tenants):
        put_there(config)
    store = store_of(session_of_tests, config)
    counts = ingest(store, config)
    assert counts["landed"] == counts["backups"] + counts["rejects"] + counts["duplicates"]

    def rows_of(table, folder):
        rows = store.read(table).where(F.col("source").startswith(f"canonical/{folder}")).collect()
        return dict(sorted(((row["source"].removeprefix("canonical/"), row["position"]), row) for row in rows))

    return rows_of


def test_each_kind_of_bad_record_costs_its_reject_at_its_line_and_no_more(landed):
    found = {at: row["reason"] for at, row in landed(REJECTS, "faults/mixed").items()}
    assert found == {("faults/mixed.jsonl", line): reason.strip() for line, reason in enumerate(FAULTS, start=3)}
    assert list(landed(BACKUPS, "faults")) == [("faults/mixed.jsonl", 1), ("faults/mixed.jsonl", len(FAULTS) + 3)]


def test_a_reject_names_the_field_and_keeps_the_record(landed):
    at = ("faults/mixed.jsonl", list(FAULTS).index("negative") + 3)
    row = landed(REJECTS, "faults")[at]
    assert (row["field"], json.loads(row["record"])) == ("files_deleted", FAULTS["negative"])
    assert "files_deleted must be 0 or more" in row["detail"]


def test_a_record_beyond_64_kib_is_kept_as_its_hash(landed):
    (row,) = landed(REJECTS, "faults/long").values()
    assert row["record"] is None
    assert len(row["record_sha256"]) == 64


def test_parquet_files_of_different_schemas_land_together(landed):
    extra = {row["backup_id"]: row["extra"] for row in landed(BACKUPS, "parquet").values()}
    assert extra == {"p-0": None, "p-1": '{"colour":"blue"}'}


def test_parquet_times_without_a_zone_are_rejected_whatever_their_unit(landed):
    found = {at: row["reason"] for at, row in landed(REJECTS, "parquet").items()}
    assert found == {("parquet/ns.parquet", 0): "unreadable", ("parquet/us.parquet", 1): "no_time_zone"}


def test_a_cut_file_costs_one_reject_and_what_came_before_the_cut_counts(landed):
    assert 1_000 < len(landed(BACKUPS, "cut")) < 2_000
    assert {at: row["reason"] for at, row in landed(REJECTS, "cut").items()} == {("cut/cut.jsonl.gz", 0): "unreadable"}


def test_a_file_that_cannot_be_used_costs_one_reject_and_no_run(landed):
    found = {at: row["reason"] for at, row in landed(REJECTS, "unusable").items()}
    assert found == {(f"unusable/{name}", 0): reason for name, (_, reason) in UNUSABLE.items()}


def test_names_with_blanks_signs_and_patterns_are_just_names(landed):
    assert {source for source, _ in landed(BACKUPS, "names")} == {f"names/{name}" for name in NAMES}


def test_a_duplicate_has_no_body_and_the_first_line_is_the_backup(landed):
    assert list(landed(BACKUPS, "same/a")) == [("same/a.jsonl", 1), ("same/a.jsonl", 2)]
    assert landed(BACKUPS, "same/b") == {}
    found = {at: (row["reason"], row["record"]) for at, row in landed(REJECTS, "same/b").items()}
    assert found == {("same/b.jsonl", 1): ("duplicate", None), ("same/b.jsonl", 2): ("duplicate", None)}


def test_two_exact_counts_that_differ_are_a_conflict_and_an_upper_bound_is_none(landed):
    assert list(landed(BACKUPS, "same/differ")) == [("same/differ.jsonl", 1)]
    found = {at: row["reason"] for at, row in landed(REJECTS, "same/differ").items()}
    assert found == {("same/differ.jsonl", 2): "conflicting_record", ("same/differ.jsonl", 3): "duplicate"}


def test_a_record_of_another_tenant_under_a_mapped_prefix_is_rejected(landed):
    tenants = {at: row["tenant_id"] for at, row in landed(BACKUPS, "acme").items()}
    assert tenants == {
        ("acme/a.jsonl", 1): "acme",
        ("acme/a.jsonl", 2): "acme",
        ("acme-not/a.jsonl", 1): "default",
        ("acme-not/a.jsonl", 2): "other",
    }
    found = {at: row["reason"] for at, row in landed(REJECTS, "acme").items()}
    assert found == {("acme/a.jsonl", 3): "foreign_tenant"}


def test_plain_gzip_zstd_and_parquet_give_the_same_rows(store, config, tmp_path):
    folder = folder_of(config)
    records = [record(number) for number in range(40)]
    text = "".join(json.dumps(each) + "\n" for each in records)
    (folder / "a.jsonl").write_text(text.replace('"nas', '"plain'))
    (folder / "a.jsonl.gz").write_bytes(gzip.compress(text.replace('"nas', '"gzip').encode()))
    (folder / "a.jsonl.zst").write_bytes(zstandard.ZstdCompressor().compress(text.replace('"nas', '"zstd').encode()))
    table = pd.DataFrame(records).replace("nas", "parquet")
    table["backup_id"] = table["backup_id"].str.replace("nas", "parquet")
    table["ended_at"] = pd.to_datetime(table["ended_at"])
    table.to_parquet(folder / "a.parquet")
    counts = ingest(store, config)
    assert counts == {"landed": 160, "backups": 160, "rejects": 0, "duplicates": 0}
    held = store.read(BACKUPS)
    varying = ("device_id", "backup_id", "source", "run_id")
    plain = held.where("device_id = 'plain'").drop(*varying)
    for device in ("gzip", "zstd", "parquet"):
        assert_df_equality(held.where(f"device_id = '{device}'").drop(*varying), plain, ignore_row_order=True)


def test_a_backup_held_since_an_earlier_run_makes_the_new_line_a_duplicate(store, config):
    land(config, "b.jsonl", [record(0)])
    ingest(store, config)
    land(config, "a.jsonl", [record(0), record(1)])
    assert ingest(store, config) == {"landed": 2, "backups": 1, "rejects": 0, "duplicates": 1}
    assert reasons(store) == {("canonical/a.jsonl", 1): "duplicate"}


def test_a_second_ingest_reads_nothing_and_with_a_lost_checkpoint_all_that_is_left_and_changes_no_row(store, config):
    land(config, "a.jsonl", [record(0), record(0), "{"])
    gone = land(config, "b.jsonl", [record(1)])
    ingest(store, config)
    tables = (LANDED, BACKUPS, REJECTS)
    before = [store.version(table) for table in tables], [store.read(table).collect() for table in tables]
    assert ingest(store, config)["landed"] == 0
    assert [store.version(table) for table in tables] == before[0]
    shutil.rmtree(f"{config.lake}/_checkpoints")
    gone.unlink()
    assert ingest(store, config) == {"landed": 3, "backups": 1, "rejects": 1, "duplicates": 1}
    assert [store.read(table).collect() for table in tables] == before[1]


def test_a_landed_file_is_one_row_with_what_it_is(store, config):
    file = land(config, "a [old]/x.jsonl", [record(0)])
    os.utime(file, (1_740_000_000, 1_740_000_000))
    run = Path(config.landing) / "borg" / "nas" / "20250323T013007Z.create.json.gz"
    run.parent.mkdir(parents=True)
    run.touch()
    for name in (".hidden.jsonl", "_half.jsonl", "a.jsonl.tmp"):
        land(config, name, [record(1)])
    ingest(store, config)
    land(config, "b.jsonl", [record(2)])
    ingest(store, config)
    rows = store.read(LANDED).sort("arrival", "path").select("path", "source", "part", "arrival").collect()
    assert [tuple(row) for row in rows] == [
        ("borg/nas/20250323T013007Z.create.json.gz", "borg/nas/20250323T013007Z", "create.json", 1),
        ("canonical/a [old]/x.jsonl", None, None, 1),
        ("canonical/b.jsonl", None, None, 2),
    ]
    held = store.read(LANDED).where("path LIKE '%x.jsonl'").selectExpr("unix_seconds(modified_at)", "bytes").first()
    assert tuple(held) == (1_740_000_000, file.stat().st_size)


def test_small_files_of_the_table_are_put_together_and_nothing_is_read_twice_for_it(store, config, monkeypatch):
    monkeypatch.setattr("jobs.few_rows.COMMITS_A_FILE", 2)
    for number in range(3):
        land(config, f"{number}.jsonl", [record(number)])
        assert ingest(store, config)["landed"] == 1
    assert len(store.read(LANDED).inputFiles()) < 3
    assert ingest(store, config)["landed"] == 0


def test_a_name_that_is_no_text_is_left_out_with_a_warning_and_the_others_are_read(store, config, caplog):
    land(config, "a.jsonl", [record(0)])
    land(config, os.fsdecode(b"n\xffs/b.jsonl"), [record(1)])
    with caplog.at_level("WARNING", "uda"):
        assert ingest(store, config)["landed"] == 1
    assert [each.fields["files"] for each in caplog.records] == [["canonical/n\udcffs/b.jsonl"]]


@pytest.mark.parametrize("step", ["handle", "backups"])
def test_a_run_that_ends_after_files_were_seen_is_made_up_for_by_the_next(store, config, monkeypatch, step):
    """Ended before anything was written, or after all was and before Spark knew."""
    land(config, "a.jsonl", [record(0), record(0), "{"])
    whole = job.ingest_files

    def ended(*arguments):
        if step == "backups":
            whole(*arguments)
        raise KeyError("ended")

    with monkeypatch.context() as patch, pytest.raises(KeyError):
        patch.setattr(job, "ingest_files", ended)
        ingest(store, config)
    assert store.read(LANDED).count() == 1
    land(config, "b.jsonl", [record(1)])
    assert ingest(store, config) == {"landed": 4, "backups": 2, "rejects": 1, "duplicates": 1}
    assert ingest(store, config)["landed"] == 0
    assert store.read(LANDED).count() == 2
    assert (store.read(BACKUPS).count(), store.read(REJECTS).count()) == (2, 2)


def test_a_record_that_is_in_no_table_stops_the_run(store):
    with pytest.raises(AccountingError, match=r"'a\.jsonl': 1 landed, 0 backups, 0 rejects, 0 duplicates"):
        check_nothing_is_lost({"a.jsonl": 1}, store.read(BACKUPS), store.read(REJECTS))


def test_a_thousand_mutated_records_are_all_accounted_for(store, config):
    draw = random.Random(7)
    lines = []
    for number in range(1_000):
        text = bytearray(json.dumps(record(number % 50, note="é\u202e\u0000'\"")).encode())
        for _ in range(draw.randrange(4)):
            at = draw.randrange(len(text))
            choice = draw.randrange(3)
            if choice == 0:
                text[at] = draw.choice([c for c in range(256) if c not in (10, 13)])
            elif choice == 1:
                del text[at : at + draw.randrange(1, 30)]
            else:
                text[at:at] = draw.choice([b"-", b"null", b"1e400", b"{", b"]", b"\\ud800", b'"', b"\x00", b"NaN"])
        lines.append(bytes(text) or b"x")
    land(config, "mutated.jsonl", lines)
    counts = ingest(store, config)
    assert counts["landed"] == 1_000
    assert counts["backups"] + counts["rejects"] + counts["duplicates"] == 1_000
    assert counts["rejects"] > 300


VERDICT = {"anomaly_id": "0123456789abcdef", "verdict": "confirmed", "given_at": "2025-03-30T21:00:00Z"}
LANDED_VERDICTS = {
    "a.json": [VERDICT],
    "b.json": [{**VERDICT, "given_by": None}],  # the same
    "c.jsonl": [{**VERDICT, "verdict": "false_positive"}, "", {**VERDICT, "given_at": "2025-03-31T09:00:00Z"}],
    "d.json": [{**VERDICT, "verdict": "maybe"}, b'{"note": "\xff"}', "no verdict"],
    "e.txt": [VERDICT],
    "deep/20250323T013007Z.f.json": [{**VERDICT, "tenant_id": "b"}],
}
VERDICT_REASONS = {
    ("feedback/b.json", 1): ("duplicate", None),
    ("feedback/c.jsonl", 1): ("conflicting_record", None),
    ("feedback/d.json", 1): ("bad_value", "verdict"),
    ("feedback/d.json", 2): ("bad_encoding", None),
    ("feedback/d.json", 3): ("bad_json", None),
    ("feedback/e.txt", 0): ("unknown_shape", None),
}


def test_each_landed_verdict_is_kept_or_costs_its_reject_and_backups_beside_them_are_read(store, config):
    for name, records in LANDED_VERDICTS.items():
        land(config, f"../feedback/{name}", records)
    land(config, "a.jsonl", [GOOD, record(1)])
    counts = ingest(store, config)
    assert counts == {"landed": 11, "backups": 2, "verdicts": 3, "rejects": 5, "duplicates": 1}
    found = {(row["source"], row["position"]): (row["reason"], row["field"]) for row in store.read(REJECTS).collect()}
    assert found == VERDICT_REASONS
    held = {(row["tenant_id"], row["source"], row["verdict"]) for row in store.read(FEEDBACK).collect()}
    assert held == {
        ("default", "feedback/a.json", "confirmed"),
        ("default", "feedback/c.jsonl", "confirmed"),
        ("b", "feedback/deep/20250323T013007Z.f.json", "confirmed"),
    }
    # A lost checkpoint: all is read once more, and nothing is written twice.
    shutil.rmtree(f"{config.lake}/_checkpoints/ingest")
    assert ingest(store, config) == counts
    assert store.read(FEEDBACK).count() == 3
