"""A landing as nobody would wish for: records, outputs of tools and notices, damaged in every way that was thought of.

Real outputs are the start, so that the damage meets code that reads on. The same seed gives the same landing.
"""

from __future__ import annotations

import gzip
import hashlib
import json
import os
import random
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

import zstandard

from jobs.envelope import local_master, seal
from jobs.keys import read_key

OUTPUTS = Path(__file__).resolve().parents[1] / "tests" / "fast" / "readers" / "outputs"
FIRST = datetime(2025, 1, 1, 2, tzinfo=UTC)
RECORDS_A_FILE = 40
# What programs trip over: numbers that are none, halves of JSON, of UTF-8 and of markup, and signs that terminals obey.
PIECES = (
    *(b"-", b"null", b"1e400", b"NaN", b"-Infinity", b"1970-01-01T00:00:00Z", b"2100-01-01T00:00:00Z", b"9" * 400),
    *(b"{", b"]", b'"', b"\\ud800", b"\\u0000", b"\xff\xfe", b"\xed\xa0\x80", b"\x00", b"\r", b"\n", b"\n\n\n"),
    *(b"<script>", b"'; DROP TABLE backups; --", b"=1+1", b"../../etc/passwd", b"\x1b[2J", "\u202e".encode()),
    b"[" * 3000,
)
VALUES: tuple[object, ...] = (
    None,
    -1,
    1.5,
    True,
    "",
    "many",
    [],
    {},
    [[]],
    2**63,
    -(2**70),
    1e308,
    "NaN",
    {"a": {"b": [None]}},
)
NAMES = (
    "a b",
    "new\nline",
    "quote'\"",
    "bidi\u202e",
    "..",
    "ü日本",
    "percent%20+",
    "[glob]*?{a,b}",
    "-rf",
    "$(reboot)",
    "=cmd",
)


def land_hostile(landing: Path, files: int, seed: int, key_file: Path | None = None) -> None:
    """Write so many damaged files of records, and as many damaged runs of tools, below a landing folder.

    With a key one file in ten is sealed.
    """
    draw = random.Random(seed)
    runs = _real_runs()
    for number in range(files):
        _land_records(landing / "canonical" / _folder(draw), number, draw)
        _land_run(landing, *runs[number % len(runs)], number, draw)
    master = local_master(read_key(key_file)) if key_file else None
    for file in sorted(landing.rglob("*")) if master else ():
        if file.is_file() and draw.random() < 0.1:
            message = seal(file.read_bytes(), master, {"tenant_id": draw.choice(("default", "acme"))})
            file.with_name(f"{file.name}.enc").write_bytes(damaged(message, draw) if draw.random() < 0.4 else message)
            file.unlink()


def send_hostile(landing: Path, queue: Path, seed: int) -> int:
    """Write a notice for each landed file, many of them damaged, into a folder; return how many."""
    draw = random.Random(seed)
    queue.mkdir(parents=True)
    files = [file for file in sorted(landing.rglob("*")) if file.is_file()]
    for number, file in enumerate(files):
        dump: dict[str, object] = {"uri": f"{landing}/{file.relative_to(landing)}"}
        if draw.random() < 0.5:
            dump |= {"bytes": file.stat().st_size, "sha256": hashlib.sha256(file.read_bytes()).hexdigest()}
        said = json.dumps({"schema": "uda.backup_complete/1", "tenant_id": "default", "dump": dump}).encode()
        if draw.random() < 0.3:
            said = json.dumps({"Type": "Notification", "Message": said.decode()}).encode()
        (queue / f"{number}.json").write_bytes(damaged(said, draw) if draw.random() < 0.5 else said)
    return len(files)


def damaged(said: bytes, draw: random.Random) -> bytes:
    """The bytes with up to three kinds of damage."""
    for _ in range(draw.randrange(4)):
        said = draw.choice(DAMAGES)(said, draw)
    return said


def _flip(said: bytes, draw: random.Random) -> bytes:
    if not said:
        return said
    at = draw.randrange(len(said))
    return said[:at] + bytes([draw.randrange(256)]) + said[at + 1 :]


def _cut(said: bytes, draw: random.Random) -> bytes:
    return said[: draw.randrange(len(said) + 1)]


def _leave_out(said: bytes, draw: random.Random) -> bytes:
    at = draw.randrange(len(said) + 1)
    return said[:at] + said[at + draw.randrange(1, 60) :]


def _put_in(said: bytes, draw: random.Random) -> bytes:
    at = draw.randrange(len(said) + 1)
    return said[:at] + draw.choice(PIECES) + said[at:]


