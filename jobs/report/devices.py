"""Devices as they stand, as text for a terminal."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from typing import Any

from jobs.report.terminal import NARROWEST, line, named, wrapped
from jobs.report.words import NOT_JUDGED_WORDS, name_then, when_in_short
from jobs.silent import is_silent, silent_from

Row = Mapping[str, Any]

COLOURS = {"open": "red", "silent": "yellow", "not judged": "yellow"}
WIDTHS = (16, 0, 9, 10)  # the second is what the terminal leaves
HEADS = ("NEWEST (UTC)", "DEVICE", "USUAL GAP", "STATE")
INDENT = " " * 18


def with_silence(rows: Sequence[Row]) -> list[dict[str, Any]]:
    """The rows with one more field, `silent_from`: since or from when the device is silent; None: nobody can say."""
    return [{**row, "silent_from": silent_from(row["last_backup_at"], row["usual_gap_hours"])} for row in rows]


def devices_table(rows: Sequence[Row], moment: datetime, stream_width: int, colour: bool) -> str:
    """Rows of `devices` in the order given, a line each, and below it what to restore and what is wrong.

    Parameters
    ----------
    moment : datetime
        At which a device is silent or not.
    stream_width, colour
        As in `jobs.report.listing.anomalies_table`.
    """
    if not rows:
        return "No device yet."
    width = max(stream_width, NARROWEST)
    widths = (WIDTHS[0], width - sum(WIDTHS) - 6, *WIDTHS[2:])
    lines = [line(HEADS, widths, ("dim",) * 4, colour)]
    for row in rows:
        state = _state(row, moment)
        first, *more = wrapped(named(row), widths[1])
        cells = (when_in_short(row["last_backup_at"]), first, _gap(row["usual_gap_hours"]), state)
        lines.append(line(cells, widths, ("", "bold", "", COLOURS.get(state, "")), colour))
        details = wrapped("; ".join(_details(row, moment)), width - len(INDENT))
        lines.extend(INDENT + text for text in (*more, *details))
    return "\n".join(lines)


def _state(row: Row, moment: datetime) -> str:
    if row["open_episode_id"] is not None:
        return "open"
    if is_silent(row, moment):
        return "silent"
    if row["not_judged"] in ("retired", "renamed"):
        return str(row["not_judged"])
    return "judged" if row["not_judged"] is None else "not judged"


def _gap(hours: float | None) -> str:
    if hours is None:
        return "-"
    return f"{hours:.3g} h" if hours < 48 else f"{hours / 24:.3g} days"


def _details(row: Row, moment: datetime) -> Iterator[str]:
    if row["open_episode_id"] is not None:
        yield f"episode {row['open_episode_id']}"
    if is_silent(row, moment):
        yield f"silent since {when_in_short(silent_from(row['last_backup_at'], row['usual_gap_hours']))}"
    if row["not_judged"] is not None:
        yield str(NOT_JUDGED_WORDS.get(row["not_judged"], row["not_judged"]))
    if row["renamed_to"] is not None:
        yield f"now {row['renamed_to']}"
        return
    if row["snoozed_until"] is not None and moment < row["snoozed_until"]:
        yield f"snoozed from {when_in_short(row['snoozed_from'])} until {when_in_short(row['snoozed_until'])}"
    if row["last_good_backup_id"] is None:
        yield "no good backup is held"
    else:
        yield f"last good backup {row['last_good_backup_id']} of {when_in_short(row['last_good_at'])}{name_then(row)}"
