"""rsync: what `--stats` prints at the end of a run, with its exit status; from a `--log-file` where stdout has none.

Read as printed by 3.5 in two locales, with and without `-h` and `-i`. A line of one number is taken as of 3.0, untried.
rsync names no moment and no host: the stem and the folder do. docs/bring-your-own.md says how to collect the files.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping

from jobs.ingest.outcomes import Outcome, RefusedError, backup, exit_status, first_line, without_summary
from jobs.ingest.paths import PathSample
from jobs.ingest.stems import Fault, Record, Stem

PRODUCT = "rsync"
OUTPUT, LOG, ERRORS = "stdout.txt", "rsync.log", "stderr"
STAMP = re.compile(r"\d{4}/\d\d/\d\d \d\d:\d\d:\d\d \[\d+\] ")  # before each line of a log file, in local time
FIRST, LAST, DRY_RUN = "Number of files", "Total bytes received", "(DRY RUN)"
CREATED, DELETED = "Number of created files", "Number of deleted files"
TRANSFERRED = ("Number of regular files transferred", "Number of files transferred")  # since 3.1, and before
# Folders do too, but of few files, and nearly every run makes some.
PLACE_TAKERS = {"link", "dev", "special"}
SIZES = {
    "bytes_total": "Total file size",
    "bytes_uploaded": "Total transferred file size",
    "bytes_unique": "Literal data",
}
# 23: some files could not be read; 24: some vanished meanwhile; 25: more was gone than --max-delete lets go.
PARTIAL = (23, 24, 25)
SAID_PARTIAL = re.compile(r"\(code 2[345]\)")
# *deleting, or <f and >f for a file that is sent or received and what of it differs.
ITEM = re.compile(r"(?:\*deleting {3}|[<>]f(?P<marks>\S{9}) )(?P<path>.+)")
WHOLE = re.compile(r"(\d{1,19}|\d{1,3}(?:[.,]\d{3}){1,6})(?: B| bytes)?")  # grouped as the locale does
IN_UNITS = re.compile(r"(\d{1,4})[.,](\d\d)([KMGTP])(?: bytes)?")  # -h: in thousands, millions and so on
UNITS: dict[str, int] = {unit: 1000**power for power, unit in enumerate("KMGTP", start=1)}


def read(stem: Stem) -> Iterator[Outcome]:
    """The run's backup or why there is none."""
    paths = stem.paths()
    printed = _printed(_itemized(stem.text_lines(OUTPUT), paths))
    if not printed or not paths.listed:
        of_log = _printed(_itemized(stem.text_lines(LOG), paths))
        printed = printed or of_log
    status = exit_status(stem)
    if not printed or status not in (None, 0, *PARTIAL):
        what = LOG if stem.has(LOG) and not stem.has(OUTPUT) else OUTPUT
        yield without_summary(PRODUCT, stem, what, _complaint(stem))
    elif DRY_RUN in printed:
        yield Fault("dry_run", "a dry run stores nothing; leave its output out of the landing folder")
    else:
        said_partial = status is None and any(SAID_PARTIAL.search(line) for line in stem.text_lines(ERRORS))
        is_partial = status in PARTIAL or said_partial
        yield backup(
            PRODUCT,
            stem,
            backup_id=stem.name,
            status="partial" if is_partial else "complete",
            started_at=stem.started_at,
            ended_at=stem.started_at,
            exit_status=status,
            message=_complaint(stem) if is_partial else None,
            **_figures(printed, not is_partial),
            file_changes=paths.kept(),
        )


def _itemized(lines: Iterable[str], paths: PathSample) -> Iterator[str]:
    """The same lines; what `-i` or a log file say of files goes into `paths`, files that were only touched too."""
    for line in lines:
        if said := ITEM.fullmatch(STAMP.sub("", line, count=1)):
            is_new = said["marks"] and said["marks"].startswith("+")
            paths.add(said["path"], "deleted" if not said["marks"] else "added" if is_new else "updated")
        yield line


