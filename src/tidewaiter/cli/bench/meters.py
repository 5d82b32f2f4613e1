"""What this machine spent: processor seconds and memory of a set of processes, read from /proc."""

from __future__ import annotations

import os
import threading
from collections.abc import Callable, Iterable
from pathlib import Path
from types import TracebackType

SAMPLES_A_SECOND = 4


def cpu_seconds(pid: int) -> float:
    """Processor seconds of a process, its living children, and those that it has waited for. 0 when it is gone."""
    ticks = os.sysconf("SC_CLK_TCK")
    total = 0.0
    for each in (pid, *descendants(pid)):
        fields = _stat(each)
        if fields:
            total += sum(int(value) for value in fields[11:15]) / ticks
    return total


def descendants(pid: int) -> list[int]:
    """The process ids below a process."""
    parents: dict[int, list[int]] = {}
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit() and (fields := _stat(int(entry.name))):
            parents.setdefault(int(fields[1]), []).append(int(entry.name))
    found: list[int] = []
    waiting = [pid]
    while waiting:
        below = parents.get(waiting.pop(), [])
        found += below
        waiting += below
    return found


def memory_bytes(pids: Iterable[int]) -> int:
    """Memory of these processes; what several share is counted once (proportional set size)."""
    total = 0
    for pid in pids:
        try:
            for line in Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines():
                if line.startswith("Pss:"):
                    total += int(line.split()[1]) * 1024
        except (OSError, IndexError):
            continue
    return total


class PeakMemory:
    """The most memory that some processes and all below them had at once, while in the `with`."""

    def __init__(self, roots: Callable[[], Iterable[int]]) -> None:
        self._roots = roots
        self._stopped = threading.Event()
        self._thread = threading.Thread(target=self._watch, daemon=True)
        self.peak_bytes = 0

    def __enter__(self) -> PeakMemory:
        self._thread.start()
        return self

    def __exit__(self, *_: type[BaseException] | BaseException | TracebackType | None) -> None:
        self._stopped.set()
        self._thread.join()

    def _watch(self) -> None:
        while not self._stopped.wait(1 / SAMPLES_A_SECOND):
            pids = {each for root in self._roots() for each in (root, *descendants(root))}
            self.peak_bytes = max(self.peak_bytes, memory_bytes(pids))


def _stat(pid: int) -> list[str]:
    """The fields of /proc/PID/stat behind the name; empty when the process is gone."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except OSError:
        return []
