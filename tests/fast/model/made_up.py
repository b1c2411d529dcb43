"""Made-up devices: seeded histories whose ordinary days are known."""

import numpy as np

from jobs.model.devices import fit_devices
from jobs.model.fleet import shipped
from jobs.model.scoring import score_backups
from jobs.model.signals import FIGURES

DAY = 86_400.0
SHIPPED = shipped()


def steady_device(
    *, backups=200, files=2_000, file_size=50_000, touched=0.02, is_rotating=False, ratio=0.4, noise=0.1, seed=0
):
    """A device that every day does about the same: updates `touched` of its files, or replaces them by new ones."""
    random = np.random.default_rng(seed)

    def about(mean):
        return np.maximum(0, np.rint(mean * (1 + noise * random.standard_normal(backups))))

    nothing, whole = np.zeros(backups), np.ones(backups)
    changed = about(files * touched)
    uploaded = np.rint(changed * file_size * np.exp(noise * random.standard_normal(backups)))
    return {
        "files_added": changed if is_rotating else nothing,
        "files_updated": nothing if is_rotating else changed,
        "files_deleted": changed if is_rotating else nothing,
        "files_moved": nothing,
        "files_new_extension": nothing,
        "files_before": whole * files,
        "files_total": whole * files,
        "dirs_total": whole * np.ceil(files / 10),
        "bytes_before": whole * files * file_size,
        "bytes_total": whole * files * file_size,
        "bytes_total_compressed_before": whole * np.rint(files * file_size * ratio),
        "bytes_total_compressed": whole * np.rint(files * file_size * ratio),
        "bytes_uploaded": uploaded,
        "bytes_unique": uploaded,
        "bytes_compressed": np.rint(uploaded * np.clip(ratio * (1 + 0.05 * random.standard_normal(backups)), 0.01, 1)),
        "ended_at": 1.7e9 + DAY * np.arange(backups),
    }


def some_backups(random, n, largest=10_000):
    """Backups of any device, one unlike the other; about half of the figures are 0."""

    def any_count():
        return np.floor(random.uniform(0, 1, n) ** 4 * largest) * (random.random(n) < 0.5)

    backups = {name: any_count() for name in FIGURES}
    backups["files_before"] += 1
    backups["bytes_uploaded"] = (backups["files_added"] + backups["files_updated"]) * np.floor(
        random.uniform(1, 1e5, n)
    )
    backups["bytes_compressed"] = np.floor(backups["bytes_uploaded"] * random.random(n))
    backups["bytes_before"] = 1 + np.floor(random.uniform(0, 1e9, n))
    backups["bytes_total_compressed_before"] = np.floor(backups["bytes_before"] * random.random(n))
    backups["ended_at"] = 1.7e9 + np.cumsum(random.uniform(0, 2 * DAY, n))
    return backups


def rows(backups, which):
    return {name: column[which] for name, column in backups.items()}


def past_and_present(**device):
    """The first 200 days of a `steady_device`, and 60 more."""
    history = steady_device(backups=260, **device)
    return rows(history, slice(0, 200)), rows(history, slice(200, None))


def together(*histories):
    """Histories one after another, and the device of each row."""
    backups = {name: np.concatenate([history[name] for history in histories]) for name in histories[0]}
    return backups, np.repeat(np.arange(len(histories)), [len(history["ended_at"]) for history in histories])


def model_of(history, n=1, fleet=SHIPPED):
    """The model that a history teaches, beside each of n backups."""
    models = fit_devices(history, np.zeros(len(history["ended_at"]), int), fleet)
    return {name: np.repeat(column, n, axis=0) for name, column in models.items()}


def scores(backups, history, fleet=SHIPPED):
    return score_backups(backups, model_of(history, len(backups["ended_at"]), fleet), fleet)
