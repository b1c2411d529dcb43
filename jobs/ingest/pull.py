"""The queue of notices: messages are taken from it, kept while work goes on, and deleted once it is committed.

At least once and in no order: a message comes again until it is deleted. A queue is one of SQS, or a folder of files.
"""

from __future__ import annotations

import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Protocol, TypeVar

from jobs import log
from jobs.errors import UdaError
from jobs.files import files_below

BATCH = 20_000  # messages between two commits: of a run that is killed no more is done again; SQS lends 120,000 at most
LENT_SECONDS = 600  # after which a message comes to the next one who asks, unless it is kept
LARGEST = 1 << 20  # bytes of a message, as of SQS
DEAD = "dead"  # folder in a folder of notices
Item = TypeVar("Item")


@dataclass(frozen=True)
class Message:
    """One message: the same id each time that it comes; `is_last`: it comes no further time."""

    id: str
    body: str
    is_last: bool
    handle: str


class Queue(Protocol):
    """Where notices wait."""

    def batches(self) -> Iterator[list[Message]]:
        """All messages that wait, so many at a time, each once; a batch is only taken once the one before is done."""

    def keep(self, messages: Sequence[Message]) -> None:
        """Have some messages for longer."""

    def delete(self, messages: Sequence[Message]) -> None:
        """Be done with some messages."""

    def give_back(self, messages: Sequence[Message]) -> None:
        """Leave messages to the next run, or where it was the last time, to the dead letters."""


@contextmanager
def kept(queue: Queue, messages: Sequence[Message], every: float = LENT_SECONDS / 3) -> Iterator[None]:
    """Keep some messages from coming again for as long as the block runs, however long that is.

    Parameters
    ----------
    every : float
        Seconds.
    """
    is_done = threading.Event()

    def keep() -> None:
        while not is_done.wait(every):
            try:
                queue.keep(messages)
            except UdaError as error:  # they come again then, and are found held
                log.warn("queue", error=str(error), todo="nothing, unless it goes on")

    keeping = threading.Thread(target=keep, daemon=True)
    keeping.start()
    try:
        yield
    finally:
        is_done.set()
        keeping.join()


class FolderQueue:
    """Notices as files named *.json in a folder; dead letters are moved into its folder `dead`."""

    def __init__(self, folder: Path, oldest: datetime) -> None:
        self.folder, self.oldest = folder, oldest

    def batches(self) -> Iterator[list[Message]]:
        """As `Queue`; a file whose name ends otherwise is still being written."""
        files = [file for file in files_below(str(self.folder), recursive=False) if file.path.endswith(".json")]
        files.sort(key=lambda file: file.path)
        for part in parts(files, BATCH):
            yield [
                Message(
                    file.path.encode(errors="replace").decode(),
                    _text(self.folder / file.path),
                    file.modified_at < self.oldest,
                    file.path,
                )
                for file in part
            ]

    def keep(self, messages: Sequence[Message]) -> None:
        """As `Queue`: nobody else takes a file."""

    def delete(self, messages: Sequence[Message]) -> None:
        """As `Queue`."""
        for message in messages:
            (self.folder / message.handle).unlink(missing_ok=True)

    def give_back(self, messages: Sequence[Message]) -> None:
        """As `Queue`."""
        for message in messages:
            if message.is_last:
                (self.folder / DEAD).mkdir(exist_ok=True)
                (self.folder / message.handle).replace(self.folder / DEAD / message.handle)


def _text(path: Path) -> str:
    with path.open("rb") as file:
        return file.read(LARGEST).decode(errors="replace")


def parts(items: Sequence[Item], size: int) -> Iterator[Sequence[Item]]:
    """Some items, so many at a time, in their order."""
    for start in range(0, len(items), size):
        yield items[start : start + size]
