"""What a person says of a device, as a landed record; and which names a device had, of what people said."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Any

from jobs.landed_words import RefusedError, moment_in, needed_in, one_of_in, only_for, said_in, tenant_in, text_in
from jobs.tables import DEVICE_WORDS, UNSAID

FOLDER = "devices"  # of the landing
Device = tuple[str, str, str]  # tenant_id, product, device_id


def note_of(record: bytes, prefix_tenant: str | None) -> dict[str, Any]:
    """What a landed record says of a device.

    Parameters
    ----------
    record, prefix_tenant
        As in `jobs.verdict.verdict_of`.

    Returns
    -------
    dict
        The columns of `device_notes` but source, position and run_id; moments are aware, None is not said.

    Raises
    ------
    RefusedError
        It says nothing of one.
    """
    said = said_in(record)
    tenant = tenant_in(said, prefix_tenant)
    device_id, word = needed_in(said, "device_id"), one_of_in(said, "word", DEVICE_WORDS)
    given_at = moment_in(said, "given_at")
    snooze_from, snooze_until = _snooze(said, word, given_at)
    return {
        "tenant_id": tenant,
        "product": text_in(said, "product") or UNSAID["product"],
        "device_id": device_id,
        "given_at": given_at,
        "word": word,
        "new_device_id": _new_name(said, word, device_id),
        "snooze_from": snooze_from,
        "snooze_until": snooze_until,
        "given_by": text_in(said, "given_by"),
        "note": text_in(said, "note"),
    }


def _new_name(said: Mapping[str, Any], word: str, device_id: str) -> str | None:
    if word != "rename":
        only_for(said, word, "new_device_id")
        return None
    name = needed_in(said, "new_device_id")
    if name == device_id:
        raise RefusedError("bad_value", "new_device_id", "new_device_id is the name that the device has")
    return name


def _snooze(said: Mapping[str, Any], word: str, given_at: datetime) -> tuple[datetime | None, datetime | None]:
    if word != "snooze":
        only_for(said, word, "snooze_from", "snooze_until")
        return None, None
    until = moment_in(said, "snooze_until")
    since = moment_in(said, "snooze_from") if said.get("snooze_from") is not None else given_at
    if until <= since:
        raise RefusedError("bad_time", "snooze_until", "snooze_until must lie after snooze_from")
    return since, until


def renames_of(rows: Iterable[Any]) -> dict[Device, str]:
    """What each device was renamed to, from rows of `device_notes` of which the word is rename."""
    return {_device(row): row["new_device_id"] for row in rows}


def current_names(renames: Mapping[Device, str]) -> dict[Device, str]:
    """Of each device that was renamed, what it is called now.

    >>> current_names({("t", "p", "a"): "b", ("t", "p", "b"): "c", ("t", "p", "d"): "c"})
    {('t', 'p', 'a'): 'c', ('t', 'p', 'b'): 'c', ('t', 'p', 'd'): 'c'}
    """
    return {device: _current(device, renames) for device in renames}


def why_not(rename: Mapping[str, Any], renames: Mapping[Device, str]) -> str | None:
    """Why a device can't be renamed, beside what was said before; None: it can."""
    tenant, product, device_id, name = (
        rename[field] for field in ("tenant_id", "product", "device_id", "new_device_id")
    )
    before = renames.get((tenant, product, device_id))
    if before == name:  # said twice
        return None
    if before is not None:
        return f"the device was renamed before, to {before}; rename that one"
    if _current((tenant, product, name), renames) == device_id:
        return f"{name} was renamed to {device_id} before: a device can't go back to a name that it had"
    return None


def refused_renames(new: Iterable[Mapping[str, Any]], held: Iterable[Mapping[str, Any]]) -> dict[tuple[str, int], str]:
    """Why some renames are not taken, by source and position: those that conflict with one held, or given before.

    Parameters
    ----------
    new, held : iterable of mapping
        Rows of `device_notes` of which the word is rename. A new one may be held: the run was killed after writing it.
    """
    renames = renames_of(held)
    refused = {}
    for row in sorted(new, key=lambda row: (row["given_at"], row["source"], row["position"])):
        why = why_not(row, renames)
        if why is None:
            renames[_device(row)] = row["new_device_id"]
        else:
            refused[row["source"], row["position"]] = why
    return refused


def _device(row: Mapping[str, Any]) -> Device:
    return (row["tenant_id"], row["product"], row["device_id"])


def _current(device: Device, renames: Mapping[Device, str]) -> str:
    tenant, product, name = device
    while (tenant, product, name) in renames:
        name = renames[tenant, product, name]
    return name
