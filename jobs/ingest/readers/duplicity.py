"""duplicity: the block of statistics on stdout, with its exit status; or the JSON of `--jsonstat` alone.

Read as printed by 0.8 and 3.2. Each folder whose time changed is called new, so files added are left to follow from the
totals and what was deleted. docs/bring-your-own.md says how to collect the files.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from jobs.ingest.outcomes import Outcome, backup, count, exit_status, first_line, without_summary
from jobs.ingest.readers.session_block import FIRST, moments, name_of, session
from jobs.ingest.stems import Fault, Record, Stem, json_object

PRODUCT = "duplicity"
OUTPUT, ERRORS = "stdout.txt", "stderr"
# Bytes that a volume takes for an entry and for itself: they would hide how well a small upload compressed.
ENTRY_BYTES, VOLUME_BYTES = 120, 500


def read(stem: Stem) -> Iterator[Outcome]:
    """The run's backup or why there is none."""
    said = {**_json_of(stem.text_lines(OUTPUT)), **session(stem.text_lines(OUTPUT))}
    status = exit_status(stem)
    if FIRST not in said or status not in (None, 0):
        yield without_summary(PRODUCT, stem, OUTPUT, _complaint(stem))
    elif count(said, "DeltaEntries") and said.get("TotalDestinationSizeChange") == 0:
        yield Fault("dry_run", "entries changed and nothing was stored: a dry run; leave it out of the landing folder")
    else:
        is_whole = not count(said, "Errors")
        started, ended = moments(stem, said)
        yield backup(
            PRODUCT,
            stem,
            backup_id=name_of(started),
            status="complete" if is_whole else "partial",
            started_at=started,
            ended_at=ended,
            exit_status=status,
            message=None if is_whole else _complaint(stem),
            **_figures(said),
        )


def _figures(said: Record) -> Record:
    """Counts with folders and links among them, and sizes of what was new in new and changed files.

    A full backup compares with nothing: all is new, nothing changed or gone.
    """
    new, changed, deleted, total = (count(said, f"{which}Files") for which in ("New", "Changed", "Deleted", "Source"))
    is_full = _is_full(said)
    uploaded = count(said, "RawDeltaSize")
    figures = {
        "files_added": new if is_full else None,
        "files_updated": None if is_full else changed,
        "files_deleted": None if is_full else deleted,
        "files_total": total,
        "bytes_total": count(said, "SourceFileSize"),
        "bytes_uploaded": uploaded,
        "bytes_compressed": _compressed(said, uploaded),
    }
    too_high = ("files_added", "files_updated", "files_deleted", "files_total", "bytes_total")
    return {
        "backup_kind": "full" if is_full else "incremental",
        **figures,
        "derived": [name for name in ("bytes_uploaded", "bytes_compressed") if figures[name] is not None],
        "upper_bound": [name for name in too_high if figures[name] is not None],
    }


def _is_full(said: Record) -> bool:
    """Whether all is new. The JSON says what was asked for: a first backup calls itself incremental there."""
    meta = said.get("backup_meta")
    if isinstance(meta, dict) and meta.get("action") == "full":
        return True
    new, changed, deleted, total = (said.get(f"{which}Files") for which in ("New", "Changed", "Deleted", "Source"))
    return bool(total) and new == total and not changed and not deleted


def _compressed(said: Record, uploaded: int | None) -> int | None:
    """What was stored, without what describes the entries."""
    stored = said.get("TotalDestinationSizeChange")
    if uploaded is None or not isinstance(stored, int):
        return None
    own = ENTRY_BYTES * ((count(said, "NewFiles") or 0) + (count(said, "ChangedFiles") or 0)) + VOLUME_BYTES
    return min(max(0, stored - own), uploaded)


def _json_of(lines: Iterable[str]) -> Record:
    """The last object that --jsonstat printed between lines of text; empty if there is none."""
    found: Record = {}
    held: list[str] = []
    for line in lines:
        if line == "{":
            held = [line]
        elif held:
            held.append(line)
        if held and line == "}":
            found = json_object("\n".join(held).encode()) or found
            held = []
    return found


def _complaint(stem: Stem) -> str | None:
    """The first line that tells of an error, on stderr or among the other lines on stdout."""
    found = ((what, said) for what in (ERRORS, OUTPUT) for line in stem.text_lines(what) if (said := first_line(line)))
    return next((said for what, said in found if what == ERRORS or "rror" in said), None)
