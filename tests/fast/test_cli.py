"""The command line: what it says of itself, and the exit status that scripts rely on. No test starts Spark."""

import json
import re
import subprocess
import sys
from pathlib import Path

import pytest

from jobs import __version__
from jobs.cli import STAGES, main, parser

BESIDE_A_LAKE = ("read", "simulate", "backtest", "seal")
LISTINGS = ("anomalies", "devices", "runs", "search", "alerts")
COMMANDS = ("run", *STAGES, *LISTINGS, "feedback", "device", "erase", *BESIDE_A_LAKE, "doctor")


NEEDED = {
    "feedback": ("3f9c", "confirmed"),
    "device": ("retire", "nas"),
    "erase": ("device", "nas"),
    "search": ("kind:delete",),
}


@pytest.fixture(autouse=True)
def elsewhere(tmp_path, monkeypatch):
    """A working directory, and an environment, without a configuration; lines as wide as the golden ones."""
    monkeypatch.chdir(tmp_path)
    for name in ("UDA_CONFIG", "UDA_LAKE", "UDA_LANDING"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("COLUMNS", "120")
    return tmp_path


def status_of(*arguments):
    """Exit status, whether main returns it or argparse leaves with it."""
    try:
        return main(arguments)
    except SystemExit as left:
        return left.code


def test_help_lists_every_command_with_what_it_does_and_the_exit_statuses(capsys):
    assert status_of("--help") == 0
    said = capsys.readouterr().out
    for command in COMMANDS:
        assert re.search(rf"^    {command}\s+\w+ \w+", said, re.MULTILINE), command
    assert "exit status: 0 done" in said


@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_says_what_it_does_and_explains_each_option(command, capsys):
    assert status_of(command, "--help") == 0
    said = capsys.readouterr().out
    assert said.startswith(f"usage: uda {command} ")
    options = [line for line in said.splitlines() if line.startswith("  -")]
    of_lakes = set() if command in BESIDE_A_LAKE else {"--lake", "--config"}
    assert of_lakes <= {line.split()[0] for line in options}
    assert all(len(line.split("  ", 2)[-1].split()) > 2 for line in options), options


def test_every_stage_is_a_command_and_run_is_all_of_them():
    words = next(action for action in parser()._actions if action.dest == "word")
    assert tuple(words.choices) == COMMANDS


def test_the_version_is_the_packages(capsys):
    assert status_of("--version") == 0
    assert capsys.readouterr().out == f"uda {__version__}\n"


@pytest.mark.parametrize(
    "arguments",
    [
        (),
        ("frobnicate",),
        ("score", "--landing", "x"),
        ("anomalies", "--limit", "few"),
        ("alerts", "test"),
        ("alerts", "frobnicate"),
        ("run", "--log", "xml"),
        ("run", "--moment", "yesterday"),
        ("run", "--moment", "2025-03-30T21:00:00"),
        ("simulate", "--backups", "b.parquet"),
        ("simulate", "--backups", "b.parquet", "--out", "w.parquet", "--seed", "-1"),
        ("backtest", "--backups", "b.parquet", "--out", "d", "--refit-every", "0"),
        ("backtest", "--backups", "b.parquet", "--out", "d", "--budget", "0"),
        ("backtest", "--backups", "b.parquet", "--out", "d", "--budget", "nan"),
    ],
    ids=" ".join,
)
def test_wrong_usage_is_status_2_with_a_line_that_says_so(arguments, capsys):
    assert status_of(*arguments) == 2
    said = capsys.readouterr()
    assert said.out == ""
    assert said.err.startswith("usage: uda")


@pytest.mark.parametrize("command", [word for word in COMMANDS if word not in (*BESIDE_A_LAKE, "doctor")])
def test_a_command_without_a_lake_is_status_2_and_says_how_to_name_one(command, capsys):
    assert status_of(command, *NEEDED.get(command, ())) == 2
    assert capsys.readouterr().err == "uda: no lake: say --lake DIR, or set lake in the configuration\n"


def test_run_and_ingest_need_a_landing_folder_that_is_there(capsys):
    for command in ("run", "ingest"):
        assert status_of(command, "--lake", "lake") == 2
        assert status_of(command, "--lake", "lake", "--landing", "nowhere") == 2
    said = capsys.readouterr().err.splitlines()
    assert said == 2 * [
        "uda: no landing folder: say --landing DIR, or set landing in the configuration",
        "uda: nowhere: no such folder; make it, and land records in its folder canonical/",
    ]


def test_a_configuration_with_faults_is_status_2_with_a_line_a_fault(capsys):
    Path("local.toml").write_text("[score]\nbudgett = 1\n[train]\naged_days = 'x'\n")
    assert status_of("anomalies", "--lake", "lake", "--config", "local.toml") == 2
    assert capsys.readouterr().err.splitlines() == [
        'uda: local.toml [score]: unknown key "budgett" (did you mean "budget"?)',
        "uda: train.aged_days: must be int, got 'x'",
    ]


def test_the_lake_may_come_from_the_configuration_and_the_option_wins(capsys, monkeypatch):
    monkeypatch.setenv("UDA_LAKE", "from-environment")
    assert status_of("anomalies") == 1
    assert status_of("anomalies", "--lake", "from-option") == 1
    first, second = capsys.readouterr().err.splitlines()
    assert "from-environment" in first
    assert "from-option" in second


@pytest.mark.parametrize("command", ["anomalies", "devices", "runs", "alerts"])
def test_a_listing_of_a_lake_that_is_not_there_is_status_1_with_one_line_that_says_what_to_do(command, capsys):
    assert status_of(command, "--lake", "nowhere") == 1
    said = capsys.readouterr()
    assert said.out == ""
    assert len(said.err.splitlines()) == 1
    assert f"no table {command} in" in said.err
    assert "uda run --lake" in said.err
    assert not Path("nowhere").exists()


def test_help_and_listings_load_neither_spark_nor_mlflow():
    script = (
        "import sys; from jobs.cli import main; status = main(['anomalies', '--lake', 'nowhere'])\n"
        "import json; print(json.dumps([status, sorted({'pyspark', 'mlflow'} & set(sys.modules))]))"
    )
    root = Path(__file__).parents[2]
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True, cwd=root)
    assert json.loads(done.stdout) == [1, []]


@pytest.mark.parametrize("stage", STAGES)
def test_each_stage_is_a_job_that_takes_the_options_of_its_command(stage):
    job = Path(__file__).resolve().parents[2] / "jobs" / stage / "job.py"
    last = job.read_text("utf-8").rstrip().splitlines()[-4:]
    assert last == [
        'if __name__ == "__main__":',
        "    from jobs.cli import main",
        "",
        f'    sys.exit(main(["{stage}", *sys.argv[1:]]))',
    ]
