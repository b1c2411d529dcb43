"""The cron lines of docs/bring-your-own.md run with the real tool, and what they leave is a backup."""

from __future__ import annotations

import os
import re
import shutil
import subprocess

import pytest

from jobs.ingest.outcomes import outcomes
from jobs.ingest.products import READERS
from tests.fast.docs.pages import blocks, text_of
from tests.fast.readers.landed import LATEST, runs

PAGE = "docs/bring-your-own.md"


def cron_line(product):
    """The command that the page gives cron for a product."""
    lines = [line for block in blocks(PAGE, "cron") for line in block.splitlines() if "uda-keep" in line]
    (command,) = (line.split(None, 6)[6] for line in lines if f"/landing/{product}/" in line)
    return command


@pytest.fixture
def machine(tmp_path):
    """A folder with the page's scripts, something to back up, and the environment to do it in."""
    for code in blocks(PAGE, "sh"):
        script = tmp_path / "bin" / code.splitlines()[1].split()[1].rstrip(":")
        script.parent.mkdir(exist_ok=True)
        script.write_text(code, "utf-8")
        script.chmod(0o755)
    (tmp_path / "data" / "folder").mkdir(parents=True)
    (tmp_path / "backup").mkdir()
    for name in ("a", "b", "folder/c"):
        (tmp_path / "data" / name).write_text(os.urandom(600).hex())
    return tmp_path


def environment(machine):
    return {**os.environ, "HOME": str(machine)}


def run_as_cron(machine, product):
    places = {"/usr/local/bin": "bin", "/var/lib/uda/landing": "landing", "/srv/data": "data", "/mnt/backup": "backup"}
    command = cron_line(product)
    for place, folder in places.items():
        command = command.replace(place, str(machine / folder))
    done = subprocess.run(["sh", "-c", command], env=environment(machine), check=False, cwd=machine, timeout=60)
    ((_, stem),) = runs(machine / "landing", product).items()
    return done.returncode, stem


def configure_borgmatic(machine):
    init = ["borg", "init", "--encryption", "none", str(machine / "backup" / "b")]
    subprocess.run(init, env=environment(machine), check=True)
    folder = machine / ".config" / "borgmatic"
    folder.mkdir(parents=True)
    places = f"source_directories: [{machine / 'data'}]\n    repositories: [{machine / 'backup' / 'b'}]"
    (folder / "config.yaml").write_text(f"location:\n    {places}\nretention:\n    keep_daily: 7\n")


@pytest.mark.parametrize("product", ["rsync", "rdiff-backup", "duplicity", "borgmatic"])
def test_a_cron_line_of_the_page_leaves_a_backup(machine, product):
    if not shutil.which(product):
        pytest.skip(f"{product} is not installed; tools/backup_tools.sh says how")
    if product == "borgmatic":
        configure_borgmatic(machine)
    returned, stem = run_as_cron(machine, product)
    assert returned == 0
    assert stem.text("exit") == b"0\n"
    (record,) = outcomes(READERS[product], stem, LATEST)
    assert (record["status"], record["backup_kind"], record["device_id"]) == ("complete", "full", "nas1")
    assert 3 <= record["files_total"] <= 5
    if product == "rdiff-backup":
        assert record["files_total"] == 3  # the list of files came along
    assert not list((machine / "landing").rglob("*.tmp"))


@pytest.mark.parametrize("product", ["restic", "borg", "rsync"])
def test_what_the_page_changes_in_a_script_makes_the_tool_list_what_changed(machine, product):
    if not shutil.which(product):
        pytest.skip(f"{product} is not installed; tools/backup_tools.sh says how")
    changes = re.findall(rf"\| {product} \| `([^`]+)` in place of `([^`]+)`", text_of(PAGE))
    ((said, before),) = changes
    command = f"bin/uda-{product} {machine / 'data'} landing/{product}/nas1"
    script = machine / "bin" / f"uda-{product}"
    if product == "rsync":
        command = f"bin/uda-keep landing/rsync/nas1 stdout.txt {said} data/ backup/"
        assert before in cron_line(product)
    else:
        assert before in script.read_text()
        script.write_text(script.read_text().replace(before, said))
    settings = {
        "RESTIC_REPOSITORY": "backup",
        "RESTIC_PASSWORD": "secret",
        "BORG_REPO": str(machine / "backup" / "b"),
        "BORG_UNKNOWN_UNENCRYPTED_REPO_ACCESS_IS_OK": "yes",
        "PATH": f"{machine / 'bin'}:{os.environ['PATH']}",
    }
    init = {"restic": "restic init", "borg": "borg init --encryption none", "rsync": "true"}[product]
    for run in (init, command):
        done = subprocess.run(
            run.split(), env=environment(machine) | settings, check=False, cwd=machine, timeout=60, capture_output=True
        )
        assert done.returncode == 0, done.stderr
    ((_, stem),) = runs(machine / "landing", product).items()
    stem.most_paths = 10
    (record,) = outcomes(READERS[product], stem, LATEST)
    names = {changed["path"].rpartition("/")[2]: changed["change"] for changed in record["file_changes"]["paths"]}
    assert names == {"a": "added", "b": "added", "c": "added"}


def test_what_a_command_that_fails_says_is_kept_and_its_status_handed_on(machine):
    script, folder = machine / "bin" / "uda-keep", machine / "landing" / "rsync" / "nas1"
    command = [str(script), str(folder), "stdout.txt", "sh", "-c", "echo out; echo why >&2; exit 11"]
    assert subprocess.run(command, check=False).returncode == 11
    ((_, stem),) = runs(machine / "landing", "rsync").items()
    (record,) = outcomes(READERS["rsync"], stem, LATEST)
    assert (record["status"], record["message"], record["exit_status"]) == ("failed", "why", 11)


@pytest.mark.parametrize("product", sorted({"rsync", "rdiff-backup", "duplicity", "kopia", "borg2", "borgmatic"}))
def test_each_cron_line_lands_in_the_folder_of_a_product_that_is_read(product):
    assert product in READERS
    assert "uda-keep /var/lib/uda/landing/" in cron_line(product)
