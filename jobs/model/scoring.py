"""Scores: how unusual each backup is beside its device's model, what kind of attack it looks like, and why."""

from __future__ import annotations

import numpy as np

from jobs.model.arrays import Array, Arrays
from jobs.model.calibration import anomaly_score, sum_line
from jobs.model.comparing import compared, completed_models
from jobs.model.cumulative import ADDED_UP, SUMS_PART
from jobs.model.fleet import FleetModel
from jobs.model.histograms import BINS, PRIOR_WEIGHT, count_above
from jobs.model.loudness import allowed_for, loud, loudness_along, usual_loudness
from jobs.model.point_sets import SETS
from jobs.model.points import points_of
from jobs.model.prior import GRID, prior_chance
from jobs.model.rarities import rarest_deletion, rarities_of, sub_kind_scores
from jobs.model.signals import FIGURES, SIGNALS, UNIT_OF_SIGNAL
from jobs.model.stand_ins import completed
from jobs.model.sub_kinds import COLUMNS, SIGNAL_OF_COLUMN, SUB_KINDS, largest_of_kinds, loudest_of_kinds
from jobs.tables import KINDS

_UNIT = np.array([UNIT_OF_SIGNAL[signal] for signal in SIGNALS])
_KIND = np.array([KINDS.index(sub_kind.kind) for sub_kind in SUB_KINDS])
_NAMES = [sub_kind.name for sub_kind in SUB_KINDS]
_IN_PLACE, _STAGE = _NAMES.index("inplace"), _NAMES.index("stage")
_IN_PLACES = [_IN_PLACE, _NAMES.index("rename")]
_REWRITES = [_NAMES.index(name) for name in ("modify", "surge")]
_ADDS = [_NAMES.index(name) for name in ("add", "stage")]
_LOST, _DELETED = SIGNALS.index("lost"), [SIGNALS.index(name) for name in ("deleted", "deleted_net", "deleted_alone")]
_DELETE, _LOSS = _NAMES.index("delete"), _NAMES.index("loss")
_GONE = COLUMNS.index(("gone lost", 0))
_DIGITS = {share: [own == f"share {share}" for own, _ in COLUMNS] for share in ("deleted", "lost")}
_STORED_EXCESS, _RATIO_HIGH = SIGNALS.index("stored_excess"), SIGNALS.index("ratio_high")
_EXCESS_BYTES = SIGNALS.index("excess_bytes")
_GAINED, _REWRITTEN = SIGNALS.index("gained"), SIGNALS.index("rewritten")
SURELY_DENSE = 2.0  # evidence: one ordinary backup in a hundred compresses so badly
SURELY_RARER = 1.0  # difference of evidence: ten times as rare


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


