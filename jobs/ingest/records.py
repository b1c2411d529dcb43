"""Records of landed files: one JSON text a record, with the file and the row that it came from."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from functools import reduce

from py4j.protocol import Py4JJavaError
from pyspark.errors import PySparkException
from pyspark.sql import Column, DataFrame, DataFrameReader, SparkSession
from pyspark.sql import functions as F

# A file is read by one task from its first byte, so that a row's number in the task is its number in the file. Both
# settings above any file's size keep Spark from splitting a file and from packing two into one task.
READING = {"spark.sql.files.maxPartitionBytes": str(1 << 42), "spark.sql.files.openCostInBytes": str(1 << 42)}
# pandas writes nanoseconds, which Spark only takes as whole numbers.
NANOSECONDS_AS_NUMBERS = "spark.sql.legacy.parquet.nanosAsLong"
READING[NANOSECONDS_AS_NUMBERS] = "true"
ROW_IN_TASK = (1 << 33) - 1  # the low bits of monotonically_increasing_id
SCHEME = "^[a-z0-9]+:/+|^/+"  # file:, file:// or s3a://, whichever of Spark's ways of writing an address
FAILED_READ = (PySparkException, Py4JJavaError)  # the second when no Python code knows the JVM's exception
RECORDS = "source string, position bigint, record string"
NOT_PARQUET = "not a whole Parquet file; write it elsewhere, then rename it into place"
LOCAL_TIME = "its times have no zone; write them in UTC, with a zone"
MOMENTS = ("ended_at", "started_at")


@dataclass(frozen=True)
class ParquetFiles:
    """Parquet files of one schema; Spark takes one schema for all files of a read."""

    paths: list[str]
    has_nanoseconds: bool


def records_of(
    spark: SparkSession, lines: Sequence[str], parquet: Sequence[ParquetFiles], landing: str, tolerant: bool
) -> DataFrame:
    """Every record of some files as source, position (from 1) and record.

    A lazy frame. Acted on, it raises where a file ends too early; with `tolerant` it then gives what came before.

    Parameters
    ----------
    lines : sequence of str
        Files of JSON Lines.
    parquet : sequence of ParquetFiles
        The others.
    landing : str
        The folder whose name a source leaves out.
    """
    frames = [spark.createDataFrame([], RECORDS)]
    if lines:
        frames.append(_lines(_reader(spark, tolerant).text([_as_named(path) for path in lines]), landing))
    for files in parquet:
        rows = _reader(spark, tolerant).parquet(*map(_as_named, files.paths))
        frames.append(_rows(_in_microseconds(rows) if files.has_nanoseconds else rows, landing))
    # One task a file is one output a file; thousands of small ones would cost more than what is in them.
    most_tasks = max(64, 2 * spark.sparkContext.defaultParallelism)
    return reduce(DataFrame.union, frames).coalesce(most_tasks)


def reads_to_its_end(spark: SparkSession, path: str) -> bool:
    """Whether the file can be read to its end; reads it."""
    reader = _reader(spark, tolerant=False)
    read = reader.parquet if path.lower().endswith(".parquet") else reader.text
    try:
        read(_as_named(path)).write.format("noop").mode("overwrite").save()
    except FAILED_READ:
        return False
    return True


def by_schema(spark: SparkSession, paths: Sequence[str]) -> tuple[list[ParquetFiles], dict[str, str]]:
    """Parquet files grouped by schema, and those that won't open with what is wrong."""
    groups: dict[tuple[str, bool], list[str]] = defaultdict(list)
    unopened = {}
    for path in paths:
        try:
            groups[_schema(spark, path), False].append(path)
        except FAILED_READ as error:
            if "TIMESTAMP(NANOS,true)" in str(error):
                spark.conf.set(NANOSECONDS_AS_NUMBERS, "true")
                groups[_schema(spark, path), True].append(path)
                spark.conf.unset(NANOSECONDS_AS_NUMBERS)
            else:
                unopened[path] = LOCAL_TIME if "TIMESTAMP(NANOS,false)" in str(error) else NOT_PARQUET
    return [ParquetFiles(held, has_nanoseconds) for (_, has_nanoseconds), held in groups.items()], unopened


def _schema(spark: SparkSession, path: str) -> str:
    return _reader(spark, tolerant=False).parquet(_as_named(path)).schema.json()


def _in_microseconds(rows: DataFrame) -> DataFrame:
    numbers = {field.name for field in rows.schema.fields if field.dataType.simpleString() == "bigint"}
    moments = numbers & set(MOMENTS)
    return rows.withColumns({name: F.timestamp_micros(F.floor(F.col(name) / 1000)) for name in sorted(moments)})


def bare(address: str) -> str:
    """An address without its scheme, which Spark writes in more than one way."""
    return re.sub(SCHEME, "", address)


def source_of(address: str, landing: str) -> str:
    """The part of a file's address (not escaped) below the landing folder."""
    return bare(address).removeprefix(_folder(landing))


def _folder(landing: str) -> str:
    return bare(landing).rstrip("/") + "/"


def _reader(spark: SparkSession, tolerant: bool) -> DataFrameReader:
    return spark.read.options(ignoreCorruptFiles=str(tolerant).lower())


def _as_named(path: str) -> str:
    """The address with the characters of a glob pattern escaped: a file's name is its name."""
    return re.sub(r"([*?\[\]{}\\,^])", r"\\\1", path)


def _lines(lines: DataFrame, landing: str) -> DataFrame:
    position = F.monotonically_increasing_id().bitwiseAND(F.lit(ROW_IN_TASK)) + 1
    numbered = lines.select(_source(landing), position.alias("position"), F.col("value").alias("record"))
    return numbered.where(F.col("record").startswith("{") | (F.trim("record", F.lit(" \t\r")) != ""))


def _rows(rows: DataFrame, landing: str) -> DataFrame:
    position = F.col("_metadata.row_index") + 1
    return rows.select(_source(landing), position.alias("position"), F.to_json(F.struct("*")).alias("record"))


def _source(landing: str) -> Column:
    address, folder = F.col("_metadata.file_path"), _folder(landing)
    # url_decode takes a plus sign for a space, which a file's address does not.
    decoded = F.url_decode(F.replace(address, F.lit("+"), F.lit("%2B")))
    below = F.substring(F.regexp_replace(decoded, SCHEME, ""), len(folder) + 1, 1 << 30)
    # Row by row that is a third of reading a record; most addresses have nothing to decode.
    plain = F.substring(address, F.locate(folder, address) + len(folder), F.lit(1 << 30))
    return F.when(address.contains("%"), below).otherwise(plain).alias("source")
