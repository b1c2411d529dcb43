"""A verdict as a landed record: what it has to say, and what is wrong with one that does not."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from jobs.tables import VERDICTS

ANOMALY_ID = re.compile("[0-9a-f]{16}")
OLDEST = datetime(2000, 1, 1, tzinfo=UTC)  # as for backups: an earlier clock was never set
LONGEST_TEXT = 1_000  # characters of a name or note, which pages and listings show whole
FOLDER = "feedback"  # of the landing


class RefusedError(Exception):
    """The record is no verdict: a word of `jobs.tables.REASONS`, the field at fault if it is one, and what to do."""

    def __init__(self, reason: str, field: str | None, detail: str) -> None:
        super().__init__(detail)
        self.reason, self.field, self.detail = reason, field, detail


def verdict_of(record: bytes, prefix_tenant: str | None) -> dict[str, Any]:
    """The verdict that a landed record gives.

    Parameters
    ----------
    record : bytes
        One JSON object; fields that no verdict has are passed over.
    prefix_tenant : str or None
        To whom the landing prefix belongs; None: the record's own tenant counts.

    Returns
    -------
    dict
        tenant_id, anomaly_id, given_at, verdict, snooze_until, given_by, note; moments are aware, None is not said.

    Raises
    ------
    RefusedError
        It gives none.
    """
    said = _object(record)
    tenant = _text(said, "tenant_id") or prefix_tenant or "default"
    if prefix_tenant and tenant != prefix_tenant:
        detail = "tenant_id is not the tenant of this landing prefix; land it under its own"
        raise RefusedError("foreign_tenant", "tenant_id", detail)
    anomaly_id, verdict = _needed(said, "anomaly_id"), _needed(said, "verdict")
    if not ANOMALY_ID.fullmatch(anomaly_id):
        raise RefusedError("bad_value", "anomaly_id", "anomaly_id must be 16 hexadecimal digits, in small letters")
    if verdict not in VERDICTS:
        raise RefusedError("bad_value", "verdict", f"verdict must be one of {', '.join(VERDICTS)}")
    given_at = _moment(said, "given_at")
    return {
        "tenant_id": tenant,
        "anomaly_id": anomaly_id,
        "given_at": given_at,
        "verdict": verdict,
        "snooze_until": _end_of_snooze(said, verdict, given_at),
        "given_by": _text(said, "given_by"),
        "note": _text(said, "note"),
    }


def _object(record: bytes) -> Mapping[str, Any]:
    try:
        said = json.loads(record.decode("utf-8"))
    except UnicodeDecodeError:
        raise RefusedError("bad_encoding", None, "not UTF-8; write the record in UTF-8") from None
    except (ValueError, RecursionError):
        said = None
    if not isinstance(said, dict):
        raise RefusedError("bad_json", None, "not one JSON object; write one object a line")
    return said


def _text(said: Mapping[str, Any], field: str) -> str | None:
    value = said.get(field)
    if value is not None and not isinstance(value, str):
        raise RefusedError("bad_value", field, f"{field} must be text")
    if value and len(value) > LONGEST_TEXT:
        raise RefusedError("bad_value", field, f"{field} must have at most {LONGEST_TEXT} characters")
    # Half of a surrogate pair is JSON and no text that a table could hold.
    return value.encode("utf-8", "replace").decode() if value and value.strip() else None


def _needed(said: Mapping[str, Any], field: str) -> str:
    value = _text(said, field)
    if value is None:
        raise RefusedError("missing_field", field, f"{field} is missing or empty")
    return value


def _moment(said: Mapping[str, Any], field: str) -> datetime:
    value = _needed(said, field)
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


def _end_of_snooze(said: Mapping[str, Any], verdict: str, given_at: datetime) -> datetime | None:
    if verdict != "snooze":
        if said.get("snooze_until") is not None:
            raise RefusedError("bad_value", "snooze_until", f"{verdict} does not end; leave snooze_until out")
        return None
    until = _moment(said, "snooze_until")
    if until <= given_at:
        raise RefusedError("bad_time", "snooze_until", "snooze_until must lie after given_at")
    return until
