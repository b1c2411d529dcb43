"""The Python of the pages runs as it stands, on a small lake; what needs Spark is in tests/spark/test_readme.py."""

import os
import subprocess
import sys

import duckdb_ext
import pytest

from tests.fast.docs.lake import write_lake
from tests.fast.docs.pages import NAMES, ROOT, blocks

# INSTALL would download; the extension lies in the environment, and DuckDB then takes it as installed.
EXTENSIONS = (
    f"import duckdb\nduckdb.sql('''SET extension_directory = '{next(iter(duckdb_ext.__path__))}/extensions' ''')\n"
)
# What must be on the screen, by the table that is read.
SHOWN = {
    "/rejects": "bad_json",
    "/anomalies": "900 files deleted",
    "/devices": "b-1",
    "*/_delta_log": "anomalies 0 files",
}


def snippets():
    for name in NAMES:
        for at, code in enumerate(blocks(name, "python")):
            if "spark." not in code:
                yield pytest.param(code, id=f"{name} {at}")


def run(code, folder, **variables):
    return subprocess.run(
        [sys.executable, "-c", code],
        cwd=folder,
        env={**os.environ, **variables},
        capture_output=True,
        text=True,
        timeout=120,
    )


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """A working directory with the lake under both names that the pages give it."""
    made = tmp_path_factory.mktemp("docs")
    write_lake(made / "my-lake")
    (made / "LAKE").symlink_to(made / "my-lake")
    return made


@pytest.mark.parametrize("code", list(snippets()))
def test_the_python_of_a_page_runs_and_shows_what_is_there(code, folder):
    done = run(EXTENSIONS + code, folder)
    assert done.returncode == 0, done.stderr
    (shown,) = {text for table, text in SHOWN.items() if f"{table}'" in code or f'{table}"' in code}
    assert shown in done.stdout


@pytest.mark.parametrize("notebook", sorted((ROOT / "notebooks").glob("*.py")), ids=lambda path: path.name)
def test_a_notebook_starts_with_its_question_and_runs(notebook, folder):
    code = notebook.read_text("utf-8")
    question = code.splitlines()[1]
    assert code.startswith("# %% [markdown]\n# # ")
    assert question.endswith("?")
    done = run(code, folder, UDA_LAKE=str(folder / "my-lake"), MPLBACKEND="Agg")
    assert done.returncode == 0, done.stderr
    assert "900 files deleted" in done.stdout
