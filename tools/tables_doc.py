"""Make docs/tables.md from jobs/tables.py: `python tools/tables_doc.py`."""

from __future__ import annotations

from pathlib import Path

from jobs.tables import REASONS, TABLES, Column, Table

PAGE = Path(__file__).resolve().parent.parent / "docs" / "tables.md"
HEAD = """# Tables

Made by `make docs` from `jobs/tables.py`; change it there. All are Delta tables in the lake, one folder each, reader
protocol 1: Spark, DuckDB and delta-rs read them. Unknown is null and never 0; every moment is UTC. "Required" columns
are never null. A comment says the unit and what null means. [Reasons](#reasons) of rejects are at the end.
"""


def cell(text: str) -> str:
    """Text that stays inside its cell of a Markdown table."""
    return text.replace("|", "\\|").replace("\n", " ")


def row(*cells: str) -> str:
    """One line of a Markdown table."""
    return f"| {' | '.join(cells)} |"


def column_row(column: Column, key: tuple[str, ...]) -> str:
    """One column of one table."""
    needs = "key" if column.name in key else "required" if column.required else ""
    return row(f"`{column.name}`", f"`{column.type}`", needs, cell(column.comment))


def section(table: Table) -> str:
    """One table: grain, key, writer, layout, columns, checks."""
    lines = [
        f"## {table.name}",
        "",
        f"One row is {table.grain}.",
        "",
        f"- Key: {', '.join(f'`{name}`' for name in table.key)}",
        f"- Written by: {table.writer}",
    ]
    if table.partition_by:
        lines.append(f"- Partitioned by: {', '.join(f'`{name}`' for name in table.partition_by)}")
    if table.cluster_by:
        lines.append(f"- Clustered by: {', '.join(f'`{name}`' for name in table.cluster_by)}")
    lines += ["", row("column", "type", "", "meaning"), row("---", "---", "---", "---")]
    lines += [column_row(column, table.key) for column in table.columns]
    if table.checks:
        lines += ["", row("check", "holds in every row"), row("---", "---")]
        lines += [row(f"`{name}`", f"`{cell(condition)}`") for name, condition in table.checks]
    return "\n".join(lines) + "\n"


def reasons() -> str:
    """Why a landed record is not used."""
    words = [row(f"`{word}`", cell(meaning)) for word, meaning in REASONS.items()]
    return (
        "\n".join(["## Reasons", "", "In `rejects.reason`.", "", row("reason", "meaning"), row("---", "---"), *words])
        + "\n"
    )


def document() -> str:
    """The whole page."""
    overview = [row("table", "one row is", "written by"), row("---", "---", "---")]
    overview += [row(f"[{table.name}](#{table.name})", cell(table.grain), table.writer) for table in TABLES]
    return "\n".join([HEAD, "\n".join(overview), "", *(section(table) for table in TABLES), reasons()])


if __name__ == "__main__":
    PAGE.write_text(document(), encoding="utf-8")
