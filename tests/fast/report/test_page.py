"""The report page as HTML: what it lists, in which order, and that nothing from a record becomes markup."""

import re
import unicodedata
from datetime import timedelta
from html.parser import HTMLParser
from xml.etree import ElementTree

import pytest

from jobs.report.page import MOST_CARDS, page
from tests.fast.report.samples import DEVICES, FACTS, FILES, HOSTILE, HOSTILE_PATHS, NEWEST, anomaly, history

DEVICE = ("default", "canonical", "photo-archive")
LISTS = ("top_directories", "extensions", "sample_paths")
VOID = {"meta", "link"}


class Outline(HTMLParser):
    """Elements with attributes and text, failing on an end that does not fit."""

    def __init__(self, html):
        super().__init__()
        self.elements, self.text, self.open = [], [], []
        self.feed(html)
        assert self.open == []

    def handle_starttag(self, tag, attrs):
        self.elements.append((tag, dict(attrs)))
        if tag not in VOID:
            self.open.append(tag)

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def handle_data(self, data):
        if "style" not in self.open:
            self.text.append(data)

    def all(self, tag, class_=None):
        return [of for name, of in self.elements if name == tag and class_ in (None, of.get("class"))]

    @property
    def words(self):
        return re.sub(r"\s+", " ", "".join(self.text))


def written(*anomalies, histories=None, devices=DEVICES, **facts):
    return page(anomalies, histories or {}, devices, FACTS | facts)


def read(*anomalies, **given):
    return Outline(written(*anomalies, **given))


def svg_of(html):
    return ElementTree.fromstring(re.search(r"<svg.*?</svg>", html, re.S).group())


def test_anomalies_are_listed_newest_first_whatever_their_order():
    outline = read(anomaly(5), anomaly(1), anomaly(9))
    assert [of["data-anomaly"] for of in outline.all("article")] == [f"{days:016x}" for days in (1, 5, 9)]
    assert [of["href"][-1] for of in outline.all("a")] == ["1", "5", "9"]


def test_a_card_says_what_where_when_how_unusual_and_what_to_restore():
    words = read(anomaly()).words
    for said in (
        "photo-archive",
        "canonical · Thu 12 Mar 2026, 06:14 UTC",
        "Mass deletion",
        "9,000 files deleted, usually 0 to 3 a backup; 45 % of the device's files.",
        "about once in 40 device-years",
        "Value9,000 files",
        "Usual0 to 3",
        "Share45 % of the device's files",
        "Restore this oneb-1 ended Wed 11 Mar 2026, 06:14 UTC",
        "files deleted beyond added1 in 1,300",
        "Not seencompression worse than expected",
    ):
        assert said in words


def test_without_a_last_good_backup_the_card_says_that_none_is_held():
    assert "No good backup is held." in read(anomaly(last_good_backup_id=None, last_good_at=None)).words


def test_a_card_tells_the_latest_verdict():
    said = {"verdict": "snooze", "verdict_at": NEWEST, "verdict_by": "ana", "snoozed_until": NEWEST + timedelta(days=3)}
    words = read(anomaly(status="snoozed", **said)).words
    assert "Verdictsnooze until 2026-03-15 06:14 UTC, by ana on 12 Mar 2026" in words
    assert "Verdict" not in read(anomaly()).words


def test_the_head_says_lake_moment_model_budget_and_counts():
    words = read(anomaly(), anomaly(3, status="resolved")).words
    for said in (
        "Lake s3://backups/lake",
        "as of Fri 13 Mar 2026, 06:00 UTC",
        "model 1-20260301",
        "2 unusual backupssince Wed 11 Feb 2026, 06:00 UTC",
        "1 open episode",
        "1,200 devices judgedof 1,203",
        "3 not judged2: first backup, nothing to compare with; 1: newest backup failed",
        "1 false alert per device-year. With the devices judged here, expect about 100 false alerts a month.",
    ):
        assert said in words


def test_an_open_episode_of_two_backups_counts_once_and_marks_its_second():
    first = anomaly(4)
    outline = read(first, anomaly(3, episode_id=first["anomaly_id"]))
    assert "1 open episode" in outline.words
    assert "photo-archive same episode" in outline.words
    assert "unusual backup 2 of 2 listed, since 8 Mar 2026; first" in outline.words
    assert {"href": f"#anomaly-{first['anomaly_id']}"} in outline.all("a")


def test_every_link_leads_to_an_anchor_of_the_page_even_where_the_episode_began_before_it():
    outline = read(anomaly(4, episode_id="f" * 16), anomaly(3, episode_id="f" * 16))
    anchors = {of["id"] for of in outline.all("article")}
    assert {of["href"].removeprefix("#") for of in outline.all("a")} <= anchors


def test_nothing_unusual_is_said_as_such():
    outline = read()
    assert "No unusual backup" in outline.words
    assert "1,200 devices were judged, and none did anything unusual in this time." in outline.words
    assert outline.all("article") == []


