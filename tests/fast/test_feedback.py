"""`uda feedback`: a verdict becomes a landing file at once, and what cannot be one leaves none. Without Spark."""

import json
from datetime import UTC, datetime

import pytest

from jobs.cli import main
from jobs.tables import ANOMALIES
from jobs.verdict import verdict_of
from tests.fast.docs.lake import write_table

AT = datetime(2025, 3, 30, 21, 15, tzinfo=UTC)
NOW = "2025-04-01T08:00:00Z"
IDS = {"ab12000000000000": "default", "ab13000000000000": "default", "ab1a000000000000": "customer"}


@pytest.fixture(scope="module")
def lake(tmp_path_factory):
    folder = tmp_path_factory.mktemp("lake")
    of_all = {"product": "canonical", "device_id": "nas", "backup_id": "b-0", "ended_at": AT, "day": AT.date()}
    write_table(
        folder, ANOMALIES, [{**of_all, "anomaly_id": name, "tenant_id": tenant} for name, tenant in IDS.items()]
    )
    return folder


@pytest.fixture
def give(lake, tmp_path, monkeypatch, capsys):
    """Give a verdict; return the exit status, what was said, and what landed."""
    for name in ("UDA_CONFIG", "UDA_LAKE", "UDA_LANDING"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("LOGNAME", "ana")
    monkeypatch.chdir(tmp_path)

    def call(*arguments, tenant=None):
        status = main(["feedback", *arguments, "--lake", str(lake), "--landing", str(tmp_path), "--moment", NOW])
        said = capsys.readouterr()
        landed = [json.loads(file.read_text()) for file in sorted((tmp_path / "feedback").glob("*"))]
        return status, said.out or said.err, landed

    return call


def test_a_verdict_lands_with_who_when_and_why_and_says_what_follows(give, tmp_path):
    status, said, landed = give("ab12", "false_positive", "--note", "a photo import")
    assert status == 0
    expected = {
        "tenant_id": "default",
        "anomaly_id": "ab12000000000000",
        "given_at": NOW,
        "verdict": "false_positive",
        "given_by": "ana",
        "note": "a photo import",
    }
    assert landed == [expected]
    (file,) = (tmp_path / "feedback").iterdir()
    assert file.name.endswith("-ab12000000000000.json")
    assert said.splitlines() == [
        "false_positive: nas, backup b-0 of 2025-03-30 21:15 UTC (anomaly ab12000000000000)",
        "It will count as good and teach, and its episode is over.",
        f"The next `uda run` reads it from {file}; models learn it with the next day's version.",
    ]


@pytest.mark.parametrize("verdict", ["confirmed", "false_positive", "new_baseline"])
def test_what_lands_is_a_verdict_to_the_reader(give, verdict):
    _, _, landed = give("AB12", verdict, "--by", "bo")
    found = verdict_of(json.dumps(landed[0]).encode(), None)
    assert (found["verdict"], found["given_by"], found["note"]) == (verdict, "bo", None)


@pytest.mark.parametrize(
    ("until", "end"), [("7", "2025-04-08T08:00:00Z"), ("2025-04-30", "2025-04-30T00:00:00Z")], ids=["days", "a day"]
)
def test_a_snooze_ends_after_so_many_days_or_at_the_beginning_of_a_day(give, until, end):
    status, said, landed = give("ab12", "snooze", "--until", until)
    assert (status, landed[0]["snooze_until"]) == (0, end)
    assert f"Until {end[:10]} {end[11:16]} UTC no message" in said


@pytest.mark.parametrize(
    ("arguments", "status", "says"),
    [
        (("ff", "confirmed"), 1, "no anomaly 'ff' in"),
        (("", "confirmed"), 1, "no anomaly '' in"),
        (("ab12", "confirmed", "--tenant", "customer"), 1, "no anomaly 'ab12' of tenant customer in"),
        (
            ("ab1", "confirmed"),
            1,
            "3 anomalies begin with 'ab1': ab1",
        ),
        (("ab12", "snooze"), 2, "a snooze needs its end: say --until"),
        (("ab12", "snooze", "--until", "2025-04-01"), 2, "--until 2025-04-01 is over already"),
        (("ab12", "confirmed", "--until", "3"), 2, "--until is the end of a snooze; confirmed has none"),
        (("ab12", "confirmed", "--note", "a" * 1_001), 2, "--note: note must have at most 1000 characters"),
    ],
    ids=["unknown", "empty", "another tenant's", "ambiguous", "no end", "over", "end without snooze", "long note"],
)
def test_what_cannot_be_said_is_one_line_and_leaves_no_file(give, tmp_path, arguments, status, says):
    found, said, landed = give(*arguments)
    assert (found, landed) == (status, [])
    assert said.startswith(f"uda: {says}")
    assert len(said.splitlines()) == 1


def test_a_beginning_need_be_unique_among_the_tenants_own_anomalies_alone(give):
    status, _, landed = give("ab1", "confirmed", "--tenant", "customer")
    assert (status, landed[0]["anomaly_id"], landed[0]["tenant_id"]) == (0, "ab1a000000000000", "customer")


def test_a_landing_folder_that_is_not_there_is_not_made(lake, tmp_path, capsys):
    assert main(["feedback", "ab12", "confirmed", "--lake", str(lake), "--landing", str(tmp_path / "nowhere")]) == 2
    assert "no such folder" in capsys.readouterr().err
    assert not (tmp_path / "nowhere").exists()
