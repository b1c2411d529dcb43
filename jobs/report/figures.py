"""Which figure of a device's history a chart shows beside a signal, and what it reads in one backup."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from jobs.words import is_known


@dataclass(frozen=True)
class Figure:
    """One figure of a backup.

    `unit` is files, bytes or share. `least_of` are `features` columns of which the smallest counts; `less` are taken
    off, never below 0. `is_signal` says that the figure is the signal itself, so that the signal's usual range can be
    drawn over it; the others show what an analyst can follow, since the signal needs the model to be worked out.
    """

    label: str
    unit: str
    least_of: tuple[str, ...]
    less: tuple[str, ...] = ()
    is_signal: bool = True


_COMPRESSED = Figure("Bytes uploaded, after compression", "bytes", ("bytes_compressed",), is_signal=False)
_HELD = Figure("Bytes on the device", "bytes", ("bytes_total",), is_signal=False)
_STORED = Figure("Bytes in the store, compressed", "bytes", ("bytes_total_compressed",), is_signal=False)
_RATIO = Figure("Upload compressed to", "share", ("compressed_ratio",), is_signal=False)

FIGURES = {
    "excess_bytes": _COMPRESSED,
    "excess_files": _RATIO,
    "dense_bytes": _COMPRESSED,
    "rewritten_excess": _COMPRESSED,
    "ratio_high": _RATIO,
    "ratio_low": _RATIO,
    "updated": Figure("Files changed", "files", ("files_updated",)),
    "updated_net": Figure(
        "Files changed beyond added and deleted", "files", ("files_updated",), ("files_added", "files_deleted")
    ),
    "replaced": Figure("Files deleted with as many added in their place", "files", ("replaced",)),
    "replaced_new_ext": Figure(
        "Files replaced, new extension", "files", ("files_added", "files_deleted", "files_new_extension")
    ),
    "new_ext": Figure("Files added with a new extension", "files", ("files_new_extension",)),
    "deleted_net": Figure("Files deleted beyond added", "files", ("deleted_net",)),
    "deleted": Figure("Files deleted", "files", ("files_deleted",)),
    "deleted_alone": Figure(
        "Files deleted beyond added and changed", "files", ("files_deleted",), ("files_added", "files_updated")
    ),
    "added_net": Figure("Files added beyond deleted", "files", ("added_net",)),
    "added": Figure("Files added", "files", ("files_added",)),
    "added_alone": Figure(
        "Files added beyond deleted and changed", "files", ("files_added",), ("files_deleted", "files_updated")
    ),
    "uploaded_bytes": Figure("Bytes uploaded", "bytes", ("bytes_uploaded",)),
    "grown": _HELD,
    "stored_excess": _STORED,
    "stored_deficit": _STORED,
    "rewritten": Figure("Bytes uploaded", "bytes", ("bytes_uploaded",), is_signal=False),
    "lost": _HELD,
    "gained": _HELD,
}

# What they read: columns of `features`.
READ = tuple(sorted({name for figure in FIGURES.values() for name in (*figure.least_of, *figure.less)}))


def figure_of(backup: Mapping[str, Any], figure: Figure) -> float | None:
    """What the figure reads in one row of `features`; None where a column that it needs is unknown."""
    columns = (*figure.least_of, *figure.less)
    known = {name: float(backup[name]) for name in columns if is_known(backup.get(name))}
    if len(known) < len(columns):
        return None
    return max(0.0, min(known[name] for name in figure.least_of) - sum(known[name] for name in figure.less))
