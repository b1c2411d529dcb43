"""What a run of a tool becomes: a canonical record, or a fault with its reason. Shared by all readers."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta, tzinfo
from typing import Any

from jobs.ingest.listed_changes import LIST, listed_changes
from jobs.ingest.stems import MESSAGE, Fault, Record, Stem, fault_with
from jobs.tables import FIGURES

Outcome = Record | Fault
FIGURE_NAMES = tuple(column.name for column in FIGURES)
LARGEST = 2**63 - 1
OLDEST = datetime(2000, 1, 1, tzinfo=UTC)
# ESC [ 2 K and the like: tools draw progress on a terminal that is not there. Then control and bidi characters, which
# could make a message read as another one.
ESCAPES = re.compile(r"\x1b\[[0-9;]*[A-Za-z]")
UNSEEN = re.compile(r"[\x00-\x1f\x7f-\x9f\u200b-\u200f\u2028-\u202e\u2066-\u2069\ufeff]")


class RefusedError(Exception):
    """A record that can't be used; carries the fault."""

    def __init__(self, reason: str, detail: str, field: str | None = None) -> None:
        super().__init__(detail)
        self.fault = Fault(reason, _plain(detail), field)  # it may quote the record


def outcomes(read: Callable[[Stem], Iterator[Outcome]], stem: Stem, latest: datetime) -> Iterator[Outcome]:
    """Everything that a reader makes of a stem: its backups and faults, then what could not be read on the way.

    A record is checked as a canonical one is, so that `uda read` refuses what ingest would. `latest` is the last moment
    that is not taken for a wrong clock. Where the run has a list of changed paths of its own, that one counts.
    """
    listed = listed_changes(stem).kept() if stem.has(LIST) else None
    try:
        for found in read(stem):
            if isinstance(found, Fault):
                yield found
            else:
                yield attempt(checked, found | {"file_changes": listed} if listed else found, latest)
    except RefusedError as error:
        yield error.fault
    yield from stem.faults


def attempt(build: Callable[..., Outcome], *arguments: Any) -> Outcome:
    """What `build` makes of its arguments, or why it refuses them."""
    try:
        return build(*arguments)
    except RefusedError as error:
        return error.fault


def backup(product: str, stem: Stem, **fields: Any) -> Record:
    """A canonical record of the stem's device; fields that are None are left out."""
    record = {"product": product, "device_id": stem.device_id, **fields}
    return {name: _plain(value) for name, value in record.items() if value is not None}


def without_summary(product: str, stem: Stem, what: str, message: str | None) -> Outcome:
    """What a run becomes whose output `what` has no usable summary.

    The exit status decides: not 0 is a failed run, which is a backup without figures; 0 is output of another program;
    and without `.exit` the run, or what it printed, was cut off.
    """
    said = stem.text(what)
    if not stem.has("exit"):
        if stem.is_empty():
            return Fault("empty", "no file of the run has a byte, and there is no .exit; see whether the disk is full")
        if not stem.has(what):
            return Fault("unknown_shape", f"neither {what} nor .exit is there: not the output of a backup by {product}")
        return fault_with("truncated", f"{what} ends before its summary, and no .exit came: the run was cut off", said)
    status = exit_status(stem)
    if status == 0:
        return fault_with(
            "unknown_shape", f"exit status 0, but {what} has no summary of {product}; see its command", said
        )
    return failed(product, stem, message)


def failed(product: str, stem: Stem, message: str | None, **fields: Any) -> Record:
    """A run that made no backup: a record without figures, named like the stem and ended when that says it began."""
    return backup(
        product,
        stem,
        **fields,
        backup_id=stem.name,
        status="failed",
        started_at=stem.started_at,
        ended_at=stem.started_at,
        exit_status=exit_status(stem),
        message=message,
    )


def exit_status(stem: Stem) -> int | None:
    """The exit status of the run; None: no `.exit` landed.

    Raises
    ------
    RefusedError
        `.exit` holds no number.
    """
    status = stem.exit_status()
    if status is None and stem.has("exit"):
        raise RefusedError("bad_value", ".exit must hold the exit status, a whole number; write $? into it", "exit")
    return status


def count(said: Record, name: str) -> int | None:
    """A count or size that the tool printed; None: it printed none.

    Raises
    ------
    RefusedError
        It is no whole number from 0 below 2^63.
    """
    number = said.get(name)
    if number is None:
        return None
    if isinstance(number, float) and number.is_integer():
        number = int(number)
    if type(number) is not int or abs(number) > LARGEST:
        raise RefusedError("bad_number", f"{name} must be a whole number below 2^63, got {_shown(number)}", name)
    if number < 0:
        raise RefusedError("negative", f"{name} must be 0 or more, got {number}", name)
    return number


