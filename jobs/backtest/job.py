"""Backtest: scores and a report of a history, walking forward; whole arrays, a part of the fleet at a time."""

from __future__ import annotations

import math
import shutil
import sys
from pathlib import Path
from typing import TextIO

import pyarrow as pa
import pyarrow.parquet as pq

from jobs import __version__
from jobs.backtest.changes import history_of
from jobs.backtest.findings import Findings, findings
from jobs.backtest.measures import Rate
from jobs.backtest.page import page
from jobs.backtest.reading import read_backups, read_what_if
from jobs.backtest.rows import alerted, judged, rows_of, scores_table
from jobs.backtest.suspects import Rules
from jobs.config import Config
from jobs.errors import UdaError
from jobs.model.calibration import threshold_of
from jobs.model.fleet import read_fleet_model
from jobs.words import count_in_words


def backtest(
    backups: Path,
    what_if: Path | None,
    out: Path,
    fleet_model: Path | None,
    refit_every: int,
    budget: float,
    config: Config,
    said: TextIO,
) -> None:
    """Write the scores and the report of a history into the folder `out`; say on `said` what they come to.

    Raises
    ------
    UdaError
        An input can't be read; nothing is written then.
    """
    fleet = read_fleet_model(fleet_model)
    history = history_of(read_backups(backups), config.features.look_back_days)
    if not len(history.rows):
        raise UdaError(f"{backups}: there is no backup in it")
    rows = rows_of(history, read_what_if(what_if) if what_if else None)
    threshold = threshold_of(budget)
    scores = judged(
        rows, history, fleet, Rules(refit_every, threshold, config.train.aged_days, config.train.aged_backups)
    )
    alerts = alerted(scores, threshold)
    found = findings(history, rows, scores, alerts)
    facts = {"backups": backups, "what_if": what_if, "fleet_name": fleet.fleet_name, "budget": budget}
    text = page(found, {**facts, "refit_every": refit_every, "code_version": __version__})
    _write(out, scores_table(rows, scores, alerts), text)
    said.write(_in_short(found, out))


def _write(out: Path, scores: pa.Table, text: str) -> None:
    """Put both in place, each whole: drafts first, then renamed."""
    out.mkdir(parents=True, exist_ok=True)
    draft = out / ".scores.tmp"
    shutil.rmtree(draft, ignore_errors=True)
    draft.mkdir()
    pq.write_table(scores, draft / "part-00000.parquet")
    page_draft = out / ".report.html.tmp"
    page_draft.write_text(text, encoding="utf-8")
    shutil.rmtree(out / "scores", ignore_errors=True)
    draft.rename(out / "scores")
    page_draft.rename(out / "report.html")


def _in_short(found: Findings, out: Path) -> str:
    counts = found["counts"]
    lines = [
        f"{count_in_words(counts['judged'])} of {count_in_words(counts['backups'])} backups judged, "
        f"{count_in_words(counts['devices_judged'])} of {count_in_words(counts['devices'])} devices",
        f"{count_in_words(found['alerts'])} alerts of real backups" + _a_year(found["clean"]),
    ]
    if found["mean_recall"] is not None:
        lines.append(f"{100 * found['mean_recall']:.1f} % of attacks caught, the mean over their classes")
    return "\n".join([*lines, f"read {out / 'report.html'}", ""])


def _a_year(rate: Rate) -> str:
    if math.isnan(rate.value):
        return ""
    interval = "" if math.isnan(rate.low) else f" ({rate.low:.2f} to {rate.high:.2f})"
    return f": {rate.value:.2f} per device-year{interval}"


if __name__ == "__main__":
    from jobs.cli import main

    sys.exit(main(["backtest", *sys.argv[1:]]))
