"""Ingest: what landed becomes `backups` and `rejects`, and `file_changes` where tools list paths.

`landed` holds each file that was seen, and Structured Streaming knows which of its rows are new. A batch is written so
that doing it again changes nothing.
"""

from __future__ import annotations

import sys
from collections import Counter
from collections.abc import Collection, Mapping, Sequence, Set
from datetime import timedelta
from functools import partial
from pathlib import Path

from pyspark.sql import DataFrame
from pyspark.sql import functions as F

from jobs import log
from jobs.config import Config
from jobs.files import File, below, list_names
from jobs.ingest import accounting, arrivals, landing, parquet, records
from jobs.ingest.arrivals import EXIT
from jobs.ingest.commit import commit, latest_moment
from jobs.ingest.dumps import files_at
from jobs.ingest.products import GIT, READERS
from jobs.ingest.queued import drain
from jobs.ingest.said import KINDS, commit_said
from jobs.ingest.sealed import Seals
from jobs.ingest.stems import Fault
from jobs.ingest.unpack import CUT
from jobs.keys import check_keys
from jobs.store import Store
from jobs.tables import BACKUPS, LANDED, REJECTS, SEAL_REASONS

READER = "ingest"
RECORDS = (arrivals.CANONICAL, *KINDS)  # folders of records in our own shape


def ingest(store: Store, config: Config) -> dict[str, int]:
    """Read what landed since the last time; return how many, and what became of them."""
    counts: Counter[str] = Counter(landed=0, backups=0, rejects=0, duplicates=0)
    folders = list_names(store.spark, config.landing)
    if config.queue:
        counts.update(drain(config, store.run, partial(_read_named, store, config)))
    # Of what notices name, only they say that it is whole.
    streamed = [name for name in folders if name in (KINDS if config.queue else (*RECORDS, *READERS))]
    unread = sorted(set(folders) - {*RECORDS, *READERS, GIT})
    if unread:
        known = ", ".join(sorted((*RECORDS, GIT, *READERS)))
        log.warn("not read", folders=unread, todo=f"name a folder like what it holds, one of: {known}")

    files = landing.listed(config.landing, streamed)
    if streamed:
        counts.update(_read_new(store, config, files))
    if set(streamed) - set(RECORDS):
        counts.update(ingest_files(store, config, _settled(store, config, files)))
    if GIT in folders:
        counts.update(_ingest_clones(store, config))
    return dict(counts)


def _read_new(store: Store, config: Config, files: Mapping[str, File]) -> Counter[str]:
    """Read those of some files that no run has read, and what a run that was killed had only seen."""
    counts: Counter[str] = Counter()

    def handle(store: Store, fresh: DataFrame) -> None:
        arrived = _arrived(store, config, {row["path"] for row in fresh.collect()}, files)
        counts.update(ingest_files(store, config, arrived))
        for folder, files_said in arrived.said.items():
            counts.update(commit_said(store, config, KINDS[folder], files_said))

    landing.add_new(store, files)
    store.each_new(LANDED, READER, handle)
    return counts


def _read_named(store: Store, config: Config, files: Mapping[str, File], refused: Mapping[str, Fault]) -> Counter[str]:
    """Read files that notices name, and refuse other notices. A notice stands for the `.exit` of its run."""
    counts = _read_new(store, config, files) if files else Counter()
    runs = landing.runs_of(store, files.keys())
    ended = [source for source, of_run in runs.items() if all(file.part != EXIT for file in of_run)]
    held = _held(store, ended)
    place = arrivals.Place(config.landing, config.time_zone)
    stems = [
        place.stem(source, {file.part: file.path for file in runs[source]}) for source in ended if source not in held
    ]
    counts.update(ingest_files(store, config, arrivals.Landed(stems=stems, refused=dict(refused))))
    return counts


def ingest_files(store: Store, config: Config, files: arrivals.Landed) -> dict[str, int]:
    """Write the records of some landed files into the tables; return what became of them."""
    if files.is_empty():
        return {}
    groups, unopened = parquet.by_schema(store.spark, files.parquet)
    refused = files.refused | {below(path, config.landing): Fault("unreadable", why) for path, why in unopened.items()}
    try:
        return commit(store, config, _landed(store, config, files, groups, refused, tolerant=False))
    except parquet.FAILED_READ:
        cut = [path for group in groups for path in group.paths if not parquet.reads_to_its_end(store.spark, path)]
        if not cut:
            raise
        refused |= {below(path, config.landing): Fault("unreadable", CUT) for path in cut}
        return commit(store, config, _landed(store, config, files, groups, refused, tolerant=True))


