"""A history that is too large for one process: read, judged and tallied on Spark, in parts with whole devices."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from pathlib import Path

import pyarrow as pa
from pyspark import StorageLevel
from pyspark.sql import DataFrame, SparkSession
from pyspark.sql import functions as F
from pyspark.sql.pandas.types import from_arrow_schema

from jobs.backtest.changes import DEVICE
from jobs.backtest.reading import SCHEMA, Piece, pieces_of, read_piece, refuse
from jobs.backtest.rows import SCORES
from jobs.backtest.tally import Tally, packed, together, unpacked
from jobs.errors import UdaError

ROWS_A_PART = 100_000  # backups and what-if rows that a worker holds at once: some 150 MB
IS_WHAT_IF, FAULT, TALLY = "is_what_if", "fault", "tally"
READ = pa.schema([*SCHEMA, (IS_WHAT_IF, pa.bool_()), (FAULT, pa.string())])
JUDGED = pa.schema([*SCORES, (FAULT, pa.string()), (TALLY, pa.binary())])
Judge = Callable[[pa.Table, pa.Table | None], tuple[pa.Table, Tally]]


def judge_fleet(spark: SparkSession, backups: Path, what_if: Path | None, judge: Judge, out: Path) -> Tally:
    """Write the scores of a history into the folder `out`, which must not be there yet, and return their tally.

    Parameters
    ----------
    backups, what_if : Path
        Files or folders that every worker can read.
    judge : function
        From backups and what-if rows (None: none) of whole devices to their scores, in the columns of
        `jobs.backtest.rows.SCORES`, and their tally.
    out : Path
        A folder that every worker can write.

    Raises
    ------
    UdaError
        An input can't be read, or holds what is no backup; nothing is written then.
    """
    rows = _read(spark, backups, is_what_if=False)
    rows = rows.unionAll(_read(spark, what_if, is_what_if=True)) if what_if else rows
    rows = rows.persist(StorageLevel.DISK_ONLY)
    refuse(_faults(rows))
    count = rows.count()
    if not count:
        raise UdaError(f"{backups}: there is no backup in it")
    parts = max(count // ROWS_A_PART + 1, spark.sparkContext.defaultParallelism)
    judged = _judged(rows.drop(FAULT), parts, judge).persist(StorageLevel.DISK_ONLY)
    refuse(_faults(judged))
    judged.where(F.col(TALLY).isNull()).select(*SCORES.names).write.parquet(str(out.resolve()))
    tallies = judged.where(F.col(TALLY).isNotNull()).select(TALLY).toArrow()
    return together(unpacked(each.as_py()) for each in tallies[TALLY])


def _read(spark: SparkSession, path: Path, is_what_if: bool) -> DataFrame:
    """Rows of all files, and a row for each fault in them."""
    pieces = pieces_of(path.resolve())
    listed = [(str(piece.file), piece.group) for piece in pieces]

    def read(batches: Iterable[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
        for batch in batches:
            for file, group in zip(*(column.to_pylist() for column in batch.columns), strict=True):
                yield from _piece(Piece(Path(file), group), is_what_if).to_batches()

    frame = spark.createDataFrame(listed, "file string, row_group int").repartition(len(pieces))
    return frame.mapInArrow(read, from_arrow_schema(READ))


def _piece(piece: Piece, is_what_if: bool) -> pa.Table:
    try:
        rows, faults = read_piece(piece, is_what_if)
    except UdaError as error:
        rows, faults = SCHEMA.empty_table(), str(error).splitlines()
    rows = rows.append_column(IS_WHAT_IF, pa.array([is_what_if] * len(rows), pa.bool_()))
    return pa.concat_tables([_in_columns(rows, READ), _in_columns(pa.table({FAULT: faults}), READ)])


def _judged(rows: DataFrame, parts: int, judge: Judge) -> DataFrame:
    """Scores of every row, and a row more a part with its tally or what is wrong with it."""

    def judge_part(batches: Iterable[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
        held = list(batches)
        if held:
            yield from _part(pa.Table.from_batches(held), judge).to_batches()

    return rows.repartition(parts, *DEVICE).mapInArrow(judge_part, from_arrow_schema(JUDGED))


def _part(rows: pa.Table, judge: Judge) -> pa.Table:
    is_what_if = rows[IS_WHAT_IF].combine_chunks()
    of_what_if = rows.filter(is_what_if).select(SCHEMA.names).combine_chunks()
    backups = rows.filter(pa.compute.invert(is_what_if)).select(SCHEMA.names).combine_chunks()
    try:
        scores, tally = judge(backups, of_what_if if len(of_what_if) else None)
    except UdaError as error:
        return _in_columns(pa.table({FAULT: [str(error)]}), JUDGED)
    return pa.concat_tables([_in_columns(scores, JUDGED), _in_columns(pa.table({TALLY: [packed(tally)]}), JUDGED)])


def _in_columns(rows: pa.Table, schema: pa.Schema) -> pa.Table:
    """The rows in these columns; null where they have none."""
    held = rows.schema.names
    return pa.table(
        [rows[each.name].cast(each.type) if each.name in held else pa.nulls(len(rows), each.type) for each in schema],
        schema=schema,
    )


def _faults(rows: DataFrame) -> list[str]:
    """What is wrong, each thing once."""
    told = rows.where(F.col(FAULT).isNotNull()).select(FAULT).distinct().orderBy(FAULT)
    return [row[FAULT] for row in told.collect()]
