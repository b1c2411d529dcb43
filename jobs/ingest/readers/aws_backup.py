"""AWS Backup: jobs as `aws backup list-backup-jobs` or `describe-backup-job` prints them, or as EventBridge tells them.

Read as printed by version 1 and 2 of the command; events by AWS's documentation. AWS counts no files: only sizes are
known. A job is told several times, in any order: its last state in a run's files counts, and its end makes a backup.
docs/bring-your-own.md says how to collect the files.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

from jobs.ingest.outcomes import Outcome, attempt, backup, count, epoch, first_line, moment, without_summary
from jobs.ingest.stems import Fault, Record, Stem, fault_with, json_object, json_value

PRODUCT = "aws-backup"
LIST, ONE, EVENTS = "list-backup-jobs.json", "describe-backup-job.json", "events.jsonl"
ENDED = {
    "COMPLETED": "complete",
    "PARTIAL": "partial",
    "FAILED": "failed",
    "ABORTED": "failed",
    "EXPIRED": "failed",
}
SIZES = {"bytes_total": "backupSizeInBytes", "bytes_uploaded": "bytesTransferred"}
NEVER = datetime(1970, 1, 1, tzinfo=UTC)
Job = dict[str, Any]


def read(stem: Stem) -> Iterator[Outcome]:
    """Each job that came to its end, in the order of time; a fault where there is none."""
    jobs: dict[str, Job] = {}
    says_nothing = True
    for said in _said(stem):
        if isinstance(said, Fault):
            says_nothing = False
            yield said
        elif not said.get("isParent"):  # its children are the backups
            held = jobs.get(said["backupJobId"])
            if held is None or _turn(said) >= _turn(held):
                jobs[said["backupJobId"]] = {**(held or {}), **said}
    ended = sorted((job for job in jobs.values() if job.get("state") in ENDED), key=lambda job: _turn(job)[1:])
    for job in ended:
        yield attempt(_backup, stem, job)
    if says_nothing and not ended:
        yield _nothing(stem)


def _nothing(stem: Stem) -> Outcome:
    """Why there is no backup. A command that failed is no backup that did."""
    what = next((what for what in (LIST, ONE, EVENTS) if stem.has(what)), LIST)
    if json_value(stem.text(what)) is not None or (what == EVENTS and stem.text(what).strip()):
        return Fault("no_figures", "no job has come to its end; what is told of it later makes the backup")
    if stem.exit_status():
        return Fault("unknown_shape", f"the command failed and printed no jobs to {what}; see what it says on stderr")
    return without_summary(PRODUCT, stem, what, None)


def _turn(job: Job) -> tuple[bool, datetime, str]:
    """The last told counts, but nothing comes after an end."""
    return job.get("state") in ENDED, _at(job, "told") or NEVER, job["backupJobId"]


def _said(stem: Stem) -> Iterator[Job | Fault]:
    """Jobs as told, with the keys of an event, and when each was told; a list tells what stands at its job's end."""
    whole, one = json_value(stem.text(LIST)), json_object(stem.text(ONE))
    jobs = whole.get("BackupJobs") if isinstance(whole, dict) else None
    for job in [*(jobs if isinstance(jobs, list) else []), *([one] if one else [])]:
        if isinstance(job, dict) and isinstance(job.get("BackupJobId"), str) and isinstance(job.get("State"), str):
            keys = {name[:1].lower() + name[1:]: value for name, value in job.items()}
            yield {**keys, "told": keys.get("completionDate") or keys.get("creationDate")}
        else:
            yield Fault("unknown_shape", "an element is no backup job with its BackupJobId")
    for event in stem.json_lines(EVENTS):
        detail = event.get("detail")
        names = [detail.get(name) for name in ("backupJobId", "state")] if isinstance(detail, dict) else [None]
        if isinstance(detail, dict) and event.get("source") == "aws.backup" and all(isinstance(n, str) for n in names):
            yield {**detail, "told": event.get("time")}
        else:
            text = str(event).encode("utf-8", "replace")
            yield fault_with("unknown_shape", "the event is no Backup Job State Change of aws.backup", text)


def _backup(stem: Stem, job: Job) -> Record:
    status = ENDED[job["state"]]
    sizes = {name: _size(job, said) for name, said in SIZES.items()} if status != "failed" else {}
    return backup(
        PRODUCT,
        stem,
        device_id=first_line(job.get("resourceArn")) or stem.device_id,
        backup_id=job["backupJobId"],
        status=status,
        started_at=_at(job, "creationDate"),
        ended_at=_ended(job),
        message=first_line(job.get("statusMessage")),
        resource_name=first_line(job.get("resourceName")),
        resource_type=first_line(job.get("resourceType")),
        **sizes,
    )


def _size(job: Job, name: str) -> int | None:
    """A size, which events print as text."""
    said = job.get(name)
    is_text = isinstance(said, str) and said.isascii() and said.isdigit() and len(said) < 20
    return count({name: int(str(said)) if is_text else said}, name)


def _ended(job: Job) -> datetime | None:
    """When the job ended; one that never began has no such moment, and was last told of then."""
    return _at(job, "completionDate") or _at(job, "told") or _at(job, "creationDate")


def _at(job: Job, name: str) -> datetime | None:
    """A moment: command 1 prints seconds since 1970, command 2 and events ISO with an offset."""
    said = job.get(name)
    return moment(said) if isinstance(said, str) else epoch(said)
