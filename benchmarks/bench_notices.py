"""What a notice costs us: a queue of SQS drained, its dumps read and committed, the queue's own server not counted."""

from __future__ import annotations

import argparse
import hashlib
import json
import os
import socket
import subprocess
import sys
import tempfile
import time
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import boto3

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))
from benchmarks.processes import measured
from jobs import log
from jobs.config import Config, load_config
from jobs.ingest.dumps import named
from jobs.ingest.queued import queue_at
from jobs.ingest.sqs import AT_ONCE
from jobs.run import start_run
from jobs.spark import session
from jobs.stages import run_stage
from jobs.store import Store
from jobs.tables import BACKUPS

RESULTS = Path(__file__).parent / "results" / "notices.json"
BEGINNING = datetime(2025, 3, 2, 1, 30, 7, tzinfo=UTC)
FEW = 200  # notices that go first, so that the JVM has started and compiled before anything is measured
START_SECONDS = 30


def main() -> None:
    """Measure, and write benchmarks/results/notices.json."""
    parser = argparse.ArgumentParser(description=__doc__, allow_abbrev=False)
    parser.add_argument("--notices", type=int, default=5_000, help="the server's own work grows with their square")
    options = parser.parse_args()
    log.set_up_logging("text")
    os.environ |= {"AWS_ACCESS_KEY_ID": "none", "AWS_SECRET_ACCESS_KEY": "none", "AWS_DEFAULT_REGION": "us-east-1"}
    with tempfile.TemporaryDirectory(prefix="uda-bench-") as folder:
        server = _server()
        try:
            found = _measure(Path(folder), server.pid, options.notices)
        finally:
            server.terminate()
            server.wait()
    RESULTS.write_text(json.dumps(found, indent=2) + "\n", encoding="utf-8")
    print(json.dumps(found, indent=2))


def _server() -> subprocess.Popen[bytes]:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    command = [sys.executable, str(Path(__file__).with_name("queue_server.py")), "-H", "127.0.0.1", "-p", str(port)]
    server = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    os.environ["AWS_ENDPOINT_URL"] = f"http://127.0.0.1:{port}"
    for _ in range(START_SECONDS * 10):
        with socket.socket() as door:
            if door.connect_ex(("127.0.0.1", port)) == 0:
                return server
        time.sleep(0.1)
    server.terminate()
    raise SystemExit(f"the queue's server did not start within {START_SECONDS} s")


def _measure(folder: Path, server: int, notices: int) -> dict[str, Any]:
    sqs = boto3.client("sqs")
    config = replace(load_config(None, {}), lake=str(folder / "lake"), landing=str(folder / "landing"))
    store = Store(session(config.spark, progress=False), config.lake, start_run())
    _drain(store, config, sqs, folder / "landing", FEW, 0, server)
    whole = _drain(store, config, sqs, folder / "landing", notices, 1, server)
    held = store.read(BACKUPS).count()
    if held != FEW + notices:
        raise SystemExit(f"{held} backups of {FEW + notices} are there")
    queue = _filled(sqs, _notices(folder / "landing", notices, 1))
    with measured([server]) as taking:  # the same without reading: what the queue and looking at the dumps cost
        pulled = queue_at(queue, store.run.moment, 24)
        for messages in pulled.batches():
            named(messages, config.landing, {})
            pulled.delete(messages)
    return {
        "notices": notices,
        "cores": os.cpu_count(),
        "cpu_ms_a_notice": {
            "taken, dump looked at, deleted": round(taking.cpu / notices * 1000, 2),
            "all of ingest": round(whole.cpu / notices * 1000, 2),
        },
        "wall_seconds": {"taken": round(taking.wall, 1), "all of ingest": round(whole.wall, 1)},
        "peak_mb": whole.peak_mb,
    }


def _drain(store: Store, config: Config, sqs: Any, landing: Path, count: int, turn: int, server: int) -> Any:
    queue = _filled(sqs, _notices(landing, count, turn))
    with measured([server]) as cost:
        run_stage("ingest", store, replace(config, queue=queue))
    return cost


def _notices(landing: Path, count: int, turn: int) -> list[str]:
    """Notices of one backup each of many servers, whose dumps are landed if they are not there."""
    ended = BEGINNING + timedelta(days=turn)
    found = []
    for device in range(count):
        record = {
            "schema": "phoenix/1", "organizationID": "acme", "serverID": f"server-{turn}-{device}", "backupSetID": "bs",
            "jobID": f"job-{device}", "jobType": "incremental", "jobStatus": "successful",
            "startTime": f"{ended:%Y-%m-%dT%H:%M:%SZ}", "endTime": f"{ended + timedelta(minutes=2):%Y-%m-%dT%H:%M:%SZ}",
            "fileStats": {"added": 14, "modified": 18, "deleted": 5, "skipped": 0, "total": 1909, "folders": 50},
            "byteStats": {"source": 15022199, "changed": 260764, "transferred": 143420, "stored": 117343},
        }  # fmt: skip
        dump = landing / "phoenix" / f"server-{turn}-{device}" / f"{ended:%Y%m%dT%H%M%SZ}.jsonl"
        if not dump.exists():
            dump.parent.mkdir(parents=True)
            dump.write_text(json.dumps(record) + "\n")
        content = dump.read_bytes()
        dump_said = {"uri": str(dump), "bytes": len(content), "sha256": hashlib.sha256(content).hexdigest()}
        found.append(json.dumps({"schema": "uda.backup_complete/1", "product": "phoenix", "dump": dump_said}))
    return found


def _filled(sqs: Any, notices: list[str]) -> str:
    """A queue that holds the notices."""
    queue = str(sqs.create_queue(QueueName=f"notices-{time.monotonic_ns()}")["QueueUrl"])
    for start in range(0, len(notices), AT_ONCE):
        part = notices[start : start + AT_ONCE]
        entries = [{"Id": str(turn), "MessageBody": body} for turn, body in enumerate(part)]
        sqs.send_message_batch(QueueUrl=queue, Entries=entries)
    return queue


if __name__ == "__main__":
    main()
