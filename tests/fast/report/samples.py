"""Rows as the report gets them, each test stating only what it is about."""

from datetime import UTC, datetime, timedelta

NEWEST = datetime(2026, 3, 12, 6, 14, tzinfo=UTC)
HOSTILE = "<script>document.title='owned'</script>\"'&\n\x00\u202egpj.exe"
# A path as a tool may print it, and what may be made of one.
HOSTILE_PATHS = [HOSTILE, "\x1b[2J\x9b1m\r", "caf\udce9", "'; DROP TABLE x; --", "=HYPERLINK(1)", "n" * 4096]
FILES = {
    "paths_listed": 12_345,
    "paths_kept": 1_000,
    "top_directories": ["400 of 1,000 in docs/plan"],
    "extensions": ["163 added, in no earlier list: .locked"],
    "sample_paths": ["docs/plan/a.locked"],
}
FACTS = {
    "lake": "s3://backups/lake",
    "moment": datetime(2026, 3, 13, 6, 0, tzinfo=UTC),
    "since": datetime(2026, 2, 11, 6, 0, tzinfo=UTC),
    "model_version": "1-20260301",
    "budget": 1.0,
    "code_version": "0.1.0",
}
DEVICES = {"devices": 1_203, "judged": 1_200, "not_judged": {"first": 2, "failed": 1}}


def anomaly(days_ago=0, **stated):
    """One row of `anomalies`: a mass delete on the device "photo-archive"."""
    at = NEWEST - timedelta(days=days_ago)
    row = {
        "tenant_id": "default",
        "anomaly_id": f"{days_ago:016x}",
        "product": "canonical",
        "device_id": "photo-archive",
        "backup_id": f"b-{days_ago}",
        "day": at.date(),
        "ended_at": at,
        "anomaly_kind": "delete",
        "anomaly_score": 1.6,
        "threshold": 0.0,
        "reason": "9,000 files deleted, usually 0 to 3 a backup; 45 % of the device's files.",
        "signal": "deleted",
        "value": 9_000.0,
        "unit": "files",
        "usual_low": 0.0,
        "usual_high": 3.0,
        "share": 0.45,
        "backups_together": None,
        "evidence": {"deleted": 6.0, "deleted_net": 3.1},
        "unseen": ["ratio_high"],
        "last_good_backup_id": f"b-{days_ago + 1}",
        "last_good_at": at - timedelta(days=1),
        "last_good_device_id": None,
        "status": "open",
        "model_version": "1-20260301",
        "backups_since": 0,
        **dict.fromkeys(("verdict", "verdict_at", "verdict_by", "verdict_note", "snoozed_until")),
        **dict.fromkeys(("paths_listed", "paths_kept", "top_directories", "extensions", "sample_paths")),
    }
    row |= stated
    return {"episode_id": row["anomaly_id"]} | row


def history(days=120, **deleted_on):
    """Daily rows of `features` up to the newest day; `b_3=9000` is what was deleted three days ago, others 0 to 2."""
    return [
        {
            "backup_id": f"b-{ago}",
            "ended_at": NEWEST - timedelta(days=ago),
            "files_deleted": deleted_on.get(f"b_{ago}", ago % 3),
            "bytes_uploaded": 1_000_000 + 1_000 * ago,
            "compressed_ratio": 0.4,
        }
        for ago in range(days - 1, -1, -1)
    ]
