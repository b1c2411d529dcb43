"""Which alerts belong together, what verdicts do to them, and which backup is the last good one."""

from __future__ import annotations

import hashlib
import re
from types import SimpleNamespace

import pytest
from pyspark.sql import Window
from pyspark.sql import functions as F

from jobs.episodes import DEVICE_NAMES, anomaly_id, timeline, unsettled
from jobs.score.anomalies import anomalies_of
from jobs.score.last_good import devices_as_told, devices_now
from jobs.tables import BACKUPS, DEVICE_MODELS, DEVICES, FEATURES, FEEDBACK, SCORES
from tests.rows import frame_of, moment

# One letter a backup, a day apart: what it was, what it was judged, and the kind if it alerted.
LETTERS = {
    ".": ("complete", -0.5, None),
    "!": ("complete", 0.5, "encrypt"),
    "=": ("complete", 0.0, "encrypt"),  # just at the threshold
    "-": ("complete", 0.5, "delete"),
    "1": ("complete", None, None),  # the first: complete and not judged
    "f": ("failed", None, None),
    "p": ("partial", -0.5, None),
    "r": ("complete", None, None),
}
# Device: backups, then the episode of each as the place of its first alert, then the place of its last good one.
# An alert is under suspicion for two days or until two more backups were judged.
STORIES = {
    "usual ends it": ("1.!!...!.", "--22---7-", "-01114566"),
    "unjudged do not": ("1.!1f!.", "--2222-", "-011111"),
    "unjudged begin none": ("1f1f", "----", "-002"),
    "at the threshold": ("1=.", "-1-", "-00"),
    "never usual again": ("1!!", "-11", "-00"),
    "the same again under suspicion": ("1.!.!.", "--222-", "-01111"),
    "the same again when it has aged": ("1.!..!", "--2--5", "-01134"),
    "another kind": ("1.!.-.", "--2-4-", "-01133"),
    "another kind without a usual one between": ("1.!-.", "--22-", "-0111"),
    "open once more": ("1!..!f", "-1--44", "-00233"),
    "partial and failed": ("1pf.!", "----4", "-0003"),
    "redelivered": ("1r.r!", "----4", "-0022"),
    "nothing good": ("!f!", "000", "---"),
    "usual partial ends it": ("1!p-", "-1-3", "-000"),
}
AGING = (2, 2)


def rows_of_stories(spark, stories):
    """Rows of `features` and of `scores` of a device a story."""
    features, scores = [], []
    for device, letters in stories.items():
        for at, letter in enumerate(letters):
            status, value, kind = LETTERS[letter]
            key = {"device_id": device, "at": at}
            features.append({**key, "status": status, "is_redelivery": letter == "r"})
            scores += [{**key, "anomaly_score": value, "anomaly_kind": kind}] if value is not None else []
    return frame_of(spark, FEATURES, *features), frame_of(spark, SCORES, *scores)


@pytest.fixture(scope="module")
def told(session_of_tests):
    """The timeline of all stories, by device."""
    features, scores = rows_of_stories(session_of_tests, {device: story[0] for device, story in STORIES.items()})
    rows = timeline(features, scores, None, *AGING).withColumn("id", anomaly_id()).orderBy("ended_at").collect()
    return {device: [row for row in rows if row["device_id"] == device] for device in STORIES}


@pytest.mark.parametrize("story", STORIES)
def test_an_episode_runs_until_a_backup_is_judged_usual_and_takes_in_what_alerts_alike_under_suspicion(told, story):
    rows = told[story]
    places = {row["id"]: str(place) for place, row in enumerate(rows)}
    assert "".join(places.get(row["episode_id"], "-") for row in rows) == STORIES[story][1]
    assert [row["is_alert"] for row in rows] == [letter in "!=-" for letter in STORIES[story][0]]


@pytest.mark.parametrize("story", STORIES)
def test_last_good_is_the_newest_complete_backup_before_that_is_outside_any_episode(told, story):
    rows = told[story]
    places = {(row["backup_id"], row["ended_at"], story): str(place) for place, row in enumerate(rows)}
    found = [places[tuple(row["last_good"])] if row["last_good"] else "-" for row in rows]
    assert "".join(found) == STORIES[story][2]


