"""What an attack finds on a device, and what it changes in the figures of a backup."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]
Share = Array | float  # of the device's files


@dataclass(frozen=True)
class Before:
    """Devices before the attack; arrays of shape (n_backups,), NaN where unknown."""

    files: Array
    bytes: Array
    dirs: Array
    density: Array  # compressed share of what is stored

    @property
    def file_size(self) -> Array:
        """Mean size of a file, bytes."""
        return self.bytes / self.files

    def count(self, share: Share) -> Array:
        """Files in this share, at least one."""
        return np.maximum(1.0, np.rint(share * self.files))

    def notes(self, share: float) -> Array:
        """Ransom notes, one for each folder touched; none where folders were not counted."""
        return np.ceil(np.nan_to_num(self.dirs) * share)


@dataclass(frozen=True)
class Change:
    """What one attack adds to the figures of a backup, in files and bytes."""

    added: Array | float = 0.0
    updated: Array | float = 0.0
    deleted: Array | float = 0.0
    moved: Array | float = 0.0
    new_extension: Array | float = 0.0
    uploaded: Array | float = 0.0
    compressed: Array | float = 0.0
    replaced: Array | float = 0.0  # bytes that updated files held before, and deleted ones beyond the mean size
    unique: Array | float | None = None  # of uploaded, what deduplication does not find in the store; None: all of it


Recipe = Callable[[Before], Change]
