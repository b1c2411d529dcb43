"""A week of a fleet of five products: their notices, two attacks, a crash, and a verdict that changes the next day.

Everything where a fleet has it: dumps and tables in a bucket, notices in a queue, keys in KMS.
"""

from __future__ import annotations

import os
import random
import signal
import subprocess
import sys
import time
from collections import Counter
from datetime import timedelta
from pathlib import Path

import boto3
import pytest

from jobs.report.reading import rows_of
from jobs.tables import ALERTS, ANOMALIES, BACKUPS, REJECTS
from tests.conftest import SETTINGS
from tests.fast.notices.aws import aws, held, make_visible, queue_with_dead_letters, topic_for
from tests.line.publishers import Publisher, cloudranger, insync, phoenix, restic, sfapex
from tests.rows import FIRST_DAY

UDA = Path(sys.executable).with_name("uda")
TAUGHT = 40  # days of history before the week
MONDAY, TUESDAY, WEDNESDAY, THURSDAY, SUNDAY = (TAUGHT + day for day in (0, 1, 2, 3, 6))
ENCRYPTED = {"filesUpdated": 1_400, "bytesChanged": 11_000_000, "bytesTransferred": 10_980_000}
PER_DAY = 6  # backups of the fleet


@pytest.fixture
def served(monkeypatch):
    with aws() as settings:
        for name, value in settings.items():
            monkeypatch.setenv(name, value)
        yield


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


def configure(folder, bucket, queue, key):
    """What an administrator sets for a lake and a landing in a bucket."""
    endpoint = os.environ["AWS_ENDPOINT_URL"]
    # delta-rs and Arrow take the address of the server from the environment; Spark's s3a:// wants a setting.
    hadoop = {"endpoint": endpoint, "path.style.access": "true", "connection.ssl.enabled": "false"}
    spark = {**SETTINGS, **{f"spark.hadoop.fs.s3a.{name}": value for name, value in hadoop.items()}}
    lines = [f'lake = "s3a://{bucket}/lake"', f'landing = "s3a://{bucket}/landing"', f'queue = "{queue}"']
    lines += ["[mlflow]", f'tracking_uri = "sqlite:///{folder}/mlflow.db"']
    lines += ["[channels.file]", 'kind = "jsonl"', f'path = "{folder}/alerts.jsonl"']
    lines += ["[sealed.kms_keys]", f'acme = "{key}"']
    lines += ["[spark]", *(f'"{name}" = "{value}"' for name, value in spark.items())]
    (folder / "uda.toml").write_text("\n".join(lines), "utf-8")


class Machine:
    """Where cron starts the installed command, at noon of a day."""

    def __init__(self, folder):
        self.folder = folder

    def command(self, day, *words):
        return [UDA, *words, "--config", self.folder / "uda.toml", "--moment", noon(day).isoformat()]

    def uda(self, day, *words):
        done = subprocess.run(self.command(day, *words), cwd=self.folder, capture_output=True, text=True)
        assert done.returncode == 0, done.stderr

    def killed_run(self, day, bucket):
        """A run that is killed once the tables hold what it read, and before it could tell the queue."""
        s3 = boto3.client("s3")
        with subprocess.Popen(
            self.command(day, "run"),
            cwd=self.folder,
            stderr=subprocess.DEVNULL,
            start_new_session=True,
        ) as process:
            while process.poll() is None and not backups_are_in(s3, bucket):
                time.sleep(0.1)
            os.killpg(process.pid, signal.SIGKILL)
        assert process.returncode == -signal.SIGKILL


def backups_are_in(s3, bucket):
    """The first commit makes the table, the next one fills it."""
    return "Contents" in s3.list_objects_v2(Bucket=bucket, Prefix=f"lake/backups/_delta_log/{1:020}.json")


