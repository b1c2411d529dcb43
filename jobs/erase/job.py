"""Erase: all that a lake holds of one device or tenant, so that no file of its tables has it any more.

Each step can be repeated, and what tells what else is to be erased goes last: killed and called again, it goes on.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TextIO

from jobs.config import Config
from jobs.erase.what import Whose, condition_of, sources_of
from jobs.files import list_names
from jobs.ingest import landing
from jobs.ingest.arrivals import run_of
from jobs.report.words import visible
from jobs.store import Store
from jobs.tables import BACKUPS, DEVICE_NOTES, ERASED, RUNS, TABLES, Table

# What has features and no score waits for one, so features go first. Backups and names say what else is its.
LAST = (BACKUPS, DEVICE_NOTES)
ORDER = (*(table for table in TABLES if table not in (*LAST, ERASED, RUNS)), *LAST)
MOST_FILES = 20  # that are named


def rows_held(store: Store, config: Config, whose: Whose) -> dict[str, int]:
    """How many rows of each table would be erased."""
    conditions = _conditions(store, config, whose, sources_of(store, whose))
    return {table.name: store.read(table).where(conditions[table]).count() for table in conditions}


def erase(store: Store, config: Config, whose: Whose) -> None:
    """Erase all rows, and every file that holds one. Nothing of the lake may wait to be handled by a stage."""
    rows = [{"sha256": each, "erased_at": store.run.moment, "run_id": store.run.run_id} for each in whose.hashes]
    store.upsert_few(rows, ERASED)
    conditions = _conditions(store, config, whose, sources_of(store, whose))
    for table, condition in conditions.items():
        store.erase(table, condition)
    for table in conditions:
        store.vacuum(table)


def show(rows: Mapping[str, int], sources: Mapping[str, bool], out: TextIO) -> None:
    """Say on `out` what is held, and where it came from."""
    for name, count in rows.items():
        if count:
            out.write(f"{name:<14} {count:>12,}\n")
    if not any(rows.values()):
        out.write("no table holds a row of it\n")
    shown = sorted(sources)[:MOST_FILES]
    if shown:
        out.write("landed as follows; what lies in the landing folder still is for you to remove:\n")
        out.writelines(f"  {visible(source)}{'' if sources[source] else ' (holds others too)'}\n" for source in shown)
    if len(sources) > len(shown):
        out.write(f"  and {len(sources) - len(shown):,} more\n")


def _conditions(store: Store, config: Config, whose: Whose, sources: Mapping[str, bool]) -> dict[Table, str]:
    """By table that is there, in the order in which they are erased."""
    own = {source for source, is_own in sources.items() if is_own}
    there = landing.listed(config.landing, list_names(store.spark, config.landing))
    return {
        table: condition_of(store, whose, table, config.tenants, _gone(own, there) if table.name == "landed" else own)
        for table in ORDER
        if store.version(table) >= 0
    }


def _gone(sources: set[str], there: Mapping[str, object]) -> set[str]:
    """Sources of which no file lies in the landing folder; of another the path stays, so that it is not read again."""
    held = {source for path in there for source in (path, (run_of(path) or (path,))[0])}
    return sources - held
