"""Random attacks to learn from: one of each sub-kind, of any size and strength, and never those of the judging grid."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from jobs.model.attack_change import Array, Before, Change, Recipe
from jobs.model.attacks import changed
from jobs.model.sub_kinds import LEARNED

_FOOTER_BYTES = 300.0  # what encryption appends to a file, at most


def drawn_attacks(backups: Mapping[str, Any], seed: int) -> dict[str, dict[str, Any]]:
    """The backups under one random attack of each sub-kind; figures as in `jobs.model.attacks.attacked`.

    Notes
    -----
    docs/model.md, "Simulated attacks".
    """
    random = np.random.default_rng(seed)
    return {sub_kind.name: changed(backups, _recipe(sub_kind.name, random)) for sub_kind in LEARNED}


def _recipe(name: str, random: np.random.Generator) -> Recipe:
    draw = {
        "inplace": _in_place,
        "rename": _rename,
        "newext": _new_extension,
        "delete": _delete,
        "add": _add,
        "stage": _stage,
        "modify": _modify,
        "wipe": _wipe,
    }[name]
    return lambda before: draw(before, random, *_touched(before, random))


def _touched(before: Before, random: np.random.Generator) -> tuple[Array, Array, Array]:
    """Share of the device, files and bytes that the attack touches; few files differ in size from the mean."""
    n = len(before.files)
    share = 10 ** random.uniform(-2, 0, n)
    count = np.maximum(1.0, np.rint(share * before.files))
    scatter = np.exp(random.normal(0, 0.7, n) / np.sqrt(np.maximum(count / 4, 1)))
    return share, count, before.bytes * np.minimum(1, share * scatter)


def _encrypted_ratio(before: Before, random: np.random.Generator) -> Array:
    n = len(before.files)
    strength = np.where(random.random(n) < 0.5, random.uniform(0.95, 1, n), random.uniform(0.05, 1, n))
    dense = np.minimum(1, before.density + (1 - before.density) * strength)
    return np.clip(dense * random.uniform(0.98, 1, n), 0.02, 1)


def _in_place(before: Before, random: np.random.Generator, _: Array, count: Array, size: Array) -> Change:
    packed = size * _encrypted_ratio(before, random)
    return Change(updated=count, uploaded=size, compressed=packed, replaced=size)


def _rename(before: Before, random: np.random.Generator, share: Array, count: Array, size: Array) -> Change:
    n = len(before.files)
    notes = np.where(random.random(n) < 0.5, np.rint(random.uniform(0, 0.3, n) * share * before.files), 0)
    uploaded = size + _FOOTER_BYTES * count * random.random(n)
    return Change(
        added=count + notes,
        deleted=count,
        uploaded=uploaded,
        unique=size,
        compressed=size * _encrypted_ratio(before, random),
        replaced=size - before.file_size * count,  # deleted files go at their mean size, these had their own
    )


def _new_extension(before: Before, random: np.random.Generator, share: Array, count: Array, size: Array) -> Change:
    renamed = _rename(before, random, share, count, size)
    return Change(**{**vars(renamed), "new_extension": count})


def _delete(_before: Before, _random: np.random.Generator, _: Array, count: Array, _size: Array) -> Change:
    return Change(deleted=count)


def _add(before: Before, random: np.random.Generator, _: Array, count: Array, size: Array) -> Change:
    n = len(before.files)
    ratio = np.clip(before.density * np.exp(random.normal(0, 0.25, n)), 0.02, 1)
    return Change(added=count, uploaded=size, compressed=size * ratio, unique=size * random.random(n) ** 0.3)


def _stage(before: Before, random: np.random.Generator, share: Array, _count: Array, _size: Array) -> Change:
    n = len(before.files)
    size = share * before.density * before.bytes
    archives = random.integers(1, 12, n).astype(float)
    return Change(added=archives, uploaded=size, compressed=size * random.uniform(0.93, 1, n))


def _modify(before: Before, random: np.random.Generator, _: Array, count: Array, size: Array) -> Change:
    ratio = np.clip(before.density * np.exp(random.normal(0, 0.1, len(before.files))), 0.02, 1)
    # What is to compress as before although it is encrypted has to be padded.
    n = len(before.files)
    grown = size * np.where(random.random(n) < 0.4, 1, random.uniform(1, 3, n))
    return Change(updated=count, uploaded=grown, compressed=grown * ratio, replaced=size)


def _wipe(_before: Before, _random: np.random.Generator, _: Array, count: Array, size: Array) -> Change:
    return Change(updated=count, uploaded=size, compressed=0.01 * size, replaced=size)
