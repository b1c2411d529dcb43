"""Damaged input by the ten thousand, and `uda run` killed at random moments, many times over.

First ingest reads a landing of damaged records and runs of tools, and every one must be accounted for. Then the landing
folder grows in steps, as it does in life, damage included. One lake runs each step in peace; the other is killed with
SIGKILL at a random moment, run again, killed again, and in the end left to finish. All columns but run_id must be the
same; `runs`, which says what happened, is not compared.
"""

from __future__ import annotations

import argparse
import os
import random
import signal
import subprocess
import sys
import tempfile
import time
from collections import Counter
from dataclasses import replace
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))
from deltalake import DeltaTable

from benchmarks.fleet import FIRST_DAY, land_fleet
from benchmarks.hostile import land_hostile, send_hostile
from benchmarks.processes import measured
from jobs.config import Sealed, load_config
from jobs.ingest.job import ingest
from jobs.keys import make_key
from jobs.run import start_run
from jobs.spark import session
from jobs.store import Store
from jobs.tables import BACKUPS, REJECTS, RUNS, TABLES

DEVICES = 20
DAMAGED_A_STEP = 30
# Enough history to teach, then single days, as a scheduled run meets them.
STEPS = (range(0, 60), range(60, 61), range(61, 62))
MOMENT = f"{FIRST_DAY.replace(month=FIRST_DAY.month + 4).isoformat()}T00:00:00Z"


def main() -> int:
    """0 if all tables are the same, 1 if not."""
    parser = argparse.ArgumentParser(description=__doc__, allow_abbrev=False)
    parser.add_argument("--kills", type=int, default=20)
    parser.add_argument("--damaged", type=int, default=5_000, help="files of records, and as many runs of tools")
    parser.add_argument("--seed", type=int, default=None, help="repeat an earlier call")
    options = parser.parse_args()
    seed = options.seed if options.seed is not None else random.SystemRandom().randrange(1 << 32)
    print(f"seed {seed}, {options.kills} kills, {DEVICES} devices in {len(STEPS)} steps", flush=True)
    draw = random.Random(seed)
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))  # else a run in its own group would outlive this program
    with tempfile.TemporaryDirectory(prefix="uda-torture-") as folder:
        return _damage(Path(folder) / "damaged", options.damaged, seed) or _torture(
            Path(folder), options.kills, draw, seed
        )


def _damage(folder: Path, files: int, seed: int) -> int:
    """0 if a landing of so many damaged files and runs is read to its end and accounted for."""
    if not files:
        return 0
    config = replace(load_config(None, {}), lake=str(folder / "lake"), landing=str(folder / "landing"))
    folder.mkdir()
    make_key(folder / "key.json")
    config = replace(config, sealed=Sealed({"key": str(folder / "key.json")}, {}, {}))
    land_hostile(folder / "landing", files, seed, folder / "key.json")
    notices = send_hostile(folder / "landing", folder / "notices", seed)
    spark = session(config.spark, progress=False)
    store = Store(spark, config.lake, start_run())
    with measured() as cost:
        counts = Counter(ingest(store, replace(config, queue=str(folder / "notices"))))
        counts.update(ingest(store, config))  # what no notice named
    held = store.read(BACKUPS).count() + store.read(REJECTS).count()
    spark.stop()
    took = f"{cost.wall:.0f} s, peak MB {cost.peak_mb}"
    print(f"{files} damaged files, {files} runs, {notices} notices: {dict(counts)}, held {held}, {took}", flush=True)
    return 0 if counts["landed"] == held else 1


def _torture(folder: Path, kills: int, draw: random.Random, seed: int) -> int:
    landing, calm, killed = folder / "landing", folder / "calm", folder / "killed"
    for number, days in enumerate(STEPS):
        land_fleet(landing / "canonical", DEVICES, days, seed)
        land_hostile(landing, DAMAGED_A_STEP, seed + number)
        seconds = _finish(calm, landing)
        # A run takes seconds to start, where a kill proves little; yet it must not be spared either.
        for kill in range(number, kills, len(STEPS)):
            after = draw.uniform(0.1, 1.0) * seconds
            was_killed = _kill(killed, landing, after)
            print(f"kill {kill + 1}: {'killed' if was_killed else 'done before'}, {after:.1f} s", flush=True)
        _finish(killed, landing)
        different = [
            table.name for table in TABLES if table != RUNS and _contents(calm, table) != _contents(killed, table)
        ]
        if different:
            print(f"step {number + 1}: differ: {', '.join(different)}; repeat with --seed {seed} --kills {kills}")
            return 1
        print(f"step {number + 1}: all tables are the same", flush=True)
    return 0


def _start(lake: Path, landing: Path) -> subprocess.Popen[bytes]:
    """`uda run` at the head of a process group of its own, so that its JVM and workers are killed with it."""
    command = [sys.executable, "-m", "jobs.cli", "run", "--lake", str(lake), "--landing", str(landing)]
    log = lake.with_suffix(".log").open("ab")
    root = Path(__file__).resolve().parents[1]
    with log:
        return subprocess.Popen(
            [*command, "--moment", MOMENT], cwd=root, stdout=log, stderr=log, start_new_session=True
        )


def _finish(lake: Path, landing: Path) -> float:
    """Run to the end; return the seconds that it took."""
    began = time.monotonic()
    run = _start(lake, landing)
    try:
        status = run.wait()
    finally:
        _end_group(run)
    if status:
        said = lake.with_suffix(".log").read_text(encoding="utf-8", errors="replace").splitlines()[-20:]
        raise SystemExit("\n".join([f"uda run in {lake} ended with status {status}:", *said]))
    return time.monotonic() - began


def _kill(lake: Path, landing: Path, after: float) -> bool:
    """Run, and kill after so many seconds; whether it still ran."""
    run = _start(lake, landing)
    try:
        run.wait(timeout=after)
        still_ran = False
    except subprocess.TimeoutExpired:
        still_ran = True
    finally:
        _end_group(run)
    return still_ran


def _end_group(run: subprocess.Popen[bytes]) -> None:
    """Kill what is left of the child's own group, and of no other."""
    try:
        os.killpg(run.pid, signal.SIGKILL)
    except ProcessLookupError:
        return  # all ended
    finally:
        run.wait()


def _contents(lake: Path, table: Any) -> list[str]:
    """What the table declares and all rows as text in a fixed order, run_id aside; of one never made, nothing."""
    uri = str(lake / table.name)
    if not DeltaTable.is_deltatable(uri):
        return []
    names = [name for name in table.names if name != "run_id"]
    held = DeltaTable(uri)
    rows = held.to_pyarrow_table(columns=names).to_pylist(maps_as_pydicts="strict")
    declared = [held.schema().to_json(), repr(sorted(held.metadata().configuration.items()))]
    return declared + sorted(repr([_in_order(row[name]) for name in names]) for row in rows)


def _in_order(value: Any) -> Any:
    return sorted(value.items()) if isinstance(value, dict) else value


if __name__ == "__main__":
    raise SystemExit(main())
