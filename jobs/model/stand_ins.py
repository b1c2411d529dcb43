"""What the figures of a backup say between the lines: stand-ins for what its product does not print."""

from __future__ import annotations

import numpy as np

from jobs.model.arrays import Array, Arrays

SMALLER_FILES = 2.0  # times: so much smaller than the mean the updated files may be
TYPICAL_FILE_SIZE = 8_000.0  # bytes; what a device of unknown count is taken to hold, to find others of its size


def completed(backups: Arrays) -> dict[str, Array]:
    """Figures of each backup with stand-ins for what is unknown, and what follows from the totals.

    Parameters
    ----------
    backups : mapping of arrays of shape (n,)
        The columns of `jobs.model.signals.FIGURES`; NaN where unknown.

    Returns
    -------
    mapping of arrays of shape (n,)
        Those columns; a count is a lower bound where only the totals tell it. Further files_uploaded (added and
        updated), cohort (files before, or what the bytes make likely), bytes_held (before, or what the files make
        likely), bytes_gained, bytes_lost (at least half of what the deleted files are likely to have held),
        bytes_rewritten, bytes_grown (of those, by how much files became larger), density_before (compressed share of
        what was stored, .02 to 1) and stored_excess (bytes by which the store grew more than its density before
        explains; below 0 where it grew less). NaN where even that is unknown. Of the files said to be updated, only
        those whose content can have changed.

    Notes
    -----
    docs/model.md, "What each product lets us see".
    """
    files, size, density = backups["files_before"], backups["bytes_before"], _density_before(backups)
    files_gained, bytes_gained = backups["files_total"] - files, backups["bytes_total"] - size
    packed = backups["bytes_compressed"]
    # Some tools compress what deduplication leaves and count nothing else; some count it only when compressed.
    sent = _first_known(backups["bytes_uploaded"], backups["bytes_unique"], packed / density)
    rewritten = np.maximum(0, sent - np.maximum(0, bytes_gained))
    added = _first_known(backups["files_added"], np.maximum(0, files_gained))
    updated = _updated(backups, sent, rewritten)
    deleted = _first_known(backups["files_deleted"], np.maximum(0, -files_gained))
    # Files that go take their bytes with them, whatever the totals say (then half of them) or leave out.
    gone = np.maximum(0, deleted - added) * _first_known(_ratio(size, files), np.full(len(files), TYPICAL_FILE_SIZE))
    packed_gained = backups["bytes_total_compressed"] - backups["bytes_total_compressed_before"]
    return {
        **backups,
        "files_added": added,
        "files_updated": updated,
        "files_deleted": deleted,
        "files_uploaded": np.nan_to_num(added) + updated,
        "cohort": _first_known(files, np.maximum(1, size / TYPICAL_FILE_SIZE)),
        "bytes_uploaded": sent,
        "bytes_unique": _first_known(backups["bytes_unique"], sent),
        "bytes_held": _first_known(size, files * TYPICAL_FILE_SIZE),
        "bytes_gained": np.maximum(0, bytes_gained),
        "bytes_lost": np.where(np.isnan(bytes_gained), gone, np.fmax(np.maximum(0, -bytes_gained), gone / 2)),
        "bytes_rewritten": rewritten,
        "bytes_grown": _grown(rewritten, bytes_gained, added, _ratio(size, files)),
        "density_before": density,
        "stored_excess": packed_gained - density * bytes_gained,
    }


def _updated(backups: Arrays, sent: Array, rewritten: Array) -> Array:
    """Files updated: as many as the bytes allow where they were counted, as many as those make likely where not."""
    files, size = backups["files_before"], backups["bytes_before"]
    # Multiplied first: whole numbers of files come out whole.
    likely = np.minimum(files, np.ceil(_ratio(rewritten * files, size)))
    # Tools count a file as changed when only its owner or its time did. Then hardly any bytes go up.
    at_most = np.maximum(np.ceil(_ratio(SMALLER_FILES * sent * files, size)), sent > 0)
    counted = np.fmin(backups["files_updated"], at_most)
    return np.where(np.isnan(backups["files_updated"]), likely, counted)


def _grown(rewritten: Array, gained: Array, added: Array, file_size: Array) -> Array:
    """Bytes gained beyond the added files, at most as many as were rewritten: files that were there became larger."""
    of_added = np.nan_to_num(added * file_size)
    grown: Array = np.minimum(np.maximum(0, gained - of_added), rewritten)
    return grown


def _density_before(backups: Arrays) -> Array:
    return np.clip(_ratio(backups["bytes_total_compressed_before"], backups["bytes_before"]), 0.02, 1)


def _ratio(part: Array, whole: Array) -> Array:
    """NaN where the whole is unknown or nothing."""
    ratio: Array = np.divide(part, whole, out=np.full(len(whole), np.nan), where=whole > 0)
    return ratio


def _first_known(*candidates: Array) -> Array:
    known = candidates[-1]
    for candidate in candidates[-2::-1]:
        known = np.where(np.isnan(candidate), known, candidate)
    return known
