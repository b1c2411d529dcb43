"""Signals of one backup: what could speak for an attack, in files, bytes or deviations."""

from __future__ import annotations

import numpy as np

from jobs.model.arrays import Array, Arrays
from jobs.model.compression import SMALLEST_SPREAD, expected_ratio
from jobs.model.stand_ins import completed

# Signal, unit, kind of attack that it speaks for. Where two are equally loud the earlier one gives the kind: what dense
# content says comes before the counts, since encryption changes those as well.
_SIGNALS = (
    ("excess_bytes", "bytes", "encrypt"),
    ("excess_files", "files", "encrypt"),
    ("dense_bytes", "bytes", "encrypt"),
    ("rewritten_excess", "bytes", "encrypt"),
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
    ("grown", "bytes", "modify"),
    ("stored_excess", "bytes", "encrypt"),
    ("stored_deficit", "bytes", "modify"),
    ("rewritten", "bytes", "modify"),
    ("lost", "bytes", "delete"),
    ("gained", "bytes", "add"),
)
SIGNALS = tuple(name for name, _, _ in _SIGNALS)
UNIT_OF_SIGNAL = {name: unit for name, unit, _ in _SIGNALS}
KIND_OF_SIGNAL = {name: kind for name, _, kind in _SIGNALS}
LAYOUT = "24x12/3"  # signals x bins / version of their meaning
FIGURES = (
    "files_added",
    "files_updated",
    "files_deleted",
    "files_moved",
    "files_new_extension",
    "files_before",
    "files_total",
    "bytes_before",
    "bytes_total",
    "bytes_total_compressed_before",
    "bytes_total_compressed",
    "bytes_uploaded",
    "bytes_unique",
    "bytes_compressed",
)


def signals_of(figures: Arrays, expected_ratio: Array, spread: Array, stored_density: Array) -> Array:
    """Signals of each backup.

    Parameters
    ----------
    figures : mapping of arrays of shape (n,)
        From `jobs.model.stand_ins.completed`; counts and bytes, NaN where unknown.
    expected_ratio : array of shape (n,)
        From `jobs.model.compression.expected_ratio`.
    spread : array of shape (n,)
        How far the device's compression ratios scatter, as a share.
    stored_density : array of shape (n,)
        Compressed share of what the device holds, for rows that do not say it themselves; NaN where unknown.

    Returns
    -------
    float array of shape (n, 24), in the order of `SIGNALS`, at least 0; NaN where a figure it needs is unknown. In
        memory the backups of one signal lie side by side.

    Notes
    -----
    docs/model.md, "Signals".
    """
    return np.stack(
        (
            *_compression_signals(figures, expected_ratio, spread, stored_density),
            *_count_signals(figures),
            figures["bytes_uploaded"],
            figures["bytes_grown"],
            _above(figures["stored_excess"], 0),
            _above(0, figures["stored_excess"]),
            figures["bytes_rewritten"],
            figures["bytes_lost"],
            figures["bytes_gained"],
        )
    ).T


def _count_signals(figures: Arrays) -> tuple[Array, ...]:
    added, updated, deleted = figures["files_added"], figures["files_updated"], figures["files_deleted"]
    new_extension, moved = figures["files_new_extension"], np.nan_to_num(figures["files_moved"])
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


def _compression_signals(figures: Arrays, expected: Array, spread: Array, stored_density: Array) -> tuple[Array, ...]:
    """First six signals: 0 where nothing was uploaded."""
    files, sent, packed = figures["files_uploaded"], figures["bytes_uploaded"], figures["bytes_compressed"]
    is_known = ~np.isnan(files + sent + packed)
    is_upload = is_known & (files > 0) & (sent > 0)
    nothing = np.where(is_known, 0.0, np.nan)
    files, sent = np.where(is_upload, files, 1.0), np.where(is_upload, sent, 1.0)

    # Moved and copied content is not encryption, however dense it is.
    unique = figures["bytes_unique"]
    excess = np.minimum(_above(packed, expected * sent), unique)
    excess_files = files * np.minimum(1, excess / np.maximum((1 - expected) * sent, 1))
    density = np.maximum(expected, density_before(figures, stored_density))
    dense = np.minimum(_above(packed, density * sent), unique)
    surprise = (packed / sent - expected) / np.sqrt(SMALLEST_SPREAD**2 + spread**2 / files)
    found = (excess, excess_files, dense, _above(surprise, 0), _above(0, surprise))
    excess, excess_files, dense, high, low = (np.where(is_upload, signal, nothing) for signal in found)
    return excess, excess_files, dense, _rewritten_excess(figures, excess), high, low


def _rewritten_excess(figures: Arrays, excess: Array) -> Array:
    """What was written over and is denser now: new pictures make an upload or a store dense as well, and add to it."""
    stored = figures["stored_excess"]
    return np.minimum(np.where(np.isnan(stored), excess, _above(stored, 0)), figures["bytes_rewritten"])


def signals_beside(backups: Arrays, models: Arrays, curve: Array) -> Array:
    """Signals of each backup by the compression that its own device model expects.

    Parameters
    ----------
    backups : mapping of arrays of shape (n,)
        The columns of `FIGURES`; NaN where unknown.
    models : mapping of arrays of shape (n,)
        ratio_offset, ratio_spread and stored_density, row by row.
    curve : array of shape (24,)
        The fleet's compression curve.
    """
    figures = completed(backups)
    return signals_of(figures, ratio_beside(figures, models, curve), models["ratio_spread"], models["stored_density"])


def ratio_beside(figures: Arrays, models: Arrays, curve: Array) -> Array:
    """Compressed share that an upload like each of these usually has on its device; as `expected_ratio`."""
    return expected_ratio(figures["bytes_uploaded"], figures["files_uploaded"], curve, models["ratio_offset"])


def density_before(figures: Arrays, stored_density: Array) -> Array:
    """Compressed share of what the device held before each backup, .02 to 1; `stored_density` where it is not said."""
    said = figures["density_before"]
    return np.where(np.isnan(said), np.clip(stored_density, 0.02, 1), said)


def _above(value: Array | float, floor: Array | float) -> Array:
    return np.maximum(0, value - floor)
