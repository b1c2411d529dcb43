"""Lists of changed paths on their way from landed runs into `file_changes`."""

import json
import shutil
from dataclasses import replace

from jobs.ingest.job import ingest
from jobs.score.touched_files import with_files
from jobs.tables import BACKUPS, FILE_CHANGES, SCORES
from tests.rows import assert_same_rows, frame_of, record
from tests.rows import land as land_records
from tests.spark.test_tools import STEM, SUMMARY, drop

HOSTILE = [
    "/a/<script>alert(1)</script>.html",
    "/a/'; DROP TABLE x; --",
    "/a/b\nc\x1b[31m",
    "/a/caf\udce9",
    "/a/\u202egpj.exe",
]


def land(config, stem, paths, **summary):
    messages = [{"message_type": "verbose_status", "action": "new", "item": path} for path in paths]
    said = "\n".join(map(json.dumps, [*messages, SUMMARY | summary]))
    drop(config, f"{stem}.backup.jsonl", said)
    drop(config, f"{stem}.exit", "0")


def test_lists_become_rows_once_however_often_they_are_read_and_a_duplicate_s_list_none(store, config):
    config = replace(config, ingest=replace(config.ingest, paths_per_backup=7))
    land(config, STEM, HOSTILE)
    land(config, "restic/nas/20250324T013007Z", [f"/many/{n}.locked" for n in range(40)], snapshot_id="11111111")
    own = {"file_changes": [{"path": "a.doc", "change": "moved", "bytes": 3}]}
    # The second is read at length, for a count of its is a text.
    records = [record(0, **own), record(1, files_added="3", **own)]
    land_records(config, "own.jsonl", records)
    assert ingest(store, config) == {"landed": 4, "backups": 4, "rejects": 0, "duplicates": 0}
    rows = store.read(FILE_CHANGES).sort("day", "path").collect()
    first = [row for row in rows if row["backup_id"] == "01234567"]
    assert {row["path"] for row in first} == {*HOSTILE[:3], "/a/caf\\udce9", HOSTILE[4]}
    assert {(row["device_id"], row["product"], row["change"], row["paths_listed"]) for row in first} == {
        ("nas", "restic", "added", 5)
    }
    long = [row for row in rows if row["backup_id"] == "11111111"]
    assert len(long) == 7
    assert {(row["extension"], row["paths_listed"], row["bytes"]) for row in long} == {("locked", 40, None)}
    from_records = [row for row in rows if row["product"] == "canonical"]
    assert [(row["path"], row["change"], row["bytes"]) for row in from_records] == [("a.doc", "moved", 3)] * 2
    assert store.read(BACKUPS).where("extra IS NOT NULL AND product = 'canonical'").count() == 0
    held = store.read(BACKUPS).select(*BACKUPS.key, "source", "position", "ended_at").collect()
    assert {tuple(row[name] for name in (*BACKUPS.key, "source", "position", "ended_at")) for row in rows} == set(held)

    # All is read again, beside a duplicate whose run comes first by name.
    before = store.spark.createDataFrame(rows, store.read(FILE_CHANGES).schema)
    land(config, "restic/nas/20250323T003007Z", ["/of/the/duplicate"])
    shutil.rmtree(f"{config.lake}/_checkpoints")
    assert ingest(store, config) == {"landed": 5, "backups": 4, "rejects": 0, "duplicates": 1}
    assert_same_rows(store.read(FILE_CHANGES), before, leave_out=[])


def test_alerts_say_where_files_changed_and_which_extension_came_with_them(spark):
    def listed(at, device="nas", *paths, **said):
        return [
            {"at": at, "device_id": device, "path": path, "extension": path.rpartition(".")[2] or None}
            | {"change": "added", "paths_listed": 9}
            | said
            for path in paths
        ]

    lists = frame_of(
        spark,
        FILE_CHANGES,
        *listed(0, "nas", "docs/a.txt", "docs/b.doc"),
        *listed(1, "nas", "docs/x.locked", "docs/y.locked", "docs/z.txt"),
        *listed(2, "nas", "docs/late.locked"),
        *listed(1, "other", *HOSTILE[:3]),
    )
    alerts = frame_of(spark, SCORES, {"at": 1}, {"at": 1, "device_id": "other"}, {"at": 2, "device_id": "silent"})
    found = with_files(alerts, lists).select("device_id", "paths_listed", "paths_kept", "files.*").collect()
    by_device = {row["device_id"]: tuple(row)[1:] for row in found}
    new_and_old = ["2 added, in no earlier list: .locked", "1 added: .txt"]
    assert by_device["nas"][:4] == (9, 3, ["3 of 3 in docs"], new_and_old)
    assert sorted(by_device["nas"][4]) == ["docs/x.locked", "docs/y.locked", "docs/z.txt"]
    assert sorted(by_device["other"][4]) == sorted(HOSTILE[:3])
    assert "in no earlier list" not in str(by_device["other"])  # its first list
    assert by_device["silent"] == (None,) * 5
    nothing = with_files(alerts, None).select("paths_listed", "paths_kept", "files.*").distinct().collect()
    assert [tuple(row) for row in nothing] == [(None,) * 5]
