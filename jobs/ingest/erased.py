"""Records of what was erased, read again: refused, and nothing of them kept."""

from __future__ import annotations

from pyspark.sql import DataFrame
from pyspark.sql import functions as F

from jobs.ddl import hash_of
from jobs.tables import DEVICE

DETAIL = "of a device or tenant that was erased; remove it from the landing folder"


def without_erased(rows: DataFrame, erased: DataFrame, at: str) -> DataFrame:
    """Landed rows with a fault where they are of what was erased, and from before that; their records are gone.

    Left joins on the hash, unique in `erased`; a miss is what was never erased.

    Parameters
    ----------
    rows : DataFrame
        With tenant_id, record, record_sha256 and fault; product and device_id if they are of devices.
    erased : DataFrame
        The table.
    at : str
        The column that says from when a row is.
    """
    names = [column.name for column in DEVICE]
    hashes = {"tenant": ["tenant_id"]} | ({"device": names} if set(names) <= set(rows.columns) else {})
    is_erased = F.lit(False)
    for scope, parts in hashes.items():
        until = erased.select(F.col("sha256").alias(f"{scope}_hash"), F.col("erased_at").alias(f"{scope}_until"))
        rows = rows.withColumn(f"{scope}_hash", hash_of(*[F.col(name) for name in parts]))
        rows = rows.join(F.broadcast(until), on=f"{scope}_hash", how="left").drop(f"{scope}_hash")
        until_then = F.col(f"{scope}_until")
        # Of a faulty record the time may not be known; what it says of the device is erased all the same.
        is_erased |= until_then.isNotNull() & F.coalesce(F.col(at) <= until_then, F.lit(True))
    rows = rows.withColumn("is_erased", is_erased)
    fault = F.struct(
        F.lit("erased").alias("reason"), F.lit(None).cast("string").alias("field"), F.lit(DETAIL).alias("detail")
    )
    kept = {name: F.when(~F.col("is_erased"), F.col(name)) for name in ("record", "record_sha256")}
    kept["fault"] = F.when(F.col("is_erased"), fault).otherwise(F.col("fault"))
    return rows.withColumns(kept).drop("is_erased", *(f"{scope}_until" for scope in hashes))
