"""The fleet model as MLflow serves it: figures of backups in, scores out, as for devices without a history.

MLflow runs this file when it loads the model; it holds no state but the JSON file beside it.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import mlflow
import numpy as np
import pandas as pd

from jobs.model.devices import untaught
from jobs.model.fleet import FleetModel
from jobs.model.scoring import score_backups
from jobs.model.signals import FIGURES
from jobs.tables import KINDS


class FleetScorer(mlflow.pyfunc.PythonModel):  # type: ignore[misc,name-defined]  # MLflow has no types here
    """Scores backups by the fleet alone."""

    def load_context(self, context: Any) -> None:
        """Read the fleet model from its artifact."""
        self.fleet = FleetModel.from_json(Path(context.artifacts["fleet_model"]).read_text(encoding="utf-8"))

    def predict(self, context: Any, model_input: pd.DataFrame, params: dict[str, Any] | None = None) -> pd.DataFrame:
        """One row a backup: anomaly_score, anomaly_kind. Columns that are missing count as unknown."""
        missing = np.full(len(model_input), np.nan)
        figures = {n: model_input[n].to_numpy(float) if n in model_input else missing for n in FIGURES}
        scores = score_backups(figures, untaught(len(model_input)), self.fleet)
        kinds = [KINDS[kind] if kind >= 0 else None for kind in scores["kind"]]
        return pd.DataFrame({"anomaly_score": scores["anomaly_score"], "anomaly_kind": kinds}, index=model_input.index)


mlflow.models.set_model(FleetScorer())
