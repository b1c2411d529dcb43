"""Rows of `file_changes`: the changed paths that the lists of new backups name."""

from __future__ import annotations

from pyspark.sql import DataFrame
from pyspark.sql import functions as F

from jobs.tables import BACKUPS, FILE_CHANGES


def file_changes_of(backups: DataFrame, held: DataFrame) -> DataFrame:
    """The columns of `file_changes` but run_id, for backups that are new, or were written from the same line.

    Left anti join with `held`, rows of `backups` (unique by key): what another line holds keeps that line's list.
    """
    own, there = backups.alias("own"), held.alias("there")
    same_key = [F.col(f"own.{name}") == F.col(f"there.{name}") for name in BACKUPS.key]
    other_line = (F.col("own.source") != F.col("there.source")) | (F.col("own.position") != F.col("there.position"))
    listed = own.where("file_changes IS NOT NULL").join(there, on=[*same_key, other_line], how="left_anti")
    rows = listed.withColumns(
        {"changed": F.explode("file_changes.paths"), "paths_listed": F.col("file_changes.listed")}
    )
    said = {name: F.col(f"changed.{name}") for name in ("path", "change", "bytes", "extension")}
    return rows.withColumns(said).select(*[name for name in FILE_CHANGES.names if name != "run_id"])
