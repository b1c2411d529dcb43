"""Many devices of a tenant that turn at once are one fleet episode, and one message."""

import random
from datetime import timedelta

import pytest

from jobs.alerts.delivery import deliver
from jobs.alerts.events import episodes_of, events_of
from jobs.alerts.fleet import WINDOW, fleet_events, fleets_of
from jobs.alerts.owing import owed, waiting
from jobs.channel_settings import Jsonl
from jobs.errors import UdaError
from tests.fast.alerts.samples import FILE, MOMENT, together, turned
from tests.fast.report.samples import NEWEST

LEAST = 10
HOUR = timedelta(hours=1)


def found(anomalies, devices=(), known=None):
    return fleets_of(episodes_of(anomalies), devices, LEAST, known or {})


def sizes(anomalies, devices=()):
    return [len(fleet.episodes) for fleet in found(anomalies, devices)]


def words(anomalies):
    return [(event.word, event.what) for event in fleet_events(found(anomalies))]


class Lake:
    """The rows of `alerts`, written by one run after the other."""

    def __init__(self):
        self.rows = {}

    def run(self, anomalies, moment=MOMENT, channels=(FILE,), send=lambda *_: None, is_killed=False):
        """The words of what was delivered, device by device or `fleet`."""
        held = list(self.rows.values())
        known = {(r["tenant_id"], r["episode_id"]): r["fleet_episode_id"] for r in held if r["fleet_episode_id"]}
        episodes = episodes_of(anomalies)
        fleets = fleets_of(episodes, (), LEAST, known)
        events = [*events_of(episodes), *fleet_events(fleets)]
        fleet_of = {key: fleet.fleet_id for fleet in fleets for key in fleet.keys}
        self.write(owed(events, fleet_of, held, channels, moment, 7))
        queues = waiting(events, self.rows.values(), channels)
        tried = deliver(queues, {channel.name: send for channel in channels}, moment, 12)
        if not is_killed:
            self.write(tried)
        return sorted((row["device_id"] or "fleet", row["event"]) for row in tried if row["status"] == "delivered")

    def write(self, rows):
        keys = [(row["alert_id"], row["channel"]) for row in rows]
        assert len(set(keys)) == len(keys)
        self.rows |= dict(zip(keys, rows, strict=True))

    def statuses(self, **wanted):
        rows = [row for row in self.rows.values() if row.items() >= wanted.items()]
        return {row["device_id"] or "fleet": row["status"] for row in rows}


# --- which belong together -----------------------------------------------------------------------------------------


@pytest.mark.parametrize(("count", "expected"), [(LEAST - 1, []), (LEAST, [LEAST]), (40, [40])])
def test_so_many_devices_within_a_day_are_a_fleet_episode_and_fewer_are_not(count, expected):
    assert sizes(together(count)) == expected


def test_what_lies_further_apart_than_a_day_does_not_belong_together():
    assert sizes(together(LEAST, WINDOW / HOUR / (LEAST - 1))) == [LEAST]
    assert sizes(together(LEAST, WINDOW / HOUR / (LEAST - 1) + 0.01)) == []


def test_an_episode_shortly_before_neither_hides_nor_splits_it():
    """A day that is counted from the first of them would end in the middle."""
    stray = turned(99, NEWEST - 22 * HOUR)
    assert sizes([stray, *together(LEAST + 2, 0.5)]) == [LEAST + 3]
    far = turned(99, NEWEST - 40 * HOUR)
    assert sizes([far, *together(LEAST, 2)]) == [LEAST]


def test_a_roll_out_over_days_is_one():
    assert sizes(together(60, 2)) == [60]


def test_tenants_are_apart():
    half = LEAST // 2
    rows = together(LEAST)
    assert sizes([row | {"tenant_id": "acme"} for row in rows[:half]] + rows[half:]) == []
    other = [turned(100 + n, NEWEST, tenant_id="acme") for n in range(LEAST)]
    assert sizes([*rows, *other]) == [LEAST, LEAST]


def test_one_restless_device_is_no_fleet():
    assert sizes([row | {"device_id": "nas"} for row in together(3 * LEAST)]) == []


