"""A verdict as a landed record: what it has to say, and what is wrong with one that does not."""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import datetime
from typing import Any

from jobs.landed_words import RefusedError, moment_in, needed_in, one_of_in, only_for, said_in, tenant_in, text_in
from jobs.tables import VERDICTS

ANOMALY_ID = re.compile("[0-9a-f]{16}")
FOLDER = "feedback"  # of the landing


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
    said = said_in(record)
    tenant = tenant_in(said, prefix_tenant)
    anomaly_id, verdict = needed_in(said, "anomaly_id"), one_of_in(said, "verdict", VERDICTS)
    if not ANOMALY_ID.fullmatch(anomaly_id):
        raise RefusedError("bad_value", "anomaly_id", "anomaly_id must be 16 hexadecimal digits, in small letters")
    given_at = moment_in(said, "given_at")
    return {
        "tenant_id": tenant,
        "anomaly_id": anomaly_id,
        "given_at": given_at,
        "verdict": verdict,
        "snooze_until": _end_of_snooze(said, verdict, given_at),
        "given_by": text_in(said, "given_by"),
        "note": text_in(said, "note"),
    }


def _end_of_snooze(said: Mapping[str, Any], verdict: str, given_at: datetime) -> datetime | None:
    if verdict != "snooze":
        only_for(said, verdict, "snooze_until")
        return None
    until = moment_in(said, "snooze_until")
    if until <= given_at:
        raise RefusedError("bad_time", "snooze_until", "snooze_until must lie after given_at")
    return until
