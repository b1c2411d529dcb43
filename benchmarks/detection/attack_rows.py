"""The grid of simulated attacks laid on judged backups, and the halves of the origins that never see each other."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from jobs.model.arrays import first_rows

ATTACKS_PER_REFIT = 5
SEED = 7
# The origins of `open` that make up half A; those of `open2` are dealt out by `half_of`.
OPEN_HALF_A = ("o04", "o07", "o08", "o13", "o20", "o28", "o31", "o35", "o36", "o37")


def half_of(labels: pd.DataFrame) -> NDArray[np.bool_]:
    """Which rows are of half A: all histories of an origin are in the same half.

    The origins of `open2` are dealt out group by group, the largest first, each to the half with fewer backups.
    """
    half_a = set(OPEN_HALF_A)
    devices = labels[labels["histories"] == "devices_open2"]
    for group, rows in devices.groupby("group"):
        dealt = {True: 0, False: 0}
        for origin, backups in rows["origin"].value_counts().items():
            to_a = dealt[True] < dealt[False] if dealt[True] != dealt[False] else group != "media"
            dealt[to_a] += backups
            half_a |= {str(origin)} if to_a else set()
    halves: NDArray[np.bool_] = labels["origin"].isin(half_a).to_numpy()
    return halves


def attacked_positions(refit: NDArray[Any]) -> NDArray[Any]:
    """Five of the backups that each refit judges, drawn without replacement."""
    random = np.random.default_rng(SEED)
    first = first_rows(refit)
    counts = np.diff(np.append(first, len(refit)))
    draws = [random.choice(count, min(ATTACKS_PER_REFIT, count), replace=False) for count in counts]
    return np.concatenate([begin + draw for begin, draw in zip(first, draws, strict=True)])
