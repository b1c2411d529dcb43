"""One call of the program: its moment, its name and its code version. Nobody else asks the clock."""

from __future__ import annotations

import secrets
from dataclasses import dataclass
from datetime import UTC, datetime

from jobs import __version__


@dataclass(frozen=True)
class Run:
    """What every stage of one call shares.

    Attributes
    ----------
    run_id : str
        Names the call in `runs` and in every row that it writes.
    moment : datetime
        What the call takes for now, UTC. Given again, the same input gives the same tables.
    code_version : str
        Version of this program.
    """

    run_id: str
    moment: datetime
    code_version: str = __version__


def start_run(moment: datetime | None = None) -> Run:
    """A run that begins now, at `moment` if one is given (back-fill, repetition)."""
    started = datetime.now(UTC)
    return Run(run_id=f"{started:%Y%m%dT%H%M%SZ}-{secrets.token_hex(3)}", moment=moment or started)


def clock() -> datetime:
    """The time on the wall, UTC: for the log and for `runs.at`, never for a decision."""
    return datetime.now(UTC)
