"""What each backup product prints: full records cut to its shape, to learn and to judge what can be seen through it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from jobs.model.arrays import Array

FOLDER_RATIO = 0.22  # what compression leaves of the folders' own data, as the reader of restic's output takes it
_STORE = ("bytes_total_compressed", "bytes_total_compressed_before")
_NAMES = ("files_moved", "files_new_extension")
_COUNTS = ("files_added", "files_updated", "files_deleted", *_NAMES)


@dataclass(frozen=True)
class Product:
    """One shape of records.

    `unknown` are figures that it does not print; `compresses` says of what bytes_compressed tells (None: it does not
    tell); with `is_deduplicated` bytes_uploaded is unknown and bytes_unique known, else the other way round.
    """

    name: str
    set: str
    unknown: tuple[str, ...] = ()
    is_deduplicated: bool = False


PRODUCTS = (
    Product("git; borg with diff", "stored", ()),
    Product("borg", "totals", (*_COUNTS, "bytes_unique", "bytes_uploaded")),
    Product("all columns", "ratio", _STORE),
    Product("insync, phoenix, Duplicati", "ratio_counts", (*_STORE, *_NAMES, "bytes_unique")),
    Product("restic 0.17 with diff", "ratio_unique", (*_STORE, "files_new_extension"), is_deduplicated=True),
    Product("restic 0.17", "ratio_unique", (*_STORE, *_NAMES), is_deduplicated=True),
    Product("kopia compressing", "ratio_totals", (*_STORE, *_COUNTS), is_deduplicated=True),
    Product("duplicity", "ratio_counts", (*_STORE, *_NAMES, "bytes_unique")),
    Product("restic with diff", "counts", (*_STORE, "files_new_extension", "bytes_compressed"), is_deduplicated=True),
    Product("restic", "counts", (*_STORE, *_NAMES, "bytes_compressed"), is_deduplicated=True),
    Product("rsync", "counts", (*_STORE, *_NAMES, "bytes_compressed", "bytes_unique")),
    Product("rdiff-backup", "counts_totals", (*_STORE, *_NAMES, "files_updated", "bytes_compressed", "bytes_unique")),
    Product("kopia", "counts_totals", (*_STORE, *_COUNTS, "bytes_compressed"), is_deduplicated=True),
    Product(
        "AWS Backup", "size", (*_STORE, *_COUNTS, "files_total", "files_before", "bytes_compressed", "bytes_unique")
    ),
    Product(
        "volume snapshots",
        "upload",
        (*_STORE, *_COUNTS, "files_total", "files_before", "bytes_total", "bytes_compressed", "bytes_unique"),
    ),
)


def as_printed(backups: Mapping[str, Any], product: Product) -> dict[str, Any]:
    """Full records as this product would have printed them: what it does not print is NaN.

    Parameters
    ----------
    backups : mapping of arrays of shape (n,)
        Figures named as in `jobs.tables.FEATURES`, all known.
    """
    printed = {**backups}
    if product.name in ("restic 0.17 with diff", "restic 0.17", "kopia compressing"):
        share = np.divide(
            backups["bytes_unique"],
            backups["bytes_uploaded"],
            out=np.zeros(len(backups["bytes_unique"])),
            where=backups["bytes_uploaded"] > 0,
        )
        # Only what deduplication leaves is compressed; where some of the upload is known already, we do not know which.
        printed["bytes_compressed"] = backups["bytes_compressed"] * np.minimum(share, 1)
    if product.name.startswith("restic"):
        missed = _folder_data_missed(backups)
        printed["bytes_unique"] = np.maximum(0, backups["bytes_unique"] + missed)
        packed = np.maximum(0, printed["bytes_compressed"] + FOLDER_RATIO * missed)
        printed["bytes_compressed"] = np.minimum(packed, printed["bytes_unique"])
    unknown = (*product.unknown, *(("bytes_uploaded",) if product.is_deduplicated else ()))
    nothing: Array = np.full(len(backups["files_added"]), np.nan)
    return {**printed, **{name: nothing for name in unknown if name in printed}}


def _folder_data_missed(backups: Mapping[str, Any]) -> Array:
    """Bytes by which the new ones are off when the folders' own data is taken from them by estimate."""
    random = np.random.default_rng(0)
    dirs = np.maximum(backups["dirs_total"], 1)
    touched = np.minimum(dirs, 1 + backups["files_added"] + backups["files_updated"] + backups["files_deleted"])
    folder_data = 345 * touched * (backups["files_total"] + dirs) / dirs
    missed: Array = folder_data * random.uniform(-0.6, 0.2, len(dirs))
    return missed
