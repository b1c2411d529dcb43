"""`uda doctor`: look at this machine and say what it lacks."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from importlib.metadata import PackageNotFoundError, version
from importlib.util import find_spec
from pathlib import Path
from typing import TextIO

from jobs.config import load_config
from jobs.doctor import checks
from jobs.doctor.checks import Check
from jobs.errors import ConfigError


def doctor(lake: str | None, config: Path | None, environment: Mapping[str, str], out: TextIO) -> int:
    """Print one line a need to `out`; 0 if all are met, else 1.

    Parameters
    ----------
    lake : str or None
        Folder or address of the lake; None: what the configuration says.
    config : Path or None
        Configuration file, looked for as `load_config` does.
    environment : mapping
        Variables of the process.
    out : text stream
        Where the table goes.
    """
    read, configured_lake = check_config(config, environment)
    found = (*machine_checks(lake or configured_lake, environment), read)
    out.write(as_table(found))
    return 0 if all(check.ok for check in found) else 1


def check_config(config: Path | None, environment: Mapping[str, str]) -> tuple[Check, str | None]:
    """Whether the configuration has no faults, and the lake that it names (None: none)."""
    try:
        settings = load_config(config, environment)
    except ConfigError as error:
        return Check("config", False, "; ".join(str(error).splitlines()), "correct what is named here"), None
    return Check("config", True, "no faults"), settings.lake or None


def machine_checks(lake: str | None, environment: Mapping[str, str]) -> tuple[Check, ...]:
    """Every check of the machine that this process runs on."""
    spark = find_spec("pyspark")  # found without importing it: that takes seconds and wants Java
    try:
        delta_version = version("delta-spark")
    except PackageNotFoundError:
        delta_version = None
    return (
        checks.check_python(sys.version_info[:3]),
        checks.check_java(environment),
        checks.check_jars(Path(spark.origin).parent / "jars" if spark and spark.origin else None, delta_version),
        checks.check_mlflow(),
        checks.check_memory(checks.physical_memory()),
        checks.check_disk(lake),
        checks.check_writable(lake),
    )


def as_table(found: tuple[Check, ...]) -> str:
    """One line a check, with what to do on a line of its own where a need is not met."""
    width = max(len(check.name) for check in found)
    lines = []
    for check in found:
        lines.append(f"{'ok  ' if check.ok else 'LACK'}  {check.name:<{width}}  {check.found}")
        if check.how_to_fix:
            lines.append(f"      {'':<{width}}  -> {check.how_to_fix}")
    return "\n".join(lines) + "\n"
