"""What there is to tell of an episode, when, and to which channel: from the rows of two tables alone."""

import hashlib
import random
from datetime import timedelta

import pytest

from jobs.alerts.events import alert_id, episodes_of, events_of
from jobs.alerts.owing import owed, waiting
from jobs.channel_settings import Jsonl
from jobs.tables import ALERT_EVENTS, ALERTS, KINDS
from tests.fast.alerts.samples import FILE, MOMENT, episode, row, started
from tests.fast.report.samples import NEWEST, anomaly

OTHER = Jsonl("other", "/x")


def words(anomalies):
    return [(event.word, event.anomaly["anomaly_kind"]) for event in events_of(episodes_of(anomalies))]


def told(anomalies, held=(), channels=(FILE,), max_age_days=7, moment=MOMENT):
    rows = owed(events_of(episodes_of(anomalies)), {}, list(held), channels, moment, max_age_days)
    return [(found["channel"], found["event"]) for found in rows], rows


def test_an_alerts_id_is_the_hash_of_episode_and_event_each_behind_its_length():
    text = "16:3f9c0a5be1d274867:started"
    assert alert_id("3f9c0a5be1d27486", "started") == hashlib.sha256(text.encode()).hexdigest()[:16]
    assert alert_id("ab", "c") != alert_id("a", "bc")


@pytest.mark.parametrize(
    ("alerts", "expected"),
    [
        (["delete"], [("started", "delete")]),
        (["delete", "delete"], [("started", "delete")]),
        (["delete", "encrypt"], [("started", "delete"), ("grown", "encrypt")]),
        (["encrypt", "delete"], [("started", "encrypt")]),
        (
            ["add", "modify", "add", "delete", "delete", "encrypt"],
            [("started", "add"), ("grown", "modify"), ("grown", "delete"), ("grown", "encrypt")],
        ),
    ],
)
def test_an_episode_starts_once_and_grows_only_with_a_kind_worse_than_any_before(alerts, expected):
    assert words(episode(*alerts)) == expected


def test_every_event_of_an_episode_has_an_id_of_its_own():
    events = events_of(episodes_of(episode("add", "modify", "delete", "encrypt", status="resolved")))
    assert {event.word for event in events} == set(ALERT_EVENTS)
    assert len({event.alert_id for event in events}) == len(events) == 5


@pytest.mark.parametrize(
    ("status", "backups_since", "is_over"),
    [
        ("open", 0, False),
        ("resolved", 1, True),
        ("false_positive", 0, True),
        ("new_baseline", 0, True),
        ("confirmed", 0, False),
        ("confirmed", 1, True),
    ],
)
def test_an_episode_is_over_when_the_device_is_usual_again_or_a_verdict_closed_it(status, backups_since, is_over):
    found = words(episode("delete", "delete", status=status, backups_since=backups_since))
    assert (("resolved", "delete") in found) == is_over


def test_a_false_positive_after_others_of_its_episode_does_not_make_it_grow():
    alerts = ({"anomaly_kind": "add"}, {"anomaly_kind": "encrypt", "status": "false_positive"})
    assert words(episode(*alerts)) == [("started", "add")]


def test_a_snoozed_episode_has_nothing_to_tell_until_it_is_no_more():
    assert words(episode("delete", "encrypt", status="snoozed")) == []
    assert words(episode("delete", "encrypt")) == [("started", "delete"), ("grown", "encrypt")]


def test_events_do_not_depend_on_the_order_of_the_rows_and_episodes_come_as_they_began():
    rows = [*episode("delete", "encrypt", "encrypt"), anomaly(9, device_id="laptop"), anomaly(1, tenant_id="acme")]
    expected = [(event.word, event.alert_id) for event in events_of(episodes_of(rows))]
    random.Random(3).shuffle(rows)
    assert [(event.word, event.alert_id) for event in events_of(episodes_of(rows))] == expected
    assert [event.first_at for event in events_of(episodes_of(rows))] == sorted(
        event.first_at for event in events_of(episodes_of(rows))
    )


def test_a_row_of_the_outbox_has_every_column_and_points_to_the_alert_that_it_is_about():
    _, (found,) = told(episode("delete"))
    assert set(found) == set(ALERTS.names)
    assert (found["status"], found["attempts"], found["owed_at"]) == ("owed", 0, MOMENT)
    assert (found["tenant_id"], found["device_id"], found["anomaly_id"]) == ("default", "photo-archive", f"{0:016x}")
    assert {found["anomaly_kind"]} <= set(KINDS)


