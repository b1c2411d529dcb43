"""What borg prints, read. The literal outputs are what 1.2.4 and 1.4.5 printed, shortened."""

import contextlib
import csv
import gzip
import io
import json
from datetime import UTC, datetime
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from jobs.cli import main
from jobs.ingest.outcomes import outcomes
from jobs.ingest.readers import borg
from jobs.ingest.stems import Fault, Stem, parse_name, stem_time

SAMPLES = Path(__file__).parents[3] / "../shared/data/samples/borg"
LATEST = datetime(2027, 1, 1, tzinfo=UTC)
ID = "f170f25d5af855b0bb9792a5cec6943dce88baffca9df2f1da59fd362b77efbd"
STATS = {"compressed_size": 6238335, "deduplicated_size": 97727, "nfiles": 1909, "original_size": 15022853}
ARCHIVE = {
    "command_line": ["/usr/bin/borg", "create", "--json", "/mnt/backup/borg::{hostname}-{now}", "/srv/data"],
    "duration": 0.247302,
    "end": "2025-03-23T02:40:07.000000",
    "id": ID,
    "name": "nas1-2025-03-23T02:40:07",
    "start": "2025-03-23T02:40:07.000000",
    "stats": STATS,
}
CREATED = {
    "archive": ARCHIVE,
    "cache": {"path": "/mnt/state/borg/.cache", "stats": {"total_chunks": 3817, "total_size": 29931985}},
    "encryption": {"mode": "repokey"},
    "repository": {"id": "aa92", "last_modified": "2025-03-23T02:40:07.000000", "location": "/mnt/backup/borg"},
}
UNREADABLE = (
    '{"type": "log_message", "time": 1741400715.98, "message": "/home/alice/a.txt: open: [Errno 13] Permission denied: '
    '\'a.txt\'", "levelname": "WARNING", "name": "borg.archiver", "msgid": "BackupPermissionError"}\n'
    '{"type": "file_status", "status": "E", "path": "/home/alice/a.txt"}\n'
)
LOCKED = (
    '{"type": "log_message", "time": 1741139716.9, "message": "Failed to create/acquire the lock '
    '/mnt/backup/borg/lock.exclusive (timeout).", "levelname": "ERROR", "name": "borg.archiver", '
    '"msgid": "LockTimeout"}\n'
)
SHOWN_RC = (
    '{"type": "log_message", "time": 1741139717.0, "message": "terminating with error status, rc 2", '
    '"levelname": "ERROR", "name": "borg.output.show-rc"}\n'
)
# Each line is one that a real diff had: content, folders, links, devices, and metadata alone as 1.2 and 1.4 print it.
DIFF = """\
{"changes": [{"new_mtime": "2026-11-25T18:24:31", "old_mtime": "2026-11-25T18:24:12", "type": "mtime"}], "path": "src"}
{"changes": [{"added": 4000, "removed": 3000, "type": "modified"}, {"type": "ctime"}], "path": "src/f1"}
{"changes": [{"added": 0, "removed": 0, "type": "modified"}, {"new_mode": "-rw-", "type": "mode"}], "path": "src/f3"}
{"changes": [{"new_user": "daemon", "old_user": "root", "type": "owner"}], "path": "src/f4"}
{"changes": [{"type": "changed link"}], "path": "src/l1"}
{"changes": [{"size": 777, "type": "added"}], "path": "src/new"}
{"changes": [{"size": 0, "type": "added"}], "path": "src/newempty"}
{"changes": [{"type": "added link"}], "path": "src/caf\\udce9"}
{"changes": [{"type": "added directory"}], "path": "src/nd"}
{"changes": [{"type": "added fifo"}], "path": "src/p2"}
{"changes": [], "path": "src/l2"}
{"changes": [{"size": 3000, "type": "removed"}], "path": "src/f2"}
{"changes": [{"type": "removed directory"}], "path": "src/old"}
"""
INFO = {
    "archives": [{**ARCHIVE, "hostname": "nas1", "stats": {**STATS, "deduplicated_size": 0}}],
    "cache": CREATED["cache"],
}
COUNTS = ("files_added", "files_updated", "files_deleted", "bytes_uploaded", "bytes_deleted")


