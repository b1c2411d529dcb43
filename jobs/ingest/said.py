"""What people said of anomalies and devices: done only when each is found again in its table or in `rejects`."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from pyspark.sql import DataFrame, Window
from pyspark.sql import functions as F

from jobs import device_note, verdict
from jobs.config import Config
from jobs.files import below
from jobs.ingest import accounting, records
from jobs.ingest.canonical import FAULT, tenant_of_prefix
from jobs.ingest.commit import latest_moment
from jobs.ingest.erased import without_erased
from jobs.ingest.sealed import Seals
from jobs.landed_words import RefusedError
from jobs.store import Store
from jobs.tables import DEVICE_NOTES, ERASED, FEEDBACK, REJECTS, Column, Table

PROVENANCE = ("source", "position", "run_id")
REFUSAL = "source string, position bigint, why string"


@dataclass(frozen=True)
class Kind:
    """One kind of what people say: its table, what reads a record of it, and what it is called where it is counted."""

    table: Table
    read: Callable[[bytes, str | None], Mapping[str, Any]]
    counted: str

    @property
    def said(self) -> list[Column]:
        """The columns that a record fills."""
        return [column for column in self.table.columns if column.name not in PROVENANCE]


KINDS = {
    verdict.FOLDER: Kind(FEEDBACK, verdict.verdict_of, "verdicts"),
    device_note.FOLDER: Kind(DEVICE_NOTES, device_note.note_of, "notes"),
}


def commit_said(store: Store, config: Config, kind: Kind, files: Sequence[str]) -> dict[str, int]:
    """Write what some landed files say into the tables; return what became of the records.

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
    rows = store.staged(parsed(landed, config.tenants, kind))
    if kind.table is DEVICE_NOTES:
        rows = without_conflicts(rows, store.read(DEVICE_NOTES))
    if store.version(ERASED) >= 0:
        rows = without_erased(rows, store.read(ERASED), "given_at")
    good = rows.where("fault IS NULL")
    run_id = F.lit(store.run.run_id)
    first = F.row_number().over(Window.partitionBy(*kind.table.key).orderBy("source", "position"))
    new = good.withColumns({"turn": first, "run_id": run_id}).where("turn = 1")
    store.insert_new(new.select(*kind.table.names), kind.table, days=None)
    held = store.read(kind.table)
    rejects = [accounting.rejects_of_faults(rows.where("fault IS NOT NULL")), held_already(good, held, kind)]
    store.insert_new(records.union_all(rejects).withColumn("run_id", run_id), REJECTS, days=None)
    by_source = Counter({row["source"]: row["count"] for row in rows.groupBy("source").count().collect()})
    counts = accounting.check_nothing_is_lost(by_source, held, store.read(REJECTS))
    return {kind.counted if name == "backups" else name: count for name, count in counts.items()}


def parsed(landed: DataFrame, tenants: Mapping[str, str], kind: Kind) -> DataFrame:
    """Each landed record as a row of its kind's table beside what is wrong with it.

    These are few, so plain Python reads them, which the command line shares. None is too late or too early: a run that
    takes an earlier moment for now may well read what was said after it.

    Returns
    -------
    DataFrame
        Columns of the table but run_id (null where it is no such record), `record`, `record_sha256`, and `fault`: a
        struct of reason, field and detail; null where the record is good.
    """

    def read(record: bytearray | None, prefix_tenant: str | None) -> Mapping[str, Any] | None:
        if record is None:  # refused unread
            return None
        try:
            return {**kind.read(bytes(record), prefix_tenant), "fault": None}
        except RefusedError as refused:
            fault = {"reason": refused.reason, "field": refused.field, "detail": refused.detail}
            return {**{column.name: None for column in kind.said}, "tenant_id": prefix_tenant, "fault": fault}

    shape = f"struct<{','.join(f'{column.name}:{column.type}' for column in kind.said)},fault:{FAULT}>"
    said = F.udf(lambda *landed: read(*landed), shape)(F.col("record").cast("binary"), tenant_of_prefix(tenants))
    rows = landed.withColumn("said", said)
    return rows.select(
        *[f"said.{column.name}" for column in kind.said],
        "source",
        "position",
        "record",
        "record_sha256",
        F.coalesce("refused", "said.fault").alias("fault"),
    )


def without_conflicts(rows: DataFrame, held: DataFrame) -> DataFrame:
    """The rows with a fault where a device would be renamed to something else than before, or back.

    Renames are few: they are compared one after another in plain Python. Left join on source and position, unique in
    both; a miss is a row that conflicts with nothing.
    """
    is_rename = F.col("word") == "rename"
    new = [row.asDict() for row in rows.where(F.col("fault").isNull() & is_rename).drop("fault").collect()]
    if not new:
        return rows
    known = [row.asDict() for row in held.where(is_rename).collect()]
    refused = [(*place, why) for place, why in device_note.refused_renames(new, known).items()]
    conflicts = rows.sparkSession.createDataFrame(refused, REFUSAL)
    fault = F.struct(
        F.lit("conflicting_record").alias("reason"), F.lit("new_device_id").alias("field"), F.col("why").alias("detail")
    )
    rows = rows.join(F.broadcast(conflicts), on=["source", "position"], how="left")
    return rows.withColumn("fault", F.coalesce("fault", F.when(F.col("why").isNotNull(), fault))).drop("why")


def held_already(good: DataFrame, held: DataFrame, kind: Kind) -> DataFrame:
    """Good rows whose key the table holds from another line: the columns of `rejects` but run_id."""
    is_same = F.lit(True)
    for name in (column.name for column in kind.said if column.name not in kind.table.key):
        is_same &= F.col(f"own.{name}").eqNullSafe(F.col(f"there.{name}"))
    said = ("another record of this moment says something else: ", "it is held already: ")
    return accounting.held_from_other_lines(good, held, list(kind.table.key), ~is_same, said, good)
