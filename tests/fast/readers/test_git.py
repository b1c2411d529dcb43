"""The git reader beside plain git commands, and repositories that are strange, damaged or hostile."""

import os
import shutil
import subprocess
import tracemalloc
import zlib
from collections import Counter
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from jobs.ingest.outcomes import checked
from jobs.ingest.readers.git import dated, read
from jobs.ingest.stems import Fault

pytestmark = pytest.mark.skipif(shutil.which("git") is None, reason="git is not installed")
LATER = date(2100, 1, 1)
NEVER = datetime(2100, 1, 1, tzinfo=UTC)
DAY = 86_400
ALONE = {name: value for name, value in os.environ.items() if not name.startswith("GIT_")} | {
    "GIT_CONFIG_GLOBAL": os.devnull,
    "GIT_CONFIG_NOSYSTEM": "1",
    **{f"GIT_{who}_{what}": "x@example.org" for who in ("AUTHOR", "COMMITTER") for what in ("NAME", "EMAIL")},
}


def git(folder, *arguments, at=None, said=None):
    dates = {} if at is None else dict.fromkeys(("GIT_AUTHOR_DATE", "GIT_COMMITTER_DATE"), at)
    command = ["git", "-c", "protocol.file.allow=always", *arguments]
    done = subprocess.run(command, cwd=folder, env=ALONE | dates, input=said, capture_output=True, check=False)
    assert done.returncode == 0, (arguments, done.stderr)
    return done.stdout


@pytest.fixture
def folder(tmp_path):
    return made(tmp_path / "repository")


def made(path, *options):
    path.mkdir()
    git(path, "init", "-q", "-b", "main", *options)
    return path


def commit(folder, at, files=(), *options):
    """Commits the files (None: deleted) at the moment, and returns the commit's name."""
    for name, content in dict(files).items():
        path = Path(os.fsdecode(os.fsencode(folder) + b"/" + (name if isinstance(name, bytes) else name.encode())))
        if content is None:
            path.unlink()
        else:
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(content)
    git(folder, "add", "-A")
    git(folder, "commit", "-q", "--allow-empty", "-m", "a change", *options, at=at)
    return git(folder, "rev-parse", "HEAD").decode().strip()


def backups(folder, until=LATER, since=None):
    """The reader's records by day; there is no fault."""
    rows = list(read(folder, "nas", until, since))
    assert not [outcome for _, outcome in rows if isinstance(outcome, Fault)], rows
    assert [source for source, _ in rows] == sorted({source for source, _ in rows})
    return {source.removeprefix("git/nas/"): checked(record, NEVER) for source, record in rows}


def fault(folder):
    """The only outcome, which is a fault of the folder as a whole."""
    ((source, found),) = read(folder, "nas", LATER)
    assert source == "git/nas"
    assert isinstance(found, Fault)
    assert found.reason == "unreadable"
    return found.detail


def weight(content):
    """Bytes after compression, of a content of at most 64 KiB."""
    return min(len(content), len(zlib.compress(content, 1)))


# --- the oracle: each figure from ls-tree, diff and cat-file of two commits


def files_of(folder, name):
    """Path to (blob, content) of a commit's files."""
    found = {}
    for line in git(folder, "ls-tree", "-r", "-l", "-z", name).split(b"\0")[:-1]:
        said, path = line.split(b"\t", 1)
        _, kind, blob, size = said.split()
        if kind == b"blob":
            found[path] = blob, git(folder, "cat-file", "blob", blob.decode())
            assert len(found[path][1]) == int(size)
    return found


def extension(path):
    return os.path.splitext(os.path.basename(os.fsdecode(path)))[1].lower()[1:17]  # noqa: PTH119, PTH122  # bytes


def folders(paths):
    return {b"/".join(path.split(b"/")[:depth]) for path in paths for depth in range(path.count(b"/") + 1)}


