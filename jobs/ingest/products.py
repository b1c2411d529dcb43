"""Which product's folder in the landing is read by what. A new reader is one file in `readers/` and one line here."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping

from jobs.ingest.outcomes import Outcome
from jobs.ingest.readers import borg, borgmatic, duplicity, kopia, rdiff_backup, restic, rsync
from jobs.ingest.stems import Stem

# By the name of the product's folder; each reads one run.
READERS: Mapping[str, Callable[[Stem], Iterator[Outcome]]] = {
    "borg": borg.read,
    "borg2": borg.read,
    "borgmatic": borgmatic.read,
    "duplicity": duplicity.read,
    "kopia": kopia.read,
    "rdiff-backup": rdiff_backup.read,
    "restic": restic.read,
    "rsync": rsync.read,
}
GIT = "git"  # has no runs: its folder holds repositories
