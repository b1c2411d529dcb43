"""Landed files that are sealed: opened in memory, whole or not at all, and used if seal, place and records agree.

Nothing is given on before the message is proved to its end, so a dump that is refused leaves no byte of it anywhere.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from typing import TYPE_CHECKING, Any

from jobs.config import Sealed
from jobs.files import open_file
from jobs.ingest.arrivals import SEAL, is_sealed, tenant_of
from jobs.ingest.outcomes import Outcome, RefusedError, outcomes
from jobs.ingest.stems import Fault, Stem
from jobs.ingest.unpack import PACKINGS, CutOffError, Opened, Overlong, lines, pieces
from jobs.keys import PROVIDER, configured_key, shown
from jobs.tables import SEALED_FOR, UNSAID

if TYPE_CHECKING:  # loads a library of its own, which only what is sealed waits for
    from jobs.envelope import KeyName, Unsealed

Pairs = tuple[tuple[str, Any], ...]


@dataclass(frozen=True)
class Seals:
    """What opens sealed files, and whose they are: keys, and landing prefixes with their tenants."""

    keys: Sealed
    tenants: Mapping[str, str]


def outcomes_of(
    read: Callable[[Stem], Iterator[Outcome]], stem: Stem, latest: datetime, seals: Seals
) -> Iterator[Outcome]:
    """What a reader makes of a run, as `outcomes`; sealed files are opened before.

    If one does not open, or its seal names another tenant, product, device or backup, the run is one fault.
    """
    sealed = {what: str(file) for what, file in stem.files.items() if is_sealed(str(file))}
    if not sealed:
        yield from outcomes(read, stem, latest)
        return
    try:
        opened = {what: _open(address, stem.source, seals) for what, address in sealed.items()}
        files = dict(stem.files) | {what: _content(sealed[what], held) for what, held in opened.items()}

        def found() -> Iterator[Outcome]:
            again = Stem(stem.source, stem.device_id, stem.started_at, files, stem.time_zone, stem.most_paths)
            return outcomes(read, again, latest)

        records = (tuple(each.items()) for each in found() if not isinstance(each, Fault))
        for held in opened.values():
            _compare_place(held, stem)
        _compare_records(list(opened.values()), records, stem.source, seals)
    except RefusedError as error:
        yield error.fault
        return
    yield from found()  # read twice: what a packed file unpacks to may be more than memory holds


def open_records(address: str, source: str, longest: int, seals: Seals) -> Opened:
    """A sealed file of canonical records, opened.

    Raises
    ------
    RefusedError
        It does not open, or its seal names another tenant, product, device or backup than a record in it.
    """
    held = _open(address, source, seals)
    opened = _content(address, held)
    _compare_records([held], _records(opened, longest), source, seals)
    return opened


def pairs_of(line: bytes) -> Pairs | None:
    """Each name and value that a JSON object has, names that are there twice included; None: it is no JSON object.

    What reads records takes one of two values for a name, and JSON that is none in the strict sense: a seal must hold
    for whatever of it is taken.
    """
    try:
        found = json.loads(line.decode("utf-8", "replace"), object_pairs_hook=tuple)
    except (ValueError, RecursionError):
        return None
    return found if isinstance(found, tuple) else None


def _records(opened: Opened, longest: int) -> Iterator[Pairs]:
    for line in lines(opened, longest):
        pairs = None if isinstance(line, Overlong) else pairs_of(line)
        if pairs is not None:  # else it is no record, or one that is refused
            yield pairs


def _open(address: str, source: str, seals: Seals) -> Unsealed:
    from jobs.envelope import LARGEST, NoKeyError, UnsealError, unseal

    try:
        with open_file(address) as stream:
            message = stream.read(LARGEST + 1)
    except OSError:
        raise RefusedError("unseal_failed", "the file can't be read; land it anew under another name") from None
    try:
        return unseal(message, lambda context: _masters(_tenant(source, context, seals), seals.keys))
    except UnsealError as error:
        raise RefusedError("unseal_failed", str(error)) from None
    except NoKeyError as error:
        raise RefusedError("no_key", f"{error}; configure it, then land the file anew under another name") from None


def _content(address: str, held: Unsealed) -> Opened:
    """What a message held, if it unpacks to its end within the limit of any packed file."""
    opened = Opened(address[: -len(SEAL)], held.content)
    try:
        for _ in pieces(opened) if opened.name.lower().endswith(PACKINGS[1:]) else ():
            pass
    except CutOffError as error:
        detail = "what was sealed is packed, and cut off, damaged or too large; seal it anew, in parts if it is large"
        raise RefusedError("unseal_failed", detail) from error
    return opened


def _tenant(source: str, context: Mapping[str, str], seals: Seals) -> str | None:
    """Whose dump it is, as far as that can be said before it is opened."""
    return tenant_of(source, seals.tenants) or context.get("tenant_id")


def _masters(tenant: str | None, keys: Sealed) -> dict[KeyName, Callable[[], Any]]:
    """The keys that may open a dump of the tenant; None: it may be anybody's."""
    from jobs.envelope import KMS, kms_master, local_master

    def local(key_id: str, path: str) -> Any:
        return local_master(configured_key(key_id, path))

    masters: dict[KeyName, Callable[[], Any]] = {}
    for key_id, path in keys.key_files.items():
        masters[PROVIDER, key_id] = partial(local, key_id, path)
    for arn in keys.kms_keys.values():
        masters[KMS, arn] = partial(kms_master, arn)
    return {key: master for key, master in masters.items() if tenant is None or _may_open(key, tenant, keys)}


