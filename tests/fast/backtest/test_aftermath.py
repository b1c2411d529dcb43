"""On real histories, what an attack that nobody judged does to the next one of its kind."""

import pytest

from benchmarks.detection.aftermath import HISTORIES, judged, some_devices, struck
from jobs.backtest.suspects import Rules


@pytest.mark.skipif(not HISTORIES.exists(), reason="the histories are not shipped")
@pytest.mark.parametrize("attack", ["inplace_0.1", "inplace_1", "delete_0.1"])
def test_five_attacked_backups_in_a_row_do_not_open_the_door_for_the_sixth(attack):
    """Backups of real histories come at any distance: recall stays near that without the five."""
    clean, begins = some_devices(every=5), 110
    alone = judged(clean, Rules(), attack, begins + 5)
    sixth = judged(struck(clean, attack, begins, times=5), Rules(), attack, begins + 5)
    recall = [float((found.score[len(which) :] >= 0).mean()) for found, which in (alone, sixth)]
    assert recall[0] > 0.8
    assert recall[1] >= recall[0] - 0.1
