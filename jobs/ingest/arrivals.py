"""Which files landed: what each is by its name, and what is wrong with it."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from urllib.parse import unquote

from pyspark.sql import SparkSession

from jobs.files import read_text
from jobs.ingest import records
from jobs.ingest.records import ParquetFiles, bare, source_of
from jobs.store import Store

LINES = (".jsonl", ".ndjson", ".json")
COMPRESSED = ("", ".gz", ".zst")
LINE_ENDINGS = tuple(kind + packed for kind in LINES for packed in COMPRESSED)
CUT = "the file can't be read to its end; what was readable is used, land the rest under a new name"


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
    parquet: list[ParquetFiles]
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
    groups, unopened = records.by_schema(spark, parquet)
    faults += [FileFault(source_of(path, landing), "unreadable", why) for path, why in unopened.items()]
    return Landed(lines, groups, faults)


def batch_files(store: Store, reader: str, batch_id: int) -> list[str]:
    """Addresses of all files of one batch of a file stream, empty and vanished ones included.

    Spark's file source keeps them in its checkpoint; the frame it hands over leaves out files without a byte.
    """
    base = store.checkpoint(reader)
    offsets = [read_text(store.spark, f"{base}/offsets/{number}") for number in (batch_id - 1, batch_id)]
    first, last = (json.loads(text.splitlines()[-1])["logOffset"] if text else -1 for text in offsets)
    found: list[str] = []
    for number in range(first + 1, last + 1):
        names = (f"{base}/sources/0/{number}", f"{base}/sources/0/{number}.compact")
        log = next(text for name in names if (text := read_text(store.spark, name)) is not None)
        entries = [json.loads(line) for line in log.splitlines()[1:]]
        found += [entry["path"] for entry in entries if entry["batchId"] == number]
    return found


def cut_files(spark: SparkSession, landed: Landed, landing: str) -> list[FileFault]:
    """The files that can't be read to their end; reads each once more, so ask only when reading them all failed."""
    paths = [*landed.lines, *(path for files in landed.parquet for path in files.paths)]
    cut = [path for path in paths if not records.reads_to_its_end(spark, path)]
    return [FileFault(source_of(path, landing), "unreadable", CUT) for path in cut]
