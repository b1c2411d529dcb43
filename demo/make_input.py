"""Make the demo's landing folder and its labels from real histories: `python demo/make_input.py HISTORIES.parquet`.

The same histories give the same files, byte for byte, with the locked versions of pyarrow and zstandard.
"""

from __future__ import annotations

import argparse
import csv
import gzip
import json
import shutil
import zlib
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import zstandard

from jobs.model.attacks import attacked
from jobs.tables import FIGURES

HERE = Path(__file__).resolve().parent
LAST_MONDAY = date(2025, 3, 24)  # every history ends in this week: past on any clock, so that no record is "ahead"
COLUMNS = ["device_id", "backup_id", "ended_at", *(column.name for column in FIGURES)]

# Each on the newest backup of its device. Chosen before any of them had been judged, and not changed since.
ATTACKS = {
    "notes-with-images": ("inplace_0.1", "encrypt", "10 % of the files encrypted in place"),
    "photo-archive": (
        "inplace_0.02",
        "encrypt",
        "2 % of the files encrypted in place (hard: photos look encrypted anyway)",
    ),
    "icons-brands": ("rename_0.02", "encrypt", "2 % of the files encrypted and renamed, a note in each folder"),
    "wiki-pages-d": ("delete_0.5", "delete", "half of the files deleted"),
    "game-code-b": ("delete_0.02", "delete", "2 % of the files deleted (hard: clean-ups look like this)"),
    "package-index-a": ("wipe_1", "modify", "every file overwritten with zeros"),
    "game-assets-c": ("add_0.5", "add", "half as many files again added"),
    "database-dumps": ("stage_0.5", "add", "half of the files packed into three archives, ready to be carried off"),
}
CUT_DEVICE, CUT_AFTER = "firmware-builds", 40  # its oldest backups come in a file that was cut off


