"""Each backup beside the one before it on the same device: what changed, in numbers, and what is unknown."""

from __future__ import annotations

from pyspark.sql import Column, DataFrame, Window
from pyspark.sql import functions as F

from jobs.noted import DEVICE_NAMES, HISTORY, NOTHING, Noted
from jobs.tables import BACKUPS, FEATURES, FIGURES

FIGURE_NAMES = tuple(column.name for column in FIGURES)
STATE = ("backup_id", "ended_at", "files_total", "bytes_total", "bytes_total_compressed")
# Any of these beside the backup before tells of a change; some tools print no count but the total.
SIGNS_OF_CHANGE = (
    *("files_added", "files_updated", "files_deleted", "files_total"),
    *("bytes_uploaded", "bytes_unique", "bytes_compressed"),
)


def beside_previous(history: DataFrame, look_back_days: int) -> DataFrame:
    """The columns of `features` but run_id for every row of `history`, and how the row relates to what is new.

    Parameters
    ----------
    history : DataFrame
        Rows of `without_provenance`, and `is_new`. For a right answer it holds, of each device, under all its names,
        what lies between a row and the latest earlier complete backup.
    look_back_days : int
        A previous backup further back than this is none.

    Returns
    -------
    DataFrame
        Also `is_new`, and `is_touched`: a new row stands directly before this one, or is what it is compared with, or
        has turned this one, or one before it, into a redelivery.
    """
    earlier = Window.partitionBy(*HISTORY).orderBy("ended_at", "backup_id", "day", "device_id")
    before = earlier.rowsBetween(Window.unboundedPreceding, -1)
    # Under another name a backup of the same id is another one.
    same_backup = (
        Window.partitionBy(*HISTORY, "device_id", "backup_id").orderBy("day").rowsBetween(Window.unboundedPreceding, -1)
    )
    state = F.struct(*STATE, "is_new")
    # A re-delivered row is the same backup again: nothing is compared with it, and it hides no other.
    # Brought together once, by device: else each window would, since the first one asks for less.
    rows = history.repartition(*HISTORY).withColumns(
        {
            "is_redelivery": F.count("*").over(same_backup) > 0,
            "has_turned": ~F.col("is_new") & F.coalesce(F.max("is_new").over(same_backup), F.lit(False)),
        }
    )
    is_complete = (F.col("status") == "complete") & ~F.col("is_redelivery")
    rows = rows.withColumns(
        {
            "previous": F.last(F.when(is_complete, state), ignorenulls=True).over(before),
            # A failed run left nothing, and stands between no two.
            "directly_before": F.last(
                F.when(~F.col("is_redelivery") & (F.col("status") != "failed"), F.struct("status", "is_new")),
                ignorenulls=True,
            ).over(before),
            "is_after_turned": F.max("has_turned").over(before),
        }
    )
    in_reach = F.col("previous.ended_at") >= F.col("ended_at") - F.make_interval(days=F.lit(look_back_days))
    rows = rows.withColumn("previous", F.when(in_reach, F.col("previous")))
    flags = ("previous.is_new", "directly_before.is_new", "has_turned", "is_after_turned")
    touched = [F.col(flag) for flag in flags]
    rows = rows.withColumn("is_touched", F.greatest(*[F.coalesce(flag, F.lit(False)) for flag in touched]))
    return _with_changes(_with_derived(rows)).select(
        *[n for n in FEATURES.names if n != "run_id"], "is_new", "is_touched"
    )


