"""Landed records into `backups` and `rejects`: done only when each is found again in one of the two."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta

from pyspark.sql import DataFrame, Row
from pyspark.sql import functions as F

from jobs.config import Config
from jobs.ingest import accounting, canonical, typed
from jobs.ingest.erased import without_erased
from jobs.ingest.file_changes import file_changes_of
from jobs.ingest.records import Reading, as_landed, union_all
from jobs.store import Store
from jobs.tables import BACKUPS, ERASED, FILE_CHANGES, REJECTS


def commit(store: Store, config: Config, landed: Sequence[Reading]) -> dict[str, int]:
    """Write landed records into the tables; return what became of them.

    Raises
    ------
    AccountingError
        A record is in neither table, or in both.
    """
    rows, by_source = _parsed(store, config, landed)
    if store.version(ERASED) >= 0:
        rows = without_erased(rows, store.read(ERASED), "ended_at")
        by_source = accounting.count_by_source(rows, F.col("fault").isNull())
    days = sorted({day for row in by_source for day in row["days"]})
    good = rows.where("fault IS NULL")
    expected, keys = sum(row["good"] for row in by_source), accounting.number_of_keys(good)
    winners = good if keys == expected else accounting.first_of_each_key(good)
    run_id = F.lit(store.run.run_id)
    if any(row["lists"] for row in by_source):  # before the backups: who sees one of these sees its list
        changes = file_changes_of(winners, store.read(BACKUPS, days)).withColumn("run_id", run_id)
        store.insert_new(changes, FILE_CHANGES, days)
    backups = winners.drop("record", "record_sha256", "fault", "file_changes").withColumn("run_id", run_id)
    inserted = store.insert_new(backups, BACKUPS, days)
    rejects = [accounting.rejects_of_faults(rows.where("fault IS NOT NULL"))]
    if inserted < expected:  # else no key was held before, so the join could find nothing
        rejects.append(accounting.not_held_as_themselves(good, store.read(BACKUPS, days), as_landed(landed)))
    landed_by_source = {row["source"]: row["landed"] for row in by_source}
    if expected < sum(landed_by_source.values()) or inserted < expected:
        store.insert_new(union_all(rejects).withColumn("run_id", run_id), REJECTS, days=None)
    return accounting.check_nothing_is_lost(landed_by_source, store.read(BACKUPS, days), store.read(REJECTS))


def latest_moment(store: Store, config: Config) -> datetime:
    """The last moment that is not taken for a wrong clock."""
    return store.run.moment + timedelta(days=config.ingest.max_ahead_days)


def _parsed(store: Store, config: Config, landed: Sequence[Reading]) -> tuple[DataFrame, list[Row]]:
    """Each record as a row of `backups` beside its fault, and counts by source; read at length only if not in order."""
    known = (config.tenants, store.run.moment, config.ingest.max_ahead_days)
    rows = store.staged(typed.typed(landed, *known, config.ingest.paths_per_backup))
    by_source = accounting.count_by_source(rows, F.col("is_in_order"))
    in_order = rows.where("is_in_order").drop("is_in_order", "refused")
    in_order = in_order.withColumn("fault", F.lit(None).cast(canonical.FAULT))
    if all(row["good"] == row["landed"] for row in by_source):
        return in_order, by_source
    others = rows.where("NOT is_in_order").select(
        "source", "position", "record", "record_sha256", "refused", "file_changes"
    )
    all_rows = in_order.unionByName(store.staged(canonical.parsed(others, *known)))
    return all_rows, accounting.count_by_source(all_rows, F.col("fault").isNull())