def main() -> None:
    """Write everything anew."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("histories", type=Path, help="Parquet file of real histories, one row a backup")
    histories = pd.read_parquet(parser.parse_args().histories)
    devices = pd.read_csv(HERE / "devices.csv")
    landing = HERE / "landing"
    shutil.rmtree(landing, ignore_errors=True)
    (landing / "canonical").mkdir(parents=True)

    backups, labels = with_attacks(named(histories, devices))
    write_histories(backups, devices, landing / "canonical")
    write_odd_ones(backups, landing / "canonical")
    with (HERE / "attacks.csv").open("w", newline="") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerows([("device_id", "backup_id", "attack", "kind", "in_words"), *labels])


def named(histories: pd.DataFrame, devices: pd.DataFrame) -> pd.DataFrame:
    """Backups of the chosen devices under their new names, moved by whole weeks to end in the same one."""
    chosen = histories.rename(columns={"device_id": "history"}).drop(columns=["backup_id", "origin", "group", "kind"])
    chosen = chosen.merge(devices, on="history", how="inner", validate="many_to_one")
    last = chosen.groupby("device_id")["ended_at"].transform("max")
    monday = last.dt.normalize() - pd.to_timedelta(last.dt.weekday, unit="D")
    chosen["ended_at"] += pd.Timestamp(LAST_MONDAY, tz=UTC) - monday
    chosen["backup_id"] = chosen["ended_at"].dt.strftime("%Y%m%dT%H%M%SZ")
    return chosen.sort_values(["device_id", "ended_at"], ignore_index=True)[COLUMNS]


def with_attacks(backups: pd.DataFrame) -> tuple[pd.DataFrame, list[tuple[str, ...]]]:
    """Backups with `ATTACKS` added to the newest of those devices, and what was done to which."""
    changed, labels = backups.copy(), []
    for device_id, (attack, kind, in_words) in ATTACKS.items():
        before, newest = backups.index[backups["device_id"] == device_id][-2:]
        figures = {column.name: backups.loc[[newest], column.name].to_numpy() for column in FIGURES}
        state = {
            "files_before": np.array([backups.loc[before, "files_total"]]),
            "bytes_before": np.array([backups.loc[before, "bytes_total"]]),
            "bytes_total_compressed_before": np.array([backups.loc[before, "bytes_total_compressed"]]),
        }
        after = attacked({**figures, **state}, attack)
        for name in figures:
            changed.loc[newest, name] = int(after[name][0])
        labels.append((device_id, backups.loc[newest, "backup_id"], attack, kind, in_words))
    return changed, labels


def write_histories(backups: pd.DataFrame, devices: pd.DataFrame, folder: Path) -> None:
    """Write a file a device, zstd for text and gzip for media, and one Parquet file of all the large ones."""
    large = devices.loc[devices["group"] == "large", "device_id"]
    table = pa.Table.from_pandas(backups[backups["device_id"].isin(large)], preserve_index=False)
    table = table.set_column(2, "ended_at", table["ended_at"].cast(pa.timestamp("us", "UTC"))).replace_schema_metadata()
    pq.write_table(table, folder / "wikis-and-databases.parquet", compression="zstd")
    for device in devices[devices["group"] != "large"].itertuples():
        rows = backups[backups["device_id"] == device.device_id]
        if device.device_id == CUT_DEVICE:
            rows = rows.iloc[CUT_AFTER:]
        text = json_lines(records(rows))
        if device.group == "text":
            packed = zstandard.ZstdCompressor(level=19).compress(text)
            (folder / f"{device.device_id}.jsonl.zst").write_bytes(packed)
        else:
            (folder / f"{device.device_id}.jsonl.gz").write_bytes(gzip.compress(text, 9, mtime=0))


def write_odd_ones(backups: pd.DataFrame, folder: Path) -> None:
    """Write what a landing folder holds besides good records: README.md lists it."""
    good = records(backups[backups["device_id"] == "docs-screenshots"].tail(1))[0]
    at = datetime.fromisoformat(good["ended_at"]) + timedelta(hours=1)
    odd = {**good, "backup_id": f"{at:%Y%m%dT%H%M%SZ}", "ended_at": f"{at:%Y-%m-%dT%H:%M:%SZ}"}
    lines = [
        json_lines([odd]).strip()[:-40],  # stopped in the middle of the line
        *json_lines(
            [
                {**odd, "files_deleted": -3},
                {name: value for name, value in odd.items() if name != "device_id"},
                {**odd, "ended_at": f"{at:%Y-%m-%d %H:%M:%S}"},  # in which zone?
                {**odd, "ended_at": "2099-01-01T00:00:00Z"},
                {**odd, "files_total": odd["files_updated"] - 1},
                {name: odd[name] for name in ("device_id", "backup_id", "ended_at")},
                good,  # a duplicate
            ]
        ).splitlines(),
    ]
    (folder / "odd-records.jsonl").write_bytes(b"\n".join(lines) + b"\n")
    (folder / "empty.jsonl").write_bytes(b"")
    oldest = records(backups[backups["device_id"] == CUT_DEVICE].head(CUT_AFTER + 20))
    packer = zlib.compressobj(9, zlib.DEFLATED, 31)  # 31: with gzip's header, which holds no time here
    readable = packer.compress(json_lines(oldest[:CUT_AFTER])) + packer.flush(zlib.Z_SYNC_FLUSH)
    lost = packer.compress(json_lines(oldest[CUT_AFTER:])) + packer.flush()
    # A few bytes into the next block, so that every reader gets the same whole lines out of it and no piece of one.
    (folder / f"{CUT_DEVICE}-cut.jsonl.gz").write_bytes(readable + lost[:8])


def records(backups: pd.DataFrame) -> list[dict[str, Any]]:
    """Canonical records, as the JSON that stands for them."""
    ended_at = backups["ended_at"].dt.strftime("%Y-%m-%dT%H:%M:%SZ")
    return backups.assign(ended_at=ended_at).to_dict(orient="records")


def json_lines(rows: list[dict[str, Any]]) -> bytes:
    """UTF-8, one record a line."""
    return "".join(json.dumps(row, separators=(",", ":")) + "\n" for row in rows).encode()


if __name__ == "__main__":
    main()
