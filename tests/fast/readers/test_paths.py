"""Changed paths: what readers take from the lists that tools print, and what is kept of long ones."""

import json
import random
import tracemalloc

import pytest

from jobs.ingest.outcomes import outcomes
from jobs.ingest.paths import LONGEST_PATH, PathSample
from jobs.ingest.products import READERS
from jobs.ingest.stems import Fault, Stem, stem_time
from tests.fast.readers.landed import LATEST, SAMPLES, STEM, made_of, needs_samples, runs

RESTIC_SUMMARY = {
    **{"message_type": "summary", "files_new": 1, "files_changed": 2, "files_unmodified": 0, "dirs_new": 0},
    **{"dirs_changed": 2, "dirs_unmodified": 1, "data_blobs": 1, "tree_blobs": 3, "data_added": 2098},
    **{"total_files_processed": 3, "total_bytes_processed": 5, "total_duration": 0.2, "snapshot_id": "21ac8ec5"},
}
# As restic 0.14 printed them, --verbose=2 and diff.
RESTIC_VERBOSE = [
    {"message_type": "verbose_status", "action": "unchanged", "item": "/src/a/b/", "data_size": 0},
    {"message_type": "verbose_status", "action": "modified", "item": "/src/a/caf\ufffd.doc", "data_size": 0},
    {"message_type": "verbose_status", "action": "modified", "item": "/src/a/f1.txt", "data_size": 2},
    {"message_type": "verbose_status", "action": "new", "item": "/src/a/f3.locked", "data_size": 0},
    {"message_type": "verbose_status", "action": "modified", "item": "/src/a/", "data_size": 0},
    RESTIC_SUMMARY,
]
RESTIC_DIFF = [
    {"message_type": "change", "path": "/src/a/f1.txt", "modifier": "M"},
    {"message_type": "change", "path": "/src/a/f2.txt", "modifier": "-"},
    {"message_type": "change", "path": "/src/a/f3.locked", "modifier": "+"},
    {"message_type": "change", "path": "/src/a/own.txt", "modifier": "U"},
    {
        **{"message_type": "statistics", "source_snapshot": "575f86e3", "target_snapshot": "21ac8ec5"},
        **{"changed_files": 1, "added": {"files": 1}, "removed": {"files": 1}},
    },
]
BORG_CREATED = {
    "archive": {
        **{"id": "37" * 32, "name": "one", "duration": 1.0},
        "stats": {"nfiles": 10, "original_size": 100, "compressed_size": 90, "deduplicated_size": 9000},
    }
}
RSYNC = """\
*deleting   a/old/
*deleting   a/f1.txt
.d..t...... a/
cd+++++++++ a/new/
>f..t...... a/f3.locked
>f+++++++++ a/caf\\#351.doc
.f...p..... a/mode only
cL+++++++++ a/l -> q

Number of files: 7 (reg: 3, dir: 3, link: 1)
Number of created files: 2 (reg: 1, link: 1)
Number of deleted files: 2 (reg: 1, dir: 1)
Number of regular files transferred: 2
Total file size: 9 bytes
Total transferred file size: 4 bytes
Literal data: 4 bytes
Matched data: 0 bytes
File list size: 0
Total bytes sent: 244
Total bytes received: 75
"""


def as_lines(messages):
    return "".join(json.dumps(message) + "\n" for message in messages)


def read(folder, product, files, most=1000):
    """What the reader makes of a run with these files, up to `most` paths of each backup kept."""
    made_of(folder, product, files)  # writes them
    held = {file.name.removeprefix(f"{STEM}."): str(file) for file in folder.iterdir()}
    stem = Stem(f"{product}/nas1/{STEM}", "nas1", stem_time(STEM), held, most_paths=most)
    return list(outcomes(READERS[product], stem, LATEST))


def changes(outcome):
    """Paths by what became of them."""
    return {changed["path"]: changed["change"] for changed in outcome["file_changes"]["paths"]}


def test_restic_tells_paths_in_its_own_output(tmp_path):
    (backup,) = read(tmp_path, "restic", {"backup.jsonl": as_lines(RESTIC_VERBOSE), "exit": "0"})
    assert changes(backup) == {
        "/src/a/caf\ufffd.doc": "updated",
        "/src/a/f1.txt": "updated",
        "/src/a/f3.locked": "added",
    }
    assert [changed["extension"] for changed in backup["file_changes"]["paths"]] == ["doc", "txt", "locked"]
    assert {changed["bytes"] for changed in backup["file_changes"]["paths"]} == {None}  # what was stored, no size


