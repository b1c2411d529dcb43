"""`uda search`: anomalies by a query in words, whatever names they hold."""

import json
from datetime import UTC, datetime, timedelta

import pytest

from jobs.cli import main
from jobs.errors import UdaError
from jobs.search.lookup import search
from jobs.search.query import query_of
from jobs.tables import ANOMALIES, FILE_CHANGES
from tests.fast.docs.lake import write_table
from tests.fast.report.samples import FILES, HOSTILE, NEWEST, anomaly

NOW = NEWEST + timedelta(hours=1)
ROWS = {
    "first": anomaly(0, device_id="nas1", anomaly_score=2.5, **FILES),
    "second": anomaly(1, device_id="nas2", anomaly_kind="add", status="resolved", reason="3 Archives added", **FILES),
    "third": anomaly(40, device_id="web-1", tenant_id="acme", product="restic", anomaly_score=0.1),
    "odd": anomaly(3, device_id="a[b]*' OR 1=1 --", anomaly_kind="encrypt"),
    "hostile": anomaly(5, device_id=HOSTILE, reason=HOSTILE),
}
PATHS = {
    "first": [("docs/plan/a.locked", "locked"), ("docs/plan/b.docx", "docx"), ("x[1],*.tar", "tar")],
    "second": [(HOSTILE, None)],
}
IDS = {row["anomaly_id"]: name for name, row in ROWS.items()}


@pytest.fixture(scope="module")
def lake(tmp_path_factory):
    folder = tmp_path_factory.mktemp("lake")
    write_table(folder, ANOMALIES, list(ROWS.values()))
    write_table(
        folder,
        FILE_CHANGES,
        [ROWS[name] | {"path": path, "extension": ext} for name, paths in PATHS.items() for path, ext in paths],
    )
    return str(folder)


@pytest.mark.parametrize(
    ("query", "names"),
    [
        ("", ["first", "second", "odd", "hostile", "third"]),
        ("device:nas1", ["first"]),
        ("device:nas1,web-1 kind:delete", ["first", "third"]),
        ("device:nas?", ["first", "second"]),
        ("device:-nas*,web-*", ["odd", "hostile"]),
        ('device:"a[b]*\' OR 1=1 --"', ["odd"]),
        ("device:nas*,a[b]*", ["first", "second", "odd"]),
        ("tenant:acme product:restic", ["third"]),
        ("kind:-delete,encrypt", ["second"]),
        ("status:resolved", ["second"]),
        ("since:30d", ["first", "second", "odd", "hostile"]),
        ("since:24h", ["first"]),
        (f"until:{(NEWEST - timedelta(days=4)).date()}", ["hostile", "third"]),
        (f"since:{NEWEST.isoformat()}", ["first"]),
        ("score:1.6", ["first", "second", "odd", "hostile"]),
        ("archives", ["second"]),
        ("'files deleted' device:nas*", ["first"]),
        ("'<script>'", ["hostile"]),
        ("kind:delete since:30d score:3", []),
        ("path:docs/*.docx", ["first"]),
        ("path:docs/plan", []),
        ("path:*/plan/*,nothing device:nas*", ["first"]),
        ("path:x[1]*", ["first"]),
        ("path:-docs/*", ["second"]),
        ("path:<script>*", ["second"]),
        ("ext:LOCKED,zip", ["first"]),
        ("ext:.docx path:*.tar", ["first"]),
        ("ext:docx kind:add", []),
        ("ext:-docx", ["second"]),
    ],
)
def test_all_that_is_asked_must_hold(lake, query, names):
    assert [IDS[row["anomaly_id"]] for row in search(lake, query, NOW, None)] == names


def test_a_limit_counts_what_is_found(lake):
    assert [IDS[row["anomaly_id"]] for row in search(lake, "device:*", NOW, 2)] == ["first", "second"]
    assert [IDS[row["anomaly_id"]] for row in search(lake, "files", NOW, 2)] == ["first", "odd"]
    assert [IDS[row["anomaly_id"]] for row in search(lake, "kind:delete", NOW, 1)] == ["first"]


@pytest.mark.parametrize(
    ("query", "said"),
    [
        ("colour:red", "colour:red: nothing is named colour; it may be tenant, product, device, "),
        ("kind:theft", "kind:theft: theft is not one of encrypt, delete, add, modify"),
        ("status:-gone", "status:-gone: gone is not one of open, "),
        ("device:", "device:: say what device is to be, as in device:VALUE"),
        ("device:-", "device:-: say what device is to be, as in device:VALUE"),
        ("since:yesterday", "since:yesterday: must be like 30d or 12h ago, 2025-03-01, or "),
        ("since:99999999d", "since:99999999d: must be like 30d"),
        ("score:high", "score:high: must be a number"),
        ("score:nan", "score:nan: must be a number"),
        ("device:'nas", "device:'nas: a quotation mark is left open"),
    ],
)
def test_a_word_that_is_none_of_a_query_is_named_and_says_what_it_may_be(query, said):
    with pytest.raises(UdaError) as refused:
        query_of(query, NOW)
    assert str(refused.value).startswith(said)


def test_a_time_without_a_zone_is_utc_and_one_before_all_time_is_refused():
    (found,) = query_of("since:2025-03-01T12:00:00+02:00", NOW).filters
    assert found == ("ended_at", ">=", datetime(2025, 3, 1, 10, tzinfo=UTC))
    assert query_of("since:2025-03-01", NOW).filters[0][2] == datetime(2025, 3, 1, tzinfo=UTC)
    assert query_of("since:99999d", NOW).filters[0][2].year < 1800


def test_the_command_lists_as_anomalies_does_and_says_so_where_nothing_is_found(lake, capsys, monkeypatch, tmp_path):
    monkeypatch.chdir(tmp_path)
    assert main(["search", "device:nas2", "--lake", lake]) == 0
    assert "3 Archives added" in capsys.readouterr().out
    assert main(["search", "device:nas2", "--lake", lake, "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["device_id"] == "nas2"
    assert main(["search", "device:nobody", "--lake", lake]) == 0
    assert capsys.readouterr().out == "No unusual backup.\n"
    assert main(["search", "kind:theft", "--lake", lake]) == 1
    assert capsys.readouterr().err.startswith("uda: kind:theft: theft is not one of")