def moment(said: object, zone: tzinfo | None = None) -> datetime | None:
    """A moment as tools print it, UTC; None: it is none, or a local one and no zone is known."""
    if not isinstance(said, str):
        return None
    try:  # nanoseconds are cut to microseconds
        found = datetime.fromisoformat(re.sub(r"(\.\d{6})\d+", r"\1", said))
    except ValueError:
        return None
    found = found.replace(tzinfo=zone) if found.tzinfo is None else found
    try:
        return found.astimezone(UTC) if found.tzinfo else None
    except OverflowError:
        return None


def local_moment(stem: Stem, said: object, name: str, whose: str, written: str) -> datetime:
    """A moment that a tool writes in the local time of `whose` clock.

    Raises
    ------
    RefusedError
        No zone is known, or the field is no moment as it is `written`.
    """
    found = moment(said, stem.time_zone)
    if found is None and moment(said, UTC):
        raise RefusedError("no_time_zone", f"{name} is a local time; say the {whose}'s zone under [time_zone]", name)
    if found is None:
        raise RefusedError("bad_time", f"{name} must be a time as {written}", name)
    return found


def epoch(seconds: object) -> datetime | None:
    """The moment so many seconds after the start of 1970, UTC; None: it is no number, or no such moment is in reach."""
    if isinstance(seconds, bool) or not isinstance(seconds, int | float) or not 0 <= seconds < 10**11:
        return None
    return datetime(1970, 1, 1, tzinfo=UTC) + timedelta(seconds=seconds)


def after(started: datetime, seconds: object) -> datetime:
    """The moment so many seconds later; the same where the duration is none."""
    if not isinstance(seconds, int | float) or not 0 <= seconds < 10**8:
        return started
    try:
        return started + timedelta(seconds=float(seconds))
    except OverflowError:  # beyond the year 9999
        return started


def first_line(said: object) -> str | None:
    """The first line of a tool's message, cut, without what a terminal would act on or UTF-8 can't write."""
    if not isinstance(said, str):
        return None
    lines = (UNSEEN.sub("", ESCAPES.sub("", line)).strip() for line in _writable(said).splitlines())
    return next((line[:MESSAGE] for line in lines if line), None)


def checked(record: Record, latest: datetime) -> Record:
    """The record, if it could be a canonical one.

    Raises
    ------
    RefusedError
        Not so; the reasons are those of `jobs.ingest.canonical`.
    """
    for name in ("device_id", "backup_id", "ended_at"):
        if record.get(name) in (None, ""):
            raise RefusedError("missing_field", f"{name} is missing; every record needs it", name)
    ended = datetime.fromisoformat(str(record["ended_at"]))
    started = datetime.fromisoformat(str(record.get("started_at", record["ended_at"])))
    for name, at in (("ended_at", ended), ("started_at", started)):
        if not OLDEST <= at <= latest:
            raise RefusedError("bad_time", f"{name} must be after 2000 and not in the future, got {at}", name)
    if started > ended:
        raise RefusedError("bad_time", f"started_at must be no later than ended_at, got {started}", "started_at")
    for name in FIGURE_NAMES:
        count(record, name)
    if record.get("status") != "failed" and all(record.get(name) is None for name in FIGURE_NAMES):
        raise RefusedError("no_figures", "no count and no byte figure")
    for total, parts in (("files_total", ("files_added", "files_updated")), ("bytes_total", ("bytes_uploaded",))):
        together = sum(record.get(part) or 0 for part in parts)
        is_exact = not set(parts) & set(record.get("upper_bound", ()))
        if is_exact and record.get(total) is not None and record[total] < together:
            raise RefusedError("total_below_parts", f"{total} must be at least {' + '.join(parts)}", total)
    return record


def _plain(value: Any) -> Any:
    """A value as JSON has it: moments as text, and no lone surrogate."""
    if isinstance(value, datetime):
        return value.astimezone(UTC).isoformat().replace("+00:00", "Z")
    return _writable(value) if isinstance(value, str) else value


def _writable(text: str) -> str:
    """A text without lone surrogates, which JSON may hold and UTF-8 can't write."""
    return text.encode("utf-8", "replace").decode()


def _shown(value: object) -> str:
    return repr(value)[:100]
