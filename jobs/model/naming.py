"""Which sub-kind a backup is called by: the loudest one, or what compression and the device's growth tell of it."""

from __future__ import annotations

import numpy as np

from jobs.model.arrays import Array, Arrays
from jobs.model.signals import SIGNALS
from jobs.model.sub_kinds import COLUMNS, SUB_KINDS

_NAMES = [sub_kind.name for sub_kind in SUB_KINDS]
_IN_PLACE, _STAGE = _NAMES.index("inplace"), _NAMES.index("stage")
_IN_PLACES = [_IN_PLACE, _NAMES.index("rename")]
_REWRITES = [_NAMES.index(name) for name in ("modify", "surge")]
_ADDS = [_NAMES.index(name) for name in ("add", "stage")]
_DELETE, _LOSS = _NAMES.index("delete"), _NAMES.index("loss")
_GONE = COLUMNS.index(("gone lost", 0))
_DIGITS = {share: [own == f"share {share}" for own, _ in COLUMNS] for share in ("deleted", "lost")}
_STORED_EXCESS, _RATIO_HIGH = SIGNALS.index("stored_excess"), SIGNALS.index("ratio_high")
_EXCESS_BYTES = SIGNALS.index("excess_bytes")
_GAINED, _REWRITTEN = SIGNALS.index("gained"), SIGNALS.index("rewritten")
SURELY_DENSE = 2.0  # evidence: one ordinary backup in a hundred compresses so badly
SURELY_RARER = 1.0  # difference of evidence: ten times as rare


def named(winner: Array, rows: Arrays) -> Array:
    """The sub-kind that gives each backup its kind: the winner, or what compression tells of it.

    What looks like rewritten files is encryption in place where it did not compress as usual; so is what looks like
    dense new files where the updated ones can hold it. What looks like encrypted files is new dense ones where the
    device gained more than it rewrote, or enough to hold what is dense while it rewrote what it usually does.
    """
    evidence, signals = rows["evidence"], rows["signals"]
    has_store = ~np.isnan(signals[:, _STORED_EXCESS])
    is_dense = np.where(has_store, evidence[:, _STORED_EXCESS], evidence[:, _RATIO_HIGH]) >= SURELY_DENSE
    # Not where one of the two is unknown; and encryption leaves room for little else on the same day.
    gained, dense = signals[:, _GAINED], np.where(has_store, signals[:, _STORED_EXCESS], signals[:, _EXCESS_BYTES])
    is_rarer = evidence[:, _GAINED] > evidence[:, _REWRITTEN] + SURELY_RARER
    is_gained = (gained > signals[:, _REWRITTEN]) | (is_rarer & (gained >= dense))
    is_updated = rows["is_rewrite"] & ~is_gained & np.isin(winner, _ADDS)
    is_encrypted = np.where(np.isin(winner, _REWRITES), is_dense, is_updated)
    name: Array = np.where(is_encrypted, _IN_PLACE, winner)
    return np.where(np.isin(winner, _IN_PLACES) & is_gained, _STAGE, name)


def told(winner: Array, columns: Array) -> Array:
    """The winning sub-kinds; deletion is told in files, unless much is gone, and of bytes twice the share of files."""
    of_files, of_bytes = (columns[:, _DIGITS[share]].sum(axis=1) for share in ("deleted", "lost"))
    deletion = np.where((columns[:, _GONE] > 0) & (of_bytes > of_files + np.log10(2)), _LOSS, _DELETE)
    return np.where(np.isin(winner, (_DELETE, _LOSS)), deletion, winner)
