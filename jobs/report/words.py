"""Words that page and terminal share: how unusual, which kind, when; and text from records made safe to look at."""

from __future__ import annotations

import unicodedata
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from jobs.words import UNKNOWN, is_known

KIND_WORDS = {"encrypt": "encryption", "delete": "mass deletion", "add": "mass addition", "modify": "mass change"}
SIGNAL_WORDS = {
    "excess_bytes": "bytes that do not compress as usual",
    "excess_files": "files that do not compress as usual",
    "dense_bytes": "bytes denser than what is held",
    "rewritten_excess": "bytes rewritten that do not compress as usual",
    "ratio_high": "compression worse than expected",
    "ratio_low": "compression better than expected",
    "updated": "files changed",
    "updated_net": "files changed beyond added and deleted",
    "replaced": "files replaced",
    "replaced_new_ext": "files replaced, new extension",
    "new_ext": "files with a new extension",
    "deleted_net": "files deleted beyond added",
    "deleted": "files deleted",
    "deleted_alone": "files deleted beyond added and changed",
    "added_net": "files added beyond deleted",
    "added": "files added",
    "added_alone": "files added beyond deleted and changed",
    "uploaded_bytes": "bytes uploaded",
    "grown": "bytes by which files grew",
    "stored_excess": "store grown denser than usual",
    "stored_deficit": "store shrunk more than its files",
    "rewritten": "bytes rewritten",
    "lost": "bytes gone",
    "gained": "bytes gained",
}
STATUS_WORDS = {"false_positive": "false positive", "new_baseline": "new baseline"}
NOT_JUDGED_WORDS = {
    "first": "first backup, nothing to compare with",
    "failed": "newest backup failed",
    "redelivery": "newest backup delivered before under another day",
    "no_figures": "records carry no figure to judge by",
    "retired": "retired",
    "renamed": "called something else by now",
    "history": "newest backup is older than what is judged",
}
# Beyond this the calibration only extrapolates: a larger number would claim what nobody has seen.
RAREST_SCORE = 6.0
# The model caps evidence here.
MOST_EVIDENCE = 6.0
# Control, format (bidi overrides, zero width), surrogate, private and unassigned characters, line and paragraph ends.
HIDDEN_CATEGORIES = frozenset({"Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp"})


def visible(text: str) -> str:
    r"""Text with every character that is invisible, or moves others about, replaced by something one can see.

    >>> visible("a\nb\u202ec")
    'a␊b\\u202ec'
    """
    return text if text.isascii() and text.isprintable() else "".join(map(_visible_character, text))


def _visible_character(character: str) -> str:
    if unicodedata.category(character) not in HIDDEN_CATEGORIES:
        return character
    code = ord(character)
    if code < 0x20:
        return chr(0x2400 + code)
    if code == 0x7F:
        return "␡"
    return f"\\u{code:04x}" if code <= 0xFFFF else f"\\U{code:08x}"


def rounded(number: float) -> str:
    """Two significant digits, with thousands separators: an estimate that does not look like a measurement."""
    return f"{float(f'{number:.2g}'):,.10g}"


def how_unusual(anomaly_score: float | None) -> str:
    """How often a clean backup is as unusual, from an anomaly score (-log10 of false alerts per device-year).

    >>> how_unusual(1.6), how_unusual(0.0), how_unusual(-0.6)
    ('about once in 40 device-years', 'about once a device-year', 'about 4 times a device-year')
    """
    if not is_known(anomaly_score):
        return UNKNOWN
    if anomaly_score > RAREST_SCORE:
        return "rarer than once in a million device-years"
    years = rounded(10**anomaly_score)
    if years == "1":
        return "about once a device-year"
    if anomaly_score > 0:
        return f"about once in {years} device-years"
    return f"about {rounded(10**-anomaly_score)} times a device-year"


def one_backup_in(evidence: float) -> str:
    """How many backups as usual it takes to see one like this, from evidence (-log10 of a tail probability)."""
    return "under 1 in a million" if evidence >= MOST_EVIDENCE else f"1 in {rounded(10**evidence)}"


def kind_in_words(kind: str | None) -> str:
    """The kind of an anomaly as a noun; a kind that has no words yet stays as it is."""
    return UNKNOWN if kind is None else KIND_WORDS.get(kind, kind)


