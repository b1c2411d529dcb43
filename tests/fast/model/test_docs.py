import json
import re
from pathlib import Path

import pytest

from jobs.model.signals import KIND_OF_SIGNAL, SIGNALS, UNIT_OF_SIGNAL

ROOT = Path(__file__).resolve().parents[3]
PAGE = (ROOT / "docs" / "detection.md").read_text("utf-8")
RESULTS = ROOT / "benchmarks" / "results" / "first_model.json"
ROW_OF_ATTACK = {
    "encrypt in place, 10 %": "inplace_0.1",
    "encrypt in place, 2 %": "inplace_0.02",
    "encrypt 5 % of every file": "5pct_1",
    "encrypt and rename, 2 %": "rename_0.02",
    "overwrite all with zeros": "wipe_1",
    "delete all": "delete_1",
    "delete 50 %": "delete_0.5",
    "delete 10 %": "delete_0.1",
    "delete 2 %": "delete_0.02",
    "add 50 %": "add_0.5",
    "add 10 %": "add_0.1",
    "stage archives of half the data": "stage_0.5",
    "mean of the 20 headline attacks": "mean of the headline attacks",
}


def numbers(row):
    cells = PAGE.partition(f"| {row} |")[2].partition("\n")[0]
    return [float(number) for number in re.findall(r"(?<![\d.])\d*\.\d+", cells)]


def test_every_heading_that_the_code_cites_is_there():
    headings = set(re.findall(r"^## (.+)$", PAGE, re.MULTILINE))
    for path in (ROOT / "jobs").rglob("*.py"):
        for cited in re.findall(r"docs/detection\.md, ((?:\"[^\"]+\"(?: and )?)+)", path.read_text("utf-8")):
            assert set(re.findall(r'"([^"]+)"', cited)) <= headings, path


def test_the_table_of_signals_names_each_with_its_unit_and_kind():
    table = [line for line in PAGE.splitlines() if line.startswith("| `")]
    for signal in SIGNALS:
        (line,) = (line for line in table if f"`{signal}`" in line.split("|")[1])
        assert UNIT_OF_SIGNAL[signal] in line.split("|")[3]
        assert KIND_OF_SIGNAL[signal] in line.split("|")[4]


@pytest.mark.parametrize(("row", "attack"), ROW_OF_ATTACK.items())
def test_the_figures_of_the_page_are_those_that_were_measured(row, attack):
    judged = json.loads(RESULTS.read_text("utf-8"))["judged"]
    measured = []
    for histories in ("devices_open2", "whole_open2"):
        found = judged[histories]["recall"][attack]
        measured += [found["budget 1"], found["budget 4"], found["kind right"]]
    assert numbers(row) == pytest.approx(measured, abs=0.0051)


def test_the_measured_model_is_the_shipped_one():
    shipped = json.loads((ROOT / "jobs" / "model" / "fleet_model.json").read_text("utf-8"))
    measured = json.loads(RESULTS.read_text("utf-8"))["fleet_model"]
    assert measured == {"fleet_name": shipped["fleet_name"], **shipped["provenance"]}
