"""The queries of docs/queries.md, in DuckDB and delta-rs, answer what they say; Spark's are in tests/spark."""

import duckdb
import duckdb_ext
import pyarrow
import pytest
from deltalake import DeltaTable, QueryBuilder

from jobs.tables import TABLES
from tests.fast.docs.lake import write_lake
from tests.fast.docs.pages import text_of
from tests.fast.docs.queries import queries


@pytest.fixture(scope="module")
def lake(tmp_path_factory):
    folder = tmp_path_factory.mktemp("lake")
    write_lake(folder)
    return sorted(folder.iterdir())


@pytest.fixture(scope="module")
def by_duckdb(lake):
    with duckdb.connect(config={"extension_directory": f"{next(iter(duckdb_ext.__path__))}/extensions"}) as connection:
        connection.execute("LOAD delta; SET TimeZone = 'UTC'")
        for table in lake:
            connection.execute(f"CREATE VIEW {table.name} AS SELECT * FROM delta_scan('{table}')")
        yield lambda query: connection.execute(query).fetch_arrow_table()


@pytest.fixture(scope="module")
def by_delta_rs(lake):
    builder = QueryBuilder()
    for table in lake:
        builder.register(table.name, DeltaTable(table))
    return lambda query: pyarrow.table(builder.execute(query))


@pytest.mark.parametrize(("query", "answer"), queries(), ids=lambda said: "" if isinstance(said, list) else said[7:40])
@pytest.mark.parametrize("engine", ["by_duckdb", "by_delta_rs"])
def test_a_query_answers_what_the_page_promises(engine, query, answer, request):
    found = request.getfixturevalue(engine)(query).to_pylist()
    assert [tuple(row.values()) for row in found] == answer


def test_the_page_opens_each_table_that_it_asks_in_spark():
    page = text_of("docs/queries.md")
    asked = {table.name for table in TABLES if f"FROM {table.name}\n" in page or f"JOIN {table.name} " in page}
    assert asked
    assert all(f'"{name}"' in page for name in asked)
