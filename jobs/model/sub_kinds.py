"""The ten ways in which an attack shows, each with the evidence and the shares that speak for it."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from jobs.model.signals import SIGNALS
from jobs.tables import KINDS

EVIDENCE_KNOTS = (0.0, 0.7, 1.4, 2.2, 6.0)
SHARE_KNOTS = (0.0, 1.0, 2.0, 2.5, 3.0)  # of log10(share) + 3: a thousandth, a hundredth, a tenth, a third, all
PIECES = len(EVIDENCE_KNOTS) - 1
TOP_FLOOR = 1.0  # smallest weight of what touches nearly all of a device
# Where a little of each file is encrypted, that all of them changed is the only thing to see.
TOP_FLOORS = {"modify": 2.5}
# The same for what is deleted or added: the more of a device's files, up to half, the louder, however rare both are.
BIG_FLOORS = {"delete": {"big deleted": 1.0}, "add": {"big added_net": 1.0}}
# What a column counts at least, whatever was learned beside it. In all sets, how far the share added is on the way
# from a hundredth to a tenth: attacks of all sizes are learned from alike, and small ones, most of which stay unseen,
# would have it count for less. Raised after the fit, unlike those above: within it other weights would give way.
_EVERYWHERE = {("add", "share added_net", 1): 2.0}
# In these sets; in others it costs more than it gives.
# Each digit of the number of deleted or added files: a tenth of a large device is louder than a tenth of a small one,
# even on a device that does so a few times a year. That all of a device is rewritten: where the size of the store is
# unknown that may be all there is to see, and a device that often rewrites most of itself would hide it.
_ALL_REWRITTEN = {("modify", "top updated", 0): 3.6, ("modify", "top rewritten", 0): 3.6}
SET_FLOORS = {
    "stored": {("delete", "count deleted", 0): 1.0},
    "ratio": {
        ("delete", "count deleted", 0): 1.5,
        ("delete", "big deleted", 0): 2.0,
        ("add", "count added_net", 0): 0.4,
        **_ALL_REWRITTEN,
    },
    "counts_totals": _ALL_REWRITTEN,
    "size": _ALL_REWRITTEN,
}

# Name, what it is a share of: signals of files beside the files before; of bytes beside the bytes before.
SHARES = {
    "encrypted": "excess_bytes",  # of what can become denser
    "stored_encrypted": "stored_excess",  # the same
    "rewritten_encrypted": "rewritten_excess",  # the same
    "updated": "updated",
    "replaced": "replaced",
    "replaced_new_ext": "replaced_new_ext",
    "new_ext": "new_ext",
    "deleted_net": "deleted_net",
    "deleted": "deleted",  # moves aside
    "added_net": "added_net",
    "uploaded": "uploaded_bytes",
    "rewritten": "rewritten",
    "lost": "lost",
    "gained": "gained",
    "grown": "grown",
    "emptied": "stored_deficit",  # of what is stored
}
COUNTS = ("excess_files", "replaced", "replaced_new_ext", "deleted", "added_net", "updated")


@dataclass(frozen=True)
class SubKind:
    """What speaks for one sub-kind.

    `evidence` are signals, `shares` are of `SHARES`, `counts` are signals whose size counts as such; `top` are shares
    that keep near-total events loud whatever was learned, `big` are those that count once more up to half a device.
    """

    name: str
    kind: str
    evidence: tuple[str, ...]
    shares: tuple[str, ...]
    counts: tuple[str, ...] = ()
    top: tuple[str, ...] = ()
    big: tuple[str, ...] = ()


_DENSE = ("excess_bytes", "excess_files", "ratio_high", "dense_bytes", "stored_excess")
LEARNED = (
    SubKind(
        "inplace",
        "encrypt",
        (*_DENSE, "updated", "rewritten_excess", "rewritten"),
        ("encrypted", "stored_encrypted", "rewritten_encrypted", "updated"),
        ("excess_files",),
        ("updated",),
    ),
    SubKind(
        "rename",
        "encrypt",
        (*_DENSE, "replaced", "rewritten_excess", "rewritten"),
        ("replaced", "encrypted", "stored_encrypted", "rewritten_encrypted"),
        ("replaced",),
    ),
    SubKind(
        "newext",
        "encrypt",
        ("replaced_new_ext", "new_ext", "replaced", "excess_bytes", "ratio_high", "stored_excess"),
        ("replaced_new_ext", "new_ext"),
        ("replaced_new_ext",),
    ),
    SubKind(
        "delete",
        "delete",
        ("deleted_net", "deleted", "deleted_alone", "lost"),
        ("deleted_net", "deleted", "lost"),
        ("deleted",),
        ("deleted",),
        ("deleted", "lost"),
    ),
    SubKind(
        "add",
        "add",
        ("added_net", "added", "added_alone", "uploaded_bytes", "excess_bytes", "gained"),
        ("added_net", "uploaded", "encrypted", "gained"),
        ("added_net",),
        ("added_net",),
        ("added_net", "gained"),
    ),
    SubKind(
        "stage",
        "add",
        ("uploaded_bytes", "excess_bytes", "ratio_high", "dense_bytes", "gained", "stored_excess"),
        ("uploaded", "encrypted", "gained", "stored_encrypted"),
    ),
    SubKind(
        "modify",
        "modify",
        ("updated", "updated_net", "uploaded_bytes", "rewritten", "grown"),
        ("updated", "uploaded", "rewritten", "grown"),
        ("updated",),
        ("updated", "rewritten"),
        ("rewritten", "grown"),
    ),
    SubKind(
        "wipe",
        "modify",
        ("ratio_low", "updated", "rewritten", "stored_deficit"),
        ("updated", "emptied"),
        ("updated",),
        ("updated",),
    ),
)
# Not learned: the points of each are a column of its own. Far more files and bytes rewritten than ever before, and no
# others added or deleted: the rarer of two surges, so that a steady device's own steadiness counts where nothing else
# can be seen. And content that goes though hardly a file does, emptied in place or the few that hold a database:
# deletions as they are drawn to learn from always show as files too.
SURGE, LOSS = SubKind("surge", "modify", (), ()), SubKind("loss", "delete", (), ())
SURGING = ("updated_net", "rewritten")
OWN_COLUMNS = ((f"both {SURGING[0]}", 0), ("gone lost", 0))
SUB_KINDS = (*LEARNED, SURGE, LOSS)
# Each sub-kind's part of the false alerts that are allowed, by what a backup shows (`jobs.model.point_sets.SETS`).
BUDGETS = {
    "stored": (0.231, 0.035, 0.068, 0.305, 0.2345, 0.074, 0.045, 0.0052, 0.0023),
    "dense": (0.125, 0.03, 0.088, 0.385, 0.187, 0.077, 0.0928, 0.0027, 0.0125),
    "totals": (0.38, 0.035, 0.0034, 0.285, 0.18, 0.06, 0.03, 0.02, 0.0066),
    "ratio_saved": (0.27, 0.26, 0.004, 0.02, 0.08, 0.03, 0.325, 0.006, 0.005),
    "ratio": (0.2439, 0.0752, 0.0684, 0.2858, 0.1709, 0.0909, 0.0512, 0.0028, 0.0013),
    "ratio_counts": (0.15, 0.148, 0.003, 0.315, 0.213, 0.125, 0.038, 0.003, 0.005),
    "ratio_unique": (0.205, 0.19, 0.012, 0.275, 0.165, 0.085, 0.05, 0.012, 0.006),
    "counts": (0.15, 0.255, 0.003, 0.175, 0.125, 0.14, 0.055, 0.012, 0.085),
    "counts_totals": (0.098, 0.2, 0.01, 0.17, 0.13, 0.16, 0.1, 0.032, 0.1),
    "size": (0.08, 0.073, 0.005, 0.22, 0.211, 0.121, 0.2, 0.013, 0.077),
    "upload": (0.18, 0.01, 0.004, 0.01, 0.2, 0.206, 0.27, 0.01, 0.11),
}
# On top of them: nearly all clean backups that lose so much delete files enough to alert anyway.
LOSS_BUDGET = 0.2

# Columns of what the points are sums of; `jobs.model.points.columns_of` fills them in this order.
COLUMNS = (
    *((f"evidence {signal}", piece) for signal in SIGNALS for piece in range(PIECES)),
    *((f"surge {signal}", piece) for signal in SIGNALS for piece in range(PIECES)),
    *((f"share {share}", piece) for share in SHARES for piece in range(PIECES)),
    *((f"count {signal}", 0) for signal in COUNTS),
    *((f"top {share}", 0) for share in SHARES),
    *((f"big {share}", 0) for share in SHARES),
    *OWN_COLUMNS,
)

# Which signal each column is of: shape (columns, signals), one 1 a row.
_SIGNALS_OF_COLUMNS = [SHARES.get(name.split()[1], name.split()[1]) for name, _ in COLUMNS]
SIGNAL_OF_COLUMN = np.array([[name == signal for signal in SIGNALS] for name in _SIGNALS_OF_COLUMNS], float)

KIND_OF_SUB_KIND = np.array([KINDS.index(sub_kind.kind) for sub_kind in SUB_KINDS])
_OF_KINDS = [[place for place, own in enumerate(SUB_KINDS) if own.kind == kind] for kind in KINDS]


def largest_of_kinds(by_sub_kind: NDArray[np.float64]) -> NDArray[np.float64]:
    """The largest of each kind's sub-kinds: (n, 10) to (n, 4), by `jobs.tables.KINDS`."""
    return np.stack([by_sub_kind[:, places].max(axis=1) for places in _OF_KINDS], axis=1)


