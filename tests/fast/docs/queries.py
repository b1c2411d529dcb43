"""The queries of docs/queries.md, each with what it must answer on the documents' small lake."""

import re
from datetime import UTC, date, datetime

from tests.fast.docs.lake import ANOMALY, NEWEST, OTHER_ANOMALY
from tests.fast.docs.pages import blocks

EARLIER = datetime(2025, 3, 21, 21, 15, tzinfo=UTC)
FIRST_DAY, LAST_DAY, DAY = date(2025, 3, 1), date(2025, 3, 30), date(2025, 3, 21)
FILES = (["3 of 3 in docs/plan"], ["2 added, in no earlier list: .locked"], ["docs/plan/a.locked"])
# By how the query begins: its columns and its first table.
ANSWERS = {
    "tenant_id, device_id, ended_at, anomaly_kind": [
        ("default", "laptop", EARLIER, "encrypt", 2.5, "200 files changed", OTHER_ANOMALY),
        ("default", "nas", NEWEST, "delete", 1.6, "900 files deleted", ANOMALY),
    ],
    "d.tenant_id": [
        ("default", "canonical", "nas", "b-1", datetime(2025, 3, 29, 21, 15, tzinfo=UTC), 1),
    ],
    "device_id, ended_at, paths_listed": [("laptop", EARLIER, 1200, 3, *FILES)],
    "f.extension": [
        ("locked", "added", 2, "docs/plan/a.locked"),
        ("docx", "deleted", 1, "docs/plan/a.docx"),
    ],
    "device_id, count(*) AS paths": [("laptop", 2, DAY, DAY)],
    "not_judged": [("first", 2, "new"), ("failed", 1, "broken")],
    "anomaly_kind, count(*) AS alerts": [("add", 2, 1, 0, 1), ("delete", 1, 0, 0, 0), ("encrypt", 1, 1, 1, 0)],
    "reason": [("bad_json", 1, "canonical/a.jsonl", "cut")],
    "stage": [("report", NEWEST, 1)],
    "product": [("canonical", 30, FIRST_DAY, LAST_DAY, 30_000_000)],
}


def queries():
    """Each query of the page, with its answer."""
    found = []
    for query in blocks("docs/queries.md", "sql"):
        flat = re.sub(r"\s+", " ", query).removeprefix("SELECT ")
        (answer,) = [rows for begins, rows in ANSWERS.items() if flat.startswith(begins)]
        found.append((query, answer))
    assert len(found) == len(ANSWERS)
    return found
