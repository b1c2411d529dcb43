"""The eight peers on the same backups and attacks as `cross_fit`: fitted to each device's own history, no fleet.

    python -m benchmarks.detection.peers [--data FOLDER]

Writes benchmarks/results/detection_peers.json: each peer at its own threshold in each group. Same walk, same attacks,
same recall and intervals as there; they learn nothing from other devices, so there are no halves.
"""

from __future__ import annotations

import argparse
import json
import time
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from benchmarks.detection.attack_rows import attacked_positions
from benchmarks.detection.cross_fit import GROUPS, HISTORIES, cut, means
from benchmarks.detection.histories import DATA, read_histories
from benchmarks.detection.judged import BUDGETS, LARGE, Attacked, Judged, recall
from benchmarks.detection.peer_detectors import FOREST, PEERS, features_of, peer_scores, shares_of
from jobs.model.arrays import first_rows
from jobs.model.attacks import ATTACKS, EXTRAS, LOOK_ALIKES, attacked
from jobs.model.devices import HISTORY
from jobs.model.walk_forward import judged_years, ranges, refits_of

RESULTS = Path(__file__).resolve().parents[1] / "results" / "detection_peers.json"
CLASSES = (*ATTACKS, *EXTRAS, *LOOK_ALIKES)
Array = NDArray[Any]


def main() -> None:
    """Judge, write."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, default=DATA, help="folder of the histories (default: %(default)s)")
    parser.add_argument("--out", type=Path, default=RESULTS, help="file to write (default: %(default)s)")
    parser.add_argument("--without-forest", action="store_true", help=f"leave {FOREST} out: it takes most of the time")
    options = parser.parse_args()

    begun = time.process_time()
    labels, backups, device = read_histories(options.data, *HISTORIES)
    backups, device, group, origin, _ = cut(labels, backups, device, device >= 0)
    judged = judge(backups, device, group, origin, not options.without_forest)
    results: dict[str, Any] = {}
    for peer in PEERS:
        if options.without_forest and peer == FOREST:
            continue
        results[peer] = {}
        for name in GROUPS:
            by_attack = recall(judged[peer][name])
            results[peer][name] = {"mean of the headline attacks": means(by_attack), **by_attack}
    text = json.dumps({"peers": results, "cpu_seconds": round(time.process_time() - begun, 1)}, indent=1)
    options.out.write_text(text + "\n", "utf-8")
    print(f"wrote {options.out}")


def judge(
    backups: dict[str, Array], device: Array, group: Array, origin: Array, has_forest: bool
) -> dict[str, dict[str, Judged]]:
    """Scores by peer and group."""
    begins, start, end = refits_of(device)
    judged, refit = ranges(start, end)
    at = attacked_positions(refit)
    before = {name: column[judged[at]] for name, column in backups.items()}
    own = {name: column[judged] for name, column in backups.items()}
    tests = [own, *(attacked(before, attack) for attack in CLASSES)]
    features, shares = (np.concatenate([make(rows) for rows in tests]) for make in (features_of, shares_of))
    refit_of = np.concatenate([refit, np.tile(refit[at], len(CLASSES))])
    order = np.argsort(refit_of, kind="stable")
    histories, scores = features_of(backups), np.empty((len(order), len(PEERS)))
    by_refit = np.split(order, first_rows(refit_of[order])[1:])
    for first, now, rows in zip(np.maximum(begins, start - HISTORY), start, by_refit, strict=True):
        scores[rows] = peer_scores(histories[first:now], features[rows], shares[rows], has_forest)

    years, of_device = judged_years(backups["ended_at"], device), group[first_rows(device)]
    ends = np.cumsum([len(judged)] + [len(at)] * len(CLASSES))
    clean, *attacks = np.split(scores, ends[:-1])
    is_large = before["files_before"] >= LARGE
    found: dict[str, dict[str, Judged]] = {peer: {} for peer in PEERS}
    for name in np.unique(group):
        mine, its = group[judged] == name, group[judged[at]] == name
        for place, peer in enumerate(PEERS):
            by_attack = {
                attack: Attacked(
                    dict.fromkeys(BUDGETS, of[its, place]),
                    np.full(its.sum(), -1),
                    is_large[its],
                    origin[judged[at]][its],
                )
                for attack, of in zip(CLASSES, attacks, strict=True)
            }
            no_kind = np.full(int(mine.sum()), -1)
            found[peer][str(name)] = Judged(
                dict.fromkeys(BUDGETS, clean[mine, place]), no_kind, float(years[of_device == name].sum()), by_attack
            )
    return found


if __name__ == "__main__":
    main()
