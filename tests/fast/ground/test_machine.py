"""tools/machine.sh on machines that lack something, played by stubs on its PATH."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[3]
REAL = ("awk", "bash", "cat", "dirname", "grep", "mkdir", "env")


class Machine:
    """A copy of the script in a tree of its own, with a PATH that holds what the test puts there."""

    def __init__(self, folder: Path) -> None:
        self.tree, self.path = folder / "tree", folder / "bin"
        (self.tree / "tools").mkdir(parents=True)
        (self.tree / "jobs" / "doctor").mkdir(parents=True)
        self.path.mkdir()
        shutil.copy(ROOT / "tools" / "machine.sh", self.tree / "tools")
        # Java is there once the file `java` is: what really finds it has tests of its own.
        (self.tree / "jobs" / "doctor" / "java.py").write_text(
            "import pathlib, sys\n"
            "home = pathlib.Path('java')\n"
            "sys.stdout.write('/java\\n') if home.exists() else sys.exit('Java 17 to 22 is needed; found no Java')\n"
        )
        for name in REAL:
            (self.path / name).symlink_to(shutil.which(name))
        self.command("python3.11", f'exec {sys.executable} "$@"')
        self.command("df", "echo Filesystem 1024-blocks Used Available; echo /dev/x 9 9 5000000")
        self.command("id", "echo 1000")

    def command(self, name: str, body: str) -> None:
        (self.path / name).write_text(f"#!/bin/sh\n{body}\n")
        (self.path / name).chmod(0o755)

    def run(self) -> subprocess.CompletedProcess:
        script = [str(self.path / "bash"), str(self.tree / "tools" / "machine.sh")]
        return subprocess.run(script, env={"PATH": str(self.path)}, capture_output=True, text=True, cwd=os.sep)

    def with_java(self) -> "Machine":
        (self.tree / "java").touch()
        return self


@pytest.fixture
def machine(tmp_path):
    return Machine(tmp_path)


def test_a_machine_that_has_all_is_told_nothing(machine):
    done = machine.with_java().run()
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
    assert (machine.tree / ".venv" / ".java").read_text() == "/java\n"
    assert (machine.tree / ".venv" / ".python").read_text() == f"{machine.path}/python3.11\n"


def test_too_little_disk_is_one_line_that_says_how_much(machine):
    machine.command("df", "echo Filesystem 1024-blocks Used Available; echo /dev/x 9 9 1048576")
    done = machine.with_java().run()
    assert done.returncode == 1
    assert done.stderr.splitlines() == [
        "make: 4 GB of free disk are needed here, 1024 MB are left: make room, then type this again"
    ]


def test_without_java_a_plain_user_gets_one_line_that_says_what_to_type(machine):
    done = machine.run()
    assert done.returncode == 1
    assert len(done.stderr.splitlines()) == 1
    assert "apt-get install openjdk-17-jre-headless" in done.stderr


@pytest.mark.skipif(not Path("/etc/debian_version").exists(), reason="asks the distribution's own os-release")
def test_without_java_root_on_debian_installs_it_without_a_question(machine):
    machine.command("id", "echo 0")
    machine.command("apt-get", f'echo "$DEBIAN_FRONTEND $@" >>{machine.tree}/apt; case "$*" in *jre*) >java;; esac')
    done = machine.run()
    assert done.returncode == 0, done.stderr
    assert (machine.tree / "apt").read_text().splitlines() == [
        "noninteractive update -qq",
        "noninteractive install -y -qq --no-install-recommends -o DPkg::Lock::Timeout=300 openjdk-17-jre-headless",
    ]


@pytest.mark.skipif(not Path("/etc/debian_version").exists(), reason="asks the distribution's own os-release")
def test_where_java_17_is_not_to_be_had_21_is_tried_and_then_one_line_says_what_to_type(machine):
    machine.command("id", "echo 0")
    machine.command("apt-get", f'echo "$@" >>{machine.tree}/apt; [ "$1" = update ]')
    done = machine.run()
    assert done.returncode == 1
    assert "openjdk-21-jre-headless" in (machine.tree / "apt").read_text()
    assert done.stderr.splitlines()[-1].startswith("make: Java 17 to 22 is needed; found no Java: install it")


def test_a_python_that_does_not_start_is_passed_over(machine):
    machine.command("python3.11", "exit 127")  # as a version manager's shim without that version
    machine.command("python3", f'exec {sys.executable} "$@"')
    assert machine.with_java().run().returncode == 0
    assert (machine.tree / ".venv" / ".python").read_text() == f"{machine.path}/python3\n"


def test_an_environment_that_is_done_needs_no_disk_and_no_other_python(machine):
    (machine.tree / ".venv" / "bin").mkdir(parents=True)
    (machine.tree / ".venv" / "bin" / "python").symlink_to(machine.path / "python3.11")
    (machine.tree / ".venv" / ".packages").touch()
    machine.command("df", "exit 1")
    assert machine.with_java().run().returncode == 0