def oracle(folder):
    """By day, what `backups` must give; for histories of well-set clocks."""
    last, touched = {}, set()
    for line in git(folder, "rev-list", "--first-parent", "--reverse", "--timestamp", "HEAD").decode().splitlines():
        seconds, name = line.split()
        day = datetime.fromtimestamp(int(seconds), UTC).date().isoformat()
        last[day] = name, int(seconds)
        changes = git(folder, "diff-tree", "--root", "-m", "--first-parent", "-r", "--no-commit-id", name)
        if [change for change in changes.splitlines() if not change.startswith((b":160000 160000", b":000000 160000"))]:
            touched.add(day)
    rows, before, previous, had, extensions = {}, {}, None, set(), set()
    for day in sorted(touched):
        name, seconds = last[day]
        after = files_of(folder, name)
        empty = git(folder, "hash-object", "-t", "tree", "--stdin", said=b"").decode().strip()
        diff = ("diff", "--no-renames", "--ignore-submodules", "--name-status", "-z", previous or empty, name)
        said = git(folder, *diff).split(b"\0")[:-1]
        by_status = Counter(said[::2])
        changed = {path: letter for letter, path in zip(said[::2], said[1::2], strict=True)}
        new = [after[path] for path, letter in changed.items() if letter != b"D"]
        gone = [before[path] for path, letter in changed.items() if letter == b"D"]
        added = [path for path, letter in changed.items() if letter == b"A"]
        unique = dict(new).keys() - had
        moved = Counter(after[path][0] for path in added) & Counter(blob for blob, _ in gone)
        rows[day] = {
            "product": "git",
            "device_id": "nas",
            "backup_id": name,
            "status": "complete",
            "started_at": datetime.fromtimestamp(seconds, UTC).isoformat().replace("+00:00", "Z"),
            "ended_at": datetime.fromtimestamp(seconds, UTC).isoformat().replace("+00:00", "Z"),
            "backup_kind": "incremental" if previous else "full",
            "files_added": by_status[b"A"],
            "files_updated": by_status[b"M"] + by_status[b"T"],
            "files_deleted": by_status[b"D"],
            "files_moved": moved.total(),
            "files_new_extension": sum(bool(extension(p)) and extension(p) not in extensions for p in added),
            "files_total": len(after),
            "dirs_total": len(folders(after)),
            "bytes_uploaded": sum(len(content) for _, content in new),
            "bytes_unique": sum(len(dict(new)[blob]) for blob in unique),
            "bytes_compressed": sum(weight(content) for _, content in new),
            "bytes_deleted": sum(len(content) for _, content in gone),
            "bytes_total": sum(len(content) for _, content in after.values()),
            "bytes_total_compressed": sum(weight(content) for _, content in after.values()),
            "derived": [],
        }
        before, previous = after, name
        had |= dict(new).keys()
        extensions |= {extension(path) for path in added}
    return rows


# --- what becomes a backup


def test_each_day_is_the_net_difference_that_plain_git_sees(folder):
    commit(
        folder, "2024-03-01T08:00:00Z", {"a.txt": b"one" * 50, "docs/b.md": b"two", "docs/deep/c.md": b"", ".rc": b"x"}
    )
    commit(folder, "2024-03-01T23:59:59Z", {"docs/b.md": b"two and a half", "run.sh": b"#!"})
    commit(
        folder, "2024-03-02T00:00:00+00:00", {"a.txt": None, "moved/a.txt": b"one" * 50, "moved/again.TXT": b"one" * 50}
    )
    commit(folder, "2024-03-04T01:00:00+02:00", {"docs/deep/c.md": None, "new.locked": b"z", "other.Locked": b"zz"})
    commit(folder, "2024-03-05T01:00:00Z", {"third.locked": b"one" * 50})
    found = backups(folder)
    assert found == oracle(folder)
    assert list(found) == ["2024-03-01", "2024-03-02", "2024-03-03", "2024-03-05"]
    assert [row["files_moved"] for row in found.values()] == [0, 1, 0, 0]
    assert [row["files_new_extension"] for row in found.values()] == [4, 0, 2, 0]
    assert [row["dirs_total"] for row in found.values()] == [3, 4, 3, 3]
    assert found["2024-03-05"]["bytes_unique"] == 0


def test_names_are_bytes(folder):
    names = [b"new\nline", b'quo"te', b"caf\xe9.T\xcbX", "ünï.ÇA".encode(), b"tab\there/: colon", b":100644 x", b" "]
    commit(folder, "2024-03-01T08:00:00Z", {name: bytes([number]) for number, name in enumerate(names)})
    commit(folder, "2024-03-02T08:00:00Z", {names[0]: None, names[2]: b"changed", b"caf\xea": b"2"})
    assert backups(folder) == oracle(folder)


