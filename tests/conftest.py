"""What tests share: one Spark session for all that need it, and a lake of their own for each."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, settings

from jobs.config import Config, load_config
from jobs.run import start_run

SETTINGS = {
    # Two cores are what the smallest machine has, and tests must not differ by machine.
    "spark.master": "local[2]",
    "spark.driver.memory": "3g",
    # Tables of a few rows: more partitions are only overhead.
    "spark.sql.shuffle.partitions": "2",
    # Generating and compiling code for a handful of rows takes longer than the rows.
    "spark.sql.codegen.wholeStage": "false",
    "spark.sql.codegen.factoryMode": "NO_CODEGEN",  # tests/line, which runs as users do, has it
    "spark.sql.adaptive.enabled": "false",
    # Code that runs once is not worth compiling twice: a third of the tests' time.
    # Its code cache is 48 MB unless told otherwise; when it is full, nothing is compiled any more.
    "spark.driver.extraJavaOptions": "-XX:TieredStopAtLevel=1 -XX:ReservedCodeCacheSize=256m",
}
MOMENT = datetime(2025, 12, 1, tzinfo=UTC)

# How long an example takes says how busy the machine is.
settings.register_profile("untimed", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("untimed")


@pytest.fixture(scope="session")
def session_of_tests() -> Iterator[Any]:
    from jobs.spark import session

    spark = session({**load_config(None, {}).spark, **SETTINGS}, progress=False)
    yield spark
    spark.stop()


@pytest.fixture
def spark(session_of_tests: Any) -> Iterator[Any]:
    """The shared session; caches are gone after each test."""
    yield session_of_tests
    session_of_tests.catalog.clearCache()


@pytest.fixture
def config(tmp_path: Path) -> Config:
    """The defaults, with a lake and a landing folder of the test's own."""
    return config_in(tmp_path)


def config_in(folder: Path) -> Config:
    """The defaults, with a lake and a landing folder inside a folder."""
    (folder / "landing" / "canonical").mkdir(parents=True)
    return replace(load_config(None, {}), lake=str(folder / "lake"), landing=str(folder / "landing"))


@pytest.fixture
def store(spark: Any, config: Config) -> Any:
    """The test's lake."""
    return store_of(spark, config)


def store_of(spark: Any, config: Config, moment: datetime = MOMENT) -> Any:
    """A lake as one run sees it."""
    from jobs.store import Store

    return Store(spark, config.lake, start_run(moment))


@pytest.fixture
def run_line(spark: Any) -> Callable[..., None]:
    """Run the whole line, or some stages of it, on a configuration."""
    return partial(run_stages, spark)


def run_stages(spark: Any, config: Config, *names: str) -> None:
    """The same with a session."""
    from jobs.stages import STAGES, run_stage

    for name in names or STAGES:
        run_stage(name, store_of(spark, config), config)
