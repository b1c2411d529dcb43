"""Jars on their way into pyspark."""

import runpy
from pathlib import Path

ROOT = Path(__file__).resolve().parents[3]
copied = runpy.run_path(str(ROOT / "tools" / "fetch_jars.py"))["copied"]


def fetched(folder: Path, *names: str) -> list[Path]:
    folder.mkdir()
    for name in names:
        (folder / name).write_text(name)
    return sorted(folder.iterdir())


def test_jars_lose_the_group_that_ivy_puts_before_their_names(tmp_path):
    target = tmp_path / "jars"
    target.mkdir()
    jars = fetched(tmp_path / "ivy", "io.delta_delta-spark_4.1_2.13-4.4.0.jar", "io.delta_delta-storage-4.4.0.jar")
    assert copied(jars, target) == ["delta-spark_4.1_2.13-4.4.0.jar", "delta-storage-4.4.0.jar"]
    assert (target / "delta-storage-4.4.0.jar").read_text() == "io.delta_delta-storage-4.4.0.jar"


def test_another_version_goes_and_spark_s_own_jars_stay(tmp_path):
    target = tmp_path / "jars"
    delta = ("delta-spark_4.0_2.13-4.0.0.jar", "delta-storage-4.0.0.jar")
    old = fetched(target, *delta, "s3-2.1.0.jar", "s3-fs-1.0.jar", "spark-core_2.13-4.1.4.jar")
    assert len(old) == 5
    new = ("io.delta_delta-spark_4.1_2.13-4.4.0.jar", "software.amazon.awssdk_s3-2.29.52.jar")
    copied(fetched(tmp_path / "ivy", *new), target)
    assert sorted(jar.name for jar in target.iterdir()) == [
        "delta-spark_4.1_2.13-4.4.0.jar",
        "s3-2.29.52.jar",
        "s3-fs-1.0.jar",
        "spark-core_2.13-4.1.4.jar",
    ]
