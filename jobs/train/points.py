"""Weights of points, learned from clean backups and simulated attacks."""

from __future__ import annotations

import numpy as np
from scipy.optimize import minimize  # type: ignore[import-untyped]

from jobs.model.arrays import Array
from jobs.model.sub_kinds import COLUMNS, LEARNED, OWN_COLUMNS, SUB_KINDS, columns_used, floors

ATTACK_PART = 0.3  # all attacks together weigh as much as this part of the clean backups
NAMING_PART = 0.2  # how much it counts that an attack is taken for its own sub-kind
RIDGE = 2e-5
FIRST_WEIGHT, FIRST_INTERCEPT = 0.2, -6.0
STEPS = 80


def fit_points(clean: Array, clean_weights: Array, attacks: Array, sub_kind: Array) -> tuple[Array, Array]:
    """Weights and intercepts that tell attacks from clean backups, and one sub-kind from another.

    Parameters
    ----------
    clean : array of shape (n, columns)
        Of clean backups, see `jobs.model.points.columns_of`.
    clean_weights : array of shape (n,)
        How many clean backups each stands for.
    attacks : array of shape (m, columns)
    sub_kind : int array of shape (m,)
        Index into `LEARNED` of what was simulated.

    Returns
    -------
    weights : array of shape (columns, 10), at least 0
    intercepts : array of shape (10,)

    Notes
    -----
    docs/model.md, "Points".
    """
    used, smallest = columns_used(), floors()
    total = float(clean_weights.sum())
    weights = np.concatenate([clean_weights, np.full(len(attacks), ATTACK_PART * total / len(attacks))]) / total
    # Single precision would leave it to the processor, and to how many threads it uses, where the last steps end.
    columns = np.concatenate([clean, attacks]).astype(np.float64)
    own = np.zeros((len(columns), len(LEARNED)))
    own[np.arange(len(clean), len(columns)), sub_kind] = 1
    start = np.concatenate([np.full(len(LEARNED), FIRST_INTERCEPT), np.maximum(smallest[used], FIRST_WEIGHT)])
    bounds = [(None, None)] * len(LEARNED) + [(floor, None) for floor in smallest[used]]
    options = {"maxiter": STEPS, "ftol": 1e-12, "gtol": 1e-9}
    found = minimize(
        _loss, start, (columns, weights, own, used), jac=True, method="L-BFGS-B", bounds=bounds, options=options
    ).x
    learned = np.zeros((len(COLUMNS), len(SUB_KINDS)))
    learned[:, : len(LEARNED)][used] = found[len(LEARNED) :]
    for place, column in enumerate(OWN_COLUMNS, len(LEARNED)):
        learned[COLUMNS.index(column), place] = 1
    return learned, np.append(found[: len(LEARNED)], np.zeros(len(OWN_COLUMNS)))


def _loss(parameters: Array, columns: Array, weights: Array, own: Array, used: Array) -> tuple[float, Array]:
    """Logistic loss of attack against clean, and the share of it for a wrong name; with its gradient."""
    full = np.zeros(used.shape)
    full[used] = parameters[len(LEARNED) :]
    points = columns @ full + parameters[: len(LEARNED)]
    largest = points.max(axis=1, keepdims=True)
    odds = np.exp(points - largest)
    summed = odds.sum(axis=1, keepdims=True)
    odds /= summed  # how much each sub-kind has of the whole
    whole = (largest + np.log(summed))[:, 0]
    is_attack: Array = own.max(axis=1) > 0
    sign = np.where(is_attack, -1.0, 1.0)
    naming = np.where(is_attack, whole - (points * own).sum(axis=1), 0)
    value = float(weights @ (np.logaddexp(0, sign * whole) + NAMING_PART * naming)) + RIDGE * float((full**2).sum())
    slope = (sign / (1 + np.exp(-np.clip(sign * whole, -80, 80))))[:, np.newaxis]
    by_points = odds * slope + NAMING_PART * is_attack[:, np.newaxis] * (odds - own)
    by_points *= weights[:, np.newaxis]
    gradient = columns.T @ by_points + 2 * RIDGE * full
    return value, np.concatenate([by_points.sum(axis=0), gradient[used]])
