"""What is unusual and what ran, as text for a terminal and as JSON lines for a program.

Terminal text holds no control character that comes from a record, and colour codes only where they are asked for.
"""

from __future__ import annotations

import json
import math
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime
from typing import Any

from jobs.report.terminal import GAP, NARROWEST, coloured, columns, line, named, wrapped
from jobs.report.words import (
    files_in_words,
    how_unusual,
    iso_utc,
    kind_in_words,
    name_then,
    status_in_words,
    verdict_in_words,
    visible,
    when_in_short,
)
from jobs.words import count_in_words

Row = Mapping[str, Any]

# Rows by what became of them stand on a line of their own where they would get fewer columns than this.
ROWS_WIDTH = 45
LONGEST_STATUS = len("false positive")
STATE_COLOURS = {
    **dict.fromkeys(("open", "confirmed", "failed", "killed"), "red"),
    **dict.fromkeys(("resolved", "false positive", "new baseline"), "dim"),
    **dict.fromkeys(("snoozed", "running"), "yellow"),
}


def anomalies_table(rows: Iterable[Row], stream_width: int, colour: bool) -> str:
    """Unusual backups, newest first, each as one line of columns and its reason below.

    Parameters
    ----------
    rows : iterable of mapping
        Rows of `anomalies`; moments are aware.
    stream_width : int
        Columns of the terminal; lines are wrapped to it, from 60 columns on.
    colour : bool
        Whether ANSI colours are wanted.

    Returns
    -------
    str
        Lines without a newline at the end; a sentence when there is nothing unusual.
    """
    newest = sorted(rows, key=lambda row: (row["ended_at"], row["anomaly_id"]), reverse=True)
    if not newest:
        return "No unusual backup."
    # What people say is longer than open and resolved, but mostly they said nothing.
    status_width = min(max(8, *(len(status_in_words(row["status"])) for row in newest)), LONGEST_STATUS)
    rest = max(stream_width, NARROWEST) - 16 - 13 - status_width - 3 * len(GAP)
    widths = (16, rest, 13, status_width)
    indent = " " * (widths[0] + len(GAP))
    lines = [line(("WHEN (UTC)", "DEVICE", "KIND", "STATUS"), widths, ("dim",) * 4, colour)]
    for row in newest:
        first, *more = wrapped(named(row), widths[1])
        kind, status = kind_in_words(row["anomaly_kind"]), status_in_words(row["status"])
        cells = (when_in_short(row["ended_at"]), first, kind, status)
        lines.append(line(cells, widths, ("", "bold", "", STATE_COLOURS.get(status, "")), colour))
        details = wrapped(_details(row), max(stream_width, NARROWEST) - len(indent))
        files = files_in_words(row)
        touched = wrapped(f"Files: {files}", max(stream_width, NARROWEST) - len(indent)) if files else []
        lines.extend(indent + text for text in (*more, *details, *touched))
    return "\n".join(lines)


def _details(row: Row) -> str:
    good = row.get("last_good_backup_id")
    restore = "no good backup is held" if good is None else f"restore {good}"
    if good is not None and row.get("last_good_at") is not None:
        restore += f" of {when_in_short(row['last_good_at'])}{name_then(row)}"
    rarity = how_unusual(row["anomaly_score"]).capitalize()
    said = verdict_in_words(row)
    return f"{row['reason']} {rarity}; {restore}; anomaly {row['anomaly_id']}" + (f"; {said}" if said else "")


@dataclass(frozen=True)
class StageRun:
    """One stage run, put together from its events."""

    run_id: str
    stage: str
    started_at: datetime
    ended_at: datetime | None  # None: it is not over, or its start is not known
    state: str
    counts: Mapping[str, int]
    error: str | None


def newest_runs(rows: Sequence[Row], limit: int | None) -> list[Row]:
    """Rows of the newest `limit` runs (None: of all), whole, from rows of `runs` that come newest first."""
    kept = list(dict.fromkeys(row["run_id"] for row in rows))[:limit]
    return [row for row in rows if row["run_id"] in kept]


def stage_runs(rows: Iterable[Row]) -> list[StageRun]:
    """Stage runs, newest first, from rows of `runs`.

    The state is ended, failed, or, where there is only a start, running for the newest stage run of all and killed for
    any other: a run starts no stage before the one before it is over.
    """
    events: dict[tuple[str, str], dict[str, Row]] = {}
    for row in rows:
        events.setdefault((row["run_id"], row["stage"]), {})[row["event"]] = row
    runs = [_stage_run(of_one) for of_one in events.values()]
    newest = max((run.started_at for run in runs), default=None)
    for at, run in enumerate(runs):
        if run.state == "running" and run.started_at != newest:
            runs[at] = replace(run, state="killed")
    return sorted(runs, key=lambda run: (run.started_at, run.run_id, run.stage), reverse=True)


