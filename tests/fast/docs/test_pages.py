"""What the pages name is there: commands, options, files, links, configuration keys, figures."""

import json
import re
import shlex
import sys
from pathlib import Path

import pytest

from jobs.cli import parser
from jobs.config import load_config
from jobs.tables import TABLES
from tests.fast.docs.pages import NAMES, PAGES, ROOT, anchors, blocks, commands, text_of

FOLDERS = "jobs|docs|tests|tools|demo|conf|benchmarks|notebooks"
THE_USERS_OWN = {"conf/local.toml"}


def calls_of_uda():
    for name in NAMES:
        for line in commands(name):
            found = re.search(r"(?:^|[\s/])uda((?: [^|>`]*)?)$", re.split(r" \d?>| \|\|", line)[0])
            if found and not line.startswith("pip"):
                yield pytest.param(found[1], id=f"{name}: uda{found[1]}")


def calls_of_jobs():
    for name in NAMES:
        for line in commands(name):
            found = re.search(r"^spark-submit .*?\bjobs/(\w+)/job\.py(.*)$", line)
            if found:
                yield pytest.param(found[1], found[2], id=f"{name}: {found[1]}")


@pytest.mark.parametrize("arguments", list(calls_of_uda()))
def test_every_call_of_uda_is_one_that_it_understands(arguments):
    words = shlex.split(arguments)
    if not words:
        return
    if words[1:] == []:  # the command's name alone, in a sentence
        words.append("--help")
    try:
        parser().parse_args(words)
    except SystemExit as end:
        assert end.code == 0, arguments


@pytest.mark.parametrize(("stage", "arguments"), list(calls_of_jobs()))
def test_every_spark_submit_call_names_a_stage_and_options_that_it_understands(stage, arguments):
    assert (ROOT / "jobs" / stage / "job.py").is_file()
    parser().parse_args([stage, *shlex.split(arguments)])


def test_the_readme_submits_the_stages_in_the_order_of_the_line():
    from jobs.cli import STAGES

    assert [call.values[0] for call in calls_of_jobs() if call.id.startswith("README.md")] == list(STAGES)


def test_every_make_target_that_is_named_exists():
    targets = set(re.findall(r"^([a-z-]+):", text_of("Makefile"), re.MULTILINE))
    named = {word for name in NAMES for line in commands(name) for word in re.findall(r"^make ([a-z-]+)", line)}
    assert named >= {"demo", "test", "setup"}
    assert named <= targets


def test_every_program_of_the_environment_that_is_named_is_there():
    programs = {word for name in NAMES for word in re.findall(r"\.venv/bin/([\w-]+)", text_of(name))}
    assert programs >= {"uda", "mlflow"}
    assert not [program for program in programs if not Path(sys.executable).with_name(program).exists()]


@pytest.mark.parametrize("page", PAGES, ids=NAMES)
def test_every_link_leads_somewhere(page):
    for target in re.findall(r"\]\(([^)\s]+)\)", page.read_text("utf-8")):
        if re.match(r"[a-z]+://", target):
            continue
        path, _, anchor = target.partition("#")
        there = page.parent / path if path else page
        assert there.exists(), target
        if anchor:
            assert anchor in anchors(there.read_text("utf-8")), target


@pytest.mark.parametrize("name", NAMES)
def test_no_page_names_a_file_of_the_project_that_is_not_there(name):
    named = set(re.findall(rf"(?<![\w./-])(?:{FOLDERS})/[\w./*-]*\w", text_of(name))) - THE_USERS_OWN
    own = (ROOT, (ROOT / name).parent)  # a page may name what lies beside it
    assert not [path for path in named if not any(any(folder.glob(path)) for folder in own)]


@pytest.mark.parametrize("name", NAMES)
def test_every_configuration_in_a_page_is_valid(name, tmp_path):
    for block in blocks(name, "toml"):
        (tmp_path / "local.toml").write_text(block)
        load_config(tmp_path / "local.toml", {})


def test_every_key_that_a_page_puts_into_a_section_is_a_default_of_it():
    import tomllib

    defaults = tomllib.loads(text_of("jobs/default.toml"))
    named = {pair for name in NAMES for pair in re.findall(r"`([\w.]+)`\s+in\s+`\[(\w+)\]`", text_of(name))}
    assert len(named) >= 5
    assert not [f"[{section}] {key}" for key, section in named if key not in defaults.get(section, {})]


def test_every_variable_that_is_named_sets_something():
    for name in NAMES:
        for variable in re.findall(r"\bUDA_[A-Z_]+[A-Z]", text_of(name)):
            if variable != "UDA_CONFIG":
                load_config(None, {variable: "1"})


def test_the_readme_links_each_table():
    page = text_of("README.md")
    assert not [table.name for table in TABLES if f"(docs/tables.md#{table.name})" not in page]


def test_the_picture_of_the_page_is_small():
    assert (ROOT / "docs" / "images" / "report.png").stat().st_size < 300_000


def test_the_figures_of_the_readme_are_those_that_were_measured():
    products = json.loads(text_of("benchmarks/results/detection.json"))["products"]
    judged = products["git; borg with diff"]["devices_open"]
    page = " ".join(text_of("README.md").split())
    said = re.search(
        r"in place it finds (\d+) %, of deletions of 2 % it finds (\d+) %; with 10 % touched (\d+) % and (\d+) %; "
        r"of all of them, (\d+) % and (\d+) %",
        page,
    )
    measured = ("inplace_0.02", "delete_0.02", "inplace_0.1", "delete_0.1", "inplace_1", "delete_1")
    assert [int(number) for number in said.groups()] == [round(100 * judged[a]["budget 1"]) for a in measured]