def _may_open(key: KeyName, tenant: str, keys: Sealed) -> bool:
    """Whether the key is one of the tenant's own; tenants that have none share those that are nobody's."""
    provider, key_id = key
    names = {arn: name for name, arn in keys.kms_keys.items()}
    owner = keys.tenants.get(key_id if provider == PROVIDER else names[key_id])
    return owner == tenant if tenant in keys.tenants.values() else owner is None


def _compare_place(held: Unsealed, stem: Stem) -> None:
    """Compare with the folders of a run; that of the device may lie in others, as of a site or a tenant."""
    _compare(held, "product", stem.product, f"it lies under {shown(stem.product)}")
    sealed_for = held.context.get("device_id")
    if sealed_for is not None and not f"/{stem.device_id}".endswith(f"/{sealed_for}"):
        _compare(held, "device_id", stem.device_id, f"it lies in the folder of {shown(stem.device_id)}")


def _compare_records(opened: Sequence[Unsealed], records: Iterable[Pairs], source: str, seals: Seals) -> None:
    """Compare with what records say and with the landing prefix, which tells their tenant before they do."""
    prefix_tenant = tenant_of(source, seals.tenants)
    if prefix_tenant is not None:
        for held in opened:
            _compare(held, "tenant_id", prefix_tenant, f"its landing prefix is of {shown(prefix_tenant)}")
    for pairs in records:
        for name in SEALED_FOR:
            for value in [value for said, value in pairs if said == name] or [None]:
                taken = (name == "tenant_id" and prefix_tenant) or _taken(name, value)
                for held in opened:
                    if name == "tenant_id":
                        _see_key(held, taken, seals.keys)
                    # What a record says stays in it: the seal's context is in the clear, that is not.
                    _compare(held, name, taken, "a record in it says another one, or none")


def _see_key(held: Unsealed, tenant: str, keys: Sealed) -> None:
    if not _may_open(held.key, tenant, keys):
        detail = "a record in it is of a tenant that the key which sealed it is not for"
        raise RefusedError("context_mismatch", detail, "tenant_id")


def _compare(held: Unsealed, name: str, value: str, otherwise: str) -> None:
    if held.context.get(name, value) != value:
        detail = f"its seal is for {name} {shown(held.context[name])}, and {otherwise}"
        raise RefusedError("context_mismatch", detail, name)


def _taken(name: str, value: Any) -> str:
    """What a record's field counts as."""
    text = value if isinstance(value, str) else "" if value is None else json.dumps(value)
    return text if text.strip() else UNSAID.get(name, "")
