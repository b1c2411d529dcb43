"""Records of landed files: one JSON text a record, with the file and the row that it came from."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Sequence
from functools import reduce

from py4j.protocol import Py4JJavaError
from pyspark.errors import PySparkException
from pyspark.sql import Column, DataFrame, DataFrameReader, SparkSession
from pyspark.sql import functions as F

# A file is read by one task from its first byte, so that a row's number in the task is its number in the file. Both
# settings above any file's size keep Spark from splitting a file and from packing two into one task.
ONE_FILE_A_TASK = {"spark.sql.files.maxPartitionBytes": str(1 << 42), "spark.sql.files.openCostInBytes": str(1 << 42)}
ROW_IN_TASK = (1 << 33) - 1  # the low bits of monotonically_increasing_id
SCHEME = "^[a-z0-9]+:/+|^/+"  # file:, file:// or s3a://, whichever of Spark's ways of writing an address
FAILED_READ = (PySparkException, Py4JJavaError)  # the second when no Python code knows the JVM's exception
RECORDS = "source string, position bigint, record string"


def records_of(
    spark: SparkSession, lines: Sequence[str], parquet: Sequence[Sequence[str]], landing: str, tolerant: bool
) -> DataFrame:
    """Every record of some files as source, position (from 1) and record.

    A lazy frame. Acted on, it raises where a file ends too early; with `tolerant` it then gives what came before.

    Parameters
    ----------
    lines : sequence of str
        Files of JSON Lines.
    parquet : sequence of sequence of str
        Parquet files, those of one schema together.
    landing : str
        The folder whose name a source leaves out.
    """
    frames = [spark.createDataFrame([], RECORDS)]
    if lines:
        frames.append(_lines(_reader(spark, tolerant).text([_as_named(path) for path in lines]), landing))
    frames += [_rows(_reader(spark, tolerant).parquet(*map(_as_named, paths)), landing) for paths in parquet]
    return reduce(DataFrame.union, frames)


def reads_to_its_end(spark: SparkSession, path: str) -> bool:
    """Whether the file can be read to its end; reads it."""
    reader = _reader(spark, tolerant=False)
    read = reader.parquet if path.lower().endswith(".parquet") else reader.text
    try:
        read(_as_named(path)).write.format("noop").mode("overwrite").save()
    except FAILED_READ:
        return False
    return True


def by_schema(spark: SparkSession, paths: Sequence[str]) -> tuple[list[list[str]], list[str]]:
    """Parquet files grouped by schema (Spark takes one schema for all files of a read), and those that won't open."""
    groups: dict[str, list[str]] = defaultdict(list)
    unopened = []
    for path in paths:
        try:
            groups[_reader(spark, tolerant=False).parquet(_as_named(path)).schema.json()].append(path)
        except FAILED_READ:
            unopened.append(path)
    return list(groups.values()), unopened


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
    return numbered.where(F.trim("record", F.lit(" \t\r")) != "")


def _rows(rows: DataFrame, landing: str) -> DataFrame:
    position = F.col("_metadata.row_index") + 1
    return rows.select(_source(landing), position.alias("position"), F.to_json(F.struct("*")).alias("record"))


def _source(landing: str) -> Column:
    # url_decode takes a plus sign for a space, which a file's address does not.
    address = F.url_decode(F.replace(F.col("_metadata.file_path"), F.lit("+"), F.lit("%2B")))
    bare = F.regexp_replace(address, SCHEME, "")
    return F.substring(bare, len(_folder(landing)) + 1, 1 << 30).alias("source")