def created(**changes):
    return {**CREATED, "archive": {**ARCHIVE, **changes}}


def stats(**changes):
    return created(stats={**STATS, **changes})


def landed(folder, files, stem="20250323T014007Z", zone=None):
    """The stem whose files hold the given bytes, texts or objects."""
    addresses = {}
    for name, said in files.items():
        body = said if isinstance(said, bytes) else (said if isinstance(said, str) else json.dumps(said)).encode()
        (folder / f"{stem}.{name}").write_bytes(body)
        addresses[parse_name(f"{stem}.{name}")[1]] = str(folder / f"{stem}.{name}")
    return Stem(f"borg/nas1/{stem}", "nas1", stem_time(stem), addresses, zone and ZoneInfo(zone))


@pytest.fixture
def read(tmp_path):
    def read(files, **how):
        return list(outcomes(borg.read, landed(tmp_path, files, **how), LATEST))

    return read


def reasons(found):
    return [each.reason if isinstance(each, Fault) else each["status"] for each in found]


def test_a_run_is_read_with_its_diff(read):
    (record,) = read({"create.json": CREATED, "log.jsonl": "", "diff.jsonl": DIFF, "exit": "0\n"})
    assert record == {
        "product": "borg",
        "device_id": "nas1",
        "backup_id": ID,
        "backup_kind": "incremental",
        "status": "complete",
        "started_at": "2025-03-23T01:40:07Z",
        "ended_at": "2025-03-23T01:40:07.247302Z",
        "exit_status": 0,
        "archive": "nas1-2025-03-23T02:40:07",
        "files_total": 1909,
        "files_added": 2,
        "files_updated": 1,
        "files_deleted": 1,
        "bytes_total": 15022853,
        "bytes_total_compressed": 6238335,
        "bytes_compressed": 97727,
        "bytes_uploaded": 4777,
        "bytes_deleted": 3000,
        "upper_bound": ["bytes_total", "bytes_total_compressed", "bytes_compressed"],
    }


@pytest.mark.parametrize(
    ("old", "new", "became"),
    [
        ("-rw-r--r--", "lrwxrwxrwx", {"files_added": 2, "files_deleted": 2, "bytes_uploaded": 4777}),
        ("-rw-r--r--", "drwxr-xr-x", {"files_added": 2, "files_deleted": 2, "bytes_uploaded": 4777}),
        ("drwxr-xr-x", "-rw-r--r--", {"files_added": 3, "files_deleted": 1, "bytes_deleted": 3000}),
        (
            "lrwxrwxrwx",
            "prw-r--r--",
            {"files_added": 2, "files_deleted": 1, "bytes_uploaded": 4777, "bytes_deleted": 3000},
        ),
    ],
)
def test_a_file_in_the_place_of_a_link_or_folder_is_added_and_the_other_way_round_deleted(read, old, new, became):
    """1.2 and 1.4 print no more of it than this, and no size."""
    kind = {"new_mode": new, "old_mode": old, "type": "mode"}
    times = {"new_mtime": "2026-11-26T18:40:40.960198", "old_mtime": "2020-09-13T13:34:35.000000", "type": "mtime"}
    diff = DIFF + json.dumps({"changes": [kind, times], "path": "src/it's25"}) + "\n"
    (record,) = read({"create.json": CREATED, "diff.jsonl": diff, "exit": "0"})
    assert {name: record[name] for name in COUNTS if name in record} == {"files_updated": 1, **became}


def test_the_local_times_of_an_archive_do_not_matter(read):
    (record,) = read({"create.json": created(start="2031-01-01T00:00:00", end="nonsense"), "exit": "0"})
    assert (record["started_at"], record["ended_at"]) == ("2025-03-23T01:40:07Z", "2025-03-23T01:40:07.247302Z")


