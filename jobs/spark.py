"""The only Spark session."""

from __future__ import annotations

import os
import sys
from collections.abc import Mapping
from importlib import resources

from pyspark import SparkConf, SparkContext
from pyspark.sql import SparkSession

from jobs.doctor.java import find_java_home
from jobs.errors import UdaError

JAVA_OPTIONS = "spark.driver.extraJavaOptions"
# What results depend on; nobody may set these otherwise.
FIXED = {
    "spark.sql.extensions": "io.delta.sql.DeltaSparkSessionExtension",
    "spark.sql.catalog.spark_catalog": "org.apache.spark.sql.delta.catalog.DeltaCatalog",
    "spark.sql.session.timeZone": "UTC",
    "spark.sql.ansi.enabled": "true",
    # Without Arrow a NaN stays a NaN and a null string becomes text on the way to pandas.
    "spark.sql.execution.arrow.pyspark.enabled": "true",
    "spark.sql.execution.pandas.convertToArrowArraySafely": "true",
    # Rows limit a batch. With a limit in bytes as well Spark measures all vectors for every row it hands to Python, and
    # a list's walks over all rows without one. That was more than half of scoring.
    "spark.sql.execution.arrow.maxBytesPerBatch": "2147483647",
    # A task has one core. With a thread for each core of the machine, a worker's arrays wait for one another: twice the
    # time, and sums in another order with each number of cores.
    "spark.executorEnv.OMP_NUM_THREADS": "1",
    # Else every column expression looks up the line of Python that made it: half the time of a small run.
    "spark.python.sql.dataFrameDebugging.enabled": "false",
    # A call killed in its first batch leaves half a file there, and would never get further.
    "spark.sql.streaming.verifyCheckpointDirectoryEmptyOnStart": "false",
    # Else files outside of tables hold moments without their zone, in a type that hardly anybody else reads.
    "spark.sql.parquet.outputTimestampType": "TIMESTAMP_MICROS",
    # One commit touches one table; schemas change by release, never by what a frame happens to hold.
    "spark.databricks.delta.schema.autoMerge.enabled": "false",
}


def session(settings: Mapping[str, str], progress: bool) -> SparkSession:
    """The session of this process, made at the first call.

    Parameters
    ----------
    settings : mapping
        Spark settings for one machine. Under spark-submit they only fill in what it did not say.
    progress : bool
        Show Spark's progress bar on stderr.

    Raises
    ------
    UdaError
        Java is missing or too old.
    """
    os.environ.setdefault("PYSPARK_PYTHON", sys.executable)  # else workers run whatever python PATH finds
    is_submitted = "PYSPARK_GATEWAY_PORT" in os.environ
    if not is_submitted:
        _use_java()
    else:
        SparkContext._ensure_initialized()  # SparkConf sees what spark-submit was told only once this has run
    said = SparkConf()
    builder = SparkSession.builder.appName("uda")
    ours = {"spark.ui.showConsoleProgress": str(progress).lower(), **settings}
    if not is_submitted:
        quiet = resources.files("jobs").joinpath("log4j2.properties")
        ours[JAVA_OPTIONS] = f"-Dlog4j2.configurationFile=file:{quiet} {ours.get(JAVA_OPTIONS, '')}".rstrip()
    for key, value in ours.items():
        if not said.contains(key):
            builder = builder.config(key, value)
    for key, value in FIXED.items():
        builder = builder.config(key, value)
    spark = builder.getOrCreate()
    # Spark logs what it throws as well: the error reaches us anyway, and a file that we refuse is no error at all.
    spark.sparkContext.setLogLevel("OFF")
    return spark


def _use_java() -> None:
    home = find_java_home()
    if home is None:
        raise UdaError(
            "Java 17 or 21 is needed and was not found: install it, or set JAVA_HOME to it (see `uda doctor`)"
        )
    os.environ["JAVA_HOME"] = str(home)
