"""Wrapping keys: files that hold one, made, and read if nobody else can; an error says no byte of what they hold."""

from __future__ import annotations

import base64
import binascii
import errno
import json
import os
import re
import secrets
import stat
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

from jobs.errors import ConfigError

PROVIDER = "uda-local"  # who wrapped a data key, as a message says it
KEY_BYTES = 32  # AES-256
LONGEST = 4096  # bytes of a key file; one has a hundred
KMS_ARN = re.compile(r"arn:[\w-]+:kms:[\w-]+:\d+:key/[\w-]+")
OTHERS = stat.S_IRWXG | stat.S_IRWXO


@dataclass(frozen=True)
class LocalKey:
    """A wrapping key and its id, which a message names."""

    key_id: str
    key: bytes = field(repr=False)  # else a traceback with local values would show it


def read_key(path: Path) -> LocalKey:
    """The key that a file holds.

    Raises
    ------
    ConfigError
        It is no regular file, others than its owner may use it, or it holds no key; the message says how to mend it.
    """
    held = _read_alone(path)
    try:
        said = json.loads(held)
        key = base64.b64decode(said["key_base64"], validate=True)
        is_key = said["provider"] == PROVIDER and len(key) == KEY_BYTES
        key_id = said["key_name"]
        if is_key and isinstance(key_id, str) and key_id:
            return LocalKey(key_id, key)
    except (ValueError, TypeError, KeyError, RecursionError, binascii.Error):
        pass  # what went wrong would quote what the file holds
    raise ConfigError(f"{path}: holds no key of {PROVIDER}; make one with uda seal --new-key")


def make_key(path: Path) -> str:
    """Write a new key into a new file that only its owner may use; return the key's id, the file's name.

    Raises
    ------
    ConfigError
        The file is there already, or can't be written.
    """
    said = {"provider": PROVIDER, "key_name": path.stem}
    said["key_base64"] = base64.b64encode(secrets.token_bytes(KEY_BYTES)).decode()
    try:
        # Exclusive: not even a link that leads nowhere is followed, so that no key is ever written over.
        place = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
    except FileExistsError:
        raise ConfigError(f"{path}: is there already; a key is never overwritten, name another file") from None
    except OSError as error:
        raise ConfigError(f"{path}: cannot be written ({error.strerror})") from None
    try:
        with os.fdopen(place, "w", encoding="utf-8") as stream:
            stream.write(json.dumps(said, indent=1) + "\n")
    except BaseException:  # half a key is none
        with suppress(OSError):
            path.unlink()
        raise
    return path.stem


def configured_key(key_id: str, path: str) -> LocalKey:
    """The key that a configured file holds, as `read_key`.

    Raises
    ------
    ConfigError
        Also where it holds a key of another id.
    """
    found = read_key(Path(path))
    if found.key_id != key_id:
        raise ConfigError(f'{path}: holds the key "{found.key_id}"; name that under [sealed.key_files], not "{key_id}"')
    return found


def check_keys(files: Mapping[str, str]) -> None:
    """See that each file, by key id, can be used and holds that key.

    Raises
    ------
    ConfigError
        One line for every file that can't, and how to mend it.
    """
    faults = []
    for key_id, path in files.items():
        try:
            configured_key(key_id, path)
        except ConfigError as error:
            faults.append(str(error))
    if faults:
        raise ConfigError("\n".join(faults))


def shown(name: str) -> str:
    """A name out of a message or a path as errors may say it: cut, and without what a terminal would act on."""
    return ascii(name[:200])


def _read_alone(path: Path) -> bytes:
    try:
        # Neither followed, so that nobody can put another file in its place, nor waited for, as a pipe would be.
        place = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
    except OSError as error:
        is_link = error.errno == errno.ELOOP
        todo = "it is a link; name the file itself" if is_link else f"no key can be read from it ({error.strerror})"
        raise ConfigError(f"{path}: {todo}") from None
    try:
        mode = os.fstat(place).st_mode
        if not stat.S_ISREG(mode):
            raise ConfigError(f"{path}: is no regular file; name a file that holds a key")
        if mode & OTHERS:
            raise ConfigError(f"{path}: others than its owner may use this key file; type chmod 600 {path}")
        return os.read(place, LONGEST)
    finally:
        os.close(place)


def key_faults(key_files: Mapping[str, str], kms_keys: Mapping[str, str], tenants: Mapping[str, str]) -> list[str]:
    """What is wrong with the table [sealed] of a configuration, a line a fault; its tables as they are there."""
    # A relative path would be another file for each task, an alias another key from one day to the next.
    faults = [f'sealed.key_files."{n}": must be an absolute path' for n, p in key_files.items() if p[:1] != "/"]
    wrong = [name for name, arn in kms_keys.items() if not KMS_ARN.fullmatch(arn)]
    faults += [f'sealed.kms_keys."{name}": must be a key\'s ARN, as in arn:aws:kms:…:key/…' for name in wrong]
    said = [*key_files, *kms_keys, *kms_keys.values()]
    twice = sorted({name for name in said if said.count(name) > 1})
    faults += [f'sealed: "{name}" stands there twice; a key has one name' for name in twice]
    unknown = sorted(tenants.keys() - key_files.keys() - kms_keys.keys())
    return faults + [f'sealed.tenants."{name}": neither in key_files nor in kms_keys' for name in unknown]
