"""Lists of changed paths in our own shape: `changes.jsonl` beside a run, `file_changes` in a canonical record."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from jobs.ingest.paths import PathSample
from jobs.ingest.stems import LONGEST_LINE, Fault, Stem, fault_with, json_object
from jobs.ingest.unpack import CutOffError, Overlong, lines
from jobs.tables import CHANGES

LIST = "changes.jsonl"
FIELD = "file_changes"
FORM = f'must be like {{"path": "a/b.txt", "change": "added"}}, change one of {", ".join(CHANGES)}'


def listed_changes(stem: Stem) -> PathSample:
    """What `changes.jsonl` lists. Lines that can't be read become one fault of the run, which quotes the first."""
    sample = stem.paths()
    first: tuple[int, bytes | Overlong] | None = None
    wrong = 0
    try:
        for number, line in enumerate(lines(stem.files[LIST], LONGEST_LINE), start=1):
            said = json_object(line) if isinstance(line, bytes) else None
            if said and _took(sample, said):
                continue
            if not isinstance(line, bytes) or line.strip():
                wrong += 1
                first = first or (number, line)
    except CutOffError as error:
        stem.faults.append(Fault("unreadable", f"{LIST}: {error}"))
    if first:
        number, line = first
        detail = (
            f"{LIST} line {number}" + (f" and {wrong - 1:,} more" if wrong > 1 else "") + f" not used: each line {FORM}"
        )
        if isinstance(line, Overlong):
            stem.faults.append(Fault("bad_line", detail, sha256=line.sha256))
        else:
            stem.faults.append(fault_with("bad_line", detail, line))
    return sample


def with_own_lists(batch: pa.RecordBatch, most_paths: int) -> pa.RecordBatch:
    """Rows as `records` gives them, with the lists that their records have; a record whose list is none is refused."""
    mentions = pc.match_substring(batch["record"].cast(pa.binary()), f'"{FIELD}"')
    places = np.flatnonzero(pc.fill_null(mentions, False).to_numpy(zero_copy_only=False)).tolist()
    if not places:
        return batch
    columns = {name: batch[name].to_pylist() for name in ("refused", FIELD)}
    for place in places:
        record = batch["record"][place].cast(pa.binary()).as_py()
        sample = PathSample(most_paths, f"{batch['source'][place]} {batch['position'][place]}")
        if not all(isinstance(said, dict) and _took(sample, said) for said in _list_in(json_object(record) or {})):
            detail = f"{FIELD} must be a list of which each element {FORM}"
            columns["refused"][place] = {"reason": "bad_value", "field": FIELD, "detail": detail}
        columns[FIELD][place] = columns[FIELD][place] or sample.kept()
    for name, values in columns.items():
        at = batch.schema.get_field_index(name)
        batch = batch.set_column(at, batch.schema.field(at), pa.array(values, batch.schema.field(at).type))
    return batch


def _list_in(record: Mapping[str, Any]) -> list[Any]:
    said = record.get(FIELD)
    return said if isinstance(said, list) else [] if said is None else [said]


def _took(sample: PathSample, said: Mapping[str, Any]) -> bool:
    """Whether it is one changed path, which the sample then knows."""
    is_one = isinstance(said.get("path"), str) and said.get("change") in CHANGES
    if is_one:
        sample.add(said["path"], said["change"], said.get("bytes"))
    return is_one