class Lake:
    """The tables in a bucket, read from a copy: delta-rs keeps this process, in which the server is, from answering."""

    def __init__(self, bucket, folder):
        self.bucket, self.folder = bucket, folder

    def copied(self):
        s3 = boto3.client("s3")
        for page in s3.get_paginator("list_objects_v2").paginate(Bucket=self.bucket, Prefix="lake/"):
            for entry in page["Contents"]:
                file = self.folder / entry["Key"]
                if not file.exists() and not entry["Key"].endswith("/"):
                    file.parent.mkdir(parents=True, exist_ok=True)
                    file.write_bytes(s3.get_object(Bucket=self.bucket, Key=entry["Key"])["Body"].read())
        return str(self.folder / "lake")

    def rows(self, table):
        return rows_of(self.copied(), table)

    def told(self):
        """Event and device of each message about an episode that was delivered, once for each."""
        rows = [row for row in self.rows(ALERTS) if row["event"] in ("started", "grown", "resolved")]
        assert all(row["status"] == "delivered" for row in rows)
        return sorted((row["event"], row["device_id"]) for row in rows)


def test_a_week(served, tmp_path):
    bucket = "acme"
    boto3.client("s3").create_bucket(Bucket=bucket)
    queue, dead = queue_with_dead_letters("week", 5)
    key = boto3.client("kms").create_key()["KeyMetadata"]["Arn"]
    configure(tmp_path, bucket, queue, key)
    lake = Lake(bucket, tmp_path / "copy")
    machine = Machine(tmp_path)
    publisher = Publisher(bucket, topic_for(queue), "insync", key)
    draw = random.Random(5)

    def day_of(day):
        notices = of_day(publisher, day)
        notices += draw.sample(notices, 2)  # at least once, in no order
        draw.shuffle(notices)
        publisher.tell(notices)

    publisher.tell(history(publisher))
    day_of(MONDAY)
    day_of(TUESDAY)

    # Wednesday: two devices are attacked, and the first run of all is killed once its backups are in.
    day_of(WEDNESDAY)
    machine.killed_run(WEDNESDAY, bucket)
    make_visible(queue)

    # Thursday it goes on: four anomalies in all, and two messages.
    day_of(THURSDAY)
    machine.uda(THURSDAY, "run")
    anomalies = lake.rows(ANOMALIES)
    assert Counter(row["device_id"] for row in anomalies) == {"laptop-2": 2, "nas1": 2}
    assert {row["device_id"]: row["anomaly_kind"] for row in anomalies} == {"laptop-2": "encrypt", "nas1": "delete"}
    announced = [("started", "laptop-2"), ("started", "nas1")]
    assert lake.told() == announced
    last_good = {row["device_id"]: row["last_good_at"] for row in anomalies}
    assert {at.date() for at in last_good.values()} == {(FIRST_DAY + timedelta(days=TUESDAY)).date()}

    # Somebody says that one was a move that had been planned; the next days tell.
    first = min((row for row in anomalies if row["device_id"] == "nas1"), key=lambda row: row["ended_at"])
    machine.uda(THURSDAY, "feedback", first["anomaly_id"], "new_baseline", "--by", "ann")
    for day in range(THURSDAY + 1, SUNDAY + 1):
        day_of(day)
    machine.uda(SUNDAY, "run")
    status = {(row["device_id"], row["status"]) for row in lake.rows(ANOMALIES)}
    assert status == {("laptop-2", "resolved"), ("nas1", "new_baseline")}
    assert lake.told() == [("resolved", "laptop-2"), ("resolved", "nas1"), *announced]
    assert len((tmp_path / "alerts.jsonl").read_text().splitlines()) == 4

    # Every backup once, every message gone.
    backups = lake.rows(BACKUPS)
    assert len(backups) == 5 * TAUGHT + 7 * PER_DAY
    assert Counter(row["product"] for row in backups)["insync"] == 2 * (TAUGHT + 7)
    assert len({(row["product"], row["device_id"], row["backup_id"]) for row in backups}) == len(backups)
    assert lake.rows(REJECTS) == []
    page = boto3.client("s3").get_object(Bucket=bucket, Key="lake/_report/index.html")["Body"].read().decode()
    assert first["anomaly_id"] in page
    assert (held(queue), held(dead)) == (0, 0)
