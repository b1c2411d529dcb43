"""kopia: `snapshot create --json` with its exit status, and `snapshot list --json --storage-stats` beside it or alone.

Read as printed by 0.23. What a snapshot added to the store is told by the list alone. Neither counts changes, but by
how much the number of files changed is known, and from the list how many contents were new. docs/bring-your-own.md
says how to collect the files.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from jobs.ingest.outcomes import (
    Outcome,
    attempt,
    backup,
    count,
    exit_status,
    failed,
    first_line,
    moment,
    without_summary,
)
from jobs.ingest.stems import Fault, Record, Stem, json_object, json_value

PRODUCT = "kopia"
OUTPUT, LIST, ERRORS = "create.json", "list.json", "stderr"


@dataclass(frozen=True)
class Source:
    """The listed snapshots of one source in the order of time, where each is among them, and whether any compressed."""

    snapshots: Sequence[Record]
    places: Mapping[str, int]
    compresses: bool


def read(stem: Stem) -> Iterator[Outcome]:
    """The run's backups, one for each source, or why there is none; of a stem that is only a list, each snapshot."""
    if stem.has(LIST) and not stem.has(OUTPUT):
        yield from _listed(stem)
        return
    created = _created(stem)
    listed = _by_source(_snapshots(json_value(stem.text(LIST))))
    sources = {_source(snapshot) for snapshot in created}
    for snapshot in created:
        device_id = _device(stem, snapshot, sources)
        if _cut(snapshot):
            yield _failed(stem, snapshot, device_id)
        else:
            yield attempt(_backup, stem, snapshot, listed, device_id)
    if not created:
        yield without_summary(PRODUCT, stem, OUTPUT, _complaint(stem))


def _created(stem: Stem) -> list[Record]:
    """What `snapshot create` printed: one object, over many lines with --json-indent, or one a line for each source."""
    said = stem.text(OUTPUT)
    whole = json_value(said)
    found = [whole] if isinstance(whole, dict) else [json_object(line) for line in said.splitlines()]
    return _snapshots(found)


def _listed(stem: Stem) -> Iterator[Outcome]:
    said = json_value(stem.text(LIST))
    snapshots = _snapshots(said)
    if said is None:
        yield without_summary(PRODUCT, stem, LIST, None)
        return
    if not snapshots:
        yield Fault("unknown_shape", f"{LIST} lists no snapshots; write the output of kopia snapshot list --json")
        return
    for _ in range(len(said) - len(snapshots)):
        yield Fault("unknown_shape", f"an element of {LIST} is no snapshot with its id")
    listed = _by_source(snapshots)
    for snapshot in snapshots:
        if _cut(snapshot):
            yield Fault("truncated", "an incomplete snapshot is what an interrupted run left behind, no backup")
        else:
            yield attempt(_backup, stem, snapshot, listed, _device(stem, snapshot, set(listed)))


def _backup(stem: Stem, snapshot: Record, listed: Mapping[str, Source], device_id: str) -> Record:
    status = exit_status(stem) if stem.has(OUTPUT) else None  # else it is that of the list
    root = _object(snapshot, "rootEntry")
    # A source that is one file has no summary.
    summary = {"files": 1, "dirs": 0, "size": root.get("size")} if root.get("type") == "f" else _object(root, "summ")
    is_whole = status in (None, 0) and not count(summary, "numFailed")
    started = moment(snapshot.get("startTime")) or stem.started_at
    return backup(
        PRODUCT,
        stem,
        device_id=device_id,
        backup_id=snapshot["id"],
        status="complete" if is_whole else "partial",
        started_at=started,
        ended_at=moment(snapshot.get("endTime")) or started,
        exit_status=status,
        message=None if is_whole else _complaint(stem),
        files_total=count(summary, "files"),
        dirs_total=count(summary, "dirs"),
        bytes_total=count(summary, "size"),
        **_new_data(snapshot, listed.get(_source(snapshot))),
    )