def status_in_words(status: str) -> str:
    """Where an anomaly stands."""
    return STATUS_WORDS.get(status, status)


def verdict_in_words(anomaly: Mapping[str, Any]) -> str | None:
    """The latest verdict on an anomaly, who gave it, when and why; None: nobody gave one.

    >>> verdict_in_words({"verdict": "new_baseline", "verdict_at": datetime(2026, 3, 12, tzinfo=UTC),
    ...                   "verdict_by": "ana", "verdict_note": "moved to the new share"})
    'new baseline, by ana on 12 Mar 2026: moved to the new share'
    """
    if anomaly.get("verdict") is None:
        return None
    by = f", by {anomaly['verdict_by']}" if anomaly.get("verdict_by") else ""
    until = f" until {when_in_short(anomaly['snoozed_until'])} UTC" if anomaly["verdict"] == "snooze" else ""
    note = f": {anomaly['verdict_note']}" if anomaly.get("verdict_note") else ""
    return f"{status_in_words(anomaly['verdict'])}{until}{by} on {date_in_words(anomaly['verdict_at'])}{note}"


def paths_in_words(anomaly: Mapping[str, Any]) -> str | None:
    """How many paths a backup's list names, and how many of them what is said of files is about; None: no list.

    >>> paths_in_words({"paths_listed": 12_345, "paths_kept": 1_000})
    '12,345 paths listed; counted are 1,000 drawn from them'
    """
    listed = anomaly.get("paths_listed")
    if listed is None:
        return None
    words = "1 path listed" if listed == 1 else f"{listed:,} paths listed"
    return (
        words if anomaly["paths_kept"] == listed else f"{words}; counted are {anomaly['paths_kept']:,} drawn from them"
    )


def files_in_words(anomaly: Mapping[str, Any]) -> str | None:
    """What happened to which files, in a line: of extensions and folders the two that say most, and a path."""
    paths = paths_in_words(anomaly)
    if paths is None:
        return None
    said = [*anomaly["extensions"][:2], *anomaly["top_directories"][:2]]
    return "; ".join([paths, *said, *(f"such as {path}" for path in anomaly["sample_paths"][:1])])


def signal_in_words(signal: str) -> str:
    """What a signal counts, as a noun; a signal that has no words yet stays as it is."""
    return SIGNAL_WORDS.get(signal, signal)


def budget_in_words(budget: float) -> str:
    """False alerts that are allowed: so many per device-year, or one in so many.

    >>> budget_in_words(1), budget_in_words(4), budget_in_words(0.25)
    ('1 false alert per device-year', '4 false alerts per device-year', '1 false alert in 4 device-years')
    """
    if budget >= 1:
        return f"{rounded(budget)} false alert{'' if rounded(budget) == '1' else 's'} per device-year"
    return f"1 false alert in {rounded(1 / budget)} device-years"


def _utc(moment: datetime) -> datetime:
    if moment.tzinfo is None:
        raise ValueError(f"{moment} has no time zone")
    return moment.astimezone(UTC)


def when_in_words(moment: datetime | None) -> str:
    """A moment for reading, in UTC: `Thu 12 Mar 2026, 06:14 UTC`. ValueError for one without a zone."""
    return UNKNOWN if moment is None else f"{_utc(moment):%a %-d %b %Y, %H:%M} UTC"


def when_in_short(moment: datetime | None) -> str:
    """A moment for a column headed UTC: `2026-03-12 06:14`. ValueError for one without a zone."""
    return UNKNOWN if moment is None else f"{_utc(moment):%Y-%m-%d %H:%M}"


def name_then(row: Mapping[str, Any]) -> str:
    """What the device was called in its last good backup, in words behind that; empty where it is called so still.

    >>> name_then({"last_good_device_id": "old-nas"})
    ' (then called old-nas)'
    """
    name = row.get("last_good_device_id")
    return f" (then called {name})" if name is not None else ""


def date_in_words(moment: datetime) -> str:
    """The UTC date of a moment: `12 Mar 2026`. ValueError for one without a zone."""
    return f"{_utc(moment):%-d %b %Y}"


def iso_utc(moment: datetime) -> str:
    """A moment as ISO 8601 in UTC with Z, microseconds only where there are some. ValueError for one without a zone."""
    return _utc(moment).isoformat().replace("+00:00", "Z")
