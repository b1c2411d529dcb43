"""`uda backtest` as a script uses it: the scores that it writes, and the page that a person reads."""

import json
import re

import pandas as pd
import pyarrow.parquet as pq
import pytest

from jobs.backtest.sections import in_words
from jobs.cli import main
from jobs.model.attack_classes import RECIPES
from jobs.model.fleet import shipped
from tests.fast.backtest.histories import records, what_if, written

COLUMNS = [
    *("tenant_id", "device_id", "backup_id", "ended_at", "anomaly_score", "anomaly_kind"),
    *("alerted", "attack", "at_backup_id"),
]


@pytest.fixture(autouse=True)
def elsewhere(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    for name in ("UDA_CONFIG", "UDA_SCORE__BUDGET"):
        monkeypatch.delenv(name, raising=False)
    return tmp_path


def backtest(folder, rows, what_ifs=(), *options):
    """Exit status, scores, page."""
    arguments = ["backtest", "--backups", str(written(folder, "b.jsonl", rows)), "--out", "out", *options]
    if what_ifs:
        arguments += ["--what-if", str(written(folder, "w.jsonl", what_ifs))]
    status = main(arguments)
    if status:
        return status, None, None
    return status, pq.read_table("out/scores").to_pandas(), (folder / "out" / "report.html").read_text()


def wiped(row, **changes):
    gone = {"files_deleted": 1_000, "files_total": 0, "bytes_total": 0, "bytes_total_compressed": 0}
    return what_if(row, attack="delete_1", **gone, **changes)


def test_every_backup_and_every_what_if_row_has_its_row_in_the_columns_that_scripts_rely_on(elsewhere, capsys):
    rows = records(days=60)
    status, scores, _ = backtest(elsewhere, rows, [wiped(row) for row in rows[40:45]])
    assert (status, list(scores.columns), len(scores)) == (0, COLUMNS, 65)
    assert scores["ended_at"].dtype == "datetime64[us, UTC]"
    assert scores["alerted"].dtype == bool
    real, attacked = scores[scores["attack"].isna()], scores[scores["attack"].notna()]
    assert real["backup_id"].tolist() == [row["backup_id"] for row in rows]
    assert attacked["at_backup_id"].tolist() == [row["backup_id"] for row in rows[40:45]]
    assert attacked["backup_id"].isna().all()
    assert attacked["alerted"].all()
    assert set(attacked["anomaly_kind"]) == {"delete"}
    assert not real["alerted"].any()
    assert real["anomaly_score"].isna().tolist() == [True] + [False] * 59
    assert "100.0 % of attacks caught" in capsys.readouterr().out


def test_a_backup_alerts_from_the_score_that_the_budget_asks_for(elsewhere):
    rows = records(days=60)
    for budget, threshold in (("1", 0), ("100", -2), ("0.01", 2)):
        _, scores, _ = backtest(elsewhere, rows, [], "--budget", budget)
        has_kind = scores["anomaly_kind"].notna()
        assert (scores["alerted"] == (scores["anomaly_score"] >= threshold) & has_kind).all()


def test_the_budget_and_the_reach_come_from_the_configuration_unless_they_are_said(elsewhere, capsys):
    (elsewhere / "mine.toml").write_text("[score]\nbudget = 4.0\n")
    _, _, page = backtest(elsewhere, records(days=40), [], "--config", "mine.toml")
    assert "Allowed: 4 false alerts per device-year" in page
    _, _, page = backtest(elsewhere, records(days=40), [], "--config", "mine.toml", "--budget", "2")
    assert "Allowed: 2 false alerts per device-year" in page


def test_another_fleet_model_is_used_and_named(elsewhere):
    rows = records(days=40)
    _, ours, _ = backtest(elsewhere, rows)
    fields = json.loads(shipped().to_json())
    fields["fleet_name"] = "our own <fleet>"
    fields["curve"] = [value + 1 for value in fields["curve"]]
    (elsewhere / "fleet.json").write_text(json.dumps(fields))
    _, theirs, page = backtest(elsewhere, rows, [], "--fleet-model", "fleet.json")
    assert "our own &lt;fleet&gt;" in page
    assert not ours["anomaly_score"].equals(theirs["anomaly_score"])


def test_a_second_run_replaces_the_first_and_leaves_nothing_else(elsewhere):
    backtest(elsewhere, records(days=60))
    _, scores, _ = backtest(elsewhere, records(days=40))
    assert len(scores) == 40
    assert sorted(path.name for path in (elsewhere / "out").rglob("*")) == [
        "part-00000.parquet",
        "report.html",
        "scores",
    ]


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (("--what-if", "nowhere.jsonl"), "nowhere.jsonl: no such file or folder"),
        (("--fleet-model", "b.jsonl"), "fleet model: "),
        (("--fleet-model", "nowhere"), "nowhere: no fleet model can be read from it"),
    ],
)
def test_an_input_that_cannot_be_read_is_status_1_and_nothing_is_written(elsewhere, capsys, options, said):
    status, _, _ = backtest(elsewhere, records(days=3), [], *options)
    assert status == 1
    assert f"uda: {said}" in capsys.readouterr().err
    assert not (elsewhere / "out").exists()


