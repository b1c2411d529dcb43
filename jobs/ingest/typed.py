"""Records that are in order, read at once by their types: finding out what is wrong with one takes far longer."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from functools import reduce
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.json
from numpy.typing import NDArray
from pyspark.sql import DataFrame
from pyspark.sql import functions as F

from jobs.ingest.arrivals import tenant_of
from jobs.ingest.canonical import FIELDS, FIGURE_NAMES, LISTS, MOMENTS, OLDEST, TEXTS, TOTALS, extra
from jobs.ingest.listed_changes import with_own_lists
from jobs.ingest.records import FILE_CHANGES, REFUSED, Reading, union_all
from jobs.tables import BACKUP_KINDS, BACKUPS, STATUSES, UNSAID, WORDS

TYPES = (
    dict.fromkeys(TEXTS, pa.string())
    | dict.fromkeys(FIGURE_NAMES, pa.int64())
    | dict.fromkeys(LISTS, pa.list_(pa.string()))
)
AS_TYPED = pyarrow.json.ParseOptions(explicit_schema=pa.schema(TYPES), unexpected_field_behavior="ignore")
AT = pa.timestamp("us", "UTC")
# A narrower way of writing a moment than `canonical` takes, of which Arrow makes what Spark makes.
MOMENT = r"^\d{4}-\d\d-\d\d[T ]\d\d:\d\d:\d\d(\.\d{1,6})?(Z|[+-](0\d|1[0-7]):[0-5]\d)$"
READ = pa.schema(TYPES | dict.fromkeys(MOMENTS, AT) | dict.fromkeys(("is_readable", "has_further"), pa.bool_()))
FEWEST = 16  # lines; where so few can't be read at once, all of them are read at length
# What a task hands on of a record; its further fields are left to Spark.
COLUMNS = [f"{c.name} {c.type}" for c in BACKUPS.columns if c.name not in ("extra", "run_id")]
COLUMNS += [
    "record binary",
    "record_sha256 string",
    REFUSED,
    FILE_CHANGES,
    "is_in_order boolean",
    "has_further boolean",
]
NAMES = [column.partition(" ")[0] for column in COLUMNS]


def typed(
    landed: Sequence[Reading], tenants: Mapping[str, str], moment: datetime, max_ahead_days: int, most_paths: int = 0
) -> DataFrame:
    """Each landed record as a `backups` row, read at once by its types, and whether that is safe to use.

    Parameters
    ----------
    tenants, moment, max_ahead_days
        As in `jobs.ingest.canonical.parsed`.
    most_paths : int
        Of the changed paths that a record lists, so many are kept.

    Returns
    -------
    DataFrame
        Columns of `backups` but run_id, `record` (null where in order), `record_sha256`, `refused`, `file_changes`, and
        `is_in_order`: `parsed` would give the same row and no fault. Of the others, which are few, only what `records`
        held means anything.
    """
    latest = (moment + timedelta(days=max_ahead_days)).astimezone(UTC)
    known = (tenants, latest, most_paths)
    rows = union_all([read(lambda batch: typed_batch(batch, *known), ", ".join(COLUMNS)) for read in landed])
    rows = rows.withColumn("record", F.col("record").cast("string"))
    # Arrow skips what it does not look for; that it is JSON at all, Spark has to say.
    is_json = ~F.col("has_further") | F.json_object_keys("record").isNotNull()
    rows = rows.withColumn("is_in_order", F.col("is_in_order") & is_json)
    columns = {name: F.coalesce(name, F.array().cast("array<string>")) for name in LISTS}
    columns |= {"extra": F.when(F.col("has_further"), extra())}
    return rows.select(
        *[columns.get(name, F.col(name)).alias(name) for name in BACKUPS.names if name != "run_id"],
        F.when(~F.col("is_in_order"), F.col("record")).alias("record"),  # of the others it is half of what they weigh
        "record_sha256",
        "refused",
        "file_changes",
        "is_in_order",
    )


def typed_batch(
    batch: pa.RecordBatch, tenants: Mapping[str, str], latest: datetime, most_paths: int = 0
) -> pa.RecordBatch:
    """The same for a batch in the columns of `records.LANDED`: those of `COLUMNS`."""
    batch = with_own_lists(batch, most_paths)
    records = batch["record"].cast(pa.binary())
    said = _spread(records, pc.and_(pc.is_null(batch["refused"]), _is_object(records)))
    prefix_tenant = _tenant_of_prefix(batch["source"], tenants)
    words = {name: pc.coalesce(_text(said[name]), pa.scalar(UNSAID.get(name), pa.string())) for name in WORDS}
    words["tenant_id"] = pc.coalesce(prefix_tenant, words["tenant_id"])
    columns = said | words | {"day": said["ended_at"].cast(pa.date32())}
    is_own = pc.fill_null(pc.equal(prefix_tenant, said["tenant_id"]), True)
    is_in_order = pc.fill_null(pc.and_(_all([said["is_readable"], is_own]), _in_order(columns, latest)), False)
    has_further = pc.fill_null(said["has_further"], False)
    is_kept = pc.or_(pc.invert(is_in_order), has_further)
    columns |= {name: batch[name] for name in ("source", "position", "record_sha256", "refused", "file_changes")}
    columns |= {"record": pc.if_else(is_kept, records, None), "is_in_order": is_in_order, "has_further": has_further}
    return pa.RecordBatch.from_arrays([columns[name] for name in NAMES], NAMES)


def _spread(records: pa.Array, is_read: pa.Array) -> dict[str, pa.Array]:
    """Columns of `READ`, a row a record; null where it is not read, or could not be."""
    read = _read(records.filter(is_read))
    turn = pc.if_else(is_read, pc.subtract(pc.cumulative_sum(is_read.cast(pa.int32())), 1), None)
    return {name: read[name].combine_chunks().take(turn) for name in READ.names}


def _is_object(records: pa.Array) -> pa.Array:
    """Whether it begins and ends as an object. Of lines that do, none can be read as one with the next."""
    text = records.view(pa.string())  # of any bytes: only ASCII is looked for
    return pc.fill_null(pc.and_(pc.starts_with(text, "{"), pc.ends_with(pc.ascii_rtrim(text, " \t\r"), "}")), False)


def _read(lines: pa.Array) -> pa.Table:
    """Columns of `READ`, a row a line; null where a line, or one of the few beside it, can't be read at once."""
    try:
        return _read_at_once(lines)
    except pa.ArrowException:
        if len(lines) <= FEWEST:
            return pa.table([pa.nulls(len(lines), field.type) for field in READ], READ)
        half = len(lines) // 2
        return pa.concat_tables([_read(lines[:half]), _read(lines[half:])])


