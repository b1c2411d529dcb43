"""Dumps of our own backup products: JSON Lines, one object a backup, which says its schema as `<product>/1`."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import datetime
from typing import Any

from jobs.ingest.outcomes import Outcome, RefusedError, attempt, backup, first_line, moment, without_summary
from jobs.ingest.stems import LONGEST_LINE, Fault, Record, Stem, fault_with, json_object
from jobs.ingest.unpack import CutOffError, Overlong, lines

DUMP = "jsonl"
VERSION = 1


def dumped(stem: Stem, fields_of: Callable[[Record], Record]) -> Iterator[Outcome]:
    """Each line's backup, or why it is none; `fields_of` gives a line's fields by their canonical names.

    Further keys of a line are left aside, so that a product may say more at any time. What it says in another way has a
    higher number in its schema.
    """
    is_empty = True
    try:
        for number, line in enumerate(lines(stem.files[DUMP], LONGEST_LINE) if stem.has(DUMP) else (), start=1):
            if isinstance(line, Overlong):
                is_empty = False
                yield Fault("bad_line", f"{DUMP} line {number} is longer than any record", sha256=line.sha256)
            elif line.strip():
                is_empty = False
                said = json_object(line)
                if said is None:
                    yield fault_with("bad_line", f"{DUMP} line {number} is not one JSON object", line)
                else:
                    yield attempt(_backup, stem, said, fields_of)
    except CutOffError as error:
        is_empty = False
        yield Fault("unreadable", f"{DUMP}: {error}")
    if is_empty:
        yield without_summary(stem.product, stem, DUMP, None)


def _backup(stem: Stem, said: Record, fields_of: Callable[[Record], Record]) -> Record:
    expected = f"{stem.product}/{VERSION}"
    if said.get("schema") != expected:
        raise RefusedError("unknown_shape", f"schema must be {expected}, got {str(said.get('schema'))[:50]}", "schema")
    fields = fields_of(said)
    if fields["status"] == "failed":
        fields = {name: value for name, value in fields.items() if not name.startswith(("files_", "bytes_", "dirs_"))}
    return backup(stem.product, stem, **{"device_id": None, **fields})


def word(said: Record, name: str, words: dict[str, Any]) -> Any:
    """What the product's word stands for.

    Raises
    ------
    RefusedError
        It is none of the words that the product has.
    """
    found = said.get(name)
    if not isinstance(found, str) or found not in words:
        raise RefusedError("bad_value", f"{name} must be one of {', '.join(words)}, got {str(found)[:50]}", name)
    return words[found]


def kind(said: Record, name: str) -> str | None:
    """The kind of backup, if it is one that the record has a word for."""
    found = said.get(name)
    return found if found in ("full", "incremental") else None


def identity(said: Record, name: str) -> str | None:
    """A name, which may be a number; None: there is none."""
    found = said.get(name)
    return str(found) if type(found) is int else first_line(found)


def at(said: Record, name: str) -> datetime:
    """A moment in UTC.

    Raises
    ------
    RefusedError
        It is none, or has no zone.
    """
    found = moment(said.get(name))
    if found is None:
        raise RefusedError("bad_time", f"{name} must be a time in ISO 8601 with its zone", name)
    return found


def inner(said: Record, name: str) -> Record:
    """An object inside the line; empty if there is none."""
    found = said.get(name)
    return found if isinstance(found, dict) else {}
