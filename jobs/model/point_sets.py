"""Point sets: what was learned for backups that show the same figures, one set for each of eleven shapes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from jobs.errors import UdaError
from jobs.model.arrays import Array
from jobs.model.calibration import Calibration
from jobs.model.cumulative import ADDED_UP
from jobs.model.fields import field, numbers, rising, rounded
from jobs.model.sub_kinds import COLUMNS, SUB_KINDS
from jobs.tables import KINDS

# Backups are judged by what their product lets us see, the first that fits: how much the store grew when compressed,
# with counts of files or with totals alone; how well the upload compressed; counts of files; sizes alone.
SETS = (
    "stored",
    "dense",
    "totals",
    "ratio_saved",
    "ratio",
    "ratio_counts",
    "ratio_unique",
    "counts",
    "counts_totals",
    "size",
    "upload",
)


@dataclass(frozen=True, eq=False)
class PointSet:
    """What was learned for backups that show the same.

    Attributes
    ----------
    budget : array of shape (10,)
        Each sub-kind's part of the false alerts.
    intercepts : array of shape (10,)
        Points of each sub-kind without any evidence.
    weights : array of shape (columns, 10)
        Points for each column of `jobs.model.sub_kinds.COLUMNS`, at least 0.
    tails : 10 arrays of shape (2, k)
        Points of a sub-kind, and -log10 of the share of clean backups that have as many.
    loud_share : array of shape (4,)
        Share of clean backups that are loud, by `jobs.tables.KINDS`; see `jobs.model.loudness`.
    calibrations : at least two
        From raw score to anomaly score, by how much history a device has.
    """

    budget: Array
    intercepts: Array
    weights: Array
    tails: Sequence[Array]
    loud_share: Array
    calibrations: Sequence[Calibration]

    def to_fields(self) -> dict[str, Any]:
        """Fields as the JSON file holds them, sub-kind by sub-kind; weights of 0 are left out."""
        sub_kinds = {}
        for place, sub_kind in enumerate(SUB_KINDS):
            by_column: dict[str, list[float]] = {}
            for (name, _), weight in zip(COLUMNS, rounded(self.weights[:, place]), strict=True):
                by_column.setdefault(name, []).append(weight)
            sub_kinds[sub_kind.name] = {
                "budget": round(float(self.budget[place]), 4),
                "intercept": round(float(self.intercepts[place]), 4),
                "weights": {name: pieces for name, pieces in by_column.items() if any(pieces)},
                "tail": rounded(self.tails[place]),
            }
        calibrations = [
            {
                "history": round(each.history, 4),
                "schedule_power": round(each.schedule_power, 4),
                "alert_rate": rounded(each.alert_rate),
                "sum_rate": {kind: rounded(line) for kind, line in zip(ADDED_UP, each.sum_rate, strict=True)},
            }
            for each in self.calibrations
        ]
        loud_share = {kind: round(float(share), 5) for kind, share in zip(KINDS, self.loud_share, strict=True)}
        return {"sub_kinds": sub_kinds, "loud_share": loud_share, "calibrations": calibrations}

    @staticmethod
    def from_fields(fields: Any, path: str) -> PointSet:
        """Read what `to_fields` wrote; UdaError names what is wrong."""
        listed = field(fields, f"{path}.sub_kinds")
        own = [(f"{path}.{each.name}", field(listed, f"{path}.sub_kinds.{each.name}")) for each in SUB_KINDS]
        budget = np.array([float(numbers(each, f"{name}.budget", ())) for name, each in own])
        if not (budget > 0).all():
            raise UdaError(f"fleet model: {path}: every sub-kind's budget must be above 0")
        return PointSet(
            budget=budget,
            intercepts=np.array([float(numbers(each, f"{name}.intercept", ())) for name, each in own]),
            weights=np.column_stack(
                [_weights(field(each, f"{name}.weights"), f"{name}.weights") for name, each in own]
            ),
            tails=tuple(rising(each, f"{name}.tail") for name, each in own),
            loud_share=_loud_share(fields, f"{path}.loud_share"),
            calibrations=_calibrations(fields, path),
        )


def _weights(fields: Any, path: str) -> Array:
    """Weights of one sub-kind, of all columns; those that are not listed are 0."""
    pieces: dict[str, int] = {}
    for name, _ in COLUMNS:
        pieces[name] = pieces.get(name, 0) + 1
    unknown = sorted(set(fields) - set(pieces)) if isinstance(fields, Mapping) else ["all of it"]
    if unknown:
        raise UdaError(f"fleet model: {path}: not a column: {unknown[0]}")
    known = {name: numbers(fields, f"{path}.{name}", (pieces[name],)) for name in fields}
    if any((weights < 0).any() for weights in known.values()):
        raise UdaError(f"fleet model: {path} must be at least 0, so that more evidence is never a lower score")
    return np.array([known[name][piece] if name in known else 0.0 for name, piece in COLUMNS])


def _loud_share(fields: Any, path: str) -> Array:
    listed = field(fields, path)
    shares = np.array([float(numbers(listed, f"{path}.{kind}", ())) for kind in KINDS])
    if not ((shares > 0) & (shares <= 1)).all():
        raise UdaError(f"fleet model: {path} must be above 0 and at most 1")
    return shares


def _calibrations(fields: Any, path: str) -> tuple[Calibration, ...]:
    listed = field(fields, f"{path}.calibrations")
    if not isinstance(listed, list) or len(listed) < 2:
        raise UdaError(f"fleet model: {path}.calibrations must be a list of at least two")
    calibrations = tuple(
        Calibration(
            history=float(numbers(each, f"{path}.calibrations[{place}].history", ())),
            schedule_power=float(numbers(each, f"{path}.calibrations[{place}].schedule_power", ())),
            alert_rate=rising(each, f"{path}.calibrations[{place}].alert_rate"),
            sum_rate=_sum_rate(each, f"{path}.calibrations[{place}].sum_rate"),
        )
        for place, each in enumerate(listed)
    )
    if not (np.diff([each.history for each in calibrations]) > 0).all():
        raise UdaError(f"fleet model: {path}.calibrations must be in order of rising history")
    return calibrations


def _sum_rate(fields: Any, path: str) -> Array:
    listed = field(fields, path)
    lines = np.stack([numbers(listed, f"{path}.{kind}", (2,)) for kind in ADDED_UP])
    if not (lines[:, 1] > 0).all():
        raise UdaError(f"fleet model: {path}: every line must rise, so that a larger sum is a higher score")
    return lines
