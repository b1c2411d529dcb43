"""Whatever a run's files hold, a reader gives records and faults, which can be written on."""

from __future__ import annotations

import json
import random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from jobs.ingest.outcomes import outcomes
from jobs.ingest.products import READERS
from jobs.ingest.stems import Fault, Stem
from tests.fast.readers.landed import LATEST, OUTPUTS, damaged_files, runs

PRODUCTS = sorted(set(READERS) - {"borg", "restic"})  # these have tests of their own


@pytest.mark.parametrize("product", PRODUCTS)
@settings(max_examples=60)
@given(seed=st.integers(0, 2**32), which=st.integers(0, 10**6))
def test_damaged_output_gives_records_and_faults_and_no_crash(product, tmp_path_factory, seed, which):
    draw = random.Random(seed)
    landed = list(runs(OUTPUTS, product).values())
    stem = landed[which % len(landed)]
    folder = tmp_path_factory.mktemp("run")
    files = damaged_files(stem, folder, draw)
    if draw.random() < 0.2:
        files.pop(draw.choice(sorted(files)))
    found = list(outcomes(READERS[product], Stem(stem.source, stem.device_id, stem.started_at, files), LATEST))
    assert found  # else nobody could tell that the run was read
    for outcome in found:
        assert isinstance(outcome, Fault) or {"backup_id", "ended_at", "device_id"} <= set(outcome)
        said = outcome.detail if isinstance(outcome, Fault) else outcome
        # What is written next is UTF-8, which has no lone surrogate, and JSON, which has no NaN.
        assert json.dumps(said, ensure_ascii=False, allow_nan=False).encode()