def _read_at_once(lines: pa.Array) -> pa.Table:
    lines.view(pa.string()).validate(full=True)  # Arrow's own reader takes any bytes for a text
    text = pc.binary_join(pa.ListArray.from_arrays([0, len(lines)], lines), b"\n")[0].as_buffer()
    in_one = pyarrow.json.ReadOptions(use_threads=False, block_size=text.size + 1)
    said = pyarrow.json.read_json(pa.BufferReader(text), in_one, AS_TYPED)
    if len(said) != len(lines):
        raise pa.ArrowInvalid("a line with more than one object")
    fields = reduce(pc.add, [pc.is_valid(said[name]).cast(pa.int32()) for name in FIELDS])
    has_further = pc.not_equal(pa.array(_most_keys(text, lines)), fields)  # as many keys as fields: no other field
    moments = {name: _moment(said[name]) for name in MOMENTS}
    is_readable = _all([pc.equal(pc.is_valid(said[name]), pc.is_valid(at)) for name, at in moments.items()])
    columns = {name: said[name] for name in TYPES} | moments | {"is_readable": is_readable, "has_further": has_further}
    return pa.table(columns, READ)


def _most_keys(text: pa.Buffer, lines: pa.Array) -> NDArray[np.int32]:
    """How many keys each line can have at most: colons after a quote or a blank, which texts may hold too."""
    letters = np.frombuffer(text, np.uint8)
    colons = np.flatnonzero(letters == ord(":"))
    before = letters[colons - 1]
    keys = colons[(before == ord('"')) | (before <= ord(" "))]
    ends = np.cumsum(pc.binary_length(lines).to_numpy() + 1)
    return np.diff(np.searchsorted(keys, ends), prepend=0).astype(np.int32)


def _moment(said: pa.ChunkedArray) -> pa.ChunkedArray:
    return pc.if_else(pc.match_substring_regex(said, MOMENT), said, None).cast(AT)


def _text(said: pa.Array) -> pa.Array:
    return pc.if_else(pc.not_equal(pc.ascii_trim(said, " "), ""), said, None)


def _tenant_of_prefix(sources: pa.Array, tenants: Mapping[str, str]) -> pa.Array:
    of_source = sources.dictionary_encode()
    found = [tenant_of(source, tenants) for source in of_source.dictionary.to_pylist()]
    return pa.array(found, pa.string()).take(of_source.indices)


def _in_order(columns: Mapping[str, Any], latest: datetime) -> pa.Array:
    """Conditions that no fault can pass; a record that fails them may yet be good."""
    ended_at, began = columns["ended_at"], pc.coalesce(columns["started_at"], columns["ended_at"])
    oldest, newest = (pa.scalar(moment, AT) for moment in (datetime.fromisoformat(OLDEST).replace(tzinfo=UTC), latest))
    smallest = pc.min_element_wise(*[columns[name] for name in FIGURE_NAMES])
    conditions = [
        *[pc.is_valid(columns[name]) for name in ("device_id", "backup_id")],
        pc.is_in(columns["status"], pa.array(STATUSES)),
        pc.is_in(columns["backup_kind"], pa.array(BACKUP_KINDS)),
        pc.greater_equal(began, oldest),
        pc.less_equal(began, ended_at),
        pc.less_equal(ended_at, newest),
        pc.coalesce(pc.greater_equal(smallest, 0), pc.equal(columns["status"], "failed")),
    ]
    for total, parts in TOTALS.items():
        rest = columns[total]
        for part in parts:  # one after the other: together they may be more than a number holds
            known = pc.fill_null(columns[part], 0)
            conditions.append(pc.fill_null(pc.greater_equal(rest, known), True))
            rest = pc.subtract(rest, known)
    return _all(conditions)


def _all(conditions: Sequence[Any]) -> Any:
    return reduce(pc.and_, conditions)
