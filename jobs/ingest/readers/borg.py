"""borg: `create --json`, with its exit status, its log, and `diff --json-lines` where there is one; or `info --json`.

Read as printed by 1.2, 1.4 and a beta of 2. The times of 1 are local and name no zone: a run begins when its stem says.
Counts of changes come from the diff alone: the `A` and `M` lines of `--list` also name files that did not change. Which
files were touched they do say, where there is no diff.
docs/bring-your-own.md says how to collect the files.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from jobs.ingest.outcomes import (
    Outcome,
    after,
    attempt,
    backup,
    count,
    exit_status,
    first_line,
    local_moment,
    without_summary,
)
from jobs.ingest.paths import PathSample
from jobs.ingest.readers.borg_diff import DIFF, FROM_DIFF, changed
from jobs.ingest.stems import LONGEST_LINE, Fault, Record, Stem, json_object, json_value
from jobs.ingest.unpack import CutOffError, lines

OUTPUT, LOG, ERRORS, INFO = "create.json", "log.jsonl", "stderr", "info.json"
LISTS = ("list.json", "rlist.json", "repo-list.json")  # as 1, the betas of 2 and 2 call the list of a repository
ARCHIVE_ID = re.compile(r"[0-9a-f]{64}")
CHECKPOINT = re.compile(r"\.checkpoint(\.\d+)?$")
SHOW_RC = "borg.output.show-rc"  # this logger repeats the exit status as an error; it says no cause
LISTED = {"A": "added", "M": "updated", "C": "updated"}  # of regular files; C: changed while it was read
UNREAD = re.compile(r"^E |\[Errno \d+\]")  # a file that was not read, where the log is text


@dataclass(frozen=True)
class Log:
    """What a run said: the first error and warning, whether files were left out or it only tried, what it listed."""

    error: Record | None
    warning: Record | None
    has_unread: bool
    is_dry_run: bool
    paths: PathSample


def read(stem: Stem) -> Iterator[Outcome]:
    """The run's backup or why there is none; of a stem that is only a list of archives, each of them."""
    if stem.has(OUTPUT) or stem.has("exit"):
        yield from _run(stem)
    else:
        what = next((what for what in (INFO, *LISTS) if stem.has(what)), OUTPUT)
        said = json_value(stem.text(what))
        yield from [without_summary(stem.product, stem, what, None)] if said is None else listed(stem, said, what)


def _run(stem: Stem) -> Iterator[Outcome]:
    created = json_object(stem.text(OUTPUT)) or {}
    log = _log(stem)
    if archive_of(created):
        yield from created_archive(stem, created, log)
    elif log.is_dry_run and not created and stem.exit_status() in (None, 0):
        yield Fault("dry_run", "a dry run stores nothing; leave its output out of the landing folder")
    else:
        cause = log.error or {"message": _last_text(stem)}
        ended = without_summary(stem.product, stem, OUTPUT, first_line(cause.get("message")))
        yield ended if isinstance(ended, Fault) else {**ended, **_msgid(cause)}


def created_archive(stem: Stem, created: Record, log: Log | None = None) -> Iterator[Outcome]:
    """The backup that `create` made, and why its diff is not used; `log` is what the run said, if that was read."""
    archive = archive_of(created)
    kind = _kind(created, archive)
    log = log or _log(stem)
    changes = attempt(changed, stem, archive, kind == "full") if stem.has(DIFF) else {}
    has_no_diff = isinstance(changes, Fault) or not changes
    yield attempt(_backup, stem, archive, kind, log, {"file_changes": log.paths.kept()} if has_no_diff else changes)
    if isinstance(changes, Fault):
        yield changes


def _backup(stem: Stem, archive: Record, kind: str | None, log: Log, changes: Record) -> Record:
    status = exit_status(stem)
    is_whole = status == 0 or (status is None and not (log.error or log.warning or log.has_unread))
    cause = {} if is_whole else log.error or log.warning or {}
    stats = archive["stats"]
    # A beta of borg 2 knows no compressed size; what its deduplication leaves is not compressed yet.
    left = "bytes_compressed" if "compressed_size" in stats else "bytes_unique"
    figures = {
        **_totals(stats),
        left: count(stats, "deduplicated_size"),
        **{name: changes.get(name) for name in FROM_DIFF},
    }
    # 1.2 adds the archive's description of itself to every size. A file that could not be read is missing from the
    # archive, and so the diff calls it removed.
    too_high = ["bytes_total", "bytes_total_compressed", left, *changes.get("upper_bound", ())]
    too_high += [] if is_whole else ["files_deleted", "bytes_deleted"]
    record = backup(
        stem.product,
        stem,
        backup_id=archive["id"],
        backup_kind=kind,
        status="complete" if is_whole else "partial",
        started_at=stem.started_at,
        ended_at=after(stem.started_at, archive.get("duration")),
        exit_status=status,
        message=first_line(cause.get("message")),
        archive=first_line(archive.get("name")),
        **figures,
        file_changes=changes.get("file_changes"),
        upper_bound=[name for name in too_high if figures.get(name) is not None],
    )
    return {**record, **_msgid(cause)}


