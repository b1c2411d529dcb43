"""Read: canonical records from the files that a backup tool left, in the order of time, on stdout."""

from __future__ import annotations

import json
import sys
from collections import defaultdict
from collections.abc import Iterator, Sequence
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any, TextIO
from zoneinfo import ZoneInfo

from jobs.errors import UdaError
from jobs.ingest.derived import with_derived
from jobs.ingest.outcomes import Outcome, attempt, checked
from jobs.ingest.products import GIT, READERS
from jobs.ingest.readers import git
from jobs.ingest.sealed import Seals, outcomes_of
from jobs.ingest.stems import DRAFTS, Fault, Record, Stem, parse_name, stem_time
from jobs.tables import COUNTS

PRODUCTS = (*sorted(READERS), GIT)
MAX_AHEAD = timedelta(days=1)
Found = tuple[str, int, Outcome]  # source, position, and what the reader made of it


def read(
    product: str,
    paths: Sequence[Path],
    zone: ZoneInfo | None,
    moment: datetime,
    seals: Seals,
    out: TextIO,
    errors: TextIO,
) -> None:
    """Write the records of some files or folders to `out`, and to `errors` what could not be used and why.

    All files are taken as settled: a run without `.exit` is read as it is.

    Raises
    ------
    UdaError
        A path does not exist, or a key that a sealed file needs can't be used.
    """
    missing = [path for path in paths if not path.exists()]
    if missing:
        raise UdaError(f"{missing[0]}: no such file or folder; name files that {product} left, or their folder")
    found = list(_clones(paths, moment) if product == GIT else _runs(product, paths, zone, moment, seals))
    records, refused = _without_duplicates(found)
    derived = [record for device in _by_device(records) for record in with_derived(device)]
    for record in sorted(derived, key=lambda record: (_ended(record), record["device_id"], record["source"])):
        out.write(json.dumps(record) + "\n")
    for source, position, fault in refused:
        said = {"source": source, "position": position, "reason": fault.reason}
        said |= {"field": fault.field, "detail": fault.detail}
        errors.write(json.dumps({name: value for name, value in said.items() if value is not None}) + "\n")


def _runs(
    product: str, paths: Sequence[Path], zone: ZoneInfo | None, moment: datetime, seals: Seals
) -> Iterator[Found]:
    named = [file for path in paths for file in ([path] if path.is_file() else path.rglob("*"))]
    files = sorted(file for file in named if file.is_file() and not file.name.endswith(DRAFTS))
    runs: dict[str, dict[str, str]] = defaultdict(dict)
    for file in files:
        run = parse_name(file.name)
        source = f"{product}/{_device(product, file)}/{run[0] if run else file.name}"
        if run:
            runs[source][run[1]] = str(file)
        else:
            yield source, 0, Fault("unknown_shape", "a run's file is named like 20250323T013007Z.backup.jsonl")
    for source, held in runs.items():
        device_id, _, name = source.partition("/")[2].rpartition("/")
        stem = Stem(source, device_id, stem_time(name) or moment, held, zone)
        found = outcomes_of(READERS[product], stem, moment + MAX_AHEAD, seals)
        for position, outcome in enumerate(found, start=1):
            yield source, position, outcome


def _clones(paths: Sequence[Path], moment: datetime) -> Iterator[Found]:
    for path in paths:
        folders = [path] if _is_repository(path) else sorted(folder for folder in path.iterdir() if folder.is_dir())
        for folder in folders:
            name = folder.resolve().name
            for source, outcome in git.read(folder, name, moment.date()):
                yield source, 0 if isinstance(outcome, Fault) else 1, _checked(outcome, moment)


def _checked(outcome: Outcome, moment: datetime) -> Outcome:
    return outcome if isinstance(outcome, Fault) else attempt(checked, outcome, moment + MAX_AHEAD)


def _is_repository(folder: Path) -> bool:
    return (folder / ".git").exists() or ((folder / "HEAD").is_file() and (folder / "objects").is_dir())


def _device(product: str, file: Path) -> str:
    """The folders between the product's own and the file; only the last one where none is named like the product."""
    folders = file.resolve().parent.parts
    if product in folders:
        after = folders[len(folders) - folders[::-1].index(product) :]
        if after:
            return "/".join(after)
    return folders[-1]


def _without_duplicates(found: Sequence[Found]) -> tuple[list[Record], list[tuple[str, int, Fault]]]:
    """The records, the first of each backup, and everything else with its reason."""
    records: dict[tuple[Any, ...], Record] = {}
    refused = []
    for source, position, outcome in sorted(found, key=lambda each: each[:2]):
        if isinstance(outcome, Fault):
            refused.append((source, position, outcome))
            continue
        record = {**outcome, "source": source, "position": position}
        key = (*_history(record), record["backup_id"], _ended(record).date())
        if key not in records:
            records[key] = record
        elif _disagree(records[key], record):
            refused.append((source, position, Fault("conflicting_record", f"other counts: {records[key]['source']}")))
        else:
            refused.append((source, position, Fault("duplicate", f"the backup is held: {records[key]['source']}")))
    return list(records.values()), refused


def _disagree(one: Record, other: Record) -> bool:
    """Whether both print an exact count that differs."""
    inexact = {name for record in (one, other) for how in ("derived", "upper_bound") for name in record.get(how, ())}
    counts = {column.name for column in COUNTS} - inexact - {"dirs_total"}
    return any(one[name] != other[name] for name in counts if name in one and name in other)


def _history(record: Record) -> tuple[str | None, str]:
    return record.get("tenant_id"), record["device_id"]


def _by_device(records: Sequence[Record]) -> list[list[Record]]:
    devices: dict[tuple[str | None, str], list[Record]] = defaultdict(list)
    for record in sorted(records, key=lambda record: (_ended(record), record["backup_id"])):
        devices[_history(record)].append(record)
    return list(devices.values())


def _ended(record: Record) -> datetime:
    return datetime.fromisoformat(record["ended_at"])


if __name__ == "__main__":
    from jobs.cli import main

    sys.exit(main(["read", *sys.argv[1:]]))
