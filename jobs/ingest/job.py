"""Ingest: what landed becomes `backups` and `rejects`.

Structured Streaming knows which files are new. A batch is written such that doing it again changes nothing, and counts
as done only when every landed record is found again in one of the two tables.
"""

from __future__ import annotations

import sys
from collections import Counter

from pyspark.sql import DataFrame
from pyspark.sql import functions as F

from jobs import log
from jobs.config import Config
from jobs.files import list_names
from jobs.ingest import accounting, arrivals, canonical, records, typed
from jobs.store import Store, union_all
from jobs.tables import BACKUPS, REJECTS

FILE_COLUMNS = "path string, modificationTime timestamp, length bigint, content binary"
READER = "ingest"
CANONICAL = "canonical"  # the one folder of the landing that this version reads


def ingest(store: Store, config: Config) -> dict[str, int]:
    """Read what landed since the last time; return landed, backups, rejects and duplicates."""
    counts: Counter[str] = Counter(landed=0, backups=0, rejects=0, duplicates=0)
    folders = list_names(store.spark, config.landing)
    unread = [name for name in folders if name != CANONICAL]
    if unread:
        log.warn(
            "not read", folders=unread, todo=f"land records under {CANONICAL}/; this version reads no other folder"
        )
    if CANONICAL not in folders:
        return dict(counts)
    stream = (
        store.spark.readStream.format("binaryFile")
        .schema(FILE_COLUMNS)
        # Else a file whose time lies a week before the newest one's is never read.
        .options(recursiveFileLookup="true", maxFileAge="36500d")
        .load(f"{config.landing}/{CANONICAL}")
    )

    def handle(store: Store, frame: DataFrame, batch_id: int) -> None:
        with_bytes = {records.bare(row["path"]) for row in frame.collect()}
        paths = arrivals.batch_files(store, READER, batch_id)
        files = arrivals.sort_files(store.spark, paths, with_bytes, config.landing)
        counts.update(ingest_files(store, config, files))

    store.each_batch(stream.select("path"), READER, handle)
    return dict(counts)


def ingest_files(store: Store, config: Config, files: arrivals.Landed) -> dict[str, int]:
    """Write the records of some landed files into the tables; return what became of them."""
    rows, cut = _parse(store, config, files)
    by_source = accounting.count_by_source(rows)
    faults = files.faults + cut
    days = sorted({day for row in by_source for day in row["days"]})
    good = rows.where("fault IS NULL")
    expected, keys = sum(row["good"] for row in by_source), accounting.number_of_keys(good)
    winners = good if keys == expected else accounting.first_of_each_key(good)
    run_id = F.lit(store.run.run_id)
    inserted = store.insert_new(winners.drop("record", "fault").withColumn("run_id", run_id), BACKUPS, days)
    rejects = [
        accounting.rejects_of_faults(rows.where("fault IS NOT NULL")),
        accounting.rejects_of_files(store.spark, faults),
    ]
    if inserted < expected:  # else no key was held before, so the join could find nothing
        rejects.append(accounting.not_held_as_themselves(good, store.read(BACKUPS, days)))
    if expected < sum(row["landed"] for row in by_source) or faults or inserted < expected:
        store.insert_new(union_all(rejects).withColumn("run_id", run_id), REJECTS, days=None)
    landed_by_source = Counter({row["source"]: row["landed"] for row in by_source})
    landed_by_source.update(fault.source for fault in faults)
    counts = accounting.check_nothing_is_lost(landed_by_source, store.read(BACKUPS, days), store.read(REJECTS))
    return counts


def _parse(store: Store, config: Config, files: arrivals.Landed) -> tuple[DataFrame, list[arrivals.FileFault]]:
    """Parse the files once, kept for the writes that follow: their rows, and files that were cut.

    Strictly first: told to go on, Spark reads over a cut without a word.
    """
    for key, value in records.READING.items():
        store.spark.conf.set(key, value)
    try:
        rows, cut = _rows(store, config, files, tolerant=False), []
    except records.FAILED_READ:
        cut = arrivals.cut_files(store.spark, files, config.landing)
        rows = _rows(store, config, files, tolerant=True)
    for key in records.READING:
        store.spark.conf.unset(key)
    return rows, cut


def _rows(store: Store, config: Config, files: arrivals.Landed, tolerant: bool) -> DataFrame:
    landed = records.records_of(store.spark, files.lines, files.parquet, config.landing, tolerant)
    known = (config.tenants, store.run.moment, config.ingest.max_ahead_days)
    rows = store.staged(typed.typed(landed, *known))
    in_order = rows.where("is_in_order").drop("is_in_order").withColumn("fault", F.lit(None).cast(canonical.FAULT))
    others = rows.where("NOT is_in_order").select("source", "position", "record")
    if others.isEmpty():
        return in_order
    return in_order.unionByName(store.staged(canonical.parsed(others, *known)))


if __name__ == "__main__":
    from jobs.cli import main

    sys.exit(main(["ingest", *sys.argv[1:]]))
