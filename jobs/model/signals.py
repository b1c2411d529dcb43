"""Nineteen signals of one backup: what could speak for an attack, in files, bytes or deviations."""

from __future__ import annotations

import numpy as np

from jobs.model.arrays import Array, Arrays
from jobs.model.compression import SMALLEST_SPREAD, expected_ratio

# Signal, unit, kind of attack that it speaks for. Where two are equally loud the earlier one gives the kind: what dense
# content says comes before the counts, since encryption changes those as well.
_SIGNALS = (
    ("excess_bytes", "bytes", "encrypt"),
    ("excess_files", "files", "encrypt"),
    ("dense_bytes", "bytes", "encrypt"),
    ("excess_updated", "files", "encrypt"),
    ("ratio_high", "deviations", "encrypt"),
    ("ratio_low", "deviations", "modify"),
    ("updated", "files", "modify"),
    ("updated_net", "files", "modify"),
    ("replaced", "files", "encrypt"),
    ("replaced_new_ext", "files", "encrypt"),
    ("new_ext", "files", "encrypt"),
    ("deleted_net", "files", "delete"),
    ("deleted", "files", "delete"),
    ("deleted_alone", "files", "delete"),
    ("added_net", "files", "add"),
    ("added", "files", "add"),
    ("added_alone", "files", "add"),
    ("uploaded_bytes", "bytes", "add"),
    ("unique_bytes", "bytes", "add"),
)
SIGNALS = tuple(name for name, _, _ in _SIGNALS)
UNIT_OF_SIGNAL = {name: unit for name, unit, _ in _SIGNALS}
KIND_OF_SIGNAL = {name: kind for name, _, kind in _SIGNALS}
LAYOUT = "19x12/1"  # signals x bins / version of their meaning
FIGURES = (
    "files_added",
    "files_updated",
    "files_deleted",
    "files_moved",
    "files_new_extension",
    "files_before",
    "bytes_before",
    "bytes_total_compressed_before",
    "bytes_uploaded",
    "bytes_unique",
    "bytes_compressed",
)


def signals_of(backups: Arrays, expected_ratio: Array, spread: Array, stored_density: Array) -> Array:
    """Signals of each backup.

    Parameters
    ----------
    backups : mapping of arrays of shape (n,)
        The columns named in `FIGURES`; counts and bytes, NaN where unknown.
    expected_ratio : array of shape (n,)
        From `jobs.model.compression.expected_ratio`.
    spread : array of shape (n,)
        How far the device's compression ratios scatter, as a share.
    stored_density : array of shape (n,)
        Compressed share of what the device holds, for rows that do not say it themselves; NaN where unknown.

    Returns
    -------
    float array of shape (n, 19), in the order of `SIGNALS`, at least 0; NaN where a figure it needs is unknown

    Notes
    -----
    docs/detection.md, "Signals".
    """
    return np.column_stack(
        (
            *_compression_signals(backups, expected_ratio, spread, stored_density),
            *_count_signals(backups),
            backups["bytes_uploaded"],
            np.minimum(backups["bytes_unique"], backups["bytes_uploaded"]),
        )
    )


def _count_signals(backups: Arrays) -> tuple[Array, ...]:
    added, updated, deleted = backups["files_added"], backups["files_updated"], backups["files_deleted"]
    new_extension, moved = backups["files_new_extension"], np.nan_to_num(backups["files_moved"])
    pairs = np.minimum(added, deleted)
    return (
        updated,
        _above(updated, added + deleted),
        _above(pairs, moved),
        np.minimum(pairs, new_extension),
        new_extension,
        _above(deleted, added),
        deleted,
        _above(deleted, added + updated),
        _above(added, deleted),
        added,
        _above(added, deleted + updated),
    )


def _compression_signals(backups: Arrays, expected: Array, spread: Array, stored_density: Array) -> tuple[Array, ...]:
    """First six signals: 0 where nothing was uploaded."""
    updated, sent, packed = backups["files_updated"], backups["bytes_uploaded"], backups["bytes_compressed"]
    files = backups["files_added"] + updated
    is_known = ~np.isnan(files + sent + packed)
    is_upload = is_known & (files > 0) & (sent > 0)
    nothing = np.where(is_known, 0.0, np.nan)
    unique = np.where(np.isnan(backups["bytes_unique"]), sent, backups["bytes_unique"])
    files, sent = np.where(is_upload, files, 1.0), np.where(is_upload, sent, 1.0)

    # Moved and copied content is not encryption, however dense it is.
    excess = np.minimum(_above(packed, expected * sent), unique)
    excess_files = files * np.minimum(1, excess / np.maximum((1 - expected) * sent, 1))
    density = np.maximum(expected, density_before(backups, stored_density))
    dense = np.minimum(_above(packed, density * sent), unique)
    surprise = (packed / sent - expected) / np.sqrt(SMALLEST_SPREAD**2 + spread**2 / files)
    found = (excess, excess_files, dense, np.minimum(excess_files, updated), _above(surprise, 0), _above(0, surprise))
    return tuple(np.where(is_upload, signal, nothing) for signal in found)


def signals_beside(backups: Arrays, models: Arrays, curve: Array) -> Array:
    """Signals of each backup by the compression that its own device model expects.

    Parameters
    ----------
    backups : mapping of arrays of shape (n,)
        As in `signals_of`.
    models : mapping of arrays of shape (n,)
        ratio_offset, ratio_spread and stored_density, row by row.
    curve : array of shape (24,)
        The fleet's compression curve.
    """
    files = backups["files_added"] + backups["files_updated"]
    expected = expected_ratio(backups["bytes_uploaded"], files, curve, models["ratio_offset"])
    return signals_of(backups, expected, models["ratio_spread"], models["stored_density"])


def density_before(backups: Arrays, stored_density: Array) -> Array:
    """Compressed share of what the device held before each backup, .02 to 1; `stored_density` where it is not said."""
    total, packed = backups["bytes_before"], backups["bytes_total_compressed_before"]
    said = np.divide(packed, total, out=np.full(len(total), np.nan), where=total > 0)
    return np.clip(np.where(np.isnan(said), stored_density, said), 0.02, 1)


def _above(value: Array | float, floor: Array | float) -> Array:
    return np.maximum(0, value - floor)
