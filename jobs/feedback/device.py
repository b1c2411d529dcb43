"""What a person says of a device becomes a landing file, at once and without Spark."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from datetime import date, datetime
from typing import Any, TextIO

from jobs.config import Config
from jobs.device_note import FOLDER, note_of, renames_of, why_not
from jobs.errors import ConfigError, UdaError
from jobs.feedback.landing import day_of, device_words, end_of_snooze, land
from jobs.report.reading import is_there, rows_of
from jobs.report.words import iso_utc, visible, when_in_short
from jobs.run import Run
from jobs.tables import DEVICE, DEVICE_NOTES, DEVICES

NAMES = [column.name for column in DEVICE]
SHOWN = (*NAMES, "renamed_to", "last_backup_at")
MOST_NAMED = 3  # of the devices that a name fits
Row = Mapping[str, Any]


def device_note(
    config: Config,
    word: str,
    device: Mapping[str, str | None],
    said: Mapping[str, str | None],
    window: tuple[date | int | None, date | int | None],
    run: Run,
    out: TextIO,
) -> None:
    """Write what was said of a device into the landing folder; say on `out` what follows from it.

    Parameters
    ----------
    word : str
        As in `device_notes`.
    device : mapping
        Its `device_id`; `tenant_id` and `product`, None: whichever has it.
    said : mapping
        new_device_id, given_by and note, as in `device_notes`.
    window : tuple of date, int or None
        First and last of a snooze: a day (UTC), or a number of days from now; the first None: from now on.

    Raises
    ------
    ConfigError
        It says what can't be said of a device.
    UdaError
        There is no such device, or more than one, or the name conflicts with one said before; nothing is written then.
    """
    since, until = window
    if (word == "rename") != (said["new_device_id"] is not None):
        raise ConfigError("a rename needs both names, and nothing else does: uda device rename OLD NEW")
    if (word == "snooze") != (until is not None):
        raise ConfigError("a snooze needs its end, and nothing else has one: say --until, a day or a number of days")
    row = the_device(config.lake, device)
    record = {**{name: row[name] for name in NAMES}, "word": word, "given_at": iso_utc(run.moment)}
    record |= {name: text for name, text in said.items() if text}
    if until is not None:
        record["snooze_until"] = iso_utc(end_of_snooze(until, run.moment))
    if since is not None:
        record["snooze_from"] = iso_utc(day_of(since, run.moment))
    is_new = word == "rename" and said["new_device_id"] != row["device_id"]
    if is_new and (why := _conflict(config.lake, record)):
        raise UdaError(f"{device_words(row)} can't be called {visible(record['new_device_id'])}: {visible(why)}")
    name = hashlib.sha256(row["device_id"].encode()).hexdigest()[:16]  # a device's own name may be no file's
    address = land(f"{config.landing}/{FOLDER}/{run.run_id}-{name}.json", record, note_of)
    out.write(f"{word}: {device_words(row)}, newest backup {when_in_short(row['last_backup_at'])} UTC\n")
    out.write(f"{_what_follows(config.lake, record)}\nThe next `uda run` reads it from {address}.\n")


def the_device(lake: str, device: Mapping[str, str | None]) -> Row:
    """The row of `devices` that is meant. UdaError where there is none, or more than one."""
    filters = [(name, "=", device[name]) for name in NAMES if device[name] is not None]
    found = rows_of(lake, DEVICES, columns=SHOWN, filters=filters)
    name = visible(str(device["device_id"]))
    if not found:
        raise UdaError(f"no device {name!r} in {lake}; `uda devices --lake {lake}` lists them")
    if len(found) > 1:
        named = "; ".join(f"tenant {row['tenant_id']}, product {row['product']}" for row in found[:MOST_NAMED])
        raise UdaError(f"{len(found)} devices are called {name!r}: {visible(named)}; say --tenant or --product")
    if found[0]["renamed_to"] is not None:
        raise UdaError(f"{name} is called {visible(found[0]['renamed_to'])} by now; say that name")
    return found[0]


def _conflict(lake: str, rename: Row) -> str | None:
    held = rows_of(lake, DEVICE_NOTES, filters=[("word", "=", "rename")]) if is_there(lake, DEVICE_NOTES) else []
    return why_not(rename, renames_of(held))


def _what_follows(lake: str, record: Row) -> str:
    if record["word"] == "retire":
        return "It is not silent any more, and named as retired until a newer backup of it lands."
    if record["word"] == "snooze":
        begin, end = (record.get(name) for name in ("snooze_from", "snooze_until"))
        since = f"From {_short(begin)} UTC until" if begin else "Until"
        return f"{since} {_short(str(end))} UTC no message will come about its alerts; what is learned does not change."
    name = visible(record["new_device_id"])
    taken = [("tenant_id", "=", record["tenant_id"]), ("product", "=", record["product"])]
    has_backups = rows_of(lake, DEVICES, columns=NAMES, filters=[*taken, ("device_id", "=", record["new_device_id"])])
    both = f"{name} has backups too: both histories become one. " if has_backups else ""
    return f"{both}What comes under the name {name} goes on with its history. It can't be called as before again."


def _short(moment: str) -> str:
    return when_in_short(datetime.fromisoformat(moment))
