"""CPU time and memory of this process and all below it: Python, Spark's JVM, its Python workers. Linux."""

from __future__ import annotations

import os
import threading
from collections.abc import Collection, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path

TICKS = os.sysconf("SC_CLK_TCK")
MB = 1024  # /proc counts in kB


@dataclass
class Cost:
    """CPU and wall in seconds; peak resident memory in MB, of the JVM and of all Python workers together."""

    cpu: float = 0.0
    wall: float = 0.0
    peak_mb: dict[str, int] = field(default_factory=dict)


@contextmanager
def measured(others: Collection[int] = ()) -> Iterator[Cost]:
    """What the body costs; filled in when it ends. `others`: ids of processes below this one that do not count."""
    cost = Cost()
    for process in _own(others):
        with suppress(OSError):  # gone meanwhile, or another user's
            Path(f"/proc/{process}/clear_refs").write_text("5", encoding="ascii")  # peaks start anew
    before, began = _cpu_seconds(others), os.times().elapsed
    last, is_over = dict(before), threading.Event()
    watch = threading.Thread(target=_watch, args=(last, is_over, others), daemon=True)
    watch.start()
    try:
        yield cost
    finally:
        is_over.set()
        watch.join()
    last |= _cpu_seconds(others)
    cost.cpu = sum(last.values()) - sum(before.values())
    cost.wall = os.times().elapsed - began
    cost.peak_mb = _peaks(others)


def _watch(last: dict[int, float], is_over: threading.Event, others: Collection[int]) -> None:
    """Note what each process has used: nobody waits for a Python worker of Spark, so its times end with it."""
    while not is_over.wait(0.5):
        last |= _cpu_seconds(others)


def _cpu_seconds(others: Collection[int]) -> dict[int, float]:
    """CPU seconds that each process used so far, without those of its children."""
    return {process: sum(map(int, _stat(process)[11:13])) / TICKS for process in _own(others)}


def _own(others: Collection[int]) -> list[int]:
    """Ids of this process and of all below it, but for others."""
    children: dict[int, list[int]] = {}
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit() and (fields := _stat(int(entry.name))):
            children.setdefault(int(fields[1]), []).append(int(entry.name))
    found, waiting = [], [os.getpid()]
    while waiting:
        found.append(waiting.pop())
        waiting += [child for child in children.get(found[-1], []) if child not in others]
    return found


def _stat(process: int) -> list[str]:
    """Fields of /proc/<pid>/stat behind the name, zeros if it ended; the name itself may hold spaces."""
    try:
        return Path(f"/proc/{process}/stat").read_text(encoding="utf-8", errors="replace").rpartition(")")[2].split()
    except OSError:
        return ["0"] * 50


def _peaks(others: Collection[int]) -> dict[str, int]:
    peaks = {"jvm": 0, "workers": 0}
    for process in _own(others):
        if process == os.getpid():
            continue
        with suppress(OSError):
            status = Path(f"/proc/{process}/status").read_text(encoding="utf-8", errors="replace")
            lines = dict(line.split(":", 1) for line in status.splitlines() if ":" in line)
            kind = "jvm" if lines["Name"].strip() == "java" else "workers"
            peaks[kind] += int(lines.get("VmHWM", "0 kB").split()[0]) // MB
    return peaks
