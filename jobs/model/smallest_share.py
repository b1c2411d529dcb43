"""The smallest attack of each kind that would have alerted on a device: what its history and its product let us see."""

from __future__ import annotations

import numpy as np

from jobs.model.arrays import Array, Arrays
from jobs.model.attack_classes import OF_KIND
from jobs.model.attacks import changed
from jobs.model.fleet import FleetModel
from jobs.model.scoring import score_backups
from jobs.model.signals import FIGURES
from jobs.tables import KINDS

SHARES = np.array([0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1.0])  # of the device's files
UNKNOWN_DENSITY = 0.5  # compressed share of what a device without uploads holds
_BEFORE = {"files_total": "files_before", "bytes_total": "bytes_before"}
_BEFORE["bytes_total_compressed"] = "bytes_total_compressed_before"


def smallest_shares(backups: Arrays, models: Arrays, fleet: FleetModel, threshold: float) -> Array:
    """Smallest share of each device's files that an attack of each kind must touch to alert, on an otherwise idle day.

    Costs some fifteen scores a backup.

    Parameters
    ----------
    backups, models, fleet
        As in `jobs.model.scoring.score_backups`, a model a backup; of the backups, only what was before them and which
        figures are known.
    threshold : float
        The score from which a backup alerts.

    Returns
    -------
    array of shape (n, 4), by `jobs.tables.KINDS`; one of `SHARES`, NaN where not even an attack on all files would

    Notes
    -----
    docs/model.md, "What an anomaly says".
    """
    n = len(backups["files_added"])
    density = np.nan_to_num(models["stored_density"], nan=UNKNOWN_DENSITY)
    idle = _idle(backups) | {"stored_density": density}
    found = np.full((n, len(KINDS)), np.nan)
    for place, kind in enumerate(KINDS):
        # Halved until the share at `high` alerts and the one before it does not; behind the last stands none.
        low, high = np.full(n, -1), np.full(n, len(SHARES))
        while len(undecided := np.flatnonzero(high - low > 1)):
            middle = (low[undecided] + high[undecided]) // 2
            tests = changed({name: column[undecided] for name, column in idle.items()}, OF_KIND[kind](SHARES[middle]))
            scores = score_backups({name: tests[name] for name in FIGURES}, models, fleet, undecided)
            is_alert = scores["anomaly_score"] >= threshold
            high[undecided[is_alert]] = middle[is_alert]
            low[undecided[~is_alert]] = middle[~is_alert]
        found[:, place] = np.append(SHARES, np.nan)[high]
    return found


def _idle(backups: Arrays) -> dict[str, Array]:
    """Backups of the same devices on which nothing happened; what is unknown stays unknown."""
    idle = {name: np.where(np.isnan(backups[name]), np.nan, 0.0) for name in FIGURES}
    idle |= {name: backups[name] for name in _BEFORE.values()}
    return idle | {name: np.where(np.isnan(backups[name]), np.nan, backups[before]) for name, before in _BEFORE.items()}