def test_what_is_held_is_never_owed_again_whatever_became_of_it():
    history = episode("delete", "encrypt", status="resolved")
    _, rows = told(history)
    assert [found["event"] for found in rows] == ["started", "grown", "resolved"]
    for status in ("owed", "delivered", "gave_up"):
        held = [found | {"status": status} for found in rows]
        assert told(history, held, moment=MOMENT + timedelta(days=1)) == ([], [])


def test_what_is_owed_is_the_same_whether_the_runs_came_day_by_day_or_at_once():
    days = [
        episode("add"),
        episode("add", "delete"),
        episode("add", "delete", status="resolved", backups_since=1),
    ]
    days[0][0] |= {"anomaly_id": days[1][0]["anomaly_id"], "episode_id": days[1][0]["episode_id"]}
    held = []
    for day in days:
        held += told(day, held)[1]
    at_once = told(days[-1])[1]
    assert [found["alert_id"] for found in held] == [found["alert_id"] for found in at_once]


def test_an_old_episode_is_told_only_where_its_channel_was_told_something_before_it_began():
    eight_days_ago = [anomaly(8)]
    assert told(eight_days_ago)[0] == []
    assert told(eight_days_ago, max_age_days=9)[0] == [("file", "started")]
    earlier = row(started(episode_id="another"), owed_at=NEWEST - timedelta(days=9))
    assert told(eight_days_ago, [earlier], (FILE, OTHER))[0] == [("file", "started")]
    later = earlier | {"owed_at": NEWEST - timedelta(days=7)}
    assert told(eight_days_ago, [later])[0] == []


def test_how_a_told_episode_goes_on_is_told_however_old_it_is():
    history = episode("delete", *["delete"] * 20, status="resolved", backups_since=1)
    start = row(events_of(episodes_of(history))[0], owed_at=MOMENT)
    assert told(history, [start])[0] == [("file", "resolved")]
    assert told(history)[0] == []


def test_what_people_excused_before_anybody_was_told_is_not_told():
    history = episode("delete", status="false_positive")
    assert told(history)[0] == []
    start = row(events_of(episodes_of(episode("delete")))[0], status="delivered")
    assert told(history, [start])[0] == [("file", "resolved")]


def test_a_tenants_alerts_reach_only_channels_that_are_for_it():
    history = [anomaly(1, tenant_id="acme"), anomaly(0, tenant_id="umbrella")]
    only_acme = Jsonl("acme", "/x", tenants=("acme",))
    both = Jsonl("both", "/x", tenants=("acme", "umbrella"))
    rows = told(history, channels=(only_acme, both, FILE))[1]
    assert sorted((found["channel"], found["tenant_id"]) for found in rows) == [
        ("acme", "acme"),
        ("both", "acme"),
        ("both", "umbrella"),
        ("file", "acme"),
        ("file", "umbrella"),
    ]
    # Nor does what was owed before the channel was narrowed.
    narrowed = Jsonl("both", "/x", tenants=("acme",))
    waits = waiting(events_of(episodes_of(history)), rows, [narrowed])["both"]
    assert [found["tenant_id"] for found, _ in waits] == ["acme"]


def test_only_what_is_owed_waits_and_in_the_order_of_the_events():
    history = episode("delete", "encrypt", status="resolved")
    events, rows = events_of(episodes_of(history)), told(history)[1]
    rows[1] |= {"status": "gave_up"}
    waits = waiting(events, reversed(rows), [FILE, OTHER])
    assert {name: [found["event"] for found, _ in queue] for name, queue in waits.items()} == {
        "file": ["started", "resolved"]
    }
    rows[0] |= {"status": "delivered"}
    rows[2] |= {"status": "delivered"}
    assert waiting(events, rows, [FILE]) == {}


def test_the_end_of_an_episode_that_goes_on_again_waits_until_it_is_over():
    _, rows = told(episode("delete", status="resolved"))
    rows[0] |= {"status": "delivered"}
    assert waiting(events_of(episodes_of(episode("delete", status="open"))), rows, [FILE]) == {}
    assert (
        waiting(events_of(episodes_of(episode("delete", status="resolved"))), rows, [FILE])["file"][0][0]["event"]
        == "resolved"
    )
