"""The open backup histories, as the arrays that the detection kernel takes."""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from jobs.model.arrays import age_of, first_rows
from jobs.model.walk_forward import judged_years

DATA = Path(__file__).resolve().parents[3] / "shared" / "data"
FIGURES = (
    "files_added",
    "files_updated",
    "files_deleted",
    "files_moved",
    "files_new_extension",
    "files_total",
    "dirs_total",
    "bytes_uploaded",
    "bytes_compressed",
    "bytes_unique",
    "bytes_deleted",
    "bytes_total",
    "bytes_total_compressed",
)


def path_of(folder: Path, name: str) -> Path:
    """Where the histories of that name are; ends the program with one line when they are not there."""
    path = folder / f"backup_history_{name}.parquet"
    if not path.is_file():
        raise SystemExit(f"{path} is not there: pass the folder that holds the open backup histories with --data")
    return path


def read_histories(folder: Path, *names: str) -> tuple[pd.DataFrame, dict[str, NDArray[Any]], NDArray[Any]]:
    """Histories in device and time order.

    Returns
    -------
    labels : frame with `n` rows
        device_id, origin, group (of open2; else the name of the histories), histories (their name).
    backups : mapping of arrays of shape (n,)
        Figures, the state before each backup, and ended_at in seconds. The first backup of a device takes its own
        bytes_total as the bytes before.
    device : int array of shape (n,)
    """
    frames = [pd.read_parquet(path_of(folder, name)).assign(histories=name) for name in names]
    rows = pd.concat(frames, ignore_index=True).sort_values(["device_id", "ended_at"], kind="stable", ignore_index=True)
    device = pd.factorize(rows["device_id"])[0]
    backups = {name: rows[name].to_numpy(np.float64) for name in FIGURES}
    before = rows.groupby("device_id", sort=False)[["bytes_total", "bytes_total_compressed"]].shift()
    files_before = backups["files_total"] - backups["files_added"] + backups["files_deleted"]
    backups["files_before"] = np.maximum(files_before, 1)
    backups["bytes_before"] = np.maximum(before["bytes_total"].fillna(rows["bytes_total"]).to_numpy(), 1)
    backups["bytes_total_compressed_before"] = before["bytes_total_compressed"].to_numpy()
    backups["ended_at"] = rows["ended_at"].astype("datetime64[s, UTC]").astype("int64").to_numpy(np.float64)
    rows["group"] = rows["group"] if "group" in rows else rows["histories"]
    return rows[["device_id", "origin", "group", "histories"]], backups, device


def rarer(
    backups: dict[str, NDArray[Any]], device: NDArray[Any], every: int
) -> tuple[dict[str, NDArray[Any]], NDArray[Any], NDArray[Any]]:
    """The same devices as if only each so many-th backup had been made: what was done between goes into the next.

    A file that changed in several of them counts each time, though as updated at most once for each file there is. The
    oldest backups of a device that make no whole group are left out.

    Returns
    -------
    backups : mapping of arrays of shape (n_rarer,)
    device : int array of shape (n_rarer,)
        Numbered anew: some may have too few backups for a group.
    row : int array of shape (n_rarer,)
        Of the backup given which is the last of each group.
    """
    whole = np.bincount(device) // every * every
    groups = np.flatnonzero(age_of(device) < whole[device]).reshape(-1, every)
    first, last = groups[:, 0], groups[:, -1]
    found = {}
    for name, column in backups.items():
        is_done = name in FIGURES and "total" not in name
        found[name] = column[groups].sum(axis=1) if is_done else column[first if name.endswith("before") else last]
    found["files_updated"] = np.minimum(found["files_updated"], found["files_before"])
    return found, np.unique(device[last], return_inverse=True)[1], last


def larger(backups: dict[str, NDArray[Any]], files: int, size: int) -> dict[str, NDArray[Any]]:
    """The same devices with so many times the files, and so many times the bytes."""
    times = {"files": files, "dirs": files, "bytes": size}
    return {name: column * times.get(name.partition("_")[0], 1) for name, column in backups.items()}


def device_weights(backups: dict[str, NDArray[Any]], device: NDArray[Any], histories: NDArray[Any]) -> NDArray[Any]:
    """How much each device counts in the calibration: small devices and whole repositories the same in all.

    Small devices have six times the years of whole repositories: by years alone the latter would go over the budget.
    """
    years = judged_years(backups["ended_at"], device)
    is_whole = np.char.startswith(histories[first_rows(device)].astype(str), "whole")
    weights = np.ones(len(years))
    for own in (is_whole, ~is_whole):
        if own.any() and years[own].sum() > 0:
            weights[own] = years.sum() / 2 / years[own].sum()
    return weights


def described(folder: Path, name: str) -> dict[str, str | int]:
    """One file of histories as a provenance entry: its name, checksum and size."""
    path = path_of(folder, name)
    devices = pd.read_parquet(path, columns=["device_id"])["device_id"]
    digest = hashlib.sha256(path.read_bytes()).hexdigest()
    return {"name": path.name, "sha256": digest, "backups": len(devices), "devices": int(devices.nunique())}