def _stage_run(events: Mapping[str, Row]) -> StageRun:
    last = events.get("ended") or events.get("failed") or events["started"]
    # A reader that asked for the newest rows only may have cut off the start: how long it took is then unknown.
    start = events.get("started")
    is_over = last["event"] != "started"
    return StageRun(
        run_id=last["run_id"],
        stage=last["stage"],
        started_at=(start or last)["at"],
        ended_at=last["at"] if start and is_over else None,
        state=last["event"] if is_over else "running",
        counts=last.get("counts") or {},
        error=last.get("error"),
    )


def accounting(counts: Mapping[str, int]) -> str | None:
    """Whether each landed record became a backup, verdict, note, reject or duplicate: ok or MISMATCH; None: none did.

    >>> accounting({"landed": 10, "backups": 9, "rejects": 1}), accounting({"landed": 10, "backups": 9})
    ('ok', 'MISMATCH')
    """
    if "landed" not in counts:
        return None
    # A count that is not there is no row: the map names only what became of some.
    accounted = sum(counts.get(name, 0) for name in ("backups", "verdicts", "notes", "rejects", "duplicates"))
    return "ok" if counts["landed"] == accounted else "MISMATCH"


def runs_table(rows: Iterable[Row], stream_width: int, colour: bool) -> str:
    """Stage runs, newest first, from rows of `runs`: when, what, how it ended, how long it took, rows by what became.

    Where records landed, the line ends with ok when each became a backup, verdict, note, reject or duplicate, else with
    MISMATCH.
    """
    runs = stage_runs(rows)
    if not runs:
        return "Nothing ran yet."
    run_width = max(len("RUN"), *(columns(visible(run.run_id)) for run in runs))
    widths = (16, run_width, 8, 7, 9, 0)
    before_rows = sum(widths) + len(GAP) * (len(widths) - 1)
    width = max(stream_width, NARROWEST)
    is_wide = width - before_rows >= ROWS_WIDTH
    indent = " " * (before_rows if is_wide else widths[0] + len(GAP))
    heads = ("STARTED (UTC)", "RUN", "STAGE", "STATE", "TOOK", "ROWS" if is_wide else "")
    lines = [line(heads, widths, ("dim",) * 6, colour)]
    for run in runs:
        texts = wrapped(_rows_in_words(run), width - len(indent))
        first, *more = texts if is_wide else ["", *filter(None, texts)]
        took = _took(run.started_at, run.ended_at)
        cells = (when_in_short(run.started_at), run.run_id, run.stage, run.state, took, first)
        colours = ("", "", "bold", STATE_COLOURS.get(run.state, ""), "", "red" if _is_wrong(run) else "")
        lines.append(line(cells, widths, colours, colour))
        lines.extend(indent + coloured(text, colours[-1], colour) for text in more)
    return "\n".join(lines)


def _is_wrong(run: StageRun) -> bool:
    return run.error is not None or accounting(run.counts) == "MISMATCH"


def _rows_in_words(run: StageRun) -> str:
    counts = ", ".join(f"{name} {count_in_words(count)}" for name, count in run.counts.items())
    return "; ".join(part for part in (counts, accounting(run.counts), run.error) if part)


def _took(started_at: datetime, ended_at: datetime | None) -> str:
    if ended_at is None:
        return "-"
    seconds = (ended_at - started_at).total_seconds()
    if seconds < 60:
        return f"{seconds:.1f} s"
    hours, minutes = divmod(int(seconds) // 60, 60)
    return f"{hours} h {minutes} min" if hours else f"{minutes} min {int(seconds) % 60} s"


def as_json_lines(rows: Iterable[Row]) -> Iterator[str]:
    """One JSON object a row: moments in ISO 8601 with Z, NaN as null, everything outside ASCII escaped."""
    for row in rows:
        yield json.dumps(_plain(row), allow_nan=False)


def _plain(value: Any) -> Any:
    if isinstance(value, datetime):
        return iso_utc(value)
    if isinstance(value, date):
        return value.isoformat()
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if isinstance(value, Mapping):
        return {str(key): _plain(of) for key, of in value.items()}
    if isinstance(value, Sequence) and not isinstance(value, str):
        return [_plain(of) for of in value]
    return value
