"""The attack classes: what each does to a device, as a recipe from the state before to the change.

They are the judging grid: what detection is measured on, and never what it is fitted to. `ATTACKS` are the headline
classes, `EXTRAS` further ones, `LOOK_ALIKES` harmless events that resemble an attack, `SLOW` what one backup shows of
an attack that goes on over many. A number at the end of a name is the share of the device's files that is touched.
`jobs.model.attacks` applies them to backups.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from jobs.model.attack_change import Array, Before, Change, Recipe, Share

NOTE_BYTES = 334  # what ransomware appends to each file: the wrapped key and a marker
FASTEST_BYTES = 4_096  # the fastest families encrypt this much of the start of a file
STOP_DJVU_BYTES = 153_605  # the same for the STOP/Djvu family
ZEROS_RATIO = 0.005  # what fast compression makes of zeros

Ratio = Callable[[Before], Array | float]


def _random(_: Before) -> float:
    return 1.0


def _zeros(_: Before) -> float:
    return ZEROS_RATIO


def _as_stored(before: Before) -> Array:
    return before.density


def _partly_encrypted(strength: float) -> Ratio:
    return lambda before: before.density + (1 - before.density) * strength


def _start_encrypted(start: int) -> Ratio:
    def ratio(before: Before) -> Array:
        strength = np.minimum(before.file_size, start) / before.file_size
        return before.density + (1 - before.density) * strength

    return ratio


def _overwrite(share: Share, ratio: Ratio, growth: float = 1.0) -> Recipe:
    def change(before: Before) -> Change:
        replaced = share * before.bytes
        uploaded = growth * replaced
        compressed = uploaded * ratio(before)
        return Change(updated=before.count(share), uploaded=uploaded, compressed=compressed, replaced=replaced)

    return change


def _overwrite_files(files: int) -> Recipe:
    def change(before: Before) -> Change:
        count = np.minimum(before.files, files)
        size = count * before.file_size
        return Change(updated=count, uploaded=size, compressed=size, replaced=size)

    return change


def _rename(share: float, *, has_new_extension: bool = True, leaves_notes: bool = True) -> Recipe:
    """Encrypted copies take the place of files, under other names."""

    def change(before: Before) -> Change:
        count = before.count(share)
        size = share * before.bytes + (NOTE_BYTES * count if leaves_notes else 0.0)
        return Change(
            added=count + (before.notes(share) if leaves_notes else 0.0),
            deleted=count,
            new_extension=count if has_new_extension else 0.0,
            uploaded=size,
            compressed=size,
        )

    return change


def _stop_djvu(before: Before) -> Change:
    return Change(
        added=before.files + before.notes(1),
        deleted=before.files,
        new_extension=before.files,
        uploaded=before.bytes + NOTE_BYTES * before.files,
        compressed=before.bytes * _start_encrypted(STOP_DJVU_BYTES)(before),
    )


def _delete(share: Share) -> Recipe:
    return lambda before: Change(deleted=before.count(share))


def _truncate(share: float) -> Recipe:
    """Files cut to nothing: they all stay, and what they held is gone."""
    return lambda before: Change(updated=before.count(share), replaced=share * before.bytes)


def _drop(share: float) -> Recipe:
    """Delete the three files that hold this share of the bytes: a database, images of machines."""

    def change(before: Before) -> Change:
        count = np.minimum(3.0, before.files)
        # The mean size of deleted files goes with their count; the rest of what these held beside it.
        return Change(deleted=count, replaced=np.maximum(0.0, share * before.bytes - count * before.file_size))

    return change


def _add(share: Share) -> Recipe:
    def change(before: Before) -> Change:
        size = share * before.bytes
        return Change(added=before.count(share), uploaded=size, compressed=before.density * size)

    return change


def _stage(share: float) -> Recipe:
    """Three archives of this share of the device, ready to be carried off."""

    def change(before: Before) -> Change:
        size = share * before.density * before.bytes
        return Change(added=3.0, uploaded=size, compressed=size)

    return change


def _split(before: Before) -> Change:
    """Encrypt a tenth: half of that in place, half under other names of known extensions."""
    count, size = before.count(0.05), 0.1 * before.bytes
    return Change(count, count, count, uploaded=size, compressed=size, replaced=0.5 * size)


def _move(share: float) -> Recipe:
    def change(before: Before) -> Change:
        count, size = before.count(share), share * before.bytes
        compressed = before.density * size
        return Change(count, 0.0, count, count, uploaded=size, compressed=compressed, unique=0.0)

    return change


def _touch(before: Before) -> Change:
    """Change owner or time of every file: tools count them as updated, and no content goes up."""
    return Change(updated=before.files)


def _upgrade(before: Before) -> Change:
    """Install a new version of a program: a tenth of the files exchanged, three tenths updated."""
    exchanged, size = before.count(0.1), 0.4 * before.bytes
    compressed, replaced = before.density * size, 0.3 * before.bytes
    return Change(exchanged, before.count(0.3), exchanged, uploaded=size, compressed=compressed, replaced=replaced)


# One attack of each kind, by the share of the files that it touches; one for all devices, or one for each.
OF_KIND: dict[str, Callable[[Share], Recipe]] = {
    "encrypt": lambda share: _overwrite(share, _random),
    "delete": _delete,
    "add": _add,
    "modify": lambda share: _overwrite(share, _as_stored),
}
_ATTACKS: dict[str, Recipe] = {
    "inplace_1": _overwrite(1, _random),
    "inplace_0.5": _overwrite(0.5, _random),
    "inplace_0.1": _overwrite(0.1, _random),
    "inplace_0.02": _overwrite(0.02, _random),
    "rename_1": _rename(1),
    "rename_0.1": _rename(0.1),
    "rename_0.02": _rename(0.02),
    "first4k_1": _overwrite(1, _start_encrypted(FASTEST_BYTES)),
    "5pct_1": _overwrite(1, _partly_encrypted(0.05)),
    "stripes_1": _overwrite(1, _partly_encrypted(0.9)),
    "stopdjvu_1": _stop_djvu,
    "delete_1": _delete(1),
    "delete_0.5": _delete(0.5),
    "delete_0.1": _delete(0.1),
    "delete_0.02": _delete(0.02),
    "wipe_1": _overwrite(1, _zeros),
    "add_0.5": _add(0.5),
    "add_0.1": _add(0.1),
    "stage_0.5": _stage(0.5),
    "slow_rename_0.01": _rename(0.01, leaves_notes=False),
}
_EXTRAS: dict[str, Recipe] = {
    "inplace_100_files": _overwrite_files(100),
    "inplace_20_files": _overwrite_files(20),
    "stripes_0.1": _overwrite(0.1, _partly_encrypted(0.9)),
    "5pct_0.1": _overwrite(0.1, _partly_encrypted(0.05)),
    "padded_0.5": _overwrite(0.5, _as_stored, growth=1.5),
    "rename_same_extension_0.1": _rename(0.1, has_new_extension=False),
    "rename_same_extension_0.02": _rename(0.02, has_new_extension=False),
    "split_0.1": _split,
    "truncate_1": _truncate(1),
    "truncate_0.5": _truncate(0.5),
    "drop_0.5": _drop(0.5),
}
_LOOK_ALIKES: dict[str, Recipe] = {
    "reformat_1": _overwrite(1, _as_stored),
    "reformat_0.3": _overwrite(0.3, _as_stored),
    "move_1": _move(1),
    "move_0.1": _move(0.1),
    "upgrade": _upgrade,
    "touch_1": _touch,
}
_SLOW: dict[str, Recipe] = {
    "run_inplace_0.01": _overwrite(0.01, _random),
    "run_inplace_20_files": _overwrite_files(20),
    "run_rename_0.01": _rename(0.01, leaves_notes=False),
    "run_delete_0.01": _delete(0.01),
    "run_add_0.02": _add(0.02),
    "run_stage_0.005": _stage(0.005),
}
RECIPES = {**_ATTACKS, **_EXTRAS, **_LOOK_ALIKES, **_SLOW}

ATTACKS: tuple[str, ...] = tuple(_ATTACKS)
EXTRAS: tuple[str, ...] = tuple(_EXTRAS)
LOOK_ALIKES: tuple[str, ...] = tuple(_LOOK_ALIKES)
SLOW: tuple[str, ...] = tuple(_SLOW)
