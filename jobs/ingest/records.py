"""Records of landed files: one JSON text a record, with where it came from, and why it is refused if it is."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import date, datetime
from functools import reduce
from itertools import chain
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from pyspark.sql import DataFrame, SparkSession
from pyspark.sql import functions as F

from jobs.ingest.arrivals import is_sealed
from jobs.ingest.outcomes import Outcome, RefusedError
from jobs.ingest.products import READERS
from jobs.ingest.readers import git
from jobs.ingest.sealed import Seals, open_records, outcomes_of, pairs_of
from jobs.ingest.stems import Fault, Stem
from jobs.ingest.unpack import CutOffError, Opened, Overlong, Source, line_arrays

REFUSED = "refused struct<reason:string,field:string,detail:string>"
CHANGED = "struct<path:string,change:string,bytes:bigint,extension:string>"
FILE_CHANGES = f"file_changes struct<listed:bigint,paths:array<{CHANGED}>>"
LANDED = f"source string, position bigint, record string, record_sha256 string, {REFUSED}, {FILE_CHANGES}"
LONGEST_RECORD = 16 << 20  # bytes; a thousand times what a record with many further fields has
ROWS_A_BATCH = 10_000
BYTES_A_BATCH = 32 << 20
# Landed records, read as often as it is called: what a function makes of each batch of them, in the given columns.
Reading = Callable[[Callable[[pa.RecordBatch], pa.RecordBatch], str], DataFrame]
Row = tuple[str, int, bytes | None, str | None, dict[str, str | None] | None, dict[str, Any] | None]
PATH = {"path": pa.string(), "change": pa.string(), "bytes": pa.int64(), "extension": pa.string()}
ROW = pa.schema(
    [
        ("source", pa.string()),
        ("position", pa.int64()),
        ("record", pa.binary()),
        ("record_sha256", pa.string()),
        ("refused", pa.struct([("reason", pa.string()), ("field", pa.string()), ("detail", pa.string())])),
        ("file_changes", pa.struct({"listed": pa.int64(), "paths": pa.list_(pa.struct(PATH))})),
    ]
)


def records_of(
    spark: SparkSession,
    files: Sequence[tuple[str, str]],
    stems: Sequence[Stem],
    latest: datetime,
    seals: Seals,
    most_paths: int = 0,
) -> Reading:
    """Every record of some files of JSON Lines and runs of tools.

    Python tasks read them, each file or run in one: Spark's own text source can neither say where a packed file breaks
    off nor stand a line of a gigabyte. What is made of a record is made there too, before it crosses to the JVM.

    Parameters
    ----------
    files : sequence of (source, address)
        Files of JSON Lines.
    latest : datetime
        The last moment that is not taken for a wrong clock.
    seals : Seals
        Opens what is sealed, in the task; it holds where keys are, and no key.
    most_paths : int
        Of the changed paths that a run lists, so many are kept.
    """
    tasks = [json.dumps({"kind": "lines", "source": source, "address": address}) for source, address in files]
    tasks += [_stem_task(replace(stem, most_paths=most_paths)) for stem in stems]
    # One task a file is one output a file; thousands of small ones would cost more than what is in them.
    partitions = min(len(tasks), max(64, 2 * spark.sparkContext.defaultParallelism))

    def read(each: Callable[[pa.RecordBatch], pa.RecordBatch], columns: str) -> DataFrame:
        def run(batches: Iterable[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
            for batch in batches:
                of_tasks = (_batches_of(json.loads(task), latest, seals) for task in batch.column(0).to_pylist())
                yield from map(each, _put_together(chain.from_iterable(of_tasks)))

        frame = spark.createDataFrame([(task,) for task in tasks], "task string").repartition(max(1, partitions))
        return frame.mapInArrow(run, columns)

    return read


def refused_rows(spark: SparkSession, refused: Mapping[str, Fault]) -> Reading:
    """Files that are refused as a whole, by source; position 0 is the file itself."""
    return rows_landed(spark, [_row(source, 0, fault) for source, fault in refused.items()])


def rows_landed(spark: SparkSession, rows: Sequence[Row]) -> Reading:
    """Rows, at least one."""
    return frame_landed(spark.createDataFrame(pa.Table.from_batches([_batch(rows)])))


def frame_landed(frame: DataFrame) -> Reading:
    """Rows of a frame in the columns of `LANDED`."""
    return lambda each, columns: frame.mapInArrow(lambda batches: map(each, batches), columns)


def as_landed(landed: Sequence[Reading]) -> DataFrame:
    """All landed records as they are, in the columns of `LANDED`."""
    columns = LANDED.replace("record string", "record binary")
    rows = union_all([read(_with_bytes, columns) for read in landed])
    return rows.withColumn("record", F.col("record").cast("string"))


def rows_of_stem(product: str, stem: Stem, latest: datetime, seals: Seals) -> Iterator[Row]:
    """What the product's reader makes of a run; its records are numbered from 1."""
    for position, outcome in enumerate(outcomes_of(READERS[product], stem, latest, seals), start=1):
        yield _row(stem.source, position, outcome)


def rows_of_clone(folder: Path, device_id: str, until: date, since: date | None, prefix: str) -> Iterator[Row]:
    """A row a day for a git repository, or for a folder of it, from `since` on and before `until`."""
    for source, outcome in git.read(folder, device_id, until, since, prefix):
        yield _row(source, 0 if isinstance(outcome, Fault) else 1, outcome)


