"""Search: anomalies that a query in words asks for."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Sequence
from datetime import datetime
from itertools import islice
from typing import Any

from jobs.report.reading import Row, rows_of
from jobs.search.query import Query, query_of
from jobs.tables import ANOMALIES, BACKUPS, FILE_CHANGES

# Anomalies whose paths are looked at together: with a thousand paths each, they need some 100 MB.
AT_ONCE = 100


def search(lake: str, text: str, now: datetime, limit: int | None) -> list[Row]:
    """Rows of `anomalies` that the query asks for, newest first, at most so many.

    Parameters
    ----------
    text, now
        As in `jobs.search.query.query_of`.

    Raises
    ------
    UdaError
        The query can't be read, or the lake has no such table.
    """
    query = query_of(text, now)
    is_done = not query.tests and not query.file_tests
    rows = rows_of(lake, ANOMALIES, filters=query.filters, limit=limit if is_done else None)
    found = [row for row in rows if query.holds(row)]
    return list(islice(_touching(lake, found, query), limit)) if query.file_tests else found[:limit]


def _touching(lake: str, rows: Sequence[Row], query: Query) -> Iterator[Row]:
    """Those of the rows of which what is asked of files holds; of a backup without a list nothing is known."""
    listed = [row for row in rows if row["paths_listed"] is not None]
    for start in range(0, len(listed), AT_ONCE):
        part = listed[start : start + AT_ONCE]
        filters = [(name, "in", sorted({row[name] for row in part})) for name in ("day", "device_id")]
        changes: dict[tuple[Any, ...], list[Row]] = defaultdict(list)
        for change in rows_of(lake, FILE_CHANGES, [*BACKUPS.key, "path", "extension"], filters):
            changes[_key(change)].append(change)
        yield from (row for row in part if query.holds_of_files(changes[_key(row)]))


def _key(row: Row) -> tuple[Any, ...]:
    return tuple(row[name] for name in BACKUPS.key)
