"""One message through one channel, to real receivers on loopback: what arrives, and what a failure says."""

import email
import json
import os
import socket
import threading
import time
from email.policy import default

import pytest

from jobs.alerts import channels
from jobs.alerts.channels import send
from jobs.alerts.ocsf import detection_finding
from jobs.channel_settings import Jsonl, Smtp, Webhook
from jobs.errors import UdaError
from tests.fast.alerts.samples import MOMENT, event, started
from tests.fast.alerts.servers import http_server, mail_server
from tests.fast.report.samples import HOSTILE

SECRET = "correct horse battery staple"
START = started()


@pytest.fixture(autouse=True)
def direct(monkeypatch):
    """No proxy between this machine and itself."""
    monkeypatch.setenv("no_proxy", "127.0.0.1")


def failure(channel, environment=None, about=START):
    with pytest.raises(UdaError) as raised:
        send(channel, about, MOMENT, environment or {})
    assert "\n" not in str(raised.value)
    assert raised.value.__cause__ is None
    return str(raised.value)


# --- jsonl ---------------------------------------------------------------------------------------------------------


def test_each_message_is_a_line_of_json_at_the_end_of_the_file(tmp_path):
    file = tmp_path / "alerts.jsonl"
    events = [event("started", device_id=HOSTILE), event("resolved")]
    for about in events:
        send(Jsonl("file", str(file)), about, MOMENT, {})
    lines = file.read_bytes().split(b"\n")
    assert [json.loads(line) for line in lines[:-1]] == [detection_finding(about, MOMENT) for about in events]
    assert lines[-1] == b""
    assert file.stat().st_mode & 0o007 == 0


def test_a_line_that_somebody_else_left_unfinished_spoils_no_other(tmp_path):
    file = tmp_path / "alerts.jsonl"
    file.write_text('{"cut')
    send(Jsonl("file", str(file)), START, MOMENT, {})
    cut, line = file.read_text().splitlines()
    assert cut == '{"cut'
    assert json.loads(line)["metadata"]["uid"] == START.alert_id


def test_what_does_not_fit_leaves_no_part_of_a_line(tmp_path):
    """A limit on the size of files cuts a write as a full disk does."""
    file = tmp_path / "alerts.jsonl"
    send(Jsonl("file", str(file)), START, MOMENT, {})
    whole = file.read_bytes()
    if os.fork() == 0:  # the limit would stay with this process
        import resource
        import signal

        signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
        resource.setrlimit(resource.RLIMIT_FSIZE, (len(whole) + 100, len(whole) + 100))
        try:
            send(Jsonl("file", str(file)), START, MOMENT, {})
        except UdaError as error:
            os._exit(7 if "no space left" in str(error) else 1)
        os._exit(0)
    assert os.waitstatus_to_exitcode(os.wait()[1]) == 7
    assert file.read_bytes() == whole


def test_a_folder_that_is_not_there_is_a_failure_that_says_so(tmp_path):
    assert "No such file or directory" in failure(Jsonl("file", str(tmp_path / "absent" / "alerts.jsonl")))


# --- webhook -------------------------------------------------------------------------------------------------------


def test_a_webhook_gets_the_finding_with_the_alerts_id_as_its_idempotency_key():
    with http_server(202) as server:
        send(Webhook("siem", server.url, token_env="TOKEN"), START, MOMENT, {"TOKEN": f"{SECRET}\n"})
    ((path, headers, body),) = server.got
    assert path == "/alerts"
    assert headers["Idempotency-Key"] == START.alert_id
    assert headers["Content-Type"] == "application/json"
    assert headers["Authorization"] == f"Bearer {SECRET}"
    assert json.loads(body) == detection_finding(START, MOMENT)


@pytest.mark.parametrize(
    ("status", "said"),
    [
        (400, "HTTP 400 Bad Request"),
        (401, "HTTP 401 Unauthorized"),
        (503, "HTTP 503 Service Unavailable"),
        (599, "HTTP 599"),
    ],
)
def test_any_status_but_success_is_a_failure_in_our_words_and_not_the_servers(status, said):
    with http_server(status) as server:
        assert failure(Webhook("siem", server.url)) == said
    assert len(server.got) == 1


def test_a_redirect_is_not_followed_for_the_token_would_go_with_it():
    with http_server(200) as elsewhere, http_server(302, Location=elsewhere.url) as server:
        channel = Webhook("siem", server.url, token_env="TOKEN")
        assert failure(channel, {"TOKEN": SECRET}) == "HTTP 302 Found"
    assert elsewhere.got == []


def test_a_receiver_that_is_not_there_or_does_not_answer_is_a_failure_in_bounded_time(monkeypatch):
    monkeypatch.setattr(channels, "TIMEOUT_SECONDS", 0.2)
    with socket.create_server(("127.0.0.1", 0)) as silent:
        port = silent.getsockname()[1]
        began = time.monotonic()
        assert "timed out" in failure(Webhook("siem", f"http://127.0.0.1:{port}/"))
        assert "timed out" in failure(Smtp("mail", "127.0.0.1", "a@b.c", ("d@e.f",), port=port, security="none"))
        assert time.monotonic() - began < 4
    assert "refused" in failure(Webhook("siem", f"http://127.0.0.1:{port}/"))
    assert "refused" in failure(Smtp("mail", "127.0.0.1", "a@b.c", ("d@e.f",), port=port, security="none"))


