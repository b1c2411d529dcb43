"""A device's history of one figure as a small SVG: one bar a backup, the usual range, the unusual backup marked.

The SVG is stretched to the width it gets, so it holds no text; labels are HTML around it. A dot is a line without
length and with round ends, which stays round however the SVG is stretched.
"""

from __future__ import annotations

import math
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from jobs.report.markup import Markup, element, joined
from jobs.report.words import date_in_words
from jobs.words import bytes_in_words, count_in_words, quantity_in_words, share_in_words

WIDTH, HEIGHT = 1000.0, 100.0
# Room for half a dot at every side, and below the base line for the mark of the last good backup.
LEFT, RIGHT, TOP, BASE, GOOD = 14.0, 986.0, 8.0, 88.0, 97.0
# Two labels closer than this share of the height would touch.
LABEL_GAP = 0.24


@dataclass(frozen=True)
class Point:
    """One backup: its name, when it ended, the figure (None: unknown)."""

    backup_id: str
    ended_at: datetime
    value: float | None


# A backup and its horizontal place in the SVG.
Placed = tuple[float, Point]


@dataclass(frozen=True)
class Scale:
    """Height of a value: proportional up to about `turn`, logarithmic beyond: usual days show beside a spike."""

    top: float
    turn: float

    def height(self, value: float) -> float:
        """Share of the height, 0 to 1."""
        return math.asinh(value / self.turn) / math.asinh(self.top / self.turn)

    def y(self, value: float) -> float:
        """Vertical place in the SVG; downwards."""
        return BASE - (BASE - TOP) * self.height(value)


def chart(
    label: str,
    unit: str,
    points: Sequence[Point],
    marked: Point,
    usual: tuple[float, float] | None,
    unusual: Collection[str],
    last_good: str | None,
) -> Markup:
    """Figure element with title, axis labels, SVG and key.

    Parameters
    ----------
    label : str
        What the figure counts.
    unit : str
        files, bytes or share.
    points : sequence of Point
        In time order; holds `marked`, whose value is known.
    usual : (low, high), optional
        Usual range of the same figure, in its unit.
    unusual : collection of str
        Names of the device's unusual backups.
    last_good : str, optional
        Name of the backup to restore from.
    """
    scale = _scale(points, marked, unit, usual)
    ticks = _ticks(scale, unit)
    placed = list(zip(_places([point.ended_at for point in points]), points, strict=True))
    marks = _marks(placed, marked, unusual, last_good)
    drawing = _drawing(f"{label}: {_summary(points, marked, unit)}", scale, ticks, usual, marks)
    first, last = (date_in_words(points[at].ended_at) for at in (0, -1))
    return element(
        "figure",
        element("figcaption", label, element("span", f" per backup, {_backups(len(points))}", class_="muted")),
        element("div", *(_tick_label(scale, tick, unit) for tick in ticks), drawing, class_="plot"),
        element("div", element("span", first), element("span", last), class_="dates"),
        _key(bool(usual), marks),
        class_="chart",
    )


def _drawing(
    title: str,
    scale: Scale,
    ticks: Sequence[float],
    usual: tuple[float, float] | None,
    marks: Mapping[str, Sequence[Placed]],
) -> Markup:
    return element(
        "svg",
        element("title", title),
        *(_line("grid", LEFT, scale.y(tick), RIGHT, scale.y(tick)) for tick in ticks),
        _band(scale, usual) if usual else None,
        *(_bars(f"bar {sort}", scale, marks[sort]) for sort in ("plain", "other", "marked")),
        *(_dot("dot good", x, GOOD) for x, _ in marks["good"]),
        *(_dot("dot marked", x, scale.y(point.value or 0)) for x, point in marks["marked"]),
        viewBox=f"0 0 {WIDTH:g} {HEIGHT:g}",
        preserveAspectRatio="none",
        role="img",
    )


def _marks(
    placed: Sequence[Placed], marked: Point, unusual: Collection[str], last_good: str | None
) -> dict[str, list[Placed]]:
    """Backups by how they are drawn; the last good one is drawn as a bar and marked below it."""
    marks: dict[str, list[Placed]] = {sort: [] for sort in ("plain", "other", "marked", "good", "unknown")}
    for x, point in placed:
        if point.backup_id == last_good:
            marks["good"].append((x, point))
        if point is marked:
            marks["marked"].append((x, point))
        elif point.value is None:
            marks["unknown"].append((x, point))
        else:
            marks["other" if point.backup_id in unusual else "plain"].append((x, point))
    return marks


