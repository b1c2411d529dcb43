"""How often alerts were right, as far as people said so."""

import pytest

from jobs.report.page import page
from jobs.report.precision import Judged, interval, judged_alerts, precision_in_words, precision_section
from tests.fast.report.samples import DEVICES, FACTS, HOSTILE, NEWEST, anomaly


def said(*verdicts, **stated):
    return [
        anomaly(number, verdict=verdict, verdict_at=NEWEST, snoozed_until=NEWEST, **stated)
        for number, verdict in enumerate(verdicts)
    ]


def test_alerts_are_counted_by_tenant_and_kind_and_only_where_one_was_judged():
    rows = [
        *said("confirmed", "false_positive", "new_baseline", "snooze", None),
        *said("confirmed", tenant_id="acme"),
        *said(None, "snooze", anomaly_kind="encrypt"),
    ]
    assert judged_alerts(rows) == [Judged("default", "delete", 5, 1, 1, 1), Judged("acme", "delete", 1, 1, 0, 0)]
    assert judged_alerts(rows)[0].judged == 3


def test_an_alert_that_only_its_episode_s_verdict_covers_is_not_judged():
    (row,) = judged_alerts([*said("confirmed"), anomaly(9, status="confirmed", verdict=None)])
    assert (row.alerts, row.judged) == (2, 1)


@pytest.mark.parametrize(
    ("right", "judged", "expected"),
    # Newcombe, Statistics in Medicine 17 (1998), table I, method 3.
    [(81, 263, (0.2553, 0.3662)), (15, 148, (0.0624, 0.1605)), (0, 20, (0.0, 0.1611)), (1, 29, (0.0061, 0.1718))],
)
def test_the_interval_is_wilson_s_as_published(right, judged, expected):
    assert interval(right, judged) == pytest.approx(expected, abs=5e-5)


def test_more_verdicts_leave_less_open():
    widths = [high - low for low, high in (interval(n // 2, n) for n in (2, 20, 200, 2000))]
    assert widths == sorted(widths, reverse=True)
    assert precision_in_words(1, 1) == "100 %, between 21 % and 100 %"


def test_the_page_says_it_where_somebody_judged_and_nothing_elsewhere():
    rows = said("confirmed", "confirmed", "false_positive", None)
    html = page(rows, {}, DEVICES, FACTS | {"judged": judged_alerts(rows)})
    assert "What people said" in html
    assert "<td>67 %, between 21 % and 94 %</td>" in html
    assert "Tenant" not in html
    assert "What people said" not in page(said(None), {}, DEVICES, FACTS | {"judged": judged_alerts(said(None))})


def test_tenants_stand_there_once_there_are_some_as_text():
    section = precision_section(judged_alerts(said("confirmed", tenant_id=HOSTILE)))
    assert "Tenant" in section
    assert "<script" not in section
