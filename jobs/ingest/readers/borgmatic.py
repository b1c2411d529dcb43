"""borgmatic: `create --json` and `info --json`, what borg prints for each of its repositories, in a list.

Read as printed by 2.1 over borg 1.4. A file that can't be read makes borgmatic fail as a lock does, though its archive
is there. docs/bring-your-own.md says how to collect the files.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace

from jobs.ingest.outcomes import Outcome, first_line, without_summary
from jobs.ingest.readers import borg
from jobs.ingest.stems import Fault, Record, Stem, json_value

PRODUCT = "borgmatic"


def read(stem: Stem) -> Iterator[Outcome]:
    """The run's backup in each repository, or why there is none; of a stem that is only a list, each archive."""
    if not stem.has(borg.OUTPUT) and not stem.has("exit"):
        yield from _listed(stem)
        return
    created = [each for each in _repositories(stem, borg.OUTPUT) or [] if borg.archive_of(each)]
    for device, said in _devices(stem, created):
        for outcome in borg.created_archive(device, said):
            yield outcome if isinstance(outcome, Fault) else _with_own_files(outcome)
    if not created:
        yield without_summary(PRODUCT, stem, borg.OUTPUT, _complaint(stem))


def _listed(stem: Stem) -> Iterator[Outcome]:
    what = next((what for what in (borg.INFO, *borg.LISTS) if stem.has(what)), borg.OUTPUT)
    repositories = _repositories(stem, what)
    if not repositories:
        yield without_summary(PRODUCT, stem, what, None)
        return
    for device, said in _devices(stem, repositories):
        for outcome in borg.listed(device, said, what):
            yield outcome if isinstance(outcome, Fault) else _with_own_files(outcome)


def _with_own_files(record: Record) -> Record:
    """The record; borgmatic backs up two files of its own as well."""
    return {**record, "upper_bound": sorted({*record.get("upper_bound", ()), "files_total", "bytes_total"})}


def _repositories(stem: Stem, what: str) -> list[Record]:
    said = json_value(stem.text(what))
    return [each for each in said if isinstance(each, dict)] if isinstance(said, list) else []


def _devices(stem: Stem, repositories: Sequence[Record]) -> Iterator[tuple[Stem, Record]]:
    """Each repository as a device: the folder, or below it by label or id where a run went to several.

    What is new to one repository is not to another, so that both in one history would compare what can't be compared.
    """
    for said in repositories:
        repository = said.get("repository")
        names = [repository.get(key) for key in ("label", "id")] if isinstance(repository, dict) else []
        name = next((word[:40] for each in names if (word := first_line(each))), "unnamed")
        yield (replace(stem, device_id=f"{stem.device_id}/{name}") if len(repositories) > 1 else stem), said


def _complaint(stem: Stem) -> str | None:
    """The first line: borg's own words come before borgmatic's."""
    return next((said for line in stem.text_lines(borg.ERRORS) if (said := first_line(line))), None)
