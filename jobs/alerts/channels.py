"""Sending one message through one channel: with `sns` the only code that writes or connects to anything but the lake.

At least once: a message may come twice, and carries its alert_id each time.
"""

from __future__ import annotations

import json
import os
import smtplib
import socket
import ssl
from collections.abc import Mapping
from datetime import datetime
from email.message import EmailMessage
from email.policy import SMTP
from http import HTTPStatus
from typing import Any
from urllib.error import HTTPError
from urllib.request import HTTPRedirectHandler, Request, build_opener

from jobs import __version__
from jobs.alerts.conditions import Operation
from jobs.alerts.ocsf import detection_finding
from jobs.alerts.told import Told
from jobs.alerts.words import mail_text, title
from jobs.channel_settings import Channel, Jsonl, Smtp, Sns, Webhook
from jobs.errors import UdaError
from jobs.report.words import visible

TIMEOUT_SECONDS = 5.0  # of each answer that is waited for
LONGEST_ERROR = 200  # characters


def send(channel: Channel, event: Told, owed_at: datetime, environment: Mapping[str, str]) -> None:
    """Send the event; return once the receiver has it.

    Parameters
    ----------
    owed_at : datetime
        When it was found: the date of a mail, the time of a finding.
    environment : mapping
        Variables that the channel's secrets are in.

    Raises
    ------
    UdaError
        It was not taken; one line, without any secret.
    """
    secret = ""
    try:
        secret = _secret(channel, environment)
        if isinstance(channel, Jsonl):
            _append_line(channel, event, owed_at)
        elif isinstance(channel, Webhook):
            _post(channel, event, owed_at, secret)
        elif isinstance(channel, Sns):
            _publish(channel, event, owed_at)
        else:
            _mail(channel, event, owed_at, secret)
    except Exception as error:  # whatever a channel does is its own failure, and no other's
        raise UdaError(_said(error, secret)) from None


def _secret(channel: Channel, environment: Mapping[str, str]) -> str:
    """The channel's secret; empty where it needs none."""
    name = {Webhook: "token_env", Smtp: "password_env"}.get(type(channel))
    variable = getattr(channel, name) if name else ""
    secret = environment.get(variable, "").strip() if variable else ""
    if variable and not secret:
        raise UdaError(f"the environment variable {variable} is not set")
    if not (secret.isascii() and secret.isprintable()):  # libraries would say it in their errors, escaped
        raise UdaError(f"the environment variable {variable} holds more than one line, or is not ASCII")
    return secret


def _said(error: Exception, secret: str) -> str:
    """What went wrong, in one line. A receiver may say what it likes, the secret included."""
    if isinstance(error, HTTPError):
        error.close()
        is_known = error.code in {status.value for status in HTTPStatus}
        return f"HTTP {error.code} {HTTPStatus(error.code).phrase if is_known else ''}".strip()
    if isinstance(error, smtplib.SMTPAuthenticationError):
        return f"SMTP {error.smtp_code}: user or password refused"
    if isinstance(error, smtplib.SMTPResponseException):
        told = error.smtp_error
        text = f"SMTP {error.smtp_code} {told.decode('utf-8', 'replace') if isinstance(told, bytes) else told}"
    else:
        text = str(getattr(error, "reason", error)) or type(error).__name__
    text = (text.replace(secret, "***") if secret else text).strip()
    return visible(text.partition("\n")[0].strip())[:LONGEST_ERROR] or type(error).__name__


def _json(event: Told, owed_at: datetime) -> str:
    return json.dumps(detection_finding(event, owed_at), allow_nan=False)


def _append_line(channel: Jsonl, event: Told, owed_at: datetime) -> None:
    """One line at the end of the file, on disk, whole or not at all."""
    line = _json(event, owed_at).encode() + b"\n"
    file = os.open(channel.path, os.O_RDWR | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC, 0o640)
    try:
        before = os.fstat(file).st_size
        if before and os.pread(file, 1, before - 1) != b"\n":  # another writer's line was cut: it stays the only one
            line = b"\n" + line
        if os.write(file, line) != len(line):
            os.ftruncate(file, before)
            raise OSError("no space left for a whole line")
        os.fsync(file)
    finally:
        os.close(file)


class _NoRedirect(HTTPRedirectHandler):
    """A redirected POST would come as a GET without its body, at an address that nobody configured."""

    def redirect_request(self, *_: Any) -> None:
        return None


def _post(channel: Webhook, event: Told, owed_at: datetime, token: str) -> None:
    headers = {
        "Content-Type": "application/json",
        "Idempotency-Key": event.alert_id,
        "User-Agent": f"open-uda/{__version__}",
    }
    if token:
        headers["Authorization"] = f"Bearer {token}"
    body = _json(event, owed_at).encode()
    request = Request(channel.url, body, headers, method="POST")
    with build_opener(_NoRedirect).open(request, timeout=TIMEOUT_SECONDS):
        pass  # any 2xx; another status is an HTTPError


def _publish(channel: Sns, event: Told, owed_at: datetime) -> None:
    from jobs.alerts.sns import publish  # boto3 takes a fifth of a second, which other channels need not wait for

    attributes = {"event": event.word}
    if event.tenant_id is not None:
        attributes["tenant_id"] = visible(event.tenant_id)
    if isinstance(event, Operation):
        attributes["condition"] = event.condition
    else:
        attributes["anomaly_kind"] = event.anomaly["anomaly_kind"]
    publish(channel.topic, _json(event, owed_at), title(event), attributes, event.episode_id, event.alert_id)


def _mail(channel: Smtp, event: Told, owed_at: datetime, password: str) -> None:
    message = mail(channel, event, owed_at)
    here = socket.gethostname()  # smtplib itself would ask the name service, which may take minutes
    context = ssl.create_default_context()
    if channel.security == "tls":
        server: smtplib.SMTP = smtplib.SMTP_SSL(
            channel.host, channel.port, here, timeout=TIMEOUT_SECONDS, context=context
        )
    else:
        server = smtplib.SMTP(channel.host, channel.port, here, timeout=TIMEOUT_SECONDS)
    with server:
        if channel.security == "starttls":
            server.starttls(context=context)
        if password:
            server.login(channel.user, password)
        refused = server.send_message(message)
    if refused:  # some of the recipients; the others have it, and get it again
        raise UdaError(f"refused for {', '.join(sorted(refused))}")


def mail(channel: Smtp, event: Told, owed_at: datetime) -> EmailMessage:
    """The event as a plain text mail, whose Message-ID is the alert's id."""
    message = EmailMessage(policy=SMTP)
    message["From"] = channel.sender
    message["To"] = ", ".join(channel.to)
    message["Subject"] = title(event)
    message["Date"] = owed_at
    message["Message-ID"] = f"<{event.alert_id}@{channel.sender.rpartition('@')[2]}>"
    message["Auto-Submitted"] = "auto-generated"  # no out-of-office reply, RFC 3834
    message.set_content(mail_text(event))
    return message