def explain(
    backups: Arrays,
    models: Arrays,
    fleet: FleetModel,
    sum_kind: Array | None = None,
    loudness: Array | None = None,
) -> dict[str, Array]:
    """What each backup did, beside what its device usually does; for those that alert.

    Parameters
    ----------
    backups, models, fleet
        As in `score_backups`; row by row, one model a backup.
    sum_kind : int array of shape (n,), optional
        Index into `jobs.tables.KINDS` of the sum that alerted; -1, and if not given: the backup did so alone.
    loudness : array of shape (n, 4), optional
        Of their devices before; the usual one if not given.

    Returns
    -------
    mapping of arrays of shape (n,)
        signal (index into `SIGNALS` of the one that gave the kind most of its points; -1 without any evidence), value,
        usual_low and usual_high (its 5 % and 95 % points) in the signal's unit, share (of files or bytes before, 0 to
        1); NaN where unknown or without evidence.

    Notes
    -----
    docs/model.md, "What an anomaly says".
    """
    models = completed_models(models)
    rows = np.arange(len(backups["files_added"]))
    sum_kind = np.full(len(rows), -1) if sum_kind is None else sum_kind
    loudness = usual_loudness(len(rows)) if loudness is None else loudness
    parts, done = [], 0
    for part in compared(backups, models, fleet, rows):
        own = slice(done, done + len(part["set"]))
        parts.append((part, _loudest(part, sum_kind[own], loudness[own], fleet)))
        done = own.stop
    signals = np.concatenate([part["signals"] for part, _ in parts])
    signal = np.concatenate([loudest for _, loudest in parts])
    has_evidence, loudest = signal >= 0, np.maximum(signal, 0)
    value = np.where(has_evidence, signals[rows, loudest], np.nan)
    unit = _UNIT[loudest]
    bins = models["bins"].reshape(-1, len(SIGNALS), BINS)[rows, loudest]
    history = (models["top"][rows, loudest], bins)
    cohort = completed({name: backups[name] for name in FIGURES})["cohort"]
    usual = [_usual(part, loudest, history, cohort, fleet) for part in (0.05, 0.95)]
    whole = np.select([unit == "files", unit == "bytes"], [backups["files_before"], backups["bytes_before"]], np.nan)
    return {
        "signal": signal,
        "value": value,
        "usual_low": np.where(has_evidence, usual[0], np.nan),
        "usual_high": np.where(has_evidence, usual[1], np.nan),
        "share": np.clip(np.divide(value, whole, out=np.full(len(value), np.nan), where=whole > 0), 0, 1),
    }


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
    named = np.stack([_KIND[_named(of_kind, rows)] for of_kind in winner.T], axis=1)
    scores = {
        "raw": raw,
        "named": np.where(rows["evidence"].any(axis=1, keepdims=True), named, -1),
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


def _named(winner: Array, rows: Arrays) -> Array:
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
    named: Array = np.where(is_encrypted, _IN_PLACE, winner)
    return np.where(np.isin(winner, _IN_PLACES) & is_gained, _STAGE, named)


def _loudest(rows: Arrays, sum_kind: Array, loudness: Array, fleet: FleetModel) -> Array:
    """Signal that gave the winning sub-kind, or that of the sum, most of its points; -1 where there is no evidence."""
    signal = np.full(len(rows["set"]), -1)
    for place, name in enumerate(SETS):
        own = np.flatnonzero((rows["set"] == place) & rows["evidence"].any(axis=1))
        if len(own):
            points = fleet.sets[name]
            of_set = {name: rows[name][own] for name in ("columns", "evidence", "signals", "is_rewrite")}
            by_sub_kind, kind = sub_kind_scores(of_set, points), sum_kind[own]
            of_kinds = allowed_for(largest_of_kinds(by_sub_kind), loudness[own], rows["schedule"][own]).argmax(axis=1)
            winner = loudest_of_kinds(by_sub_kind)[np.arange(len(own)), of_kinds]
            winner = _named(winner, of_set)
            of_sum = np.where(kind[:, np.newaxis] == _KIND, by_sub_kind, -np.inf).argmax(axis=1)
            winner = _told(np.where(kind >= 0, of_sum, winner), of_set["columns"])
            given = (rows["columns"][own] * points.weights.T[winner]) @ SIGNAL_OF_COLUMN
            # Where the totals do not say it, bytes lost are only likely.
            has_files = rows["evidence"][own][:, _DELETED].any(axis=1) & (winner == _DELETE)
            given[:, _LOST] = np.where(has_files, 0, given[:, _LOST])
            # What nothing was learned for still has its evidence.
            signal[own] = (given + 1e-6 * rows["evidence"][own]).argmax(axis=1)
    return signal


def _told(winner: Array, columns: Array) -> Array:
    """The winning sub-kinds; deletion is told in files, unless much is gone, and of bytes twice the share of files."""
    of_files, of_bytes = (columns[:, _DIGITS[share]].sum(axis=1) for share in ("deleted", "lost"))
    told = np.where((columns[:, _GONE] > 0) & (of_bytes > of_files + np.log10(2)), _LOSS, _DELETE)
    return np.where(np.isin(winner, (_DELETE, _LOSS)), told, winner)


def _usual(part: float, signal: Array, history: tuple[Array, Array], cohort: Array, fleet: FleetModel) -> Array:
    """Value that this part of the device's backups does not exceed, the fleet counted as four backups."""
    top, bins = history
    low, high = np.zeros(len(top)), np.full(len(top), GRID[-1])
    weight = PRIOR_WEIGHT + bins.sum(axis=1)
    for _ in range(40):  # halvings: to far below a file or a byte
        middle = (low + high) / 2
        prior = prior_chance(fleet.prior, signal, middle, cohort)
        above = (PRIOR_WEIGHT * prior + count_above(middle, top, bins)) / weight > 1 - part
        low, high = np.where(above, middle, low), np.where(above, high, middle)
    point = np.expm1(high)
    rounded: Array = np.where(_UNIT[signal] == "deviations", np.round(point, 2), np.round(point))
    return rounded
