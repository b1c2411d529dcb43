"""Records of landed Parquet files: each row as JSON text, like a line."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass

import pyarrow as pa
import pyarrow.parquet as pq
from py4j.protocol import Py4JJavaError
from pyspark.errors import PySparkException
from pyspark.sql import Column, DataFrame, SparkSession
from pyspark.sql import functions as F

from jobs.files import SCHEME, as_named, bare, open_file
from jobs.ingest.records import FILE_CHANGES, REFUSED, union_all

# pandas writes nanoseconds, which Spark only takes as whole numbers.
NANOSECONDS_AS_NUMBERS = "spark.sql.legacy.parquet.nanosAsLong"
FAILED_READ = (PySparkException, Py4JJavaError)  # the second when no Python code knows the JVM's exception
NOT_PARQUET = "not a whole Parquet file; write it elsewhere, then rename it into place"
STRANGE_COLUMNS = "it has columns of a type that Spark can't read; write numbers, texts and times"
LOCAL_TIME = "its times have no zone; write them in UTC, with a zone"
MOMENTS = ("ended_at", "started_at")


@dataclass(frozen=True)
class ParquetFiles:
    """Parquet files of one schema; Spark takes one schema for all files of a read."""

    paths: list[str]
    has_nanoseconds: bool


def parquet_rows(spark: SparkSession, groups: Sequence[ParquetFiles], landing: str, tolerant: bool) -> DataFrame:
    """Every row of some Parquet files as JSON text in the columns of `records.LANDED`.

    A lazy frame. Acted on, it raises where a file is damaged; with `tolerant` it then gives what came before.
    """
    return union_all([_as_json(_opened(spark, files, tolerant), landing) for files in groups])


def reads_to_its_end(spark: SparkSession, path: str) -> bool:
    """Whether the Parquet file can be read to its end; reads it."""
    files = ParquetFiles([path], has_nanoseconds=False)
    try:
        _opened(spark, files, tolerant=False).write.format("noop").mode("overwrite").save()
    except FAILED_READ:
        return False
    return True


def by_schema(spark: SparkSession, paths: Sequence[str]) -> tuple[list[ParquetFiles], dict[str, str]]:
    """Parquet files grouped by schema, and those that can't be read with what is wrong."""
    groups: dict[pa.Schema, list[str]] = defaultdict(list)
    unread = {}
    for path in paths:
        try:
            with open_file(path) as stream:
                groups[pq.read_schema(stream).remove_metadata()].append(path)
        except (OSError, pa.ArrowException):
            unread[path] = NOT_PARQUET
    found = []
    for schema, held in groups.items():
        finest = [field.type for field in schema if pa.types.is_timestamp(field.type) and field.type.unit == "ns"]
        files = ParquetFiles(held, has_nanoseconds=bool(finest))
        if any(kind.tz is None for kind in finest):
            unread.update(dict.fromkeys(held, LOCAL_TIME))
        elif not _is_read_by_spark(spark, files):
            unread.update(dict.fromkeys(held, STRANGE_COLUMNS))
        else:
            found.append(files)
    return found, unread


def _is_read_by_spark(spark: SparkSession, files: ParquetFiles) -> bool:
    try:
        _opened(spark, ParquetFiles(files.paths[:1], files.has_nanoseconds), tolerant=False)
    except FAILED_READ:
        return False
    return True


def _opened(spark: SparkSession, files: ParquetFiles, tolerant: bool) -> DataFrame:
    spark.conf.set(NANOSECONDS_AS_NUMBERS, "true")
    reader = spark.read.options(ignoreCorruptFiles=str(tolerant).lower())
    rows = reader.parquet(*map(as_named, files.paths))
    return _in_microseconds(rows) if files.has_nanoseconds else rows


def _in_microseconds(rows: DataFrame) -> DataFrame:
    numbers = {field.name for field in rows.schema.fields if field.dataType.simpleString() == "bigint"}
    moments = numbers & set(MOMENTS)
    return rows.withColumns({name: F.timestamp_micros(F.floor(F.col(name) / 1000)) for name in sorted(moments)})


def _as_json(rows: DataFrame, landing: str) -> DataFrame:
    return rows.select(
        _source(landing),
        (F.col("_metadata.row_index") + 1).alias("position"),
        F.to_json(F.struct("*")).alias("record"),
        F.lit(None).cast("string").alias("record_sha256"),
        *(
            F.lit(None).cast(kind).alias(name)
            for name, _, kind in (REFUSED.partition(" "), FILE_CHANGES.partition(" "))
        ),
    )


def _source(landing: str) -> Column:
    # url_decode takes a plus sign for a space, which a file's address does not.
    address = F.url_decode(F.replace(F.col("_metadata.file_path"), F.lit("+"), F.lit("%2B")))
    folder = bare(landing).rstrip("/") + "/"
    return F.substring(F.regexp_replace(address, SCHEME, ""), len(folder) + 1, 1 << 30).alias("source")
