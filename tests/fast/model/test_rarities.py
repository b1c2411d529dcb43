"""How rare points are: what a device deletes itself now and then is not much rarer than that."""

import numpy as np

from tests.fast.model.made_up import scores, steady_device

FILES, FILE_SIZE, RATIO = 40_000, 50_000, 0.4


def with_deletions(backups, deleted):
    """The same backups, each with so many files deleted."""
    left = (FILES - deleted) * FILE_SIZE
    return backups | {
        "files_deleted": deleted,
        "files_total": FILES - deleted,
        "bytes_total": left,
        "bytes_total_compressed": np.rint(left * RATIO),
    }


def scores_of_purges(times_the_eighth_largest):
    """Of twenty devices that clear away a twentieth of their files, more or less, with every twelfth backup."""
    found = []
    for seed in range(20):
        random, number = np.random.default_rng(seed), np.arange(300)
        about = 0.05 * FILES * np.exp(0.4 * random.standard_normal(300))
        purged = np.where(number % 12 == 11, np.rint(about), 0.0)
        history = steady_device(backups=300, files=FILES, file_size=FILE_SIZE, ratio=RATIO, seed=seed)
        history = with_deletions(history, purged)
        newest = {name: column[-2:-1] for name, column in history.items()}
        eighth = np.sort(purged)[-8:-7]
        backup = with_deletions(newest, np.rint(eighth * times_the_eighth_largest))
        found.append(scores(backup, history)["anomaly_score"][0])
    return np.array(found)


def test_what_a_device_clears_away_a_few_times_a_year_is_no_alert_and_three_times_as_much_is():
    assert (scores_of_purges(1) < 0).all()
    assert (scores_of_purges(3) > 0.5).all()


def test_half_of_a_device_gone_alerts_though_as_much_went_a_month_before():
    history = steady_device(backups=100, files=FILES, file_size=FILE_SIZE, ratio=RATIO)
    history = with_deletions(history, np.where(np.arange(100) == 70, 0.6 * FILES, 0.0))
    newest = {name: column[-1:] for name, column in history.items()}
    assert scores(with_deletions(newest, np.array([0.6 * FILES])), history)["anomaly_score"][0] > 0.5
