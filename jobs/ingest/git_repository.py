"""A git repository that somebody else wrote, read without running anything that it names."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from subprocess import DEVNULL, PIPE, Popen
from tempfile import TemporaryDirectory, TemporaryFile
from typing import IO

from jobs.ingest.outcomes import RefusedError, first_line

CHUNK = 1 << 16  # bytes read from git at once
COMPLAINTS = 1 << 16  # bytes of git's messages that are looked at, from their end
POINTER = 4096  # bytes of a file that only names a folder, a branch or a commit
SHALLOW = 64 << 20  # bytes; a million commits at which a clone was cut off


@dataclass(frozen=True)
class Repository:
    """A repository ready to be read: the environment that git runs in, and the commit that HEAD names."""

    environment: dict[str, str]
    tip: str


@contextmanager
def opened(folder: Path) -> Iterator[Repository]:
    """A clone, a bare repository or a work tree, to be read.

    Its config can name programs (core.fsmonitor, core.pager, diff.external, textconv, gpg.program with
    log.showSignature, a promisor remote with core.sshCommand) and files to include. A list of what to switch off would
    be out of date with the next git, so none of it is seen, nor its hooks, attributes and index: git works in a folder
    of our own, which has the repository's HEAD, refs and objects alone. Nothing is fetched there, as it has no remote;
    and safe.directory need not be set, as git looks for no repository by itself.

    Raises
    ------
    RefusedError
        The folder is no repository, or HEAD names no commit.
    OSError
        The folder can't be read, or git can't be run.
    """
    own, shared = _git_folders(folder.absolute())
    with TemporaryDirectory(prefix="uda-git-") as clean:
        _copy(own / "HEAD", Path(clean, "HEAD"), POINTER)
        if (shared / "shallow").is_file():  # a copy, so that every walk ends at the same commits
            _copy(shared / "shallow", Path(clean, "shallow"), SHALLOW)
        for name in ("refs", "packed-refs"):
            if (shared / name).exists():
                Path(clean, name).symlink_to(shared / name)
        environment = {name: value for name, value in os.environ.items() if not name.startswith("GIT_")} | {
            "GIT_CONFIG_NOSYSTEM": "1",
            "GIT_CONFIG_GLOBAL": os.devnull,
            "GIT_DIR": clean,
            "GIT_OBJECT_DIRECTORY": str(shared / "objects"),
            "GIT_NO_REPLACE_OBJECTS": "1",  # mirrors hold refs/replace, with which whoever may push could hide a commit
            "LC_ALL": "C",
        }
        Path(clean, "config").write_text(_config(environment, shared / "config"))
        yield Repository(environment, _tip(environment))


def started(
    environment: dict[str, str], *arguments: str, stdin: int = DEVNULL, errors: IO[bytes] | None = None
) -> Popen[bytes]:
    """Git at work; what it complains of goes to `errors`."""
    return Popen(
        ["git", "--no-pager", *arguments],
        env=environment,
        cwd=environment["GIT_DIR"],  # our own folder: git looks for attributes and a mail map where it stands
        stdin=stdin,
        stdout=PIPE,
        stderr=errors or DEVNULL,
    )


def output(repository: Repository, end: bytes, *arguments: str) -> Iterator[bytes]:
    """What git prints, without the byte that ends each part.

    Raises
    ------
    RefusedError
        It did not end well; what it printed before came first.
    """
    return _output(repository.environment, end, *arguments)


def _output(environment: dict[str, str], end: bytes, *arguments: str) -> Iterator[bytes]:
    with TemporaryFile() as errors, started(environment, *arguments, errors=errors) as git:
        assert git.stdout
        held = bytearray()
        while chunk := git.stdout.read(CHUNK):
            first, *others = chunk.split(end)
            held += first
            for part in others:
                yield bytes(held)
                held = bytearray(part)
        if git.wait():
            errors.seek(max(0, errors.seek(0, os.SEEK_END) - COMPLAINTS))
            last_first = "\n".join(reversed(errors.read().decode("utf-8", "replace").splitlines()))
            why = first_line(last_first) or f"exit status {git.returncode}"
            raise RefusedError(
                "unreadable", f"git {arguments[0]}: {why}; run git fsck in the repository, or clone it anew"
            )


def _tip(environment: dict[str, str]) -> str:
    try:
        (tip,) = _output(environment, b"\n", "rev-parse", "--verify", "HEAD^{commit}")
    except RefusedError as error:
        raise RefusedError(
            "unreadable",
            "HEAD names no commit; fetch again, or point it at a branch with git symbolic-ref HEAD refs/heads/NAME "
            f"({error})",
        ) from error
    return tip.decode()


def _config(environment: dict[str, str], theirs: Path) -> str:
    """Our own config. Of theirs counts only whether objects are named by SHA-256."""
    key = ("config", "--file", str(theirs), "--no-includes", "--get", "extensions.objectformat")
    try:
        said = list(_output(environment, b"\n", *key)) if theirs.is_file() else []
    except RefusedError:  # it does not say, or can't be read: then it is SHA-1
        said = []
    # Blobs from 1 MiB on go through git in pieces, unless they are stored as a difference to another. The commit graph
    # repeats what the commits say; only they are believed.
    core = "[core]\nrepositoryFormatVersion = 1\nbigFileThreshold = 1m\ncommitGraph = false\n"
    return core + ("[extensions]\nobjectFormat = sha256\n" if said[-1:] == [b"sha256"] else "")


def _git_folders(folder: Path) -> tuple[Path, Path]:
    """The folder with HEAD, and the one with refs and objects: a second work tree (`git worktree add`) shares those."""
    own = folder / ".git"
    if own.is_file():
        own = folder / os.fsdecode(_head(own, POINTER).removeprefix(b"gitdir:").strip() or b".")
    elif not own.is_dir():
        own = folder
    pointer = own / "commondir"
    shared = own / os.fsdecode(_head(pointer, POINTER).strip()) if pointer.is_file() else own
    if not (own / "HEAD").is_file() or not (shared / "objects").is_dir():
        raise RefusedError("unreadable", "not a git repository; put a clone there, as git clone --mirror makes it")
    return own, shared


def _head(file: Path, most: int) -> bytes:
    with file.open("rb") as opened_file:
        return opened_file.read(most)


def _copy(file: Path, to: Path, most: int) -> None:
    to.write_bytes(_head(file, most))
