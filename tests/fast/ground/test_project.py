"""The project's own files agree with each other, and with the rules of the house."""

import re
import runpy
import subprocess
import tomllib
from pathlib import Path

import pytest

from jobs.tables import TABLES

ROOT = Path(__file__).resolve().parents[3]
MAKEFILE = (ROOT / "Makefile").read_text()
LOCK = (ROOT / "requirements.lock").read_text()
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())
SOURCES = sorted(path for path in (ROOT / "jobs").rglob("*.py"))


def pins() -> dict[str, str]:
    return dict(re.findall(r"^([a-z0-9-]+)==([^ ;\\]+)", LOCK, re.MULTILINE))


def test_the_page_of_the_tables_is_what_their_declarations_make():
    made = runpy.run_path(str(ROOT / "tools" / "tables_doc.py"))["document"]()
    assert (ROOT / "docs" / "tables.md").read_text() == made, "type `make docs`"


def test_the_page_of_the_tables_says_every_column_with_its_comment():
    page = (ROOT / "docs" / "tables.md").read_text()
    for table in TABLES:
        section = page.split(f"\n## {table.name}\n")[1].split("\n## ")[0]
        missing = [
            c.name for c in table.columns if f"| `{c.name}` | `{c.type}` |" not in section or c.comment not in section
        ]
        assert not missing, table.name


def test_make_alone_lists_every_target_that_people_type():
    listed = subprocess.run(["make", "-s", "-C", str(ROOT)], capture_output=True, text=True).stdout
    names = set(re.findall(r"^make ([a-z-]+) +\S", listed, re.MULTILINE))
    assert names >= {"demo", "test", "test-browser", "lint", "types", "bench", "torture", "docs", "lock", "clean"}


def test_every_folder_of_tests_is_run_by_a_target():
    run = set(re.search(r"^TESTS := (.*)$", MAKEFILE, re.MULTILINE)[1].split()) | {"tests/page"}
    folders = {path.relative_to(ROOT).parts[1] for path in (ROOT / "tests").rglob("test_*.py")}
    assert {f"tests/{folder}" for folder in folders} <= run


def test_every_direct_dependency_is_locked_to_a_version_that_it_allows():
    from packaging.requirements import Requirement

    direct = [Requirement(text) for text in PROJECT["project"]["dependencies"] + PROJECT["dependency-groups"]["dev"]]
    faults = [str(need) for need in direct if not need.specifier.contains(pins().get(need.name, "0"))]
    assert not faults, "type `make lock`"


def test_every_locked_package_has_a_hash():
    entries = re.split(r"\n(?=[a-z0-9])", LOCK.split("\n", 2)[2])
    assert len(entries) == len(pins())
    assert not [entry.split(" ")[0] for entry in entries if "--hash=sha256:" not in entry]


def test_the_lock_names_no_place_to_download_from():
    assert not re.search(r"://|--index-url|--extra-index|--find-links|--trusted-host| @ ", LOCK)


def test_every_dependency_has_its_reason_on_its_line():
    block = (ROOT / "pyproject.toml").read_text().split("\ndependencies = [")[1].split("\n]")[0]
    assert not [line for line in block.splitlines() if line.strip() and "  # " not in line]


@pytest.mark.parametrize(
    ("pattern", "allowed"),
    [
        (r"SparkSession\.builder|SparkSession\s*\.\s*Builder", {"jobs/spark.py"}),
        (r"^\s*(import|from) mlflow", {"jobs/registry.py", "jobs/registry_model.py"}),
        (
            r"\.write\b(?!\(|\.format\(\"noop\"\))|\.writeTo\(|\.writeStream|\bMERGE INTO\b",
            {"jobs/store.py", "jobs/backtest/fleet.py"},
        ),
        (r"^\s*(import|from) boto3", {"jobs/ingest/sqs.py", "jobs/alerts/sns.py"}),
        (r"^\s*(import|from) (urllib\.request|http\.client|smtplib|requests)", {"jobs/alerts/channels.py"}),
        (r"^\s*(import|from) (pickle|joblib|cloudpickle)", set()),
    ],
    ids=["one Spark builder", "one mlflow", "one writer", "those that ask AWS", "one that calls others", "no pickle"],
)
def test_only_the_named_files_do_this(pattern, allowed):
    doing = {str(p.relative_to(ROOT)) for p in SOURCES if re.search(pattern, p.read_text(), re.MULTILINE)}
    assert doing <= allowed


def test_stages_do_not_import_each_other():
    stages = {"ingest", "features", "train", "score", "report"}
    faults = []
    for source in SOURCES:
        stage = source.relative_to(ROOT / "jobs").parts[0]
        if stage in stages:
            imported = set(re.findall(r"^\s*(?:from|import) jobs\.(\w+)", source.read_text(), re.MULTILINE))
            faults += [f"{source.relative_to(ROOT)} imports {other}" for other in imported & stages - {stage}]
    assert not faults


def test_the_kernel_imports_no_spark_no_mlflow_and_no_pandas():
    pattern = r"^\s*(?:from|import) (pyspark|mlflow|pandas|delta)"
    assert not [s for s in (ROOT / "jobs" / "model").rglob("*.py") if re.search(pattern, s.read_text(), re.MULTILINE)]


def test_no_module_of_ours_hides_one_of_the_standard_library():
    import sys

    assert not {path.stem for path in SOURCES} & set(sys.stdlib_module_names) - {"__init__"}


def test_no_module_has_more_than_250_lines():
    sizes = {str(source.relative_to(ROOT)): len(source.read_text().splitlines()) for source in SOURCES}
    del sizes["jobs/tables.py"]  # declarations alone: one list of all tables is easier to read than two halves
    assert not {name: lines for name, lines in sizes.items() if lines > 250}


def test_fast_tests_import_no_spark():
    pattern = r"^\s*(?:import|from) (pyspark|delta\b|chispa|jobs\.(spark|store)\b|jobs\.\w+\.job\b)"
    allowed = {"tests/fast/ground/test_doctor.py"}  # the doctor's job looks for Spark and does not import it
    doing = {
        str(path.relative_to(ROOT))
        for path in (ROOT / "tests" / "fast").rglob("*.py")
        if re.search(pattern, path.read_text(), re.MULTILINE)
    }
    assert doing <= allowed
