"""The installed command, as cron starts it: killed and run again, the tables are as if it never was.

Killed while it reads, it is in test_week.py; at any moment, many times, by `make torture`.
"""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

from jobs.tables import RUNS, TABLES
from tests.conftest import MOMENT, SETTINGS, store_of
from tests.rows import assert_same_rows, land, record

UDA = Path(sys.executable).with_name("uda")
# Cron gives a command no terminal, nothing in the environment that matters, and the home folder to stand in.
EMPTY: dict[str, str] = {}
# Seconds into the stage: somewhere among its writes.
KILLED_AFTER = {"features": 2.0, "score": 3.0}
# The command finds it where cron starts it: Spark as the other tests have it, for so few rows.
CONFIG = "[spark]\n" + "".join(f'"{key}" = "{value}"\n' for key, value in SETTINGS.items())


def history():
    records = [record(number, device=device) for device in ("nas", "laptop") for number in range(62)]
    listed = [{"path": f"photos/{number}.jpg", "change": "deleted"} for number in range(520)]
    attacked = record(62, device="nas", files_added=0, files_deleted=520, files_total=600, file_changes=listed)
    return [*records, attacked, record(3), "{"]


def uda_run(config, folder):
    arguments = [UDA, "run", "--lake", config.lake, "--landing", config.landing, "--moment", MOMENT.isoformat()]
    return subprocess.Popen(
        arguments,
        cwd=folder,
        env=EMPTY,
        stdin=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )


def kill_in(stage, config, folder):
    """Start the command and kill it, its JVM included, a moment after the stage began."""
    process = uda_run(config, folder)
    for line in process.stderr:
        if f"started stage={stage}" in line:
            break
    with contextlib.suppress(subprocess.TimeoutExpired):
        process.wait(timeout=KILLED_AFTER[stage])
    os.killpg(process.pid, signal.SIGKILL)
    process.stderr.close()
    return process.wait()


def test_killed_in_two_stages_and_run_again_gives_the_tables_of_a_run_that_was_never_killed(
    spark, config, run_line, tmp_path
):
    land(config, "all.jsonl", history())
    (tmp_path / "conf").mkdir()
    (tmp_path / "conf" / "local.toml").write_text(CONFIG, "utf-8")
    for stage in KILLED_AFTER:
        assert kill_in(stage, config, tmp_path) == -signal.SIGKILL, f"{stage} was over before it could be killed"
    last = uda_run(config, tmp_path)
    said = last.communicate()[1]
    assert last.returncode == 0, said

    never_killed = replace(config, lake=str(tmp_path / "never-killed"))
    run_line(never_killed)
    ours, theirs = store_of(spark, config), store_of(spark, never_killed)
    for table in TABLES:
        if table is not RUNS:
            assert_same_rows(ours.read(table), theirs.read(table), leave_out=("run_id",))
    assert (Path(config.lake) / "_report" / "index.html").is_file()
