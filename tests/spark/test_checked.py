"""What a reader's record is refused for is what ingest would refuse it for: the check in Python beside Spark's."""

from __future__ import annotations

import json
import random
from datetime import timedelta

from jobs.ingest.canonical import parsed
from jobs.ingest.outcomes import attempt, checked
from jobs.ingest.records import LANDED
from jobs.ingest.stems import Fault
from jobs.tables import FIGURES
from tests.conftest import MOMENT

NUMBERS = (0, 1, 5, 1_000, 2**63 - 1, -1, 2**63, -(2**70), 1.5, 12.0)
TIMES = ("2025-03-02T01:00:00Z", "2025-03-02T02:00:00.5Z", "1999-12-31T00:00:00Z", "2100-01-01T00:00:00Z")
RECORDS = 400


def made_up(draw):
    """A record as a reader might make one; most have no fault or one."""
    names = draw.sample([column.name for column in FIGURES], k=draw.randrange(5))
    record = {name: draw.choice(NUMBERS if draw.random() < 0.3 else NUMBERS[:3]) for name in names}
    record |= {"device_id": "nas", "backup_id": draw.choice(("a", "b", ""))} if draw.random() < 0.9 else {}
    record["ended_at"] = draw.choice(TIMES if draw.random() < 0.3 else TIMES[1:2])
    if draw.random() < 0.5:
        record["started_at"] = draw.choice(TIMES if draw.random() < 0.3 else TIMES[:1])
    if draw.random() < 0.2:
        record["status"] = draw.choice(("failed", "partial"))
    if draw.random() < 0.3:
        record["upper_bound"] = draw.sample(names, k=draw.randrange(len(names) + 1))
    return record


def test_the_check_of_readers_refuses_what_the_check_of_records_refuses_and_for_the_same_reason(spark):
    draw = random.Random(3)
    records = [made_up(draw) for _ in range(RECORDS)]
    rows = [("a", number, json.dumps(record), None, None, None) for number, record in enumerate(records)]
    by_spark = parsed(spark.createDataFrame(rows, LANDED), {}, MOMENT, 1).select("position", "fault.reason").collect()
    reasons = {row["position"]: row["reason"] for row in by_spark}
    refused = 0
    for number, record in enumerate(records):
        outcome = attempt(checked, record, MOMENT + timedelta(days=1))
        reason = outcome.reason if isinstance(outcome, Fault) else None
        assert reason == reasons[number], record
        refused += reason is not None
    assert RECORDS / 8 < refused < RECORDS * 7 / 8
