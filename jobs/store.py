"""The lake: the only reads and writes. What `jobs.tables` declares is enforced here, both ways.

Every write can be repeated: doing it again changes nothing. A table is a Delta table in a folder of the lake, of a kind
that Spark, delta-rs and DuckDB all open (reader protocol 1: no deletion vectors, classic checkpoints).
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import date

import pyarrow as pa
from deltalake import DeltaTable
from pyspark import StorageLevel
from pyspark.errors import StreamingQueryException
from pyspark.sql import DataFrame, SparkSession
from pyspark.sql import functions as F

from jobs.ddl import check_columns, create_statement, days_sql, in_days, quoted, same_key, type_of
from jobs.errors import SchemaError
from jobs.few_rows import Rows, append_rows, upsert_rows, vacuum_files
from jobs.files import arrow_folder, delta_rs_address, list_names, read_text, remove_unfinished
from jobs.run import Run
from jobs.tables import Table


@dataclass(frozen=True)
class Store:
    """A lake, seen by one run."""

    spark: SparkSession
    lake: str
    run: Run

    def path(self, table: Table) -> str:
        """Address of the table's folder."""
        return f"{self.lake}/{table.name}"

    def _sql_name(self, table: Table) -> str:
        return f"delta.`{self.path(table).replace('`', '``')}`"

    def read(self, table: Table, days: Sequence[date] | None = None, since: date | None = None) -> DataFrame:
        """The table's rows, of the given days or since one, if any are given.

        Raises
        ------
        SchemaError
            The stored columns are not the declared ones.
        """
        self.make_if_missing(table)
        rows = self.spark.read.format("delta").load(self.path(table))
        check_columns(rows.schema, table, f"{table.name} in {self.lake}")
        if days is not None:
            rows = rows.where(in_days(F.col("day"), days))
        return rows if since is None else rows.where(F.col("day") >= F.lit(since))

    def version(self, table: Table) -> int:
        """Delta version of the table now; -1 where it does not exist yet."""
        commits = [name.removesuffix(".json") for name in list_names(self.spark, f"{self.path(table)}/_delta_log")]
        return max((int(number) for number in commits if number.isdigit()), default=-1)

    def batches(self, table: Table, *columns: str) -> Iterator[pa.RecordBatch]:
        """Some columns of all rows, without Spark, so many rows at a time as fit into memory."""
        self.make_if_missing(table)
        held = DeltaTable(delta_rs_address(self.path(table)))
        yield from held.to_pyarrow_dataset(filesystem=arrow_folder(self.path(table))).to_batches(columns=list(columns))

    def holds_any(self, table: Table, days: Sequence[date] | None = None, since: date | None = None) -> bool:
        """Whether the table has a row, of the given days or since one; of one just made it is known without a query."""
        return not self._is_bare(table) and not self.read(table, days, since).isEmpty()

    def first_and_last_day(self, table: Table) -> tuple[date, date] | None:
        """Of what the table holds; None while it is empty. Answered from the table's statistics."""
        if self._is_bare(table):
            return None
        days = self.read(table).agg(F.min("day").alias("first"), F.max("day").alias("last")).first()
        return (days["first"], days["last"]) if days and days["first"] else None

    def each_new(self, table: Table, reader: str, handle: Callable[[Store, DataFrame], None]) -> None:
        """Call `handle` with the keys of rows inserted into `table` that `reader` has not handled; not at all if none.

        A stream over what is there now, batch by batch, which remembers in the lake how far it came. A batch counts as
        handled once `handle` returns; killed before, it comes again with the same rows. Later corrections of rows are
        not new rows. Keys alone: a stream reads all columns that it names, needed or not.
        """
        self.make_if_missing(table)
        rows = self.spark.readStream.format("delta").option("skipChangeCommits", "true").load(self.path(table))
        failures: list[Exception] = []

        def handle_batch(keys: DataFrame, _: int) -> None:
            try:
                if not keys.isEmpty():  # a commit that only puts small files together comes as a batch without rows
                    handle(replace(self, spark=keys.sparkSession), keys)
            except Exception as error:  # carried over the JVM as it is: the stream would turn it into text
                failures.append(error)
                raise

        query = (
            rows.select(*table.key)
            .writeStream.foreachBatch(handle_batch)
            .option("checkpointLocation", f"{self.lake}/_checkpoints/{reader}")
            .trigger(availableNow=True)
            .start()
        )
        try:
            query.awaitTermination()
        except StreamingQueryException:
            if failures:
                raise failures[0] from None
            raise

    def insert_new(self, frame: DataFrame, table: Table, days: Sequence[date] | None) -> int:
        """Insert the rows whose key the table does not hold; return how many.

        Parameters
        ----------
        frame : DataFrame
            The table's columns, any order; no key twice.
        days : sequence of date or None
            Every day in the frame, so that Delta reads those days only; None for a table without days.

        Raises
        ------
        SchemaError
            Columns or types differ from the declared ones.
        """
        if not self.holds_any(table, days):  # nothing to compare with
            return self._append(frame, table)
        on = same_key(table.key) + (f" AND {days_sql('t.day', days)}" if days is not None else "")
        inserted = self._merge(frame, table, on, "WHEN NOT MATCHED THEN INSERT *")
        return int(inserted["num_inserted_rows"])

    def correct(self, frame: DataFrame, table: Table, days: Sequence[date]) -> int:
        """Give rows that the table holds the frame's values where they differ; return how many."""
        others = [name for name in table.names if name not in (*table.key, "run_id")]
        differs = " OR ".join(f"NOT t.{name} <=> s.{name}" for name in others)
        on = f"{same_key(table.key)} AND {days_sql('t.day', days)}"
        updated = self._merge(frame, table, on, f"WHEN MATCHED AND ({differs}) THEN UPDATE SET *")
        return int(updated["num_updated_rows"])

    def upsert(self, frame: DataFrame, table: Table) -> int:
        """Insert new rows, and give held ones the frame's values where they differ; return how many were touched."""
        if not self.holds_any(table):
            return self._append(frame, table)
        others = [name for name in table.names if name not in table.key and "map<" not in type_of(table, name)]
        differs = " OR ".join(f"NOT t.{name} <=> s.{name}" for name in others)
        then = f"WHEN MATCHED AND ({differs}) THEN UPDATE SET * WHEN NOT MATCHED THEN INSERT *"
        return int(self._merge(frame, table, same_key(table.key), then)["num_affected_rows"])

    def slices(self, table: Table) -> list[str]:
        """Values of the table's partition column that it holds rows of."""
        (column,) = table.partition_by
        return [row[column] for row in self.read(table).select(column).distinct().collect()]

    def replace_slice(self, frame: DataFrame, table: Table, value: str) -> None:
        """Replace all rows whose partition column is `value` with the frame, whole or not at all."""
        (column,) = table.partition_by
        self.make_if_missing(table)
        check_columns(frame.schema, table, f"rows for {table.name}")
        rows = frame.select(*table.names).write.format("delta").mode("overwrite")
        rows = rows.option("userMetadata", self.run.run_id)
        rows.option("replaceWhere", f"{column} = {quoted(value)}").save(self.path(table))

    def delete_slice(self, table: Table, value: str) -> None:
        """Delete all rows whose partition column is `value`."""
        (column,) = table.partition_by
        self.spark.sql(f"DELETE FROM {self._sql_name(table)} WHERE {column} = {quoted(value)}")

    def append(self, rows: Rows, table: Table) -> None:
        """Append rows in one commit, without Spark; see `jobs.few_rows`."""
        self.make_if_missing(table)
        append_rows(self.lake, rows, table)

    def upsert_few(self, rows: Rows, table: Table) -> None:
        """Insert rows, or put them in the place of those that are held under their keys; as `append`, without Spark."""
        self.make_if_missing(table)
        upsert_rows(self.lake, rows, table)

    def erase(self, table: Table, condition: str) -> None:
        """Delete the rows for which an SQL condition holds; no commit where it holds for none."""
        if not self.read(table).where(condition).isEmpty():
            self.spark.sql(f"DELETE FROM {self._sql_name(table)} WHERE {condition}")

    def vacuum(self, table: Table) -> None:
        """Remove every file that only earlier versions of the table need: none of these can be read any more."""
        if not table.cluster_by:  # a table that is may be written by Spark alone
            vacuum_files(self.lake, table)
            return
        self.spark.conf.set("spark.databricks.delta.retentionDurationCheck.enabled", "false")
        self.spark.sql(f"VACUUM {self._sql_name(table)} RETAIN 0 HOURS")
        self.spark.conf.unset("spark.databricks.delta.retentionDurationCheck.enabled")

    def staged(self, frame: DataFrame) -> DataFrame:
        """The frame's rows, computed once and kept on the disks of Spark's executors for as long as they are used.

        A lazy frame that is acted on twice is computed twice; a cached one is planned anew with every action.
        """
        return frame.localCheckpoint(eager=True, storageLevel=StorageLevel.DISK_ONLY)

    def _append(self, frame: DataFrame, table: Table) -> int:
        """Append all rows in one commit; return how many, which the commit itself says."""
        self.make_if_missing(table)
        check_columns(frame.schema, table, f"rows for {table.name}")
        before = self.version(table)
        rows = frame.select(*table.names).write.format("delta").mode("append")
        rows.option("userMetadata", self.run.run_id).save(self.path(table))
        after = self.version(table)
        if after == before:  # Delta commits nothing for a frame without rows
            return 0
        commit = read_text(self.spark, self._commit(table, after)) or ""
        said = next(json.loads(line)["commitInfo"] for line in commit.splitlines() if line.startswith('{"commitInfo"'))
        return int(said["operationMetrics"]["numOutputRows"])

    def _merge(self, frame: DataFrame, table: Table, on: str, then: str) -> dict[str, int]:
        self.make_if_missing(table)
        check_columns(frame.schema, table, f"rows for {table.name}")
        # A view of the frame's own session: inside a stream's batch that is not the session of the store.
        session = frame.sparkSession
        session.conf.set("spark.databricks.delta.commitInfo.userMetadata", self.run.run_id)
        view = f"rows_for_{table.name}"
        frame.select(*table.names).createOrReplaceTempView(view)
        done = session.sql(f"MERGE INTO {self._sql_name(table)} AS t USING {view} AS s ON {on} {then}").first()
        session.catalog.dropTempView(view)
        return done.asDict() if done else {}

    def _is_bare(self, table: Table) -> bool:
        """Nothing was written into the table since it was made; a copied one has rows in its first commit."""
        if (version := self.version(table)) != 0:
            return version < 0
        made = (read_text(self.spark, self._commit(table, 0)) or "").splitlines()
        return not any(line.startswith('{"add"') for line in made)

    def _commit(self, table: Table, version: int) -> str:
        return f"{self.path(table)}/_delta_log/{version:020}.json"

    def make_if_missing(self, table: Table) -> None:
        """Make the table in Delta, empty, where it does not exist."""
        if self.version(table) < 0:
            # A call killed before the first commit leaves a folder, and Delta takes any folder for a table.
            remove_unfinished(self.spark, f"{self.path(table)}/_delta_log")
            if list_names(self.spark, self.path(table)):
                raise SchemaError(f"{self.path(table)} holds files but no table: move them away")
            self.spark.sql(create_statement(table, self._sql_name(table)))