def test_of_a_merge_only_the_first_parents_count(folder):
    commit(folder, "2024-03-01T08:00:00Z", {"a": b"1", "gone": b"1"})
    git(folder, "switch", "-qc", "side")
    commit(folder, "2024-03-02T08:00:00Z", {"b": b"2", "gone": None})
    commit(folder, "2024-03-03T08:00:00Z", {"c": b"3"})
    git(folder, "switch", "-q", "main")
    commit(folder, "2024-03-04T08:00:00Z", {"a": b"1.1"})
    git(folder, "merge", "-q", "--no-ff", "-m", "merge", "side", at="2024-03-05T08:00:00Z")
    found = backups(folder)
    assert found == oracle(folder)
    assert list(found) == ["2024-03-01", "2024-03-04", "2024-03-05"]
    merged = found["2024-03-05"]
    assert (merged["files_added"], merged["files_deleted"], merged["files_updated"]) == (2, 1, 0)


def test_a_day_that_undoes_itself_is_a_backup_without_change(folder):
    commit(folder, "2024-03-01T08:00:00Z", {"a.txt": b"1"})
    commit(folder, "2024-03-02T08:00:00Z", {"a.txt": b"2", "b.odd": b"3"})
    commit(folder, "2024-03-02T09:00:00Z", {"a.txt": b"1", "b.odd": None})
    commit(folder, "2024-03-03T08:00:00Z", {"c.odd": b"3"})
    found = backups(folder)
    assert found == oracle(folder)
    changed = {
        name: number for name, number in found["2024-03-02"].items() if number and name.startswith(("files", "bytes"))
    }
    assert changed == {"files_total": 1, "bytes_total": 1, "bytes_total_compressed": 1}
    # What came and went within a day was in no backup: it is new now.
    assert (found["2024-03-03"]["files_new_extension"], found["2024-03-03"]["bytes_unique"]) == (1, 1)


def test_a_day_without_a_touched_file_is_no_backup(folder):
    commit(folder, "2024-03-01T08:00:00Z")
    commit(folder, "2024-03-02T08:00:00Z", {"a": b"1"})
    commit(folder, "2024-03-03T08:00:00Z")
    found = backups(folder)
    assert list(found) == ["2024-03-02"]
    assert found["2024-03-02"]["backup_kind"] == "full"


def test_the_last_commit_of_a_day_names_it_even_if_it_is_empty(folder):
    commit(folder, "2024-03-01T08:00:00Z", {"a": b"1"})
    last = commit(folder, "2024-03-01T09:00:00Z")
    assert [row["backup_id"] for row in backups(folder).values()] == [last]


def test_a_changed_mode_updates_nothing(folder):
    commit(folder, "2024-03-01T08:00:00Z", {"a": b"1"})
    (folder / "a").chmod(0o755)
    commit(folder, "2024-03-02T08:00:00Z")
    row = backups(folder)["2024-03-02"]
    assert (row["files_added"], row["files_updated"], row["files_deleted"], row["bytes_uploaded"]) == (0, 0, 0, 0)


def test_symbolic_links_are_files_and_submodules_are_not(folder, tmp_path):
    part = made(tmp_path / "part")
    commit(part, "2024-02-01T08:00:00Z", {"x": b"1"})
    commit(folder, "2024-03-01T08:00:00Z", {"a": b"1", "place": b"a file"})
    git(folder, "submodule", "--quiet", "add", str(part), "sub")
    commit(folder, "2024-03-02T08:00:00Z")  # .gitmodules is a file
    commit(part, "2024-03-02T09:00:00Z", {"x": b"2"})
    git(folder / "sub", "pull", "-q")
    commit(folder, "2024-03-03T08:00:00Z")  # touches the submodule alone
    (folder / "place").unlink()
    (folder / "place").symlink_to("nowhere at all")
    commit(folder, "2024-03-04T08:00:00Z")  # a file becomes a link
    found = backups(folder)
    assert found == oracle(folder)
    assert list(found) == ["2024-03-01", "2024-03-02", "2024-03-04"]
    assert [row["files_total"] for row in found.values()] == [2, 3, 3]
    assert (found["2024-03-04"]["files_updated"], found["2024-03-04"]["bytes_uploaded"]) == (1, len("nowhere at all"))


def test_a_file_that_becomes_a_submodule_is_deleted_and_back_it_is_added(folder):
    first = commit(folder, "2024-03-01T08:00:00Z", {"a": b"1", "b": b"2"})
    (folder / "b").unlink()
    git(folder, "rm", "-q", "--cached", "b")
    git(folder, "update-index", "--add", "--cacheinfo", f"160000,{first},b")
    git(folder, "commit", "-qm", "x", at="2024-03-02T08:00:00Z")
    git(folder, "rm", "-q", "--cached", "b")
    commit(folder, "2024-03-03T08:00:00Z", {"b": b"2"})
    counts = [(row["files_added"], row["files_deleted"], row["files_total"]) for row in backups(folder).values()]
    assert counts == [(2, 0, 2), (0, 1, 1), (1, 0, 2)]


