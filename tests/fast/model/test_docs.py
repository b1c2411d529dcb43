import re
from pathlib import Path

import pytest

from benchmarks.detection.tables import PAGE as PAGE_PATH
from benchmarks.detection.tables import measured_tables, with_tables
from jobs.model.point_sets import SETS
from jobs.model.signals import KIND_OF_SIGNAL, SIGNALS, UNIT_OF_SIGNAL
from jobs.model.sub_kinds import SUB_KINDS

ROOT = Path(__file__).resolve().parents[3]
PAGE = PAGE_PATH.read_text("utf-8")
TABLES = measured_tables()


def test_every_heading_that_the_code_cites_is_there():
    for name in ("model", "detection"):
        headings = set(re.findall(r"^## (.+)$", (ROOT / "docs" / f"{name}.md").read_text("utf-8"), re.MULTILINE))
        for path in (ROOT / "jobs").rglob("*.py"):
            for cited in re.findall(rf"docs/{name}\.md, ((?:\"[^\"]+\"(?: and )?)+)", path.read_text("utf-8")):
                assert set(re.findall(r'"([^"]+)"', cited)) <= headings, path


def test_the_table_of_signals_names_each_with_its_unit_and_kind():
    table = [line for line in PAGE.splitlines() if line.startswith("| `")]
    for signal in SIGNALS:
        (line,) = (line for line in table if f"`{signal}`" in line.split("|")[1])
        assert UNIT_OF_SIGNAL[signal] in line.split("|")[3]
        assert KIND_OF_SIGNAL[signal] in line.split("|")[4]


def test_every_sub_kind_stands_with_its_kind_and_every_set_is_named():
    for sub_kind in SUB_KINDS:
        assert f"| {sub_kind.name} | {sub_kind.kind} |" in PAGE
    assert all(f"**{name}**" in PAGE for name in SETS)


@pytest.mark.parametrize("name", TABLES)
def test_the_figures_of_the_page_are_those_that_were_measured(name):
    assert TABLES[name] in PAGE


def test_new_figures_take_the_place_of_the_old_ones_and_nothing_else_changes():
    page = "before\n\n| a | b |\n| --- | --- |\n| old | 1 |\n| old | 2 |\n\n| c |\n| --- |\n| kept |\nafter"
    new = "| a | b |\n| --- | --- |\n| new | 3 |"
    assert with_tables(page, {"": new}) == f"before\n\n{new}\n\n| c |\n| --- |\n| kept |\nafter"
    assert with_tables(PAGE, TABLES) == PAGE
