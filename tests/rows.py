"""Rows for tests that state only what the test is about; everything else is ordinary."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from jobs.config import Config

FIRST_DAY = datetime(2025, 1, 1, 2, tzinfo=UTC)


def record(number: int = 0, device: str = "nas", **fields: Any) -> dict[str, Any]:
    """A canonical record: the device's backup on the `number`th day, with some files changed; None leaves one out."""
    ended_at = FIRST_DAY + timedelta(days=number)
    ordinary = {
        "device_id": device,
        "backup_id": f"{device}-{number}",
        "ended_at": f"{ended_at:%Y-%m-%dT%H:%M:%SZ}",
        "files_added": 2 + number % 3,
        "files_updated": 10 + number % 5,
        "files_deleted": number % 3,
        "files_total": 1_000 + 2 * number,
        "bytes_uploaded": 1_000_000 + 10_000 * (number % 7),
        "bytes_compressed": 350_000 + 3_500 * (number % 7),
        "bytes_total": 100_000_000 + 100_000 * number,
    }
    return {name: value for name, value in (ordinary | fields).items() if value is not None}


def folder_of(config: Config) -> Path:
    """The folder in which canonical records land."""
    return Path(config.landing) / "canonical"


def land(config: Config, name: str, records: Sequence[Mapping[str, Any] | str | bytes]) -> Path:
    """Write records (or raw lines) as one JSON Lines file."""
    file = folder_of(config) / name
    file.parent.mkdir(parents=True, exist_ok=True)
    lines = [line if isinstance(line, str | bytes) else json.dumps(line) for line in records]
    file.write_bytes(b"".join((line if isinstance(line, bytes) else line.encode()) + b"\n" for line in lines))
    return file