def test_restic_s_diff_counts_before_its_verbose_output(tmp_path):
    files = {"backup.jsonl": as_lines(RESTIC_VERBOSE), "diff.jsonl": as_lines(RESTIC_DIFF), "exit": "0"}
    (backup,) = read(tmp_path, "restic", files)
    assert changes(backup) == {"/src/a/f1.txt": "updated", "/src/a/f2.txt": "deleted", "/src/a/f3.locked": "added"}


def test_a_restic_diff_of_other_snapshots_lists_nothing(tmp_path):
    of_others = [*RESTIC_DIFF[:-1], RESTIC_DIFF[-1] | {"target_snapshot": "00000000"}]
    files = {"backup.jsonl": as_lines([RESTIC_SUMMARY]), "diff.jsonl": as_lines(of_others), "exit": "0"}
    (backup,) = read(tmp_path, "restic", files)
    assert "file_changes" not in backup


def test_borg_s_diff_tells_sizes_and_counts_before_its_list(tmp_path):
    diff = [
        {"path": "home/a.csv", "changes": [{"type": "modified", "added": 12, "removed": 10}]},
        {"path": "home/touched", "changes": [{"type": "modified", "added": 0, "removed": 0}]},
        {"path": "home/new.locked", "changes": [{"type": "added", "size": 7}]},
        {"path": "home/gone.doc", "changes": [{"type": "removed", "size": 5}]},
        {"path": "home", "changes": [{"type": "ctime"}]},
    ]
    log = [{"type": "file_status", "status": "A", "path": "home/all.txt"}]
    files = {"create.json": BORG_CREATED, "log.jsonl": as_lines(log), "exit": "0"}
    (of_list,) = read(tmp_path, "borg", files)
    assert changes(of_list) == {"home/all.txt": "added"}
    (of_diff,) = read(tmp_path, "borg", files | {"diff.jsonl": as_lines(diff)})
    assert changes(of_diff) == {"home/a.csv": "updated", "home/new.locked": "added", "home/gone.doc": "deleted"}
    sizes = {changed["path"]: changed["bytes"] for changed in of_diff["file_changes"]["paths"]}
    assert sizes == {"home/a.csv": None, "home/new.locked": 7, "home/gone.doc": 5}


def test_borg_s_list_names_touched_files_alone(tmp_path):
    statuses = [
        ("A", "new"),
        ("M", "old"),
        ("C", "busy"),
        ("E", "unread"),
        ("U", "same"),
        ("d", "folder"),
        ("x", "out"),
    ]
    log = [{"type": "file_status", "status": status, "path": path} for status, path in statuses]
    backup, *_ = read(tmp_path, "borg", {"create.json": BORG_CREATED, "log.jsonl": as_lines(log), "exit": "0"})
    assert changes(backup) == {"new": "added", "old": "updated", "busy": "updated"}


@pytest.mark.parametrize("what", ["stdout.txt", "rsync.log"])
def test_rsync_s_itemized_lines_tell_files_alone(tmp_path, what):
    stamp = "2026/11/26 14:26:29 [30748] " if what == "rsync.log" else ""
    printed = "".join(f"{stamp}{line}\n" for line in RSYNC.splitlines())
    (backup,) = read(tmp_path, "rsync", {what: printed, "exit": "0"})
    assert changes(backup) == {"a/f1.txt": "deleted", "a/f3.locked": "updated", "a/caf\\#351.doc": "added"}


@needs_samples
@pytest.mark.parametrize(("product", "most_runs_with_a_list"), [("rsync", 32), ("restic", 26), ("borg", 26)])
def test_real_lists_name_as_many_files_as_the_run_counts(product, most_runs_with_a_list):
    seen = 0
    for stem in runs(SAMPLES, product).values():
        stem.most_paths = 10_000
        for outcome in outcomes(READERS[product], stem, LATEST):
            if not isinstance(outcome, Fault) and "file_changes" in outcome and outcome.get("files_added") is not None:
                words = list(changes(outcome).values())
                counts = {word: outcome.get(f"files_{word}") for word in ("added", "updated", "deleted")}
                # rsync's deletes are left to the totals where it printed none, and where it made links.
                beyond = [words.count(word) - number for word, number in counts.items() if number is not None]
                # restic's diff does not tell a link from a file; some runs have one that is new.
                assert not any(beyond) or (product, beyond) == ("restic", [1, 0, 0]), stem.source
                seen += 1
    assert 10 < seen <= most_runs_with_a_list


