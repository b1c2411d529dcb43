"""The Spark of the README and of docs/queries.md runs as it stands."""

import re
from datetime import UTC, datetime

from tests.fast.docs.lake import write_lake
from tests.fast.docs.pages import blocks
from tests.fast.docs.queries import queries


def test_the_spark_of_the_readme_shows_what_is_unusual(spark, tmp_path, monkeypatch, capsys):
    write_lake(tmp_path / "my-lake")
    monkeypatch.chdir(tmp_path)
    (code,) = (code for code in blocks("README.md", "python") if "spark." in code)
    # Spark resolves a relative name where its Java process began, not where Python is now.
    exec(re.sub(r'"(my-lake/\w+)"', rf'"{tmp_path}/\1"', code), {"spark": spark})
    shown = capsys.readouterr().out
    assert "2025-03-30" in shown
    assert "2025-03-29" not in shown


def test_the_queries_answer_in_spark_what_they_answer_elsewhere(spark, tmp_path, capsys):
    write_lake(tmp_path / "LAKE")
    own = spark.newSession()  # the page's views are of no other test
    (code,) = (code for code in blocks("docs/queries.md", "python") if "spark." in code)
    exec(code.replace("LAKE", f"{tmp_path}/LAKE"), {"spark": own})
    assert "900 files deleted" in capsys.readouterr().out
    for query, answer in queries():
        found = [tuple(map(in_utc, row)) for row in own.sql(query).collect()]
        assert found == answer, query


def in_utc(value):
    return value.astimezone(UTC) if isinstance(value, datetime) else value
