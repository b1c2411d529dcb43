"""`uda seal`: a dump becomes a message, a key file is made; whole or not at all, and nothing is overwritten."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from jobs.cli import main
from jobs.keys import read_key
from tests.fast.sealed.messages import CONTEXT, SECRET, STEM, dump, files_with, key_file

NAMES = [f"{name}={value}" for name, value in CONTEXT.items()]


@pytest.fixture
def landing(tmp_path, monkeypatch):
    """A folder of insync with a dump in it, and a key file; the working directory has no configuration."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("UDA_CONFIG", raising=False)
    folder = tmp_path / "insync" / "laptop-2"
    folder.mkdir(parents=True)
    (tmp_path / f"{STEM}.jsonl").write_bytes(dump())
    key_file(tmp_path, "site-1", 65)
    (tmp_path / "keys.toml").write_text(f'[sealed.key_files]\n"site-1" = "{tmp_path}/site-1.json"\n')
    return folder


def test_what_is_sealed_is_what_uda_read_reads(landing, capsys):
    out = landing / f"{STEM}.jsonl.enc"
    assert main(["seal", f"{STEM}.jsonl", "--key-file", "site-1.json", "--context", *NAMES, "--out", str(out)]) == 0
    assert capsys.readouterr().out == f"{out}\n"
    assert main(["read", "insync", "insync", "--config", "keys.toml"]) == 0
    said = capsys.readouterr()
    assert (json.loads(said.out)["backup_id"], said.err) == ("77", "")
    assert main(["read", "insync", "insync"]) == 0
    said = capsys.readouterr()
    assert (said.out, json.loads(said.err)["reason"]) == ("", "no_key")


def test_the_sealed_file_stands_beside_the_plain_one_by_default_and_holds_no_plain_text(landing):
    assert main(["seal", f"{STEM}.jsonl", "--key-file", "site-1.json"]) == 0
    assert sorted(file.name for file in Path().glob(f"{STEM}*")) == [f"{STEM}.jsonl", f"{STEM}.jsonl.enc"]
    assert [file.name for file in files_with(Path(), SECRET.encode())] == [f"{STEM}.jsonl"]
    assert [file.name for file in files_with(Path(), b"A" * 32, b"QUFBQUFB")] == ["site-1.json"]


def test_nothing_is_overwritten(landing, capsys):
    Path(f"{STEM}.jsonl.enc").write_text("mine")
    assert main(["seal", f"{STEM}.jsonl", "--key-file", "site-1.json"]) == 1
    assert "is there already" in capsys.readouterr().err
    assert Path(f"{STEM}.jsonl.enc").read_text() == "mine"


def test_a_file_that_can_not_be_written_leaves_no_half_of_it(landing, capsys):
    (landing / f"{STEM}.jsonl.enc.tmp").mkdir()
    out = landing / f"{STEM}.jsonl.enc"
    assert main(["seal", f"{STEM}.jsonl", "--key-file", "site-1.json", "--out", str(out)]) == 1
    assert "cannot be written" in capsys.readouterr().err
    assert not out.exists()


def test_a_new_key_seals_and_the_line_that_is_printed_configures_it(landing, capsys):
    assert main(["seal", "--new-key", "fresh.json"]) == 0
    Path("fresh.toml").write_text(said := capsys.readouterr().out)
    key = read_key(Path("fresh.json"))
    assert key.key.hex() not in said
    out = str(landing / f"{STEM}.jsonl.enc")
    assert main(["seal", f"{STEM}.jsonl", "--key-file", "fresh.json", "--out", out]) == 0
    capsys.readouterr()
    assert main(["read", "insync", "insync", "--config", "fresh.toml"]) == 0
    assert json.loads(capsys.readouterr().out)["backup_id"] == "77"
    assert main(["seal", "--new-key", "fresh.json"]) == 2
    assert read_key(Path("fresh.json")) == key


@pytest.mark.parametrize(
    "arguments",
    [
        ("x.jsonl",),
        ("x.jsonl", "--key-file", "site-1.json", "--kms-key", "k"),
        ("x.jsonl", "--key-file", "site-1.json", "--context", "host=nas"),
        ("x.jsonl", "--key-file", "site-1.json", "--context", "device_id="),
        ("x.jsonl", "--key-file", "site-1.json", "--out", "x.sealed"),
        ("--key-file", "site-1.json"),
        ("x.jsonl", "--new-key", "y.json"),
        ("--new-key", "y.json", "--context", "device_id=nas"),
        ("x.jsonl", "--key-file", "gone.json"),
    ],
    ids=" ".join,
)
def test_wrong_usage_is_status_2_and_leaves_nothing(landing, capsys, arguments):
    Path("x.jsonl").write_bytes(dump())
    before = sorted(Path().rglob("*"))
    try:
        status = main(["seal", *arguments])
    except SystemExit as left:
        status = left.code
    assert (status, sorted(Path().rglob("*"))) == (2, before)
    said = capsys.readouterr()
    assert said.out == ""
    assert said.err.startswith("u")


def test_a_file_that_is_not_there_is_named(landing, capsys):
    assert main(["seal", "gone.jsonl", "--key-file", "site-1.json"]) == 1
    assert "gone.jsonl: cannot be read (No such file or directory)" in capsys.readouterr().err


def test_only_what_is_sealed_waits_for_the_library_of_messages(landing):
    (landing / f"{STEM}.jsonl").write_bytes(dump())
    code = "import sys; from jobs.cli import main; main(['read', 'insync', 'insync'])"
    code += "; assert not {'aws_encryption_sdk', 'boto3', 'botocore', 'cryptography'} & set(sys.modules)"
    paths = {"PYTHONPATH": str(Path(__file__).resolve().parents[3]), "PATH": "/usr/bin:/bin"}
    subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, env=paths)
