"""The scripts of docs/bring-your-own.md around the real tools, from the first backup to the anomaly."""

from __future__ import annotations

import configparser
import os
import random
import shutil
import stat
import subprocess
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from jobs.tables import ANOMALIES, BACKUPS, REJECTS
from tests.conftest import store_of
from tests.fast.docs.pages import blocks

FIRST = datetime(2025, 1, 1, 2, 15, tzinfo=UTC)
BACKUPS_MADE = 20
FIRST_DAYS = 3  # so that what came before teaches enough
FILES = 400
WORDS = [f"word{number}" for number in range(3000)]
# A new repository's password check alone would take half a second a call otherwise.
SETTINGS = {
    "restic": {"RESTIC_REPOSITORY": "repository", "RESTIC_PASSWORD": "secret", "GOMAXPROCS": "1"},
    "borg": {"BORG_REPO": "repository", "BORG_UNKNOWN_UNENCRYPTED_REPO_ACCESS_IS_OK": "yes"},
}
INIT = {"restic": ["restic", "init"], "borg": ["borg", "init", "--encryption", "none"]}


@pytest.fixture(params=["restic", "borg"])
def product(request):
    if not shutil.which(request.param):
        pytest.skip(f"{request.param} is not installed; tools/backup_tools.sh says how")
    return request.param


class Machine:
    """A machine with files, a repository, the page's script and a clock that the test sets."""

    def __init__(self, product, folder, landing):
        self.product, self.folder, self.landing = product, folder, landing / product / "nas1"
        self.source = folder / "files"
        self.script = folder / f"uda-{product}"
        (code,) = (code for code in blocks("docs/bring-your-own.md", "sh") if f"# uda-{product} " in code)
        self._program(self.script, code)
        # `date` is all that a script knows of time; it must not know more than the test.
        self._program(folder / "bin" / "date", '#!/bin/sh\nexec /bin/date -u -d "$NOW" "$2"\n')
        environment = {**SETTINGS[product], "HOME": str(folder), "PATH": f"{folder / 'bin'}:{os.environ['PATH']}"}
        self.environment = {**environment, f"{product.upper()}_CACHE_DIR": str(folder / "cache")}
        subprocess.run(INIT[product], cwd=folder, env=self.environment, check=True, capture_output=True)

    def _program(self, file, code):
        file.parent.mkdir(exist_ok=True)
        file.write_text(code, "utf-8")
        file.chmod(file.stat().st_mode | stat.S_IEXEC)

    def back_up(self, day):
        environment = {**self.environment, "NOW": f"{FIRST + timedelta(days=day):%Y-%m-%d %H:%M:%S}"}
        command = [str(self.script), str(self.source), str(self.landing)]
        return subprocess.run(command, cwd=self.folder, env=environment, check=False, timeout=120).returncode


def write_text(file, draw):
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(" ".join(draw.choices(WORDS, k=600)), "utf-8")


def live_a_day(source, day, draw):
    """A few files are edited, one or two appear, now and then one goes."""
    files = sorted(source.rglob("*.txt"))
    for file in draw.sample(files, k=draw.randrange(2, 7)):
        write_text(file, draw)
    for number in range(draw.randrange(1, 3)):
        write_text(source / f"folder{draw.randrange(8)}" / f"new-{day}-{number}.txt", draw)
    if draw.random() < 0.4:
        draw.choice(files).unlink()


def encrypt_in_place(source, share, draw):
    files = sorted(source.rglob("*.txt"))
    for file in draw.sample(files, k=round(share * len(files))):
        file.write_bytes(draw.randbytes(file.stat().st_size))


# One tool: what borg's script leaves is read in tests/fast/readers/test_hooks.py.
@pytest.mark.parametrize("product", ["restic"], indirect=True)
def test_real_backups_the_last_with_a_tenth_encrypted_give_the_alert_and_the_backup_before_it(
    product, spark, config, run_line, tmp_path
):
    machine = Machine(product, tmp_path / "machine", Path(config.landing))
    draw = random.Random(4)
    for number in range(FILES):
        write_text(machine.source / f"folder{number % 8}" / f"file-{number}.txt", draw)
    for day in range(BACKUPS_MADE):
        if day == BACKUPS_MADE - 1:
            encrypt_in_place(machine.source, 0.1, draw)
        elif day:
            live_a_day(machine.source, day, draw)
        assert machine.back_up(day) == 0
    run_line(replace(config, train=replace(config.train, first_days=FIRST_DAYS)))

    store = store_of(spark, config)
    assert store.read(REJECTS).count() == 0
    backups = store.read(BACKUPS).orderBy("ended_at").collect()
    assert [row["status"] for row in backups] == ["complete"] * BACKUPS_MADE
    assert [row["backup_kind"] for row in backups] == ["full"] + ["incremental"] * (BACKUPS_MADE - 1)
    assert backups[-1]["files_updated"] == round(0.1 * backups[-2]["files_total"])
    (anomaly,) = store.read(ANOMALIES).collect()
    assert (anomaly["product"], anomaly["device_id"]) == (product, "nas1")
    assert anomaly["backup_id"] == backups[-1]["backup_id"]
    # Before 0.17 restic does not say how well files compressed; then nothing tells encryption from another change.
    says_compression = backups[-1]["bytes_compressed"] is not None
    assert anomaly["anomaly_kind"] == ("encrypt" if says_compression else "modify")
    assert says_compression or product == "restic"
    assert anomaly["last_good_backup_id"] == backups[-2]["backup_id"]
    # The script's diff names each file.
    assert anomaly["paths_listed"] == backups[-1]["files_updated"]
    assert anomaly["extensions"] == [f"{backups[-1]['files_updated']} updated: .txt"]


def test_a_unit_starts_the_script_of_its_page(product):
    """What each unit of the page starts is what the page says to save, and its cron line starts the same."""
    units = [
        configparser.ConfigParser(strict=False, interpolation=None) for _ in blocks("docs/bring-your-own.md", "ini")
    ]
    for unit, text in zip(units, blocks("docs/bring-your-own.md", "ini"), strict=True):
        unit.optionxform = str
        unit.read_string(text)
    started = [unit["Service"]["ExecStart"] for unit in units if unit.has_section("Service")]
    (command,) = (each for each in started if f"uda-{product}" in each)
    (cron,) = (text for text in blocks("docs/bring-your-own.md", "cron") if f"uda-{product}" in text)
    assert cron.splitlines()[-1].endswith(f"root {command}")
    assert command.endswith(f"/landing/{product}/nas1")
    assert f"Save as `{command.split()[0]}`" in Path("docs/bring-your-own.md").read_text("utf-8")