def test_without_a_diff_no_count_of_changes_is_known(read):
    log = '{"type": "file_status", "status": "A", "path": "/srv/data/a"}\n'
    (record,) = read({"create.json": CREATED, "log.jsonl": log, "exit": "0"})
    assert not set(COUNTS) & set(record)


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("diff.jsonl", DIFF[:-30]),
        ("diff.jsonl", DIFF.replace('{"changes": [{"type": "changed link"}]', '{"chan', 1)),
        ("diff.jsonl", DIFF + "terminating\n"),
        ("diff.jsonl", DIFF + '{"changes": null}\n'),
        ("diff.jsonl", DIFF + DIFF),
        ("diff.jsonl", "".join(2 * line for line in DIFF.splitlines(keepends=True))),
        ("diff.jsonl.gz", gzip.compress(DIFF.encode())[:-12]),
        ("diff.jsonl.gz", b"no gzip"),
    ],
)
def test_a_diff_that_is_not_whole_gives_no_count_and_one_reject(read, name, said):
    record, fault = read({"create.json": CREATED, name: said, "exit": "0"})
    assert record["files_total"] == 1909
    assert not set(COUNTS) & set(record)
    assert fault.reason == ("unreadable" if name.endswith("gz") else "bad_line")


def test_a_diff_with_a_size_that_is_none_gives_no_count(read):
    for size, reason in ((-1, "negative"), ("777", "bad_number"), (1e300, "bad_number")):
        record, fault = read({"create.json": CREATED, "diff.jsonl": DIFF.replace("777", json.dumps(size)), "exit": "0"})
        assert not set(COUNTS) & set(record)
        assert fault.reason == reason


def test_an_empty_diff_of_a_run_without_new_data_says_that_nothing_changed(read):
    for new in (0, 678):  # what 1.4 and 1.2 print
        (record,) = read({"create.json": stats(deduplicated_size=new), "diff.jsonl": "", "exit": "0"})
        assert [record.get(name) for name in COUNTS] == [0, 0, None, 0, None]


def test_a_run_that_only_deletes_stores_no_new_data_so_its_empty_diff_does_not_say_that_nothing_was_deleted(tmp_path):
    """Real: 43 of 214 files deleted, 519 new bytes, which are 1.2's description of the archive."""
    folder = tmp_path / "borg" / "nas1"
    folder.mkdir(parents=True)
    for stem, total, diff in (("20250323T014007Z", 214, DIFF), ("20250324T014007Z", 171, "")):
        said = created(id=stem[6:8] * 32, stats={**STATS, "nfiles": total, "deduplicated_size": 519})
        landed(folder, {"create.json": said, "diff.jsonl": diff, "exit": "0"}, stem)
    out = io.StringIO()
    with contextlib.redirect_stdout(out):
        main(["read", "borg", str(folder)])
    record = json.loads(out.getvalue().splitlines()[1])
    assert (record["files_deleted"], record["derived"]) == (43, ["files_deleted"])


def test_an_empty_diff_of_a_run_with_new_data_gives_no_count(read):
    record, fault = read({"create.json": CREATED, "diff.jsonl": "\n", "exit": "0"})
    assert not set(COUNTS) & set(record)
    assert fault.reason == "empty"


def test_the_only_archive_of_a_repository_is_a_full_backup_and_an_empty_diff_of_it_says_nothing(read):
    first = {**stats(), "cache": {"stats": {"total_size": 15022199}}}  # 1.2: without the archive's own description
    (record,) = read({"create.json": first, "diff.jsonl": "", "exit": "0"})
    assert record["backup_kind"] == "full"
    assert not set(COUNTS) & set(record)


def test_without_the_size_of_the_repository_the_kind_is_unknown(read):
    (record,) = read({"create.json": {"archive": ARCHIVE}, "exit": "0"})
    assert "backup_kind" not in record


