"""What a run needs of the machine, one function a need. They look and change nothing; where to look is an argument."""

from __future__ import annotations

import importlib
import os
import re
import shutil
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from jobs.doctor.java import NEWEST, OLDEST, PLACES, javas

PYTHON = (3, 11)  # the version that the lock file was resolved and tested for
DISK_MIN_GB = 1.0  # a table is written anew before its old files go; with less, a large day may not fit
MEMORY_MIN_GB = 6.0  # Spark's 4 GB heap (jobs/default.toml) and two Python workers of up to 1 GB
REMOTE = re.compile(r"^[a-z][a-z0-9+.-]*://", re.IGNORECASE)


@dataclass(frozen=True)
class Check:
    """One need of the machine: whether it is met, what was found, and what to do if it is not ('' if it is)."""

    name: str
    ok: bool
    found: str
    how_to_fix: str = ""


def _check(name: str, ok: bool, found: str, how_to_fix: str) -> Check:
    return Check(name, ok, found, "" if ok else how_to_fix)


def check_python(version: tuple[int, ...]) -> Check:
    """The interpreter's version is the one that everything is tested with."""
    wanted = ".".join(map(str, PYTHON))
    found = ".".join(map(str, version[:3]))
    return _check("Python", version[:2] == PYTHON, found, f"install Python {wanted} and make a new environment with it")


def check_java(environment: Mapping[str, str], places: Sequence[str] = PLACES) -> Check:
    """A Java that Spark runs on is on this machine; `found` names it, or those that do not fit."""
    found = list(javas(environment, places))
    chosen = [java for java in found if java.fits][:1] or found
    words = ", ".join(f"{java.major} in {java.home}" for java in chosen) or "none"
    fix = f"install Java {OLDEST} to {NEWEST} (Debian: apt-get install openjdk-17-jre-headless) or set JAVA_HOME to it"
    return _check("Java", any(java.fits for java in chosen), words, fix)


def check_jars(spark_jars: Path | None, delta_version: str | None) -> Check:
    """The jars of Delta, in the version of the installed delta-spark, and of s3a:// lie beside Spark's.

    Parameters
    ----------
    spark_jars : Path or None
        `jars` in the installed pyspark; None: it is not installed.
    delta_version : str or None
        Version of the installed delta-spark; None: it is not installed.
    """
    if spark_jars is None or delta_version is None:
        missing = "pyspark" if spark_jars is None else "delta-spark"
        return Check("jars", False, f"{missing} is not installed", "install this program with its requirements")
    # delta-spark_4.1_2.13-4.4.0.jar needs delta-storage-4.4.0.jar: a copy that was cut short has one of them
    endings = {"delta-spark": f"-{delta_version}.jar", "delta-storage": f"-{delta_version}.jar", "hadoop-aws": ".jar"}
    found = {name: sorted(jar.name for jar in spark_jars.glob(f"{name}[-_]*.jar")) for name in endings}
    ok = all(len(jars) == 1 and jars[0].endswith(endings[name]) for name, jars in found.items())
    words = ", ".join(jar for jars in found.values() for jar in jars) or f"none in {spark_jars}"
    return _check("jars", ok, words, f"python tools/fetch_jars.py puts them there, those of Delta {delta_version}")


def nearest_folder(lake: str) -> Path:
    """The lake's folder, or the closest folder above it that exists."""
    folder = Path(lake).absolute()
    return next(place for place in (folder, *folder.parents) if place.exists())


def check_disk(
    lake: str | None, free_bytes: Callable[[Path], int] = lambda place: shutil.disk_usage(place).free
) -> Check:
    """The disk of the lake has room for a run."""
    if lake is None or REMOTE.match(lake):
        return Check(
            "disk", True, "not looked at: no lake named" if lake is None else f"not looked at: {lake} is remote"
        )
    free = free_bytes(nearest_folder(lake)) / 1e9
    fix = f"make room on the disk of {lake}: {DISK_MIN_GB:g} GB at least"
    return _check("disk", free >= DISK_MIN_GB, f"{free:.1f} GB free", fix)


def check_writable(
    lake: str | None, may_write: Callable[[Path], bool] = lambda place: os.access(place, os.W_OK | os.X_OK)
) -> Check:
    """The lake is a folder, or can become one, that this user may write to."""
    if lake is None or REMOTE.match(lake):
        return Check("lake", True, "none named" if lake is None else f"not looked at: {lake} is remote")
    place = nearest_folder(lake)
    if not place.is_dir():
        return Check("lake", False, f"{place} is not a folder", "name a folder as the lake")
    ok = may_write(place)
    return _check(
        "lake", ok, f"{place} is {'' if ok else 'not '}writable", f"give this user the right to write to {place}"
    )


def physical_memory(limit_file: Path = Path("/sys/fs/cgroup/memory.max")) -> int | None:
    """Bytes of memory that this process may have, a container's limit included; None: the system does not tell."""
    try:
        memory = os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    except (ValueError, OSError):
        return None
    try:
        return min(memory, int(limit_file.read_text(encoding="ascii")))
    except (OSError, ValueError):  # no such limit here, or "max"
        return memory


def check_memory(memory_bytes: int | None) -> Check:
    """Spark's heap and its Python workers fit."""
    if memory_bytes is None:
        return Check("memory", True, "not known")
    memory = memory_bytes / 1e9
    fix = f"less than {MEMORY_MIN_GB:g} GB: set spark.driver.memory in [spark] and rows_per_partition in [train] lower"
    return _check("memory", memory >= MEMORY_MIN_GB, f"{memory:.1f} GB", fix)


def check_mlflow(load: Callable[[str], object] = importlib.import_module) -> Check:
    """MLflow can be imported."""
    try:
        module = load("mlflow")
    except Exception as error:  # an installation that is half there fails in any way, and each is the answer here
        return Check("MLflow", False, f"{type(error).__name__}: {error}", "install this program with its requirements")
    return Check("MLflow", True, str(getattr(module, "__version__", "version not known")))
