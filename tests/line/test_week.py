"""A week of a fleet of five products: their notices, two attacks, a crash, and a verdict that changes the next day."""

from __future__ import annotations

import os
import random
import signal
import subprocess
import sys
import time
from collections import Counter
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest

from jobs.channel_settings import Jsonl
from jobs.cli import main
from jobs.config import Sealed
from jobs.keys import make_key
from jobs.report.reading import rows_of
from jobs.stages import STAGES, run_stage
from jobs.tables import ALERTS, ANOMALIES, BACKUPS, REJECTS
from tests.conftest import SETTINGS, store_of
from tests.fast.notices.aws import aws, held, make_visible, queue_with_dead_letters, topic_for
from tests.line.publishers import Publisher, cloudranger, insync, phoenix, restic, sfapex
from tests.rows import FIRST_DAY

UDA = Path(sys.executable).with_name("uda")
TAUGHT = 61  # days of history before the week
MONDAY, TUESDAY, WEDNESDAY, THURSDAY, SUNDAY = (TAUGHT + day for day in (0, 1, 2, 3, 6))
ENCRYPTED = {"filesUpdated": 1_400, "bytesChanged": 11_000_000, "bytesTransferred": 10_980_000}
PER_DAY = 6  # backups of the fleet


@pytest.fixture
def environment(monkeypatch):
    with aws() as settings:
        for name, value in settings.items():
            monkeypatch.setenv(name, value)
        yield settings


def of_day(publisher, day):
    """What the fleet's backups of a day leave, and the notices of it. Two devices are attacked on two days."""
    is_attacked = day in (WEDNESDAY, THURSDAY)
    attacked = insync("laptop-2", day, **(ENCRYPTED if is_attacked else {}))
    wiped = phoenix("nas1", day, 900 if day == WEDNESDAY else 450, 1_000) if is_attacked else phoenix("nas1", day)
    runs = [("insync", "laptop-2", [attacked]), ("insync", "laptop-3", [insync("laptop-3", day)])]
    runs += [("phoenix", "nas1", [wiped]), ("cloudranger", "vol-1", [cloudranger("vol-1", day)])]
    runs += [("sfapex", "org-1", [sfapex("org-1", day)])]
    notices = [publisher.leave(product, device, day, {"jsonl": said}) for product, device, said in runs]
    return [*notices, publisher.leave("restic", "pi", day, restic(day))]


def history(publisher):
    """What was there before: a dump a device, of all days."""
    days = range(TAUGHT)
    runs = [("insync", name, [insync(name, day) for day in days]) for name in ("laptop-2", "laptop-3")]
    runs += [("phoenix", "nas1", [phoenix("nas1", day) for day in days])]
    runs += [("cloudranger", "vol-1", [cloudranger("vol-1", day) for day in days])]
    runs += [("sfapex", "org-1", [sfapex("org-1", day) for day in days])]
    # Named by its first day, for the last one may be landed again.
    return [publisher.leave(product, device, 0, {"jsonl": said}) for product, device, said in runs]


def noon(day):
    return FIRST_DAY.replace(hour=12) + timedelta(days=day)


def killed_run(config, queue, folder, environment, day):
    """Start the installed command, as cron does, and kill it once it has read the queue."""
    channel = '[channels.file]\nkind = "jsonl"\npath = "{}"\n'.format(config.channels["file"].path)
    [(key_id, path)] = config.sealed.key_files.items()
    settings = "[spark]\n" + "".join(f'"{key}" = "{value}"\n' for key, value in SETTINGS.items())
    (folder / "uda.toml").write_text(f'{channel}[sealed.key_files]\n"{key_id}" = "{path}"\n{settings}', "utf-8")
    arguments = [UDA, "run", "--lake", config.lake, "--landing", config.landing, "--queue", queue]
    arguments += ["--config", folder / "uda.toml", "--moment", noon(day).isoformat()]
    with subprocess.Popen(
        arguments, cwd=folder, env=environment, stderr=subprocess.PIPE, text=True, start_new_session=True
    ) as process:
        said = []
        for line in process.stderr:
            said.append(line)
            if "started stage=ingest" in line:
                break
        log = Path(config.lake) / "backups" / "_delta_log"
        commits = len(list(log.glob("*.json")))
        while process.poll() is None and len(list(log.glob("*.json"))) == commits:
            time.sleep(0.02)  # until what it read is written, and before it could tell the queue
        os.killpg(process.pid, signal.SIGKILL)
        process.stderr.close()
    assert process.returncode == -signal.SIGKILL, "".join(said)