def test_duplicati_s_verbose_log_tells_new_and_changed_files(tmp_path):
    tag = "2025-03-23 01:40:07 +01 - [Verbose-Duplicati.Library.Main.Operation.Backup.FileBlockProcessor.FileEntry-"
    log = f"{tag}NewFile]: New file C:\\Users\\a\\x.locked\n{tag}FileChanged]: File has changed C:\\Users\\a\\y.DOCX\n"
    log += f"{tag}Unchanged]: File has not changed C:\\Users\\a\\z.txt\n"
    result = {"MainOperation": "Backup", "ParsedResult": "Success", "AddedFiles": 1, "ModifiedFiles": 1}
    (backup,) = read(tmp_path, "duplicati", {"result.json": result, "log.txt": log, "exit": "0"})
    assert changes(backup) == {"C:\\Users\\a\\x.locked": "added", "C:\\Users\\a\\y.DOCX": "updated"}
    assert [changed["extension"] for changed in backup["file_changes"]["paths"]] == ["locked", "docx"]


def test_any_run_may_bring_a_list_of_its_own_which_then_counts(tmp_path):
    own = [
        {"path": "a/b.txt", "change": "moved", "bytes": 3, "more": 1},
        {"path": "a/c.txt", "change": "deleted", "bytes": -1},
    ]
    files = {"backup.jsonl": as_lines(RESTIC_VERBOSE), "exit": "0", "changes.jsonl": as_lines(own)}
    (backup,) = read(tmp_path, "restic", files)
    assert changes(backup) == {"a/b.txt": "moved", "a/c.txt": "deleted"}
    assert [changed["bytes"] for changed in backup["file_changes"]["paths"]] == [3, None]


def test_bad_lines_of_a_list_cost_one_reject_and_the_others_count(tmp_path):
    lines = ['{"path": "good", "change": "added"}', "no json", '{"path": "x", "change": "burnt"}', "", '{"path": 1}']
    files = {"backup.jsonl": as_lines([RESTIC_SUMMARY]), "exit": "0", "changes.jsonl": "\n".join(lines)}
    backup, fault = read(tmp_path, "restic", files)
    assert changes(backup) == {"good": "added"}
    assert (fault.reason, fault.text) == ("bad_line", b"no json")
    assert "line 2 and 2 more not used" in fault.detail


@pytest.mark.parametrize("most", [0, 1000])
def test_paths_are_kept_where_they_are_asked_for_and_change_nothing_else(tmp_path, most):
    found = read(tmp_path, "restic", {"backup.jsonl": as_lines(RESTIC_VERBOSE), "exit": "0"}, most)
    without = made_of(tmp_path, "restic", {"backup.jsonl": as_lines(RESTIC_VERBOSE), "exit": "0"})
    assert ("file_changes" in found[0]) == bool(most)
    assert [{k: v for k, v in outcome.items() if k != "file_changes"} for outcome in found] == without


def test_names_of_any_bytes_stay_apart_and_can_be_written():
    sample = PathSample(10, "x")
    names = ["<script>", "a\nb", "\x1b[31mred", "caf\udce9", "caf\udce8", "\u202egpj.exe", "q\"'`,;", "x" * 9000]
    for name in names:
        sample.add(name, "added")
    kept = [changed["path"] for changed in sample.kept()["paths"]]
    assert len(set(kept)) == len(names)
    assert json.loads(json.dumps(kept).encode()) == kept
    assert "".join(kept).encode().decode() == "".join(kept)
    assert "caf\\udce9" in kept
    assert max(map(len, kept)) == LONGEST_PATH


def test_what_is_kept_of_a_long_list_stands_for_all_of_it_whatever_its_order():
    paths = [
        f"{folder}/{number}.{'locked' if number % 4 == 0 else 'doc'}" for folder in "abcd" for number in range(5000)
    ]
    found = []
    for seed in range(2):
        sample = PathSample(1000, "restic/nas/20250323T013007Z")
        for path in random.Random(seed).sample(paths, len(paths)):
            sample.add(path, "added")
        found.append(sample.kept())
    assert found[0] == found[1]
    assert (found[0]["listed"], len(found[0]["paths"])) == (20_000, 1000)
    kept = [changed["path"] for changed in found[0]["paths"]]
    assert all(200 <= sum(path.startswith(folder) for path in kept) <= 300 for folder in "abcd")
    assert 200 <= sum(path.endswith(".locked") for path in kept) <= 300


def test_another_run_keeps_other_paths_of_the_same_list():
    def kept(source):
        sample = PathSample(10, source)
        for number in range(1000):
            sample.add(f"f{number}", "added")
        return {changed["path"] for changed in sample.kept()["paths"]}

    assert len(kept("a") & kept("b")) < 5


def test_of_a_path_that_comes_twice_the_last_counts():
    sample = PathSample(5, "x")
    for change in ("deleted", "added"):
        sample.add("a", change)
    assert [changed["change"] for changed in sample.kept()["paths"]] == ["added"]


def test_a_list_of_any_length_takes_the_memory_of_what_is_kept():
    sample = PathSample(100, "x")
    tracemalloc.start()
    for number in range(100_000):
        sample.add(f"folder/{number}/{'n' * 100}", "added")
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak < 1_000_000
