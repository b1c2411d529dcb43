"""Bytes of a landed file, unpacked, in pieces of bounded size; where it breaks off, what came before is still given."""

from __future__ import annotations

import gzip
import hashlib
import io
import zlib
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import BinaryIO

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import zstandard

from jobs.files import open_file

PACKINGS = ("", ".gz", ".zst")
PIECE = 1 << 20  # bytes
# A megabyte of zeros packs into a few bytes: zstd is fed so little at a time that what comes out stays below 200 MB.
ZSTD_PIECE = 4096
LARGEST = 64 << 30  # bytes unpacked; a day of a fleet of millions is a tenth of that
CUT = "the file can't be read to its end; what was readable is used, land the rest under a new name"
TOO_LARGE = f"the file unpacks to more than {LARGEST >> 30} GiB; what came before is used, land it in parts"


class CutOffError(Exception):
    """The file ends too early, is damaged, or unpacks to more than any record file; the message says what to do."""


@dataclass(frozen=True)
class Opened:
    """A file that was sealed: its name without the seal's ending, and what it held, still packed."""

    name: str
    content: bytes = field(repr=False)


Source = str | Opened  # the address of a file, or one that is in memory


def pieces(file: Source) -> Iterator[bytes]:
    """The file's bytes, unpacked as its name says, at most `PIECE` at a time.

    Raises
    ------
    CutOffError
        After what was readable was given.
    """
    unpacked = 0
    try:
        with _stream(file) as stream:
            for unpacked_now in _unpacked(stream, file.name if isinstance(file, Opened) else file):
                for start in range(0, len(unpacked_now), PIECE):
                    yield unpacked_now[start : start + PIECE]
                unpacked += len(unpacked_now)
                if unpacked > LARGEST:
                    raise CutOffError(TOO_LARGE)
    except (OSError, EOFError, zlib.error, zstandard.ZstdError) as error:
        raise CutOffError(CUT) from error


def _stream(file: Source) -> BinaryIO:
    return io.BytesIO(file.content) if isinstance(file, Opened) else open_file(file)


@dataclass(frozen=True)
class Overlong:
    """A line of more bytes than any record has: it is not held in memory, only hashed."""

    sha256: str


def lines(file: Source, longest: int) -> Iterator[bytes | Overlong]:
    """The file's lines one by one; otherwise as `line_arrays`."""
    for some in line_arrays(file, longest):
        if isinstance(some, Overlong):
            yield some
        else:
            yield from some.to_pylist()


def line_arrays(file: Source, longest: int) -> Iterator[pa.BinaryArray | Overlong]:
    """The file's lines without their ends, many at a time; an `Overlong` stands for one of more than `longest` bytes.

    Parameters
    ----------
    longest : int
        Bytes; no less than `PIECE`.

    Raises
    ------
    CutOffError
        After the lines that were readable whole.
    """
    rest = b""
    overlong = None
    for piece in pieces(file):
        first, end, others = piece.partition(b"\n")
        if overlong is None and len(rest) + len(first) > longest:
            overlong, rest = hashlib.sha256(rest), b""
        if overlong is None:
            rest += first
        else:
            overlong.update(first)
        if end:
            yield pa.array([rest], pa.binary()) if overlong is None else Overlong(overlong.hexdigest())
            whole, end, rest = others.rpartition(b"\n")
            overlong = None
            if end:
                yield _between_ends(whole + end)
    if overlong is not None:
        yield Overlong(overlong.hexdigest())
    elif rest:
        yield pa.array([rest], pa.binary())


def _between_ends(text: bytes) -> pa.BinaryArray:
    """Lines of a text that ends with a line's end: cut at all ends at once, a tenth of what a loop takes."""
    starts = np.append(0, np.flatnonzero(np.frombuffer(text, np.uint8) == ord("\n")) + 1).astype(np.int32)
    buffers = [None, pa.py_buffer(starts), pa.py_buffer(text)]
    return pc.binary_slice(pa.Array.from_buffers(pa.binary(), len(starts) - 1, buffers), 0, -1)


def text(file: Source, longest: int) -> bytes:
    """The whole file, unpacked.

    Raises
    ------
    CutOffError
        It ends too early, or has more than `longest` bytes.
    """
    held = bytearray()
    for piece in pieces(file):
        held += piece
        if len(held) > longest:
            raise CutOffError(f"the file has more than {longest >> 20} MiB, which no such record has")
    return bytes(held)


def _unpacked(stream: BinaryIO, name: str) -> Iterator[bytes]:
    if name.endswith(".zst"):
        yield from _from_zstd(stream)
        return
    if name.endswith(".gz"):
        unzipped = gzip.GzipFile(fileobj=stream)
        while piece := unzipped.read1(PIECE):  # `read` would keep what came before a cut to itself
            yield piece
        return
    while piece := stream.read(PIECE):
        yield piece


def _from_zstd(stream: BinaryIO) -> Iterator[bytes]:
    frame = zstandard.ZstdDecompressor().decompressobj()
    is_inside = False
    while packed := stream.read(ZSTD_PIECE):
        while packed:
            if frame.eof:
                frame = zstandard.ZstdDecompressor().decompressobj()
            yield frame.decompress(packed)
            is_inside = not frame.eof
            packed = frame.unused_data if frame.eof else b""
    if is_inside:
        raise EOFError("a zstd frame breaks off")