def test_all_files_gone_is_a_backup_of_nothing(folder):
    commit(folder, "2024-03-01T08:00:00Z", {"a/b": b"1"})
    commit(folder, "2024-03-02T08:00:00Z", {"a/b": None})
    row = backups(folder)["2024-03-02"]
    assert (row["files_total"], row["dirs_total"], row["bytes_total"], row["bytes_deleted"]) == (0, 0, 0, 1)


def test_an_extension_is_sixteen_characters_at_most(folder):
    commit(folder, "2024-03-01T08:00:00Z", {"a.0123456789abcdefXX": b"1", "end.": b"2", ".hidden": b"3", "none": b"4"})
    commit(folder, "2024-03-02T08:00:00Z", {"b.0123456789ABCDEFYY": b"1"})
    assert [row["files_new_extension"] for row in backups(folder).values()] == [1, 0]


def test_a_large_file_is_compressed_by_its_first_64_kib(folder):
    head = bytes(65_536)
    commit(folder, "2024-03-01T08:00:00Z", {"big": head + os.urandom(200_000)})
    row = backups(folder)["2024-03-01"]
    share = len(zlib.compress(head, 1)) / len(head)
    assert row["bytes_uploaded"] == 265_536
    assert row["bytes_compressed"] == row["bytes_total_compressed"] == round(265_536 * share)


def test_what_does_not_compress_keeps_its_size(folder):
    content = os.urandom(5_000)
    commit(folder, "2024-03-01T08:00:00Z", {"dense": content})
    assert backups(folder)["2024-03-01"]["bytes_compressed"] == 5_000


def test_a_huge_file_is_never_held_whole(folder):
    with (folder / "huge").open("wb") as file:
        file.truncate(64 << 20)
    commit(folder, "2024-03-01T08:00:00Z")
    tracemalloc.start()
    row = backups(folder)["2024-03-01"]
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert row["bytes_total"] == 64 << 20
    assert peak < 8 << 20


# --- which days


def test_a_day_that_has_not_ended_is_left_out(folder):
    commit(folder, "2024-03-01T08:00:00Z", {"a": b"1"})
    commit(folder, "2024-03-02T00:00:00Z", {"b": b"1"})
    commit(folder, "2024-03-02T09:00:00Z", {"c": b"1"})
    assert list(backups(folder, until=date(2024, 3, 2))) == ["2024-03-01"]
    assert backups(folder, until=date(2024, 3, 3)) == oracle(folder)
    assert backups(folder, until=date(2024, 3, 1)) == {}


def test_a_reading_from_some_day_on_gives_the_same_rows(folder):
    commit(folder, "2024-03-01T08:00:00Z", {"a.x": b"1" * 100, "sub/b.y": b"2" * 200, "c": b"3"})
    commit(folder, "2024-03-02T08:00:00Z", {"a.x": None, "e.z": b"4"})
    commit(
        folder, "2024-03-04T08:00:00Z", {"back.x": b"1" * 100, "sub/b.y": b"5", "f.z": b"4", "g.new": b"6", "c": None}
    )
    commit(folder, "2024-03-05T08:00:00Z", {"sub/b.y": None})
    whole = oracle(folder)
    for day in range(1, 8):
        since = date(2024, 3, day)
        assert backups(folder, since=since) == {at: row for at, row in whole.items() if at >= since.isoformat()}


def test_a_folder_of_a_repository_reads_like_a_repository_of_its_own(folder, tmp_path):
    alone = made(tmp_path / "alone")
    for day, docs, others in (
        (1, {"a.md": b"1" * 100, "sub/b.md": b"2"}, {"docs.md": b"3", "docs2/c.md": b"4"}),
        (2, {}, {"docs.md": b"5"}),
        (3, {"a.md": None, "sub/b.md": b"6"}, {"docs2/c.md": None}),
    ):
        at = f"2024-03-0{day}T08:00:00Z"
        commit(folder, at, {f"docs/{name}": content for name, content in docs.items()} | others)
        commit(alone, at, docs)
    rows = [record for _, record in read(folder, "nas", LATER, prefix="docs")]
    assert [row["files_total"] for row in rows] == [2, 1]
    assert [row | {"backup_id": ""} for row in rows] == [
        row | {"backup_id": ""} for _, row in read(alone, "nas", LATER)
    ]