def test_the_page_says_recall_price_time_devices_and_what_was_missed_and_why(elsewhere):
    rows = records(days=90) + records("pc", days=90, seed=2, origin=None)
    attacks = [wiped(row) for row in rows[40:50]]
    attacks += [what_if(row, attack="move_1", files_moved=900) for row in rows[40:50]]
    attacks += [what_if(row, attack="too small") for row in rows[40:50]]
    attacks += [wiped(row, attack_id="one") | {"attack": "slow"} for row in rows[60:65]]
    _, _, page = backtest(elsewhere, rows, attacks)
    for title in ("What it would have caught", "How soon", "What looks like an attack and is none"):
        assert f"<h2>{title}</h2>" in page
    text = " ".join(re.sub(r"<style>.*?</style>|<[^>]+>", " ", page, flags=re.DOTALL).split())
    assert "delete_1 deleted: all files 100.0 % 72 to 100 100.0 % 10 mass deletion 100 %" in text
    assert "slow 1 100 % backup 1 with its first backup" in text
    assert page.count("<code><bdi>slow</bdi></code>") == 1  # the backups of one attack are not five attacks
    assert re.search(r"What was missed, and why .* too small 10 ", text)
    assert "2 devices" in text


def test_the_page_needs_nothing_else_and_a_name_cannot_become_markup(elsewhere):
    rows = records("<script>alert(1)</script>", days=60)
    _, _, page = backtest(
        elsewhere, rows, [wiped(row) | {"attack": "<img src=x>"} for row in rows[40:44]], "--budget", "900"
    )
    assert "<script" not in page
    assert "<img" not in page
    assert "&lt;script&gt;" in page
    assert "&lt;img src=x&gt;" in page
    assert not re.search(r"(?:src|href)=\"(?!data:,|#)|url\(|@import", page)
    assert "default-src &#x27;none&#x27;" in page


def test_labelled_backups_are_no_false_alerts(elsewhere):
    rows = records(days=60)
    rows[50] |= {
        "files_deleted": 900,
        "files_total": 100,
        "bytes_total": 5_000_000,
        "bytes_total_compressed": 2_000_000,
    }
    _, plain, page = backtest(elsewhere, rows)
    assert "1 alert in" in page
    rows[50]["attack"] = "the one in February"
    _, labelled, page = backtest(elsewhere, rows)
    assert "0 alerts in" in page
    assert "the one in February" in page
    assert plain["anomaly_score"].equals(labelled["anomaly_score"])


def test_a_history_of_which_nothing_can_be_judged_still_gives_its_rows_and_a_page(elsewhere):
    _, scores, page = backtest(elsewhere, records(days=1))
    assert scores["anomaly_score"].isna().tolist() == [True]
    assert "unknown" in page


def test_histories_without_tenant_product_status_or_kind_are_enough(elsewhere):
    frame = pd.DataFrame(records(days=50))
    frame["ended_at"] = pd.to_datetime(frame["ended_at"]).astype("datetime64[ns, UTC]")
    frame.to_parquet("b.parquet")
    assert main(["backtest", "--backups", "b.parquet", "--out", "out"]) == 0
    assert set(pq.read_table("out/scores")["tenant_id"].to_pylist()) == {"default"}


@pytest.mark.parametrize("name", list(RECIPES))
def test_every_simulated_class_has_words(name):
    assert in_words(name)
