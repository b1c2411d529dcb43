"""What the report says, in numbers: one mapping of plain values, worked out from the judged rows."""

from __future__ import annotations

from collections import Counter
from typing import Any

import numpy as np
import pyarrow as pa

from jobs.arrow import numbered
from jobs.backtest.changes import DEVICE, NONE, History
from jobs.backtest.measures import SETTLED, alerts_per_year, recall_by_class, times_to_detection, years_of
from jobs.backtest.rows import Rows, reasons_in_numbers
from jobs.backtest.walking import Judged
from jobs.model.arrays import Array, first_rows
from jobs.model.attack_classes import ATTACKS, LOOK_ALIKES
from jobs.model.signals import SIGNALS
from jobs.tables import KINDS

MOST_DEVICES = 20
Findings = dict[str, Any]


def findings(history: History, rows: Rows, scores: Judged, alerts: Array) -> Findings:
    """Everything that `jobs.backtest.page` shows.

    Returns
    -------
    mapping
        counts; clean and settled (`Rate` of alerts a device-year); recall and look_alikes (by class: `Rate` by size,
        and the kinds that its alerts were given); slow (by class, see `times_to_detection`); loudest_devices; missed
        (by class: how many, why, and the row with most files); unseen (share of the judged backups by signal).
    """
    attack, attack_id = _texts(rows.table["attack"]), _texts(rows.table["attack_id"])
    unit = _units(rows.table)
    is_judged = rows.not_judged == NONE
    single = np.flatnonzero(is_judged & (attack != "") & (attack_id == ""))
    classes = recall_by_class(attack[single], alerts[single], rows.figures["files_before"][single], unit[single])
    kinds = {name: _kinds(scores.kind[single[alerts[single] & (attack[single] == name)]]) for name in classes}
    found = {name: {"recall": sizes, "kinds": kinds[name]} for name, sizes in _in_their_order(classes).items()}
    several = np.flatnonzero(attack_id != "")
    seconds = history.ended_at[rows.at] / 1e6
    return {
        "counts": _counts(history, rows, is_judged),
        **_alerts(history, rows, alerts, attack, unit),
        "recall": {name: each for name, each in found.items() if name not in LOOK_ALIKES},
        "look_alikes": {name: each for name, each in found.items() if name in LOOK_ALIKES},
        "mean_recall": _mean({name: sizes["all"].value for name, sizes in classes.items()}),
        "slow": times_to_detection(
            attack[several],
            attack_id[several],
            history.device[rows.at[several]],
            seconds[several],
            alerts[several],
        ),
        "missed": _missed(rows, scores, attack, single[~alerts[single]]),
        "unseen": _unseen_shares(scores.unseen[is_judged & ~rows.is_what_if]),
    }


def _counts(history: History, rows: Rows, is_judged: Array) -> Findings:
    own = ~rows.is_what_if
    return {
        "backups": int(own.sum()),
        "devices": int(history.device[-1] + 1) if len(history.device) else 0,
        "judged": int((own & is_judged).sum()),
        "devices_judged": len(np.unique(history.device[rows.at[own & is_judged]])),
        "not_judged": reasons_in_numbers(rows.not_judged[own]),
        "what_if": int(rows.is_what_if.sum()),
        "what_if_not_judged": int((rows.is_what_if & ~is_judged).sum()),
        "first_at": history.rows["ended_at"][int(np.argmin(history.ended_at))].as_py() if len(history.rows) else None,
        "last_at": history.rows["ended_at"][int(np.argmax(history.ended_at))].as_py() if len(history.rows) else None,
    }