def test_the_reader_can_be_left_half_way(folder):
    commit(folder, "2024-03-01T08:00:00Z", {"a": b"1"})
    commit(folder, "2024-03-02T08:00:00Z", {"b": b"1"})
    rows = read(folder, "nas", LATER)
    assert next(rows)[0] == "git/nas/2024-03-01"
    rows.close()


# --- clocks


def test_a_wrong_clock_becomes_the_median_of_its_neighbours():
    times = [day * DAY for day in range(100, 120)]
    assert dated([*times[:10], 0, *times[10:]]) == [*times[:10], times[9], *times[10:]]
    ahead = [*times[:10], 10_000 * DAY, *times[10:]]
    assert dated(ahead) == [*times[:10], times[10], *times[10:]]


def test_forty_five_days_are_still_believed():
    times = [day * DAY for day in range(100, 111)]
    late = [*times[:5], times[6] + 45 * DAY, *times[6:]]  # which makes times[6] the median
    assert dated(late)[5] == late[5]
    assert dated([*times[:5], late[5] + 1, *times[6:]])[5] == times[6]


def test_time_never_goes_back():
    times = [DAY * 100, DAY * 101, DAY * 100 + 5, DAY * 103]
    assert dated(times) == [DAY * 100, DAY * 101, DAY * 101, DAY * 103]


def test_quiet_years_are_not_taken_for_a_wrong_clock():
    times = [0, 400 * DAY, 500 * DAY, 501 * DAY, 1000 * DAY, 2000 * DAY]
    for number in range(len(times) + 1):
        assert dated(times[:number]) == times[:number]


def test_a_jumping_clock_gives_days_in_order(folder):
    names = [commit(folder, f"2024-03-{day:02}T08:00:00Z", {f"f{day}": b"1"}) for day in range(1, 7)]
    jumped = commit(folder, "2009-01-01T08:00:00Z", {"jump": b"1"})
    names += [commit(folder, f"2024-03-{day:02}T08:00:00Z", {f"f{day}": b"1"}) for day in range(8, 14)]
    found = backups(folder)
    assert list(found) == [f"2024-03-{day:02}" for day in (*range(1, 7), *range(8, 14))]
    assert found["2024-03-06"]["backup_id"] == jumped  # its neighbours' median is the commit before it
    assert found["2024-03-06"]["files_added"] == 2
    assert found["2024-03-13"]["files_total"] == 13


@pytest.mark.parametrize("committer", [b"nobody", b"x <x> 99999999999999999999 +0000", b"x <x> -5 +0000", b"x <x> 1e9"])
def test_a_commit_without_a_readable_time_is_dated_by_its_neighbours(folder, committer):
    for day in (1, 2):
        commit(folder, f"2024-03-0{day}T08:00:00Z", {f"f{day}": b"1"})
    said = git(folder, "cat-file", "commit", "HEAD").split(b"\n")
    said[1] = b"parent " + git(folder, "rev-parse", "HEAD").strip()
    said = [b"committer " + committer if line.startswith(b"committer") else line for line in said]
    name = (
        git(folder, "hash-object", "-t", "commit", "-w", "--literally", "--stdin", said=b"\n".join(said))
        .decode()
        .strip()
    )
    git(folder, "reset", "-q", "--hard", name)
    commit(folder, "2024-03-03T08:00:00Z", {"f3": b"1"})
    assert list(backups(folder)) == ["2024-03-01", "2024-03-02", "2024-03-03"]


# --- kinds of repository


def two_days(folder, big=b"B" * 3000):
    commit(folder, "2024-03-01T08:00:00Z", {"a": b"1", "big": big})
    commit(folder, "2024-03-02T08:00:00Z", {"a": b"22", "sub/c": b"3"})
    return folder


def test_mirror_clone_and_second_work_tree_read_alike(folder, tmp_path):
    expected = oracle(two_days(folder))
    git(tmp_path, "clone", "-q", "--mirror", str(folder), "mirror.git")
    git(tmp_path, "clone", "-q", "--shared", str(folder), "clone")
    git(folder, "worktree", "add", "-q", "--detach", str(tmp_path / "tree"))
    git(folder, "gc", "-q")
    for name in ("mirror.git", "clone", "tree"):
        assert backups(tmp_path / name) == expected, name