def _stem_task(stem: Stem) -> str:
    zone = stem.time_zone.key if stem.time_zone else None
    said: dict[str, Any] = {
        "source": stem.source,
        "device_id": stem.device_id,
        "files": dict(stem.files),
        "time_zone": zone,
    }
    said |= {"product": stem.product, "started_at": stem.started_at.isoformat(), "most_paths": stem.most_paths}
    return json.dumps({"kind": "stem", **said})


def _batches_of(task: dict[str, Any], latest: datetime, seals: Seals) -> Iterator[pa.RecordBatch]:
    kind = task.pop("kind")
    if kind == "lines":
        try:
            yield from _line_batches(task["source"], _file(task["source"], task["address"], seals))
        except RefusedError as error:
            yield _batch([_row(task["source"], 0, error.fault)])
    else:
        zone = ZoneInfo(task["time_zone"]) if task["time_zone"] else None
        started_at = datetime.fromisoformat(task["started_at"])
        stem = Stem(task["source"], task["device_id"], started_at, task["files"], zone, task["most_paths"])
        yield from _batches(rows_of_stem(task["product"], stem, latest, seals))


def _file(source: str, address: str, seals: Seals) -> Source:
    return open_records(address, source, LONGEST_RECORD, seals) if is_sealed(address) else address


def _line_batches(source: str, file: Source) -> Iterator[pa.RecordBatch]:
    """The lines of a file, numbered from 1; blank ones are no records."""
    number = 0
    try:
        for lines in line_arrays(file, LONGEST_RECORD):
            if isinstance(lines, Overlong):
                number += 1
                detail = f"the line has more than {LONGEST_RECORD >> 20} MiB; write one record a line"
                too_long = {"reason": "too_long", "field": None, "detail": detail}
                yield _batch([(source, number, None, lines.sha256, too_long, None)])
            else:
                batch = _numbered(lines, source, number)
                yield _only_objects(batch) if isinstance(file, Opened) else batch
                number += len(lines)
        if not number:
            detail = "the file has no byte; write it elsewhere, then rename it into place"
            yield _batch([_row(source, 0, Fault("empty", detail))])
    except CutOffError as error:
        yield _batch([_row(source, 0, Fault("unreadable", str(error)))])


def _numbered(lines: pa.BinaryArray, source: str, before: int) -> pa.RecordBatch:
    """Lines as rows, column by column: as tuples they would cost more than reading what is in them."""
    count = len(lines)
    positions = pa.array(np.arange(before + 1, before + count + 1))
    columns = [pa.repeat(source, count), positions, lines, *(pa.nulls(count, field.type) for field in list(ROW)[3:])]
    is_blank = pc.equal(pc.binary_length(pc.ascii_trim(lines.view(pa.string()), " \t\r")), 0)
    return pa.RecordBatch.from_arrays(columns, schema=ROW).filter(pc.invert(is_blank))


def _only_objects(batch: pa.RecordBatch) -> pa.RecordBatch:
    """Rows, refused where the line is no strict JSON object: only with one could the seal's context be compared."""
    fault = {"reason": "bad_json", "field": None, "detail": "not one JSON object; write one object a line"}
    refused = [fault if pairs_of(line) is None else None for line in batch["record"].to_pylist()]
    at = batch.schema.get_field_index("refused")
    return batch.set_column(at, batch.schema.field(at), pa.array(refused, batch.schema.field(at).type))


def _row(source: str, position: int, outcome: Outcome) -> Row:
    if not isinstance(outcome, Fault):
        record = {name: value for name, value in outcome.items() if name != "file_changes"}
        return source, position, json.dumps(record).encode(), None, None, outcome.get("file_changes")
    refused = {"reason": outcome.reason, "field": outcome.field, "detail": outcome.detail}
    return source, position, outcome.text, outcome.sha256, refused, None


def _batches(rows: Iterable[Row]) -> Iterator[pa.RecordBatch]:
    held: list[Row] = []
    size = 0
    for row in rows:
        held.append(row)
        size += len(row[2] or b"") + sum(len(changed["path"]) for changed in (row[5] or {}).get("paths", ()))
        if len(held) == ROWS_A_BATCH or size > BYTES_A_BATCH:
            yield _batch(held)
            held, size = [], 0
    if held:
        yield _batch(held)


def _put_together(batches: Iterable[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
    """The same rows in larger batches: what is made of one with a single row costs as much as of a hundred."""
    held: list[pa.RecordBatch] = []
    rows = size = 0
    for batch in batches:
        held.append(batch)
        rows, size = rows + batch.num_rows, size + batch.nbytes
        if rows >= ROWS_A_BATCH or size > BYTES_A_BATCH:
            yield held[0] if len(held) == 1 else pa.concat_batches(held)
            held, rows, size = [], 0, 0
    if held:
        yield pa.concat_batches(held)


def _with_bytes(batch: pa.RecordBatch) -> pa.RecordBatch:
    # Bytes until Spark has it: a record need not be UTF-8, and Arrow would refuse such a text.
    return batch.set_column(batch.schema.get_field_index("record"), "record", batch["record"].cast(pa.binary()))


def _batch(rows: Sequence[Row]) -> pa.RecordBatch:
    return pa.RecordBatch.from_arrays(
        [pa.array(column, f.type) for column, f in zip(zip(*rows, strict=True), ROW, strict=True)], schema=ROW
    )


def union_all(frames: Sequence[DataFrame]) -> DataFrame:
    """One frame of all rows of frames with the same columns."""
    return reduce(DataFrame.unionByName, frames)