@pytest.mark.parametrize(("held", "expected"), [(1_200, [20]), (2_000, [20]), (3_000, [])])
def test_in_a_large_fleet_it_takes_three_times_what_the_budget_lets_through_a_day(held, expected):
    devices = [{"tenant_id": "default", "first_backup_at": NEWEST - timedelta(days=400)}] * held
    assert sizes(together(20), devices) == expected
    # A budget of a tenth: at most 3 of 3,000 a day.
    assert sizes(together(20, threshold=1.0), devices) == [20]


def test_devices_that_came_later_do_not_undo_it():
    devices = [{"tenant_id": "default", "first_backup_at": NEWEST + timedelta(days=1)}] * 10_000
    assert sizes(together(20), devices) == [20]


def test_no_order_of_rows_and_no_verdict_makes_another_one():
    rows = together(30)
    expected = found(rows)
    random.Random(3).shuffle(rows)
    assert found(rows) == expected
    for status in ("false_positive", "snoozed", "confirmed"):
        judged = [row | {"status": status} if n % 2 else row for n, row in enumerate(rows)]
        assert [fleet.fleet_id for fleet in found(judged)] == [expected[0].fleet_id]
        assert sizes(judged) == [30]


def test_it_keeps_its_name_when_devices_join_before_or_after():
    rows = together(LEAST)
    (first,) = found(rows)
    known = dict.fromkeys(first.keys, first.fleet_id)
    earlier, later = turned(98, NEWEST - 12 * HOUR), turned(99, NEWEST + 2 * HOUR)
    (joined,) = found([*rows, later])
    assert joined.fleet_id == first.fleet_id
    (joined,) = found([*rows, earlier], known=known)
    assert (joined.fleet_id, len(joined.episodes)) == (first.fleet_id, LEAST + 1)


def test_two_that_were_told_as_one_have_a_name_each():
    rows = [*together(LEAST), *(turned(100 + n, NEWEST + 5 * WINDOW) for n in range(LEAST))]
    known = {(row["tenant_id"], row["episode_id"]): "one" for row in rows}
    assert len({fleet.fleet_id for fleet in found(rows, known=known)}) == 2


# --- what there is to tell -----------------------------------------------------------------------------------------


def test_it_starts_once_and_is_over_when_all_its_devices_are():
    rows = together(LEAST)
    assert words(rows) == [("started", "")]
    assert words([row | {"status": "resolved"} for row in rows[1:]] + rows[:1]) == [("started", "")]
    assert words([row | {"status": "resolved"} for row in rows]) == [("started", ""), ("resolved", "")]
    assert words([row | {"status": "new_baseline"} for row in rows]) == [("started", ""), ("resolved", "")]


def test_it_grows_with_a_worse_kind_and_with_ten_times_the_devices():
    rows = together(LEAST, anomaly_kind="add")
    later = [turned(100 + n, NEWEST + HOUR, anomaly_kind="add") for n in range(9 * LEAST)]
    worse = turned(300, NEWEST + 2 * HOUR, anomaly_kind="encrypt")
    assert words([*rows, *later[:-1]]) == [("started", "")]
    assert words([*rows, *later, worse]) == [("started", ""), ("grown", "10 times"), ("grown", "encrypt")]
    excused = worse | {"status": "false_positive"}
    assert words([*rows, excused]) == [("started", "")]
    ids = {event.alert_id for event in fleet_events(found([*rows, *later, worse]))}
    assert len(ids) == 3


def test_while_some_are_snoozed_the_others_are_told_and_while_all_are_nothing_is():
    rows = [row | {"status": "resolved"} for row in together(LEAST)]
    some = [row | {"status": "snoozed"} if n < 3 else row for n, row in enumerate(rows)]
    (event,) = fleet_events(found(some))
    assert (event.word, len(event.episodes)) == ("started", LEAST - 3)
    assert words([row | {"status": "snoozed"} for row in rows]) == []


# --- who is told what ----------------------------------------------------------------------------------------------


def test_devices_that_turn_at_once_are_told_by_one_message_from_start_to_end():
    lake, rows = Lake(), together(25)
    assert lake.run(rows) == [("fleet", "started")]
    assert lake.run(rows) == []
    joined = [*rows, *(turned(100 + n, NEWEST + HOUR) for n in range(20))]
    assert lake.run(joined) == []
    assert set(lake.statuses(about="episode").values()) == {"covered"}
    assert len(lake.statuses(about="episode")) == 45
    assert lake.run([row | {"status": "resolved"} for row in joined]) == [("fleet", "resolved")]