def listed(stem: Stem, said: object, what: str) -> Iterator[Outcome]:
    """Archives as `borg info --json` or `borg list --json` lists them; the latter prints no figures."""
    archives = said.get("archives") if isinstance(said, dict) else None
    if not isinstance(said, dict) or not isinstance(archives, list) or not archives:
        yield Fault("unknown_shape", f"{what} lists no archives; write the output of borg info --json --last 100 REPO")
        return
    for element in archives:
        archive = archive_of({"archive": element})
        if not archive:
            yield Fault("unknown_shape", f"an element of {what} is no archive with its id")
        elif what in LISTS:
            yield Fault("no_figures", "borg list prints no sizes; land the output of borg info --json --last 100 REPO")
        else:
            yield attempt(_of_info, stem, said, archive)


def _of_info(stem: Stem, said: Record, archive: Record) -> Outcome:
    """One archive of `borg info`. Its deduplicated_size is left alone: it shrinks when others share the data."""
    name = first_line(archive.get("name"))
    if name and CHECKPOINT.search(name):
        return Fault("truncated", "a checkpoint is what an interrupted run left behind, no backup")
    started, ended = _local(stem, archive, "start"), _local(stem, archive, "end")
    return backup(
        stem.product,
        stem,
        backup_id=archive["id"],
        backup_kind="full" if _kind(said, archive) == "full" else None,  # of many, the oldest may be a first one
        started_at=min(started, ended),  # one hour of autumn is there twice
        ended_at=ended,
        archive=name,
        **_totals(archive["stats"]),
    )


def _local(stem: Stem, archive: Record, name: str) -> datetime:
    return local_moment(stem, archive.get(name), name, "device", "borg prints it")


def archive_of(created: Record) -> Record:
    """What borg says of the archive that it created, its stats a dict; empty if it is none."""
    said = created.get("archive")
    if not isinstance(said, dict) or not isinstance(said.get("id"), str) or not ARCHIVE_ID.fullmatch(said["id"]):
        return {}
    return {**said, "stats": _object(said, "stats")}


def _totals(stats: Record) -> dict[str, int | None]:
    return {
        "files_total": count(stats, "nfiles"),
        "bytes_total": count(stats, "original_size"),
        "bytes_total_compressed": count(stats, "compressed_size"),
    }


def _kind(said: Record, archive: Record) -> str | None:
    """The word full if the repository holds this archive alone, incremental if more, None if it does not say."""
    held: Any = _object(_object(said, "cache"), "stats").get("total_size")
    size: Any = archive["stats"].get("original_size")
    if type(held) is not int or type(size) is not int:
        return None
    return "full" if held <= size else "incremental"


def _log(stem: Stem) -> Log:
    error = warning = None
    has_unread = is_dry_run = False
    paths = stem.paths()
    for message in _messages(stem):
        level = message.get("levelname")
        if message.get("type") == "file_status":
            status = str(message.get("status"))
            has_unread |= status == "E"
            is_dry_run |= status == "-"
            if status in LISTED:
                paths.add(message.get("path"), LISTED[status])
        elif message.get("name") == SHOW_RC:
            continue
        elif level in ("ERROR", "CRITICAL"):
            error = error or message
        elif level == "WARNING":
            warning = warning or message
    return Log(error, warning, has_unread, is_dry_run, paths)


def _messages(stem: Stem) -> Iterator[Record]:
    """What borg said, wherever that went. Without --log-json it is text, of which only what was not read is of use."""
    yield from stem.json_lines(LOG)
    for line in stem.text(ERRORS).splitlines():
        said = line.decode("utf-8", "replace")
        if line.startswith(b"{"):
            yield json_object(line) or {}
        elif UNREAD.search(said):
            yield {"levelname": "WARNING", "message": said}


def _last_text(stem: Stem) -> str | None:
    """The last line that is no JSON: what a shell, ssh, or borg without --log-json says before it gives up."""
    found = None
    for what in (LOG, ERRORS):
        try:
            for line in lines(stem.files[what], LONGEST_LINE) if stem.has(what) else ():
                if isinstance(line, bytes) and line.strip() and not line.startswith(b"{"):
                    found = line.decode("utf-8", "replace")
        except CutOffError:  # said already, when the log was read
            continue
    return found


def _msgid(message: Record) -> Record:
    """The tool's own word for what went wrong, as in LockTimeout."""
    msgid = first_line(message.get("msgid"))
    return {"msgid": msgid} if msgid else {}


def _object(said: Record, name: str) -> Record:
    found = said.get(name)
    return found if isinstance(found, dict) else {}
