"""The least that Spark can do for a stage: read what the stage reads, bring each device together, write it."""

from __future__ import annotations

from pyspark.sql import Column, DataFrame, SparkSession
from pyspark.sql import functions as F

from jobs.ddl import days_of, in_days, quoted
from jobs.store import Store
from jobs.tables import DEVICE, FIGURES, Table

DEVICE_NAMES = [column.name for column in DEVICE]
FIGURE_NAMES = [column.name for column in FIGURES]
LANDED = ", ".join(
    ["tenant_id string, product string, device_id string, backup_id string, backup_kind string, status string"]
    + ["started_at timestamp, ended_at timestamp"]
    + [f"{name} bigint" for name in FIGURE_NAMES]
)


def ingest(spark: SparkSession, landing: str, to: str) -> None:
    """Spark reads the JSON by a declared schema, checks it and appends it to Delta."""
    landed = spark.read.schema(LANDED).json(f"{landing}/canonical")
    known = landed.withColumn("day", F.to_date("ended_at"))
    known.where(_is_in_order()).write.format("delta").mode("append").save(to)


def features(fresh: DataFrame, to: str) -> None:
    """Spark reads backups, brings each device together in the order of time, and appends them to Delta."""
    _by_device(fresh).write.format("delta").mode("append").save(to)


def train(history: DataFrame, to: str) -> None:
    """Spark reads the history, brings each device together in the order of time, writes Parquet."""
    _by_device(history).write.mode("overwrite").parquet(to)


def score(judged: DataFrame, new: DataFrame, to: str) -> None:
    """Spark reads the backups to score, brings each device together in the order of time, writes Parquet.

    And a row for each device of how it stands, by all that is new: a first load judges the newest month of it.
    """
    _by_device(judged).write.mode("overwrite").parquet(f"{to}/scores")
    newest = new.groupBy(*DEVICE_NAMES).agg(F.min("ended_at"), F.max("ended_at"))
    newest.toDF(*DEVICE_NAMES, "first", "last").write.mode("overwrite").parquet(f"{to}/devices")


def rows_of_run(store: Store, table: Table) -> DataFrame:
    """Rows that the store's run wrote into the table, read as a stage reads them: by day."""
    written = store.read(table).where(f"run_id = {quoted(store.run.run_id)}")
    days = days_of(written)
    return store.read(table).where(in_days(F.col("day"), days))


def _is_in_order() -> Column:
    """The conditions of ingest, as simply as they can be said."""
    named = F.col("device_id").isNotNull() & F.col("backup_id").isNotNull() & F.col("ended_at").isNotNull()
    not_negative = F.least(*FIGURE_NAMES) >= 0
    adds_up = F.coalesce(F.col("files_total") >= F.col("files_added") + F.col("files_updated"), F.lit(True))
    return named & not_negative & adds_up & (F.col("ended_at") > F.lit("2000-01-01").cast("timestamp"))


def _by_device(rows: DataFrame) -> DataFrame:
    return rows.repartition(*DEVICE_NAMES).sortWithinPartitions(*DEVICE_NAMES, "ended_at")
