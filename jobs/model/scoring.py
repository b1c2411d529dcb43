"""Scores: how unusual each backup is beside its device's model, and what kind of attack it looks like."""

from __future__ import annotations

import numpy as np

from jobs.model.arrays import Array, Arrays
from jobs.model.calibration import anomaly_score, sum_line
from jobs.model.comparing import compared
from jobs.model.cumulative import ADDED_UP, SUMS_PART
from jobs.model.fleet import FleetModel
from jobs.model.loudness import allowed_for, loud, loudness_along, usual_loudness
from jobs.model.naming import named
from jobs.model.point_sets import SETS
from jobs.model.points import points_of
from jobs.model.rarities import rarest_deletion, rarities_of
from jobs.model.sub_kinds import KIND_OF_SUB_KIND, largest_of_kinds, loudest_of_kinds
from jobs.tables import KINDS


def score_backups(backups: Arrays, models: Arrays, fleet: FleetModel, beside: Array | None = None) -> dict[str, Array]:
    """Score of each backup alone by the model that its device had before it, and with the usual loudness.

    Parameters
    ----------
    backups : mapping of arrays of shape (n,)
        The columns of `jobs.model.signals.FIGURES`; NaN where unknown. And ended_at, seconds since 1970 UTC; if not
        given, no backup is taken for one of a regular job.
    models : mapping of arrays with k rows
        Device models as `jobs.model.devices.fit_devices` gives them: ratio_offset, ratio_spread, stored_density,
        backups_per_year, top (k, 24), bins (k, 288), and those of `jobs.model.regular_jobs.fit_jobs`; as
        `jobs.model.devices.untaught` for a device without a model.
    fleet : FleetModel
    beside : int array of shape (n,), optional
        The row of `models` that each backup is judged by; its own row if not given.

    Returns
    -------
    mapping of arrays with n rows
        anomaly_score (-log10 of false alerts per device-year; higher is more unusual), kind (index into
        `jobs.tables.KINDS`; -1 without any evidence), evidence (n, 24; 0 where there is none), unseen (n, 24; True
        where a figure that the signal needs is unknown); what `scores_alone` takes: raw (n, 4), named (n, 4), set,
        schedule, history; what `jobs.model.loudness.loudness_along` takes: loud (n, 4); and what
        `jobs.model.cumulative.add_up` takes: rarity (n, 4) and sum_line (n, 2, 3).

    Notes
    -----
    docs/model.md, "Score" and "Kind".
    """
    beside = np.arange(len(backups["files_added"])) if beside is None else beside
    parts = [_score_rows(rows, fleet) for rows in compared(backups, models, fleet, beside)]
    return {name: np.concatenate([part[name] for part in parts]) for name in parts[0]}


def scores_alone(scores: Arrays, fleet: FleetModel, loudness: Array) -> dict[str, Array]:
    """anomaly_score and kind, as of `score_backups`, of backups whose devices were so loud before: loudness (n, 4)."""
    by_kind = allowed_for(scores["raw"], loudness, scores["schedule"])
    winner = by_kind.argmax(axis=1)
    raw, score = by_kind.max(axis=1), np.empty(len(by_kind))
    for place in np.unique(scores["set"]):
        own = np.flatnonzero(scores["set"] == place)
        calibrations = fleet.sets[SETS[place]].calibrations
        score[own] = anomaly_score(raw[own], scores["schedule"][own], scores["history"][own], calibrations)
    return {"anomaly_score": score, "kind": scores["named"][np.arange(len(winner)), winner]}


def scores_in_turn(scores: Arrays, previous: Array, fleet: FleetModel, left: Array | None = None) -> dict[str, Array]:
    """Scores as of `score_backups` with the loudness that the backups before left; and that, each (n, 4), beside them.

    `previous` and `left` are those of `jobs.model.loudness.loudness_along`; loudness is what it gives as before,
    loudness_after what it gives as after.
    """
    before, after = loudness_along(scores["loud"], previous, left)
    return {**scores, **scores_alone(scores, fleet, before), "loudness": before, "loudness_after": after}


def _score_rows(rows: Arrays, fleet: FleetModel) -> dict[str, Array]:
    n = len(rows["set"])
    raw, rarity, times = np.zeros((3, n, len(KINDS)))
    winner, line = np.zeros((n, len(KINDS)), np.int64), np.zeros((n, 2, len(ADDED_UP)))
    rarest = rarest_deletion(rows)
    for place, name in enumerate(SETS):
        own = np.flatnonzero(rows["set"] == place)
        if len(own):
            points = fleet.sets[name]
            # To gather the columns of these rows would take longer than to work out the points of all.
            found = points_of(rows["columns"], points.weights, points.intercepts)[own]
            rarities = rarities_of(found, rarest[own], points)
            by_sub_kind = rarities + np.log10(points.budget)
            raw[own], winner[own] = largest_of_kinds(by_sub_kind), loudest_of_kinds(by_sub_kind)
            rarity[own] = largest_of_kinds(rarities)
            times[own] = loud(rarity[own], points.loud_share)
            schedule, history = rows["schedule"][own], rows["history"][own]
            line[own] = sum_line(schedule, history, points.calibrations, SUMS_PART / len(ADDED_UP))
    kinds = np.stack([KIND_OF_SUB_KIND[named(of_kind, rows)] for of_kind in winner.T], axis=1)
    scores = {
        "raw": raw,
        "named": np.where(rows["evidence"].any(axis=1, keepdims=True), kinds, -1),
        "set": rows["set"],
        "schedule": rows["schedule"],
        "history": rows["history"],
        "loud": times,
        "rarity": rarity,
        "sum_line": line,
        "evidence": np.ascontiguousarray(rows["evidence"]),
        "unseen": np.ascontiguousarray(np.isnan(rows["signals"])),
    }
    return {**scores, **scores_alone(scores, fleet, usual_loudness(n))}
