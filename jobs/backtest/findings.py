"""What the report says, in numbers: one mapping of plain values, worked out from the tally of the judged rows."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import numpy as np
import pandas as pd

from jobs.backtest.changes import NONE, NOT_JUDGED
from jobs.backtest.measures import Rate, rate_of
from jobs.backtest.tally import Tally
from jobs.model.attack_classes import ATTACKS, LOOK_ALIKES
from jobs.model.signals import SIGNALS
from jobs.tables import KINDS

MOST_DEVICES = 20
SIZES = {"all": (-1, 0, 1), "small": (0,), "large": (1,)}
Findings = dict[str, Any]


def findings(tally: Tally) -> Findings:
    """Everything that `jobs.backtest.page` shows.

    Parameters
    ----------
    tally : mapping
        From `jobs.backtest.tally.together`.

    Returns
    -------
    mapping
        counts; clean and settled (`Rate` of alerts a device-year); recall and look_alikes (by class: `Rate` by size,
        and the kinds that its alerts were given); slow (by class: attacks, found, and medians over the found ones of
        backups and hours); loudest_devices; missed (by class: how many, why, and the row with most files); unseen
        (share of the judged backups by signal).
    """
    held: dict[str, pd.DataFrame] = {name: table.to_pandas() for name, table in tally.items()}
    found: dict[str, Findings] = {
        name: {"recall": _by_size(rows), "kinds": _kinds(rows)} for name, rows in _by_class(held["caught"])
    }
    devices = held["devices"]
    return {
        "counts": _counts(devices, held["reasons"]),
        "clean": _a_year(devices, "alerts", "years"),
        "settled": _a_year(devices, "settled_alerts", "settled_years"),
        "alerts": int(devices["alerts"].sum()),
        "years": float(devices["years"].sum()),
        "loudest_devices": _loudest(devices),
        "recall": {name: each for name, each in found.items() if name not in LOOK_ALIKES},
        "look_alikes": {name: each for name, each in found.items() if name in LOOK_ALIKES},
        "mean_recall": _mean({name: each["recall"]["all"].value for name, each in found.items()}),
        "slow": {name: _how_soon(rows) for name, rows in _by_class(held["slow"])},
        "missed": {
            name: _missed(name, rows, held) for name, rows in _by_class(held["missed"]) if name not in LOOK_ALIKES
        },
        "unseen": _unseen_shares(held["unseen"], ""),
    }


def _counts(devices: pd.DataFrame, reasons: pd.DataFrame) -> Findings:
    rows, is_what_if, reason = (reasons[name].to_numpy() for name in ("count_all", "is_what_if", "reason"))
    return {
        "backups": int(devices["backups"].sum()),
        "devices": len(devices),
        "judged": int(devices["judged"].sum()),
        "devices_judged": int((devices["judged"] > 0).sum()),
        "not_judged": {name: int(rows[~is_what_if & (reason == place)].sum()) for place, name in enumerate(NOT_JUDGED)},
        "what_if": int(rows[is_what_if].sum()),
        "what_if_not_judged": int(rows[is_what_if & (reason != NONE)].sum()),
        "first_at": devices["first_at"].min() if len(devices) else None,
        "last_at": devices["last_at"].max() if len(devices) else None,
    }


def _loudest(devices: pd.DataFrame) -> list[Findings]:
    order = devices.sort_values(["alerts", "tenant_id", "device_id"], ascending=[False, True, True], kind="stable")
    return [
        {
            **{name: row[name] for name in ("tenant_id", "device_id", "backup_id", "ended_at")},
            "alerts": int(row["alerts"]),
            "per_year": float(row["alerts"] / row["years"]) if row["years"] > 0 else None,
        }
        for row in order[order["alerts"] > 0].head(MOST_DEVICES).to_dict("records")
    ]


def _by_size(rows: pd.DataFrame) -> dict[str, Rate]:
    counts, unit = rows["count_all"].to_numpy(float), rows["unit"].to_numpy()
    hits = counts * rows["alerted"].to_numpy()
    is_of = {name: rows["size"].isin(sizes).to_numpy() for name, sizes in SIZES.items()}
    return {name: rate_of(hits[own], counts[own], unit[own]) for name, own in is_of.items()}


def _kinds(rows: pd.DataFrame) -> dict[str, float]:
    """Share of each kind among the alerts, the largest first."""
    alerted = rows[rows["alerted"] & (rows["kind"] >= 0)]
    counts = np.bincount(alerted["kind"], alerted["count_all"], len(KINDS))
    order = np.argsort(-counts, kind="stable")
    return {KINDS[place]: float(counts[place] / counts.sum()) for place in order if counts[place]}


def _how_soon(attacks: pd.DataFrame) -> Findings:
    found = attacks[attacks["backups"].notna()]
    medians = {name: float(found[name].median()) if len(found) else None for name in ("backups", "hours")}
    return {"attacks": len(attacks), "found": len(found), **medians}


def _missed(attack: str, rows: pd.DataFrame, held: dict[str, pd.DataFrame]) -> Findings:
    by_signal = rows.groupby("loudest")["count_all"].sum()
    by_evidence = rows.groupby("evidence")["count_all"].sum()
    reached = by_evidence.cumsum() >= by_evidence.sum() / 2
    examples = held["examples"]
    example = examples[examples["attack"] == attack].sort_values("files_before", kind="stable").iloc[-1].to_dict()
    return {
        "rows": int(rows["count_all"].sum()),
        "loudest": _signal(int(by_signal.idxmax())),
        "evidence": float(reached.index[reached.to_numpy().argmax()]),  # the median
        "unseen": _unseen_shares(held["unseen"], attack),
        "example": {**example, "loudest": _signal(int(example["loudest"]))},
    }


def _signal(place: int) -> str | None:
    return SIGNALS[place] if place >= 0 else None


def _unseen_shares(unseen: pd.DataFrame, attack: str) -> dict[str, float]:
    """Share of the rows in which a signal could not be seen, by signal, the largest first; none that always could."""
    sums = unseen[unseen["attack"] == attack].groupby("signal")[["unseen", "rows"]].sum()
    shares = (sums["unseen"] / sums["rows"]).sort_values(ascending=False, kind="stable")
    return {SIGNALS[place]: float(share) for place, share in zip(shares.index, shares, strict=True) if share > 0}


def _mean(values: dict[str, float]) -> float | None:
    """Mean recall of the headline classes that are there; of all attacks where none of them is."""
    attacks = {name: value for name, value in values.items() if name not in LOOK_ALIKES}
    headline = [value for name, value in attacks.items() if name in ATTACKS] or list(attacks.values())
    return float(np.mean(headline)) if headline else None


def _by_class(rows: pd.DataFrame) -> Iterable[tuple[str, pd.DataFrame]]:
    """Rows of each class: as `jobs.model.attack_classes` lists them, all others behind by name."""
    known = {name: place for place, name in enumerate(ATTACKS)}
    parts = [(str(attack), own) for attack, own in rows.groupby("attack", sort=False)]
    return sorted(parts, key=lambda part: (known.get(part[0], len(known)), part[0]))


def _a_year(devices: pd.DataFrame, alerts: str, years: str) -> Rate:
    counts, size, unit = (devices[name].to_numpy() for name in (alerts, years, "unit"))
    return rate_of(counts, size, unit, resampled=False)
