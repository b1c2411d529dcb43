"""The dumps that notices name: whether each is there and as it was said, and the files that belong to it."""

from __future__ import annotations

import hashlib
from collections import defaultdict
from collections.abc import Collection, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace

from jobs.files import File, file_at, files_below, open_file
from jobs.ingest.arrivals import run_of
from jobs.ingest.notices import Notice, notice_of
from jobs.ingest.outcomes import RefusedError
from jobs.ingest.pull import Message
from jobs.ingest.stems import DRAFTS, Fault, fault_with

LOOKS = 8  # at a time: an object store answers slowly
PIECE = 1 << 20  # bytes read at a time
MISSING = "dump.uri names no file, and the notice comes no further time; land the dump, then send the notice anew"


@dataclass
class Named:
    """What messages name: files to read by path below the landing, and messages by what is to become of them."""

    files: dict[str, File] = field(default_factory=dict)
    refused: list[tuple[Message, Fault]] = field(default_factory=list)
    missing: list[Message] = field(default_factory=list)  # whose dump is not there yet


def named(messages: Sequence[Message], landing: str, tenants: Mapping[str, str]) -> Named:
    """Look for the dump of each message.

    A dump that is a file of a tool's run brings the other files of the run with it: a notice says that all are there.
    """
    found = Named()
    notices: list[tuple[Message, Notice]] = []
    for message in messages:
        try:
            notices.append((message, notice_of(message.body, landing, tenants)))
        except RefusedError as error:
            found.refused.append((message, error.fault))
    with ThreadPoolExecutor(LOOKS) as looks:
        dumps = looks.map(lambda each: _dump(landing, each[1]), notices)
        for (message, notice), dump in zip(notices, dumps, strict=True):
            if dump is None:
                found.missing.append(message)
            elif isinstance(dump, Fault):
                found.refused.append((message, dump))
            else:
                found.files[notice.path] = dump
    found.files |= _of_their_runs(landing, found.files)
    found.refused += [(each, Fault("dump_missing", MISSING, "dump.uri")) for each in found.missing if each.is_last]
    return found


def refused_notices(refused: Sequence[tuple[Message, Fault]]) -> dict[str, Fault]:
    """Why messages are refused, by the source that each has in `rejects`; the body is the record."""
    return {
        f"notices/{message.id}": fault_with(
            fault.reason, fault.detail, message.body.encode(errors="replace"), fault.field
        )
        for message, fault in refused
    }


def files_at(landing: str, paths: Collection[str]) -> dict[str, File]:
    """Those of some paths below the landing at which there is a file."""
    with ThreadPoolExecutor(LOOKS) as looks:
        found = zip(paths, looks.map(lambda path: file_at(f"{landing}/{path}"), paths), strict=True)
        return {path: replace(file, path=path) for path, file in found if file is not None}


def _dump(landing: str, notice: Notice) -> File | Fault | None:
    """The dump; a fault: it is another one than was said; None: it is not there, or can't be read now."""
    address = f"{landing}/{notice.path}"
    try:
        file = file_at(address)
        if file is None:
            return None
        if notice.bytes is not None and notice.bytes != file.bytes:
            return Fault("dump_changed", f"the dump has {file.bytes} bytes, not dump.bytes; land it anew", "dump.bytes")
        if notice.sha256 is not None and notice.sha256 != _sha256(address):
            return Fault("dump_changed", "the dump's SHA-256 is not dump.sha256; land it anew", "dump.sha256")
    except OSError:  # an object store that does not answer is asked again the next time
        return None
    return file


def _sha256(address: str) -> str:
    digest = hashlib.sha256()
    with open_file(address) as stream:
        while piece := stream.read(PIECE):
            digest.update(piece)
    return digest.hexdigest()


def _of_their_runs(landing: str, files: Mapping[str, File]) -> dict[str, File]:
    """All files of the runs that some files belong to; a folder holds all runs of a device, so it is listed once."""
    stems: dict[str, set[str]] = defaultdict(set)
    for source in {run[0] for path in files if (run := run_of(path))}:
        folder, _, stem = source.rpartition("/")
        stems[folder].add(stem)
    found = {}
    for folder, names in sorted(stems.items()):
        for file in files_below(f"{landing}/{folder}", recursive=False):
            path = f"{folder}/{file.path}"
            if file.path.partition(".")[0] in names and run_of(path) and not path.endswith(DRAFTS):
                found[path] = replace(file, path=path)
    return found
