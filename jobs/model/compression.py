"""How well an upload should have compressed: the fleet's curve by file size, and the device's own shift and scatter."""

from __future__ import annotations

import numpy as np

from jobs.model.arrays import Array, Arrays, median, weighted_median

CURVE_POINTS = 24  # mean file sizes of 1 byte, 2, 4, ... 8 MiB
LARGEST_SIZE = 22.9
SIZE_OF_NOTHING = 11.0  # log2 bytes; where nothing was uploaded any finite value will do
YOUNG_SPREAD = 0.2  # a share; what a device scatters before it has shown it
SMALLEST_SPREAD = 0.04
PRIOR_BACKUPS = 10  # offset and spread lean on the fleet as if it had added this many


def mean_file_size(bytes_uploaded: Array, files_uploaded: Array) -> Array:
    """Mean size of the uploaded files as log2 of bytes, within the curve; NaN where an input is NaN."""
    uploaded = (bytes_uploaded > 0) & (files_uploaded > 0)
    size = np.divide(bytes_uploaded, files_uploaded, out=np.ones(len(uploaded)), where=uploaded)
    size = np.where(uploaded, np.clip(np.log2(size), 0, LARGEST_SIZE), SIZE_OF_NOTHING)
    return np.where(np.isnan(bytes_uploaded + files_uploaded), np.nan, size)


def expected_ratio(bytes_uploaded: Array, files_uploaded: Array, curve: Array, offset: Array) -> Array:
    """Compressed share that an ordinary upload of this device would have.

    Parameters
    ----------
    bytes_uploaded, files_uploaded : arrays of shape (n,)
        Bytes, count; NaN where unknown.
    curve : array of shape (24,)
        Logit of the fleet's median ratio at a mean file size of 2**k bytes.
    offset : array of shape (n,)
        The device's own shift, in logits.

    Returns
    -------
    array of shape (n,), in (0, 1); NaN where an input is NaN

    Notes
    -----
    docs/model.md, "Expected ratio".
    """
    return _share_of(_usual_logit(bytes_uploaded, files_uploaded, curve) + offset)


def fit_ratios(figures: Arrays, device: Array, n_devices: int, curve: Array) -> dict[str, Array]:
    """Offset, spread and stored density of each device.

    Parameters
    ----------
    figures : mapping of arrays of shape (n,)
        files_uploaded, bytes_uploaded, bytes_compressed; NaN where unknown.
    device : int array of shape (n,)
        0 to n_devices - 1.
    curve : array of shape (24,)

    Returns
    -------
    mapping of arrays of shape (n_devices,)
        ratio_offset (logits, 0 without uploads), ratio_spread (share), stored_density (compressed share of all that was
        uploaded; NaN without uploads).

    Notes
    -----
    docs/model.md, "Expected ratio".
    """
    files, sent, packed = figures["files_uploaded"], figures["bytes_uploaded"], figures["bytes_compressed"]
    rows = np.flatnonzero((sent > 0) & (files > 0) & ~np.isnan(packed))
    files, sent, packed, device = files[rows], sent[rows], packed[rows], device[rows]
    ratio, usual = packed / sent, _usual_logit(sent, files, curve)
    offset = _fit_offset(ratio, files, usual, device, n_devices)
    miss = np.abs(ratio - _share_of(usual + offset[device]))
    total = np.bincount(device, weights=sent, minlength=n_devices)
    total_packed = np.bincount(device, weights=packed, minlength=n_devices)
    return {
        "ratio_offset": offset,
        "ratio_spread": _fit_spread(miss, files, device, n_devices),
        "stored_density": np.divide(total_packed, total, out=np.full(n_devices, np.nan), where=total > 0),
    }


def _fit_offset(ratio: Array, files: Array, usual: Array, device: Array, n_devices: int) -> Array:
    clipped = np.clip(ratio, 0.01, 0.99)
    shift = np.log(clipped / (1 - clipped)) - usual
    weights = np.minimum(files, 10)
    weight = np.bincount(device, weights=weights, minlength=n_devices)
    offset: Array = (
        np.nan_to_num(weighted_median(shift, weights, device, n_devices)) * weight / (weight + PRIOR_BACKUPS)
    )
    return offset


def _fit_spread(miss: Array, files: Array, device: Array, n_devices: int) -> Array:
    # A mean of many files scatters less than one file does: the spread is that of a single file.
    scatter = miss * np.sqrt(np.minimum(files, 30))
    middle = np.nan_to_num(median(scatter, device, n_devices))
    n = np.bincount(device, minlength=n_devices)
    # 1.4826 times the median deviation is the standard deviation of a normal distribution.
    spread: Array = (1.4826 * middle * n + YOUNG_SPREAD * PRIOR_BACKUPS) / (n + PRIOR_BACKUPS)
    return np.maximum(spread, SMALLEST_SPREAD)


def _usual_logit(bytes_uploaded: Array, files_uploaded: Array, curve: Array) -> Array:
    """The fleet's curve at the mean size of the uploaded files."""
    size = mean_file_size(bytes_uploaded, files_uploaded)
    return np.interp(size, np.arange(CURVE_POINTS), curve)


def _share_of(logit: Array) -> Array:
    share: Array = 1 / (1 + np.exp(-logit))
    return share
