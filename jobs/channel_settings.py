"""`[alerts]`, and channels as a person sets them in `[channels.NAME]`: typed, strict.

No fault repeats a value: it may be a secret.
"""

from __future__ import annotations

import difflib
import re
from collections.abc import Callable, Mapping
from dataclasses import MISSING, dataclass, fields
from typing import Any, get_type_hints
from urllib.parse import urlsplit

LOOPBACK = ("localhost", "127.0.0.1", "::1")


@dataclass(frozen=True)
class Alerts:
    """What is told, and how often that is tried."""

    max_age_days: int
    attempts: int
    fleet_devices: int
    no_run_hours: int
    reject_records: int


@dataclass(frozen=True)
class Jsonl:
    """A file to which each message is appended as a line."""

    name: str
    path: str
    tenants: tuple[str, ...] = ()  # none: all
    about: tuple[str, ...] = ()  # of ABOUT; none: all


@dataclass(frozen=True)
class Webhook:
    """An address to which each message is posted as JSON."""

    name: str
    url: str
    token_env: str = ""  # variable with the bearer token
    tenants: tuple[str, ...] = ()
    about: tuple[str, ...] = ()


@dataclass(frozen=True)
class Smtp:
    """A mail server, and whom each message is for."""

    name: str
    host: str
    sender: str
    to: tuple[str, ...]
    port: int = 587
    security: str = "starttls"
    user: str = ""
    password_env: str = ""  # variable with the password
    tenants: tuple[str, ...] = ()
    about: tuple[str, ...] = ()


@dataclass(frozen=True)
class Sns:
    """A topic of Amazon SNS to which each message is published."""

    name: str
    topic: str  # its ARN
    tenants: tuple[str, ...] = ()
    about: tuple[str, ...] = ()


Channel = Jsonl | Webhook | Smtp | Sns
KINDS: Mapping[str, type[Channel]] = {"jsonl": Jsonl, "webhook": Webhook, "smtp": Smtp, "sns": Sns}
TOPIC_ARN = re.compile(r"arn:aws[\w-]*:sns:[a-z0-9-]+:[0-9]{12}:[\w-]{1,256}(\.fifo)?", re.ASCII)
ABOUT = ("episodes", "operations")
SECURITY = ("starttls", "tls", "none")
TYPES = {str: "text", int: "a whole number", tuple[str, ...]: "a list of texts"}


def channels_of(given: Any, faults: list[str]) -> dict[str, Channel]:
    """The channels of a configuration by name; what is wrong with others is added to `faults`."""
    channels = {}
    for name, settings in given.items():
        at, kind = f"channels.{name}", settings.get("kind") if isinstance(settings, dict) else None
        if not isinstance(settings, dict):
            faults.append(f"{at}: must be a table of keys")
        elif not re.fullmatch(r"[\w-]+", name, re.ASCII):
            faults.append(f"{at}: a name has letters, digits, - and _ alone")
        elif kind not in tuple(KINDS):
            faults.append(f"{at}.kind: must be one of {', '.join(KINDS)}")
        else:
            own = {key: tuple(v) if isinstance(v, list) else v for key, v in settings.items() if key != "kind"}
            found = _key_faults(KINDS[kind], own)
            if not found:
                make: Callable[..., Channel] = KINDS[kind]
                channels[name] = make(name=name, **own)
                found = _value_faults(channels[name])
            faults += [f"{at}{fault}" for fault in found]
    return channels


def _key_faults(kind: type[Channel], settings: Mapping[str, Any]) -> list[str]:
    hints = get_type_hints(kind)
    keys = {field.name: field.default is MISSING for field in fields(kind) if field.name != "name"}
    faults = []
    for key in settings:
        if key not in keys:
            close = difflib.get_close_matches(key, keys, n=1)
            faults.append(f': unknown key "{key}"' + (f' (did you mean "{close[0]}"?)' if close else ""))
    faults += [f".{key}: is missing" for key, is_needed in keys.items() if is_needed and not settings.get(key)]
    known = {key: value for key, value in settings.items() if key in keys}
    return faults + [f".{k}: must be {TYPES[hints[k]]}" for k, v in known.items() if not _fits(v, hints[k])]


def _fits(value: Any, wanted: Any) -> bool:
    if isinstance(value, tuple):
        return wanted not in (str, int) and bool(value) and all(type(item) is str and item for item in value)
    return type(value) is wanted


def _value_faults(channel: Channel) -> list[str]:
    names = {field.name: getattr(channel, field.name) for field in fields(channel) if field.name.endswith("_env")}
    wrong = [key for key, name in names.items() if name and not re.fullmatch(r"(?!UDA_)[A-Z_a-z]\w*", name, re.ASCII)]
    faults = [f".{key}: must be the name of a variable that does not begin with UDA_, not a value" for key in wrong]
    if not set(channel.about) <= set(ABOUT):
        faults.append(f".about: must be a list of {', '.join(ABOUT)}")
    own: Mapping[type[Channel], Callable[[Any], list[str]]] = {
        Jsonl: _jsonl,
        Webhook: _webhook,
        Smtp: _smtp,
        Sns: _sns,
    }
    return faults + own[type(channel)](channel)


def _jsonl(channel: Jsonl) -> list[str]:
    # Cron stands in another folder than a person.
    return [] if channel.path.startswith("/") else [".path: must be absolute"]


def _webhook(channel: Webhook) -> list[str]:
    try:
        url = urlsplit(channel.url)
        is_address = url.scheme in ("http", "https") and bool(url.hostname) and (url.port is None or url.port > 0)
    except ValueError:
        is_address = False
    if not is_address or not re.fullmatch(r"[!-~]+", channel.url):
        return [".url: must be an address like https://siem.example.org/alerts"]
    if url.username is not None or url.password is not None:
        return [".url: must hold no user or password; name a variable with token_env"]
    is_plain = url.scheme == "http" and url.hostname not in LOOPBACK
    return [".url: must be https, for a token goes with it"] if channel.token_env and is_plain else []


def _sns(channel: Sns) -> list[str]:
    return [] if TOPIC_ARN.fullmatch(channel.topic) else [".topic: must be an ARN like arn:aws:sns:…:alerts"]


def _smtp(channel: Smtp) -> list[str]:
    faults = [] if 0 < channel.port < 65_536 else [".port: must be 1 to 65535"]
    if channel.security not in SECURITY:
        faults.append(f".security: must be one of {', '.join(SECURITY)}")
    if bool(channel.user) != bool(channel.password_env):
        faults.append(": user and password_env go together")
    if channel.user and channel.security == "none" and channel.host not in LOOPBACK:
        faults.append(".security: must be starttls or tls, for a password goes with it")
    wrong = [
        key for key, all_ in (("sender", (channel.sender,)), ("to", channel.to)) if not all(map(_is_address, all_))
    ]
    return faults + [f".{key}: must be bare mail addresses, like uda@example.org" for key in wrong]


def _is_address(text: str) -> bool:
    return re.fullmatch(r"[!#-'*+\-/-9=?A-Z^-~.]+@[A-Za-z0-9.-]+", text) is not None