def test_what_was_told_of_single_devices_before_is_not_told_anew_and_its_end_is_told():
    lake, rows = Lake(), together(25)
    assert lake.run(rows[:4]) == [(f"nas-{n:03}", "started") for n in range(4)]
    assert lake.run(rows) == [("fleet", "started")]
    worse = turned(0, NEWEST + HOUR, episode_id=rows[0]["episode_id"], anomaly_id="f" * 16, anomaly_kind="encrypt")
    assert lake.run([*rows, worse]) == [("fleet", "grown")]
    over = [row | {"status": "resolved"} for row in (*rows, worse)]
    assert lake.run(over) == [("fleet", "resolved"), *((f"nas-{n:03}", "resolved") for n in range(4))]


def test_what_waits_for_a_channel_that_is_down_is_covered_once_it_is_part_of_a_fleet_episode():
    def down(*_):
        raise UdaError("Connection refused")

    lake, rows = Lake(), together(25)
    assert lake.run(rows[:4], send=down) == []
    assert lake.run(rows, MOMENT + HOUR) == [("fleet", "started")]
    assert lake.statuses(event="started", device_id="nas-001") == {"nas-001": "covered"}


def test_what_has_grown_before_it_was_told_is_said_by_its_first_message():
    rows = together(LEAST, anomaly_kind="add")
    later = [turned(100 + n, NEWEST + HOUR, anomaly_kind="encrypt") for n in range(9 * LEAST)]
    lake = Lake()
    assert lake.run([*rows, *later]) == [("fleet", "started")]
    lake = Lake()
    lake.run(rows)
    assert lake.run([*rows, *later]) == [("fleet", "grown")]
    assert sorted(row["status"] for row in lake.rows.values() if row["event"] == "grown") == ["covered", "delivered"]


def test_a_run_that_is_killed_after_sending_sends_the_same_again_and_nothing_else():
    sent = []
    lake, rows = Lake(), together(25)
    lake.run(rows, send=lambda event, _: sent.append(event.alert_id), is_killed=True)
    lake.run(rows, send=lambda event, _: sent.append(event.alert_id))
    assert sent == [sent[0]] * 2
    clean = Lake()
    clean.run(rows)
    assert clean.rows == lake.rows


def test_day_by_day_and_at_once_tell_of_the_same_fleet_episode():
    rows = together(40, 2)
    at_once, by_day = Lake(), Lake()
    at_once.run(rows)
    for day in range(6):
        by_day.run([row for row in rows if row["ended_at"] <= NEWEST - timedelta(days=5 - day)])
    ids = [{r["episode_id"] for r in lake.rows.values() if r["about"] == "fleet"} for lake in (at_once, by_day)]
    assert ids[0] == ids[1]
    assert len(ids[0]) == 1


def test_a_fleet_episode_reaches_only_channels_that_are_for_its_tenant():
    lake, others = Lake(), Jsonl("others", "/x", tenants=("acme",))
    assert lake.run(together(25), channels=(FILE, others)) == [("fleet", "started")]
    assert {row["channel"] for row in lake.rows.values()} == {"file"}


def test_an_old_one_and_one_that_was_excused_before_anybody_was_told_are_not_told():
    assert Lake().run(together(25), MOMENT + timedelta(days=9)) == []
    assert Lake().run(together(25, status="false_positive")) == []


def test_where_a_fleet_episode_is_too_old_to_be_told_a_device_that_was_told_goes_on_by_itself():
    """Most of its devices landed their backups so late that nobody is told of them any more."""
    lake, rows = Lake(), [row | {"ended_at": row["ended_at"] - timedelta(days=5)} for row in together(LEAST)]
    assert lake.run(rows[:1]) == [("nas-000", "started")]
    worse = turned(0, MOMENT, episode_id=rows[0]["episode_id"], anomaly_id="f" * 16, anomaly_kind="encrypt")
    assert lake.run([*rows, worse], MOMENT + timedelta(days=10)) == [("nas-000", "grown")]
