"""What was found beside what was put in: plain values in, text out."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

Label = Mapping[str, str]  # a row of attacks.csv
Anomaly = Mapping[str, Any]  # a line of `uda anomalies --json`


def beside_each_other(
    labels: Sequence[Label], anomalies: Sequence[Anomaly]
) -> tuple[list[tuple[Label, Anomaly | None]], list[Anomaly]]:
    """Each attack with the anomaly on its very backup, or None; and the anomalies on backups without an attack."""
    by_backup = {(anomaly["device_id"], anomaly["backup_id"]): anomaly for anomaly in anomalies}
    found = [(label, by_backup.pop((label["device_id"], label["backup_id"]), None)) for label in labels]
    return found, list(by_backup.values())


def outcome(label: Label, anomaly: Anomaly | None) -> str:
    """Found or missed, and whether the kind was right."""
    if anomaly is None:
        return "MISSED"
    kind = anomaly["anomaly_kind"]
    return f"found as {kind}" if kind == label["kind"] else f"found as {kind}, is {label['kind']}"


def attacks_in_words(pairs: Sequence[tuple[Label, Anomaly | None]]) -> str:
    """Tell attack by attack whether it was found, then how many were."""
    rows = [("device", "what we did", "outcome", "score")]
    rows += [
        (
            label["device_id"],
            label["in_words"],
            outcome(label, anomaly),
            f"{anomaly['anomaly_score']:.1f}" if anomaly else "",
        )
        for label, anomaly in pairs
    ]
    found = sum(anomaly is not None for _, anomaly in pairs)
    right = sum(anomaly is not None and anomaly["anomaly_kind"] == label["kind"] for label, anomaly in pairs)
    return f"{columns(rows)}\n\n{found} of {len(pairs)} found, {right} of them with the right kind."


def others_in_words(others: Sequence[Anomaly]) -> str:
    """List what else alerted."""
    if not others:
        return "No other backup alerted."
    rows = [("device", "ended", "kind", "score", "reason")]
    rows += [
        (a["device_id"], a["ended_at"][:16], a["anomaly_kind"], f"{a['anomaly_score']:.1f}", a["reason"])
        for a in sorted(others, key=lambda a: a["anomaly_score"], reverse=True)
    ]
    return columns(rows)


def exposure_in_words(judged: int | None, devices: int, days: int, others: int, budget: float) -> str:
    """Set the number of other alerts beside the number that the budget allows."""
    years = devices * days / 365.25
    said = "Backups" if judged is None else f"{judged:,} backups"
    return (
        f"{said} of {devices} devices were judged, over {days} days: {years:.1f} device-years.\n"
        f"At a budget of {budget:g} false alerts a device-year, about {budget * years:.1f} such alerts are allowed; "
        f"there were {others}."
    )


def backups_judged(runs: Sequence[Mapping[str, Any]]) -> int | None:
    """Backups that the score stage says it scored, from `uda runs --json`; None where it does not say."""
    counts = [run["counts"] for run in runs if run["stage"] == "score" and run["event"] == "ended"]
    scored = [count["scored"] for count in counts if "scored" in count]
    return sum(scored) if scored else None


def columns(rows: Sequence[Sequence[str]]) -> str:
    """Text in columns, the first row as the head."""
    widths = [max(len(row[column]) for row in rows) for column in range(len(rows[0]))]
    ruled = [rows[0], ["-" * width for width in widths], *rows[1:]]
    return "\n".join(
        "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip() for row in ruled
    )
