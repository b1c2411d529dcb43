"""What each backup product prints: full records cut to its shape, to learn and to judge what can be seen through it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from jobs.model.arrays import Array

FOLDER_RATIO = 0.22  # what compression leaves of the folders' own data, as the reader of restic's output takes it
# Bytes that are sent of an updated file where only what differs is: the median, and its scatter as a logarithm.
# Measured with rsync on 22 releases of four programs, of 5 to 90 kB a file.
DELTA_BYTES, DELTA_SCATTER = 1_350.0, 0.55
_STORE = ("bytes_total_compressed", "bytes_total_compressed_before")
_NAMES = ("files_moved", "files_new_extension")
_CHANGES = ("files_added", "files_deleted", *_NAMES)
_COUNTS = (*_CHANGES, "files_updated")
_TOTALS = ("files_total", "bytes_total")


@dataclass(frozen=True)
class Product:
    """One shape of records.

    `unknown` are figures that it does not print; with `is_deduplicated` bytes_uploaded is not among what it prints, and
    only what deduplication leaves is compressed; with `is_delta` only what differs in an updated file is sent.
    """

    name: str
    set: str
    unknown: tuple[str, ...] = ()
    is_deduplicated: bool = False
    is_delta: bool = False


PRODUCTS = (
    Product("git; borg with diff", "stored", ()),
    Product("borg", "totals", (*_COUNTS, "bytes_unique", "bytes_uploaded")),
    Product("all columns", "ratio", _STORE),
    Product("insync, phoenix, Duplicati", "ratio_counts", (*_STORE, *_NAMES, "bytes_unique")),
    Product("restic 0.17 with names", "ratio", _STORE, is_deduplicated=True),
    Product("restic 0.17", "ratio_unique", (*_STORE, "files_new_extension"), is_deduplicated=True),
    Product("kopia compressing", "ratio_unique", (*_STORE, *_CHANGES), is_deduplicated=True),
    Product("duplicity", "ratio_counts", (*_STORE, *_NAMES, "bytes_unique"), is_delta=True),
    Product("Bareos", "ratio_saved", (*_STORE, *_CHANGES, *_TOTALS, "bytes_unique")),
    Product("restic with diff", "counts", (*_STORE, "files_new_extension", "bytes_compressed"), is_deduplicated=True),
    Product("restic", "counts", (*_STORE, "files_new_extension", "bytes_compressed"), is_deduplicated=True),
    Product("rsync", "counts", (*_STORE, *_NAMES, "bytes_compressed", "bytes_unique")),
    Product("rsync, network", "counts", (*_STORE, *_NAMES, "bytes_compressed"), is_deduplicated=True, is_delta=True),
    Product("rdiff-backup", "counts_totals", (*_STORE, *_NAMES, "files_updated", "bytes_compressed", "bytes_unique")),
    Product("kopia", "counts", (*_STORE, *_CHANGES, "bytes_compressed"), is_deduplicated=True),
    Product(
        "AWS Backup", "size", (*_STORE, *_COUNTS, "files_total", "files_before", "bytes_compressed", "bytes_unique")
    ),
    Product(
        "volume snapshots",
        "upload",
        (*_STORE, *_COUNTS, "files_total", "files_before", "bytes_total", "bytes_compressed", "bytes_unique"),
    ),
)


def as_printed(
    backups: Mapping[str, Any], product: Product, ordinary: Mapping[str, Any] | None = None
) -> dict[str, Any]:
    """Full records as this product would have printed them: what it does not print is NaN.

    Parameters
    ----------
    backups : mapping of arrays of shape (n,)
        Figures named as in `jobs.tables.FEATURES`, all known.
    ordinary : mapping of arrays of shape (n,), optional
        The same backups without the attack that they are under, if they are under one.
    """
    printed = {**backups}
    if product.is_delta:
        own = backups if ordinary is None else ordinary
        saved = 1 - _delta_share(own)
        for name in ("bytes_uploaded", "bytes_unique", "bytes_compressed"):
            printed[name] = backups[name] - saved * own[name]
    if product.is_deduplicated:
        # Only what deduplication leaves is compressed; where some of the upload is known already, we do not know which.
        new = _part(printed["bytes_unique"], printed["bytes_uploaded"])
        printed["bytes_compressed"] = printed["bytes_compressed"] * np.minimum(new, 1)
    if product.name.startswith("restic"):
        missed = _folder_data_missed(backups)
        printed["bytes_unique"] = np.maximum(0, printed["bytes_unique"] + missed)
        packed = np.maximum(0, printed["bytes_compressed"] + FOLDER_RATIO * missed)
        printed["bytes_compressed"] = np.minimum(packed, printed["bytes_unique"])
    if product.name in ("restic 0.17", "restic"):  # new files beyond the new blobs, which updated files have too
        printed["files_moved"] = np.maximum(0, backups["files_moved"] - backups["files_updated"])
    if product.name == "Bareos":
        printed["files_updated"] = backups["files_added"] + backups["files_updated"]
    if product.name.startswith("kopia"):  # new objects beyond the files gained
        new = backups["files_added"] - backups["files_moved"] + backups["files_updated"]
        gained = np.maximum(0, backups["files_added"] - backups["files_deleted"])
        printed["files_updated"] = np.maximum(0, new - gained)
    unknown = (*product.unknown, *(("bytes_uploaded",) if product.is_deduplicated else ()))
    nothing: Array = np.full(len(backups["files_added"]), np.nan)
    return {**printed, **{name: nothing for name in unknown if name in printed}}


def _delta_share(backups: Mapping[str, Any]) -> Array:
    """Share of the upload that is sent where only what differs in updated files is."""
    added, updated, sent = backups["files_added"], backups["files_updated"], backups["bytes_uploaded"]
    scatter = np.exp(np.random.default_rng(0).normal(0, DELTA_SCATTER, len(sent)))
    of_updated = np.minimum(_part(DELTA_BYTES * scatter * (added + updated), sent), 1)
    share: Array = 1 - (1 - of_updated) * _part(updated, added + updated)
    return share


def _part(part: Array, whole: Array) -> Array:
    """0 where the whole is nothing."""
    return np.divide(part, whole, out=np.zeros(len(whole)), where=whole > 0)


def _folder_data_missed(backups: Mapping[str, Any]) -> Array:
    """Bytes by which the new ones are off when the folders' own data is taken from them by estimate."""
    random = np.random.default_rng(0)
    dirs = np.maximum(backups["dirs_total"], 1)
    touched = np.minimum(dirs, 1 + backups["files_added"] + backups["files_updated"] + backups["files_deleted"])
    folder_data = 345 * touched * (backups["files_total"] + dirs) / dirs
    missed: Array = folder_data * random.uniform(-0.6, 0.2, len(dirs))
    return missed
