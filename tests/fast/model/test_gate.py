"""Which of two fleet models it is to be, from what was judged of both."""

import numpy as np
import pytest

from jobs.backtest.measures import Rate
from jobs.train.gate import OVER, WORSE, Judgement, decide, equal_price, recall_by_kind

RECALL = {"inplace_1": 1.0, "inplace_0.02": 0.6, "delete_0.1": 0.9, "add_0.1": 0.7, "stage_0.5": 0.9, "padded_0.5": 0.5}


def judgement(alerts=0.9, years=30.0, **recall):
    found = {**RECALL, **{name.replace("__", "."): value for name, value in recall.items()}} if years else {}
    return Judgement(Rate(alerts, np.nan, np.nan, 1), found, found, {}, devices=20, backups=2_000, years=years)


def test_a_challenger_that_finds_as_much_and_keeps_to_the_budget_is_promoted():
    decision = decide(judgement(), judgement(), budget=1.0)
    assert decision.is_promoted
    assert "delete 0.900 (champion 0.900)" in decision.reason and "0.90 alerts" in decision.reason


@pytest.mark.parametrize("attack", ["inplace_1", "delete_0__1", "stage_0__5", "padded_0__5"])
def test_a_challenger_that_finds_less_of_one_kind_is_not_promoted_however_much_more_it_finds_of_others(attack):
    better = {"inplace_0__02": 0.9, "delete_0__1": 1.0, "add_0__1": 0.9, "padded_0__5": 0.9}
    worse = {"inplace_1": 0.4, "delete_0__1": 0.8, "stage_0__5": 0.5, "padded_0__5": 0.4}
    decision = decide(judgement(), judgement(**{**better, attack: worse[attack]}), budget=1.0)
    assert not decision.is_promoted
    assert decision.reason.startswith("finds less of ") and ";" not in decision.reason


@pytest.mark.parametrize(("less", "is_promoted"), [(WORSE - 0.001, True), (WORSE + 0.001, False)])
def test_a_hundredth_less_recall_is_no_less(less, is_promoted):
    assert decide(judgement(), judgement(delete_0__1=0.9 - less), budget=1.0).is_promoted is is_promoted


@pytest.mark.parametrize("budget", [0.5, 1.0, 4.0])
@pytest.mark.parametrize(("times", "is_promoted"), [(OVER - 0.01, True), (OVER + 0.01, False)])
def test_a_challenger_that_alerts_more_than_the_budget_allows_is_not_promoted(budget, times, is_promoted):
    decision = decide(judgement(alerts=3 * budget), judgement(alerts=times * budget), budget)
    assert decision.is_promoted is is_promoted
    assert is_promoted or decision.reason.endswith(f"for a budget of {budget:g}")


def test_every_fault_is_told():
    reason = decide(judgement(), judgement(alerts=2, delete_0__1=0.1, padded_0__5=0.1), budget=1.0).reason
    assert [fault.split(":")[0] for fault in reason.split("; ")[:2]] == ["finds less of delete", "finds less of modify"]
    assert reason.endswith("alerts 2.00 times a device-year for a budget of 1")


def test_without_anything_to_judge_by_nothing_is_promoted():
    assert not decide(judgement(years=0), judgement(years=0), budget=1.0).is_promoted


def test_recall_by_kind_is_the_mean_over_the_classes_of_a_kind():
    assert recall_by_kind(RECALL) == pytest.approx({"encrypt": 0.8, "delete": 0.9, "add": 0.8, "modify": 0.5})


def test_as_many_backups_lie_at_the_equal_price_as_the_budget_allows():
    scores = np.array([3.0, 1.0, 2.0, 2.0, -1.0])
    assert [(scores >= equal_price(scores, alerts)).sum() for alerts in (0, 1, 1.9, 2, 3, 4)] == [0, 1, 1, 1, 3, 4]
    assert equal_price(np.zeros(0), 5) == np.inf
