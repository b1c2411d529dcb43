"""The figure that a chart shows beside each signal: every signal has one, and those that claim to be the signal are."""

import numpy as np
import pytest

from jobs.model.signals import FIGURES as KERNEL_FIGURES
from jobs.model.signals import SIGNALS, UNIT_OF_SIGNAL, signals_of
from jobs.model.stand_ins import completed
from jobs.report.figures import FIGURES, figure_of
from jobs.tables import FEATURES

COUNTS = {
    "ordinary": {"files_added": 7, "files_updated": 90, "files_deleted": 5, "files_moved": 2, "files_new_extension": 3},
    "deletes": {"files_added": 1, "files_updated": 2, "files_deleted": 50, "files_moved": 0, "files_new_extension": 0},
    "adds": {"files_added": 60, "files_updated": 4, "files_deleted": 3, "files_moved": 3, "files_new_extension": 9},
    "nothing": dict.fromkeys(
        ("files_added", "files_updated", "files_deleted", "files_moved", "files_new_extension"), 0
    ),
}
SIZES = {"bytes_uploaded": 4_000, "bytes_unique": 3_000, "bytes_compressed": 1_500, "files_before": 500}


def backup(**counts):
    """One row of `features`, its derived counts by the words of their comments."""
    added, deleted, moved = (counts[f"files_{name}"] for name in ("added", "deleted", "moved"))
    derived = {
        "added_net": max(0, added - deleted),
        "deleted_net": max(0, deleted - added),
        "replaced": max(0, min(added, deleted) - moved),
        "compressed_ratio": 1_500 / 4_000,
    }
    return SIZES | counts | derived


def test_every_signal_has_a_figure_made_of_columns_of_features():
    assert set(FIGURES) == set(SIGNALS)
    for figure in FIGURES.values():
        assert {*figure.least_of, *figure.less} <= set(FEATURES.names)


@pytest.mark.parametrize("counts", COUNTS.values(), ids=COUNTS)
@pytest.mark.parametrize("signal", [name for name in SIGNALS if FIGURES[name].is_signal])
def test_a_figure_that_claims_to_be_the_signal_is_what_the_kernel_computes(signal, counts):
    row = backup(**counts)
    arrays = {name: np.array([float(row.get(name, np.nan))]) for name in KERNEL_FIGURES}
    kernel = signals_of(completed(arrays), np.array([0.4]), np.array([0.2]), np.array([0.4]))[0, SIGNALS.index(signal)]
    assert figure_of(row, FIGURES[signal]) == pytest.approx(kernel)
    assert FIGURES[signal].unit == UNIT_OF_SIGNAL[signal]


@pytest.mark.parametrize("signal", SIGNALS)
def test_a_figure_is_unknown_where_one_of_its_columns_is(signal):
    figure = FIGURES[signal]
    for column in (*figure.least_of, *figure.less):
        for unknown in (None, float("nan")):
            assert figure_of(backup(**COUNTS["ordinary"]) | {column: unknown}, figure) is None
