"""What each stage costs beside the least that Spark can do for it, measured in the same process.

Three cases: all days at once, one more day, and nothing new. A small fleet goes first through all stages and floors, so
that none pays for the JVM's warming up; what a stage costs when nothing is new is its fixed cost.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import shutil
import sys
import tempfile
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from importlib.metadata import version
from pathlib import Path
from typing import Any

from pyspark.sql import functions as F

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))
from benchmarks import floor
from benchmarks.fleet import FIRST_DAY, land_fleet
from benchmarks.plot import picture
from benchmarks.processes import Cost, measured
from jobs import log
from jobs.config import Config, load_config
from jobs.ddl import days_of
from jobs.run import start_run
from jobs.spark import session
from jobs.stages import STAGES, run_stage
from jobs.store import Store
from jobs.tables import BACKUPS, DEVICE_MODELS, FEATURES, RUNS, SCORES
from jobs.versions import learned_until

SEED = 20250101
WARMING_DEVICES = 3_000  # enough rows for the JVM to compile what all of them go through
RESULTS = Path(__file__).parent / "results"
PICTURE = Path(__file__).parents[1] / "docs" / "images" / "line.svg"
# The row count that a stage's cost is set against.
ROWS = {"ingest": "landed", "features": "features", "train": "teachers", "score": "scored", "report": "listed"}


def main() -> None:
    """Measure, and write benchmarks/results/line_<devices>x<days>.json and a picture of it into docs/images."""
    parser = argparse.ArgumentParser(description=__doc__, allow_abbrev=False)
    parser.add_argument("--devices", type=int, default=10_000)
    parser.add_argument("--days", type=int, default=90)
    parser.add_argument("--out", type=Path, default=RESULTS, help="folder of the result")
    options = parser.parse_args()
    log.set_up_logging("text")
    with tempfile.TemporaryDirectory(prefix="uda-bench-") as folder:
        config = load_config(None, {})
        # What trains the devices is measured; a fleet model is fitted once a month.
        config = replace(config, train=replace(config.train, fleet_every_days=0))
        with measured() as start:
            spark = session(config.spark, progress=False)
        _cases(spark, config, Path(folder) / "warming", WARMING_DEVICES, options.days)
        cases = _cases(spark, config, Path(folder) / "measured", options.devices, options.days)
        spark.stop()
    found = {
        "script": "benchmarks/bench_line.py",
        "seed": SEED,
        "devices": options.devices,
        "days": options.days,
        "machine": _machine(),
        "versions": {name: version(name) for name in ("pyspark", "delta-spark", "numpy", "pyarrow")},
        "session_start": _figures(start),
        "cases": cases,
    }
    options.out.mkdir(parents=True, exist_ok=True)
    file = options.out / f"line_{options.devices}x{options.days}.json"
    file.write_text(json.dumps(found, indent=2) + "\n", encoding="utf-8")
    _show(cases)
    print(f"written: {file}")
    if options.out == RESULTS:
        PICTURE.write_text(picture(found), encoding="utf-8")
        print(f"written: {PICTURE}")


def _cases(spark: Any, config: Config, folder: Path, devices: int, days: int) -> dict[str, Any]:
    """Costs of all stages for all days at once, for one more day, and for nothing new."""
    cases = {}
    landing = folder / "landing"
    config = replace(config, lake=str(folder / "lake"), landing=str(landing))
    for case, landed in (
        ("all days", range(days)),
        ("one more day", range(days, days + 1)),
        ("nothing new", range(days + 1, days + 1)),
    ):
        fresh = folder / "fresh"  # what this case lands, alone: what the floor of ingest reads
        shutil.rmtree(fresh, ignore_errors=True)
        rows = land_fleet(fresh / "canonical", devices, landed, SEED)
        shutil.copytree(fresh, landing, dirs_exist_ok=True)
        moment = datetime(FIRST_DAY.year, FIRST_DAY.month, FIRST_DAY.day, tzinfo=UTC) + timedelta(days=days + 2)
        store = Store(spark, config.lake, start_run(moment))
        cases[case] = {"landed": rows, "stages": _stages(store, config, fresh, has_floor=rows > 0)}
    shutil.rmtree(folder)
    return cases


def _stages(store: Store, config: Config, fresh: Path, has_floor: bool) -> dict[str, Any]:
    """Each stage and then its floor, which so finds the same files in the page cache."""
    found: dict[str, Any] = {}
    for name in STAGES:
        with measured() as cost:
            run_stage(name, store, config)
        found[name] = {"rows": _rows_of(store, name), **_figures(cost)}
        least = _floor(name, store, fresh) if has_floor else None
        if least is None:
            continue
        with measured() as floor_cost:
            least()
        found[name] |= {"floor": _figures(floor_cost), "cpu_ratio": round(cost.cpu / floor_cost.cpu, 2)}
    return found


def _floor(name: str, store: Store, fresh: Path) -> Callable[[], None] | None:
    to = str(fresh / "floor" / name)
    if name == "ingest":
        return lambda: floor.ingest(store.spark, str(fresh), to)
    if name == "features":
        backups = floor.rows_of_run(store, BACKUPS)
        return lambda: floor.features(backups, to)
    if name == "train":
        until = max(map(learned_until, store.slices(DEVICE_MODELS)))
        history = store.read(FEATURES).where(F.col("day") < F.lit(until))  # what train reads, and no more
        return lambda: floor.train(history, to)
    if name == "score":
        scored = days_of(store.read(SCORES).where(f"run_id = '{store.run.run_id}'"))
        judged = store.read(FEATURES, days=scored)
        new = floor.rows_of_run(store, FEATURES)
        return lambda: floor.score(judged, new, to)
    return None


def _rows_of(store: Store, stage: str) -> int:
    ended = store.read(RUNS).where(f"run_id = '{store.run.run_id}' AND stage = '{stage}' AND event = 'ended'").first()
    return int(ended["counts"].get(ROWS[stage], 0)) if ended else 0


def _figures(cost: Cost) -> dict[str, Any]:
    return {"cpu_seconds": round(cost.cpu, 2), "wall_seconds": round(cost.wall, 2), "peak_mb": cost.peak_mb}


def _machine() -> dict[str, Any]:
    model = next(
        (
            line.partition(":")[2].strip()
            for line in Path("/proc/cpuinfo").read_text().splitlines()
            if "model name" in line
        ),
        platform.machine(),
    )
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    load = os.getloadavg()[0]
    return {
        "cpu": model,
        "cores": len(os.sched_getaffinity(0)),
        "memory_gb": round(memory / 2**30),
        "load_at_end": round(load, 1),  # far above the cores: others worked beside it, and only CPU seconds count
        "python": platform.python_version(),
    }


def _show(cases: dict[str, Any]) -> None:
    for case, found in cases.items():
        print(f"{case}: {found['landed']} landed")
        for stage, costs in found["stages"].items():
            beside = (
                f"  floor {costs['floor']['cpu_seconds']:7.1f}  {costs['cpu_ratio']:5.2f}x" if "floor" in costs else ""
            )
            print(
                f"  {stage:9} rows {costs['rows']:9,}  wall {costs['wall_seconds']:6.1f}  "
                f"cpu {costs['cpu_seconds']:6.1f}{beside}"
            )


if __name__ == "__main__":
    main()
