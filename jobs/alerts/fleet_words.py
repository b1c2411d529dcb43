"""A fleet episode in words: how many devices, which, since when, and what they have in common."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping

from jobs.alerts.events import Anomaly, badness
from jobs.alerts.fleet import FleetEvent, device_of
from jobs.report.words import how_unusual, kind_in_words, when_in_words
from jobs.words import count_in_words

MOST_NAMED = 5  # devices, those with the highest scores
MOST_PRODUCTS = 5
# By column of `anomalies` (null where unknown) what its lines name, and the words before the name. Of extensions only
# new ones say something: every device has some that all others have.
CAUSES = {"extensions": ("new extension", ", in no earlier list: "), "top_directories": ("directory", " in ")}


def devices(event: FleetEvent) -> list[Anomaly]:
    """The highest alert of each device, the highest first."""
    highest: dict[tuple[str, str], Anomaly] = {}
    for row in (row for rows in event.episodes for row in rows):
        held = highest.setdefault(device_of([row]), row)
        if row["anomaly_score"] > held["anomaly_score"]:
            highest[device_of([row])] = row
    return sorted(highest.values(), key=lambda row: (-row["anomaly_score"], row["product"], row["device_id"]))


def kinds(event: FleetEvent) -> Counter[str]:
    """Devices by the worst kind that each alerted with, worst kind first."""
    worst: dict[tuple[str, str], Anomaly] = {}
    for row in sorted((row for rows in event.episodes for row in rows), key=badness):
        worst.setdefault(device_of([row]), row)
    return Counter(row["anomaly_kind"] for row in worst.values())


def causes(event: FleetEvent) -> dict[str, tuple[str, int]]:
    """By column of `CAUSES` what most devices have in common, and how many have it; left out: nothing, or unknown."""
    n_devices, found = len(devices(event)), {}
    for column, (_, before) in CAUSES.items():
        lines = ((device_of(rows), line) for rows in event.episodes for row in rows for line in row[column] or ())
        named = {(*device, line.partition(before)[2]) for device, line in lines if before in line}
        by_name = Counter(name for *_, name in named)
        name, count = min(by_name.items(), key=lambda pair: (-pair[1], pair[0]), default=("", 0))
        if 2 * count > n_devices:
            found[column] = (name, count)
    return found


def fleet_title(event: FleetEvent) -> str:
    """What, on how many devices."""
    many = count_in_words(len(devices(event)))
    what = ", ".join(map(kind_in_words, kinds(event)))
    began = {
        "started": f"{many} devices at once",
        "grown": f"Grown to {many} devices",
        "resolved": f"Resolved: {many} devices at once",
    }
    return f"{began[event.word]}: {what}"


def fleet_facts(event: FleetEvent) -> Mapping[str, str]:
    """One fact by its name, as a mail lists them."""
    all_devices = devices(event)
    first_at, last_at = event.began_at
    products = Counter(row["product"] for row in all_devices).most_common()
    more = [("others", sum(count for _, count in products[MOST_PRODUCTS:]))] if products[MOST_PRODUCTS:] else []
    common = [f"{CAUSES[column][0]} {name} ({count} devices)" for column, (name, count) in causes(event).items()]
    return {
        "Tenant": event.tenant_id,
        "Devices": f"{count_in_words(len(all_devices))} of {count_in_words(event.devices_held)}",
        "Kinds": _counted((kind_in_words(kind), count) for kind, count in kinds(event).items()),
        "Products": _counted([*products[:MOST_PRODUCTS], *more]),
        "Began": f"{when_in_words(first_at)} to {when_in_words(last_at)}",
        "In common": "; ".join(common) or "nothing that is known",
        "Highest": "; ".join(
            f"{row['device_id']} ({how_unusual(row['anomaly_score'])})" for row in all_devices[:MOST_NAMED]
        ),
        "Fleet episode": event.episode_id,
        "Message": event.alert_id,
    }


def fleet_description(event: FleetEvent) -> str:
    """The same facts as one paragraph."""
    told = fleet_facts(event)
    return (
        f"{told['Devices']} devices turned unusual together, from {told['Began']}: {told['Kinds']}; "
        f"products: {told['Products']}. In common: {told['In common']}. Highest scores: {told['Highest']}."
    )


def _counted(counts: Iterable[tuple[str, int]]) -> str:
    return ", ".join(f"{name} {count_in_words(count)}" for name, count in counts)
