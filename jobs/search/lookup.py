"""Search: anomalies that a query in words asks for."""

from __future__ import annotations

from datetime import datetime

from jobs.report.reading import Row, rows_of
from jobs.search.query import query_of
from jobs.tables import ANOMALIES


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
    rows = rows_of(lake, ANOMALIES, filters=query.filters, limit=None if query.tests else limit)
    return [row for row in rows if query.holds(row)][:limit]