def test_of_a_settled_device_nothing_changes_with_its_next_backup(spark):
    """What the timeline of a device came to by each backup, beside what it came to by the next."""
    stories = ("1.!......", "1.!.-f...!...", "1!!f..p...", "1.!r.....!.!......")
    cuts = [(story, cut) for story in stories for cut in range(2, len(story))]
    whole = [(story, len(story)) for story in stories]
    told_so_far = {f"{story} {cut}": story[:cut] for story, cut in [*cuts, *whole]}
    features, scores = rows_of_stories(spark, told_so_far)
    rows = timeline(features, scores, None, *AGING).withColumn("id", anomaly_id()).persist()
    # Each device under the name of what is known of it, with the score that its next backup brings.
    _, brought = rows_of_stories(spark, {f"{story} {cut}": story[: cut + 1] for story, cut in cuts})
    age = F.date_diff(F.max("day").over(Window.partitionBy(*DEVICE_NAMES)), "day")
    brought = brought.withColumn("age", age).where(F.col("age") <= AGING[0])
    anomalies = rows.where("is_alert").withColumn("status", F.lit("resolved"))
    waiting = {row["history_id"] for row in unsettled(brought, anomalies, AGING[1]).collect()}

    found = rows.collect()

    def state(name):
        own = sorted((row for row in found if row["device_id"] == name), key=lambda row: row["ended_at"])
        place = {row["id"]: at for at, row in enumerate(own)}
        return [
            (at, place.get(row["episode_id"]), (row["last_good"] or ())[:2], row["backups_since"], row["is_open"])
            for at, row in enumerate(own)
            if row["is_alert"]
        ]

    settled = [(story, cut) for story, cut in cuts if f"{story} {cut}" not in waiting]
    assert len(settled) > 10
    for story, cut in settled:
        assert state(f"{story} {cut}") == state(f"{story} {cut + 1}")


def test_the_backups_whose_evidence_made_an_alert_together_are_not_good(spark):
    features, scores = rows_of_stories(spark, {"nas": "1....!"})
    together = F.when(F.col("anomaly_score") > 0, F.lit(3)).cast("bigint")
    rows = timeline(features, scores.withColumn("backups_together", together), None, *AGING).orderBy("ended_at")
    rows = rows.collect()
    assert [row["is_good"] for row in rows] == [True, True, True, False, False, False]
    assert rows[-1]["last_good"]["backup_id"] == "backup 2"


def test_an_alert_of_another_kind_does_not_part_those_alike(spark):
    features, scores = rows_of_stories(spark, {"nas": "1!-.!"})
    rows = timeline(features, scores, None, 3, 3).where("is_alert").collect()
    assert len({row["episode_id"] for row in rows}) == 1


def test_an_episode_is_open_while_it_is_the_devices_last_state(told):
    still_open = {device for device, rows in told.items() if any(row["is_open"] for row in rows)}
    ends_inside = {device for device, (_, episodes, _) in STORIES.items() if episodes[-1] != "-"}
    assert still_open == ends_inside
    assert [row["is_open"] for row in told["open once more"]] == [False, False, False, False, True, True]


def test_an_alert_counts_the_backups_judged_since_up_to_as_many_as_end_its_suspicion(told):
    assert [row["backups_since"] for row in told["the same again when it has aged"]][2:] == [2, 2, 1, 0]
    assert [row["backups_since"] for row in told["unjudged do not"]][2:] == [2, 2, 2, 1, 0]


# Device: its backups, the verdicts on some of them (place: verdicts in the order they were given, all after the last
# backup unless a day is said), then what it comes to: the status of each alert, and which backups are good.
GIVEN = {
    "nobody said anything": (".!!.", {}, "-rr-", "+  +"),
    "a false positive is over and good": (".!!", {1: "f"}, "-fo", "++ "),
    "a false positive is not its neighbours": (".!!!", {2: "f"}, "-rfo", "+ + "),
    "a new baseline excuses what came after": (".!!!", {1: "b"}, "-bbb", "++++"),
    "but not what came before": (".!!!", {2: "b"}, "-rbb", "+ ++"),
    "nor what comes after the verdict": (".!!!", {1: "b2"}, "-bbo", "+++ "),
    "nor another episode": (".!.-", {1: "b"}, "-b-o", "+++ "),
    "nor an attack": (".!!!", {1: "b", 2: "c"}, "-bcc", "++  "),
    "but what is past another in order": (".!!!", {1: "b", 2: "f"}, "-bfb", "++++"),
    "an attack is the whole episode": (".!!.", {2: "c"}, "-cc-", "+  +"),
    "and what goes on with it": (".!.!.", {1: "c1"}, "-c-c-", "+   +"),
    "the latest verdict counts": (".!.", {1: "cf"}, "-f-", "+++"),
    "whichever it is": (".!.", {1: "fc"}, "-c-", "+ +"),
    "a snooze changes nothing else": (".!.", {1: "s9"}, "-s-", "+ +"),
    "a snooze ends by itself": (".!.", {1: "s2"}, "-r-", "+ +"),
    "a snooze is about the episode and later ones": (".!!.-", {2: "s9"}, "-ss-s", "+  + "),
    "and not about earlier ones": (".-.!.", {3: "s9"}, "-r-s-", "+ + +"),
    "a judgement ends the snooze": (".!.", {1: "s9c"}, "-c-", "+ +"),
    "a snooze hides a judgement and leaves it be": (".!.", {1: "fs9"}, "-s-", "+++"),
}
WORDS = {"c": "confirmed", "f": "false_positive", "b": "new_baseline", "s": "snooze"}
STATUS = {"o": "open", "r": "resolved", "c": "confirmed", "f": "false_positive", "b": "new_baseline", "s": "snoozed"}


