"""A key file is its owner's alone, made once, and no error says what it holds."""

from __future__ import annotations

import json
import os
import stat
from pathlib import Path

import pytest

from jobs.config import load_config
from jobs.errors import ConfigError
from jobs.keys import check_keys, make_key, read_key
from tests.fast.sealed.messages import key_file

ARN = "arn:aws:kms:eu-central-1:111122223333:key/0f9d2a3b-1111-2222-3333-444455556666"


def refusal(path):
    with pytest.raises(ConfigError) as raised:
        read_key(path)
    assert raised.value.__cause__ is None
    return str(raised.value)


def test_a_new_key_is_its_owners_alone_whatever_the_umask_and_another_one_each_time(tmp_path):
    before = os.umask(0)
    try:
        names = [make_key(tmp_path / f"{name}.json") for name in ("one", "two")]
    finally:
        os.umask(before)
    found = [read_key(tmp_path / f"{name}.json") for name in names]
    assert names == [key.key_id for key in found] == ["one", "two"]
    assert len({key.key for key in found}) == 2
    assert {len(key.key) for key in found} == {32}
    assert {stat.S_IMODE(file.stat().st_mode) for file in tmp_path.iterdir()} == {0o600}


def test_a_key_is_never_written_over_nor_through_a_link(tmp_path):
    held = key_file(tmp_path, "held", 65).read_bytes()
    (tmp_path / "link.json").symlink_to(tmp_path / "nowhere.json")
    for name in ("held.json", "link.json"):
        with pytest.raises(ConfigError, match="never overwritten"):
            make_key(tmp_path / name)
    assert (tmp_path / "held.json").read_bytes() == held
    assert not (tmp_path / "nowhere.json").exists()


@pytest.mark.parametrize("mode", [0o640, 0o604, 0o660, 0o610, 0o601, 0o777])
def test_a_key_file_that_others_may_use_is_refused_with_what_to_type(tmp_path, mode):
    file = key_file(tmp_path, "site", 65)
    file.chmod(mode)
    assert f"chmod 600 {file}" in refusal(file)


@pytest.mark.parametrize("mode", [0o600, 0o400])
def test_a_key_file_of_its_owner_alone_is_read(tmp_path, mode):
    file = key_file(tmp_path, "site", 65)
    file.chmod(mode)
    assert read_key(file).key == b"A" * 32


def test_what_is_no_regular_file_is_refused_without_waiting_for_it(tmp_path):
    file = key_file(tmp_path, "site", 65)
    (tmp_path / "link").symlink_to(file)
    os.mkfifo(tmp_path / "pipe", 0o600)
    assert "is a link" in refusal(tmp_path / "link")
    assert "no regular file" in refusal(tmp_path / "pipe")
    assert "no regular file" in refusal(tmp_path)
    assert "No such file" in refusal(tmp_path / "gone")


@pytest.mark.parametrize(
    "change",
    [
        {"provider": "aws-kms"},
        {"key_name": ""},
        {"key_name": 7},
        {"key_base64": "QUFBQUFB"},
        {"key_base64": "QUFB*"},
        {"key_base64": None},
        None,
    ],
)
def test_what_holds_no_key_is_refused_without_a_word_of_what_it_holds(tmp_path, change):
    file = key_file(tmp_path, "site", 65)
    file.write_text("QUFBQUFB" if change is None else json.dumps(json.loads(file.read_text()) | change))
    said = refusal(file)
    assert said == f"{file}: holds no key of uda-local; make one with uda seal --new-key"


def test_every_key_file_that_can_not_be_used_is_named(tmp_path):
    files = {name: str(key_file(tmp_path, name, 65)) for name in ("good", "open")}
    Path(files["open"]).chmod(0o644)
    with pytest.raises(ConfigError) as raised:
        check_keys(files | {"other": files["good"]})
    first, second = str(raised.value).splitlines()
    assert "open.json: others" in first
    assert 'holds the key "good"' in second


def test_a_key_shows_itself_nowhere(tmp_path):
    key = read_key(key_file(tmp_path, "site", 65))
    assert "AAAA" not in f"{key} {key!r}"


def test_keys_are_configured_by_id_name_and_tenant(tmp_path):
    said = (
        f'[sealed.key_files]\nsite = "/k.json"\n[sealed.kms_keys]\ncloud = "{ARN}"\n[sealed.tenants]\ncloud = "acme"\n'
    )
    (tmp_path / "c.toml").write_text(said)
    keys = load_config(tmp_path / "c.toml", {}).sealed
    assert (keys.key_files, keys.kms_keys, keys.tenants) == ({"site": "/k.json"}, {"cloud": ARN}, {"cloud": "acme"})


@pytest.mark.parametrize(
    ("said", "fault"),
    [
        ('[sealed.key_files]\nsite = "k.json"', 'sealed.key_files."site": must be an absolute path'),
        ('[sealed.kms_keys]\ncloud = "alias/x"', "must be a key's ARN"),
        (f'[sealed.kms_keys]\na = "{ARN}"\nb = "{ARN}"', "stands there twice"),
        (f'[sealed.key_files]\na = "/k.json"\n[sealed.kms_keys]\na = "{ARN}"', '"a" stands there twice'),
        ('[sealed.tenants]\nsite = "acme"', 'sealed.tenants."site": neither in key_files nor in kms_keys'),
        ("[sealed.key_files]\nsite = 7", "key_files.site: must be text"),
        ('[sealed]\nkey = "QUFB"', 'unknown key "key"'),
    ],
)
def test_faults_in_the_keys_section_are_said(tmp_path, said, fault):
    (tmp_path / "c.toml").write_text(said)
    with pytest.raises(ConfigError) as raised:
        load_config(tmp_path / "c.toml", {})
    assert fault in str(raised.value)
