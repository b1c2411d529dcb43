"""Make golden_scores.json anew: `python -m tests.fast.model.make_golden`, after the shipped model was fitted anew.

The backups are those of `made_up.steady_device` (seed 5) with one attack each; they are stored beside their scores, so
that the file does not depend on a random generator.
"""

import json
from pathlib import Path

import numpy as np

from jobs.model.attacks import attacked
from jobs.model.signals import FIGURES
from jobs.tables import KINDS
from tests.fast.model.made_up import SHIPPED, rows, scores, steady_device

ATTACKS = ("inplace_1", "inplace_0.1", "inplace_0.02", "rename_0.02", "delete_0.5", "delete_0.02", "add_0.1", "wipe_1")


def main():
    device = steady_device(backups=70, seed=5)
    history = rows(device, slice(0, 60))
    changed = [attacked(rows(device, slice(60 + place, 61 + place)), attack) for place, attack in enumerate(ATTACKS)]
    changed.append(rows(device, slice(68, 70)))
    backups = {name: np.concatenate([each[name] for each in changed]) for name in (*FIGURES, "ended_at")}
    found = scores(backups, history)
    golden = {
        "made_by": "python -m tests.fast.model.make_golden",
        "fleet_model": SHIPPED.fleet_name,
        "numpy": np.__version__,
        "history": {name: history[name].tolist() for name in (*FIGURES, "ended_at")},
        "backups": {name: column.tolist() for name, column in backups.items()},
        "anomaly_score": found["anomaly_score"].round(5).tolist(),
        "kind": [KINDS[kind] for kind in found["kind"]],
    }
    path = Path(__file__).with_name("golden_scores.json")
    lines = ",\n".join(f"  {json.dumps(name)}: {json.dumps(value)}" for name, value in golden.items())
    path.write_text("{\n" + lines + "\n}\n", "utf-8")


if __name__ == "__main__":
    main()
