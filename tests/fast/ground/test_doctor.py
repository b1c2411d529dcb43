"""What `uda doctor` looks at, and what it says."""

import io
from pathlib import Path
from types import SimpleNamespace

import pytest

from jobs.doctor import checks
from jobs.doctor.checks import Check
from jobs.doctor.job import as_table, check_config, doctor


def jars_in(folder: Path, *names: str) -> Path:
    for name in names:
        (folder / name).write_bytes(b"")
    return folder


FETCHED = ("delta-spark_4.1_2.13-4.4.0.jar", "delta-storage-4.4.0.jar", "hadoop-aws-3.4.2.jar")


@pytest.mark.parametrize(("version", "ok"), [((3, 10, 9), False), ((3, 11, 0), True), ((3, 12, 1), False)])
def test_python_is_the_tested_one(version, ok):
    check = checks.check_python(version)
    assert check.ok is ok
    assert bool(check.how_to_fix) is not ok


def test_no_java_says_what_to_install(tmp_path):
    check = checks.check_java({"PATH": str(tmp_path)}, [])
    assert (check.ok, check.found) == (False, "none")
    assert "openjdk-17-jre-headless" in check.how_to_fix


def test_jars_of_the_installed_version_are_enough(tmp_path):
    jars = jars_in(tmp_path, *FETCHED, "spark-core_2.13-4.1.4.jar")
    assert checks.check_jars(jars, "4.4.0").ok


@pytest.mark.parametrize(
    "names",
    [
        (),
        ("delta-spark_4.1_2.13-4.4.0.jar", "hadoop-aws-3.4.2.jar"),
        ("delta-spark_4.1_2.13-4.4.0.jar", "delta-storage-4.4.0.jar"),
        ("delta-spark_4.1_2.13-4.3.0.jar", "delta-storage-4.3.0.jar", "hadoop-aws-3.4.2.jar"),
        ("delta-spark_4.1_2.13-4.5.0.jar", *FETCHED),
    ],
    ids=["none", "half", "Delta alone", "old", "two versions"],
)
def test_jars_that_lack_or_differ_are_fetched_anew(tmp_path, names):
    check = checks.check_jars(jars_in(tmp_path, *names), "4.4.0")
    assert not check.ok
    assert "fetch_jars.py" in check.how_to_fix


def test_without_pyspark_there_are_no_jars():
    check = checks.check_jars(None, "4.4.0")
    assert (check.ok, check.found) == (False, "pyspark is not installed")


def test_the_disk_is_the_one_that_a_lake_not_made_yet_will_lie_on(tmp_path):
    asked = []
    check = checks.check_disk(str(tmp_path / "a" / "b"), lambda place: asked.append(place) or 2_000_000_000)
    assert (check.ok, check.found, asked) == (True, "2.0 GB free", [tmp_path])


def test_a_full_disk_is_a_lack(tmp_path):
    assert not checks.check_disk(str(tmp_path), lambda place: 999_999_999).ok


def test_a_lake_that_may_not_be_written_is_a_lack(tmp_path):
    check = checks.check_writable(str(tmp_path / "lake"), lambda place: False)
    assert (check.ok, check.found) == (False, f"{tmp_path} is not writable")


def test_a_file_is_no_lake(tmp_path):
    (tmp_path / "lake").write_text("")
    assert not checks.check_writable(str(tmp_path / "lake")).ok


@pytest.mark.parametrize("lake", [None, "s3a://bucket/lake"])
def test_a_lake_elsewhere_is_not_looked_at(lake):
    assert checks.check_disk(lake, lambda place: 0).ok
    assert checks.check_writable(lake, lambda place: False).ok


def test_a_container_s_limit_counts_as_memory(tmp_path):
    limit = tmp_path / "memory.max"
    limit.write_text("1000000\n")
    assert checks.physical_memory(limit) == 1_000_000
    limit.write_text("max\n")
    assert checks.physical_memory(limit) > 1_000_000
    assert checks.physical_memory(limit) == checks.physical_memory(tmp_path / "none")


def test_little_memory_is_a_lack_and_unknown_memory_is_not():
    assert not checks.check_memory(4_000_000_000).ok
    assert checks.check_memory(8_000_000_000).ok
    assert checks.check_memory(None).ok


def test_an_mlflow_that_does_not_import_is_a_lack_with_its_error():
    def broken(name: str) -> object:
        raise RuntimeError(f"{name} is half there")

    check = checks.check_mlflow(broken)
    assert (check.ok, check.found) == (False, "RuntimeError: mlflow is half there")
    assert checks.check_mlflow(lambda name: SimpleNamespace(__version__="3.17.2")).found == "3.17.2"


def test_a_fault_in_the_configuration_is_named(tmp_path):
    faulty = tmp_path / "local.toml"
    faulty.write_text("[score]\nbudgett = 1\n")
    check, lake = check_config(faulty, {})
    assert not check.ok
    assert "budgett" in check.found
    assert lake is None


def test_the_configured_lake_is_the_one_looked_at(tmp_path):
    named = tmp_path / "local.toml"
    named.write_text(f'lake = "{tmp_path}"\n')
    assert check_config(named, {}) == (Check("config", True, "no faults"), str(tmp_path))


def test_doctor_ends_with_1_and_says_what_to_do_where_something_lacks(tmp_path):
    (tmp_path / "lake").write_text("a file, no folder")
    out = io.StringIO()
    assert doctor(str(tmp_path / "lake"), None, {"PATH": ""}, out) == 1
    assert "LACK  lake" in out.getvalue()
    assert "-> name a folder as the lake" in out.getvalue()


def test_the_table_has_a_line_a_check_and_advice_only_where_something_lacks():
    table = as_table((Check("Python", True, "3.11.7"), Check("disk", False, "0.1 GB free", "make room")))
    assert table == "ok    Python  3.11.7\nLACK  disk    0.1 GB free\n              -> make room\n"
