"""What the blobs of a git repository weigh, and what compression would leave of them."""

from __future__ import annotations

import os
import zlib
from collections.abc import Collection, Iterator
from subprocess import PIPE, Popen
from typing import IO, NamedTuple

from jobs.ingest.git_repository import Repository, started

HEADER = 4096  # bytes; the line before a blob has less than a hundred
SAMPLE = 1 << 16  # bytes of a blob that are compressed
PIECE = 1 << 20  # bytes of the rest of a blob that are passed over at once
TOGETHER = 60  # blobs asked for at once; their names fit into the smallest pipe, so neither side waits for the other
SPARE = 10_000  # blobs remembered beyond those in use, before the others are forgotten


class Measure(NamedTuple):
    """What blobs weigh together.

    `parts` is their size after compression in 1/65536 bytes: whole numbers, so that the order of adding and taking off
    leaves no trace. `missing` is how many of them the clone lacks, whose size is a guess.
    """

    size: int
    parts: int
    missing: int

    @property
    def compressed(self) -> int:
        """Size after compression, whole bytes."""
        return (self.parts + SAMPLE // 2) // SAMPLE

    def plus(self, other: Measure) -> Measure:
        """Both together."""
        return Measure(self.size + other.size, self.parts + other.parts, self.missing + other.missing)

    def less(self, other: Measure) -> Measure:
        """What is left without the other."""
        return Measure(self.size - other.size, self.parts - other.parts, self.missing - other.missing)


MISSING = Measure(4 << 20, (4 << 20) * SAMPLE, 1)  # large blobs are what clones are told to leave out


class Blobs:
    """What blobs weigh, asked of a git that runs along; what is no longer in use can be forgotten."""

    def __init__(self, repository: Repository) -> None:
        self._environment = repository.environment
        self._known: dict[bytes, Measure] = {}
        self._git = _cat_file(self._environment)

    def close(self) -> None:
        """Ends that git."""
        self._git.__exit__(None, None, None)

    def total(self, blobs: Collection[bytes]) -> Measure:
        """What the blobs weigh together, each as often as it is there."""
        self._ask([blob for blob in dict.fromkeys(blobs) if blob not in self._known])
        size = parts = missing = 0
        for blob in blobs:
            known = self._known[blob]
            size, parts, missing = size + known.size, parts + known.parts, missing + known.missing
        return Measure(size, parts, missing)

    def forget_all_but(self, blobs: Collection[bytes]) -> None:
        """Forgets the others once they are the larger part; they would be asked for again."""
        if len(self._known) > 2 * len(blobs) + SPARE:
            self._known = {blob: self._known[blob] for blob in blobs if blob in self._known}

    def _ask(self, blobs: list[bytes]) -> None:
        asked = 0
        while asked < len(blobs):
            some = blobs[asked : asked + TOGETHER]
            answers = list(_answers(self._git, some))
            if len(answers) < len(some):  # git dies of a damaged blob, which is then as good as missing
                answers.append(MISSING)
                self.close()
                self._git = _cat_file(self._environment)
            self._known.update(zip(some, answers, strict=False))
            asked += len(answers)


def _answers(git: Popen[bytes], blobs: list[bytes]) -> Iterator[Measure]:
    """What each blob weighs, as far as git gets."""
    said, asked = git.stdout, git.stdin
    assert said and asked
    try:  # past the buffer, which would try once more as it is closed
        os.write(asked.fileno(), b"".join(blob.hex().encode() + b"\n" for blob in blobs))
    except BrokenPipeError:
        return
    for _ in blobs:
        header = said.readline(HEADER).split()
        if header[1:] == [b"missing"]:
            yield MISSING
            continue
        if len(header) != 3:
            return
        size = int(header[2])
        sample = said.read(min(size, SAMPLE))
        if not _passed_over(said, size - len(sample) + 1):  # a line feed ends it
            return
        compressed = min(len(zlib.compress(sample, 1)), len(sample))
        yield Measure(size, size * compressed * SAMPLE // max(len(sample), 1), 0)


def _passed_over(said: IO[bytes], left: int) -> bool:
    """Whether so many bytes were there; a blob of gigabytes is never held."""
    while left:
        piece = len(said.read(min(left, PIECE)))
        if not piece:
            return False
        left -= piece
    return True


def _cat_file(environment: dict[str, str]) -> Popen[bytes]:
    return started(environment, "cat-file", "--batch", stdin=PIPE)
