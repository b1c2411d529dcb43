"""Reading a record by its types is a short cut: it must lead where reading it as text leads."""

from __future__ import annotations

import json
import random

import pyarrow as pa
import pytest
from chispa import assert_df_equality
from pyspark.sql import functions as F

from jobs.ingest.canonical import FIELDS, FIGURE_NAMES, parsed
from jobs.ingest.records import LANDED, ROW, frame_landed
from jobs.ingest.typed import FEWEST, typed, typed_batch
from tests.conftest import MOMENT
from tests.rows import record

TENANTS = {"canonical/a/": "a", "canonical/a/b/": "b"}
STRANGE = (
    *(None, True, 0, -1, 5, 10**12, 2**63 - 1, 2**63, 1.0, 0.5, 1e300, float("nan"), float("inf")),
    *("", " ", "\t", "12", "a", "\x00", "\ud800", "\U0001f4be", "failed", "full", '"x": ', "2025-01-01T00:00:00Z"),
    *("2025-01-01 00:00:00.123456+05:30", "2025-01-01T00:00:00", "2024-02-29T23:59:59-17:59", "0001-01-01T00:00:00Z"),
    *([], ["files_added"], [None], [1], [[]], {}, {"a": {"a": 1}}),
)
IN_ORDER = [
    record(0),
    record(0, files_added=0, status="partial", backup_kind="full", product="restic", tenant_id="b"),
    record(0, started_at="2024-12-31 01:02:03.5+02:00", derived=["files_added"], upper_bound=[]),
    record(0, device_id='a\\u00e4 \u00e4 " \U0001f4be\n'),
    record(0, status="failed", **dict.fromkeys(FIGURE_NAMES)),
    {**record(0, bytes_uploaded=None), "files_moved": None, "extra": None},
    record(0, note="it's", size={"a": [1]}),  # further fields are kept
    record(0, product=" ", backup_kind=""),
    record(0, file_changes=[{"path": "a", "change": "added"}], note="a list of paths is no further field"),
]
# Good as text or not at all: the short cut leaves them alone.
OTHERS = [
    record(0, device_id=12),
    record(0, ended_at="2025-01-01T00:00:00.1234567Z"),
    record(0, ended_at="2025-01-01T00:00Z"),
    record(0, ended_at="2025-02-30T00:00:00Z"),
    record(0, ended_at="2025-01-01T24:00:00Z"),
    record(0, ended_at="2025-01-01T00:00:00+18:30"),
    record(0, ended_at="1999-12-31T23:59:59Z"),
    record(0, ended_at="2199-12-31T23:59:59Z"),
    record(0, files_total=2**63),
    record(0, files_added=2**63 - 1, files_updated=2**63 - 1, files_total=5),
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


def test_a_record_in_order_is_the_row_that_reading_it_as_text_gives_and_no_other_passes(one_by_one):
    good = json.dumps(record(0))
    texts = [json.dumps(one) for one in (*IN_ORDER, *OTHERS)]
    texts += ['{"device_id": "nas", ', " " + good, good + good, good[:-1] + ', "files_added": 1}', good + "\n" + good]
    texts += [good[:-1] + f', "deep": {"[" * 5000}{"]" * 5000}}}']
    landed = [("canonical/x.jsonl", place, text, None, None, None) for place, text in enumerate(texts)]
    landed.append(("canonical/a/x.jsonl", 0, json.dumps(record(0, tenant_id="b")), None, None, None))
    landed.append(("canonical/a/x.jsonl", 1, json.dumps(record(0, tenant_id="a")), None, None, None))
    landed.append(("canonical/a/b/x.jsonl", 1, json.dumps(record(0)), None, None, None))
    landed.append(
        ("canonical/a/x.jsonl", 2, json.dumps(record(0)), None, ("bad_line", None, "refused by its reader"), None)
    )
    landed.append(("canonical/a/x.jsonl", 3, None, "ab" * 32, ("too_long", None, "not held"), None))
    records = one_by_one.createDataFrame(landed, LANDED)
    in_order = those_in_order(records)
    places = [("canonical/x.jsonl", place) for place in range(len(IN_ORDER))]
    places += [("canonical/a/x.jsonl", 1), ("canonical/a/b/x.jsonl", 1)]
    assert sorted(in_order.select("source", "position").collect()) == sorted(places)
    assert_same_as_text(in_order, records)


def test_whatever_a_record_holds_the_short_cut_leads_where_the_long_way_leads(one_by_one):
    draw = random.Random(5)
    texts = []
    for _ in range(2_000):
        said = record(0) | {draw.choice(FIELDS): draw.choice(STRANGE) for _ in range(draw.randrange(3))}
        text = json.dumps(said, ensure_ascii=draw.random() < 0.5)
        if draw.random() < 0.5:
            at = draw.randrange(len(text))
            text = (
                text[:at]
                + draw.choice(["", " ", '"', ":", "{", "}", "[", ",", "1", "\\", "\t", "-", "e"])
                + text[at + 1 :]
            )
        texts.append(text)
    landed = [("canonical/x.jsonl", place, text, None, None, None) for place, text in enumerate(texts)]
    records = one_by_one.createDataFrame(landed, LANDED).persist()
    in_order = those_in_order(records).persist()
    assert 300 < in_order.count() < 1_500
    assert_same_as_text(in_order, records)


def test_beside_lines_that_are_not_in_order_only_a_few_are_read_at_length():
    lines = [json.dumps(record(number % 50)).encode() for number in range(1_000)]
    lines[500], lines[700] = b"{", lines[700].replace(b"nas", b"na\xff")
    batch = pa.RecordBatch.from_pylist([{"record": line, "source": "x", "position": 1} for line in lines], ROW)
    in_order = typed_batch(batch, {}, MOMENT)["is_in_order"].to_pylist()
    assert len(lines) - 2 * FEWEST <= sum(in_order) < len(lines)
    assert not in_order[500] and not in_order[700]


@pytest.fixture
def one_by_one(spark):
    """Batches of one record: else one that is not in order would keep those beside it from the short cut."""
    spark.conf.set("spark.sql.execution.arrow.maxRecordsPerBatch", "1")
    yield spark
    spark.conf.unset("spark.sql.execution.arrow.maxRecordsPerBatch")


def those_in_order(records):
    rows = typed([frame_landed(records)], TENANTS, MOMENT, 1)
    return rows.where("is_in_order").drop("is_in_order", "refused", "record")


def assert_same_as_text(in_order, records):
    as_text = parsed(records, TENANTS, MOMENT, 1)
    same = as_text.join(in_order.select("source", "position"), on=["source", "position"], how="left_semi")
    assert same.where(F.col("fault").isNotNull()).collect() == []
    assert_df_equality(
        in_order, same.drop("fault").select(*in_order.columns), ignore_row_order=True, ignore_nullable=True
    )