def _repeat(said: bytes, draw: random.Random) -> bytes:
    lines = said.splitlines(keepends=True)
    return said + b"".join(draw.choices(lines, k=draw.randrange(4))) if lines else said


def _change_value(said: bytes, draw: random.Random) -> bytes:
    """One value of one JSON object becomes another, or goes."""
    lines = said.splitlines()
    places = [number for number, line in enumerate(lines) if line.startswith(b"{") and line.endswith(b"}")]
    if not places:
        return said
    at = draw.choice(places)
    try:
        held = json.loads(lines[at])
    except (ValueError, RecursionError):
        return said
    if held:
        name = draw.choice(sorted(held))
        held.pop(name) if draw.random() < 0.3 else held.update({name: draw.choice(VALUES)})
    lines[at] = json.dumps(held).encode()
    return b"\n".join(lines) + b"\n"


DAMAGES: tuple[Callable[[bytes, random.Random], bytes], ...] = (
    *(_flip, _cut, _leave_out, _put_in, _repeat),
    *(_change_value, _change_value),
)


def _folder(draw: random.Random) -> str:
    return draw.choice(("", "", "a.jsonl", "b.parquet", draw.choice(NAMES).replace("..", "dots..")))


def _land_records(folder: Path, number: int, draw: random.Random) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    records = [_record(draw) for _ in range(RECORDS_A_FILE)]
    said = b"".join(
        damaged(line, draw).replace(b"\n", b" ") + b"\n" if draw.random() < 0.3 else line + b"\n" for line in records
    )
    ending = draw.choice((".jsonl", ".jsonl", ".json", ".jsonl.gz", ".jsonl.zst", ".parquet", ".txt", ""))
    file = folder / f"{number}{draw.choice(NAMES)}{ending}"
    file.write_bytes(_packed(said, ending, draw))
    _age(file, draw)


def _record(draw: random.Random) -> bytes:
    day = draw.randrange(60)
    device = f"{draw.choice(NAMES)} {draw.randrange(5)}"
    record = {
        "device_id": device,
        "backup_id": f"{device} {day}",
        "ended_at": f"{FIRST + timedelta(days=day):%Y-%m-%dT%H:%M:%SZ}",
        "files_added": draw.randrange(9),
        "files_updated": draw.randrange(30),
        "files_total": 1000 + day,
        "bytes_total": 10**9,
        "note": draw.choice(NAMES),
    }
    return json.dumps(record, ensure_ascii=draw.random() < 0.5).encode()


def _land_run(landing: Path, product: str, run: dict[str, bytes], number: int, draw: random.Random) -> None:
    folder = landing / product / draw.choice(("nas1", "laptop-2", draw.choice(NAMES).replace("..", "dots..")))
    folder.mkdir(parents=True, exist_ok=True)
    stem = f"{FIRST + timedelta(hours=number):%Y%m%dT%H%M%SZ}"
    for what, said in run.items():
        if draw.random() < 0.1:
            continue  # never came
        plain = what.removesuffix(".gz")
        ending = draw.choice(("", "", ".gz", ".zst"))
        file = folder / f"{stem}.{plain}{ending}"
        if draw.random() < 0.02:
            (folder / f"{stem}.{plain}.d").mkdir(exist_ok=True)  # a folder named like a file
            file = folder / f"{stem}.{plain}.d" / "inside"
        file.write_bytes(_packed(damaged(said, draw) if draw.random() < 0.6 else said, ending, draw))
        _age(file, draw)


def _packed(said: bytes, ending: str, draw: random.Random) -> bytes:
    if draw.random() < 0.03:
        said = b"\0" * draw.choice((0, 1, 30_000_000))  # packed, a few bytes: a small bomb
    if ending.endswith(".gz"):
        said = gzip.compress(said, mtime=0)
    elif ending.endswith(".zst"):
        said = zstandard.ZstdCompressor().compress(said)
    return _cut(said, draw) if draw.random() < 0.1 else said


def _age(file: Path, draw: random.Random) -> None:
    if draw.random() < 0.2:
        seconds = draw.choice((0, 10**8, 4 * 10**9))
        os.utime(file, (seconds, seconds))


def _real_runs() -> list[tuple[str, dict[str, bytes]]]:
    """Outputs of each product, by what each file is."""
    runs: dict[tuple[str, str], dict[str, bytes]] = {}
    for file in sorted(OUTPUTS.glob("*/*/*")):
        stem, _, what = file.name.partition(".")
        said = gzip.decompress(file.read_bytes()) if file.suffix == ".gz" else file.read_bytes()
        runs.setdefault((file.parts[-3], f"{file.parent}/{stem}"), {})[what] = said
    return [(product, files) for (product, _), files in runs.items()]
