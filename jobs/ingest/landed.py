"""Which files landed, and their records: one JSON text a record, with the file and the row that it came from."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from functools import reduce
from urllib.parse import unquote

from py4j.protocol import Py4JJavaError
from pyspark.errors import PySparkException
from pyspark.sql import Column, DataFrame, DataFrameReader, SparkSession
from pyspark.sql import functions as F

# A file is read by one task from its first byte, so that a row's number in the task is its number in the file. Both
# settings above any file's size keep Spark from splitting a file and from packing two into one task.
ONE_FILE_A_TASK = {"spark.sql.files.maxPartitionBytes": str(1 << 42), "spark.sql.files.openCostInBytes": str(1 << 42)}
ROW_IN_TASK = (1 << 33) - 1  # the low bits of monotonically_increasing_id
LINES = (".jsonl", ".ndjson", ".json")
COMPRESSED = ("", ".gz", ".zst")
LINE_ENDINGS = tuple(kind + packed for kind in LINES for packed in COMPRESSED)
SCHEME = "^[a-z0-9]+:/+|^/+"  # file:, file:// or s3a://, whichever of Spark's ways of writing an address
FAILED_READ = (PySparkException, Py4JJavaError)  # the second when no Python code knows the JVM's exception
RECORDS = "source string, position bigint, record string"


@dataclass(frozen=True)
class FileFault:
    """A file that could not be used, whole or in part."""

    source: str
    reason: str
    detail: str


@dataclass(frozen=True)
class Landed:
    """The files of one batch."""

    lines: list[str]
    parquet: list[list[str]]  # by schema
    faults: list[FileFault]


def sort_files(spark: SparkSession, paths: Sequence[str], with_bytes: set[str], landing: str) -> Landed:
    """Tell files apart by their ending, and Parquet files by schema; those that won't open become faults.

    Parameters
    ----------
    paths : sequence of str
        Every file of the batch, as addresses with percent escapes.
    with_bytes : set of str
        Those of them that are there and not empty, bare and without escapes.
    landing : str
        The folder whose name a source leaves out.
    """
    lines: list[str] = []
    parquet: list[str] = []
    faults: list[FileFault] = []
    for escaped in sorted(paths):
        path = unquote(escaped)
        source = source_of(path, landing)
        name = path.rpartition("/")[2].lower()
        if ":" in source:
            detail = "a name with a colon can't be read by Hadoop; rename the file and land it again"
            faults.append(FileFault(source, "unreadable", detail))
        elif bare(path) not in with_bytes:
            detail = "the file has no byte, or was gone; write it elsewhere, then rename it into place"
            faults.append(FileFault(source, "empty", detail))
        elif name.endswith(LINE_ENDINGS):
            lines.append(path)
        elif name.endswith(".parquet"):
            parquet.append(path)
        else:
            detail = f"the name must end in {', '.join(LINE_ENDINGS)} or .parquet"
            faults.append(FileFault(source, "unknown_shape", detail))
    groups, unopened = _by_schema(spark, parquet, landing)
    return Landed(lines, groups, faults + unopened)


def source_of(address: str, landing: str) -> str:
    """The part of a file's address (not escaped) below the landing folder."""
    return bare(address).removeprefix(_folder(landing))


def bare(address: str) -> str:
    """An address without its scheme, which Spark writes in more than one way."""
    return re.sub(SCHEME, "", address)


def _folder(landing: str) -> str:
    return bare(landing).rstrip("/") + "/"


def records_of(spark: SparkSession, landed: Landed, landing: str, tolerant: bool) -> DataFrame:
    """Every record of the batch's files as source, position (from 1) and record.

    A lazy frame. Acted on, it raises where a file ends too early; with `tolerant` it then gives what came before.
    """
    frames = [spark.createDataFrame([], RECORDS)]
    frames += [_lines(_reader(spark, tolerant).text([_as_named(path) for path in landed.lines]), landing)] if landed.lines else []
    frames += [_rows(_reader(spark, tolerant).parquet(*map(_as_named, paths)), landing) for paths in landed.parquet]
    return reduce(DataFrame.union, frames)


def cut_files(spark: SparkSession, landed: Landed, landing: str) -> list[FileFault]:
    """The files that can't be read to their end; reads each once more, so ask only when reading them all failed."""
    detail = "the file can't be read to its end; what was readable is used, land the rest under a new name"
    paths = [*landed.lines, *(path for group in landed.parquet for path in group)]
    return [FileFault(source_of(p, landing), "unreadable", detail) for p in paths if not _reads(spark, p)]


def _reads(spark: SparkSession, path: str) -> bool:
    reader = _reader(spark, tolerant=False)
    read = reader.parquet if path.lower().endswith(".parquet") else reader.text
    try:
        read(_as_named(path)).write.format("noop").mode("overwrite").save()
    except FAILED_READ:
        return False
    return True


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


def _by_schema(spark: SparkSession, paths: list[str], landing: str) -> tuple[list[list[str]], list[FileFault]]:
    """Parquet files grouped by schema (Spark takes one schema for all files of a read), and those that won't open."""
    groups: dict[str, list[str]] = defaultdict(list)
    faults = []
    detail = "not a whole Parquet file; write it elsewhere, then rename it into place"
    for path in paths:
        try:
            groups[_reader(spark, tolerant=False).parquet(_as_named(path)).schema.json()].append(path)
        except FAILED_READ:
            faults.append(FileFault(source_of(path, landing), "unreadable", detail))
    return list(groups.values()), faults
