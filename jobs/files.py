"""Small files and folders, on this machine or in an object store: what is no table."""

from __future__ import annotations

import errno
import os
import re
import stat
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO, cast

from pyarrow.fs import FileSelector, FileSystem, FileType, LocalFileSystem, SubTreeFileSystem

SCHEME = "^[a-z0-9]+:/+|^/+"  # file:, file:// or s3a://, whichever of Spark's ways of writing an address
# What is there no longer, leads nowhere, or has an address too long to be opened.
GONE = (errno.ENOENT, errno.ENOTDIR, errno.ELOOP, errno.ENAMETOOLONG)
LATEST = 253_402_300_799  # seconds; the end of the year 9999, after which Python knows no moment

if TYPE_CHECKING:  # the listings use this module and need not wait for Spark
    from pyspark.sql import SparkSession


def read_text(spark: SparkSession, address: str) -> str | None:
    """Text of a small file, UTF-8; None if it is not there."""
    filesystem, path = _hadoop(spark, address)
    if not filesystem.exists(path):
        return None
    stream = filesystem.open(path)
    try:
        jvm: Any = spark._jvm
        return str(jvm.org.apache.commons.io.IOUtils.toString(stream, "UTF-8"))
    finally:
        stream.close()


def write_text(spark: SparkSession, address: str, text: str) -> None:
    """Put a small file in place, whole or not at all."""
    if "://" in address:  # an object store shows a file only once it is closed
        filesystem, path = _hadoop(spark, address)
        stream = filesystem.create(path, True)
        stream.write(bytearray(text.encode()))
        stream.close()
    else:
        land_text(address, text)


def list_names(spark: SparkSession, address: str) -> list[str]:
    """Names directly inside a folder, sorted; none if it is not there."""
    filesystem, path = _hadoop(spark, address)
    return sorted(str(f.getPath().getName()) for f in filesystem.listStatus(path)) if filesystem.exists(path) else []


def remove_unfinished(spark: SparkSession, address: str) -> None:
    """Remove a folder with all that is hidden in it; a file that was put in place in it meanwhile keeps the folder."""
    filesystem, path = _hadoop(spark, address)
    if filesystem.exists(path):
        for held in filesystem.listStatus(path):
            if held.getPath().getName().startswith((".", "_")):
                filesystem.delete(held.getPath(), False)
        filesystem.delete(path, False)


def _hadoop(spark: SparkSession, address: str) -> tuple[Any, Any]:
    """Hadoop's file system and path: the same code for a folder and for S3."""
    jvm: Any = spark._jvm
    path = jvm.org.apache.hadoop.fs.Path(address)
    return path.getFileSystem(spark._jsc.hadoopConfiguration()), path


def delta_rs_address(address: str) -> str:
    """An address as delta-rs takes it: Spark writes s3a, everybody else s3 for the same bucket."""
    return address.replace("s3a://", "s3://", 1)


def arrow_folder(address: str) -> FileSystem:
    """Arrow's own file system, with the folder as its root; for delta-rs to read tables through.

    That of delta-rs is written in Python: a thread that still reads ahead when the program ends aborts it.
    """
    local = _local(address)
    filesystem, path = (LocalFileSystem(), str(local)) if local is not None else _remote(address)
    return SubTreeFileSystem(path, filesystem)


def open_file(address: str) -> BinaryIO:
    """A file as a stream of bytes, on this machine or in an object store; needs no Spark: tasks open files with it."""
    local = _local(address)
    if local is not None:
        return local.open("rb")
    filesystem, path = _remote(address)
    return cast(BinaryIO, filesystem.open_input_stream(path, compression=None))


def land_text(address: str, text: str) -> None:
    """Put a small file in place, whole or not at all; needs no Spark."""
    local = _local(address)
    if local is not None:
        draft = local.with_name(f"{local.name}.tmp")  # which nobody takes for a landed file
        draft.parent.mkdir(parents=True, exist_ok=True)
        draft.write_text(text, encoding="utf-8")
        draft.replace(local)
    else:  # an object store shows a file only once it is closed
        filesystem, path = _remote(address)
        with filesystem.open_output_stream(path, compression=None) as stream:
            stream.write(text.encode())


