"""Notices: messages that a backup is complete. Each only points to its dump, which lies below the landing folder."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from jobs.files import bare, delta_rs_address
from jobs.ingest.arrivals import CANONICAL, tenant_of
from jobs.ingest.outcomes import RefusedError
from jobs.ingest.products import READERS
from jobs.ingest.stems import DRAFTS

SCHEMA = "uda.backup_complete/1"
TEXTS = ("tenant_id", "product", "device_id", "backup_id", "completed_at")
SHA256 = re.compile("[0-9a-f]{64}")
LONGEST_PATH = 1024  # bytes, of S3's keys


@dataclass(frozen=True)
class Notice:
    """What a notice says of its dump: the path below the landing folder, size and hash (hex); None: not said."""

    path: str
    bytes: int | None
    sha256: str | None


def notice_of(body: str, landing: str, tenants: Mapping[str, str]) -> Notice:
    """The notice that a message holds: in SNS's envelope, or by itself as with raw delivery.

    Parameters
    ----------
    body : str
        The message; fields that no notice has are passed over, and so is `data_key`: what is sealed says itself by
        which key.
    landing : str
        Address of the landing folder, the only place from which dumps are read.
    tenants : mapping
        Landing prefix = tenant.

    Raises
    ------
    RefusedError
        It is no notice, or its dump is none that may be read.
    """
    said = _object(body, "the message")
    if "schema" not in said and isinstance(said.get("Message"), str):
        said = _object(said["Message"], "Message")
    if said.get("schema") != SCHEMA:
        raise RefusedError("bad_value", f"schema must be {SCHEMA!r}", "schema")
    for name in TEXTS:
        if not isinstance(said.get(name, ""), str):
            raise RefusedError("bad_value", f"{name} must be text", name)
    dump = said.get("dump")
    if not isinstance(dump, dict) or not isinstance(dump.get("uri"), str):
        raise RefusedError("missing_field", "dump.uri is missing; it is the address of the dump", "dump.uri")
    size, sha256 = dump.get("bytes"), dump.get("sha256")
    if size is not None and (type(size) is not int or size < 0):
        raise RefusedError("bad_number", "dump.bytes must be a whole number from 0 on", "dump.bytes")
    if sha256 is not None and not (isinstance(sha256, str) and SHA256.fullmatch(sha256)):
        raise RefusedError("bad_value", "dump.sha256 must be 64 hexadecimal digits, in small letters", "dump.sha256")
    path = _path(dump["uri"], landing)
    owner = tenant_of(path, tenants)
    if owner is not None and said.get("tenant_id", owner) != owner:
        detail = "tenant_id is not the tenant of the dump's landing prefix; land it under its own"
        raise RefusedError("foreign_tenant", detail, "tenant_id")
    return Notice(path, size, sha256)


def _object(text: str, what: str) -> dict[str, Any]:
    try:
        said = json.loads(text)
    except (ValueError, RecursionError):
        said = None
    if not isinstance(said, dict):
        raise RefusedError("bad_json", f"{what} is not one JSON object; send one notice a message")
    return said


def _path(uri: str, landing: str) -> str:
    """The path of an address below the landing folder; it is compared as it is written, and nothing in it decoded."""
    place = f"{_written(landing)}/"
    path = _written(uri).removeprefix(place)
    if not _written(uri).startswith(place) or any(part in ("", ".", "..") for part in path.split("/")):
        raise RefusedError("dump_outside", "dump.uri is no file below the landing folder; land it there", "dump.uri")
    folder, _, _ = path.partition("/")
    is_hidden = any(part.startswith(("_", ".")) for part in path.split("/")) or path.endswith(DRAFTS)
    is_text = path.isprintable() and len(path.encode(errors="replace")) <= LONGEST_PATH
    if is_hidden or not is_text or folder == path or folder not in (CANONICAL, *READERS):
        known = ", ".join(sorted((CANONICAL, *READERS)))
        detail = f"dump.uri must name a file that is read, in one of these folders of the landing: {known}"
        raise RefusedError("dump_outside", detail, "dump.uri")
    return path


def _written(address: str) -> str:
    """An address in one of its several ways of being written: s3://bucket/key, or an absolute path."""
    if "://" in address and not address.startswith("file:"):
        return delta_rs_address(address).rstrip("/")
    return f"/{bare(address)}".rstrip("/") if address.startswith(("file:", "/")) else ""
