"""Reading a record by its types is a short cut: it must lead where reading it as text leads."""

from __future__ import annotations

import json

from chispa import assert_df_equality
from pyspark.sql import functions as F

from jobs.ingest.canonical import parsed
from jobs.ingest.records import LANDED
from jobs.ingest.typed import typed
from tests.conftest import MOMENT
from tests.rows import record

TENANTS = {"canonical/a/": "a"}
IN_ORDER = [
    record(0),
    record(0, files_added=0, status="partial", backup_kind="full", product="restic", tenant_id="b"),
    record(0, device_id=12, started_at="2025-01-01 01:02:03.5+02:00", derived=["files_added"], upper_bound=[]),
    {**record(0, bytes_uploaded=None), "files_moved": None, "extra": None},
    record(0, note="it's", size={"a": [1]}),  # further fields are kept
    record(0, product=" ", backup_kind=""),
]
# Good as text or not at all: the short cut leaves them alone.
OTHERS = [
    record(0, files_added=12.0),
    record(0, files_added="12"),
    record(0, derived='["files_added"]'),
    record(0, files_total=3, files_added=4, upper_bound=["files_added"]),
    record(0, files_added=-1),
    record(0, ended_at="2025-01-01T00:00:00"),
    record(0, ended_at="2025-1-1T0:00:00Z"),
    record(0, started_at="2025-02-02T00:00:00Z"),
    record(0, started_at="soon"),
    record(0, status="odd"),
    record(0, device_id=" "),
    [record(0)],
]


def test_a_record_in_order_is_the_row_that_reading_it_as_text_gives_and_no_other_passes(spark):
    texts = [json.dumps(one) for one in (*IN_ORDER, *OTHERS)] + ['{"device_id": "nas", ', " " + json.dumps(record(0))]
    landed = [("canonical/x.jsonl", place, text, None, None) for place, text in enumerate(texts)]
    landed.append(("canonical/a/x.jsonl", 0, json.dumps(record(0, tenant_id="b")), None, None))
    landed.append(("canonical/a/x.jsonl", 1, json.dumps(record(0, tenant_id="a")), None, None))
    landed.append(("canonical/a/x.jsonl", 2, json.dumps(record(0)), None, ("bad_line", None, "refused by its reader")))
    landed.append(("canonical/a/x.jsonl", 3, None, "ab" * 32, ("too_long", None, "not held")))
    records = spark.createDataFrame(landed, LANDED)
    by_types = typed(records, TENANTS, MOMENT, 1).where("is_in_order").drop("is_in_order", "refused", "record")
    places = [("canonical/x.jsonl", place) for place in range(len(IN_ORDER))] + [("canonical/a/x.jsonl", 1)]
    assert sorted(map(tuple, by_types.select("source", "position").collect())) == sorted(places)
    as_text = parsed(records, TENANTS, MOMENT, 1)
    same = as_text.join(by_types.select("source", "position"), on=["source", "position"], how="left_semi")
    assert same.where(F.col("fault").isNotNull()).count() == 0
    assert_df_equality(
        by_types, same.drop("fault").select(*by_types.columns), ignore_row_order=True, ignore_nullable=True
    )