def test_a_repository_of_sha256_is_read(tmp_path):
    folder = two_days(made(tmp_path / "sha256", "--object-format=sha256"))
    found = backups(folder)
    assert found == oracle(folder)
    assert {len(row["backup_id"]) for row in found.values()} == {64}


def test_a_shallow_clone_begins_with_a_full(folder, tmp_path):
    expected = oracle(two_days(folder))
    git(tmp_path, "clone", "-q", "--depth", "1", folder.as_uri(), "shallow")
    ((day, row),) = backups(tmp_path / "shallow").items()
    assert (day, row["backup_kind"], row["files_added"], row["files_deleted"]) == ("2024-03-02", "full", 3, 0)
    assert row["bytes_total"] == row["bytes_uploaded"] == expected[day]["bytes_total"]


def test_a_missing_blob_counts_as_4_mib_that_do_not_compress(folder, tmp_path):
    expected = oracle(two_days(folder))
    commit(folder, "2024-03-03T08:00:00Z", {"big": None})
    git(folder, "config", "uploadpack.allowFilter", "true")
    git(tmp_path, "clone", "-q", "--bare", "--filter=blob:limit=1k", folder.as_uri(), "partial.git")
    objects = sorted((tmp_path / "partial.git/objects").rglob("*"))
    first, second, third = backups(tmp_path / "partial.git").values()
    assert first["bytes_uploaded"] == first["bytes_unique"] == first["bytes_compressed"] == 1 + (4 << 20)
    assert first["bytes_total"] == first["bytes_total_compressed"] == 1 + (4 << 20)
    totals = ["bytes_total", "bytes_total_compressed"]
    assert first["derived"] == ["bytes_uploaded", "bytes_unique", "bytes_compressed", *totals]
    assert second["derived"] == totals
    assert second["bytes_uploaded"] == expected["2024-03-02"]["bytes_uploaded"]
    assert second["bytes_total"] == 3 + (4 << 20)
    assert (third["derived"], third["bytes_deleted"], third["bytes_total"]) == (["bytes_deleted"], 4 << 20, 3)
    assert objects == sorted((tmp_path / "partial.git/objects").rglob("*")), "something was fetched"


def test_a_damaged_blob_counts_as_missing_and_the_others_do_not(folder):
    (folder / "zz").write_bytes(b"4")
    two_days(folder, big=os.urandom(3000))
    blob = git(folder, "rev-parse", "HEAD:big").decode().strip()
    damage(folder / ".git/objects" / blob[:2] / blob[2:], 100)
    first, second = backups(folder).values()
    assert first["bytes_uploaded"] == 2 + (4 << 20)
    assert "bytes_uploaded" in first["derived"]
    assert (second["bytes_uploaded"], second["bytes_total"]) == (3, 4 + (4 << 20))


def damage(file, at):
    file.chmod(0o600)
    held = file.read_bytes()
    file.write_bytes(held[:at] + bytes(byte ^ 0x55 for byte in held[at : at + 40]) + held[at + 40 :])


# --- faults


def test_an_empty_repository_is_a_fault_that_says_what_to_do(folder):
    assert "HEAD" in fault(folder)


def test_a_mirror_whose_head_names_no_branch_is_a_fault(folder):
    two_days(folder)
    git(folder, "symbolic-ref", "HEAD", "refs/heads/renamed")
    assert "symbolic-ref" in fault(folder)


@pytest.mark.parametrize("name", ["empty", "file", "absent", "folder-in-a-repository"])
def test_what_is_no_repository_is_a_fault(folder, tmp_path, name):
    two_days(folder)
    (tmp_path / "empty").mkdir()
    (tmp_path / "file").write_text("text")
    place = folder / "sub" if name == "folder-in-a-repository" else tmp_path / name
    assert "not a git repository" in fault(place)


@pytest.mark.parametrize("said", [b"", b"gitdir: /nowhere", b"gitdir: \0", b"gitdir: .git"])
def test_a_pointer_to_nowhere_is_a_fault(tmp_path, said):
    (tmp_path / ".git").write_bytes(said)
    assert "not a git repository" in fault(tmp_path)


def test_a_fault_says_nothing_that_is_not_utf_8(tmp_path):
    (tmp_path / ".git").write_bytes(b"\xff" * 5000)
    assert fault(tmp_path).encode()