def _scale(points: Sequence[Point], marked: Point, unit: str, usual: tuple[float, float] | None) -> Scale:
    values = sorted(point.value for point in points if point.value is not None)
    top = max(*values, usual[1] if usual else 0.0, 1.0)
    if unit == "share":
        return Scale(top, turn=1000 * top)
    if usual:
        return Scale(top, turn=max(usual[1], 1.0))
    rest = sorted(point.value for point in points if point.value and point is not marked)
    return Scale(top, turn=max(rest[int(0.9 * (len(rest) - 1))] if rest else top, 1.0))


def _places(moments: Sequence[datetime]) -> list[float]:
    seconds = [(moment - moments[0]).total_seconds() for moment in moments]
    whole = seconds[-1] or 1.0
    return [LEFT + (RIGHT - LEFT) * second / whole for second in seconds]


def _ticks(scale: Scale, unit: str) -> list[float]:
    """Round values to label, 0 among them, none too near another: powers of ten first, then 2 and 5 times them."""
    if unit == "share":
        return [0.0, 0.5, 1.0]
    powers = [10.0**power for power in range(math.floor(math.log10(scale.top)), -1, -1)]
    kept = [0.0]
    for value in [*powers, *(factor * power for factor in (5, 2) for power in powers)]:
        if value <= scale.top and all(abs(scale.height(value) - scale.height(other)) >= LABEL_GAP for other in kept):
            kept.append(value)
    return sorted(kept)


def _tick_label(scale: Scale, tick: float, unit: str) -> Markup:
    words = {"bytes": bytes_in_words, "share": share_in_words}.get(unit, count_in_words)(tick)
    return element("span", words, class_="tick", style=f"top:{scale.y(tick):.1f}%", aria_hidden="true")


def _bars(class_: str, scale: Scale, placed: Sequence[Placed]) -> Markup | None:
    # One path for all bars of a sort keeps a page of 200 charts small. A backup without change still shows as a stub.
    path = "".join(f"M{x:.1f} {BASE:g}V{min(scale.y(point.value or 0), BASE - 1.5):.1f}" for x, point in placed)
    return element("path", class_=class_, d=path) if path else None


def _band(scale: Scale, usual: tuple[float, float]) -> Markup:
    top, bottom = scale.y(max(usual)), scale.y(min(usual))
    # A range of one value is still drawn, as a line.
    height = max(bottom - top, 1.0)
    return element(
        "rect", class_="usual", x=f"{LEFT:g}", y=f"{top:.1f}", width=f"{RIGHT - LEFT:g}", height=f"{height:.1f}"
    )


def _line(class_: str, x1: float, y1: float, x2: float, y2: float) -> Markup:
    return element("path", class_=class_, d=f"M{x1:.1f} {y1:.1f}L{x2:.1f} {y2:.1f}")


def _dot(class_: str, x: float, y: float) -> Markup:
    return element("path", class_=class_, d=f"M{x:.1f} {y:.1f}h0")


def _summary(points: Sequence[Point], marked: Point, unit: str) -> str:
    rest = sorted(point.value for point in points if point.value is not None and point is not marked)
    says = share_in_words if unit == "share" else lambda value: quantity_in_words(value, unit)
    middle = f", median of the others {says(rest[len(rest) // 2])}" if rest else ""
    return f"{says(marked.value)} on {date_in_words(marked.ended_at)}{middle}"


def _backups(count: int) -> str:
    return "1 backup" if count == 1 else f"{count} backups"


def _key(has_usual: bool, marks: Mapping[str, Sequence[Placed]]) -> Markup:
    words = {
        "marked": "this backup",
        "usual": "usual range",
        "other": "other unusual backups",
        "good": "last good backup",
    }
    shown = [sort for sort in words if marks.get(sort) or (sort == "usual" and has_usual)]
    return element(
        "p",
        *(joined(element("i", class_=f"swatch {sort}"), element("span", words[sort])) for sort in shown),
        element("span", f"{_backups(len(marks['unknown']))} without this figure") if marks["unknown"] else None,
        class_="key",
    )