def loudest_of_kinds(by_sub_kind: NDArray[np.float64]) -> NDArray[np.int64]:
    """Which sub-kind of each kind is the largest: (n, 10) to (n, 4), indices into `SUB_KINDS`."""
    return np.stack([np.take(places, by_sub_kind[:, places].argmax(axis=1)) for places in _OF_KINDS], axis=1)


def columns_used() -> NDArray[np.bool_]:
    """Which columns speak for which of `LEARNED`: shape (columns, 8)."""
    named = [_names(sub_kind) for sub_kind in LEARNED]
    return np.array([[name in names for names in named] for name, _ in COLUMNS])


def floors() -> NDArray[np.float64]:
    """Smallest weight of each column in each of `LEARNED`: shape (columns, 8)."""
    named = [
        dict.fromkeys((f"top {share}" for share in sub_kind.top), TOP_FLOORS.get(sub_kind.name, TOP_FLOOR))
        | BIG_FLOORS.get(sub_kind.name, {})
        for sub_kind in LEARNED
    ]
    return np.array([[floor_of.get(name, 0.0) for floor_of in named] for name, _ in COLUMNS])


def with_set_floors(weights: NDArray[np.float64], set_name: str) -> NDArray[np.float64]:
    """Weights of a set, shape (columns, 10), at least those of `SET_FLOORS` and what counts in all sets."""
    louder, names = weights.copy(), [sub_kind.name for sub_kind in SUB_KINDS]
    for (sub_kind, column, piece), floor in (_EVERYWHERE | SET_FLOORS.get(set_name, {})).items():
        at = COLUMNS.index((column, piece)), names.index(sub_kind)
        louder[at] = max(louder[at], floor)
    return louder


def _names(sub_kind: SubKind) -> set[str]:
    words = {"evidence": sub_kind.evidence, "surge": sub_kind.evidence, "share": sub_kind.shares}
    words |= {"count": sub_kind.counts, "top": sub_kind.top, "big": sub_kind.big}
    return {f"{word} {name}" for word, listed in words.items() for name in listed}
