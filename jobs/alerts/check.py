"""`uda alerts check`: whether runs come to their end, told even when none does; and what is owed, sent between runs."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from functools import partial
from typing import TextIO

from jobs.alerts.lake_facts import between_runs
from jobs.alerts.outbox import tell
from jobs.config import Config
from jobs.few_rows import upsert_rows
from jobs.report.reading import rows_of
from jobs.report.words import visible
from jobs.tables import ALERTS, ANOMALIES


def check(config: Config, moment: datetime, environment: Mapping[str, str], out: TextIO) -> None:
    """Tell what there is; say what is wrong with the line, a line each, and what became of messages.

    A run may be going on meanwhile: both write by keys, and a message that both send has the same id.

    Raises
    ------
    UdaError
        The lake has none of the tables yet.
    """
    lake = config.lake
    held, anomalies, facts = rows_of(lake, ALERTS), rows_of(lake, ANOMALIES), between_runs(lake, config, moment)
    write = partial(upsert_rows, lake, table=ALERTS)
    counts = tell(config, moment, held, anomalies, facts, write, environment)
    wrong = [fact.text for of_condition in facts.values() for fact in of_condition]
    for text in wrong or ["runs come to their end"]:
        out.write(f"{visible(text)}\n")
    out.write("messages: " + ", ".join(f"{count} {word}" for word, count in counts.items()) + "\n")
