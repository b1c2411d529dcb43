"""Seeded histories as files and as what the backtest holds of them."""

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path

import numpy as np

from jobs.backtest.changes import history_of
from jobs.backtest.reading import read_backups, read_what_if

FIRST_DAY = datetime(2025, 1, 1, 2, tzinfo=UTC)
REACH = 400


def records(device="nas", days=60, seed=0, **always):
    """Canonical records of a device that changes a few of its 1,000 files every day."""
    random = np.random.default_rng(seed)
    files, size, made = 1_000, 50_000_000, []
    for day in range(days):
        added, updated, deleted = (int(n) for n in random.integers(0, 12, 3))
        files, size = files + added - deleted, size + 50_000 * (added - deleted)
        uploaded = 50_000 * (added + updated)
        made.append(
            {
                "device_id": device,
                "backup_id": f"{device}-{day}",
                "ended_at": (FIRST_DAY + timedelta(days=day)).isoformat().replace("+00:00", "Z"),
                "files_added": added,
                "files_updated": updated,
                "files_deleted": deleted,
                "files_total": files,
                "bytes_uploaded": uploaded,
                "bytes_compressed": int(uploaded * 0.4 * random.uniform(0.9, 1.1)),
                "bytes_total": size,
                "bytes_total_compressed": int(0.4 * size),
                **always,
            }
        )
    return made


def what_if(record, attack="mine", **changes):
    """A row that stands in the place of a record."""
    kept = {name: value for name, value in record.items() if name != "backup_id"}
    return {**kept, "attack": attack, "at_backup_id": record["backup_id"], **changes}


def written(folder, name, rows):
    file = Path(folder) / name
    file.write_text("".join(json.dumps(row) + "\n" for row in rows))
    return file


def history(folder, rows):
    return history_of(read_backups(written(folder, "backups.jsonl", rows)), REACH)


def what_if_table(folder, rows):
    return read_what_if(written(folder, "what-if.jsonl", rows))
