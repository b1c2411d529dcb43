"""Put the jars of Delta and of s3a:// into the pyspark of this environment: `python tools/fetch_jars.py`.

Spark resolves the packages itself, once, into a temporary folder; the jars are then copied beside Spark's own. So a
run needs no network, no setting and no working directory to find them (docs/adr/0005-jars-inside-pyspark.md).
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
import tempfile
from importlib.metadata import version
from importlib.util import find_spec
from pathlib import Path

# What Spark ships already: without this list older copies of Hadoop, Jackson and Netty arrive as well, and shadow
# Spark's. And of Amazon's SDK the whole, 600 MB, where s3a:// uses three parts.
EXCLUDES = (
    "com.fasterxml.jackson.core:*",
    "com.fasterxml.jackson.datatype:*",
    "com.github.luben:*",
    "com.google.code.findbugs:*",
    "commons-codec:*",
    "commons-logging:*",
    "commons-pool:*",
    "io.airlift:*",
    "io.netty:*",
    "javax.annotation:*",
    "org.apache.hadoop:hadoop-client*",
    "org.apache.hadoop:hadoop-common",
    "org.apache.httpcomponents:*",
    "org.apache.logging.log4j:*",
    "org.apache.parquet:*",
    "org.roaringbitmap:*",
    "org.scala-lang:*",
    "org.slf4j:*",
    "org.xerial.snappy:*",
    "software.amazon.awssdk:bundle",
)
# The version that hadoop-aws was built with: that of the bundle it names.
AWS_SDK = "2.29.52"
AWS_SDK_PARTS = ("s3", "s3-transfer-manager", "sts")
OURS = ("delta-*.jar", "unitycatalog-*.jar")  # Spark ships none of these names; another version may have fewer
START_SPARK = "from pyspark.sql import SparkSession; SparkSession.builder.getOrCreate().stop()"


def packages(spark_jars: Path) -> list[str]:
    """Maven coordinates of the Delta, and of the file system for s3a://, that match what is installed."""
    spark = ".".join(version("pyspark").split(".")[:2])
    (client,) = spark_jars.glob("hadoop-client-api-*.jar")
    hadoop = client.stem.removeprefix("hadoop-client-api-")
    return [
        f"io.delta:delta-spark_{spark}_2.13:{version('delta-spark')}",
        f"org.apache.hadoop:hadoop-aws:{hadoop}",
        *(f"software.amazon.awssdk:{part}:{AWS_SDK}" for part in AWS_SDK_PARTS),
    ]


def pyspark_jars() -> Path:
    """Folder of Spark's own jars in this environment, found without importing pyspark."""
    spec = find_spec("pyspark")
    if spec is None or spec.origin is None:
        raise SystemExit("pyspark is not installed in this environment: type `make setup`")
    return Path(spec.origin).parent / "jars"


def resolve(wanted: list[str], ivy: Path) -> list[Path]:
    """Download the packages and what they need beside Spark into `ivy`; the jars found there."""
    options = {
        "spark.jars.packages": ",".join(wanted),
        "spark.jars.ivy": str(ivy),
        "spark.jars.excludes": ",".join(EXCLUDES),
        "spark.master": "local[1]",
        "spark.ui.enabled": "false",
        # A machine whose host name does not resolve must be able to do this too.
        "spark.driver.host": "127.0.0.1",
        "spark.driver.bindAddress": "127.0.0.1",
    }
    submit = " ".join(f"--conf {name}={value}" for name, value in options.items())
    environment = {**os.environ, "PYSPARK_SUBMIT_ARGS": f"{submit} pyspark-shell", "PYSPARK_PYTHON": sys.executable}
    for name in ("SPARK_HOME", "SPARK_CONF_DIR"):  # another Spark on this machine is not the one to fill
        environment.pop(name, None)
    done = subprocess.run([sys.executable, "-c", START_SPARK], env=environment, capture_output=True, text=True)
    jars = sorted((ivy / "jars").glob("*.jar"))
    if done.returncode or not jars:
        raise SystemExit(f"{done.stderr}\nThe jars could not be fetched ({', '.join(wanted)}); is the network there?")
    return jars


def copied(jars: list[Path], target: Path) -> list[str]:
    """Copy the jars into `target` under their Maven names, in place of those of another version; the names."""
    names = {jar.name.partition("_")[2]: jar for jar in jars}  # Ivy writes group_artifact-version.jar
    for name, jar in names.items():
        # By way of a rename: a set-up killed half-way must not leave half a jar.
        half = target / f".{name}.part"
        shutil.copyfile(jar, half)
        half.rename(target / name)
    artifacts = {re.split(r"[-_]\d", name)[0] for name in names}
    for pattern in (*OURS, *(f"{artifact}[-_][0-9]*.jar" for artifact in artifacts)):
        for other in target.glob(pattern):
            if other.name not in names:
                other.unlink()
    return list(names)


def main() -> int:
    """Fetch and copy; one line on stdout says what is there now."""
    target = pyspark_jars()
    wanted = packages(target)
    with tempfile.TemporaryDirectory(prefix="uda-ivy-") as ivy:
        names = copied(resolve(wanted, Path(ivy)), target)
    sys.stdout.write(f"{len(names)} jars of {', '.join(wanted)} in {target}\n")
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
