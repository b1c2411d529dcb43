"""Simulated attacks: real backups as they would have looked with one attack in them."""

from __future__ import annotations

import difflib
from collections.abc import Mapping
from typing import Any

import numpy as np

from jobs.model.attack_change import Array, Before, Change, Recipe
from jobs.model.attack_classes import ATTACKS, EXTRAS, LOOK_ALIKES, RECIPES
from jobs.tables import KINDS

__all__ = ["ATTACKS", "EXTRAS", "LOOK_ALIKES", "attacked", "changed", "kind_of"]

# What an attack ought to be called, by its name's first word; others are encryption.
KIND_OF_ATTACK = {
    **dict.fromkeys(("delete", "truncate", "drop"), "delete"),
    **dict.fromkeys(("add", "stage"), "add"),
    **dict.fromkeys(("wipe", "padded"), "modify"),
}
LOWEST_DENSITY = 0.02  # a store that seems to compress better than 50:1 is one with hardly anything in it


def attacked(backups: Mapping[str, Any], attack: str) -> dict[str, Any]:
    """Backups as they would have looked with one attack added to what really happened.

    Parameters
    ----------
    backups : mapping of arrays of shape (n_backups,)
        Figures named as in `jobs.tables.FEATURES`; NaN where unknown. `stored_density`, if given, is the compressed
        share of what the device stores, in 0..1, for backups whose `bytes_total_compressed_before` is unknown.
    attack : str
        One of `ATTACKS`, `EXTRAS` and `LOOK_ALIKES`.

    Returns
    -------
    dict of arrays of shape (n_backups,)
        The keys of `backups`. Counts and bytes are whole numbers, at least 0, as float64; what is unknown stays
        unknown. The state before the backup and everything that is no figure is as it was.

    Raises
    ------
    ValueError
        There is no such attack.

    Notes
    -----
    docs/model.md, "Simulated attacks". The attack comes on top of what really happened, so after one that touches
    every file the files updated and deleted can be more than there were.
    """
    if attack not in RECIPES:
        near = difflib.get_close_matches(attack, RECIPES, n=1)
        hint = f' (did you mean "{near[0]}"?)' if near else ""
        raise ValueError(f'unknown attack "{attack}"{hint}; known are {", ".join(RECIPES)}')
    return changed(backups, RECIPES[attack])


def changed(backups: Mapping[str, Any], recipe: Recipe) -> dict[str, Any]:
    """Backups with the change of a recipe added, whatever the recipe; as `attacked`."""
    before = _before(backups)
    figures = _after(backups, before, recipe(before))
    return {**backups, **{name: figure for name, figure in figures.items() if name in backups}}


def kind_of(attack: str) -> int:
    """Index into `jobs.tables.KINDS` of what an attack ought to be called."""
    return KINDS.index(KIND_OF_ATTACK.get(attack.partition("_")[0], "encrypt"))


def _figure(backups: Mapping[str, Any], name: str) -> Array:
    """Floats of one figure; NaN throughout when it is not among `backups`."""
    if name not in backups:
        return np.full(len(next(iter(backups.values()))), np.nan)
    return np.asarray(backups[name], dtype=np.float64)


def _before(backups: Mapping[str, Any]) -> Before:
    bytes_before = np.maximum(1.0, _figure(backups, "bytes_before"))
    density = _figure(backups, "bytes_total_compressed_before") / bytes_before
    density = np.where(np.isnan(density), _figure(backups, "stored_density"), density)
    return Before(
        files=np.maximum(1.0, _figure(backups, "files_before")),
        bytes=bytes_before,
        dirs=_figure(backups, "dirs_total"),
        density=np.clip(density, LOWEST_DENSITY, 1.0),
    )


def _after(backups: Mapping[str, Any], before: Before, change: Change) -> dict[str, Array]:
    bytes_gone = before.file_size * change.deleted
    unique = change.uploaded if change.unique is None else change.unique
    growth = {
        "files_added": change.added,
        "files_updated": change.updated,
        "files_deleted": change.deleted,
        "files_moved": change.moved,
        "files_new_extension": change.new_extension,
        "bytes_uploaded": change.uploaded,
        "bytes_unique": unique,
        "bytes_compressed": change.compressed,
        "bytes_deleted": bytes_gone,
        "bytes_total": change.uploaded - change.replaced - bytes_gone,
        "bytes_total_compressed": change.compressed - before.density * (change.replaced + bytes_gone),
    }
    # What the attack takes may have been deleted by the device's user in the same backup: never below nothing.
    after = {name: np.maximum(0.0, np.rint(_figure(backups, name) + by)) for name, by in growth.items()}
    files_total = np.maximum(0.0, before.files + after["files_added"] - after["files_deleted"])
    after["files_total"] = np.where(np.isnan(_figure(backups, "files_total")), np.nan, files_total)
    return after
