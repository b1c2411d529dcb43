"""The demo as a user starts it, with a stand-in for the program."""

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[3]

STAND_IN = """#!{python}
import json, pathlib, sys
command = sys.argv[1]
lake = pathlib.Path(sys.argv[sys.argv.index("--lake") + 1])
if command == {failing!r}:
    sys.exit("no Java")
if command == "run":
    lake.mkdir(parents=True)
    if {has_page}:
        (lake / "_report").mkdir()
        (lake / "_report" / "index.html").write_text("page")
elif "--json" in sys.argv:
    print({rows!r}[command])
else:
    print("LISTING OF", command)
"""
ANOMALY = {
    "device_id": "wiki-pages-d",
    "backup_id": "20250329T091723Z",
    "ended_at": "2025-03-29T09:17:23Z",
    "anomaly_kind": "delete",
    "anomaly_score": 3.2,
    "reason": "1,014 files deleted, usually 0 to 3 a backup.",
}
OTHER = {**ANOMALY, "device_id": "signatures", "reason": "900 files added, usually 12."}
SCORED = {"stage": "score", "event": "ended", "counts": {"scored": 210}}


@pytest.fixture
def demo(tmp_path):
    """Run the demo in a folder of its own; a lake of the run before is there."""

    def run(failing=None, has_page=True):
        for name in ("demo/run.py", "demo/comparison.py", "demo/attacks.csv", "demo/devices.csv", "jobs/default.toml"):
            (tmp_path / name).parent.mkdir(exist_ok=True)
            shutil.copy(ROOT / name, tmp_path / name)
        programs = tmp_path / "bin"
        programs.mkdir()
        (programs / "python").symlink_to(sys.executable)
        rows = {"anomalies": f"{json.dumps(ANOMALY)}\n{json.dumps(OTHER)}", "runs": json.dumps(SCORED)}
        text = STAND_IN.format(python=sys.executable, failing=failing, has_page=has_page, rows=rows)
        (programs / "uda").write_text(text)
        (programs / "uda").chmod(0o755)
        (tmp_path / ".demo" / "lake" / "backups").mkdir(parents=True)
        return subprocess.run(
            [programs / "python", tmp_path / "demo" / "run.py"],
            capture_output=True,
            text=True,
            check=False,
            env={**os.environ, "PYTHONDONTWRITEBYTECODE": "1"},
        )

    return run


def test_it_says_what_is_simulated_what_was_found_and_where_the_page_is(demo, tmp_path):
    done = demo()
    assert done.returncode == 0, done.stderr
    assert "These attacks are SIMULATED, and we put them there" in done.stdout
    assert "1 of 8 found, 1 of them with the right kind." in done.stdout
    assert done.stdout.count("MISSED") == 7
    assert "900 files added, usually 12." in done.stdout
    assert "210 backups of 33 devices" in done.stdout
    assert "there were 1." in done.stdout
    assert (tmp_path / ".demo" / "lake" / "_report" / "index.html").as_uri() in done.stdout
    assert (
        done.stdout.index("LISTING OF anomalies") < done.stdout.index("MISSED") < done.stdout.index("LISTING OF runs")
    )


def test_every_run_starts_with_an_empty_lake(demo, tmp_path):
    assert demo().returncode == 0
    assert not (tmp_path / ".demo" / "lake" / "backups").exists()


@pytest.mark.parametrize("command", ["run", "anomalies", "runs"])
def test_it_fails_when_the_program_fails_and_shows_why(demo, command):
    done = demo(failing=command)
    assert done.returncode == 1
    assert "no Java" in done.stderr
    assert f"`uda {command}` ended with status 1" in done.stderr


def test_a_missing_report_page_is_a_failure(demo):
    done = demo(has_page=False)
    assert done.returncode == 1
    assert "there is no report page" in done.stderr
