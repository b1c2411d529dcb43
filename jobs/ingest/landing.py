"""The landing folder, listed, and the table of what was seen in it: which files are new, and which runs lack an end."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping
from datetime import datetime

import pyarrow as pa
import pyarrow.compute as pc
from pyspark.sql import functions as F

from jobs import log
from jobs.files import File, files_below
from jobs.ingest.arrivals import EXIT, RunFile, run_of
from jobs.ingest.stems import DRAFTS
from jobs.store import Store
from jobs.tables import LANDED


def listed(landing: str, folders: Iterable[str]) -> dict[str, File]:
    """All files in some folders of the landing, drafts aside, by their path below it."""
    found = {}
    unnamed = []
    for folder in folders:
        for file in files_below(f"{landing}/{folder}"):
            path = f"{folder}/{file.path}"
            if path.encode(errors="ignore").decode() != path:
                unnamed.append(path)
            elif not path.endswith(DRAFTS):
                found[path] = file
    if unnamed:
        log.warn("not read", files=sorted(unnamed), todo="rename files and folders whose names are not UTF-8")
    return found


def add_new(store: Store, files: Mapping[str, File]) -> None:
    """Add those of some files that `landed` does not hold, in one commit, or none."""
    new = dict(files)
    arrival, sought = 1, pa.array(list(files), pa.string())
    for batch in store.batches(LANDED, "path", "arrival"):
        arrival = max(arrival, (pc.max(batch["arrival"]).as_py() or 0) + 1)
        for path in batch["path"].filter(pc.is_in(batch["path"], sought)).to_pylist():
            new.pop(path, None)
    if new:
        common = {"arrival": arrival, "run_id": store.run.run_id}
        store.append([_row(path, file) | common for path, file in sorted(new.items())], LANDED)


def _row(path: str, file: File) -> dict[str, object]:
    source, part = run_of(path) or (None, None)
    return {"path": path, "source": source, "part": part, "modified_at": file.modified_at, "bytes": file.bytes}


def runs_of(store: Store, new: Collection[str]) -> dict[str, list[RunFile]]:
    """By source, all files of each run that some new ones belong to, in the order of their paths."""
    sources = {(run[0],) for path in new if (run := run_of(path))}
    runs: dict[str, list[RunFile]] = defaultdict(list)
    if sources:
        wanted = store.spark.createDataFrame(sorted(sources), "source string")
        # Semi-join with the sources, each once there; a run that is new as a whole has its files in `landed` too.
        held = store.read(LANDED).join(F.broadcast(wanted), on="source", how="left_semi")
        for row in held.select("source", "path", "part", "arrival").sort("path").collect():
            runs[row["source"]].append(RunFile(row["path"], row["part"], row["arrival"], row["path"] in new))
    return runs


def without_exit(store: Store, oldest_change: datetime) -> dict[str, dict[str, str]]:
    """Paths by part, by source, of runs without `.exit` whose files, when first seen, were older than a moment."""
    runs = store.read(LANDED).where("source IS NOT NULL").groupBy("source")
    found = runs.agg(
        F.bool_or(F.col("part") == EXIT).alias("has_exit"),
        F.max("modified_at").alias("modified_at"),
        F.sort_array(F.collect_list(F.struct("path", "part"))).alias("files"),
    )
    old = found.where(~F.col("has_exit") & (F.col("modified_at") <= F.lit(oldest_change)))
    return {row["source"]: {file["part"]: file["path"] for file in row["files"]} for row in old.collect()}
