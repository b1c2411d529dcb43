"""A canonical record, as JSON text, becomes a `backups` row or a fault: a reason, the field, and what to do."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta
from functools import reduce
from operator import or_

from pyspark.sql import Column, DataFrame
from pyspark.sql import functions as F

from jobs.ingest.listed_changes import FIELD
from jobs.tables import BACKUP_KINDS, BACKUPS, COUNTS, FIGURES, STATUSES, UNSAID, WORDS

FIGURE_NAMES = tuple(column.name for column in FIGURES)
MOMENTS = ("started_at", "ended_at")
TEXTS = (*WORDS, *MOMENTS)
LISTS = ("derived", "upper_bound")
FIELDS = (*TEXTS, *FIGURE_NAMES, *LISTS)
# Every field is read as text first: a value of the wrong type is then seen and named, where a typed schema would
# silently make it null.
AS_TEXT = ", ".join(f"`{name}` STRING" for name in (*FIELDS, "_corrupt"))
# A total after the backup holds what the backup added and updated.
TOTALS = {"files_total": ("files_added", "files_updated"), "bytes_total": ("bytes_uploaded",)}
FAULT = "struct<reason:string,field:string,detail:string>"
MOMENT = r"^\d{4}-\d\d-\d\d[T ]\d\d:\d\d(:\d\d(\.\d+)?)?"
ZONE = r"(Z|z|[+-]\d\d:?\d\d)$"
OLDEST = "2000-01-01"  # no backup product in use kept its records before; a 1970 is a clock that was never set


def parsed(records: DataFrame, tenants: Mapping[str, str], moment: datetime, max_ahead_days: int) -> DataFrame:
    """Each landed record as a `backups` row beside what is wrong with it.

    Parameters
    ----------
    records : DataFrame
        source, position, record (JSON text, one object), record_sha256, refused: a fault found in reading it, and
        file_changes, which is handed on.
    tenants : mapping
        Landing prefix to tenant.
    moment : datetime
        What the run takes for now; an end more than `max_ahead_days` after it is a fault.

    Returns
    -------
    DataFrame
        Columns of `backups` but run_id (null where they can't be read), `record`, `record_sha256`, and `fault`: a
        struct of reason, field and detail; null where the record is good.
    """
    fields = records.select(
        "source",
        "position",
        "record",
        "record_sha256",
        "refused",
        "file_changes",
        F.is_valid_utf8("record").alias("is_utf8"),
        F.from_json("record", AS_TEXT, {"columnNameOfCorruptRecord": "_corrupt"}).alias("said"),
    )
    fields = fields.select("*", "said.*").drop("said")
    prefix_tenant = tenant_of_prefix(tenants)
    typed = fields.select(
        "source",
        "position",
        "record",
        "record_sha256",
        "refused",
        "file_changes",
        F.when(~F.col("is_utf8"), "bad_encoding").when(_is_no_object(), "bad_json").alias("unreadable"),
        prefix_tenant.alias("prefix_tenant"),
        F.col("tenant_id").alias("said_tenant"),
        *_words(prefix_tenant),
        *[F.struct(F.col(name).alias("said"), _moment_of(name).alias("at")).alias(name) for name in MOMENTS],
        *[F.struct(F.col(name).alias("said"), _whole(name).alias("n")).alias(name) for name in FIGURE_NAMES],
        *[F.struct(F.col(name).alias("said"), _names(name).alias("names")).alias(name) for name in LISTS],
        extra().alias("extra"),
    )
    faults = [
        *_text_faults(),
        *_moment_faults(moment + timedelta(days=max_ahead_days)),
        *_figure_faults(),
        *_sum_faults(),
    ]
    return typed.withColumn("fault", F.coalesce("refused", *faults)).select(
        *_backup_columns(), "record", "record_sha256", "file_changes", "fault"
    )


def _words(prefix_tenant: Column) -> list[Column]:
    """The columns of words, from what the record says; `prefix_tenant` null: the record's own tenant counts."""
    said = {name: F.coalesce(_text(name), F.lit(UNSAID.get(name))) for name in WORDS}
    said["tenant_id"] = F.coalesce(prefix_tenant, said["tenant_id"])
    return [column.alias(name) for name, column in said.items()]


def _backup_columns() -> list[Column]:
    unfolded = {"day": F.to_date("ended_at.at"), "ended_at": F.col("ended_at.at"), "started_at": F.col("started_at.at")}
    unfolded |= {name: F.col(f"{name}.n") for name in FIGURE_NAMES}
    unfolded |= {name: F.coalesce(f"{name}.names", F.array().cast("array<string>")) for name in LISTS}
    return [unfolded.get(name, F.col(name)).alias(name) for name in BACKUPS.names if name != "run_id"]


def _is_no_object() -> Column:
    return F.col("_corrupt").isNotNull() | ~F.ltrim("record").startswith("{")


def _text(name: str) -> Column:
    return F.when(F.trim(name) != "", F.col(name))


def _whole(name: str) -> Column:
    # 12.0 is what a data frame with a gap in the column prints for 12; the slow decimal is only for those.
    exact = F.col(name).try_cast("decimal(38,6)")
    return F.coalesce(F.col(name).try_cast("bigint"), F.when(exact == F.floor(exact), exact.try_cast("bigint")))


def _moment_of(name: str) -> Column:
    """A moment from its text; null where it is not written as one, or without a zone."""
    return F.when(F.col(name).rlike(MOMENT + ZONE), F.col(name).try_cast("timestamp"))


def _names(name: str) -> Column:
    return F.when(F.col(name).isNotNull(), F.from_json(name, "array<string>"))


def extra() -> Column:
    """The record's other fields as one JSON object; null: none."""
    known = F.array(*[F.lit(name) for name in (*FIELDS, FIELD)])
    further = F.size(F.array_except(F.json_object_keys("record"), known)) > 0
    everything = F.from_json("record", "map<string,string>")
    kept = F.map_filter(everything, lambda key, _: ~F.array_contains(known, key))
    return F.when(further, F.to_json(kept))


def tenant_of_prefix(tenants: Mapping[str, str]) -> Column:
    """The tenant to whom the source's landing prefix belongs; null: to none."""
    found = F.lit(None).cast("string")
    for prefix in sorted(tenants, key=len):  # the longest prefix is asked first, so it is wrapped last
        folder = prefix.strip("/") + "/"
        found = F.when(F.col("source").startswith(folder), F.lit(tenants[prefix])).otherwise(found)
    return found


def _fault(when: Column, reason: str, field: str | None, detail: str | Column) -> Column:
    text = F.lit(detail) if isinstance(detail, str) else detail
    return F.when(
        when, F.struct(F.lit(reason).alias("reason"), F.lit(field).cast("string").alias("field"), text.alias("detail"))
    )


def _said(name: str, wanted: str) -> Column:
    shown = F.substring(F.coalesce(F.col(f"{name}.said"), F.lit("null")), 1, 100)
    return F.concat(F.lit(f"{name} must be {wanted}, got "), shown)


def _text_faults() -> list[Column]:
    foreign = F.col("said_tenant").isNotNull() & (F.col("said_tenant") != F.col("prefix_tenant"))
    faults = [
        _fault(F.col("unreadable") == "bad_encoding", "bad_encoding", None, "not UTF-8; write the record in UTF-8"),
        _fault(F.col("unreadable") == "bad_json", "bad_json", None, "not one JSON object; write one object a line"),
        _fault(
            foreign,
            "foreign_tenant",
            "tenant_id",
            "tenant_id is not the tenant of this landing prefix; land it under its own",
        ),
    ]
    faults += [
        _fault(F.col(name).isNull(), "missing_field", name, f"{name} is missing; every record needs it")
        for name in ("device_id", "backup_id")
    ]
    for name, words in (("status", STATUSES), ("backup_kind", BACKUP_KINDS)):
        wanted = f"{name} must be one of {', '.join(words)}; got "
        detail = F.concat(F.lit(wanted), F.substring(name, 1, 100))
        faults.append(_fault(~F.col(name).isin(*words), "bad_value", name, detail))
    return faults


def _moment_faults(latest: datetime) -> list[Column]:
    faults = [
        _fault(
            F.col("ended_at.said").isNull(), "missing_field", "ended_at", "ended_at is missing; every record needs it"
        )
    ]
    for name in ("ended_at", "started_at"):
        said, at = F.col(f"{name}.said"), F.col(f"{name}.at")
        has_no_zone = said.rlike(MOMENT + "$")
        outside = (at < F.lit(OLDEST).cast("timestamp")) | (at > F.lit(latest.isoformat()).cast("timestamp"))
        faults += [
            _fault(has_no_zone, "no_time_zone", name, _said(name, "UTC or have an offset such as +02:00")),
            _fault(said.isNotNull() & at.isNull(), "bad_time", name, _said(name, "like 2025-03-02T21:15:15Z")),
            _fault(
                outside,
                "bad_time",
                name,
                _said(name, f"after {OLDEST} and not in the future; check the device's clock"),
            ),
        ]
    is_reversed = F.col("started_at.at") > F.col("ended_at.at")
    return [*faults, _fault(is_reversed, "bad_time", "started_at", _said("started_at", "no later than ended_at"))]


def _figure_faults() -> list[Column]:
    faults = []
    for name in FIGURE_NAMES:
        said, number = F.col(f"{name}.said"), F.col(f"{name}.n")
        faults.append(
            _fault(said.isNotNull() & number.isNull(), "bad_number", name, _said(name, "a whole number below 2^63"))
        )
        faults.append(_fault(number < 0, "negative", name, _said(name, "0 or more; leave it out where it is unknown")))
    for name in LISTS:
        not_a_list = F.col(f"{name}.said").isNotNull() & F.col(f"{name}.names").isNull()
        faults.append(_fault(not_a_list, "bad_value", name, _said(name, "a list of field names")))
    nothing = F.coalesce(*[F.col(f"{name}.n") for name in FIGURE_NAMES]).isNull() & (F.col("status") != "failed")
    return [
        *faults,
        _fault(nothing, "no_figures", None, "no count and no byte figure; give at least one, or status failed"),
    ]


def _sum_faults() -> list[Column]:
    """Totals smaller than their parts; figures that are upper bounds prove nothing."""
    faults = []
    for total, parts in TOTALS.items():
        together = reduce(F.try_add, [F.coalesce(f"{part}.n", F.lit(0)) for part in parts])
        is_exact = ~F.arrays_overlap(
            F.coalesce("upper_bound.names", F.array().cast("array<string>")), F.array(*[F.lit(name) for name in parts])
        )
        wanted = f"at least {' + '.join(parts)}"
        faults.append(
            _fault(is_exact & (F.col(f"{total}.n") < together), "total_below_parts", total, _said(total, wanted))
        )
    return faults


def disagree_on_counts(one: str, other: str) -> Column:
    """Whether two rows of the same backup, aliased `one` and `other`, both print an exact count that differs."""

    def exact(alias: str, name: str) -> Column:
        marked = F.array_union(f"{alias}.derived", f"{alias}.upper_bound")
        return F.when(~F.array_contains(marked, name), F.col(f"{alias}.{name}"))

    # dirs_total is left out: tools count the source's own parents now and then.
    counts = [column.name for column in COUNTS if column.name != "dirs_total"]
    differs = [F.coalesce(exact(one, name) != exact(other, name), F.lit(False)) for name in counts]
    return reduce(or_, differs)