def _with_derived(rows: DataFrame) -> DataFrame:
    """Deletes or what was added, whichever is unknown, from the totals of two complete backups one after the other.

    Of a full backup, all changes.
    """
    was_whole = (F.col("status") == "complete") & (F.col("directly_before.status") == "complete")
    before, after = F.col("previous.files_total"), F.col("files_total")
    gone = F.try_subtract(F.try_add(before, F.col("files_added")), after)
    deleted = F.when(was_whole & F.col("files_deleted").isNull() & (gone >= 0), gone)
    come = F.try_add(F.try_subtract(after, before), F.col("files_deleted"))
    added = F.when(was_whole & F.col("files_added").isNull() & (come >= 0), come)
    # A full that calls everything new says nothing about change; only the totals beside those before do.
    is_all_new = (F.col("backup_kind") == "full") & (F.col("files_added") >= after)
    grown, shrunk = _at_least_0(after - before), _at_least_0(before - after)
    # What moved was deleted somewhere.
    moved = F.when(~is_all_new, F.least("files_moved", deleted))
    derived = {
        "files_added": (is_all_new | added.isNotNull(), F.when(is_all_new, grown).otherwise(added)),
        "files_deleted": (is_all_new | deleted.isNotNull(), F.when(is_all_new, shrunk).otherwise(deleted)),
        "files_moved": (is_all_new | (deleted < F.col("files_moved")), moved),
        **{name: (is_all_new, F.lit(None)) for name in ("files_updated", "files_new_extension")},
        **{name: (is_all_new, F.lit(None)) for name in ("bytes_uploaded", "bytes_unique", "bytes_compressed")},
    }
    marks = [
        F.when(F.coalesce(by_rule, F.lit(False)) & value.isNotNull(), F.lit(name))
        for name, (by_rule, value) in derived.items()
    ]
    replaced = {
        name: F.when(F.coalesce(by_rule, F.lit(False)), value.cast("bigint")).otherwise(F.col(name))
        for name, (by_rule, value) in derived.items()
    }
    marked = {"derived": F.array_union("derived", F.array_compact(F.array(*marks)))}
    # After a partial backup, files that could not be read then look new.
    is_after_partial = (F.col("directly_before.status") == "partial") & F.col("files_added").isNotNull()
    with_added = F.array_union("upper_bound", F.array(F.lit("files_added")))
    marked["upper_bound"] = F.when(is_after_partial, with_added).otherwise(F.col("upper_bound"))
    return rows.withColumns({**replaced, **marked})


def _with_changes(rows: DataFrame) -> DataFrame:
    added, deleted = F.col("files_added"), F.col("files_deleted")
    # What the row says of itself, else what the previous backup left.
    files_before = F.coalesce(
        F.try_add(F.try_subtract(F.col("files_total"), added), deleted), F.col("previous.files_total")
    )
    rows = rows.withColumns(
        {
            "files_before": F.greatest(files_before, F.when(files_before.isNotNull(), F.lit(1))),
            "bytes_before": F.when(
                F.col("previous.bytes_total").isNotNull(), F.greatest("previous.bytes_total", F.lit(1))
            ),
            "bytes_total_compressed_before": F.col("previous.bytes_total_compressed"),
            "previous_backup_id": F.col("previous.backup_id"),
            "previous_ended_at": F.col("previous.ended_at"),
            "gap_hours": _seconds("ended_at", "previous.ended_at") / 3600,
            "added_net": _at_least_0(added - deleted),
            "deleted_net": _at_least_0(deleted - added),
            "replaced": _at_least_0(
                F.when(added.isNotNull() & deleted.isNotNull(), F.least(added, deleted)) - _or_0("files_moved")
            ),
            "compressed_ratio": F.try_divide("bytes_compressed", "bytes_uploaded").cast("double"),
        }
    )
    shares = {f"{what}_share": (f"files_{what}", "files_before") for what in ("added", "updated", "deleted")}
    shares["uploaded_share"] = ("bytes_uploaded", "bytes_before")
    rows = rows.withColumns({name: F.try_divide(*parts).cast("double") for name, parts in shares.items()})
    unknown = F.array_compact(F.array(*[F.when(F.col(name).isNull(), F.lit(name)) for name in FIGURE_NAMES]))
    return rows.withColumns({"unknown": unknown, "not_judged": _not_judged()})


def _not_judged() -> Column:
    says_nothing = F.coalesce(*SIGNS_OF_CHANGE, F.lit(None)).isNull()
    return (
        F.when(F.col("is_redelivery"), "redelivery")
        .when(F.col("status") == "failed", "failed")
        .when(F.col("previous").isNull(), "first")
        .when(says_nothing, "no_figures")
    )


def _seconds(later: str, earlier: str) -> Column:
    return (F.unix_micros(F.col(later)) - F.unix_micros(F.col(earlier))) / 1e6


def _at_least_0(number: Column) -> Column:
    return F.when(number.isNotNull(), F.greatest(number, F.lit(0)))


def _or_0(name: str) -> Column:
    """A missing count of moves takes nothing away; it is not taken for a known 0 anywhere else."""
    return F.coalesce(name, F.lit(0))


NEEDED = (
    *DEVICE_NAMES,
    "backup_id",
    "day",
    "ended_at",
    "backup_kind",
    "status",
    *FIGURE_NAMES,
    "derived",
    "upper_bound",
)


def without_provenance(backups: DataFrame, noted: Noted = NOTHING) -> DataFrame:
    """The columns of `backups` that `beside_previous` needs, and `history_id`: what each device is called now."""
    return noted.with_history(backups.select(*[name for name in BACKUPS.names if name in NEEDED]))
