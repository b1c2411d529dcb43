"""Bareos and Bacula: the catalogue's table of jobs as CSV with a header.

Written after their documentation; not checked against the programs. They count what a job saved and not what was there:
of a full backup that is all, of an incremental one what was added and changed together, and deletes are never told.
docs/bring-your-own.md says how to collect the file.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator
from datetime import datetime

from jobs.ingest.outcomes import Outcome, attempt, backup, count, first_line, local_moment, without_summary
from jobs.ingest.stems import Fault, Record, Stem, fault_with

JOBS = "jobs.csv"
NEEDED = ("jobid", "name", "client", "level", "jobstatus", "endtime")
# A job in another state has not ended.
STATUSES = {"T": "complete", "W": "partial", "I": "partial", "f": "failed", "E": "failed", "A": "failed"}
KINDS = {"F": "full", "I": "incremental", "D": None}  # a differential one has all since the last full one


def read(stem: Stem) -> Iterator[Outcome]:
    """Each backup job of the table that has ended."""
    text = stem.text(JOBS).decode("utf-8", "replace")
    rows = csv.DictReader(io.StringIO(text))
    told = 0
    try:
        names = [name.strip().lower() for name in rows.fieldnames or ()]
        missing = [name for name in NEEDED if name not in names]
        if missing and text.strip():
            yield Fault("unknown_shape", f"{JOBS} must have a header with {', '.join(missing)} in its first line")
            return
        rows.fieldnames = names
        for row in rows:
            if None in row or None in row.values():  # more or fewer values than the header has names
                told += 1
                yield fault_with("bad_line", f"{JOBS} line {rows.line_num} is not one row", str(row).encode())
            elif _is_backup(row):
                told += 1
                yield attempt(_backup, stem, row)
    except csv.Error as error:
        yield Fault("bad_line", f"{JOBS} line {rows.line_num} and what follows can't be read: {error}")
        return
    if names and not told:
        yield Fault("no_figures", f"{JOBS} has no backup that has ended; a later one tells of more")
    elif not told:
        yield without_summary(stem.product, stem, JOBS, None)


def _is_backup(row: Record) -> bool:
    """Whether it is a backup (no restore, copy or the like) that has ended."""
    is_of_data = row.get("type", "B").strip() == "B" and row["level"].strip() in KINDS
    return is_of_data and row["jobstatus"].strip() in STATUSES


def _backup(stem: Stem, row: Record) -> Record:
    status, level = STATUSES[row["jobstatus"].strip()], row["level"].strip()
    ended = _moment(stem, row, "endtime")
    started = _moment(stem, row, "starttime") if row.get("starttime", "").strip() else ended
    client, name = first_line(row["client"]), first_line(row["name"])
    return backup(
        stem.product,
        stem,
        device_id=f"{client}/{name}" if client and name else None,
        backup_id=first_line(row["jobid"]),
        backup_kind=KINDS[level],
        status=status,
        started_at=min(started, ended),  # one hour of autumn is there twice
        ended_at=ended,
        **(_figures(row, level) if status != "failed" else {}),
    )


def _figures(row: Record, level: str) -> Record:
    """What the job saved; folders are among its files."""
    saved, read_bytes = _number(row, "jobfiles"), _number(row, "readbytes")
    figures = {
        "files_total" if level == "F" else "files_updated": saved,
        "bytes_total": read_bytes if level == "F" else None,
        "bytes_uploaded": read_bytes,
        "bytes_compressed": _number(row, "jobbytes"),
    }
    by_rule = ["files_updated"] if level != "F" and saved is not None else []
    too_high = ["files_total", "files_updated"] + (["bytes_uploaded", "bytes_compressed"] if level == "D" else [])
    return {
        **figures,
        "derived": by_rule,
        "upper_bound": [name for name in too_high if figures.get(name) is not None],
    }


def _number(row: Record, name: str) -> int | None:
    said = row.get(name, "").strip()
    is_number = said.isascii() and said.removeprefix("-").isdigit() and len(said) < 20
    return count({name: int(said) if is_number else said or None}, name)


def _moment(stem: Stem, row: Record, name: str) -> datetime:
    return local_moment(stem, row[name].strip(), name, "director", "the catalogue holds it")
