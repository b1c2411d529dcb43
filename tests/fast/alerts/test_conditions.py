"""A condition of the line is told once when it begins and once when it is over, and then may begin again."""

from datetime import timedelta

import pytest

from jobs.alerts.channels import mail
from jobs.alerts.conditions import LONGEST_TEXT, Fact, operations_of
from jobs.alerts.delivery import deliver
from jobs.alerts.listing import alerts_table
from jobs.alerts.ocsf import detection_finding
from jobs.alerts.operation_words import TITLES, TODO
from jobs.alerts.owing import is_for, operations_owed_to, waiting
from jobs.alerts.words import description, title
from jobs.channel_settings import Jsonl, Smtp
from jobs.errors import UdaError
from jobs.tables import ALERT_CONDITIONS, ALERTS
from tests.fast.alerts.samples import FILE, MOMENT, started
from tests.fast.alerts.test_ocsf_published import check
from tests.fast.report.samples import HOSTILE

DAY = timedelta(days=1)
FAILED = Fact("stage_failed", "score failed", subject="score")


def silent(name, since=MOMENT, tenant="default"):
    return Fact("silent", name, tenant, since=since)


class Lake:
    """The rows of `alerts`, written by one run after the other, a day apart."""

    def __init__(self):
        self.rows, self.moment = {}, MOMENT

    def run(self, *facts, known=ALERT_CONDITIONS, channels=(FILE,), send=lambda *_: None, days=1):
        """Event, condition and detail of what was delivered."""
        by_condition = {word: [fact for fact in facts if fact.condition == word] for word in known}
        self.write(operations_owed_to(by_condition, list(self.rows.values()), channels, self.moment, 7))
        queues = waiting(operations_of(self.rows.values()), self.rows.values(), channels)
        tried = deliver(queues, {channel.name: send for channel in channels}, self.moment, 12)
        self.write(tried)
        self.moment += days * DAY
        return [(row["event"], row["condition"], row["detail"]) for row in tried if row["status"] == "delivered"]

    def write(self, rows):
        for row in rows:
            assert set(row) == set(ALERTS.names)
            self.rows[row["alert_id"], row["channel"]] = row


# --- when it is told -----------------------------------------------------------------------------------------------


def test_a_failure_is_told_once_and_its_end_once_and_then_it_may_begin_again():
    lake = Lake()
    assert lake.run(FAILED) == [("started", "stage_failed", "score failed")]
    assert lake.run(FAILED) == []
    assert lake.run() == [("resolved", "stage_failed", "score failed")]
    assert lake.run() == []
    assert lake.run(FAILED) == [("started", "stage_failed", "score failed")]
    assert len({row["episode_id"] for row in lake.rows.values()}) == 2


def test_another_stage_or_reason_is_a_condition_of_its_own():
    lake = Lake()
    lake.run(FAILED)
    other = Fact("stage_failed", "train failed", subject="train")
    assert lake.run(FAILED, other) == [("started", "stage_failed", "train failed")]
    assert lake.run(other) == [("resolved", "stage_failed", "score failed")]


def test_what_is_not_known_now_is_not_over():
    lake = Lake()
    lake.run(FAILED, silent("nas"))
    assert lake.run(known=("stage_failed",)) == [("resolved", "stage_failed", "score failed")]
    assert lake.run() == [("resolved", "silent", "nas")]


def test_many_silent_devices_of_a_tenant_are_one_message_that_names_the_first():
    lake = Lake()
    facts = [silent(f"nas-{n}", MOMENT - timedelta(hours=n)) for n in range(100)]
    details = sorted(detail for *_, detail in lake.run(*facts, silent("x", tenant="acme")))
    assert details == ["100: nas-99; nas-98; nas-97; nas-96; nas-95; and 95 more", "x"]


def test_devices_that_fall_silent_later_are_told_then_and_they_alone():
    lake = Lake()
    old = silent("old")
    lake.run(old)
    new = silent("new", MOMENT + DAY)
    assert lake.run(old, new) == [("started", "silent", "new")]
    assert lake.run(old, new) == []
    assert lake.run(new) == [("resolved", "silent", "old")]
    # Silent again after it was heard of.
    again = silent("old", MOMENT + 4 * DAY)
    assert lake.run(again, new) == [("started", "silent", "old")]
    assert lake.run() == [("resolved", "silent", "new"), ("resolved", "silent", "old")]


def test_a_message_of_many_is_over_when_all_of_them_are():
    lake = Lake()
    lake.run(silent("a"), silent("b"))
    assert lake.run(silent("b")) == []
    assert lake.run() == [("resolved", "silent", "2: a; b")]


