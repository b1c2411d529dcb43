"""What becomes of messages by the state of the dump that each names."""

import hashlib
import json

import pytest

from jobs.ingest.dumps import named, refused_notices
from jobs.ingest.pull import Message

RUN = "borg/nas1/20250302T013007Z"


@pytest.fixture
def landing(tmp_path):
    for name in ("borg.json", "exit", "borg.log.tmp"):
        file = tmp_path / f"{RUN}.{name}"
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(name)
    (tmp_path / "borg/nas1/20250303T013007Z.borg.json").write_text("of another run")
    (tmp_path / "canonical").mkdir()
    (tmp_path / "canonical/a.jsonl").write_text("{}\n")
    return tmp_path


def message(path, landing, is_last=False, **dump):
    notice = {"schema": "uda.backup_complete/1", "dump": {"uri": f"{landing}/{path}", **dump}}
    return Message(path, json.dumps(notice), is_last, "")


def looked(landing, *messages):
    found = named(messages, str(landing), {})
    faults = {source: (fault.reason, fault.field) for source, fault in refused_notices(found.refused).items()}
    return sorted(found.files), faults, [each.id for each in found.missing]


def test_a_dump_that_is_as_it_was_said_is_read(landing):
    content = (landing / "canonical/a.jsonl").read_bytes()
    said = {"bytes": len(content), "sha256": hashlib.sha256(content).hexdigest()}
    assert looked(landing, message("canonical/a.jsonl", landing, **said)) == (["canonical/a.jsonl"], {}, [])


def test_a_file_of_a_run_brings_the_others_of_it_along(landing):
    assert looked(landing, message(f"{RUN}.borg.json", landing)) == ([f"{RUN}.borg.json", f"{RUN}.exit"], {}, [])


@pytest.mark.parametrize(
    ("dump", "field"), [({"bytes": 2}, "dump.bytes"), ({"bytes": 3, "sha256": "0" * 64}, "dump.sha256")]
)
def test_a_dump_of_another_size_or_hash_is_not_read(landing, dump, field):
    refused = {"notices/canonical/a.jsonl": ("dump_changed", field)}
    assert looked(landing, message("canonical/a.jsonl", landing, **dump)) == ([], refused, [])


def test_a_dump_that_is_not_there_is_waited_for_until_the_notice_comes_no_more(landing):
    assert looked(landing, message("canonical/b.jsonl", landing)) == ([], {}, ["canonical/b.jsonl"])
    refused = {"notices/canonical/b.jsonl": ("dump_missing", "dump.uri")}
    last = message("canonical/b.jsonl", landing, is_last=True)
    assert looked(landing, last) == ([], refused, ["canonical/b.jsonl"])


def test_a_folder_is_no_dump(landing):
    assert looked(landing, message("borg/nas1", landing)) == ([], {}, ["borg/nas1"])


def test_a_refused_notice_keeps_what_it_said(landing):
    found = named([Message("7", "no JSON", False, "")], str(landing), {})
    [(source, fault)] = refused_notices(found.refused).items()
    assert (source, fault.reason, fault.text) == ("notices/7", "bad_json", b"no JSON")


def test_one_message_that_comes_twice_is_one_notice(landing):
    twice = [message("canonical/a.jsonl", landing)] * 2 + [Message("7", "x", False, "")] * 2
    assert looked(landing, *twice) == (["canonical/a.jsonl"], {"notices/7": ("bad_json", None)}, [])
