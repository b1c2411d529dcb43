"""A small lake made without Spark, for what the documents say about reading one."""

from datetime import UTC, datetime, timedelta

import pyarrow as pa
from deltalake import write_deltalake

from jobs.tables import ALERTS, ANOMALIES, BACKUPS, DEVICES, FEATURES, FILE_CHANGES, REJECTS, RUNS, SCORES

ARROW = {
    "string": pa.string(),
    "bigint": pa.int64(),
    "double": pa.float64(),
    "boolean": pa.bool_(),
    "date": pa.date32(),
    "timestamp": pa.timestamp("us", tz="UTC"),
    "array<string>": pa.list_(pa.string()),
    "map<string,double>": pa.map_(pa.string(), pa.float64()),
    "map<string,bigint>": pa.map_(pa.string(), pa.int64()),
}
DEVICE = {"tenant_id": "default", "product": "canonical", "device_id": "nas"}
ANOMALY = "3f9c0a5be1d27486"
OTHER_ANOMALY = "5d41402abc4b2a76"
PATHS = {
    "docs/plan/a.locked": {"extension": "locked", "change": "added"},
    "docs/plan/b.locked": {"extension": "locked", "change": "added"},
    "docs/plan/a.docx": {"extension": "docx", "change": "deleted"},
}
UNJUDGED = {"new": "first", "newer": "first", "broken": "failed"}
NEWEST = datetime(2025, 3, 30, 21, 15, tzinfo=UTC)


def write_lake(folder):
    """The tables that people read: thirty backups of "nas", the newest of them a mass deletion, and some others."""
    backups = [_backup(days_ago) for days_ago in range(30)]
    newest = backups[0] | {"anomaly_score": 1.6, "anomaly_kind": "delete", "evidence": {"deleted": 6.0}}
    write_table(folder, FEATURES, [row | {"files_deleted": 900 if row is backups[0] else 1} for row in backups])
    write_table(folder, SCORES, [newest, *({"anomaly_score": -2.0} | row for row in backups[1:])])
    good = {"last_good_backup_id": "b-1", "last_good_at": backups[1]["ended_at"]}
    told = {"anomaly_id": ANOMALY, "reason": "900 files deleted", "status": "open", "episode_id": ANOMALY}
    encrypted = _encrypted(9)
    write_table(folder, ANOMALIES, [newest | good | told, encrypted, *_judged()])
    write_table(folder, FILE_CHANGES, [encrypted | {"path": path} | said for path, said in PATHS.items()])
    unjudged = [DEVICE | {"device_id": name, "not_judged": why} for name, why in UNJUDGED.items()]
    write_table(folder, DEVICES, [DEVICE | good | {"open_episode_id": ANOMALY}, *unjudged])
    write_table(
        folder, REJECTS, [{"source": "canonical/a.jsonl", "position": 7, "reason": "bad_json", "detail": "cut"}]
    )
    write_table(folder, RUNS, [{"run_id": "r", "stage": "report", "event": "ended", "at": NEWEST}])
    write_table(folder, BACKUPS, backups)
    write_table(folder, ALERTS, [])


def _encrypted(days_ago):
    """An anomaly of another device, with a list of paths."""
    files = {"paths_listed": 1200, "paths_kept": 3, "top_directories": ["3 of 3 in docs/plan"]}
    files |= {"extensions": ["2 added, in no earlier list: .locked"], "sample_paths": ["docs/plan/a.locked"]}
    kind = {"anomaly_kind": "encrypt", "anomaly_score": 2.5, "status": "confirmed", "verdict": "confirmed"}
    said = {"anomaly_id": OTHER_ANOMALY, "episode_id": OTHER_ANOMALY, "reason": "200 files changed"}
    return _backup(days_ago) | {"device_id": "laptop"} | files | kind | said


def _judged():
    """Two more, one of which people said that it was in order."""
    for number, verdict in enumerate(("false_positive", None)):
        said = {"anomaly_id": f"{number:016}", "episode_id": f"{number:016}", "reason": "1,000 files added"}
        kind = {"anomaly_kind": "add", "anomaly_score": 0.5, "status": verdict or "resolved", "verdict": verdict}
        yield _backup(20 + number) | {"device_id": "laptop"} | said | kind


def _backup(days_ago):
    at = NEWEST - timedelta(days=days_ago)
    figures = {"files_added": 2, "files_updated": 10, "bytes_uploaded": 1_000_000}
    named = {"backup_id": f"b-{days_ago}", "day": at.date(), "ended_at": at, "threshold": 0.0}
    return DEVICE | named | figures


def write_table(folder, table, rows):
    """One table; what a row does not state is null."""
    schema = pa.schema([(column.name, ARROW[column.type]) for column in table.columns])
    whole = [{name: row.get(name) for name in table.names} for row in rows]
    write_deltalake(str(folder / table.name), pa.Table.from_pylist(whole, schema=schema))
