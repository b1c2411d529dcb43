"""Messages owed and delivered, as text for a terminal."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from jobs.report.words import visible, when_in_short

HEADS = ("FOUND (UTC)", "CHANNEL", "EVENT", "STATUS", "DEVICE")


def alerts_table(rows: Sequence[Mapping[str, Any]]) -> str:
    """Rows of `alerts` in the order given, a line each; below it why a message did not come, and when it is tried."""
    if not rows:
        return "No message was ever owed; docs/runbook.md says how to set a channel."
    cells = [HEADS, *(_cells(row) for row in rows)]
    widths = [max(len(line[at]) for line in cells) for at in range(len(HEADS) - 1)]
    lines = []
    for line, row in zip(cells, (None, *rows), strict=True):
        lines.append("  ".join([*(text.ljust(width) for text, width in zip(line, widths, strict=False)), line[-1]]))
        if row is not None and row["last_error"]:
            lines.append(" " * (widths[0] + 2) + _why(row))
    return "\n".join(lines)


def _cells(row: Mapping[str, Any]) -> tuple[str, ...]:
    names = [row[name] for name in ("tenant_id", "product") if row[name] not in ("default", "canonical", None)]
    about = {"fleet": "many devices at once", "operation": " ".join(filter(None, (row["condition"], row["subject"])))}
    device = " / ".join([*names, about.get(row["about"], row["device_id"])])
    status = row["status"].replace("_", " ")
    return (when_in_short(row["owed_at"]), *map(visible, (row["channel"], row["event"], status, device)))


def _why(row: Mapping[str, Any]) -> str:
    times = "once" if row["attempts"] == 1 else f"{row['attempts']} times"
    after = f", not again before {when_in_short(row['next_attempt_at'])}" if row["next_attempt_at"] else ""
    return visible(f"tried {times}{after}: {row['last_error']}")
