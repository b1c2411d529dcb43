"""What a person says, as a landed record: a JSON object of text and moments, and what is wrong with another."""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

OLDEST = datetime(2000, 1, 1, tzinfo=UTC)  # as for backups: an earlier clock was never set
LONGEST_TEXT = 1_000  # characters of a name or note, which pages and listings show whole


class RefusedError(Exception):
    """The record says nothing: a word of `jobs.tables.REASONS`, the field at fault if it is one, and what to do."""

    def __init__(self, reason: str, field: str | None, detail: str) -> None:
        super().__init__(detail)
        self.reason, self.field, self.detail = reason, field, detail


def said_in(record: bytes) -> Mapping[str, Any]:
    """The fields of a record. RefusedError if it is not one JSON object in UTF-8."""
    try:
        said = json.loads(record.decode("utf-8"))
    except UnicodeDecodeError:
        raise RefusedError("bad_encoding", None, "not UTF-8; write the record in UTF-8") from None
    except (ValueError, RecursionError):
        said = None
    if not isinstance(said, dict):
        raise RefusedError("bad_json", None, "not one JSON object; write one object a line")
    return said


def tenant_in(said: Mapping[str, Any], prefix_tenant: str | None) -> str:
    """Whose the record is: the landing prefix's, else what it says, else `default`. RefusedError if the two differ."""
    tenant = text_in(said, "tenant_id") or prefix_tenant or "default"
    if prefix_tenant and tenant != prefix_tenant:
        detail = "tenant_id is not the tenant of this landing prefix; land it under its own"
        raise RefusedError("foreign_tenant", "tenant_id", detail)
    return tenant


def text_in(said: Mapping[str, Any], field: str) -> str | None:
    """Text of a field; None where it is empty or not there. RefusedError where it can be none."""
    value = said.get(field)
    if value is not None and not isinstance(value, str):
        raise RefusedError("bad_value", field, f"{field} must be text")
    if value and len(value) > LONGEST_TEXT:
        raise RefusedError("bad_value", field, f"{field} must have at most {LONGEST_TEXT} characters")
    # Half of a surrogate pair is JSON and no text that a table could hold.
    return value.encode("utf-8", "replace").decode() if value and value.strip() else None


def needed_in(said: Mapping[str, Any], field: str) -> str:
    """The same of a field that has to be there."""
    value = text_in(said, field)
    if value is None:
        raise RefusedError("missing_field", field, f"{field} is missing or empty")
    return value


def one_of_in(said: Mapping[str, Any], field: str, words: Mapping[str, str]) -> str:
    """The same of a field that is one of some words."""
    value = needed_in(said, field)
    if value not in words:
        raise RefusedError("bad_value", field, f"{field} must be one of {', '.join(words)}")
    return value


def moment_in(said: Mapping[str, Any], field: str) -> datetime:
    """The moment in a field that has to be there, UTC."""
    value = needed_in(said, field)
    try:
        moment = datetime.fromisoformat(value)
        if moment.tzinfo is None:
            raise RefusedError("no_time_zone", field, f"{field} needs a time zone, as in 2025-03-30T21:00:00Z")
        moment = moment.astimezone(UTC)
    except (ValueError, OverflowError):
        raise RefusedError("bad_time", field, f"{field} must be a time like 2025-03-30T21:00:00Z") from None
    if moment < OLDEST:
        raise RefusedError("bad_time", field, f"{field} lies before {OLDEST.year}: is the clock right?")
    return moment


def only_for(said: Mapping[str, Any], word: str, *fields: str) -> None:
    """RefusedError if the record says one of some fields that have no meaning beside its word."""
    for field in fields:
        if said.get(field) is not None:
            raise RefusedError("bad_value", field, f"{word} has no {field}; leave it out")
