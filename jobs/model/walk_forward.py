"""Walk forward: each backup scored by a model of earlier backups only, refitted every so many backups."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from jobs.model.arrays import Array, Arrays, first_rows
from jobs.model.comparing import compared
from jobs.model.cumulative import NONE
from jobs.model.devices import HISTORY, fit_devices, untaught
from jobs.model.fleet import FleetModel
from jobs.model.scoring import score_backups, scores_in_turn

EARLIER = 33  # backups a device must have before one is judged
REFIT_EVERY = 50  # backups
SECONDS_PER_YEAR = 365.25 * 86_400


@dataclass(frozen=True, eq=False)
class Walk:
    """Models as they stood along each history.

    Attributes
    ----------
    models : mapping of arrays with one row a refit
    row : int array of shape (n_judged,)
        Which backups are judged.
    refit : int array of shape (n_judged,)
        The model that judges each of them.
    """

    models: Arrays
    row: Array
    refit: Array


def walk_forward(backups: Arrays, device: Array, fleet: FleetModel, history: int = HISTORY) -> Walk:
    """Fit every device anew every 50 backups, and say which model judges which backup.

    Parameters
    ----------
    backups, device, fleet
        As in `jobs.model.devices.fit_devices`.
    history : int
        Newest backups that teach a model; 0 judges by the fleet alone.

    Notes
    -----
    docs/model.md, "How it was measured".
    """
    begins, start, end = refits_of(device)
    taught, window = ranges(np.maximum(begins, start - history), start)
    judged, refit = ranges(start, end)
    columns = {name: column[taught] for name, column in backups.items()}
    models = fit_devices(columns, window, fleet) if history else untaught(len(start))
    return Walk(models, judged, refit)


def refits_of(device: Array) -> tuple[Array, Array, Array]:
    """Where each refit's device begins, where the backups that it judges begin, and where they end.

    Parameters
    ----------
    device : int array of shape (n,)
        As in `jobs.model.devices.fit_devices`.
    """
    first = first_rows(device)
    count = np.diff(np.append(first, len(device)))
    refits = np.maximum(0, -((EARLIER - count) // REFIT_EVERY))  # rounded up
    begins = np.repeat(first, refits)
    start = begins + EARLIER + _counted_up(refits) * REFIT_EVERY
    return begins, start, np.minimum(start + REFIT_EVERY, np.repeat(first + count, refits))


def score_walk(backups: Arrays, walk: Walk, fleet: FleetModel, loudness: Array | None = None) -> dict[str, Array]:
    """Scores of the judged backups; as `jobs.model.scoring.scores_in_turn`.

    Parameters
    ----------
    backups : mapping of arrays
        One row for each of `walk.row`: those backups, or what they would have been under an attack.
    loudness : array of shape (n_judged, 4), optional
        Of each one's device before it. If not given, the rows before it say it.
    """
    scores = score_backups(backups, walk.models, fleet, walk.refit)
    previous = np.full(len(walk.row), NONE) if loudness is not None else previous_of(walk)
    return scores_in_turn(scores, previous, fleet, loudness)


def previous_of(walk: Walk) -> Array:
    """The place of each judged backup's predecessor among them; -1: it is the first of its device."""
    places = np.arange(len(walk.row))
    return np.where(np.diff(walk.row, prepend=-1) == 1, places - 1, NONE)


def compared_walk(backups: Arrays, walk: Walk, fleet: FleetModel) -> Iterator[dict[str, Array]]:
    """What the scores of the judged backups are made of: `jobs.model.comparing.compared`, rows as in `score_walk`."""
    return compared(backups, walk.models, fleet, walk.refit)


def judged_years(ended_at: Array, device: Array) -> Array:
    """Years over which each device was judged: from its 34th backup to its last.

    Parameters
    ----------
    ended_at : array of shape (n,)
        Seconds.
    device : int array of shape (n,)
        As in `jobs.model.devices.fit_devices`.
    """
    first = first_rows(device)
    last = np.append(first[1:], len(device))[: len(first)] - 1
    years: Array = (ended_at[last] - ended_at[np.minimum(first + EARLIER, last)]) / SECONDS_PER_YEAR
    return years


def ranges(start: Array, end: Array) -> tuple[Array, Array]:
    """Numbers from each start to below its end, one range after another, and the range of each."""
    lengths = end - start
    return np.repeat(start, lengths) + _counted_up(lengths), np.repeat(np.arange(len(start)), lengths)


def _counted_up(lengths: Array) -> Array:
    """0, 1, ... below each length, one after another."""
    before = np.cumsum(lengths) - lengths
    place: Array = np.arange(lengths.sum()) - np.repeat(before, lengths)
    return place
