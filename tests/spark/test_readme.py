"""The README's Spark runs as it stands."""

import re

from tests.fast.docs.lake import write_lake
from tests.fast.docs.pages import blocks


def test_the_spark_of_the_readme_shows_what_is_unusual(spark, tmp_path, monkeypatch, capsys):
    write_lake(tmp_path / "my-lake")
    monkeypatch.chdir(tmp_path)
    (code,) = (code for code in blocks("README.md", "python") if "spark." in code)
    # Spark resolves a relative name where its Java process began, not where Python is now.
    exec(re.sub(r'"(my-lake/\w+)"', rf'"{tmp_path}/\1"', code), {"spark": spark})
    shown = capsys.readouterr().out
    assert "2025-03-30" in shown
    assert "2025-03-29" not in shown
