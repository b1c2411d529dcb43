"""A benchmark's result as a picture: the CPU seconds of each stage beside those of its floor."""

from __future__ import annotations

from html import escape
from typing import Any

CASES = ("all days", "one more day")
WIDTH, LEFT, RIGHT = 720, 90, 110
BAR, GAP, HEAD = 13, 12, 34  # heights of a bar, of the space below a stage, and of a case's title
COLOURS = {"stage": "#3b6ea5", "floor": "#b9c3cc"}


def picture(found: dict[str, Any]) -> str:
    """SVG text of the result of `bench_line.py`: one group of bars a case, each group in its own scale."""
    parts = []
    y = 44
    for case in CASES:
        stages = {name: costs for name, costs in found["cases"][case]["stages"].items() if "floor" in costs}
        largest = max(costs["cpu_seconds"] for costs in stages.values())
        parts.append(_text(0, y, f"{case}: {found['cases'][case]['landed']:,} backups", weight="bold"))
        y += HEAD - 18
        for name, costs in stages.items():
            parts.append(_text(LEFT - 8, y + BAR + 4, name, anchor="end"))
            for kind, seconds in (("stage", costs["cpu_seconds"]), ("floor", costs["floor"]["cpu_seconds"])):
                width = (WIDTH - LEFT - RIGHT) * seconds / largest
                parts.append(f'<rect x="{LEFT}" y="{y}" width="{width:.1f}" height="{BAR}" fill="{COLOURS[kind]}"/>')
                said = f"{seconds:.1f} s" + (f", {costs['cpu_ratio']:.1f}x" if kind == "stage" else "")
                parts.append(_text(LEFT + width + 6, y + BAR - 2, said))
                y += BAR + 1
            y += GAP
        y += HEAD - GAP
    return _framed(parts, y - 10, found)


def _framed(parts: list[str], height: int, found: dict[str, Any]) -> str:
    machine = found["machine"]
    title = (
        f"CPU seconds of each stage (blue) and its floor (grey): {found['devices']:,} devices, {found['days']} days, "
        f"{machine['cores']} cores"
    )
    lines = (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="-10 0 {WIDTH + 20} {height}" '
        'font-family="sans-serif" font-size="12" fill="#222" role="img">',
        f"<title>{escape(title)}</title>",
        f'<rect x="-10" width="{WIDTH + 20}" height="{height}" fill="#fff"/>',
        _text(0, 18, title),
        *parts,
        "</svg>",
    )
    return "\n".join(lines) + "\n"


def _text(x: float, y: float, said: str, anchor: str = "start", weight: str = "normal") -> str:
    return f'<text x="{x:.1f}" y="{y}" text-anchor="{anchor}" font-weight="{weight}">{escape(said)}</text>'
