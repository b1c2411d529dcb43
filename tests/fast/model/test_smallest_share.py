import numpy as np
import pytest

from jobs.model.attack_classes import OF_KIND
from jobs.model.attacks import changed
from jobs.model.scoring import score_backups
from jobs.model.signals import FIGURES
from jobs.model.smallest_share import SHARES, smallest_shares
from jobs.tables import KINDS
from jobs.train.products import PRODUCTS, as_printed
from tests.fast.model.made_up import SHIPPED, model_of, rows, steady_device

DEVICE = steady_device(backups=100, touched=0.002)
NEWEST = rows(DEVICE, slice(99, 100))
IDLE = {
    name: np.zeros(1) if name.startswith("files_") and name not in ("files_before", "files_total") else column
    for name, column in NEWEST.items()
} | dict.fromkeys(("bytes_uploaded", "bytes_unique", "bytes_compressed"), np.zeros(1))
MODEL = model_of(DEVICE)


def alerts(kind, share):
    attacked = changed(IDLE, OF_KIND[kind](share))
    return score_backups({name: attacked[name] for name in FIGURES}, MODEL, SHIPPED)["anomaly_score"][0] >= 0


@pytest.mark.parametrize("kind", KINDS)
def test_an_attack_on_this_share_alerts_and_one_on_the_next_smaller_does_not(kind):
    found = smallest_shares(NEWEST, MODEL, SHIPPED, 0.0)[0, KINDS.index(kind)]
    place = SHARES.tolist().index(found)
    assert alerts(kind, SHARES[place])
    assert place == 0 or not alerts(kind, SHARES[place - 1])


def test_what_the_backup_itself_did_changes_nothing():
    busy = {**NEWEST, "files_deleted": np.array([900.0]), "bytes_uploaded": np.array([5e9])}
    np.testing.assert_array_equal(*(smallest_shares(each, MODEL, SHIPPED, 0.0) for each in (NEWEST, busy)))


def test_a_lower_threshold_never_needs_a_larger_attack():
    high, low = (np.nan_to_num(smallest_shares(NEWEST, MODEL, SHIPPED, limit), nan=9) for limit in (1.0, -0.6))
    assert (low <= high).all()


def test_where_the_product_shows_too_little_no_share_is_said():
    (volumes,) = (product for product in PRODUCTS if product.name == "volume snapshots")
    printed = {name: column for name, column in as_printed(DEVICE, volumes).items()}
    found = smallest_shares(rows(printed, slice(99, 100)), model_of(printed), SHIPPED, 0.0)
    assert np.isnan(found[0, KINDS.index("delete")])
    assert not np.isnan(found[0, KINDS.index("encrypt")])