def _printed(lines: Iterable[str]) -> dict[str, str]:
    """The last block of statistics, by its lines' names; empty if it is not whole. Names of files come before it."""
    block: dict[str, str] = {}
    for line in lines:
        name, _, value = STAMP.sub("", line, count=1).partition(":")
        if name == FIRST:
            block = {}
        if name == FIRST or block:
            block[name] = value.strip()
            if line.endswith(DRY_RUN):
                block[DRY_RUN] = ""
    return block if LAST in block else {}


def _figures(printed: Mapping[str, str], is_whole: bool) -> Record:
    """Counts of regular files alone, and sizes.

    A file that was only touched is transferred too. That nothing was deleted is printed without --delete as well, so
    it is left to follow from the totals. So are all deletes of a whole run that made links or pipes: a file whose place
    one of them took is not among those that it counts.
    """
    after, created = _kinds(printed, FIRST), _kinds(printed, CREATED)
    transferred = _first_number(printed, TRANSFERRED)
    added, deleted = created.get("reg"), _kinds(printed, DELETED).get("reg")
    figures: dict[str, int | None] = {
        "files_added": added,
        "files_updated": None if transferred is None else max(0, transferred - (added or 0)),
        "files_deleted": None if is_whole and set(created) & PLACE_TAKERS else deleted or None,
        "files_total": after.get("reg"),
        "dirs_total": after.get("dir"),
        **{name: _number(name, printed[said]) for name, said in SIZES.items() if said in printed},
    }
    # Without a remote side all of a file is copied. With one, what it holds already is not sent, and a file that was
    # only touched brings nothing new.
    is_delta = _first_number(printed, ("Matched data",)) and "bytes_unique" in figures
    figures["bytes_uploaded" if is_delta else "bytes_unique"] = None
    too_high = ["files_updated", "bytes_uploaded"]
    if "(" not in printed[FIRST]:  # 3.0 counts folders and links with the files
        too_high += ["files_total", "bytes_total"]
    elif after.get("link"):  # what a link says is its size
        too_high += ["bytes_total"]
    rounded = [name for name, said in SIZES.items() if IN_UNITS.fullmatch(printed.get(said, ""))]
    return {
        "backup_kind": _backup_kind(after, created, deleted),
        **figures,
        "derived": [name for name in rounded if figures.get(name) is not None],
        "upper_bound": [name for name in too_high if figures.get(name) is not None],
    }


def _backup_kind(after: Mapping[str, int], created: Mapping[str, int], deleted: int | None) -> str | None:
    """The word full if the target was empty: all is new, folders too. None: it can't be told from a rename of all."""
    files, dirs = after.get("reg", 0), after.get("dir", 0)
    if "reg" not in created or not files:
        return None
    if created["reg"] < files or deleted or (dirs > 1 and not created.get("dir")):
        return "incremental"
    return "full" if created.get("dir", 0) >= max(1, dirs - 1) else None


def _kinds(printed: Mapping[str, str], name: str) -> dict[str, int]:
    """Entries by kind, as in `1,959 (reg: 1,909, dir: 50)`; where no kind is told all may be files."""
    if name not in printed:
        return {}
    whole, bracket, of_kind = printed[name].partition(" (")
    if not bracket:
        return {"reg": _number(name, whole)}
    parts = (part.partition(": ") for part in of_kind.removesuffix(")").split(", "))
    return {"reg": 0} | {kind: _number(name, said) for kind, _, said in parts}


def _first_number(printed: Mapping[str, str], names: Iterable[str]) -> int | None:
    return next((_number(name, printed[name]) for name in names if name in printed), None)


def _number(name: str, said: str) -> int:
    """A count or a size; one in units is rounded to three digits or so.

    Raises
    ------
    RefusedError
        It is none as rsync prints it.
    """
    if whole := WHOLE.fullmatch(said):
        return int(re.sub("[.,]", "", whole[1]))
    if rounded := IN_UNITS.fullmatch(said):
        return int(rounded[1] + rounded[2]) * UNITS[rounded[3]] // 100
    raise RefusedError("bad_number", f"{name} must be a number as rsync prints it, got {said[:100]!r}", name)


def _complaint(stem: Stem) -> str | None:
    """What went wrong first; what follows of it comes after."""
    return next((said for line in stem.text_lines(ERRORS) if (said := first_line(line))), None)