def test_a_modified_file_whose_new_bytes_are_not_printed_leaves_them_unknown(read):
    diff = DIFF + '{"changes": [{"type": "modified"}], "path": "src/f5"}\n'  # the chunker's parameters changed
    (record,) = read({"create.json": CREATED, "diff.jsonl": diff, "exit": "0"})
    assert "bytes_uploaded" not in record
    assert record["files_updated"] == 2
    assert "files_updated" in record["upper_bound"]


def test_hard_links_make_counts_upper_bounds_and_do_not_refuse_the_run(read):
    diff = "".join(
        f'{{"changes": [{{"added": 10, "removed": 10, "type": "modified"}}], "path": "{i}"}}\n' for i in "abc"
    )
    (record,) = read({"create.json": stats(nfiles=2, original_size=20), "diff.jsonl": diff, "exit": "0"})
    assert record["files_updated"] == 3
    assert {"files_added", "files_updated", "bytes_uploaded"} <= set(record["upper_bound"])


def test_a_diff_with_far_more_changes_than_files_is_about_other_archives(read):
    record, fault = read({"create.json": stats(nfiles=0), "diff.jsonl": DIFF, "exit": "0"})
    assert not set(COUNTS) & set(record)
    assert fault.reason == "total_below_parts"


@pytest.mark.parametrize("status", ["1", "100", "107", "127", "143"])
def test_a_run_that_printed_its_archive_and_did_not_return_0_is_partial(read, status):
    (record,) = read({"create.json": CREATED, "log.jsonl": UNREADABLE, "diff.jsonl": DIFF, "exit": status})
    assert record["status"] == "partial"
    assert record["msgid"] == "BackupPermissionError"
    assert record["message"].startswith("/home/alice/a.txt: open: [Errno 13]")
    assert {"files_deleted", "bytes_deleted"} <= set(record["upper_bound"])


@pytest.mark.parametrize(
    ("log", "status"),
    [
        ({"log.jsonl": UNREADABLE}, "partial"),
        ({"log.jsonl": UNREADABLE.splitlines()[1]}, "partial"),
        ({"stderr": UNREADABLE}, "partial"),
        ({"stderr": "A /home/alice/b\nE /home/alice/a.txt\n"}, "partial"),
        ({"stderr": "/home/alice/a.txt: open: [Errno 13] Permission denied: 'a.txt'\n"}, "partial"),
        ({"stderr": "A /home/alice/b\n"}, "complete"),
        ({"log.jsonl": '{"type": "file_status", "status": "A", "path": "b"}\n'}, "complete"),
        ({}, "complete"),
    ],
)
def test_without_an_exit_status_the_log_says_whether_files_were_left_out(read, log, status):
    assert reasons(read({"create.json": CREATED, **log})) == [status]


def test_a_warning_does_not_make_a_run_partial_that_returned_0(read):
    assert reasons(read({"create.json": CREATED, "log.jsonl": UNREADABLE, "exit": "0"})) == ["complete"]


@pytest.mark.parametrize("status", ["2", "73", "137"])
@pytest.mark.parametrize("where", ["log.jsonl", "stderr"])
def test_a_failed_run_has_its_stem_as_id_no_figures_and_what_borg_said(read, where, status):
    (record,) = read({"create.json": "", where: LOCKED + SHOWN_RC, "exit": status})
    assert record["status"] == "failed"
    assert record["backup_id"] == "20250323T014007Z"
    assert record["exit_status"] == int(status)
    assert record["message"] == "Failed to create/acquire the lock /mnt/backup/borg/lock.exclusive (timeout)."
    assert record["msgid"] == "LockTimeout"
    assert not [name for name in record if name.startswith(("files", "bytes"))]


@pytest.mark.parametrize(
    ("said", "message"),
    [
        ("sh: 1: borg: not found\n", "sh: 1: borg: not found"),
        (
            "d src\nFailed to create/acquire the lock /x (timeout).\n\n",
            "Failed to create/acquire the lock /x (timeout).",
        ),
        ('{"type": "file_status", "status": "A", "path": "b"}\n{"type": "file_sta', None),
        (SHOWN_RC, None),  # the exit status once more is no cause
    ],
)
def test_a_failed_run_without_a_log_in_json_says_its_last_line(read, said, message):
    (record,) = read({"create.json": "", "stderr": said, "exit": "2"})
    assert record.get("message") == message


