"""Small files and folders, on this machine or in an object store: what is no table."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:  # the listings use this module and need not wait for Spark
    from pyspark.sql import SparkSession


def read_text(spark: SparkSession, address: str) -> str | None:
    """Text of a small file, UTF-8; None if it is not there."""
    filesystem, path = _hadoop(spark, address)
    if not filesystem.exists(path):
        return None
    stream = filesystem.open(path)
    try:
        jvm: Any = spark._jvm
        return str(jvm.org.apache.commons.io.IOUtils.toString(stream, "UTF-8"))
    finally:
        stream.close()


def write_text(spark: SparkSession, address: str, text: str) -> None:
    """Put a small file in place, whole or not at all."""
    if "://" in address:  # an object store shows a file only once it is closed
        filesystem, path = _hadoop(spark, address)
        stream = filesystem.create(path, True)
        stream.write(bytearray(text.encode()))
        stream.close()
    else:
        draft = Path(f"{address}.tmp")
        draft.parent.mkdir(parents=True, exist_ok=True)
        draft.write_text(text, encoding="utf-8")
        draft.replace(address)


def list_names(spark: SparkSession, address: str) -> list[str]:
    """Names directly inside a folder, sorted; none if it is not there."""
    filesystem, path = _hadoop(spark, address)
    return sorted(str(f.getPath().getName()) for f in filesystem.listStatus(path)) if filesystem.exists(path) else []


def _hadoop(spark: SparkSession, address: str) -> tuple[Any, Any]:
    """Hadoop's file system and path: the same code for a folder and for S3."""
    jvm: Any = spark._jvm
    path = jvm.org.apache.hadoop.fs.Path(address)
    return path.getFileSystem(spark._jsc.hadoopConfiguration()), path


def delta_rs_address(address: str) -> str:
    """An address as delta-rs takes it: Spark writes s3a, everybody else s3 for the same bucket."""
    return address.replace("s3a://", "s3://", 1)