def verdicts_on(device, at, said):
    """Rows of `feedback`: a letter a verdict; the day behind it is that of the verdict, or of the snooze's end."""
    key = f"7:default9:canonical{len(device)}:{device}8:backup {at}10:{moment(at).date()}"
    name = hashlib.sha256(key.encode()).hexdigest()[:16]
    for turn, (letter, day) in enumerate(re.findall(r"([cfbs])(\d?)", said)):
        given_at = moment(20 + turn) if letter == "s" or not day else moment(int(day) + 0.5)
        until = moment(int(day)) if letter == "s" else None
        verdict = {"verdict": WORDS[letter], "given_at": given_at, "snooze_until": until, "note": letter}
        yield {"anomaly_id": name, "position": at, **verdict}


@pytest.fixture(scope="module")
def answered(session_of_tests):
    """The timeline of devices on whose anomalies people gave verdicts, and the rows of `anomalies`, by device."""
    features, scores = rows_of_stories(session_of_tests, {device: story[0] for device, story in GIVEN.items()})
    said = [
        row for device, story in GIVEN.items() for at, each in story[1].items() for row in verdicts_on(device, at, each)
    ]
    rows = timeline(features, scores, frame_of(session_of_tests, FEEDBACK, *said), *AGING).persist()
    listed = anomalies_of(rows, scores).orderBy("ended_at").collect()
    stood = {"last_good_backup_id": "backup 0", "last_good_at": moment(0), "open_episode_id": "any"}
    held = frame_of(session_of_tests, DEVICES, *[{"device_id": device, **stood} for device in GIVEN])
    devices = {row["device_id"]: row for row in devices_as_told(held, rows).collect()}
    return SimpleNamespace(timeline=rows.orderBy("ended_at").collect(), anomalies=listed, devices=devices)


@pytest.mark.parametrize("story", GIVEN)
def test_a_verdict_has_its_effect_on_status_and_last_good(answered, story):
    _, _, statuses, good = GIVEN[story]
    found = {row["backup_id"]: row["status"] for row in answered.anomalies if row["device_id"] == story}
    expected = {f"backup {at}": STATUS[letter] for at, letter in enumerate(statuses) if letter != "-"}
    assert found == expected
    rows = [row for row in answered.timeline if row["device_id"] == story]
    assert "".join("+" if row["is_good"] else " " for row in rows) == good
    assert [row["is_attack"] for row in rows] == [letter == "c" for letter in statuses]


@pytest.mark.parametrize("story", GIVEN)
def test_a_device_follows_a_verdict_without_a_new_backup(answered, story):
    letters, _, statuses, good = GIVEN[story]
    device = answered.devices[story]
    assert device["last_good_backup_id"] == f"backup {good.rindex('+')}"
    assert (device["open_episode_id"] is not None) == (letters[-1] != "." and statuses[-1] not in "fb")


def test_an_anomaly_shows_the_latest_verdict_on_itself(answered):
    said = {
        (row["device_id"], row["backup_id"]): (row["verdict"], row["verdict_note"], row["snoozed_until"] is not None)
        for row in answered.anomalies
    }
    assert said["the latest verdict counts", "backup 1"] == ("false_positive", "f", False)
    assert said["an attack is the whole episode", "backup 1"] == (None, None, False)
    assert said["a snooze is about the episode and later ones", "backup 4"] == (None, None, True)
    assert said["a snooze hides a judgement and leaves it be", "backup 1"] == ("snooze", "s", True)


def test_an_excused_alert_keeps_the_episode_that_it_was_announced_with(answered):
    episodes = [
        row["episode_id"] for row in answered.anomalies if row["device_id"] == "a new baseline excuses what came after"
    ]
    assert len(set(episodes)) == 1


def test_an_anomaly_is_named_by_the_hash_of_its_key_with_lengths(spark):
    keys = [("default", "canonical", "nas", "7"), ("ü", "a", "日本", "12"), ("üa", "", "日本1", "2")]
    names = ("tenant_id", "product", "device_id", "backup_id")
    rows = frame_of(spark, BACKUPS, *[{"at": 1, **dict(zip(names, key, strict=True))} for key in keys])
    found = [row["id"] for row in rows.select(anomaly_id().alias("id")).collect()]
    spelled = ["".join(f"{len(part.encode())}:{part}" for part in (*key, "2025-01-02")) for key in keys]
    assert found == [hashlib.sha256(text.encode()).hexdigest()[:16] for text in spelled]


def test_a_device_whose_only_complete_backups_alerted_has_no_last_good_one(spark):
    """Its alert is over, since a partial backup was usual."""
    features = frame_of(spark, FEATURES, {"at": 0}, {"at": 1, "status": "partial"})
    scores = frame_of(spark, SCORES, {"at": 0, "anomaly_score": 1.0}, {"at": 1})
    nobody = [frame_of(spark, table).limit(0) for table in (DEVICES, DEVICE_MODELS)]
    (row,) = devices_now(features, *nobody, timeline(features, scores, None, *AGING), moment(0).date()).collect()
    assert (row["last_good_backup_id"], row["open_episode_id"]) == (None, None)
