"""`uda alerts`: what is owed and what came, and a test message through one channel."""

import json
from datetime import timedelta

import pytest

from jobs.alerts.listing import alerts_table
from jobs.cli import main
from jobs.tables import ALERTS
from tests.fast.alerts.samples import MOMENT, row, started
from tests.fast.alerts.servers import http_server
from tests.fast.docs.lake import write_table
from tests.fast.report.samples import HOSTILE


@pytest.fixture(autouse=True)
def elsewhere(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("no_proxy", "127.0.0.1")
    monkeypatch.delenv("UDA_CONFIG", raising=False)


def test_a_line_a_message_and_below_it_why_it_did_not_come():
    waits = {"attempts": 3, "last_error": "HTTP 503", "next_attempt_at": MOMENT + timedelta(hours=1)}
    rows = [
        row(started(tenant_id="acme"), "siem", **waits),
        row(started(), "mail", status="gave_up", attempts=1, last_error="refused"),
        row(started(), "file", status="delivered"),
    ]
    assert alerts_table(rows).splitlines() == [
        "FOUND (UTC)       CHANNEL  EVENT    STATUS     DEVICE",
        "2026-03-13 06:00  siem     started  owed       acme / photo-archive",
        "                  tried 3 times, not again before 2026-03-13 07:00: HTTP 503",
        "2026-03-13 06:00  mail     started  gave up    photo-archive",
        "                  tried once: refused",
        "2026-03-13 06:00  file     started  delivered  photo-archive",
    ]


def test_nothing_in_a_listing_moves_the_cursor():
    rows = [row(started(device_id=HOSTILE), last_error=HOSTILE, attempts=2)]
    assert len(alerts_table(rows).splitlines()) == 3
    assert all(line.isprintable() for line in alerts_table(rows).splitlines())


def test_the_newest_messages_come_first_as_text_and_as_json(tmp_path, capsys):
    ages = (3, 0, 1)
    rows = [row(started(device_id=f"nas {age}"), owed_at=MOMENT - timedelta(days=age)) for age in ages]
    write_table(tmp_path / "lake", ALERTS, rows)
    assert main(["alerts", "--lake", "lake", "--limit", "2"]) == 0
    shown = capsys.readouterr().out.splitlines()
    assert [line[-5:] for line in shown[1:]] == ["nas 0", "nas 1"]
    assert main(["alerts", "--lake", "lake", "--json"]) == 0
    lines = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert [line["device_id"] for line in lines] == ["nas 0", "nas 1", "nas 3"]
    assert set(lines[0]) == set(ALERTS.names)


def test_a_lake_that_told_nobody_says_how_to_set_a_channel(tmp_path, capsys):
    write_table(tmp_path / "lake", ALERTS, [])
    assert main(["alerts", "--lake", "lake"]) == 0
    assert "docs/runbook.md" in capsys.readouterr().out


def test_a_test_message_says_what_happened_in_words_and_exit_status(tmp_path, capsys):
    with http_server(200) as well, http_server(500) as ill:
        text = "".join(
            f'[channels.{name}]\nkind = "webhook"\nurl = "{url}"\n' for name, url in (("a", well.url), ("b", ill.url))
        )
        (tmp_path / "uda.toml").write_text(text + 'tenants = ["acme"]\n')
        assert main(["alerts", "test", "a", "--config", "uda.toml"]) == 0
        assert main(["alerts", "--config", "uda.toml", "test", "b"]) == 1
        assert main(["alerts", "test", "c", "--config", "uda.toml"]) == 2
    said = capsys.readouterr()
    ((_, headers, body),) = well.got
    assert said.out == f"channel a: test message delivered, alert_id {headers['Idempotency-Key']}\n"
    assert "test of the channel a" in json.loads(body)["finding_info"]["desc"]
    assert json.loads(ill.got[0][2])["metadata"]["tenant_uid"] == "acme"
    assert said.err.splitlines() == [
        "uda: channel b: not delivered: HTTP 500 Internal Server Error",
        "uda: no channel 'c' in the configuration: those are a, b",
    ]
