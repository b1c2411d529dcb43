"""What an anomaly says of files: folders, extensions and some paths."""

import pytest

from jobs.score.touched import (
    DEEPEST,
    LONGEST,
    MOST_LINES,
    Changed,
    extensions,
    sample_paths,
    shortened,
    top_directories,
)


def changed(*paths, change="added", is_new=False):
    return [Changed(path, change, path.rpartition(".")[2] if "." in path else "", is_new) for path in paths]


def many(folder, count, ending=".txt", **said):
    return changed(*(f"{folder}/f{number:04}{ending}" for number in range(count)), **said)


def test_the_deepest_folders_that_hold_a_tenth_are_named_and_each_path_counts_once():
    spread = [each for number in range(30) for each in many(f"/srv/b/{number}", 1)]
    found = top_directories([*many("/srv/a/x/deep", 60), *many("/srv/a/y", 10), *spread])
    assert found == ["60 of 100 in /srv/a/x/deep", "30 of 100 in /srv/b", "10 of 100 in /srv/a/y"]


def test_a_tenth_that_is_spread_over_everything_is_of_no_folder():
    assert top_directories([*many("a", 95), *many("b", 5)]) == ["95 of 100 in a"]


@pytest.mark.parametrize(
    ("path", "name"),
    [("/file", "/"), ("file", "the top folder"), ("C:\\Users\\a\\b.txt", "C:\\Users\\a"), ("a/b\\c/d", "a/b\\c")],
)
def test_folders_are_named_as_their_system_does(path, name):
    assert top_directories(changed(path)) == [f"1 of 1 in {name}"]


def test_a_name_that_looks_like_a_count_stands_behind_the_count():
    assert top_directories(changed("9 of 9 in /etc/x")) == ["1 of 1 in 9 of 9 in /etc"]


def test_an_extension_that_is_new_and_common_comes_before_more_frequent_ones():
    found = [*many("a", 60, ".doc", change="deleted"), *many("a", 30, ".locked", is_new=True)]
    assert extensions(found) == ["30 added, in no earlier list: .locked", "60 deleted: .doc"]


def test_a_new_extension_of_few_files_comes_after_what_is_frequent():
    found = [*many("a", 60, ".doc"), *many("a", 2, ".png", is_new=True)]
    assert extensions(found) == ["60 added: .doc", "2 added, in no earlier list: .png"]


def test_what_is_deleted_or_changed_was_there_before_and_is_not_called_new():
    found = [*many("a", 3, ".psd", change="deleted", is_new=True), *many("b", 1, ".psd", is_new=True)]
    assert extensions(found) == ["3 deleted, 1 added: .psd"]


def test_paths_to_look_at_are_of_each_extension_and_not_the_first_by_name():
    found = [*many("a", 500, ".locked", is_new=True), *many("a", 500, ".doc", change="deleted")]
    shown = sample_paths(found)
    assert [path.rpartition(".")[2] for path in shown] == ["locked", "doc", "locked", "doc", "locked"]
    assert set(shown).isdisjoint(f"a/f{number:04}.locked" for number in range(3))


def test_the_same_files_in_any_order_give_the_same_lines():
    found = [*many("a", 50, ".x"), *many("b", 50, ".y"), *many("c", 50, "")]
    for lines in (top_directories, extensions, sample_paths):
        assert lines(found) == lines(found[::-1])
        assert len(lines(found)) <= MOST_LINES


def test_long_and_deep_names_are_cut_and_cost_little():
    deep = [Changed("/".join([f"{number}", *"d" * 2000]), "added", "", False) for number in range(1000)]
    assert all(len(line) < LONGEST + 30 for line in [*top_directories(deep), *sample_paths(deep)])
    assert top_directories(changed("d/" * 90 + "file")) == [f"1 of 1 in {'/'.join('d' * DEEPEST)}"]
    assert shortened("a" * 4000 + "b.locked").endswith("b.locked")
    assert len(shortened("x" * 4000)) == LONGEST
