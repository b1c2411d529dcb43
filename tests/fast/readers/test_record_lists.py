"""Lists of changed paths inside canonical records."""

import json

import pyarrow as pa
import pytest

from jobs.ingest.listed_changes import with_own_lists

ROW = pa.schema(
    [
        *[("source", pa.string()), ("position", pa.int64()), ("record", pa.binary())],
        ("refused", pa.struct({"reason": pa.string(), "field": pa.string(), "detail": pa.string()})),
        (
            "file_changes",
            pa.struct(
                {
                    "listed": pa.int64(),
                    "paths": pa.list_(
                        pa.struct(dict.fromkeys(("path", "change", "extension"), pa.string()) | {"bytes": pa.int64()})
                    ),
                }
            ),
        ),
    ]
)


def rows(*records, most=1000):
    """Rows of these records, or raw lines, with their lists."""
    lines = [line if isinstance(line, bytes) else json.dumps(line).encode() for line in records]
    places = [{"source": "canonical/a.jsonl", "position": at, "record": line} for at, line in enumerate(lines, start=1)]
    return with_own_lists(pa.RecordBatch.from_pylist(places, ROW), most).to_pylist()


def test_a_record_s_list_becomes_its_paths_and_no_other_record_is_touched():
    listed = {"file_changes": [{"path": "a/b.Locked", "change": "added", "bytes": 5}, {"path": "c", "change": "moved"}]}
    others = [
        {"note": '"file_changes"'},
        {"file_changes": None},
        {},
        b'"file_changes" \xff',
        b"{",
        {"file_changes": []},
    ]
    found = rows(listed, *others)
    assert found[0]["file_changes"] == {
        "listed": 2,
        "paths": [
            {"path": "a/b.Locked", "change": "added", "extension": "locked", "bytes": 5},
            {"path": "c", "change": "moved", "extension": None, "bytes": None},
        ],
    }
    assert [(row["file_changes"], row["refused"]) for row in found[1:]] == [(None, None)] * len(others)


def test_of_a_long_list_a_sample_is_kept():
    (row,) = rows({"file_changes": [{"path": f"{number}", "change": "added"} for number in range(50)]}, most=7)
    assert (row["file_changes"]["listed"], len(row["file_changes"]["paths"])) == (50, 7)


@pytest.mark.parametrize(
    "said", ["a", {"path": "a"}, [1], [{"path": 1, "change": "added"}], [{"path": "a", "change": "burnt"}]]
)
def test_a_list_that_is_none_refuses_its_record_by_name(said):
    bad, good = rows({"file_changes": said}, {"file_changes": [{"path": "a", "change": "added"}]})
    assert (bad["refused"]["reason"], bad["refused"]["field"]) == ("bad_value", "file_changes")
    assert "change one of added, updated, deleted, moved" in bad["refused"]["detail"]
    assert good["refused"] is None


def test_the_bytes_of_a_record_stay_as_they_are():
    line = b'{"a": 1.0, "file_changes": [{"path": "caf\\udce9", "change": "added"}]}'
    (row,) = rows(line)
    assert row["record"] == line
    assert row["file_changes"]["paths"][0]["path"] == "caf\\udce9"
