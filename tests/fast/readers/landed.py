"""Runs of tools as the readers' tests take them: real outputs from a folder, or files that a test makes up."""

from __future__ import annotations

import contextlib
import csv
import io
import json
from datetime import UTC, datetime
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

from benchmarks.hostile import damaged
from jobs.cli import main
from jobs.ingest.outcomes import outcomes
from jobs.ingest.products import READERS
from jobs.ingest.stems import Fault, Stem, parse_name, stem_time

SAMPLES = Path(__file__).resolve().parents[4] / "shared" / "data" / "samples"
OUTPUTS = Path(__file__).parent / "outputs"
LATEST = datetime(2030, 1, 1, tzinfo=UTC)
STEM = "20250323T014007Z"
needs_samples = pytest.mark.skipif(not SAMPLES.is_dir(), reason=f"real outputs of tools are not at {SAMPLES}")


def runs(folder, product):
    """Each run below a product's folder, by (device, stem)."""
    found = {}
    for file in sorted((folder / product).glob("*/*")):
        stem, what = parse_name(file.name)
        found.setdefault((file.parent.name, stem), {})[what] = str(file)
    return {
        (device, stem): Stem(f"{product}/{device}/{stem}", device, stem_time(stem), files)
        for (device, stem), files in found.items()
    }


def truth(product):
    """What was really done, run by run."""
    with (SAMPLES / product / "truth.csv").open(encoding="utf-8") as lines:
        return list(csv.DictReader(lines))


def made_of(folder, product, files, zone=None):
    """What the product's reader makes of a run with these files: bytes, texts, or objects that become JSON."""
    held = {}
    for what, said in files.items():
        body = said if isinstance(said, bytes) else (said if isinstance(said, str) else json.dumps(said)).encode()
        (folder / f"{STEM}.{what}").write_bytes(body)
        held[parse_name(f"{STEM}.{what}")[1]] = str(folder / f"{STEM}.{what}")
    stem = Stem(f"{product}/nas1/{STEM}", "nas1", stem_time(STEM), held, zone and ZoneInfo(zone))
    return list(outcomes(READERS[product], stem, LATEST))


def became(outcome):
    """The word for an outcome: a status or a reason."""
    return outcome.reason if isinstance(outcome, Fault) else outcome["status"]


def read_samples(product, by="source"):
    """Records that `uda read` prints for the samples, what follows from the run before included, by (device, stem).

    `by` names what else tells them apart.
    """
    out = io.StringIO()
    with contextlib.redirect_stdout(out), contextlib.redirect_stderr(io.StringIO()):
        main(["read", product, str(SAMPLES / product)])
    records = {}
    for line in out.getvalue().splitlines():
        record = json.loads(line)
        records[record["device_id"], record[by].rpartition("/")[2]] = record
    return records


def damaged_files(stem, folder, draw):
    """Files of a run, written into `folder` with what they hold damaged."""
    files = {}
    for what, address in stem.files.items():
        file = folder / Path(address).name
        file.write_bytes(damaged(Path(address).read_bytes(), draw))
        files[what] = str(file)
    return files
