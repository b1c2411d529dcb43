"""The backtest of whole devices: no device's scores depend on another's, so a fleet may be judged in parts."""

from __future__ import annotations

import pyarrow as pa

from jobs.backtest.changes import history_of
from jobs.backtest.rows import alerted, judged, rows_of, scores_table
from jobs.backtest.suspects import Rules
from jobs.backtest.tally import Tally, tallied
from jobs.model.fleet import FleetModel


def judged_part(
    backups: pa.Table, what_if: pa.Table | None, fleet: FleetModel, rules: Rules, look_back_days: int
) -> tuple[pa.Table, Tally]:
    """Scores and tally of whole devices.

    Parameters
    ----------
    backups, what_if : pa.Table
        From `jobs.backtest.reading`, in any order.
    look_back_days : int
        As in `jobs.backtest.changes.history_of`.

    Returns
    -------
    scores : pa.Table
        As `jobs.backtest.rows.scores_table` gives them.
    tally : mapping
        As `jobs.backtest.tally.tallied` gives it.

    Raises
    ------
    UdaError
        A backup is there twice with different figures, or a what-if row stands for none.
    """
    history = history_of(backups, look_back_days)
    rows = rows_of(history, what_if)
    scores = judged(rows, history, fleet, rules)
    alerts = alerted(scores, rules.threshold)
    return scores_table(rows, scores, alerts), tallied(history, rows, scores, alerts)
