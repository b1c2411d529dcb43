"""Every run of the samples becomes what was really done: exact figures exact, bounds never too low."""

from __future__ import annotations

import pytest

from jobs.ingest.outcomes import outcomes
from jobs.ingest.products import READERS
from jobs.ingest.stems import Fault
from tests.fast.readers.landed import LATEST, SAMPLES, became, needs_samples, read_samples, runs, truth

# What an ordinary run says of each product: what is not here is not known.
SAYS = {
    "borg2": {"files_total", "bytes_total", "bytes_unique"},
    "borgmatic": {"files_total", "bytes_total", "bytes_total_compressed", "bytes_compressed"},
    "duplicity": {
        *("files_added", "files_updated", "files_deleted", "files_total"),
        *("bytes_total", "bytes_uploaded", "bytes_compressed"),
    },
    "kopia": {"files_total", "dirs_total", "bytes_total"},
    "rdiff-backup": {
        *("files_added", "files_deleted", "files_total"),
        *("bytes_total", "bytes_uploaded", "bytes_deleted"),
    },
    "rsync": {
        *("files_added", "files_updated", "files_deleted", "files_total", "dirs_total"),
        *("bytes_total", "bytes_uploaded"),
    },
}
COUNTS = ("files_added", "files_updated", "files_deleted", "files_total", "dirs_total", "bytes_total")
# Figures that say less than what was done: duplicity sends differences, and what rsync had deleted before it was
# interrupted is no news to the next run.
LESS = {("duplicity", None): {"bytes_uploaded"}, ("rsync", "after_interrupted"): {"files_deleted"}}
WITH_FOLDERS = {"duplicity": {"files_added"}}  # what follows from totals that count folders counts them too
ROUNDED = 0.005  # rsync -h prints three digits or more


def done(row):
    """Figures of what was really done."""
    sizes = {"bytes_uploaded": int(row["bytes_added"]) + int(row["bytes_updated"])}
    return {name: int(row[name]) for name in COUNTS} | sizes


@needs_samples
@pytest.mark.parametrize("product", SAYS)
def test_each_run_becomes_what_truth_expects(product):
    found = runs(SAMPLES, product)
    for row in truth(product):
        (outcome,) = outcomes(READERS[product], found[row["device"], row["file_stem"]], LATEST)
        expected = "complete" if row["expect"] == "duplicate" else row["expect"].removeprefix("reject:")
        assert became(outcome) in expected.split("|"), row
        if not isinstance(outcome, Fault) and outcome["status"] != "failed":
            assert outcome.get("backup_kind", row["backup_kind"]) == row["backup_kind"], row


@needs_samples
@pytest.mark.parametrize("product", SAYS)
def test_what_is_called_exact_was_done_and_what_is_called_a_bound_is_not_too_low(product):
    records = read_samples(product)
    compared = 0
    for row in truth(product):
        record = records.get((row["device"], row["file_stem"]), {})
        if not row["files_total"] or record.get("status", "failed") == "failed":
            continue
        is_short = record["status"] == "partial" and int(row["files_unreadable"])
        assert not is_short or record["files_total"] >= int(row["files_total"]) - int(row["files_unreadable"])
        if is_short:  # files that could not be read look deleted
            continue
        derived, bounds = set(record.get("derived", ())), set(record.get("upper_bound", ()))
        for name, was in done(row).items():
            if name not in record or any(name in LESS.get((product, note), ()) for note in (None, row["note"])):
                continue
            if name in derived:
                assert record[name] >= was * (1 - ROUNDED), (name, row)
            elif name in bounds:
                assert record[name] >= was, (name, row)
            else:
                assert record[name] == was, (name, row)
            if name in derived - bounds and name not in WITH_FOLDERS.get(product, ()):
                assert record[name] <= was * (1 + ROUNDED), (name, row)
        compared += 1
    assert compared > 12


@needs_samples
@pytest.mark.parametrize("product", SAYS)
def test_an_ordinary_run_says_what_the_page_says_of_its_product(product):
    ordinary = {
        (row["device"], row["file_stem"]) for row in truth(product) if row["what"] == "normal" and row["step"] == "2"
    }
    records = read_samples(product)
    for key in ordinary:
        figures = {name for name in records[key] if name.startswith(("files_", "bytes_", "dirs_"))}
        assert figures == SAYS[product], key
