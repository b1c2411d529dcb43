"""What became of every landed record: backup, reject or duplicate, and proof that nothing was lost."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from pyspark.sql import Column, DataFrame, Row, Window
from pyspark.sql import functions as F

from jobs.ddl import quoted
from jobs.errors import AccountingError
from jobs.ingest.canonical import disagree_on_counts
from jobs.ingest.stems import KEPT
from jobs.tables import BACKUPS

KEY = list(BACKUPS.key)


def count_by_source(rows: DataFrame, is_good: Column) -> list[Row]:
    """For each landed file: records landed, good ones, those with a list of paths, and days; costs one action."""
    counts = rows.groupBy("source").agg(
        F.count("*").alias("landed"),
        F.count_if(is_good).alias("good"),
        F.count_if(is_good & F.col("file_changes").isNotNull()).alias("lists"),
        F.collect_set(F.when(is_good, F.col("day"))).alias("days"),
    )
    return counts.collect()


def number_of_keys(good: DataFrame) -> int:
    """How many backups the good rows are about; costs one action.

    Hashes are counted instead of keys: of ten million keys two share one once in a million runs, and then only the
    slower way is taken.
    """
    found = good.agg(F.count_distinct(F.xxhash64(*BACKUPS.key)).alias("keys")).first()
    return int(found["keys"]) if found else 0


def first_of_each_key(good: DataFrame) -> DataFrame:
    """Of rows with the same key, the one of the first file and line: the choice does not depend on partitions."""
    order = Window.partitionBy(*KEY).orderBy("source", "position")
    return good.withColumn("turn", F.row_number().over(order)).where("turn = 1").drop("turn")


def not_held_as_themselves(good: DataFrame, held: DataFrame, landed: DataFrame) -> DataFrame:
    """Good rows whose key `backups` holds from another line: the columns of `rejects` but run_id.

    `landed` has the records, which of a conflict are read again, as few are in one.
    """
    said = ("another record of this backup has other counts: ", "the backup is held already: ")
    is_conflict = disagree_on_counts("own", "there")
    return held_from_other_lines(good, held.select(*BACKUPS.names), KEY, is_conflict, said, landed)


def held_from_other_lines(
    good: DataFrame, held: DataFrame, key: Sequence[str], is_conflict: Column, said: tuple[str, str], landed: DataFrame
) -> DataFrame:
    """Good rows whose key a table holds from another line: the columns of `rejects` but run_id.

    Inner join on the key, of which `held` has each once. A row that is held from its own line is no reject: the run was
    killed after writing it, or the file was read again. Left join with `landed`, the records, on source and position.

    Parameters
    ----------
    is_conflict : Column
        Whether the rows aliased `own` and `there` say different things.
    said : tuple of str
        What is said of a conflict and of a duplicate, before the place of the line that is held.
    """
    own, there = good.alias("own"), held.alias("there")
    same_key = [F.col(f"own.{name}") == F.col(f"there.{name}") for name in key]
    other_line = (F.col("own.source") != F.col("there.source")) | (F.col("own.position") != F.col("there.position"))
    at = F.concat_ws(" line ", "there.source", "there.position")
    found = own.join(there, on=same_key, how="inner").where(other_line)
    found = found.select(
        "own.source", "own.position", "own.tenant_id", is_conflict.alias("is_conflict"), at.alias("at")
    )
    records = landed.select("source", "position", "record")
    is_conflict = F.col("is_conflict")
    return found.join(records, on=["source", "position"], how="left").select(
        "source",
        "position",
        F.when(is_conflict, "conflicting_record").otherwise("duplicate").alias("reason"),
        F.lit(None).cast("string").alias("field"),
        F.concat(F.when(is_conflict, said[0]).otherwise(said[1]), "at").alias("detail"),
        "tenant_id",
        *_kept(F.when(is_conflict, F.col("record")), F.lit(None).cast("string")),
    )


def rejects_of_faults(faulty: DataFrame) -> DataFrame:
    """Rows with a fault as the columns of `rejects` but run_id."""
    return faulty.select(
        "source",
        "position",
        "fault.reason",
        "fault.field",
        "fault.detail",
        "tenant_id",
        *_kept(F.col("record"), F.col("record_sha256")),
    )


def _kept(record: Column, sha256: Column) -> list[Column]:
    is_short = F.octet_length(record) <= KEPT
    return [
        F.when(is_short, F.make_valid_utf8(record)).alias("record"),
        F.coalesce(sha256, F.when(~is_short, F.sha2(record, 256))).alias("record_sha256"),
    ]


def held_runs(backups: DataFrame, rejects: DataFrame, sources: Sequence[str]) -> dict[str, bool]:
    """Of some runs of tools those that the tables hold, and whether each was read with its exit status.

    A run that was read without it, once nothing had been written to it for long, can't take in files that come later.
    """
    runs = backups.sparkSession.createDataFrame([(source,) for source in sources], "source string")
    has_exit = F.get_json_object("extra", "$.exit_status").isNotNull()
    marked = backups.select("source", has_exit.alias("has_exit")).unionByName(
        rejects.select("source", (~F.col("reason").isin("truncated", "empty")).alias("has_exit"))
    )
    held = marked.join(F.broadcast(runs), on="source", how="left_semi")
    return {
        row["source"]: row["has_exit"]
        for row in held.groupBy("source").agg(F.bool_or("has_exit").alias("has_exit")).collect()
    }


def check_nothing_is_lost(landed: Mapping[str, int], backups: DataFrame, rejects: DataFrame) -> dict[str, int]:
    """Count what the tables hold of each landed file, and compare with what landed.

    Parameters
    ----------
    landed : mapping
        Records by source; a file that could not be read to its end counts one more.
    backups, rejects : DataFrame
        The tables, cut to where rows of these sources can be.

    Returns
    -------
    dict
        landed, backups, rejects (duplicates aside) and duplicates, over all sources.

    Raises
    ------
    AccountingError
        For a source the three do not add up; it names the first ones.
    """
    sources = ", ".join(quoted(source) for source in landed)
    marked = backups.select("source", F.lit("backups").alias("became")).unionByName(
        rejects.select(
            "source", F.when(F.col("reason") == "duplicate", "duplicates").otherwise("rejects").alias("became")
        )
    )
    held = marked.where(f"source IN ({sources})")
    found = {(row["source"], row["became"]): row["count"] for row in held.groupBy("source", "became").count().collect()}
    kinds = ("backups", "rejects", "duplicates")
    wrong = [s for s, count in landed.items() if count != sum(found.get((s, kind), 0) for kind in kinds)]
    if wrong:
        shown = "; ".join(
            f"{s!r}: {landed[s]} landed, " + ", ".join(f"{found.get((s, kind), 0)} {kind}" for kind in kinds)
            for s in wrong[:3]
        )
        raise AccountingError(f"records of {len(wrong)} landed files do not add up: {shown}; please report this")
    totals = {kind: sum(found.get((s, kind), 0) for s in landed) for kind in kinds}
    return {"landed": sum(landed.values()), **totals}
