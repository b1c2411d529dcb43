"""Histories as if devices were backed up more seldom, or were larger."""

import numpy as np

from benchmarks.detection.histories import FIGURES, larger, rarer


def test_what_was_done_between_goes_into_the_next_backup_and_the_state_is_that_of_its_ends():
    device = np.array([0, 0, 0, 0, 0, 1, 2, 2])
    names = (*FIGURES, "files_before", "bytes_before", "bytes_total_compressed_before", "ended_at")
    backups = {name: np.arange(8.0) for name in names}
    backups["files_before"] = np.full(8, 6.0)
    found, numbered, row = rarer(backups, device, 2)
    assert numbered.tolist() == [0, 0, 1]
    assert row.tolist() == [2, 4, 7]  # the oldest of the first device is left over, and the only one of the second
    assert found["files_added"].tolist() == [3, 7, 13]
    assert found["files_updated"].tolist() == [3, 6, 6]  # at most as many as there were
    assert found["bytes_total"].tolist() == found["ended_at"].tolist() == [2, 4, 7]
    assert found["bytes_total_compressed_before"].tolist() == [1, 3, 6]


def test_of_every_backup_nothing_changes():
    device = np.array([0, 0, 1])
    names = (*FIGURES, "files_before", "ended_at")
    backups = {name: np.array([1.0, 2.0, 3.0]) for name in names}
    found, numbered, row = rarer(backups, device, 1)
    assert numbered.tolist() == device.tolist()
    assert row.tolist() == [0, 1, 2]
    assert all(found[name].tolist() == backups[name].tolist() for name in names)


def test_a_larger_device_has_so_many_times_the_files_and_the_bytes_at_the_same_moments():
    backups = {name: np.array([2.0, np.nan]) for name in (*FIGURES, "files_before", "bytes_before", "ended_at")}
    found = larger(backups, 30, 1_000)
    times = {name: found[name][0] / 2 for name in found}
    assert all(np.isnan(column[1]) for column in found.values())
    assert times.pop("ended_at") == 1
    assert {name for name in times if times[name] == 1_000} == {name for name in times if name.startswith("bytes")}
    assert {name for name in times if times[name] == 30} == {name for name in times if not name.startswith("bytes")}