def _landed(
    store: Store,
    config: Config,
    files: arrivals.Landed,
    groups: Sequence[parquet.ParquetFiles],
    refused: Mapping[str, Fault],
    tolerant: bool,
) -> list[records.Reading]:
    landed = []
    if files.lines or files.stems:
        # Before anything is written: what lacks a key by mistake would be refused for good.
        if files.sealed(config.landing):
            check_keys(config.sealed.key_files)
        lines = [(below(path, config.landing), path) for path in files.lines]
        seals = Seals(config.sealed, config.tenants)
        known = (latest_moment(store, config), seals, config.ingest.paths_per_backup)
        landed.append(records.records_of(store.spark, lines, files.stems, *known))
    if groups:
        landed.append(records.frame_landed(parquet.parquet_rows(store.spark, groups, config.landing, tolerant)))
    if refused:
        landed.append(records.refused_rows(store.spark, refused))
    return landed


def _arrived(store: Store, config: Config, fresh: Set[str], files: Mapping[str, File]) -> arrivals.Landed:
    """What is to be read of fresh paths of `landed`; what is gone from the landing folder is left out."""
    files = dict(files) | files_at(config.landing, fresh - files.keys())
    new = fresh & files.keys()
    if new < fresh:
        todo = "land them again, unless an earlier run read them"
        log.warn("not read", files_gone=len(fresh - new), todo=todo)
    runs = landing.runs_of(store, new)
    files |= files_at(config.landing, {file.path for of_run in runs.values() for file in of_run} - files.keys())
    cut = {source for source, of_run in runs.items() if any(file.path not in files for file in of_run)}
    held = _held(store, cut | {source for source, of_run in runs.items() if arrivals.may_be_settled(of_run)})
    settled = {source for source, has_exit in held.items() if not has_exit}
    arrived = arrivals.sort_files(new, runs, arrivals.Place(config.landing, config.time_zone), settled)
    # Read again after some of its files were removed, a run would say something else than it did.
    arrived.stems = [stem for stem in arrived.stems if stem.source not in cut & held.keys()]
    # Opened with keys that were configured since, a file that was refused would be there as backups too.
    sealed = arrived.sealed(config.landing)
    return arrived.without(_refused_seals(store, sealed), config.landing) if sealed else arrived


def _settled(store: Store, config: Config, files: Mapping[str, File]) -> arrivals.Landed:
    """Runs whose `.exit` never came, once nothing was written to them for long, that no table holds yet."""
    place = arrivals.Place(config.landing, config.time_zone)
    oldest_change = store.run.moment - timedelta(hours=config.ingest.settle_hours)
    old = landing.without_exit(store, oldest_change)
    held = _held(store, old)
    grown = {path for path, file in files.items() if file.modified_at > oldest_change}
    runs = {
        source: of_run for source, of_run in old.items() if source not in held and grown.isdisjoint(of_run.values())
    }
    return arrivals.Landed(stems=[place.stem(source, of_run) for source, of_run in runs.items()])


def _held(store: Store, runs: Collection[str]) -> dict[str, bool]:
    """Of some runs those that the tables hold, and whether each was read with its exit status."""
    if not runs:
        return {}
    # A tool's clock may lag a little behind that of the script which named the run.
    since = min(arrivals.day_of_run(source) for source in runs) - timedelta(days=1)
    return accounting.held_runs(store.read(BACKUPS, since=since), store.read(REJECTS), list(runs))


def _refused_seals(store: Store, sources: Collection[str]) -> set[str]:
    """Of some sources those that were refused as a whole for their seal."""
    refused = store.read(REJECTS).where(F.col("reason").isin(*SEAL_REASONS)).select("source").distinct()
    return {row["source"] for row in refused.collect()} & set(sources)


def _ingest_clones(store: Store, config: Config) -> dict[str, int]:
    """Read the days of each git repository that `backups` does not hold yet."""
    place = f"{config.landing}/{GIT}"
    # What came from a clone: a record of anybody may name this product, and a device of it.
    own = store.read(BACKUPS).where(f"product = '{GIT}' AND startswith(source, '{GIT}/')")
    newest = own.groupBy("device_id").agg(F.max("day").alias("day"))
    held = {row["device_id"]: row["day"] + timedelta(days=1) for row in newest.collect()}
    rows = [
        row
        for name in list_names(store.spark, place)
        for prefix, device_id in _devices_of(name, config.git_devices)
        for row in records.rows_of_clone(
            Path(place) / name, device_id, store.run.moment.date(), held.get(device_id), prefix
        )
    ]
    return commit(store, config, [records.rows_landed(store.spark, rows)]) if rows else {}


def _devices_of(repository: str, named: Mapping[str, str]) -> list[tuple[str, str]]:
    """Folders of a repository that are a device each, and what these are called; without any it is one device."""
    beginning = f"{repository}/"
    own = [(path.removeprefix(beginning), device) for path, device in named.items() if path.startswith(beginning)]
    return own or [("", repository)]


if __name__ == "__main__":
    from jobs.cli import main

    sys.exit(main(["ingest", *sys.argv[1:]]))
