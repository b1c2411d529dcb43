"""What is to be erased of each table, as SQL conditions, and which landing files it came from."""

from __future__ import annotations

import hashlib
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass

from pyspark.sql import functions as F

from jobs.ddl import quoted
from jobs.device_note import Device, current_names, renames_of
from jobs.episodes import anomaly_id
from jobs.errors import UdaError
from jobs.ingest.arrivals import tenant_of
from jobs.noted import DEVICE_NAMES
from jobs.store import Store
from jobs.tables import ALERTS, BACKUPS, DEVICE_NOTES, ERASED, FEEDBACK, LANDED, REJECTS, RUNS, TABLES, UNSAID, Table

NOTHING = "false"


@dataclass(frozen=True)
class Whose:
    """Who is erased: a device under all the names that it had, or, if `devices` is empty, a whole tenant."""

    tenant: str
    devices: tuple[Device, ...] = ()

    @property
    def hashes(self) -> list[str]:
        """As in `erased`."""
        lists = self.devices or ((self.tenant,),)
        return [hashlib.sha256(b"".join(map(_prefixed, parts))).hexdigest() for parts in lists]

    @property
    def condition(self) -> str:
        """Of a table that says whose each row is."""
        if not self.devices:
            return f"tenant_id = {quoted(self.tenant)}"
        same = [
            " AND ".join(f"{name} = {quoted(part)}" for name, part in zip(DEVICE_NAMES, device, strict=True))
            for device in self.devices
        ]
        return " OR ".join(f"({each})" for each in same)

    def prefixes(self, tenants: Mapping[str, str]) -> list[str]:
        """Folders of the landing in which nothing else lands, each with a slash behind it."""
        if not self.devices:
            return [f"{prefix.strip('/')}/" for prefix, tenant in tenants.items() if tenant == self.tenant]
        folders = [f"{product}/{device_id}/" for _, product, device_id in self.devices]
        return [f for f in folders if (tenant_of(f"{f}x", tenants) or UNSAID["tenant_id"]) == self.tenant]


def the_device(store: Store, device_id: str, tenant: str | None, product: str | None) -> Whose:
    """The device of that name, with all the names that it had.

    Raises
    ------
    UdaError
        The lake holds none, or several tenants or products have one.
    """
    asked = {"tenant_id": tenant, "product": product, "device_id": device_id}
    condition = " AND ".join(f"{name} = {quoted(value)}" for name, value in asked.items() if value is not None)
    found: set[Device] = set()
    for table in TABLES:
        if set(DEVICE_NAMES) <= set(table.names) and store.version(table) >= 0:
            rows = store.read(table).where(condition).select(*DEVICE_NAMES).distinct().collect()
            found |= {(row["tenant_id"], row["product"], row["device_id"]) for row in rows}
    known = (tenant or UNSAID["tenant_id"], product or UNSAID["product"], device_id)
    if not found and store.version(ERASED) >= 0:  # erased, and killed before its files were gone
        again = Whose(known[0], (known,))
        if not store.read(ERASED).where(F.col("sha256").isin(again.hashes)).isEmpty():
            return again
    if len(found) != 1:
        whose = "; ".join(f"tenant {owner}, product {by}" for owner, by, _ in sorted(found)[:3])
        said = f"is of {len(found)} devices: {whose}; say --tenant or --product" if found else "is held of no device"
        raise UdaError(f"the name {device_id!r} {said}")
    (device,) = found
    return Whose(device[0], tuple(sorted(_names_of(store, device))))


def _names_of(store: Store, device: Device) -> set[Device]:
    """All names of the device's history."""
    if store.version(DEVICE_NOTES) < 0:
        return {device}
    current = current_names(renames_of(store.read(DEVICE_NOTES).where("word = 'rename'").collect()))
    tenant, product, name = device
    last = current.get(device, name)
    return {(tenant, product, last)} | {
        other for other, now in current.items() if other[:2] == (tenant, product) and now == last
    }


def sources_of(store: Store, whose: Whose) -> dict[str, bool]:
    """Sources of what is to be erased, and whether they hold nothing else."""
    found: dict[str, bool] = {}
    for table in (BACKUPS, DEVICE_NOTES, FEEDBACK):
        if store.version(table) < 0:
            continue
        condition = F.expr(condition_of(store, whose, table, {}, ()))
        by_source = (
            store.read(table)
            .groupBy("source")
            .agg(F.bool_or(condition).alias("any"), F.bool_and(condition).alias("all"))
        )
        found |= {row["source"]: row["all"] for row in by_source.where("any").select("source", "all").collect()}
    return found


def condition_of(
    store: Store, whose: Whose, table: Table, tenants: Mapping[str, str], own_sources: Collection[str]
) -> str:
    """Which rows of a table are to be erased.

    Parameters
    ----------
    tenants : mapping
        Landing prefix to tenant.
    own_sources : collection of str
        Sources that hold nothing else; of `landed`, those that are gone from the landing folder.
    """
    if table in (ERASED, RUNS):
        return NOTHING
    if table is ALERTS and whose.devices:
        return f"{whose.condition} OR {_told_among_others(whose)}"
    if set(DEVICE_NAMES) <= set(table.names) or (not whose.devices and table is FEEDBACK):
        return whose.condition
    if table is FEEDBACK:
        ids = store.read(BACKUPS).where(whose.condition).select(anomaly_id().alias("anomaly_id"))
        given = store.read(FEEDBACK).join(ids, on="anomaly_id", how="left_semi").select("anomaly_id").distinct()
        said = _one_of("anomaly_id", [row["anomaly_id"] for row in given.collect()])
        return f"tenant_id = {quoted(whose.tenant)} AND {said}"
    if table is LANDED:
        return f"{_one_of('path', own_sources)} OR {_one_of('source', own_sources)}"
    assert table is REJECTS, f"say what is to be erased of {table.name}"
    return _of_rejects(whose, tenants, own_sources)


def _told_among_others(whose: Whose) -> str:
    """Messages about the line that name a device: one tells of all that are silent, say."""
    names = " OR ".join(f"contains(detail, {quoted(device_id)})" for *_, device_id in whose.devices)
    return f"(coalesce(tenant_id, {quoted(whose.tenant)}) = {quoted(whose.tenant)} AND ({names}))"


def _of_rejects(whose: Whose, tenants: Mapping[str, str], own_sources: Collection[str]) -> str:
    """Rejects from where nothing else lands, and those whose record names it."""
    conditions = [_one_of("source", own_sources)]
    conditions += [f"startswith(source, {quoted(prefix)})" for prefix in whose.prefixes(tenants)]
    owner = f"coalesce(tenant_id, {quoted(UNSAID['tenant_id'])}) = {quoted(whose.tenant)}"
    if not whose.devices:
        return " OR ".join([*conditions, f"tenant_id = {quoted(whose.tenant)}"])
    for _, product, device_id in whose.devices:
        named = f"get_json_object(record, '$.device_id') = {quoted(device_id)}"
        by = f"coalesce(get_json_object(record, '$.product'), {quoted(UNSAID['product'])}) = {quoted(product)}"
        conditions.append(f"({owner} AND {named} AND {by})")
    return " OR ".join(conditions)


def _one_of(column: str, values: Sequence[str] | Collection[str]) -> str:
    return f"{column} IN ({', '.join(map(quoted, sorted(values)))})" if values else NOTHING


def _prefixed(part: str) -> bytes:
    return f"{len(part.encode())}:{part}".encode()
