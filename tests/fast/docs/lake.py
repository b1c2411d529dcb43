"""A small lake made without Spark, for what the documents say about reading one."""

from datetime import UTC, datetime, timedelta

import pyarrow as pa
from deltalake import write_deltalake

from jobs.tables import ANOMALIES, DEVICES, FEATURES, REJECTS, SCORES

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
NEWEST = datetime(2025, 3, 30, 21, 15, tzinfo=UTC)


def write_lake(folder):
    """The tables that people read: thirty backups of the device "nas", the newest of them a mass deletion."""
    backups = [_backup(days_ago) for days_ago in range(30)]
    newest = backups[0] | {"anomaly_score": 1.6, "anomaly_kind": "delete", "evidence": {"deleted": 6.0}}
    write_table(folder, FEATURES, [row | {"files_deleted": 900 if row is backups[0] else 1} for row in backups])
    write_table(folder, SCORES, [newest, *({"anomaly_score": -2.0} | row for row in backups[1:])])
    good = {"last_good_backup_id": "b-1", "last_good_at": backups[1]["ended_at"]}
    told = {"anomaly_id": ANOMALY, "reason": "900 files deleted", "status": "open", "episode_id": ANOMALY}
    write_table(folder, ANOMALIES, [newest | good | told])
    write_table(folder, DEVICES, [DEVICE | good | {"open_episode_id": ANOMALY}])
    write_table(
        folder, REJECTS, [{"source": "canonical/a.jsonl", "position": 7, "reason": "bad_json", "detail": "cut"}]
    )


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
