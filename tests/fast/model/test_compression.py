import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from jobs.model.arrays import median, weighted_median
from jobs.model.compression import CURVE_POINTS, expected_ratio, fit_ratios
from jobs.model.stand_ins import completed
from tests.fast.model.made_up import some_backups

CURVE = np.linspace(3, -2, CURVE_POINTS)


def plain_median(values, weights):
    pairs = sorted((value, weight) for value, weight in zip(values, weights, strict=True) if weight > 0)
    reached, half = 0, sum(weight for _, weight in pairs) / 2
    for value, weight in pairs:
        reached += weight
        if reached >= half:
            return value
    return math.nan


def plain_ratios(backups, curve):
    """Offset, spread and density of one device, backup by backup."""
    shifts, misses, weights, sent_in_all, packed_in_all = [], [], [], 0, 0
    columns = ("files_added", "files_updated", "bytes_uploaded", "bytes_compressed")
    uploads = [
        row for row in zip(*(backups[name].tolist() for name in columns), strict=True) if row[2] and row[0] + row[1]
    ]
    for added, updated, sent, packed in uploads:
        at = min(math.log2(max(sent / (added + updated), 1)), 22.9)
        logit = curve[int(at)] + (at - int(at)) * (curve[min(int(at) + 1, 23)] - curve[int(at)])
        ratio = min(max(packed / sent, 0.01), 0.99)
        shifts.append(math.log(ratio / (1 - ratio)) - logit)
        weights.append(min(added + updated, 10))
        sent_in_all, packed_in_all = sent_in_all + sent, packed_in_all + packed
        misses.append((packed / sent, logit, min(added + updated, 30)))
    if not uploads:
        return 0, 0.2, math.nan
    offset = plain_median(shifts, weights) * sum(weights) / (sum(weights) + 10)
    scatter = [abs(ratio - 1 / (1 + math.exp(-logit - offset))) * math.sqrt(files) for ratio, logit, files in misses]
    spread = (1.4826 * plain_median(scatter, [1] * len(scatter)) * len(scatter) + 2) / (len(scatter) + 10)
    return offset, max(0.04, spread), packed_in_all / sent_in_all


@given(seed=st.integers(0, 2**32 - 1), sizes=st.lists(st.integers(1, 30), min_size=1, max_size=6))
def test_offset_spread_and_density_are_those_of_plain_python(seed, sizes):
    backups = completed(some_backups(np.random.default_rng(seed), sum(sizes)))
    device = np.repeat(np.arange(len(sizes)), sizes)
    fitted = fit_ratios(backups, device, len(sizes), CURVE)
    for place in range(len(sizes)):
        own = {name: column[device == place] for name, column in backups.items()}
        expected = plain_ratios(own, CURVE)
        got = [fitted[name][place] for name in ("ratio_offset", "ratio_spread", "stored_density")]
        assert got == pytest.approx(expected, rel=1e-5, abs=1e-6, nan_ok=True)


@given(seed=st.integers(0, 2**32 - 1), n_groups=st.integers(1, 8))
def test_medians_are_those_of_plain_python(seed, n_groups):
    random = np.random.default_rng(seed)
    values, weights = random.normal(size=40), random.integers(0, 5, 40).astype(float)
    values[random.random(40) < 0.1] = np.nan
    group = random.integers(0, n_groups, 40)
    expected = [
        plain_median(values[own], weights[own])
        for own in (~np.isnan(values) & (group == place) for place in range(n_groups))
    ]
    np.testing.assert_array_equal(weighted_median(values, weights, group, n_groups), expected)
    plain = [
        plain_median(np.abs(values[own]), np.ones(own.sum()))
        for own in (~np.isnan(values) & (group == place) for place in range(n_groups))
    ]
    np.testing.assert_allclose(median(np.abs(values), group, n_groups), plain, rtol=1e-6)


def test_a_device_that_uploads_what_does_not_compress_is_expected_to_do_so_again():
    n = 100
    figures = {
        "files_uploaded": np.full(n, 20.0),
        "bytes_uploaded": np.full(n, 2e6),
        "bytes_compressed": np.full(n, 1.9e6),
    }
    offset = fit_ratios(figures, np.zeros(n, int), 1, CURVE)["ratio_offset"]
    assert expected_ratio(np.array([1e6]), np.array([10.0]), CURVE, offset)[0] == pytest.approx(0.95, abs=0.005)


def test_a_device_without_uploads_is_as_the_fleet():
    nothing = {name: np.zeros(3) for name in ("files_uploaded", "bytes_uploaded", "bytes_compressed")}
    fitted = fit_ratios(nothing, np.zeros(3, int), 1, CURVE)
    assert (fitted["ratio_offset"][0], fitted["ratio_spread"][0]) == (0, 0.2)
    assert np.isnan(fitted["stored_density"][0])


def test_the_expected_ratio_of_an_unknown_upload_is_unknown():
    known, unknown = np.array([1e6]), np.array([np.nan])
    assert np.isnan(expected_ratio(unknown, known, CURVE, np.zeros(1)))
    assert np.isnan(expected_ratio(known, unknown, CURVE, np.zeros(1)))
    assert 0 < expected_ratio(np.zeros(1), np.zeros(1), CURVE, np.zeros(1))[0] < 1
