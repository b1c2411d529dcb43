"""Devices made up, of kinds that the histories of version control do not hold: the same records for the same seed."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

DEVICES = 10  # of each kind
SEED = 7
FIRST = np.datetime64("2024-01-01T01:00")

Array = NDArray[Any]
Random = np.random.Generator


def devices_of(kind: str) -> pa.Table:
    """Records of ten devices of a kind."""
    tables = []
    for number in range(DEVICES):
        random = np.random.default_rng([SEED, list(KINDS).index(kind), number])
        tables.append(_records(f"{kind} {number}", random, **KINDS[kind](random)))
    return pa.concat_tables(tables)


def _records(
    name: str,
    random: Random,
    *,
    at: Array,
    files: float,
    file_size: float,
    ratio: float,
    added: Array,
    updated: Array,
    deleted: Array,
    moved: Array | float = 0.0,
    update_size: Array | float = 1.0,
) -> pa.Table:
    """One device, from counts of files: what they come to in bytes scatters as files do.

    `at` are hours after its first backup, which holds `files` of mean size `file_size` bytes; `update_size` is the part
    of a file that an update uploads; moved files are added and deleted ones as well.
    """
    n = len(at)
    added, updated, deleted = (np.broadcast_to(np.rint(x), n).astype(float) for x in (added, updated, deleted))
    left = np.cumsum(added - deleted)
    files = np.ceil(max(files, 1 - (left - added).min()))  # what is deleted was there before
    total = files + left
    updated = np.minimum(updated, total - added)

    def size_of(count: Array, mean: Array | float) -> Array:
        size: Array = np.rint(count * mean * np.exp(0.8 / np.sqrt(np.maximum(count, 1)) * random.standard_normal(n)))
        return size

    came, went, rewritten = (size_of(x, file_size) for x in (added, deleted, updated))
    rewritten = np.rint(rewritten * update_size)
    held = np.cumsum(came - went)
    at_first = max(files * file_size, 1 - 1.1 * held.min())
    uploaded = came + rewritten
    scatter = 0.25 / np.sqrt(np.maximum(added + updated, 1))
    compressed = np.minimum(uploaded * ratio * np.exp(scatter * random.standard_normal(n)), uploaded)
    stored = ratio * at_first + np.cumsum(compressed - (rewritten + went) * ratio)
    figures = {
        "files_added": added,
        "files_updated": updated,
        "files_deleted": deleted,
        "files_moved": np.minimum(np.broadcast_to(moved, n), np.minimum(added, deleted)),
        "files_new_extension": np.zeros(n),
        "files_total": total,
        "dirs_total": np.ceil(total / 12),
        "bytes_uploaded": uploaded,
        "bytes_unique": uploaded,
        "bytes_compressed": compressed,
        "bytes_deleted": went,
        "bytes_total": at_first + held,
        "bytes_total_compressed": np.clip(stored, 0.01 * (at_first + held), at_first + held),
    }
    ended_at = FIRST + (3_600 * (at + random.uniform(0, 0.2, n))).astype("timedelta64[s]")
    ids = {"device_id": np.repeat(name, n), "backup_id": [f"{name} {number}" for number in range(n)]}
    whole = {key: np.rint(figure) for key, figure in figures.items()}
    return pa.table({**ids, "ended_at": pa.array(ended_at, pa.timestamp("us", "UTC")), **whole})


def _daily(days: int = 500) -> tuple[Array, Array]:
    """Hours of nightly backups, and which of them follow a workday."""
    day = np.arange(days)
    return 24.0 * day, day % 7 < 5


def _hourly(hours: int = 3_000) -> Array:
    """Hours of hourly backups."""
    return np.arange(float(hours))


def _between(random: Random, low: float, high: float) -> float:
    return float(np.exp(random.uniform(np.log(low), np.log(high))))


def _scattered(random: Random, scatter: float, like: Array) -> Array:
    """Factors around 1: most days are quiet, a few are busy."""
    factors: Array = np.exp(scatter * random.standard_normal(len(like)))
    return factors


def office_share(random: Random) -> dict[str, Any]:
    """Workdays that vary much, quiet weekends; people clear up now and then."""
    at, works = _daily()
    usual = _between(random, 5, 300) * np.where(works, 1, 0.03) * _scattered(random, 0.7, at)
    counts = [random.poisson(x) for x in (usual, 2 * usual, 0.4 * usual * _scattered(random, 1, at))]
    return _device(random, at, (3e3, 3e5), (5e4, 1e6), (0.4, 0.8), counts)


def database_dumps(random: Random) -> dict[str, Any]:
    """A few large files each night, as many removed once they are old."""
    at, _ = _daily()
    counts = [random.poisson(3, len(at)), np.full(len(at), 3), random.poisson(3, len(at)) * (at > 240)]
    return _device(random, at, (3, 60), (1e6, 1e10), (0.1, 0.3), counts)


def logs(random: Random) -> dict[str, Any]:
    """As many log files come, grow and go each night."""
    at, _ = _daily()
    counts = [random.poisson(_between(random, 5, 100), len(at)) for _ in range(3)]
    return _device(random, at, (300, 5e3), (1e4, 1e7), (0.05, 0.15), counts)


def mail_server(random: Random) -> dict[str, Any]:
    """Mails come, are renamed when read, and are cleared away by many people, some days by far more."""
    at, works = _daily()
    usual = _between(random, 0.002, 0.02) * (files := _between(random, 2e4, 1e6)) * np.where(works, 1, 0.3)
    usual = usual * _scattered(random, 0.4, at)
    moved = random.poisson(0.8 * usual)
    gone = random.poisson(0.7 * usual * _scattered(random, 0.8, at))
    counts = [random.poisson(usual) + moved, random.poisson(20, len(at)), gone + moved]
    return _device(random, at, (files, files), (1e4, 1e5), (0.4, 0.7), counts) | {"moved": moved}


def photos(random: Random) -> dict[str, Any]:
    """Nothing for days, then one to eight hundred dense files at once."""
    at, _ = _daily()
    came = np.where(random.random(len(at)) < 0.15, np.exp(random.uniform(0, np.log(800), len(at))), 0)
    went = np.where(random.random(len(at)) < 0.05, np.exp(random.uniform(0, np.log(60), len(at))), 0)
    counts = [came, random.poisson(0.6, len(at)), went]
    return _device(random, at, (500, 5e4), (1e6, 8e6), (0.97, 1), counts)


def developers_laptop(random: Random) -> dict[str, Any]:
    """Busy days, and dependencies of thousands of small files that come and go every other month."""
    at, works = _daily()
    usual = np.where(works, 1, 0.2) * _scattered(random, 1, at)
    trees = np.exp(random.uniform(np.log(1e3), np.log(2e4), (2, len(at)))) * (random.random((2, len(at))) < 0.016)
    counts = [random.poisson(60 * usual) + trees[0], random.poisson(150 * usual), random.poisson(30 * usual) + trees[1]]
    return _device(random, at, (2e4, 4e5), (5e3, 8e4), (0.25, 0.5), counts)


def virtual_machines(random: Random) -> dict[str, Any]:
    """A few images, of which blocks change each night."""
    at, _ = _daily()
    files = int(random.integers(2, 12))
    counts = [np.zeros(len(at)), random.integers(1, files + 1, len(at)), np.zeros(len(at))]
    made = _device(random, at, (files, files), (1e9, 1e11), (0.3, 0.6), counts)
    return made | {"update_size": 0.03 * _scattered(random, 0.5, at)}


def archive(random: Random) -> dict[str, Any]:
    """Nothing but a new folder once a month."""
    at, _ = _daily()
    came = np.where(at % (30 * 24) == 7 * 24, np.exp(random.uniform(3, 5.7, len(at))), 0)
    return _device(random, at, (1e3, 1e5), (1e5, 5e6), (0.6, 0.95), [came, np.zeros(len(at)), np.zeros(len(at))])


def build_artefacts(random: Random) -> dict[str, Any]:
    """A hundredth comes each day, and once a week about as much is cleared away."""
    at, _ = _daily()
    usual = 0.01 * (files := _between(random, 2e3, 5e4))
    went = random.poisson(7 * usual * _scattered(random, 0.3, at)) * (at / 24 % 7 == 6)
    counts = [random.poisson(usual * _scattered(random, 0.6, at)), random.poisson(5, len(at)), went]
    return _device(random, at, (files, files), (1e4, 1e6), (0.3, 0.6), counts)


def hourly_server(random: Random) -> dict[str, Any]:
    """Busy by day, hardly anything by night, every hour."""
    at = _hourly()
    usual = _between(random, 2, 60) * np.where((at % 24 > 6) & (at % 24 < 19) & (at // 24 % 7 < 5), 1, 0.1)
    usual = usual * _scattered(random, 0.6, at)
    counts = [random.poisson(x) for x in (usual, 2 * usual, 0.6 * usual * _scattered(random, 0.8, at))]
    return _device(random, at, (1e4, 3e5), (1e4, 3e5), (0.3, 0.6), counts)


def school(random: Random) -> dict[str, Any]:
    """Workdays of a term, quiet holidays, and four times as much in the first week after the long ones."""
    at, works = _daily(700)
    day = at / 24 % 365
    usual = np.where(works & ~((day > 180) & (day < 250)) & (day > 6) & (day < 355), 1, 0.04)
    usual = usual * np.where((day >= 250) & (day < 255), 4, 1) * _between(random, 20, 400) * _scattered(random, 0.7, at)
    counts = [random.poisson(x) for x in (usual, usual, 0.3 * usual * _scattered(random, 1, at))]
    return _device(random, at, (1e4, 2e5), (5e4, 5e5), (0.5, 0.8), counts)


def accounts(random: Random) -> dict[str, Any]:
    """Twelve times as much in the last days of each month."""
    at, works = _daily(600)
    usual = _between(random, 5, 60) * np.where(works, 1, 0.05) * np.where(at / 24 % 30 > 26, 12, 1)
    usual = usual * _scattered(random, 0.5, at)
    counts = [random.poisson(x) for x in (usual, 2 * usual, 0.3 * usual)]
    return _device(random, at, (2e3, 5e4), (5e4, 1e6), (0.3, 0.6), counts)


def weekly_computer(random: Random) -> dict[str, Any]:
    """A computer at home, backed up once a week."""
    at = 168.0 * np.arange(150)
    usual = _scattered(random, 1, at)
    counts = [random.poisson(x) for x in (80 * usual, 100 * usual, 25 * usual * _scattered(random, 1, at))]
    return _device(random, at, (2e4, 2e5), (1e5, 1e6), (0.6, 0.9), counts)


def cameras(random: Random) -> dict[str, Any]:
    """Recordings of a month: each night the newest come and the oldest go."""
    at, _ = _daily()
    usual = (files := _between(random, 5e3, 1e5)) / 30
    counts = [random.poisson(usual * _scattered(random, 0.15, at)) for _ in range(2)]
    made = [counts[0], np.ones(len(at)), counts[1]]
    return _device(random, at, (files, files), (1e6, 3e7), (0.98, 1), made)


def cache_server(random: Random) -> dict[str, Any]:
    """Files of a day: each hour up to a fiftieth of them comes and as many go, by day more than by night."""
    at = _hourly()
    files = _between(random, 2e4, 5e5)
    usual = files * _between(random, 0.002, 0.02) * (1 + 0.7 * np.sin(at / 24 * 2 * np.pi))
    added = random.poisson(usual * _scattered(random, 0.25, at))
    counts = [added, random.poisson(0.3 * usual), np.append(added[:24], added[:-24])]
    return _device(random, at, (files, files), (5e2, 1e4), (0.2, 0.5), counts)


def hourly_mailboxes(random: Random) -> dict[str, Any]:
    """A few large files, half of them written to each hour."""
    at = _hourly()
    files = int(random.integers(5, 60))
    counts = [random.poisson(0.02, len(at)), random.poisson(0.6 * files, len(at)), random.poisson(0.02, len(at))]
    made = _device(random, at, (files, files), (1e7, 1e9), (0.2, 0.5), counts)
    return made | {"update_size": 0.05 * _scattered(random, 0.5, at)}


def _device(
    random: Random,
    at: Array,
    files: tuple[float, float],
    file_size: tuple[float, float],
    ratio: tuple[float, float],
    counts: list[Array],
) -> dict[str, Any]:
    """A device of sizes drawn from these ranges, with so many files added, updated and deleted."""
    sizes = {"files": _between(random, *files), "file_size": _between(random, *file_size)}
    changes = dict(zip(("added", "updated", "deleted"), counts, strict=True))
    return {"at": at, **sizes, "ratio": random.uniform(*ratio), **changes}


KINDS: dict[str, Callable[[Random], dict[str, Any]]] = {
    make.__name__.replace("_", " "): make
    for make in (
        office_share,
        weekly_computer,
        developers_laptop,
        school,
        accounts,
        mail_server,
        hourly_server,
        build_artefacts,
        database_dumps,
        logs,
        virtual_machines,
        photos,
        cameras,
        archive,
        cache_server,
        hourly_mailboxes,
    )
}
