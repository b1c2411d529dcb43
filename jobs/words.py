"""Numbers in words, the same wherever a person reads them: reasons, report page, terminal.

Byte units are decimal (1 kB is 1,000 bytes). Unknown (None, NaN or infinite) is said as such and never as 0.
"""

from __future__ import annotations

import math
from typing import TypeGuard

UNKNOWN = "unknown"
BYTE_UNITS = ("B", "kB", "MB", "GB", "TB", "PB", "EB")


def is_known(value: float | None) -> TypeGuard[float]:
    """Whether a figure stands for a number: neither None nor NaN nor infinite."""
    return value is not None and math.isfinite(value)


def count_in_words(count: float | None) -> str:
    """Whole number with thousands separators.

    >>> count_in_words(9000)
    '9,000'
    """
    return f"{round(count):,}" if is_known(count) else UNKNOWN


def bytes_in_words(size: float | None) -> str:
    """Size with two digits at least, in the largest unit that leaves 1 or more.

    >>> bytes_in_words(1_234_000_000), bytes_in_words(999_999), bytes_in_words(0)
    ('1.2 GB', '1 MB', '0 B')
    """
    if not is_known(size):
        return UNKNOWN
    power = 0
    # 999.5 and more would be printed as 1,000 of this unit, which is 1 of the next.
    while abs(size) >= 999.5 and power < len(BYTE_UNITS) - 1:
        size /= 1000
        power += 1
    digits = 1 if power and abs(size) < 9.95 else 0
    return f"{size:,.{digits}f}".removesuffix(".0") + f" {BYTE_UNITS[power]}"


def quantity_in_words(value: float | None, unit: str | None) -> str:
    """A value with its unit: files, bytes or deviations.

    >>> quantity_in_words(9000, "files"), quantity_in_words(3e6, "bytes"), quantity_in_words(7.25, "deviations")
    ('9,000 files', '3 MB', '7.2 deviations')
    """
    if not is_known(value):
        return UNKNOWN
    if unit == "bytes":
        return bytes_in_words(value)
    if unit == "files":
        return "1 file" if round(value) == 1 else f"{count_in_words(value)} files"
    return f"{value:,.1f} {unit or ''}".strip()


def range_in_words(low: float | None, high: float | None, unit: str | None) -> str:
    """From the one to the other, the unit named only where it is part of the number.

    >>> range_in_words(0, 3, "files"), range_in_words(0, 3e6, "bytes"), range_in_words(0, 0.2, "files")
    ('0 to 3', 'up to 3 MB', 'none')
    """
    if not (is_known(low) and is_known(high)):
        return UNKNOWN
    nothing, first, last = (_bare(value, unit) for value in (0, low, high))
    if last == nothing:
        return "none"
    if first == last:
        return last
    return f"up to {last}" if first == nothing and unit != "files" else f"{first} to {last}"


def _bare(value: float, unit: str | None) -> str:
    if unit == "bytes":
        return bytes_in_words(value)
    return count_in_words(value) if unit == "files" else f"{value:,.1f}"


def share_in_words(share: float | None) -> str:
    """A share of 0 to 1 in whole per cent.

    >>> share_in_words(0.45), share_in_words(0.0004)
    ('45 %', 'less than 1 %')
    """
    if not is_known(share):
        return UNKNOWN
    return "less than 1 %" if 0 < share < 0.005 else f"{share:.0%}".replace("%", " %")