def _alerts(history: History, rows: Rows, alerts: Array, attack: Array, unit: Array) -> Findings:
    """Alerts of real backups that nobody labelled as an attack."""
    first = first_rows(history.device)
    place = np.arange(len(history.device)) - first[history.device]
    is_clean = ~rows.is_what_if & (rows.not_judged == NONE) & (attack == "")
    clean = np.flatnonzero(is_clean)
    device, seconds = history.device[clean], history.ended_at[clean] / 1e6
    rates = {
        name: alerts_per_year(alerts[clean], device, seconds, place[clean], unit[first], since)
        for name, since in (("clean", 0), ("settled", SETTLED))
    }
    years = years_of(device, seconds, len(first))
    counts = np.bincount(device, alerts[clean], minlength=len(first)).astype(int)
    order = np.argsort(-counts, kind="stable")[:MOST_DEVICES]
    listed = []
    for number in order[counts[order] > 0].tolist():
        its = clean[(device == number) & alerts[clean]]
        said = rows.table.slice(int(its[-1]), 1).to_pylist()[0]
        listed.append(
            {
                **{name: said[name] for name in ("tenant_id", "device_id", "backup_id", "ended_at")},
                "alerts": int(counts[number]),
                "per_year": float(counts[number] / years[number]) if years[number] > 0 else None,
            }
        )
    return {**rates, "alerts": int(alerts[clean].sum()), "years": float(years.sum()), "loudest_devices": listed}


def _missed(rows: Rows, scores: Judged, attack: Array, missed: Array) -> dict[str, Findings]:
    found = {}
    for name in _in_their_order({name: None for name in np.unique(attack[missed]).tolist()}):
        if name in LOOK_ALIKES:
            continue
        its = missed[attack[missed] == name]
        files = rows.figures["files_before"][its]
        largest = its[int(np.argmax(np.nan_to_num(files, nan=-1.0)))]
        said = rows.table.slice(int(largest), 1).to_pylist()[0]
        loudest = Counter(scores.loudest[its].tolist()).most_common(1)[0][0]
        found[name] = {
            "rows": len(its),
            "loudest": SIGNALS[loudest] if loudest >= 0 else None,
            "evidence": float(np.median(scores.evidence[its])),
            "unseen": _unseen_shares(scores.unseen[its]),
            "example": {
                **{key: said[key] for key in ("device_id", "at_backup_id", "backup_id")},
                "files_before": float(np.max(np.nan_to_num(files, nan=-1.0))),
                "score": float(scores.score[largest]),
                "loudest": SIGNALS[scores.loudest[largest]] if scores.loudest[largest] >= 0 else None,
            },
        }
    return found


def _unseen_shares(unseen: Array) -> dict[str, float]:
    """Share of the rows in which a signal could not be seen, by signal, the largest first; none that always could."""
    shares = unseen.mean(axis=0) if len(unseen) else np.zeros(unseen.shape[1])
    order = np.argsort(-shares, kind="stable")
    return {SIGNALS[place]: float(shares[place]) for place in order if shares[place] > 0}


def _kinds(kind: Array) -> dict[str, float]:
    counts = np.bincount(kind[kind >= 0], minlength=len(KINDS))
    order = np.argsort(-counts, kind="stable")
    return {KINDS[place]: float(counts[place] / counts.sum()) for place in order if counts[place]}


def _mean(values: dict[str, float]) -> float | None:
    """Mean recall of the headline classes that are there; of all attacks where none of them is."""
    attacks = {name: value for name, value in values.items() if name not in LOOK_ALIKES}
    headline = [value for name, value in attacks.items() if name in ATTACKS] or list(attacks.values())
    return float(np.mean(headline)) if headline else None


def _in_their_order(classes: dict[str, Any]) -> dict[str, Any]:
    """Classes as `jobs.model.attack_classes` lists them, all others behind by name."""
    known = {name: place for place, name in enumerate((*ATTACKS,))}
    return {name: classes[name] for name in sorted(classes, key=lambda name: (known.get(name, len(known)), name))}


def _units(table: pa.Table) -> Array:
    """What is drawn again for intervals: origins, where rows have one, else devices."""
    origin = table["origin"].combine_chunks()
    number: Array = numbered(table, DEVICE if origin.null_count else ("origin",))[0]
    return number


def _texts(column: pa.ChunkedArray) -> Array:
    """Texts as an array, "" for none."""
    encoded = column.combine_chunks().fill_null("").dictionary_encode()
    words = np.array(encoded.dictionary.to_pylist() or [""], str)
    found: Array = words[encoded.indices.to_numpy(zero_copy_only=False)]
    return found
