"""Plots that MLflow keeps of a fleet training, as SVG text."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from jobs.model.arrays import Array

COLOURS = ("#4269d0", "#efb118", "#ff725c", "#6cc5b0", "#3ca951", "#9c6b4e", "#a463f2", "#ff8ab7", "#97bbf5")
LEFT, TOP, WIDTH, HEIGHT, ROW, LEGEND = 190, 40, 480, 300, 20, 190
DASHED = 'stroke-dasharray="5 4"'


def lines_svg(title: str, below: str, solid: Mapping[str, Array], dashed: Mapping[str, Array]) -> str:
    """Curves of shape (2, k), all in one pair of axes; a dashed one has the colour of the solid one of its name."""
    curves = [*solid.values(), *dashed.values()]
    low, high = (
        np.array([limit([pick(c[axis]) for c in curves]) for axis in (0, 1)])
        for limit, pick in ((min, np.min), (max, np.max))
    )
    size = np.maximum(high - low, 1e-9)
    parts = []
    for place, name in enumerate(solid):
        colour = COLOURS[place % len(COLOURS)]
        for style, own in (("", solid), (DASHED, dashed)):
            if name in own:
                x, y = (own[name] - low[:, np.newaxis]) / size[:, np.newaxis]
                points = " ".join(
                    f"{LEFT + a * WIDTH:.1f},{TOP + (1 - b) * HEIGHT:.1f}" for a, b in zip(x, y, strict=True)
                )
                parts.append(f'<polyline points="{points}" fill="none" stroke="{colour}" stroke-width="1.5" {style}/>')
        parts.append(f'<text x="{LEFT + WIDTH + 12}" y="{TOP + 14 + ROW * place}" fill="{colour}">{name}</text>')
    for share in (0, 0.25, 0.5, 0.75, 1):
        x, y = low + share * size
        parts.append(_text(LEFT + share * WIDTH, TOP + HEIGHT + 18, f"{x:.3g}", "middle"))
        parts.append(_text(LEFT - 8, TOP + (1 - share) * HEIGHT + 4, f"{y:.3g}", "end"))
    parts.append(_text(LEFT + WIDTH / 2, TOP + HEIGHT + 38, below, "middle"))
    parts.append(f'<rect x="{LEFT}" y="{TOP}" width="{WIDTH}" height="{HEIGHT}" fill="none" stroke="#ccc"/>')
    return _svg(title, HEIGHT + 50, parts)


def shares_svg(title: str, names: Sequence[str], series: Mapping[str, Sequence[float]]) -> str:
    """A row a name, a mark a series, from 0 to 1."""
    parts = []
    for share in (0, 0.25, 0.5, 0.75, 1):
        x = LEFT + share * WIDTH
        parts.append(f'<line x1="{x}" x2="{x}" y1="{TOP}" y2="{TOP + ROW * len(names)}" stroke="#ddd"/>')
        parts.append(_text(x, TOP + ROW * len(names) + 18, f"{share:g}", "middle"))
    for row, name in enumerate(names):
        parts.append(_text(LEFT - 8, TOP + ROW * row + 14, name, "end"))
    for place, (name, shares) in enumerate(series.items()):
        colour = COLOURS[place]
        parts.append(f'<text x="{LEFT + WIDTH + 12}" y="{TOP + 14 + ROW * place}" fill="{colour}">{name}</text>')
        look = f'r="4" fill="{colour}" fill-opacity=".7"'
        parts += [
            f'<circle cx="{LEFT + share * WIDTH:.1f}" cy="{TOP + ROW * row + 10}" {look}/>'
            for row, share in enumerate(shares)
        ]
    return _svg(title, ROW * len(names) + 30, parts)


def _text(x: float, y: float, words: str, anchor: str) -> str:
    return f'<text x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}">{words}</text>'


def _svg(title: str, height: int, parts: Sequence[str]) -> str:
    width, height = LEFT + WIDTH + LEGEND, TOP + height
    font = 'font-family="sans-serif" font-size="12"'
    head = f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" {font}>'
    ground = f'<rect width="{width}" height="{height}" fill="white"/>'
    return "\n".join([head, ground, f'<text x="{LEFT}" y="22" font-size="14">{title}</text>', *parts, "</svg>"]) + "\n"
