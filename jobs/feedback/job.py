"""Feedback: a person's verdict on an anomaly becomes a landing file, at once and without Spark."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date, datetime
from typing import Any, TextIO

from jobs.config import Config
from jobs.errors import ConfigError, UdaError
from jobs.feedback.landing import device_words, end_of_snooze, land
from jobs.report.reading import rows_of
from jobs.report.words import iso_utc, visible, when_in_short
from jobs.run import Run
from jobs.tables import ANOMALIES
from jobs.verdict import FOLDER, verdict_of

SHOWN = ("tenant_id", "anomaly_id", "product", "device_id", "backup_id", "ended_at")
MOST_NAMED = 3  # of the anomalies that a beginning fits
WHAT_FOLLOWS = {
    "confirmed": "It will never teach, and nothing of its episode counts as good.",
    "false_positive": "It will count as good and teach, and its episode is over.",
    "new_baseline": "It and what alerted after it in its episode will count as good and teach.",
    "snooze": "Until {} no message will come about this device's alerts; what is learned does not change.",
}
Row = Mapping[str, Any]


def feedback(
    config: Config,
    anomaly: str,
    tenant: str | None,
    said: Mapping[str, str | None],
    until: date | int | None,
    run: Run,
    out: TextIO,
) -> None:
    """Write a verdict into the landing folder; say on `out` what follows from it.

    Parameters
    ----------
    anomaly : str
        The anomaly's id, or its beginning.
    tenant : str or None
        Whose anomalies are meant; None: everybody's.
    said : mapping
        verdict, given_by and note, as in `feedback`.
    until : date, int or None
        The day (UTC), or the number of days from now, at which a snooze ends.

    Raises
    ------
    ConfigError
        A snooze has no end, another verdict has one, or it says what no verdict can.
    UdaError
        There is no such anomaly, or more than one; nothing is written then.
    """
    end = _end(said["verdict"], until, run.moment)
    row = _the_anomaly(config.lake, anomaly, tenant)
    given = {"tenant_id": row["tenant_id"], "anomaly_id": row["anomaly_id"], "given_at": iso_utc(run.moment)}
    record = {**given, **{name: text for name, text in said.items() if text}}
    if end:
        record["snooze_until"] = iso_utc(end)
    address = land(f"{config.landing}/{FOLDER}/{run.run_id}-{row['anomaly_id']}.json", record, verdict_of)
    out.write(_what_follows(record, row, end, address))


def _end(verdict: str | None, until: date | int | None, now: datetime) -> datetime | None:
    if verdict != "snooze":
        if until is not None:
            raise ConfigError(f"--until is the end of a snooze; {verdict} has none")
        return None
    if until is None:
        raise ConfigError("a snooze needs its end: say --until, a day as in 2025-04-30 or a number of days")
    return end_of_snooze(until, now)


def _the_anomaly(lake: str, anomaly: str, tenant: str | None) -> Row:
    wanted = anomaly.strip().lower()
    of_tenant = [("tenant_id", "=", tenant)] if tenant else None
    rows = rows_of(lake, ANOMALIES, columns=SHOWN, filters=of_tenant)
    found = [row for row in rows if wanted and row["anomaly_id"].startswith(wanted)]
    whose = f" of tenant {tenant}" if tenant else ""
    if not found:
        raise UdaError(f"no anomaly {anomaly!r}{whose} in {lake}; `uda anomalies --lake {lake}` shows each with its id")
    if len(found) > 1:
        named = "; ".join(f"{row['anomaly_id']} of {device_words(row)}" for row in found[:MOST_NAMED])
        more = f"; and {len(found) - MOST_NAMED} more" if len(found) > MOST_NAMED else ""
        raise UdaError(f"{len(found)} anomalies begin with {anomaly!r}: {named}{more}; write more of the id")
    return found[0]


def _what_follows(record: Row, row: Row, end: datetime | None, address: str) -> str:
    of = f"{device_words(row)}, backup {visible(row['backup_id'])} of {when_in_short(row['ended_at'])} UTC"
    follows = WHAT_FOLLOWS[record["verdict"]].format(f"{when_in_short(end)} UTC")
    return (
        f"{record['verdict']}: {of} (anomaly {row['anomaly_id']})\n"
        f"{follows}\n"
        f"The next `uda run` reads it from {address}; models learn it with the next day's version.\n"
    )
