"""A picture of what is found: one row an attack, one mark a group of histories."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from jobs.model.attacks import ATTACKS

COLOURS = ("#4269d0", "#efb118", "#ff725c", "#6cc5b0", "#3ca951", "#9c6b4e")
LEFT, TOP, WIDTH, ROW = 150, 56, 520, 22


def recall_svg(products: dict[str, Any], groups: Sequence[str]) -> str:
    """Recall of each headline attack at a budget of 1, of full records, as SVG text."""
    found = products["git; borg with diff"]
    height = TOP + ROW * len(ATTACKS) + 34
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {LEFT + WIDTH + 30} {height}" '
        'font-family="sans-serif" font-size="12">',
        f'<rect width="{LEFT + WIDTH + 30}" height="{height}" fill="white"/>',
        f'<text x="{LEFT}" y="18" font-size="14">Share of attacks found, one false alert a device-year</text>',
    ]
    for place, group in enumerate(groups):
        x = LEFT + place * 88
        parts.append(f'<circle cx="{x + 5}" cy="35" r="4.5" fill="{COLOURS[place]}"/>')
        parts.append(f'<text x="{x + 14}" y="39">{group.replace("_", " ")}</text>')
    for tick in (0, 0.25, 0.5, 0.75, 1):
        at = LEFT + tick * WIDTH
        parts.append(f'<line x1="{at}" x2="{at}" y1="{TOP}" y2="{height - 30}" stroke="#ddd"/>')
        parts.append(f'<text x="{at}" y="{height - 14}" text-anchor="middle">{tick:g}</text>')
    for row, attack in enumerate(ATTACKS):
        y = TOP + ROW * row + ROW / 2
        parts.append(f'<text x="{LEFT - 10}" y="{y + 4}" text-anchor="end">{attack}</text>')
        for place, group in enumerate(groups):
            x = LEFT + found[group][attack]["budget 1"] * WIDTH
            parts.append(f'<circle cx="{x:.1f}" cy="{y}" r="4.5" fill="{COLOURS[place]}" fill-opacity=".8"/>')
    return "\n".join([*parts, "</svg>"]) + "\n"