def _by_source(snapshots: Iterable[Record]) -> dict[str, Source]:
    found: dict[str, list[Record]] = defaultdict(list)
    for snapshot in snapshots:
        found[_source(snapshot)].append(snapshot)
    return {
        source: Source(
            listed,
            {each["id"]: place for place, each in reversed(list(enumerate(listed)))},
            any(_has_compressed(_stored(each)) for each in listed),
        )
        for source, listed in found.items()
    }


def _stored(snapshot: Record) -> Record:
    return _object(_object(snapshot, "storageStats"), "newData")


def _has_compressed(new_data: Record) -> bool:
    new, packed = new_data.get("originalContentBytes"), new_data.get("packedContentBytes")
    return type(new) is int and type(packed) is int and packed < new


def _new_data(snapshot: Record, source: Source | None) -> Record:
    """What the snapshot added to what those listed before it had stored, and the kind of backup that makes it.

    Of the oldest snapshot all is called new. Compression is off unless it was asked for; then what is stored is a
    little more than what is new, and nothing is known of how well the data compresses.
    """
    place = source.places.get(snapshot["id"]) if source else None
    if source is None or place is None:
        return {}
    if place == 0:
        return {"backup_kind": "full" if len(source.snapshots) == 1 else None}
    stored = _stored(source.snapshots[place])
    unique, packed = count(stored, "originalContentBytes"), count(stored, "packedContentBytes")
    updated = _updated(stored, *(_files(source.snapshots[at]) for at in (place - 1, place)))
    by_rule = [] if updated is None else ["files_updated"]
    return {
        "backup_kind": "incremental",
        "files_updated": updated,
        "derived": by_rule,
        "upper_bound": by_rule,
        "bytes_unique": unique,
        "bytes_compressed": None if unique is None or packed is None or not source.compresses else min(packed, unique),
    }


def _updated(new_data: Record, before: int | None, after: int | None) -> int | None:
    """New contents beyond the files gained: those updated, and as many of the added as others were deleted."""
    contents = count(new_data, "fileObjects")
    if contents is None or before is None or after is None:
        return None
    return max(0, contents - max(0, after - before))


def _files(snapshot: Record) -> int | None:
    return count(_object(_object(snapshot, "rootEntry"), "summ"), "files")


def _failed(stem: Stem, snapshot: Record, device_id: str) -> Record:
    """A run that was interrupted: kopia keeps what it has for the next one, and may return 0."""
    return failed(PRODUCT, stem, f"incomplete: {_cut(snapshot)}", device_id=device_id)


def _snapshots(said: object) -> list[Record]:
    """Those elements of a list that are snapshots, in the order of time."""
    found = [each for each in said if isinstance(each, dict)] if isinstance(said, list) else []
    found = [each for each in found if isinstance(each.get("id"), str) and (_object(each, "rootEntry") or _cut(each))]
    return sorted(found, key=lambda each: str(each.get("startTime")))


def _cut(snapshot: Record) -> str | None:
    """Why the run ended before its end, in kopia's word; None: it did not."""
    return first_line(snapshot.get("incomplete"))


def _source(snapshot: Mapping[str, object]) -> str:
    source = snapshot.get("source")
    path = source.get("path") if isinstance(source, dict) else None
    return path if isinstance(path, str) else ""


def _device(stem: Stem, snapshot: Record, sources: set[str]) -> str:
    """The folder; where snapshots of several sources are in one file, each source is a device below it."""
    return stem.device_id if len(sources) == 1 else f"{stem.device_id}/{_source(snapshot).strip('/')}"


def _complaint(stem: Stem) -> str | None:
    """The last line: what a run ends with says how many errors there were, or the only one."""
    lines = [said for line in stem.text_lines(ERRORS) if (said := first_line(line))]
    return lines[-1] if lines else None


def _object(said: Mapping[str, object], name: str) -> Record:
    found = said.get(name)
    return found if isinstance(found, dict) else {}
