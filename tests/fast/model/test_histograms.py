import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from jobs.model.histograms import BINS, count_above, evidence_of, fit_histograms, usual_level
from jobs.model.signals import SIGNALS

ENDS = (0.1, 0.2, 0.4, 0.7, 1.1, 1.7, 2.5, 3.5, 5, 7)
values_of_one_signal = st.lists(
    st.one_of(st.just(0), st.just(math.nan), st.integers(1, 10**12)), min_size=1, max_size=40
)


def plain_bins(values, weights):
    """Largest value and twelve counts of one signal of one device."""
    known = [
        (math.log1p(value), weight) for value, weight in zip(values, weights, strict=True) if not math.isnan(value)
    ]
    top = max((u for u, _ in known), default=0.0)
    bins = [0.0] * 12
    for u, weight in known:
        bins[0 if u == 0 else 11 - sum(top - u > end for end in ENDS)] += weight
    return top, bins


def plain_edges(top):
    begins = [math.inf, *reversed(ENDS)]
    ends = [*reversed(ENDS), 0]
    return [(max(top - begin, 0), max(top - end, 0)) for begin, end in zip(begins, ends, strict=True)]


def plain_evidence(u, top, bins, prior):
    """-log10 of the chance to reach u."""
    tail = bins[0] * math.exp(-8 * u)
    for (low, high), count in zip(plain_edges(top), bins[1:], strict=True):
        if u <= low:
            reached = 1
        elif u <= high:
            above = (high - u) / (high - low)
            reached = above + (1 - above) * math.exp(-8 * (u - low) / 2)
        else:
            reached = math.exp(-8 * (u - (low + high) / 2))
        tail += count * reached
    chance = min(1, (4 * prior + tail) / (4 + sum(bins)))
    return min(6, -math.log10(chance))


def of_one_signal(values, weights):
    signals = np.full((len(values), len(SIGNALS)), np.nan)
    signals[:, 5] = values
    top, bins = fit_histograms(signals, np.array(weights), np.zeros(len(values), int), 1)
    return top[0, 5], bins.reshape(len(SIGNALS), BINS)[5]


@given(values=values_of_one_signal)
def test_bins_are_those_of_plain_python(values):
    weights = [0.992**age for age in reversed(range(len(values)))]
    top, bins = of_one_signal(values, weights)
    expected_top, expected = plain_bins(values, weights)
    assert top == pytest.approx(expected_top, rel=1e-6)
    assert bins.sum() == pytest.approx(sum(expected), rel=1e-5)
    # A value on the edge of a bin may fall to either side in single precision; up to each edge the sums are close.
    edges = [math.log1p(value) for value in values if value > 0]
    if all(abs(top - u - end) > 1e-4 for u in edges for end in ENDS):
        assert bins.tolist() == pytest.approx(expected, rel=1e-5, abs=1e-6)


@given(values=values_of_one_signal, value=st.integers(1, 10**13), prior=st.floats(1e-7, 1))
def test_evidence_is_that_of_plain_python(values, value, prior):
    top, bins = of_one_signal(values, [1.0] * len(values))
    got = evidence_of(np.array([math.log1p(value)], np.float32), np.array([top]), bins[np.newaxis], np.array([prior]))
    assert got[0] == pytest.approx(plain_evidence(math.log1p(value), float(top), bins.tolist(), prior), abs=2e-3)


@given(values=values_of_one_signal, pair=st.tuples(st.integers(1, 10**13), st.integers(1, 10**13)))
def test_more_of_a_thing_is_never_less_evidence(values, pair):
    top, bins = of_one_signal(values, [1.0] * len(values))
    less, more = np.log1p(np.sort(pair)).astype(np.float32)
    both = evidence_of(np.array([less, more]), np.array([top, top]), np.stack((bins, bins)), np.array([0.01, 0.01]))
    assert both[1] >= both[0] - 1e-6


def test_a_day_like_the_others_is_hardly_evidence_and_one_ten_times_as_large_is():
    top, bins = of_one_signal([100.0] * 100, [1.0] * 100)
    values = np.log1p(np.array([100, 1_000], np.float32))
    prior = np.array([0.2, 0.05])
    usual, unusual = evidence_of(values, np.array([top, top]), np.stack((bins, bins)), prior)
    assert usual < 0.3
    assert unusual > 2.5


def test_without_history_the_prior_alone_is_the_chance():
    evidence = evidence_of(np.log1p(np.array([50.0])), np.zeros(1), np.zeros((1, BINS)), np.array([0.001]))
    assert evidence[0] == pytest.approx(3)


def test_counts_above_a_value_are_all_below_the_bins_and_none_beyond_the_top():
    top, bins = of_one_signal([0, 0, 10, 20, 1_000], [1.0] * 5)
    at = np.array([0, math.log1p(1_001)])
    assert count_above(at, np.array([top, top]), np.stack((bins, bins))).tolist() == pytest.approx([3, 0])


def plain_level(top, bins):
    """Value that a tenth of the weight lies above, shrunk by the fleet's four backups."""
    weight, above = sum(bins), 0.0
    for (low, high), count in reversed(list(zip(plain_edges(top), bins[1:], strict=True))):
        if count and above + count >= 0.1 * weight:
            u = high - (0.1 * weight - above) / count * (high - low)
            return math.expm1(u) * weight / (weight + 4)
        above += count
    return 0.0


@given(values=values_of_one_signal)
def test_the_usual_level_is_that_of_plain_python(values):
    top, bins = of_one_signal(values, [1.0] * len(values))
    expected = plain_level(float(top), bins.tolist())
    assert usual_level(np.array([top]), bins[np.newaxis])[0] == pytest.approx(expected, rel=2e-3, abs=1e-3)


def test_what_a_device_does_on_most_days_is_usual_and_what_it_does_once_a_month_is_not():
    often, rarely = (
        of_one_signal([100.0] * 90 + [0.0] * 10, [1.0] * 100),
        of_one_signal([0.0] * 29 + [100.0], [1.0] * 30),
    )
    assert usual_level(np.array([often[0]]), often[1][np.newaxis])[0] == pytest.approx(100, rel=0.15)
    assert usual_level(np.array([rarely[0]]), rarely[1][np.newaxis])[0] == 0


def test_no_devices_give_no_models():
    top, bins = fit_histograms(np.zeros((0, len(SIGNALS))), np.zeros(0), np.zeros(0, int), 0)
    assert (top.shape, bins.shape) == ((0, 24), (0, 288))
