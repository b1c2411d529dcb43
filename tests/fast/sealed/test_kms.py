"""Data keys wrapped by AWS KMS: only configured keys are asked, and only an answer about the dump refuses it."""

from __future__ import annotations

import itertools

import pytest

from jobs import envelope
from jobs.cli import main
from jobs.errors import UdaError
from jobs.ingest.stems import Fault
from tests.fast.readers.landed import became
from tests.fast.sealed import kms
from tests.fast.sealed.messages import CONTEXT, dump, opened_run, seals


@pytest.fixture
def server(monkeypatch, tmp_path):
    """KMS on loopback, where the AWS variables say."""
    with kms.serving() as server:
        for name, value in {
            "AWS_ENDPOINT_URL_KMS": f"http://127.0.0.1:{server.server_port}",
            "AWS_ACCESS_KEY_ID": "test",
            "AWS_SECRET_ACCESS_KEY": "test",
            "AWS_REGION": "eu-central-1",
            "AWS_MAX_ATTEMPTS": "1",
            "AWS_CONFIG_FILE": str(tmp_path / "none"),
        }.items():
            monkeypatch.setenv(name, value)
        envelope.kms_master.cache_clear()
        yield server
        envelope.kms_master.cache_clear()


@pytest.fixture
def message(server, tmp_path, monkeypatch):
    """A dump, sealed by the command with the first key."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "dump.jsonl").write_bytes(dump())
    context = [f"{name}={value}" for name, value in CONTEXT.items()]
    assert main(["seal", "dump.jsonl", "--kms-key", f"{kms.ARN}1", "--context", *context]) == 0
    server.asked.clear()
    return (tmp_path / "dump.jsonl.enc").read_bytes()


def with_keys(*numbers, **others):
    return seals(kms_keys={f"key {n}": f"{kms.ARN}{n}" for n in numbers}, **others)


def test_a_dump_whose_data_key_kms_wrapped_is_opened_by_asking_it_once(server, message, tmp_path):
    assert [became(each) for each in opened_run(tmp_path, message, with_keys(1, 2))] == ["complete"]
    assert server.asked == [("Decrypt", f"{kms.ARN}1")]


def test_a_key_that_is_not_configured_is_never_asked_for(server, message, tmp_path):
    for opens in (with_keys(2), seals(), with_keys(1, owners={"key 1": "bolt"})):
        (fault,) = opened_run(tmp_path, message, opens)
        assert fault.reason == "no_key"
        assert f"{kms.ARN}1" in fault.detail
    assert server.asked == []


def test_a_context_that_was_changed_since_is_refused_by_kms(server, message, tmp_path):
    (fault,) = opened_run(tmp_path, message.replace(b"laptop-2", b"laptop-3"), with_keys(1))
    assert (fault.reason, len(server.asked)) == ("unseal_failed", 1)


def test_a_flipped_byte_of_what_kms_wrapped_is_a_reject(server, message, tmp_path):
    opens = with_keys(1)
    for at in itertools.islice(range(len(message)), 0, None, 37):
        flipped = message[:at] + bytes([message[at] ^ 1]) + message[at + 1 :]
        (fault,) = opened_run(tmp_path, flipped, opens)
        assert isinstance(fault, Fault)
        assert fault.reason in ("unseal_failed", "no_key")


@pytest.mark.parametrize("word", ["AccessDeniedException", "DisabledException", "KMSInvalidStateException"])
def test_a_key_that_kms_does_not_let_be_used_is_a_reject_that_says_so(server, message, tmp_path, word, caplog):
    server.refuses = word
    (fault,) = opened_run(tmp_path, message, with_keys(1))
    assert (fault.reason, word in fault.detail) == ("no_key", True)
    assert not caplog.records  # of the library, which would log a traceback


@pytest.mark.parametrize("word", ["ThrottlingException", "KMSInternalException", "ExpiredTokenException"])
def test_kms_being_out_of_order_refuses_no_dump(server, message, tmp_path, word):
    server.refuses = word
    with pytest.raises(UdaError, match=word):
        opened_run(tmp_path, message, with_keys(1))


def test_kms_not_being_there_refuses_no_dump(server, message, tmp_path, monkeypatch):
    monkeypatch.setenv("AWS_ENDPOINT_URL_KMS", "http://127.0.0.1:1")
    envelope.kms_master.cache_clear()
    with pytest.raises(UdaError, match="EndpointConnectionError"):
        opened_run(tmp_path, message, with_keys(1))


def test_sealing_with_a_key_that_kms_refuses_says_its_word_and_leaves_nothing(server, message, tmp_path, capsys):
    server.refuses = "AccessDeniedException"
    assert main(["seal", "dump.jsonl", "--kms-key", f"{kms.ARN}1", "--out", "other.enc"]) == 1
    assert "KMS gives no data key: AccessDeniedException" in capsys.readouterr().err
    assert not (tmp_path / "other.enc").exists()