def test_a_command_that_was_not_found_is_named_although_the_log_is_no_json(read):
    (record,) = read({"create.json": "", "log.jsonl": "sh: 1: borg: not found\n", "exit": "127"})
    assert (record["status"], record["message"]) == ("failed", "sh: 1: borg: not found")


def test_a_dry_run_is_refused(read):
    log = '{"type": "file_status", "status": "-", "path": "src/f1"}\n'
    assert reasons(read({"create.json": "", "log.jsonl": log, "exit": "0"})) == ["dry_run"]


@pytest.mark.parametrize(
    ("files", "reason"),
    [
        ({"create.json": json.dumps(CREATED)[:300]}, "truncated"),
        ({"create.json": ""}, "empty"),
        ({"create.json": "", "exit": "0"}, "unknown_shape"),
        ({"create.json": {"archive": {**ARCHIVE, "id": "1"}}, "exit": "0"}, "unknown_shape"),
        ({"create.json": [CREATED], "exit": "0"}, "unknown_shape"),
        ({"create.json": CREATED, "exit": "ok"}, "bad_value"),
        ({"create.json": stats(nfiles=-1), "exit": "0"}, "negative"),
        ({"create.json": stats(original_size=2**63), "exit": "0"}, "bad_number"),
        ({"create.json": created(stats=None), "exit": "0"}, "no_figures"),
        ({"log.jsonl": UNREADABLE}, "unknown_shape"),
        ({"info.json": ""}, "empty"),
        ({"info.json": json.dumps(INFO)[:300]}, "truncated"),
        ({"info.json": {"cache": {}, "repository": {}}}, "unknown_shape"),
        ({"info.json": {"archives": []}}, "unknown_shape"),
        ({"info.json": [INFO]}, "unknown_shape"),
        ({"info.json": {"archives": [7, {"id": 7}]}}, "unknown_shape"),
        ({"info.json": {"archives": [{**ARCHIVE, "start": "yesterday"}]}}, "bad_time"),
        ({"info.json": INFO}, "no_time_zone"),
        ({"list.json": {"archives": [{"id": ID, "name": "a", "start": "2025-03-23T02:40:07.000000"}]}}, "no_figures"),
    ],
)
def test_what_is_no_backup_is_refused_with_its_reason(read, files, reason):
    assert set(reasons(read(files))) == {reason}


def test_info_gives_the_state_after_each_archive_and_not_what_was_new(read):
    (record,) = read({"info.json": INFO}, zone="Europe/Berlin")
    assert record == {
        "product": "borg",
        "device_id": "nas1",
        "backup_id": ID,
        "started_at": "2025-03-23T01:40:07Z",
        "ended_at": "2025-03-23T01:40:07Z",
        "archive": "nas1-2025-03-23T02:40:07",
        "files_total": 1909,
        "bytes_total": 15022853,
        "bytes_total_compressed": 6238335,
    }


def test_a_time_with_its_offset_needs_no_zone(read):
    times = {"start": "2025-03-23T02:40:07.000000+01:00", "end": "2025-03-23T02:40:09.500000+01:00"}
    (record,) = read({"info.json": {"archives": [{**ARCHIVE, **times}]}})
    assert record["ended_at"] == "2025-03-23T01:40:09.500000Z"


def test_a_run_across_the_end_of_summer_time_does_not_end_before_it_begins(read):
    times = {"start": "2025-10-26T02:59:50.000000", "end": "2025-10-26T02:00:10.000000"}
    (record,) = read({"info.json": {"archives": [{**ARCHIVE, **times}]}}, zone="Europe/Berlin")
    assert record["started_at"] <= record["ended_at"]


