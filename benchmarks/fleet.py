"""A made-up fleet: daily backups of many devices as canonical JSON Lines, the same bytes for the same seed."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

FIRST_DAY = date(2025, 1, 1)
DAYS_PER_FILE = 15
FILES_PER_RANGE = 2  # so that two cores find work whatever the number of days is
SHAPE_OF_CHANGE = 0.7  # gamma shape of a day's activity: most days are quiet, a few are busy
DAY = 86_400


def land_fleet(folder: Path, devices: int, days: range, seed: int) -> int:
    """Write the backups of `days` (0 is the first) of every device as JSON Lines; return how many.

    A device's figures do not depend on which days are asked for together: landing 0 to 89 and then 90 is the same
    history as landing 0 to 90 at once.
    """
    folder.mkdir(parents=True, exist_ok=True)
    written = 0
    drawn = histories(devices, days.stop, seed)
    for first in range(days.start, days.stop, DAYS_PER_FILE):
        last = min(first + DAYS_PER_FILE, days.stop)
        for part in range(FILES_PER_RANGE):
            held = range(part * devices // FILES_PER_RANGE, (part + 1) * devices // FILES_PER_RANGE)
            lines = _lines({name: figures[held.start : held.stop, first:last] for name, figures in drawn.items()}, held)
            (folder / f"day-{first:03}-{last - 1:03}-{part}.jsonl").write_bytes(lines)
            written += len(held) * (last - first)
    return written


def histories(devices: int, days: int, seed: int) -> dict[str, NDArray[np.int64]]:
    """Figures of every device and day, each an array of shape (devices, days).

    Every device draws its own size, its usual number of changes, its file size and how well its files compress; every
    day draws how busy it was. Also `second`: when the backup ended, in seconds after 1970.
    """
    own = np.random.default_rng(seed)
    files = np.round(np.exp(own.normal(9.5, 1.5, devices))).astype(np.int64) + 50
    usual = files * np.exp(own.normal(-6, 1, devices))  # files changed on a usual day
    shares = own.dirichlet((4.0, 8.0, 3.0), devices)  # added, updated, deleted
    file_size = np.exp(own.normal(10.5, 1.2, devices))
    ratio = own.beta(4, 4, devices)
    hour = own.integers(0, 22, devices)
    drawn: dict[str, list[NDArray[np.int64]]] = {}
    state = {"files": files, "bytes": (files * file_size).astype(np.int64)}
    for day in range(days):
        rng = np.random.default_rng((seed, day))
        for name, figures in _one_day(rng, state, usual, shares, file_size, ratio):
            drawn.setdefault(name, []).append(figures)
        midnight = ((FIRST_DAY - date(1970, 1, 1)).days + day) * DAY
        drawn.setdefault("second", []).append(midnight + hour * 3600 + rng.integers(0, 3600, devices))
    return {name: np.stack(figures, axis=1) for name, figures in drawn.items()}


def _one_day(
    rng: np.random.Generator,
    state: dict[str, NDArray[np.int64]],
    usual: NDArray[Any],
    shares: NDArray[Any],
    file_size: NDArray[Any],
    ratio: NDArray[Any],
) -> Iterator[tuple[str, NDArray[np.int64]]]:
    """Figures of one day of all devices; moves `state` on."""
    busy = rng.gamma(SHAPE_OF_CHANGE, 1 / SHAPE_OF_CHANGE, len(usual)) * usual
    added, updated, deleted = (rng.poisson(busy * share) for share in shares.T)
    deleted = np.minimum(deleted, state["files"] // 10)
    updated = np.minimum(updated, state["files"] - deleted)
    uploaded = ((added + updated) * file_size * np.exp(rng.normal(0, 0.3, len(usual)))).astype(np.int64)
    packed = (uploaded * np.clip(ratio * np.exp(rng.normal(0, 0.05, len(usual))), 0.02, 1.02)).astype(np.int64)
    state["files"] = state["files"] + added - deleted
    # A total never falls below what was uploaded into it.
    state["bytes"] = np.maximum(state["bytes"] + ((added - deleted) * file_size).astype(np.int64), uploaded + DAY)
    yield from (
        ("files_added", added),
        ("files_updated", updated),
        ("files_deleted", deleted),
        ("files_total", state["files"]),
        ("bytes_uploaded", uploaded),
        ("bytes_compressed", packed),
        ("bytes_total", state["bytes"]),
    )


def _lines(figures: dict[str, NDArray[np.int64]], devices: range) -> bytes:
    """Canonical records, ordered by day and device."""
    days = figures["second"].shape[1]
    names = pa.array([f"device-{number:07}" for number in devices]).take(np.tile(np.arange(len(devices)), days))
    seconds = pa.array(figures["second"].T.ravel()).cast(pa.timestamp("s"))
    pieces: list[Any] = ['{"device_id": "', names, '", "backup_id": "', names, "-", pc.strftime(seconds, "%Y%m%d")]
    pieces += ['", "backup_kind": "incremental", "ended_at": "', pc.strftime(seconds, "%Y-%m-%dT%H:%M:%SZ"), '"']
    for name, figure in figures.items():
        if name != "second":
            pieces += [f', "{name}": ', pa.array(figure.T.ravel()).cast(pa.string())]
    texts = pc.binary_join_element_wise(*pieces, pa.scalar("}\n"), "")
    length = int(np.frombuffer(texts.buffers()[1], np.int32)[len(texts)])
    return bytes(memoryview(texts.buffers()[2])[:length])


def moment_after(days: int) -> date:
    """The day after the last of `days` days: what a run over them takes for now."""
    return FIRST_DAY + timedelta(days=days)
