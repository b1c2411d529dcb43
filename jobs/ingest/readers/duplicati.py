"""Duplicati: the result of an operation in JSON, as it posts it or hands it to a script.

Written after its documentation and reports that others publish; not checked against the program. What it uploads holds
lists and indexes besides the data. docs/bring-your-own.md says how to collect the files.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from jobs.ingest.outcomes import Outcome, backup, count, exit_status, failed, first_line, moment, without_summary
from jobs.ingest.paths import PathSample
from jobs.ingest.stems import Fault, Record, Stem, fault_with, json_object

PRODUCT = "duplicati"
OUTPUT, ERRORS, LOG = "result.json", "stderr", "log.txt"
# Of a log file at the level Verbose: a file whose content is new. It names none that was deleted.
LISTED = re.compile(r"\[Verbose-[^\]]*\]: (?P<what>New file|File has changed) (?P<path>.+)")
STATUSES = {"Success": "complete", "Warning": "complete", "Error": "failed", "Fatal": "failed"}


def read(stem: Stem) -> Iterator[Outcome]:
    """The run's backup or why there is none."""
    said = json_object(stem.text(OUTPUT)) or {}
    result = _object(said, "Data") or said
    extra = _object(said, "Extra")
    operation = result.get("MainOperation") or extra.get("OperationName")
    if operation not in (None, "Backup"):
        yield Fault("unknown_shape", f"the result is of the operation {first_line(operation)}, which is no backup")
    elif result.get("Dryrun") is True:
        yield Fault("dry_run", "a dry run stores nothing; leave its output out of the landing folder")
    elif result.get("ParsedResult") in STATUSES:
        yield _backup(stem, result, extra)
    elif operation:  # an operation that broke off says why, and nothing that it did
        yield failed(PRODUCT, stem, first_line(result.get("Message")))
    elif result:
        yield fault_with("unknown_shape", f"{OUTPUT} has no result of an operation", stem.text(OUTPUT))
    else:
        yield without_summary(PRODUCT, stem, OUTPUT, first_line(stem.text(ERRORS).decode("utf-8", "replace")))


def _backup(stem: Stem, result: Record, extra: Record) -> Record:
    status = STATUSES[result["ParsedResult"]]
    began, ended = moment(result.get("BeginTime")), moment(result.get("EndTime"))
    message = next((said for name in ("Errors", "Warnings") if (said := _first(result.get(name)))), None)
    if status == "failed" or result.get("Interrupted") is True:
        return failed(PRODUCT, stem, message)
    is_partial = result.get("PartialBackup") is True or count(result, "FilesWithError") or exit_status(stem)
    began = began or stem.started_at
    return backup(
        PRODUCT,
        stem,
        backup_id=f"{first_line(extra.get('backup-id')) or stem.device_id} {began:%Y%m%dT%H%M%SZ}",
        status="partial" if is_partial else status,
        started_at=began,
        ended_at=ended or began,
        exit_status=exit_status(stem),
        message=message,
        **_figures(result),
        file_changes=_paths(stem).kept(),
    )


def _paths(stem: Stem) -> PathSample:
    paths = stem.paths()
    for line in stem.text_lines(LOG):
        if said := LISTED.search(line):
            paths.add(said["path"], "added" if said["what"] == "New file" else "updated")
    return paths


def _figures(result: Record) -> Record:
    added, updated, deleted, total = (
        count(result, f"{how}Files") for how in ("Added", "Modified", "Deleted", "Examined")
    )
    sizes = [count(result, f"SizeOf{how}Files") for how in ("Added", "Modified")]
    uploaded = None if None in sizes else sum(size for size in sizes if size)
    sent = count(_object(result, "BackendStatistics"), "BytesUploaded")
    return {
        "backup_kind": "full" if added and added == total and not (updated or deleted) else "incremental",
        "files_added": added,
        "files_updated": updated,
        "files_deleted": deleted,
        "files_total": total,
        "bytes_total": count(result, "SizeOfExaminedFiles"),
        "bytes_uploaded": uploaded,
        "bytes_compressed": None if sent is None or uploaded is None else min(sent, uploaded),
        "derived": ["bytes_compressed"] if sent is not None and uploaded is not None else [],
    }


def _first(said: object) -> str | None:
    return first_line(said[0]) if isinstance(said, list) and said else None


def _object(said: Record, name: str) -> Record:
    found = said.get(name)
    return found if isinstance(found, dict) else {}
