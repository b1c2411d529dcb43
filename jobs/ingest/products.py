"""Which product's folder in the landing is read by what. A new reader is one file in `readers/` and one line here."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping

from jobs.ingest.outcomes import Outcome
from jobs.ingest.readers import (
    aws_backup,
    bareos,
    borg,
    borgmatic,
    cloudranger,
    duplicati,
    duplicity,
    insync,
    kopia,
    phoenix,
    rdiff_backup,
    restic,
    rsync,
    sfapex,
)
from jobs.ingest.stems import Stem

# By the name of the product's folder; each reads one run.
READERS: Mapping[str, Callable[[Stem], Iterator[Outcome]]] = {
    "aws-backup": aws_backup.read,
    "bacula": bareos.read,
    "bareos": bareos.read,
    "borg": borg.read,
    "borg2": borg.read,
    "borgmatic": borgmatic.read,
    "cloudranger": cloudranger.read,
    "duplicati": duplicati.read,
    "duplicity": duplicity.read,
    "insync": insync.read,
    "kopia": kopia.read,
    "phoenix": phoenix.read,
    "rdiff-backup": rdiff_backup.read,
    "restic": restic.read,
    "rsync": rsync.read,
    "sfapex": sfapex.read,
}
GIT = "git"  # has no runs: its folder holds repositories