def test_no_device_judged_is_not_said_to_be_fine():
    words = read(devices={"devices": 2, "judged": 0, "not_judged": {"first": 2}}).words
    assert "No device could be judged yet, so nothing could be found." in words
    assert "none did anything unusual" not in words


def test_facts_that_are_not_known_yet_are_left_out():
    words = read(anomaly(), model_version=None, budget=None, since=None).words
    assert "model" not in words.split("At a glance")[0]
    assert "false alert" not in words.split("At a glance")[0]
    assert "None" not in words


def test_tenants_are_named_only_where_there_is_more_than_the_default():
    assert "tenant" not in read(anomaly()).words
    assert "canonical · tenant acme" in read(anomaly(tenant_id="acme"), anomaly(1)).words


VERDICT = {"verdict": "confirmed", "verdict_at": NEWEST}
TEXTS = (
    "tenant_id",
    "anomaly_id",
    "product",
    "device_id",
    "backup_id",
    "anomaly_kind",
    "reason",
    "signal",
    "unit",
    "last_good_backup_id",
    "episode_id",
    "status",
    "verdict_by",
    "verdict_note",
)


@pytest.mark.parametrize("column", TEXTS)
def test_hostile_text_stays_text_in_every_column(column):
    html, tame = (
        written(row, histories={(row["tenant_id"], row["product"], row["device_id"]): history(b_0=9_000)})
        for row in (anomaly(**VERDICT, **{column: HOSTILE}), anomaly(**VERDICT, **{column: "tame"}))
    )
    assert "<script" not in html
    assert "\x00" not in html
    assert "\u202e" not in html
    known = {name for name, _ in Outline(tame).elements}
    attributes = {key for _, of in Outline(tame).elements for key in of} | {"id"}
    assert {name for name, _ in Outline(html).elements} <= known
    assert {key for _, of in Outline(html).elements for key in of} <= attributes


@pytest.mark.parametrize("column", LISTS)
def test_hostile_file_names_stay_text(column):
    html = written(anomaly(**FILES | {column: HOSTILE_PATHS}))
    assert "<script" not in html
    assert not [c for c in html if c != "\n" and unicodedata.category(c) in ("Cc", "Cf", "Cs")]
    tame = Outline(written(anomaly(**FILES)))
    assert {name for name, _ in Outline(html).elements} == {name for name, _ in tame.elements}
    html.encode()


def test_files_are_told_where_a_list_landed_and_nowhere_else():
    words = Outline(written(anomaly(**FILES))).words
    for said in ("12,345 paths listed; counted are 1,000 drawn from them", *(FILES[name][0] for name in LISTS)):
        assert said in words
    assert "Such as" not in Outline(written(anomaly())).words


def test_a_good_backup_of_before_a_rename_says_what_the_device_was_called_then():
    assert "(then called old-nas)" in read(anomaly(last_good_device_id="old-nas")).words
    assert "<script" not in written(anomaly(last_good_device_id=HOSTILE))


def test_hostile_lake_model_reason_and_signal_names_stay_text():
    row = anomaly(evidence={HOSTILE: 2.0}, unseen=[HOSTILE])
    devices = DEVICES | {"not_judged": {HOSTILE: 1}}
    html = written(row, devices=devices, lake=HOSTILE, model_version=HOSTILE, code_version=HOSTILE)
    assert "<script" not in html
    assert "\u202e" not in html
    assert Outline(html).words.count("<script>document.title='owned'</script>\"'&␊␀\\u202egpj.exe") == 8


def test_names_do_not_turn_the_direction_of_what_stands_beside_them():
    assert "<bdi>ארכיון</bdi>" in written(anomaly(device_id="ארכיון"))


def test_the_page_needs_nothing_from_outside_and_runs_nothing():
    html = written(anomaly(), histories={DEVICE: history(b_0=9_000)})
    outline = Outline(html)
    policy = next(of["content"] for of in outline.all("meta") if of.get("http-equiv") == "Content-Security-Policy")
    assert policy.startswith("default-src 'none'; style-src 'unsafe-inline'; img-src data:")
    assert not outline.all("script")
    assert not re.search(r"@import|url\(", html)
    sources = [of[key] for _, of in outline.elements for key in ("src", "href", "xlink:href") if key in of]
    assert all(source.startswith(("#", "data:")) for source in sources)
    assert not [key for _, of in outline.elements for key in of if key.startswith("on")]


def test_the_page_has_one_first_heading_captions_and_column_heads():
    outline = read(anomaly(), histories={DEVICE: history(b_0=9_000)})
    assert len(outline.all("h1")) == 1
    assert len(outline.all("caption")) == len(outline.all("table")) == 3
    assert all(of.get("scope") in ("col", "row") for of in outline.all("th"))
    assert ("html", {"lang": "en"}) in outline.elements


