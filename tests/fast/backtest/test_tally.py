"""What judged rows come to: counted in parts of a fleet, it is what the whole comes to."""

import numpy as np
import pytest

from jobs.backtest.findings import findings
from jobs.backtest.job import judged_part
from jobs.backtest.reading import read_backups, read_what_if
from jobs.backtest.suspects import Rules
from jobs.backtest.tally import packed, together, unpacked
from jobs.model.fleet import shipped
from tests.fast.backtest.histories import REACH, records, what_if, written


def tally_of(folder, rows, what_ifs=()):
    backups = read_backups(written(folder, "b.jsonl", rows))
    attacks = read_what_if(written(folder, "w.jsonl", what_ifs)) if what_ifs else None
    return judged_part(backups, attacks, shipped(), Rules(), REACH)[1]


def attacked(row, attack="delete_1", **changes):
    gone = {"files_deleted": 1_000, "files_total": 0, "bytes_total": 0, "bytes_total_compressed": 0}
    return what_if(row, attack=attack, **gone, **changes)


def fleet():
    """Two devices and, of each, attacks that are found, that are not, and that go on."""
    parts = []
    for seed, name in enumerate(("nas", "pc")):
        rows = records(name, days=70, seed=seed)
        what_ifs = [attacked(row) for row in rows[40 : 45 + seed]]
        what_ifs += [what_if(row, attack=attack) for row in rows[50:56] for attack in ("too small", "move_1")]
        what_ifs += [attacked(row, attack="slow", attack_id="one") for row in rows[60:63]]
        parts.append((rows, what_ifs))
    return parts


def test_the_findings_of_parts_put_together_are_those_of_the_whole(tmp_path):
    parts = fleet()
    every = [[row for part in rows for row in part] for rows in zip(*parts, strict=True)]
    whole = findings(tally_of(tmp_path, *every))
    cut = findings(together(unpacked(packed(tally_of(tmp_path, *part))) for part in parts))
    assert str(cut) == str(whole)
    assert whole["counts"]["devices"] == 2
    assert whole["recall"]["delete_1"]["recall"]["all"].size == 11
    assert whole["missed"]["too small"]["rows"] == 12
    assert whole["slow"]["slow"] == {"attacks": 2, "found": 2, "backups": 1.0, "hours": 0.0}


def test_recall_is_the_share_of_a_classs_rows_that_alerted_by_size(tmp_path):
    small = records("small", days=60)
    for row in small:
        row["files_total"] -= 900
    large = records("large", days=60)
    what_ifs = [attacked(row, attack="a") for row in large[40:43]] + [what_if(row, attack="a") for row in small[40:44]]
    (found,) = findings(tally_of(tmp_path, small + large, what_ifs))["recall"].values()
    rates = found["recall"]
    assert [rates[size].size for size in ("all", "small", "large")] == [7, 4, 3]
    assert [rates[size].value for size in ("all", "small", "large")] == [pytest.approx(3 / 7), 0, 1]


def test_alerts_of_settled_devices_are_told_apart(tmp_path):
    rows = records(days=60)
    for day in (20, 50):
        rows[day] |= {"files_deleted": 900, "files_total": 100, "bytes_total": 5_000_000}
    found = findings(tally_of(tmp_path, rows))
    assert found["clean"].value * 58 / 365.25 == pytest.approx(found["alerts"])  # from the second backup to the last
    settled = found["settled"].value * 26 / 365.25  # from the 34th
    assert settled == pytest.approx(round(settled))
    assert 0 < settled < found["alerts"]


def test_of_attacks_that_were_never_found_the_time_is_unknown(tmp_path):
    rows = records(days=50)
    found = findings(tally_of(tmp_path, rows, [what_if(row, attack="x", attack_id="1") for row in rows[45:47]]))
    assert found["slow"] == {"x": {"attacks": 1, "found": 0, "backups": None, "hours": None}}


def test_the_evidence_of_what_was_missed_is_the_median(tmp_path):
    rows = records(days=60)
    missed = findings(tally_of(tmp_path, rows, [what_if(row) for row in rows[40:51]]))["missed"]["mine"]
    _, tally = judged_part(read_backups(tmp_path / "b.jsonl"), None, shipped(), Rules(), REACH)
    assert 0 <= missed["evidence"] < 3
    assert missed["example"]["files_before"] == max(
        row["files_total"] - row["files_added"] + row["files_deleted"] for row in rows[40:51]
    )
    assert np.isfinite(missed["example"]["score"])
    assert not len(tally["missed"])
