"""Lines of a table on a terminal: columns that line up, nothing that a record could steer the terminal with."""

from __future__ import annotations

import textwrap
import unicodedata
from collections.abc import Mapping, Sequence
from typing import Any

from jobs.report.words import visible

# Below this even the fixed columns do not fit; lines then run over rather than break names into letters.
NARROWEST = 60
GAP = "  "
CODES = {"bold": "1", "dim": "2", "red": "31", "green": "32", "yellow": "33"}


def named(row: Mapping[str, Any]) -> str:
    """A device's name, behind tenant and product where these are not the usual ones; not yet safe to show."""
    names = [row[name] for name in ("tenant_id", "product") if row[name] not in ("default", "canonical")]
    return " / ".join([*names, row["device_id"]])


def line(cells: Sequence[str], widths: Sequence[int], colours: Sequence[str], colour: bool) -> str:
    """One line of cells, each padded to its width and in its colour; trailing space is cut."""
    shown = (visible(cell) for cell in cells)
    padded = (text + " " * (width - columns(text)) for text, width in zip(shown, widths, strict=True))
    in_colour = (coloured(text, name, colour) for text, name in zip(padded, colours, strict=True))
    return GAP.join(in_colour).rstrip()


def coloured(text: str, name: str, colour: bool) -> str:
    """Text in one of `CODES`, if colour is wanted and a name is said."""
    return f"\x1b[{CODES[name]}m{text}\x1b[0m" if colour and name and text else text


def columns(text: str) -> int:
    """Columns that a text takes on a terminal: wide characters two, combining ones none."""
    wide = sum(unicodedata.east_asian_width(character) in "WF" for character in text)
    return len(text) + wide - sum(unicodedata.combining(character) > 0 for character in text)


def wrapped(text: str, width: int) -> list[str]:
    """Visible text in lines of at most so many columns, at least one line."""
    shown = visible(text)
    # textwrap counts characters; half the width is enough for any mixture with wide ones.
    characters = width if columns(shown) <= len(shown) else width // 2
    return textwrap.wrap(shown, max(characters, 10), break_on_hyphens=False) or [""]