def test_a_chart_marks_the_unusual_backup_inside_its_view_over_the_usual_band():
    svg = svg_of(written(anomaly(), histories={DEVICE: history(b_0=9_000)}))
    _, _, width, height = map(float, svg.get("viewBox").split())
    x, y = map(float, re.match(r"M(\S+) (\S+)h0", svg.find("path[@class='dot marked']").get("d")).groups())
    band = svg.find("rect[@class='usual']")
    assert 0 < x < width
    assert 0 < y < float(band.get("y"))
    assert float(band.get("y")) + float(band.get("height")) < height
    assert svg.get("role") == "img"
    assert svg.find("title").text == "Files deleted: 9,000 files on 12 Mar 2026, median of the others 1 file"


def bars(svg, class_="bar plain"):
    return svg.find(f"path[@class='{class_}']").get("d").count("M")


def test_a_chart_shows_at_most_ninety_backups_and_always_the_unusual_one():
    assert bars(svg_of(written(anomaly(), histories={DEVICE: history(b_0=9_000)}))) == 89
    old = svg_of(written(anomaly(100), histories={DEVICE: history(days=400, b_100=9_000)}))
    assert bars(old) == 89
    assert bars(old, "bar marked") == 1


def test_the_histories_order_does_not_matter():
    rows = history(b_0=9_000)
    assert written(anomaly(), histories={DEVICE: rows}) == written(anomaly(), histories={DEVICE: rows[::-1]})


def test_a_backup_without_the_figure_is_left_out_and_counted_never_drawn_as_none():
    rows = history(b_0=9_000, b_5=None, b_6=None)
    html = written(anomaly(), histories={DEVICE: rows})
    assert bars(svg_of(html)) == 87
    assert "2 backups without this figure" in Outline(html).words


def test_other_unusual_backups_and_the_last_good_one_are_marked_in_a_chart():
    rows = history(b_0=9_000, b_4=800)
    svg = svg_of(written(anomaly(), anomaly(4), histories={DEVICE: rows}))
    assert bars(svg, "bar other") == 1
    assert bars(svg, "dot good") == 1


def test_the_band_is_drawn_only_over_the_signal_itself():
    row = anomaly(signal="excess_bytes", unit="bytes", usual_high=5e3)
    rows = [backup | {"bytes_compressed": 400_000} for backup in history()]
    assert svg_of(written(row, histories={DEVICE: rows})).find("rect") is None


@pytest.mark.parametrize("rows", [[], history(days=0), [row for row in history() if row["backup_id"] != "b-0"]])
def test_without_the_unusual_backup_in_the_history_there_is_no_chart(rows):
    html = written(anomaly(), histories={DEVICE: rows})
    assert "<svg" not in html
    assert "No history to draw" in html


def test_a_redelivery_under_the_same_name_is_not_taken_for_the_unusual_backup():
    rows = [*history(b_0=9_000), {"backup_id": "b-0", "ended_at": NEWEST - timedelta(hours=1), "files_deleted": 7}]
    html = written(anomaly(), histories={DEVICE: rows})
    assert "9,000 files on 12 Mar 2026" in html
    assert bars(svg_of(html), "bar marked") == 1


def test_another_backup_that_ended_at_the_same_moment_is_not_taken_for_the_unusual_one():
    rows = [{"backup_id": "full", "ended_at": NEWEST, "files_deleted": 7}, *history(b_0=9_000)]
    assert "9,000 files on 12 Mar 2026" in written(anomaly(), histories={DEVICE: rows})


def test_a_history_of_one_backup_is_drawn():
    assert bars(svg_of(written(anomaly(), histories={DEVICE: history(days=1, b_0=9_000)})), "bar marked") == 1


def test_a_device_of_another_product_keeps_its_own_history():
    other = ("default", "restic", "photo-archive")
    assert "<svg" not in written(anomaly(), histories={other: history(b_0=9_000)})


def test_beyond_the_most_cards_the_page_says_how_many_more_there_are():
    outline = read(*(anomaly(days) for days in range(MOST_CARDS + 5)))
    assert len(outline.all("article")) == MOST_CARDS
    assert "205 unusual backups" in outline.words
    assert "5 older ones are in the table anomalies." in outline.words


def test_anomalies_that_were_not_given_are_counted_too():
    words = read(anomaly(), anomalies=3_000).words
    assert "3,000 unusual backups" in words
    assert "2,999 older ones are in the table anomalies." in words


def test_no_link_leads_to_a_card_that_is_not_shown():
    first = anomaly(MOST_CARDS + 1)
    rows = [anomaly(days, episode_id=first["anomaly_id"]) for days in range(MOST_CARDS)]
    outline = read(first, *rows)
    anchors = {of["id"] for of in outline.all("article")}
    assert {of["href"].removeprefix("#") for of in outline.all("a")} <= anchors


def test_a_page_of_the_most_cards_stays_small():
    rows = history(days=MOST_CARDS + 90)
    html = written(*(anomaly(days) for days in range(MOST_CARDS)), histories={DEVICE: rows})
    assert len(html) < 2_000_000