def test_what_began_long_before_the_first_message_is_not_told():
    assert Lake().run(silent("gone", MOMENT - 8 * DAY)) == []
    assert Lake().run(silent("gone", MOMENT - 6 * DAY)) == [("started", "silent", "gone")]
    lake = Lake()
    lake.run(FAILED, days=30)
    assert lake.run(FAILED, silent("late", MOMENT + DAY)) == [("started", "silent", "late")]


def test_a_channel_that_is_down_gets_both_in_order_once_it_is_back_and_no_other_waits():
    def down(*_):
        raise UdaError("Connection refused")

    lake = Lake()
    assert lake.run(FAILED, send=down) == []
    assert lake.run(send=down) == []
    assert [event for event, *_ in lake.run(days=3)] == ["started", "resolved"]


def test_of_one_moment_the_start_comes_before_the_end():
    for subject in "abcdefgh":  # ids are in no order
        lake, sent = Lake(), []
        fact = Fact("stage_failed", "failed", subject=subject)
        lake.write(operations_owed_to({"stage_failed": [fact]}, [], [FILE], MOMENT, 7))
        lake.run(send=lambda event, _, sent=sent: sent.append(event.word))
        assert sent == ["started", "resolved"]


def test_a_run_that_is_killed_before_or_after_sending_owes_no_second_message():
    lake = Lake()
    facts = {"stage_failed": [FAILED]}
    before = operations_owed_to(facts, [], [FILE], MOMENT, 7)
    assert operations_owed_to(facts, [], [FILE], MOMENT, 7) == before
    lake.write(before)
    lake.moment += DAY
    assert len(lake.run(FAILED)) == 1
    assert [row["alert_id"] for row in lake.rows.values()] == [row["alert_id"] for row in before]


# --- to whom -------------------------------------------------------------------------------------------------------


def test_each_channel_is_told_what_it_is_about_and_whose_it_is():
    channels = [
        Jsonl("all", "/x"),
        Jsonl("analyst", "/x", about=("episodes",)),
        Jsonl("engineer", "/x", about=("operations",)),
        Jsonl("acme", "/x", tenants=("acme",)),
    ]
    lake = Lake()
    lake.run(FAILED, silent("nas", tenant="acme"), channels=channels)
    told = {(row["channel"], row["condition"]) for row in lake.rows.values()}
    conditions = ("stage_failed", "silent")
    assert told == {(name, word) for name in ("all", "engineer") for word in conditions} | {("acme", "silent")}
    assert [is_for(channel, started()) for channel in channels] == [True, True, False, False]


# --- what it says --------------------------------------------------------------------------------------------------


def operations(condition, **stated):
    lake = Lake()
    lake.run(Fact(condition, **{"text": "nas", "subject": "it", **stated}))
    lake.run()
    return operations_of(lake.rows.values())


@pytest.mark.parametrize("condition", ALERT_CONDITIONS)
def test_every_condition_has_its_words_and_is_a_detection_finding(condition):
    for operation, word in zip(operations(condition), ("Create", "Close"), strict=True):
        finding = detection_finding(operation, MOMENT)
        check(finding)
        assert finding["activity_name"] == word
        assert finding["status"] == ("New" if word == "Create" else "Resolved")
        assert finding["metadata"]["correlation_uid"] == operation.episode_id
        assert finding["evidences"][0]["data"] == {"condition": condition, "subject": "it", "detail": "nas"}
    start, end = operations(condition)
    assert title(start) == f"{TITLES[condition]}: it"
    assert title(end) == f"Over: {TITLES[condition]}: it"
    assert TODO[condition] in description(start)
    assert TODO[condition] not in description(end)


def test_what_stops_the_line_is_more_severe_than_what_befalls_a_device():
    severity = {word: detection_finding(operations(word)[0], MOMENT)["severity"] for word in ALERT_CONDITIONS}
    assert severity == dict.fromkeys(ALERT_CONDITIONS, "Medium") | {"stage_failed": "High", "no_run": "High"}


def test_a_hostile_or_endless_name_stays_in_its_place():
    (start, _) = operations("silent", text=HOSTILE + "x" * 1_000, tenant_id=HOSTILE, subject=None)
    assert len(start.detail) == LONGEST_TEXT
    message = mail(Smtp("mail", "h", "uda@example.org", ("soc@example.org",)), start, MOMENT)
    assert (message["Subject"] + message.get_content().replace("\r\n", "").replace("\n", "")).isprintable()
    lake = Lake()
    lake.run(Fact("silent", HOSTILE, HOSTILE), FAILED)
    rows = sorted(lake.rows.values(), key=lambda row: row["condition"] != "silent")
    lines = alerts_table(rows).splitlines()
    assert all(line.isprintable() for line in lines)
    assert lines[1].endswith(" / silent")
    assert lines[2].endswith("  stage_failed score")
