"""`uda read`: records on stdout, what can't be used on stderr, as a script would read them."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from jobs.cli import main

OUTPUTS = Path(__file__).parent / "readers" / "outputs"
SUMMARY = {
    "message_type": "summary",
    **{"files_new": 0, "files_changed": 5, "files_unmodified": 995, "total_files_processed": 1000},
    **{"dirs_new": 0, "dirs_changed": 2, "dirs_unmodified": 8, "data_blobs": 8, "tree_blobs": 2},
    **{"data_added": 9000, "total_bytes_processed": 10**8, "total_duration": 2.0},
}


@pytest.fixture
def land(tmp_path):
    """Lands a run of restic as it prints one, on a day of March 2025."""

    def run(day, exit_status=0, device="nas", **changes):
        folder = tmp_path / "restic" / device
        folder.mkdir(parents=True, exist_ok=True)
        summary = SUMMARY | {"snapshot_id": f"{day:08}"} | changes
        said = "" if exit_status else json.dumps(summary)
        (folder / f"202503{day:02}T013007Z.backup.jsonl").write_text(said)
        (folder / f"202503{day:02}T013007Z.exit").write_text(str(exit_status))
        return tmp_path / "restic"

    return run


def read(capsys, *arguments):
    """Exit status, records, and what was refused."""
    status = main(["read", *map(str, arguments)])
    said = capsys.readouterr()
    return status, *([json.loads(line) for line in text.splitlines()] for text in (said.out, said.err))


def test_records_come_in_the_order_of_time_with_the_deletes_that_follow_from_the_run_before(land, capsys):
    folder = land(3, total_files_processed=990, files_new=2)
    land(1, total_files_processed=1000, files_new=1000, files_changed=0)
    land(2, exit_status=11)
    status, records, refused = read(capsys, "restic", folder)
    assert (status, refused) == (0, [])
    assert [record["backup_id"] for record in records] == ["00000001", "20250302T013007Z", "00000003"]
    first, failed, last = records
    assert (first["source"], first["position"]) == ("restic/nas/20250301T013007Z", 1)
    assert "files_deleted" not in first | failed
    assert last["files_deleted"] == 12
    assert "files_deleted" in last["derived"]


def test_after_a_partial_backup_no_deletes_follow_and_added_files_may_be_too_many(land, capsys):
    land(1)
    land(3, exit_status=0, files_new=4)
    folder = land(2)
    (folder / "nas" / "20250302T013007Z.exit").write_text("3")
    _, records, _ = read(capsys, "restic", folder)
    assert [record["status"] for record in records] == ["complete", "partial", "complete"]
    assert not [record for record in records if "files_deleted" in record]
    assert "files_added" in records[2]["upper_bound"]


def test_the_same_backup_twice_is_refused_and_says_where_it_is_held(land, capsys):
    folder = land(1)
    (folder / "nas" / "20250301T013008Z.backup.jsonl").write_text(json.dumps(SUMMARY | {"snapshot_id": "00000001"}))
    other = SUMMARY | {"snapshot_id": "00000001", "total_files_processed": 7}
    (folder / "nas" / "20250301T013009Z.backup.jsonl").write_text(json.dumps(other))
    _, records, refused = read(capsys, "restic", folder)
    assert len(records) == 1
    assert [(r["source"], r["reason"]) for r in refused] == [
        ("restic/nas/20250301T013008Z", "duplicate"),
        ("restic/nas/20250301T013009Z", "conflicting_record"),
    ]


def test_a_device_is_what_lies_between_the_products_folder_and_the_file(land, capsys):
    folder = land(1, device="berlin/nas")
    for path in (folder, folder / "berlin", folder / "berlin" / "nas" / "20250301T013007Z.backup.jsonl"):
        _, records, _ = read(capsys, "restic", path)
        assert [record["device_id"] for record in records] == ["berlin/nas"]


def test_files_that_no_run_left_are_refused_and_drafts_are_not_looked_at(land, capsys):
    folder = land(1)
    (folder / "nas" / "notes.txt").write_text("hello")
    (folder / "nas" / "20250302T013007Z.exit.tmp").write_text("0")
    _, _, refused = read(capsys, "restic", folder)
    assert [(r["source"], r["position"], r["reason"]) for r in refused] == [
        ("restic/nas/notes.txt", 0, "unknown_shape")
    ]


def test_local_times_are_read_in_the_zone_that_is_named_and_refused_without_one(tmp_path, capsys):
    stats = {"nfiles": 3, "original_size": 10, "compressed_size": 5, "deduplicated_size": 1}
    archive = {"id": "aa" * 32, "name": "a", "start": "2025-03-23T02:40:07.000000", "stats": stats}
    file = tmp_path / "20250324T000000Z.info.json"
    file.write_text(json.dumps({"archives": [archive | {"end": "2025-03-23T02:41:07.000000"}]}))
    _, _, refused = read(capsys, "borg", file)
    assert [r["reason"] for r in refused] == ["no_time_zone"]
    _, records, _ = read(capsys, "borg", file, "--time-zone", "Europe/Berlin")
    assert [record["ended_at"] for record in records] == ["2025-03-23T01:41:07Z"]


def test_devices_of_two_tenants_by_the_same_name_are_two(tmp_path, capsys):
    folder = tmp_path / "insync" / "laptop"
    folder.mkdir(parents=True)
    said = {"schema": "insync/1", "deviceID": "laptop", "status": "backed_up", "filesTotal": 9, "filesAdded": 1}
    for day in (3, 4):
        times = {"startTime": f"2025-03-0{day}T02:00:00Z", "endTime": f"2025-03-0{day}T02:01:00Z", "snapshotID": day}
        lines = [json.dumps(said | times | {"customerID": tenant}) for tenant in ("acme", "bolt")]
        (folder / f"2025030{day}T020000Z.jsonl").write_text("\n".join(lines))
    _, records, refused = read(capsys, "insync", folder)
    assert (len(records), refused) == (4, [])
    assert [record.get("files_deleted") for record in records] == [None, None, 1, 1]


def test_a_path_that_is_not_there_is_named(tmp_path, capsys):
    assert main(["read", "restic", str(tmp_path / "gone")]) == 1
    assert "gone: no such file or folder" in capsys.readouterr().err


def test_an_unknown_zone_or_product_is_wrong_usage(tmp_path, capsys):
    for arguments in (["restic", str(tmp_path), "--time-zone", "Mars"], ["tape", str(tmp_path)]):
        with pytest.raises(SystemExit) as left:
            main(["read", *arguments])
        assert left.value.code == 2
        assert "Europe/Berlin" in (said := capsys.readouterr().err) or "restic" in said


def test_reading_starts_no_spark(tmp_path):
    code = "import sys; from jobs.cli import main; main(['read', 'restic', sys.argv[1]])"
    code += "; assert 'pyspark' not in sys.modules"
    subprocess.run([sys.executable, "-c", code, str(OUTPUTS / "restic")], check=True, capture_output=True)
