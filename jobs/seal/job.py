"""Seal: a file becomes a message that only who has the wrapping key can open, or change unseen."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import TextIO

from jobs.errors import ConfigError, UdaError
from jobs.ingest.arrivals import SEAL, is_sealed
from jobs.keys import make_key, read_key


def seal_file(
    file: Path, key_file: Path | None, kms_key: str | None, context: Mapping[str, str], out: Path | None, say: TextIO
) -> None:
    """Write the file's content, sealed, into a new file, whole or not at all, and its name to `say`.

    Parameters
    ----------
    key_file, kms_key : Path or None, str or None
        One of the two: the wrapping key.
    context : mapping
        What is authenticated with the content, in the clear.
    out : Path or None
        The new file; None: the file's name with the seal's ending.

    Raises
    ------
    ConfigError
        The new file is named in another way, or the key file can't be used.
    UdaError
        A file can't be read or written, is there already, is too large, or KMS gives no data key.
    """
    from jobs.envelope import FRAME, LARGEST, kms_master, local_master, seal  # a library that help need not wait for

    sealed = out or file.with_name(file.name + SEAL)
    if not is_sealed(sealed.name):
        raise ConfigError(f"{sealed}: ingest opens only what ends in {SEAL}; name it so")
    if sealed.exists() or sealed.is_symlink():
        raise UdaError(f"{sealed}: is there already; remove it, or name another file with --out")
    try:
        content = file.read_bytes()
    except OSError as error:
        raise UdaError(f"{file}: cannot be read ({error.strerror})") from None
    if len(content) > LARGEST - LARGEST // FRAME * 64:  # each frame has a number, an IV and a tag
        raise UdaError(f"{file}: has more than {LARGEST >> 20} MiB sealed, which ingest refuses; seal it in parts")
    master = local_master(read_key(key_file)) if key_file else kms_master(str(kms_key))
    _write_whole(sealed, seal(content, master, context))
    say.write(f"{sealed}\n")


def new_key(path: Path, say: TextIO) -> None:
    """Make a key file, and say how a configuration names it.

    Raises
    ------
    ConfigError
        The file is there already, or can't be written.
    """
    key_id = make_key(path)
    say.write(f'[sealed.key_files]\n"{key_id}" = "{path.resolve()}"\n')


def _write_whole(file: Path, message: bytes) -> None:
    draft = file.with_name(f"{file.name}.tmp")  # which nobody takes for a landed file
    try:
        draft.write_bytes(message)
        draft.rename(file)
    except OSError as error:
        with suppress(OSError):
            draft.unlink()
        raise UdaError(f"{file}: cannot be written ({error.strerror})") from None


if __name__ == "__main__":
    from jobs.cli import main

    sys.exit(main(["seal", *sys.argv[1:]]))