# --- secrets -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("environment", [{}, {"TOKEN": ""}, {"TOKEN": " \n"}])
def test_a_secret_that_is_not_there_is_a_failure_that_names_the_variable(environment):
    said = failure(Webhook("siem", "http://127.0.0.1:9/", token_env="TOKEN"), environment)
    assert said == "the environment variable TOKEN is not set"


@pytest.mark.parametrize("secret", [f"{SECRET}\nX-Injected: 1", f"{SECRET}\u00fc"])
def test_a_secret_that_can_not_be_sent_is_refused_without_saying_it(secret):
    with http_server() as server:
        said = failure(Webhook("siem", server.url, token_env="TOKEN"), {"TOKEN": secret})
    assert SECRET not in said
    assert "TOKEN" in said
    assert server.got == []


def said_after(answer):
    """What a failure says if a server that is no HTTP server answers a request so, given its Authorization."""
    with socket.create_server(("127.0.0.1", 0)) as server:

        def serve():
            connection, _ = server.accept()
            with connection:
                given = connection.recv(65_536).partition(b"Authorization: ")[2].partition(b"\r\n")[0]
                connection.sendall(answer(given) + b"\r\n")

        thread = threading.Thread(target=serve)
        thread.start()
        url = f"http://127.0.0.1:{server.getsockname()[1]}/"
        said = failure(Webhook("siem", url, token_env="TOKEN"), {"TOKEN": "s3cr3t"})
        thread.join()
    return said


def test_no_failure_says_the_secret_even_if_the_receiver_does():
    assert said_after(lambda given: b"you said " + given) == "you said Bearer ***"


def test_a_long_answer_is_cut_and_what_is_invisible_in_it_is_shown():
    said = said_after(lambda _: b"\x1b[2J" + b"x" * 1_000)
    assert said == "␛[2J" + "x" * (channels.LONGEST_ERROR - 4)


# --- mail ----------------------------------------------------------------------------------------------------------


def mailbox(server, **settings):
    common = {"host": "127.0.0.1", "port": server.port, "security": "none", "sender": "uda@example.org"}
    return Smtp("mail", **{"to": ("soc@example.org", "ana@example.org"), **common, **settings})


def received(server):
    return [email.message_from_bytes(text, policy=default) for _, text in server.got]


def test_a_mail_is_plain_text_with_the_alerts_id_as_its_message_id():
    with mail_server() as server:
        send(mailbox(server, user="uda", password_env="PASSWORD"), START, MOMENT, {"PASSWORD": SECRET})
    (message,) = received(server)
    assert message["Message-ID"] == f"<{START.alert_id}@example.org>"
    assert message["Subject"] == "Mass deletion on photo-archive"
    assert message["Auto-Submitted"] == "auto-generated"
    assert message["Date"].datetime == MOMENT
    assert message.get_content_type() == "text/plain"
    text = message.get_content()
    assert text.startswith("9,000 files deleted, usually 0 to 3 a backup; 45 % of the device's files.")
    assert "restore b-1 of Wed 11 Mar 2026, 06:14 UTC" in text
    assert f"uda feedback {START.anomaly['anomaly_id']}" in text
    assert server.got[0][0] == {"from": "uda@example.org", "to": ["soc@example.org", "ana@example.org"]}
    assert server.credentials == [["uda", SECRET]]


def test_no_name_from_a_record_adds_a_header_a_line_or_an_invisible_character():
    hostile = "x\r\nBcc: mallory@example.net\r\n\r\n.\r\nMAIL FROM:<a@b.c>\u202e\u2066\x1b[2J" + 300 * "y"
    names = ("tenant_id", "product", "device_id", "backup_id", "reason", "last_good_backup_id")
    with mail_server() as server:
        send(mailbox(server), event("grown", **dict.fromkeys(names, hostile)), MOMENT, {})
    (message,) = received(server)
    assert message["Bcc"] is None
    assert len(message["Subject"]) <= 150
    assert len(server.got) == 1
    shown = message["Subject"] + message.get_content().replace("\r\n", "")
    assert shown.isprintable()
    assert not any(line.startswith(("Bcc", "MAIL", ".")) for line in message.get_content().splitlines())


def test_recipients_that_are_refused_are_a_failure_that_names_them():
    with mail_server(unknown=["ana@example.org"]) as server:
        assert failure(mailbox(server)) == "refused for ana@example.org"
    with mail_server(unknown=["ana@example.org", "soc@example.org"]) as server:
        assert "nobody of that name" in failure(mailbox(server))
        assert server.got == []


def test_a_password_that_is_refused_is_not_repeated_in_any_form():
    with mail_server(is_strict=True) as server:
        said = failure(mailbox(server, user="uda", password_env="PASSWORD"), {"PASSWORD": SECRET})
    assert said == "SMTP 535: user or password refused"


def test_a_server_without_starttls_gets_neither_password_nor_mail_where_starttls_is_asked_for():
    with mail_server() as server:
        said = failure(mailbox(server, security="starttls", user="uda", password_env="PASSWORD"), {"PASSWORD": SECRET})
    assert "STARTTLS" in said
    assert (server.got, server.credentials) == ([], [])


@pytest.mark.parametrize(
    ("word", "subject"),
    [
        ("started", "Mass deletion on photo-archive"),
        ("grown", "Grown to mass deletion on photo-archive"),
        ("resolved", "Resolved: mass deletion on photo-archive"),
    ],
)
def test_the_subject_says_which_event_it_is(word, subject):
    channel = Smtp("mail", "h", "uda@example.org", ("soc@example.org",))
    assert channels.mail(channel, event(word), MOMENT)["Subject"] == subject
