"""Backtest: scores and a report of a history, walking forward; a large one on Spark, any other in this process."""

from __future__ import annotations

import math
import os
import shutil
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import TextIO

import pyarrow as pa
import pyarrow.parquet as pq

from jobs import __version__
from jobs.backtest.changes import history_of
from jobs.backtest.findings import Findings, findings
from jobs.backtest.measures import Rate
from jobs.backtest.page import page
from jobs.backtest.reading import files_of, read_backups, read_what_if
from jobs.backtest.rows import alerted, judged, rows_of, scores_table
from jobs.backtest.suspects import Rules
from jobs.backtest.tally import Tally, tallied
from jobs.config import Config
from jobs.errors import UdaError
from jobs.model.calibration import threshold_of
from jobs.model.fleet import FleetModel, read_fleet_model
from jobs.words import count_in_words

LARGE_INPUT = 100 << 20  # bytes: up to a few million rows, and one gigabyte of memory for each of them


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
    rules = Rules(refit_every, threshold_of(budget), config.train.aged_days, config.train.aged_backups)
    judge = partial(judged_part, fleet=fleet, rules=rules, look_back_days=config.features.look_back_days)
    with _draft(out) as draft:
        if is_for_spark(backups, what_if):
            from jobs.backtest.fleet import judge_fleet  # seconds, which a small history need not wait for
            from jobs.spark import session

            tally = judge_fleet(session(config.spark, sys.stderr.isatty()), backups, what_if, judge, draft / "scores")
        else:
            rows = read_backups(backups)
            if not len(rows):
                raise UdaError(f"{backups}: there is no backup in it")
            scores, tally = judge(rows, read_what_if(what_if) if what_if else None)
            (draft / "scores").mkdir()
            pq.write_table(scores, draft / "scores" / "part-00000.parquet")
        found = findings(tally)
        facts = {"backups": backups, "what_if": what_if, "fleet_name": fleet.fleet_name, "budget": budget}
        text = page(found, {**facts, "refit_every": refit_every, "code_version": __version__})
        (draft / "report.html").write_text(text, encoding="utf-8")
        _put_in_place(draft, out)
    said.write(_in_short(found, out))


def judged_part(
    backups: pa.Table, what_if: pa.Table | None, fleet: FleetModel, rules: Rules, look_back_days: int
) -> tuple[pa.Table, Tally]:
    """Scores and tally of whole devices; no device's depend on another's.

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


def is_for_spark(backups: Path, what_if: Path | None) -> bool:
    """Whether a history is judged on Spark: a large one, and any under spark-submit."""
    size = sum(file.stat().st_size for path in (backups, what_if) if path for file in files_of(path))
    return "PYSPARK_GATEWAY_PORT" in os.environ or size > LARGE_INPUT


@contextmanager
def _draft(out: Path) -> Iterator[Path]:
    """A folder inside `out`, for what is not whole yet; nothing is left of it."""
    was_there = out.exists()
    draft = out / ".draft.tmp"
    shutil.rmtree(draft, ignore_errors=True)
    draft.mkdir(parents=True)
    try:
        yield draft
    finally:
        shutil.rmtree(draft)
        if not was_there and not any(out.iterdir()):
            out.rmdir()


def _put_in_place(draft: Path, out: Path) -> None:
    shutil.rmtree(out / "scores", ignore_errors=True)
    (draft / "scores").rename(out / "scores")
    (draft / "report.html").rename(out / "report.html")


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
