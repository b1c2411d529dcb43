"""Which files of a tool's run are read together, which come too late, and that coming again changes neither."""

from jobs.ingest.arrivals import Place, RunFile, may_be_settled, run_of, sort_files, tenant_of

SOURCE = "restic/nas/20250323T013007Z"
PLACE = Place("/landing", {})


def sorted_run(*files, is_settled=False):
    """What is read of the run and what is late; each file is its part and arrival, and those in this batch end in +."""
    said = [(part.rstrip("+"), arrival, part.endswith("+")) for part, arrival in files]
    run = [RunFile(f"{SOURCE}.{part}", part, arrival, is_new) for part, arrival, is_new in said]
    landed = sort_files(
        [file.path for file in run if file.is_new], {SOURCE: run}, PLACE, {SOURCE} if is_settled else ()
    )
    read = [sorted(stem.files) for stem in landed.stems]
    return read, sorted(path.removeprefix(f"{SOURCE}.") for path in landed.refused)


def test_a_run_is_read_with_its_exit_and_what_came_until_then():
    assert sorted_run(("a+", 1)) == ([], [])
    assert sorted_run(("a+", 1), ("exit+", 1)) == ([["a", "exit"]], [])
    assert sorted_run(("a", 1), ("exit+", 2)) == ([["a", "exit"]], [])
    assert sorted_run(("a", 1), ("b", 2), ("exit+", 3)) == ([["a", "b", "exit"]], [])


def test_what_comes_after_the_exit_is_late():
    assert sorted_run(("a", 1), ("exit", 1), ("b+", 2)) == ([], ["b"])


def test_what_comes_after_a_run_was_read_without_exit_is_late():
    assert sorted_run(("a", 1), ("exit+", 2), is_settled=True) == ([], ["exit"])


def test_a_batch_that_comes_again_after_more_landed_is_read_as_before():
    assert sorted_run(("a+", 1), ("exit", 2)) == ([], [])
    assert sorted_run(("a+", 1), ("exit+", 1), ("b", 2)) == ([["a", "exit"]], [])


def test_all_that_comes_again_at_once_is_read_as_it_was_in_parts():
    assert sorted_run(("a+", 1), ("exit+", 2), ("b+", 3)) == ([["a", "exit"]], ["b"])
    assert sorted_run(("a+", 1), ("exit+", 2), is_settled=True) == ([], [])


def test_only_a_run_whose_exit_was_not_in_its_first_arrival_may_have_been_read_without():
    def run(*files):
        return [RunFile(part, part, arrival, True) for part, arrival in files]

    assert may_be_settled(run(("a", 1), ("exit", 2)))
    assert may_be_settled(run(("a", 1), ("b", 2)))
    assert not may_be_settled(run(("a", 1)))
    assert not may_be_settled(run(("a", 1), ("exit", 1), ("b", 2)))


def test_only_files_of_tools_that_are_named_like_a_run_are_of_one():
    assert run_of(f"{SOURCE}.backup.jsonl.gz") == (SOURCE, "backup.jsonl")
    assert run_of("restic/20250323T013007Z.exit") is None
    assert run_of("canonical/nas/20250323T013007Z.exit") is None
    assert run_of("feedback/nas/20250323T013007Z.exit") is None


def test_files_of_records_and_runs_may_be_sealed_and_verdicts_and_parquet_not():
    assert run_of(f"{SOURCE}.backup.jsonl.gz.enc") == (SOURCE, "backup.jsonl")
    names = ("canonical/a.jsonl.enc", "canonical/b.json.zst.enc", "canonical/c.parquet.enc", "feedback/d.jsonl.enc")
    landed = sort_files(names, {}, PLACE, ())
    assert landed.lines == ["/landing/canonical/a.jsonl.enc", "/landing/canonical/b.json.zst.enc"]
    assert sorted(landed.refused) == ["canonical/c.parquet.enc", "feedback/d.jsonl.enc"]
    assert landed.sealed("/landing") == set(names[:2])
    assert landed.without({names[0]}, "/landing").lines == ["/landing/canonical/b.json.zst.enc"]


def test_the_longest_landing_prefix_says_whose_a_source_is():
    tenants = {"insync": "all", "insync/acme/": "acme"}
    assert [tenant_of(f"{place}/x", tenants) for place in ("insync/acme", "insync/acmes", "restic")] == [
        "acme",
        "all",
        None,
    ]
