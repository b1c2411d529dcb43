"""Statistics of a session as rdiff-backup and duplicity print them: a block of lines, each a name and a number."""

from __future__ import annotations

import re
from collections.abc import Iterable
from datetime import datetime

from jobs.ingest.outcomes import epoch
from jobs.ingest.stems import Record, Stem

LINE = re.compile(r"([A-Z][A-Za-z]+) (?:(-?\d{1,19})|(-?\d{1,19}\.\d{1,9}))(?: \([^)]*\))?")
FIRST, LAST = "StartTime", "Errors"


def session(lines: Iterable[str]) -> Record:
    """Numbers of the last whole block, by name; empty if there is none."""
    found: Record = {}
    block: Record = {}
    for line in lines:
        if said := LINE.fullmatch(line):
            name, whole, decimal = said.groups()
            block = {} if name == FIRST else block
            block[name] = int(whole) if whole else float(decimal)
            if name == LAST and FIRST in block:
                found = block
    return found


def moments(stem: Stem, said: Record) -> tuple[datetime, datetime]:
    """When the session began and ended, UTC: these tools say it in seconds since 1970, whatever zone they print."""
    started = epoch(said.get("StartTime")) or stem.started_at
    return started, max(started, epoch(said.get("EndTime")) or started)


def name_of(started: datetime) -> str:
    """The session's own name: duplicity's files bear it, and rdiff-backup's say the same moment in local time."""
    return f"{started:%Y%m%dT%H%M%SZ}"
