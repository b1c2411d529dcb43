"""What a person says becomes a landing file: read back first, as ingest will read it, and put in place whole."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from datetime import UTC, date, datetime, timedelta
from typing import Any

from jobs.errors import ConfigError, UdaError
from jobs.files import land_text
from jobs.landed_words import RefusedError
from jobs.report.terminal import named
from jobs.report.words import visible


def land(address: str, record: Mapping[str, Any], read: Callable[[bytes, str | None], Any]) -> str:
    """Write a record as a file of one line; return its address.

    Raises
    ------
    ConfigError
        `read`, which ingest reads it with, would refuse it; nothing is written then.
    UdaError
        The file can't be written.
    """
    line = json.dumps(record)
    try:
        read(line.encode(), None)
    except RefusedError as refused:
        raise ConfigError(f"--{refused.field}: {refused}") from refused
    try:
        land_text(address, line + "\n")
    except OSError as error:
        raise UdaError(f"cannot write {address}: {error.strerror or error}") from error
    return address


def day_of(said: date | int, now: datetime) -> datetime:
    """The beginning of a day (UTC), or the moment so many days from now."""
    return (
        now + timedelta(days=said) if isinstance(said, int) else datetime(said.year, said.month, said.day, tzinfo=UTC)
    )


def end_of_snooze(until: date | int, now: datetime) -> datetime:
    """The same for the end of a snooze. ConfigError if it is over already."""
    end = day_of(until, now)
    if end <= now:
        raise ConfigError(f"--until {until} is over already; name a later day")
    return end


def device_words(row: Mapping[str, Any]) -> str:
    """A device's name, safe to show."""
    return visible(named(row))
