"""Changed paths of one backup: of however many a tool lists, a sample of bounded size that stands for all."""

from __future__ import annotations

import hashlib
import heapq
from typing import Any

LONGEST_PATH = 4096  # characters kept; what Linux opens is no longer, in bytes
EXTENSION = 16  # characters; a longer one is part of a name
LARGEST = 2**63 - 1
HASH_KEY = 64  # bytes; blake2b takes no longer one


class PathSample:
    """At most so many of the paths that it is told of.

    Those with the smallest hashes are kept, so each path has the same chance, whatever its name and its place in the
    list, and the same list gives the same sample. Memory is that of what is kept.

    Parameters
    ----------
    most : int
        Paths to keep; 0 keeps none.
    source : str
        The run; another one draws other paths, so that no name is left out for ever.
    """

    def __init__(self, most: int, source: str) -> None:
        self.most = most
        self.listed = 0
        self._key = hashlib.blake2b(source.encode("utf-8", "replace")).digest()[:HASH_KEY]
        self._held: dict[str, tuple[str, int | None]] = {}
        self._largest_first: list[tuple[int, str]] = []  # hashes below 0, for a heap has its smallest first

    def add(self, path: object, change: str, size: object = None) -> None:
        """Take one line of the list; of a path that comes twice the last one counts.

        Parameters
        ----------
        path : object
            A folder, which ends in a slash, and what is no text are left out.
        change : str
            One of `jobs.tables.CHANGES`.
        size : object
            Bytes; what is no size is unknown.
        """
        if not isinstance(path, str) or not path or path.endswith("/"):
            return
        self.listed += 1
        if not self.most:
            return
        # A tool's \udce9 is a byte that is no UTF-8. It stays readable, and two such names stay two.
        name = path[:LONGEST_PATH].encode("utf-8", "backslashreplace").decode()[:LONGEST_PATH]
        said = (change, size if type(size) is int and 0 <= size <= LARGEST else None)
        if name in self._held:
            self._held[name] = said
            return
        digest = hashlib.blake2b(name.encode(), key=self._key, digest_size=8).digest()
        entry = (-int.from_bytes(digest), name)
        if len(self._held) < self.most:
            heapq.heappush(self._largest_first, entry)
        elif entry > self._largest_first[0]:
            _, gone = heapq.heapreplace(self._largest_first, entry)
            del self._held[gone]
        else:
            return
        self._held[name] = said

    def kept(self) -> dict[str, Any] | None:
        """How many were listed, and those that are kept, as a record carries them; None: nothing is kept."""
        paths = [
            {"path": path, "change": change, "bytes": size, "extension": extension_of(name_in(path)) or None}
            for path, (change, size) in sorted(self._held.items())
        ]
        return {"listed": self.listed, "paths": paths} if paths else None


def name_in(path: str) -> str:
    """The last part of a path; only one without any slash is taken for Windows'."""
    return path.rpartition("/" if "/" in path else "\\")[2]


def extension_of(name: str) -> str:
    """What follows the last dot of a file's name, lower case; "" where nothing does, or nothing stands before it.

    >>> extension_of("Letter.DOCX"), extension_of(".profile"), extension_of("tar.")
    ('docx', '', '')
    """
    return name.rpartition(".")[2].lower()[:EXTENSION] if "." in name.lstrip(".") else ""