def test_the_days_before_damage_are_read(folder):
    two_days(folder)
    expected = oracle(folder)
    commit(folder, "2024-03-03T08:00:00Z", {"d": b"4"})  # git ends before it says that this day is over
    commit(folder, "2024-03-04T08:00:00Z", {"sub/e": b"4"})
    commit(folder, "2024-03-05T08:00:00Z", {"f": b"4"})
    tree = git(folder, "rev-parse", "HEAD~1:sub").decode().strip()
    (folder / ".git/objects" / tree[:2] / tree[2:]).unlink()
    *rows, (source, last) = read(folder, "nas", LATER)
    assert [row for _, row in rows] == list(expected.values())
    assert (source, last.reason) == ("git/nas", "unreadable")
    assert "git fsck" in last.detail


def test_a_missing_commit_is_a_fault(folder):
    two_days(folder)
    commit(folder, "2024-03-03T08:00:00Z", {"d": b"4"})
    first = git(folder, "rev-parse", "HEAD~2").decode().strip()
    (folder / ".git/objects" / first[:2] / first[2:]).unlink()
    assert "git fsck" in fault(folder)


def test_a_rewritten_history_is_read_as_it_stands(folder):
    two_days(folder)
    git(folder, "reset", "-q", "--hard", "HEAD~1")
    commit(folder, "2024-03-02T08:00:00Z", {"a": b"another"}, "--amend")
    found = backups(folder)
    assert found == oracle(folder)
    assert list(found) == ["2024-03-02"]


def test_git_that_is_not_there_is_a_fault(folder, monkeypatch):
    two_days(folder)
    monkeypatch.setenv("PATH", "")
    assert "git is installed" in fault(folder)


# --- hostile repositories


def test_nothing_that_the_repository_names_is_run(folder, tmp_path):
    two_days(folder)
    signed = git(folder, "cat-file", "commit", "HEAD").replace(
        b"\n\n", b"\ngpgsig -----BEGIN PGP SIGNATURE-----\n \n x\n -----END PGP SIGNATURE-----\n\n", 1
    )
    name = git(folder, "hash-object", "-t", "commit", "-w", "--stdin", said=signed).decode().strip()
    git(folder, "update-ref", "HEAD", name)
    blob = git(folder, "rev-parse", "HEAD:big").decode().strip()
    (folder / ".git/objects" / blob[:2] / blob[2:]).unlink()  # promised by the remote below
    program, mark = tmp_path / "program", tmp_path / "it-ran"
    program.write_text(f"#!/bin/sh\necho ran >>'{mark}'\nexit 1\n")
    program.chmod(0o755)
    (folder / ".git/info").mkdir(exist_ok=True)
    (folder / ".git/info/attributes").write_text("* diff=x filter=x\n")
    for hook in ("post-checkout", "reference-transaction", "pre-auto-gc"):
        shutil.copy(program, folder / ".git/hooks" / hook)
    with (folder / ".git/config").open("w") as config:
        config.write(
            f"""[core]\nrepositoryFormatVersion = 1\nfsmonitor = {program}\npager = {program}\nsshCommand = {program}
            [pager]\nlog = {program}\n[diff]\nexternal = {program}\n[diff "x"]\ntextconv = {program}
            [filter "x"]\nsmudge = {program}\n[log]\nshowSignature = true\n[gpg]\nprogram = {program}
            [extensions]\npartialClone = origin\n[protocol "ext"]\nallow = always
            [remote "origin"]\npromisor = true\nurl = "ext::{program}"\n"""
        )
    assert [row["files_total"] for row in backups(folder).values()] == [2, 3]
    assert not mark.exists()
    for command in (["log", "--raw"], ["cat-file", "-p", blob]):  # git itself would have run it
        subprocess.run(["git", *command], cwd=folder, env=ALONE, capture_output=True, check=False)
        assert mark.exists(), command
        mark.unlink()


def test_config_that_hides_changes_is_not_read(folder):
    two_days(folder)
    expected = oracle(folder)
    with (folder / ".git/config").open("a") as config:
        config.write("[log]\nshowRoot = false\nfollow = true\n[diff]\nrelative = true\nrenames = copies\n[broken\n")
    assert backups(folder) == expected


def test_a_replacement_hides_no_commit(folder):
    two_days(folder)
    expected = oracle(folder)
    git(folder, "replace", "HEAD", "HEAD~1")
    assert backups(folder) == expected