@pytest.mark.parametrize("name", ["nas1-2025-03-27T02:10:07.checkpoint", "nas1.checkpoint.2"])
def test_a_checkpoint_is_no_backup(read, name):
    found = read({"info.json": {"archives": [{**ARCHIVE, "name": name}, ARCHIVE]}}, zone="Europe/Berlin")
    assert [isinstance(each, Fault) for each in found] == [True, False]
    assert found[0].reason == "truncated"


def test_borg_2_prints_no_compressed_size_and_its_new_bytes_are_unique_ones(read):
    shown = {
        "deduplicated_size": 12125982,
        "files_stats": {"A": 1700, "d": 36},
        "nfiles": 1700,
        "original_size": 12125982,
    }
    (record,) = read({"create.json": created(stats=shown, command_line="borg2 create"), "exit": "0"})
    assert (record["bytes_unique"], record["files_total"]) == (12125982, 1700)
    assert "bytes_compressed" not in record


def test_names_and_messages_lose_what_a_terminal_would_act_on(read):
    hostile = LOCKED.replace("Failed", "\\u001b[2K\\u202eFailed\\udce9")
    (record,) = read({"create.json": "", "log.jsonl": hostile, "exit": "2"})
    assert record["message"].startswith("Failed?")


# Samples: what the real tool printed beside what was really done.

needs_samples = pytest.mark.skipif(not SAMPLES.is_dir(), reason=f"real outputs of borg are not at {SAMPLES}")


def sample_stems(zone=None):
    files = {}
    for path in sorted(SAMPLES.glob("*/*")):
        stem, what = parse_name(path.name)
        files.setdefault((path.parent.name, stem), {})[what] = str(path)
    return {
        (device, stem): Stem(f"borg/{device}/{stem}", device, stem_time(stem), found, zone and ZoneInfo(zone[device]))
        for (device, stem), found in files.items()
    }


def truth():
    with (SAMPLES / "truth.csv").open(encoding="utf-8") as lines:
        return {(row["device"], row["file_stem"]): row for row in csv.DictReader(lines)}


def sample_runs():
    found = sample_stems()
    return [(row, list(outcomes(borg.read, found[key], LATEST))) for key, row in truth().items()]


@needs_samples
def test_each_sample_run_becomes_what_truth_expects():
    wrong = []
    for row, found in sample_runs():
        expected = row["expect"].removeprefix("reject:")
        is_right = reasons(found) == ["complete" if expected == "duplicate" else expected]
        wrong += [] if is_right else [(row["device"], row["file_stem"], expected, reasons(found))]
    assert not wrong


@needs_samples
def test_the_counts_of_each_sample_run_are_what_was_done():
    compared = 0
    for row, (record, *_) in sample_runs():
        # After a run without a backup, or with unread files, the archive before is not the step before.
        if isinstance(record, Fault) or record["status"] != "complete" or row["note"] in ("after_partial", "after_gap"):
            continue
        if row["what"] in ("duplicate", "first") or int(row["step"]) == 7:
            continue
        done = {name: int(row[name]) for name in ("files_added", "files_updated", "files_deleted", "bytes_deleted")}
        done["bytes_uploaded"] = int(row["bytes_added"]) + int(row["bytes_updated"])
        if row["what"] == "nothing":  # then deletes follow from the totals
            assert (done.pop("files_deleted"), done.pop("bytes_deleted")) == (0, 0)
        assert {name: record[name] for name in COUNTS if name in record} == done, row["file_stem"]
        compared += 1
    assert compared == 21


@needs_samples
def test_the_totals_of_each_sample_run_are_those_of_the_tree_but_for_links_and_the_archives_description():
    for row, (record, *_) in sample_runs():
        if isinstance(record, Fault) or record["status"] == "failed" or not row["files_total"]:
            continue
        unread = int(row["files_unreadable"])
        assert 0 <= int(row["files_total"]) - record["files_total"] <= 1 + unread, row["file_stem"]
        own = record["bytes_total"] - int(row["bytes_total"])
        assert -100 < own < 800 or unread, row["file_stem"]
        assert record["backup_kind"] == row["backup_kind"]


