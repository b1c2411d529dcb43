"""A stage as a job of spark-submit, with the options of the command: the one that needs most of Spark.

That each stage is such a job is in tests/fast/test_cli.py.
"""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

from jobs.tables import ANOMALIES, RUNS
from tests.conftest import SETTINGS, store_of
from tests.rows import land, record

ROOT = Path(__file__).resolve().parents[2]
# As for the session that the other tests share.
CONF = [f"--conf={key}={value}" for key, value in {**SETTINGS, "spark.ui.enabled": "false"}.items()]
STAGES = ("ingest", "features", "train", "score", "report")
SUBMITTED = "score"  # a stream, Python workers, and the champion's file in the lake


def test_a_stage_run_by_spark_submit_goes_on_where_the_others_ended(spark, config, run_line):
    attacked = record(62, files_added=0, files_updated=0, files_deleted=520, files_total=600)
    land(config, "all.jsonl", [*(record(number) for number in range(62)), attacked])
    environment = os.environ | {"PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}"}
    for stage in STAGES:
        if stage != SUBMITTED:
            run_line(config, stage)
            continue
        command = ["spark-submit", *CONF, f"jobs/{stage}/job.py", "--lake", config.lake]
        done = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stderr
    store = store_of(spark, config)
    ended = store.read(RUNS).where("event = 'ended'").orderBy("at").collect()
    assert tuple(row["stage"] for row in ended) == STAGES
    (anomaly,) = store.read(ANOMALIES).collect()
    assert (anomaly["backup_id"], anomaly["anomaly_kind"]) == ("nas-62", "delete")
