"""Find a Java that Spark runs on. Standard library only: set-up asks before anything is installed.

`python -m jobs.doctor.java` prints the JAVA_HOME found, or says why there is none and ends with 1.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

OLDEST = 17  # Spark 4 is compiled for it
NEWEST = 22  # from 23 on, Hadoop's login code fails: the security manager is gone
# Where distributions put Java without putting it on PATH; cron's PATH has not even what a shell has.
PLACES = (
    "/usr/lib/jvm/*",
    "/opt/java/*",
    "/Library/Java/JavaVirtualMachines/*/Contents/Home",
    "/opt/homebrew/opt/openjdk@*/libexec/openjdk.jdk/Contents/Home",
)


@dataclass(frozen=True)
class Java:
    """One Java that starts: its home, and its major version (8, 17, 21, ...)."""

    home: Path
    major: int

    @property
    def fits(self) -> bool:
        """Whether Spark runs on it."""
        return OLDEST <= self.major <= NEWEST


def ask(command: Path) -> Java | None:
    """What a `java` command says of itself; None: it does not start, or is no Java.

    Java is asked for its home, since the command may be a link or a version manager's shim in another folder.
    """
    try:
        answer = subprocess.run(
            [str(command), "-XshowSettings:properties", "-version"],
            stdin=subprocess.DEVNULL,
            capture_output=True,
            encoding="utf-8",
            errors="replace",
            timeout=60,
        ).stderr
    except (OSError, subprocess.TimeoutExpired):
        return None
    home = re.search(r"^\s*java\.home = (.+?)\s*$", answer, re.MULTILINE)
    version = re.search(r"^\s*java\.specification\.version = (?:1\.)?(\d+)", answer, re.MULTILINE)
    return Java(Path(home[1]), int(version[1])) if home and version else None


def commands(environment: Mapping[str, str], places: Sequence[str] = PLACES) -> Iterator[Path]:
    """Every `java` worth asking, in the order of preference: JAVA_HOME, PATH, then `places` (globs of homes)."""
    seen: set[Path] = set()
    candidates = [Path(environment["JAVA_HOME"]) / "bin" / "java"] if environment.get("JAVA_HOME") else []
    on_path = shutil.which("java", path=environment.get("PATH", os.defpath))
    if on_path:
        candidates.append(Path(on_path))
    for place in places:
        root = Path(place).anchor
        candidates += [home / "bin" / "java" for home in sorted(Path(root).glob(place.removeprefix(root)))]
    for command in candidates:
        real = command.resolve()
        if real not in seen and os.access(command, os.X_OK):
            seen.add(real)
            yield command


def javas(environment: Mapping[str, str], places: Sequence[str] = PLACES) -> Iterator[Java]:
    """Every Java of this machine that starts, fitting or not, in the order of preference."""
    for command in commands(environment, places):
        java = ask(command)
        if java is not None:
            yield java


def find_java_home(environment: Mapping[str, str] | None = None, places: Sequence[str] = PLACES) -> Path | None:
    """Home of the first Java that Spark runs on; None: there is none.

    `environment` is this process's own where none is given. A JAVA_HOME that does not fit is passed over. Every
    candidate is started until one fits (0.1 s each).
    """
    known = os.environ if environment is None else environment
    return next((java.home for java in javas(known, places) if java.fits), None)


def main() -> int:
    """Print the home found; else say what was found instead on stderr and return 1."""
    found = list[Java]()
    for java in javas(os.environ):
        if java.fits:
            sys.stdout.write(f"{java.home}\n")
            return 0
        found.append(java)
    others = ", ".join(f"Java {java.major} in {java.home}" for java in found) or "no Java"
    sys.stderr.write(f"Java {OLDEST} to {NEWEST} is needed; found {others}\n")
    return 1


if __name__ == "__main__":
    raise SystemExit(main())