@needs_samples
def test_an_archive_in_a_sample_list_is_the_run_that_made_it():
    zones = {"nas1": "Europe/Berlin", "laptop-2": "America/New_York"}
    runs = {record["backup_id"]: record for _, (record, *_) in sample_runs() if not isinstance(record, Fault)}
    listed = []
    for stem in sample_stems(zones).values():
        if stem.has("info.json"):
            listed += [each for each in outcomes(borg.read, stem, LATEST) if not isinstance(each, Fault)]
    assert len(listed) > 50
    for record in listed:
        run = runs[record["backup_id"]]
        late = datetime.fromisoformat(record["ended_at"]) - datetime.fromisoformat(run["ended_at"])
        assert abs(late.total_seconds()) < 5
        assert record["files_total"] == run["files_total"]
        assert 0 <= run["bytes_total"] - record["bytes_total"] < 800


# Whatever is in the files, only outcomes come back.

values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20) | st.just(ID) | st.just(-1),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=10), inner, max_size=3),
    max_leaves=6,
)


def spots(said, above=()):
    """Where a value stands in nested JSON."""
    inner = said.items() if isinstance(said, dict) else enumerate(said) if isinstance(said, list) else ()
    return [above] * bool(above) + [spot for key, value in inner for spot in spots(value, (*above, key))]


@st.composite
def mutated(draw, said):
    """The JSON with a few values dropped or replaced, then perhaps cut or with bytes changed."""
    said = json.loads(json.dumps(said))
    for _ in range(draw(st.integers(0, 3))):
        found = spots(said)
        if not found:
            break
        *path, last = draw(st.sampled_from(found))
        inner = said
        for key in path:
            inner = inner[key]
        if draw(st.booleans()):
            inner[last] = draw(values)
        else:
            del inner[last]
    return draw(damaged(json.dumps(said).encode()))


@st.composite
def damaged(draw, said):
    how = draw(st.sampled_from(["not", "not", "cut", "changed", "any"]))
    at = draw(st.integers(0, len(said)))
    if how == "cut":
        return said[:at]
    if how == "changed":
        return said[:at] + draw(st.binary(min_size=1, max_size=3)) + said[at + 1 :]
    return draw(st.binary(max_size=50)) if how == "any" else said


@st.composite
def json_lines(draw, text):
    lines = [json.loads(line) for line in text.splitlines()]
    return b"\n".join(draw(mutated(draw(st.sampled_from(lines)))) for _ in range(draw(st.integers(0, 4))))


runs = st.fixed_dictionaries(
    {"create.json": mutated(CREATED)},
    optional={
        "diff.jsonl": json_lines(DIFF) | damaged(DIFF.encode()),
        "diff.jsonl.gz": damaged(gzip.compress(DIFF.encode())),
        "log.jsonl": json_lines(UNREADABLE + LOCKED),
        "stderr": json_lines(UNREADABLE + LOCKED) | st.binary(max_size=60),
        "exit": st.sampled_from([b"0\n", b"1\n", b"2\n", b"107\n", b""]) | st.binary(max_size=8),
    },
)
lists = st.fixed_dictionaries({}, optional={"info.json": mutated(INFO), "list.json": mutated(INFO)})


@given(files=runs | lists, zone=st.sampled_from([None, "Europe/Berlin"]))
@settings(max_examples=300, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_whatever_the_files_hold_only_records_and_rejects_come_back(tmp_path, files, zone):
    for found in outcomes(borg.read, landed(tmp_path, files, zone=zone), LATEST):
        assert isinstance(found, Fault) or {"backup_id", "ended_at", "device_id"} <= set(found)
        # What is written next is UTF-8, which has no lone surrogate, and JSON, which has no NaN.
        assert isinstance(found, Fault) or json.dumps(found, ensure_ascii=False, allow_nan=False).encode()
