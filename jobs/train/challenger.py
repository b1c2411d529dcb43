"""A fleet model of the fleet's own: when one is fitted, what is kept of it, and whether it becomes the champion."""

from __future__ import annotations

from datetime import date
from typing import Any

import numpy as np
from pyspark.sql import DataFrame
from pyspark.sql import functions as F

from jobs import log, registry
from jobs.champion import Champion, first_model
from jobs.config import Config
from jobs.model.arrays import Array, Arrays, first_rows
from jobs.model.walk_forward import judged_years
from jobs.store import Store
from jobs.tables import BACKUPS, DEVICE_MODELS, FEATURES
from jobs.train import sample
from jobs.train.card import metrics, model_card, plots, tables
from jobs.train.gate import decide, judgements
from jobs.train.refit import refit_fleet


def is_due(store: Store, config: Config, version: str | None, until: date) -> bool:
    """Whether a challenger is to be fitted: none was for so long, and the fleet has enough to learn from.

    Parameters
    ----------
    version : str or None
        The newest model version, whose device models say what the fleet has; None: there is none.
    until : date
        The day before which is learned.
    """
    every = config.train.fleet_every_days
    if not every or version is None:
        return False
    last = registry.standing(config.mlflow, store.lake).learned_until
    if last is not None and (until - last).days < every:
        return False
    models = store.read(DEVICE_MODELS).where(F.col("model_version") == version)
    return sample.is_enough(models, config.train.fleet_devices, config.train.fleet_device_days)


def challenge(
    store: Store, config: Config, champion: Champion, taught: DataFrame, barred: DataFrame, until: date
) -> dict[str, int]:
    """Fit a challenger, judge it beside the champion, keep it in MLflow; return devices used and whether it won.

    Parameters
    ----------
    taught : DataFrame
        Rows of `features` that may teach, until that day.
    barred : DataFrame
        Keys of backups that may not teach.
    """
    draw = sample.largest_draw(taught, config.train.fleet_backups)
    if draw is None:
        return {}
    backups, device = sample.fitted_on(taught, draw)
    held_out = sample.judged_by(store.read(BACKUPS), barred, until, draw)
    if not len(device) or not len(held_out):
        return {}
    start = first_model(config)
    facts = _facts(store, config, backups, device, until)
    facts |= {"champion": champion.version, "start": start.fleet_name}
    provenance = {"script": "jobs/train/challenger.py", **{name: str(value) for name, value in facts.items()}}
    fleet = refit_fleet(backups, device, start, f"own fleet until {until}", provenance)
    judged = judgements(held_out, {"champion": champion.model, "challenger": fleet}, config)
    decision = decide(judged["champion"], judged["challenger"], config.score.budget)
    fitted = [name for name, points in fleet.sets.items() if points is not start.sets[name]]
    decided = registry.PROMOTED if decision.is_promoted else registry.KEPT
    registry.record(
        config.mlflow,
        store.lake,
        registry.Training(
            name=f"fleet model until {until}",
            facts={
                **facts,
                "judged_devices": judged["challenger"].devices,
                "judged_backups": judged["challenger"].backups,
            },
            metrics=metrics(judged),
            tags={"decision": decided, "reason": decision.reason, "learned_until": str(until)},
            texts={
                "model_card.md": model_card(facts, judged, decision, fitted),
                **plots(start, champion.model, fleet, judged, fitted),
            },
            tables=tables(judged),
            fleet_json=fleet.to_json(),
        ),
    )
    log.event("challenger", decision=decided, reason=decision.reason)
    devices = facts["devices"] + judged["challenger"].devices
    return {"fleet_devices": devices, "promoted": int(decision.is_promoted)}


def _facts(store: Store, config: Config, backups: Arrays, device: Array, until: date) -> dict[str, Any]:
    ended_at = backups["ended_at"]
    return {
        "learned_from": str(np.datetime64(int(ended_at.min()), "s").astype("datetime64[D]")),
        "learned_until": str(until),
        "backups": len(device),
        "devices": len(first_rows(device)),
        "device_years": round(float(judged_years(ended_at, device).sum()), 1),
        "budget": config.score.budget,
        "run_id": store.run.run_id,
        "code_version": store.run.code_version,
        **{f"{table.name}_version": store.version(table) for table in (FEATURES, BACKUPS)},
    }
