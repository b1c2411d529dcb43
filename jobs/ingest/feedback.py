"""Landed verdicts into `feedback`: done only when each is found again there or in `rejects`."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

from pyspark.sql import DataFrame, Window
from pyspark.sql import functions as F

from jobs.config import Config
from jobs.files import below
from jobs.ingest import accounting, records
from jobs.ingest.canonical import FAULT, tenant_of_prefix
from jobs.ingest.commit import latest_moment
from jobs.ingest.sealed import Seals
from jobs.store import Store
from jobs.tables import FEEDBACK, REJECTS
from jobs.verdict import RefusedError, verdict_of

KEY = list(FEEDBACK.key)
SAID = [column for column in FEEDBACK.columns if column.name not in ("source", "position", "run_id")]
READ = f"struct<{','.join(f'{column.name}:{column.type}' for column in SAID)},fault:{FAULT}>"
WHAT_IT_SAYS = ("verdict", "snooze_until", "given_by", "note")


def commit_verdicts(store: Store, config: Config, files: Sequence[str]) -> dict[str, int]:
    """Write the verdicts of some landed files into the tables; return what became of the records.

    Raises
    ------
    AccountingError
        A record is in neither table, or in both.
    """
    if not files:
        return {}
    latest = latest_moment(store, config)
    lines = [(below(path, config.landing), path) for path in files]
    landed = records.as_landed(
        [records.records_of(store.spark, lines, [], latest, Seals(config.sealed, config.tenants))]
    )
    rows = store.staged(parsed(landed, config.tenants))
    good = rows.where("fault IS NULL")
    run_id = F.lit(store.run.run_id)
    first = F.row_number().over(Window.partitionBy(*KEY).orderBy("source", "position"))
    new = good.withColumns({"turn": first, "run_id": run_id}).where("turn = 1")
    store.insert_new(new.select(*FEEDBACK.names), FEEDBACK, days=None)
    rejects = [accounting.rejects_of_faults(rows.where("fault IS NOT NULL")), held_already(good, store.read(FEEDBACK))]
    store.insert_new(records.union_all(rejects).withColumn("run_id", run_id), REJECTS, days=None)
    by_source = Counter({row["source"]: row["count"] for row in rows.groupBy("source").count().collect()})
    counts = accounting.check_nothing_is_lost(by_source, store.read(FEEDBACK), store.read(REJECTS))
    return {"verdicts" if name == "backups" else name: count for name, count in counts.items()}


def parsed(landed: DataFrame, tenants: Mapping[str, str]) -> DataFrame:
    """Each landed record as a row of `feedback` beside what is wrong with it.

    Verdicts are few, so plain Python reads them, which `uda feedback` shares. None is too late or too early: a run that
    takes an earlier moment for now may well read verdicts that were given after it.

    Returns
    -------
    DataFrame
        Columns of `feedback` but run_id (null where it is no verdict), `record`, `record_sha256`, and `fault`: a struct
        of reason, field and detail; null where the record is good.
    """

    def read(record: bytearray | None, prefix_tenant: str | None) -> Mapping[str, Any] | None:
        if record is None:  # refused unread
            return None
        try:
            return {**verdict_of(bytes(record), prefix_tenant), "fault": None}
        except RefusedError as refused:
            fault = {"reason": refused.reason, "field": refused.field, "detail": refused.detail}
            return {**{column.name: None for column in SAID}, "tenant_id": prefix_tenant, "fault": fault}

    said = F.udf(lambda *landed: read(*landed), READ)(F.col("record").cast("binary"), tenant_of_prefix(tenants))
    rows = landed.withColumn("said", said)
    return rows.select(
        *[f"said.{column.name}" for column in SAID],
        "source",
        "position",
        "record",
        "record_sha256",
        F.coalesce("refused", "said.fault").alias("fault"),
    )


def held_already(good: DataFrame, held: DataFrame) -> DataFrame:
    """Good rows whose key `feedback` holds from another line: the columns of `rejects` but run_id."""
    is_same = F.lit(True)
    for name in WHAT_IT_SAYS:
        is_same &= F.col(f"own.{name}").eqNullSafe(F.col(f"there.{name}"))
    said = ("another verdict of this moment says something else: ", "the verdict is held already: ")
    return accounting.held_from_other_lines(good, held, KEY, ~is_same, said, good)