def test_variables_of_the_environment_change_nothing(folder, tmp_path, monkeypatch):
    two_days(folder)
    expected = oracle(folder)
    other = made(tmp_path / "other")
    commit(other, "2020-03-01T08:00:00Z", {"x": b"1"})
    for name in ("GIT_DIR", "GIT_COMMON_DIR"):
        monkeypatch.setenv(name, str(other / ".git"))
    for name, value in {"COUNT": "1", "KEY_0": "log.showRoot", "VALUE_0": "false"}.items():
        monkeypatch.setenv(f"GIT_CONFIG_{name}", value)
    assert backups(folder) == expected


def test_a_path_of_slashes_alone_costs_no_memory(folder):
    blob = git(folder, "hash-object", "-w", "--stdin", said=b"1")
    entry = b"100644 " + b"a/" * 200_000 + b"b\0" + bytes.fromhex(blob.decode())
    tree = git(folder, "hash-object", "-t", "tree", "-w", "--literally", "--stdin", said=entry).decode().strip()
    name = git(folder, "commit-tree", "-m", "x", tree, at="2024-03-01T08:00:00Z").decode().strip()
    git(folder, "update-ref", "HEAD", name)
    assert backups(folder)["2024-03-01"]["files_added"] == 1


@pytest.fixture(scope="module")
def small(tmp_path_factory):
    """A repository of three days, partly packed, to be copied and damaged."""
    folder = two_days(made(tmp_path_factory.mktemp("small") / "repository"), os.urandom(500))
    git(folder, "gc", "-q")
    commit(folder, "2024-03-03T08:00:00Z", {"d": b"4"})
    return folder / ".git"


@settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.data())
def test_any_bytes_in_any_file_give_outcomes_only(small, tmp_path, files):
    shutil.rmtree(tmp_path / "copy", ignore_errors=True)
    shutil.copytree(small, tmp_path / "copy", ignore=shutil.ignore_patterns("hooks", "logs", "index", "description"))
    names = sorted(path for path in (tmp_path / "copy").rglob("*") if path.is_file())
    for _ in range(files.draw(st.integers(1, 3))):
        file = files.draw(st.sampled_from(names))
        held = file.read_bytes() if file.exists() else b""
        at = files.draw(st.integers(0, len(held)))
        kind = files.draw(st.sampled_from(["cut", "change", "insert", "replace", "remove"]))
        noise = files.draw(st.binary(max_size=60))
        file.unlink(missing_ok=True)
        if kind != "remove":
            changed = {"cut": held[:at], "insert": held[:at] + noise + held[at:], "replace": noise}
            file.write_bytes(changed.get(kind, held[:at] + noise + held[at + len(noise) :]))
    for source, outcome in read(tmp_path / "copy", "nas", LATER):
        assert source.startswith("git/nas")
        if isinstance(outcome, Fault):
            assert (source, outcome.reason) == ("git/nas", "unreadable")
        else:
            assert outcome["files_total"] >= outcome["files_added"] >= 0


# --- made-up histories

NAMES = st.sampled_from([b"a.txt", b"b.TXT", b"d/e.md", b"d/f/g", b"d/f/h.x", b"i\nj.x", b"\xe9.\xe9", b".k", b"l"])
CHANGES = st.dictionaries(NAMES, st.sampled_from([None, b"", b"1", b"2" * 300, b"3" * 70]), max_size=4)


@settings(max_examples=12, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(st.tuples(st.integers(0, 30), CHANGES), min_size=1, max_size=12), st.integers(0, 6))
@example([(0, {b"a.txt": b"1"}), (1, {b"a.txt": None}), (1, {b"a.txt": b"1"})], 1)
def test_any_history_reads_as_plain_git_says(tmp_path, history, first):
    shutil.rmtree(tmp_path / "made", ignore_errors=True)
    folder = made(tmp_path / "made")
    stream, hours = b"", 0
    for gap, changes in history:
        hours += gap
        stream += b"commit refs/heads/main\ncommitter x <x> %d +0000\ndata 0\n" % (1_700_000_000 + hours * 3600)
        for name, content in changes.items():
            path = b'"' + b"".join(b"\\%03o" % byte for byte in name) + b'"'
            stream += (
                b"D %s\n" % path
                if content is None
                else b"M 644 inline %s\ndata %d\n%s\n" % (path, len(content), content)
            )
        stream += b"\n"
    git(folder, "fast-import", "--quiet", said=stream)
    expected = oracle(folder)
    assert backups(folder) == expected
    since = date(2023, 11, 14) + timedelta(days=first)
    assert backups(folder, since=since) == {day: row for day, row in expected.items() if day >= since.isoformat()}