def told(config):
    """Event and device of each message about an episode that was delivered, once for each."""
    rows = [row for row in rows_of(config.lake, ALERTS) if row["event"] in ("started", "grown", "resolved")]
    assert all(row["status"] == "delivered" for row in rows)
    return sorted((row["event"], row["device_id"]) for row in rows)


def test_a_week(spark, config, environment, tmp_path):
    queue, dead = queue_with_dead_letters("week", 5)
    make_key(tmp_path / "laptops.json")
    config = replace(
        config,
        queue=queue,
        sealed=Sealed({"laptops": str(tmp_path / "laptops.json")}, {}, {}),
        channels={"file": Jsonl("file", str(tmp_path / "alerts.jsonl"))},
    )
    publisher = Publisher(Path(config.landing), topic_for(queue), "insync", tmp_path / "laptops.json")
    draw = random.Random(5)

    def day_of(day):
        notices = of_day(publisher, day)
        notices += draw.sample(notices, 2)  # at least once, in no order
        draw.shuffle(notices)
        publisher.tell(notices)

    def run(day):
        for stage in STAGES:
            run_stage(stage, store_of(spark, config, noon(day)), config)

    publisher.tell(history(publisher))
    day_of(MONDAY)
    day_of(TUESDAY)
    run(TUESDAY)
    assert told(config) == []

    # Wednesday: two devices are attacked, and the run is killed after its first commit.
    day_of(WEDNESDAY)
    killed_run(config, queue, tmp_path, environment, WEDNESDAY)
    make_visible(queue)

    # Thursday it goes on: four anomalies in all, and two messages.
    day_of(THURSDAY)
    run(THURSDAY)
    anomalies = rows_of(config.lake, ANOMALIES)
    assert Counter(row["device_id"] for row in anomalies) == {"laptop-2": 2, "nas1": 2}
    assert {row["device_id"]: row["anomaly_kind"] for row in anomalies} == {"laptop-2": "encrypt", "nas1": "delete"}
    announced = [("started", "laptop-2"), ("started", "nas1")]
    assert told(config) == announced
    last_good = {row["device_id"]: row["last_good_at"] for row in anomalies}
    assert {at.date() for at in last_good.values()} == {(FIRST_DAY + timedelta(days=TUESDAY)).date()}

    # Somebody says that one was a move that had been planned; the next days tell.
    first = min((row for row in anomalies if row["device_id"] == "nas1"), key=lambda row: row["ended_at"])
    places = ["--lake", config.lake, "--landing", config.landing, "--moment", noon(THURSDAY).isoformat()]
    assert main(["feedback", first["anomaly_id"], "new_baseline", "--by", "ann", *places]) == 0
    for day in range(THURSDAY + 1, SUNDAY + 1):
        day_of(day)
    run(SUNDAY)
    status = {(row["device_id"], row["status"]) for row in rows_of(config.lake, ANOMALIES)}
    assert status == {("laptop-2", "resolved"), ("nas1", "new_baseline")}
    assert told(config) == [("resolved", "laptop-2"), ("resolved", "nas1"), *announced]
    assert len(Path(config.channels["file"].path).read_text().splitlines()) == 4

    # Every backup once, every message gone.
    store = store_of(spark, config)
    backups = store.read(BACKUPS).collect()
    assert len(backups) == 5 * TAUGHT + 7 * PER_DAY
    assert Counter(row["product"] for row in backups)["insync"] == 2 * (TAUGHT + 7)
    assert len({(row["product"], row["device_id"], row["backup_id"]) for row in backups}) == len(backups)
    assert store.read(REJECTS).collect() == []
    assert (held(queue), held(dead)) == (0, 0)
