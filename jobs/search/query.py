"""What people ask of anomalies: the words of a query, as filters on columns and as tests of rows."""

from __future__ import annotations

import math
import re
import shlex
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from fnmatch import fnmatchcase
from typing import Any

from jobs.errors import UdaError
from jobs.tables import ANOMALY_STATUSES, KINDS

NAMES = {
    "tenant": "tenant_id",
    "product": "product",
    "device": "device_id",
    "backup": "backup_id",
    "anomaly": "anomaly_id",
    "episode": "episode_id",
    "kind": "anomaly_kind",
    "status": "status",
}
OF_FILES = {"path": "path", "ext": "extension"}  # of any kept path of the backup
WORDS_OF = {"kind": KINDS, "status": ANOMALY_STATUSES}
TIMES = {"since": ">=", "until": "<"}
SCORE = "score"
PATTERN = re.compile(r"[*?]")  # in a value: any text, any character
AGO = re.compile(r"(\d{1,5})([dh])")

Filter = tuple[str, str, Any]
Test = Callable[[Mapping[str, Any]], bool]
FilesTest = Callable[[Sequence[Mapping[str, Any]]], bool]


@dataclass(frozen=True)
class Query:
    """All must hold: `filters` on columns, as `jobs.report.reading.rows_of` takes them, and `tests` of rows.

    `file_tests` are of all changed paths of the backup, as rows of `file_changes`.
    """

    filters: Sequence[Filter]
    tests: Sequence[Test]
    file_tests: Sequence[FilesTest] = ()

    def holds(self, row: Mapping[str, Any]) -> bool:
        """Whether a row that passed the filters is asked for."""
        return all(test(row) for test in self.tests)

    def holds_of_files(self, changes: Sequence[Mapping[str, Any]]) -> bool:
        """Whether a backup with these changed paths is asked for."""
        return all(test(changes) for test in self.file_tests)


def query_of(text: str, now: datetime) -> Query:
    """Query in words, as `uda search --help` has them.

    Parameters
    ----------
    text : str
        Words between spaces; quotes keep one together.
    now : datetime
        Of which times ago are counted.

    Raises
    ------
    UdaError
        A word is none of a query; says which and what it may be.

    Examples
    --------
    >>> query_of("device:nas1,nas2 kind:-add", datetime(2025, 4, 1, tzinfo=UTC)).filters
    (('device_id', 'in', ['nas1', 'nas2']), ('anomaly_kind', 'not in', ['add']))
    """
    try:
        words = shlex.split(text)
    except ValueError as error:
        raise UdaError(f"{text}: a quotation mark is left open") from error
    filters: list[Filter] = []
    tests: list[Test] = []
    file_tests: list[FilesTest] = []
    for word in words:
        name, colon, value = word.partition(":")
        if not colon:
            tests.append(_says(word))
        elif not value.lstrip("-"):
            raise UdaError(f"{word}: say what {name} is to be, as in {name}:VALUE")
        elif name in TIMES:
            filters.append(("ended_at", TIMES[name], _moment(word, value, now)))
        elif name == SCORE:
            filters.append(("anomaly_score", ">=", _number(word, value)))
        elif name in NAMES:
            _add(filters, tests, name, value)
        elif name in OF_FILES:
            file_tests.append(_touches(OF_FILES[name], value))
        else:
            known = ", ".join((*NAMES, *OF_FILES, *TIMES, SCORE))
            raise UdaError(f"{word}: nothing is named {name}; it may be {known}")
    return Query(tuple(filters), tuple(tests), tuple(file_tests))


def _add(filters: list[Filter], tests: list[Test], name: str, value: str) -> None:
    """One of several values, or with a minus before them none of these."""
    is_wanted, values = not value.startswith("-"), value.removeprefix("-").split(",")
    column, allowed = NAMES[name], WORDS_OF.get(name)
    wrong = [each for each in values if allowed and each not in allowed]
    if wrong:
        raise UdaError(f"{name}:{value}: {wrong[0]} is not one of {', '.join(allowed or ())}")
    if any(PATTERN.search(each) for each in values):
        patterns = [each.replace("[", "[[]") for each in values]  # else a set of characters
        tests.append(lambda row: any(fnmatchcase(row[column], each) for each in patterns) == is_wanted)
    else:
        filters.append((column, "in" if is_wanted else "not in", values))


def _touches(column: str, value: str) -> FilesTest:
    """Whether a path is one of several values, or with a minus before them none of these; extensions with a dot too."""
    is_wanted, values = not value.startswith("-"), value.removeprefix("-").replace("[", "[[]").split(",")
    patterns = [each.removeprefix(".").lower() for each in values] if column == "extension" else values

    def is_one(change: Mapping[str, Any]) -> bool:
        return any(fnmatchcase(change[column] or "", pattern) for pattern in patterns)

    return lambda changes: any(map(is_one, changes)) == is_wanted


def _says(word: str) -> Test:
    return lambda row: word.casefold() in row["reason"].casefold()


def _moment(word: str, value: str, now: datetime) -> datetime:
    ago = AGO.fullmatch(value)
    if ago:
        hours = int(ago[1]) * (24 if ago[2] == "d" else 1)
        return now - timedelta(hours=hours)
    try:
        moment = datetime.fromisoformat(value)
    except ValueError:
        raise UdaError(f"{word}: must be like 30d or 12h ago, 2025-03-01, or 2025-03-01T12:00:00Z") from None
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)


def _number(word: str, value: str) -> float:
    try:
        number = float(value)
    except ValueError:
        number = math.nan
    if not math.isfinite(number):
        raise UdaError(f"{word}: must be a number; 1 is once in ten device-years")
    return number