@dataclass(frozen=True)
class File:
    """A file in a folder: its path from there, when it was last modified (UTC), and its size in bytes."""

    path: str
    modified_at: datetime
    bytes: int


def file_at(address: str) -> File | None:
    """The file with that address, which is its path too; None: there is none."""
    local = _local(address)
    if local is None:
        filesystem, path = _remote(address)
        found = filesystem.get_file_info(path)
        return File(address, found.mtime, found.size) if found.type == FileType.File else None
    try:
        said = local.stat()
    except OSError as error:
        if error.errno in GONE:
            return None
        raise
    return _file(address, said) if stat.S_ISREG(said.st_mode) else None


def files_below(address: str, recursive: bool = True) -> Iterator[File]:
    """All files in a folder, and in those below it, but for hidden ones; what goes meanwhile is left out.

    On this machine links are followed, and bytes of a name that are no UTF-8 are surrogates in `path`.
    """
    local = _local(address)
    if local is not None:
        yield from _files_here(str(local), recursive)
        return
    filesystem, folder = _remote(address)
    for found in filesystem.get_file_info(FileSelector(folder, recursive=recursive, allow_not_found=True)):
        path = below(found.path, folder)
        if found.type == FileType.File and not any(map(_is_hidden, path.split("/"))):
            yield File(path, found.mtime, found.size)


def _files_here(folder: str, recursive: bool) -> Iterator[File]:
    waiting: list[tuple[str, frozenset[tuple[int, int]]]] = [(folder, frozenset())]
    while waiting:
        place, above = waiting.pop()
        entries: list[os.DirEntry[str]] = []
        with _left_out_if_gone():
            said = Path(place).stat()
            this = (said.st_dev, said.st_ino)
            if this not in above:  # else a link led back to where it is
                with os.scandir(place) as found:
                    entries = [entry for entry in found if not _is_hidden(entry.name)]
        for entry in entries:
            with _left_out_if_gone():
                said = entry.stat()
                if stat.S_ISDIR(said.st_mode):
                    waiting += [(entry.path, above | {this})] if recursive else []
                elif stat.S_ISREG(said.st_mode):
                    yield _file(entry.path[len(folder) + 1 :], said)


def _file(path: str, said: os.stat_result) -> File:
    return File(path, datetime.fromtimestamp(min(max(said.st_mtime, 0), LATEST), UTC), said.st_size)


@contextmanager
def _left_out_if_gone() -> Iterator[None]:
    try:
        yield
    except OSError as error:
        if error.errno not in GONE:
            raise


def _is_hidden(name: str) -> bool:
    return name.startswith(("_", "."))


def _local(address: str) -> Path | None:
    if address.startswith("file:"):  # Spark writes file:/a as well as file:///a
        return Path("/" + address.removeprefix("file:").lstrip("/"))
    return None if "://" in address else Path(address)


def _remote(address: str) -> tuple[FileSystem, str]:
    # Only the bucket is read as an address: a key may hold what an address may not.
    scheme, _, path = delta_rs_address(address).partition("://")
    filesystem, _ = FileSystem.from_uri(f"{scheme}://{path.partition('/')[0]}")
    return filesystem, path


def bare(address: str) -> str:
    """An address without its scheme, which Spark writes in more than one way."""
    return re.sub(SCHEME, "", address)


def below(address: str, folder: str) -> str:
    """The part of a file's address (not escaped) below a folder's."""
    return bare(address).removeprefix(bare(folder).rstrip("/") + "/")


def as_named(address: str) -> str:
    """An address with the characters of a glob pattern escaped: a file's name is its name."""
    return re.sub(r"([*?\[\]{}\\,^])", r"\\\1", address)
