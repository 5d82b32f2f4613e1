"""Many spoilt messages at a door, in a process of their own: what was complained of, how long each took, how much memory.

A message is known by its number: seed, door and number make the same bytes again. The process works under a limit of
memory; one that comes no further is ended, and what it was at is told.
"""

from __future__ import annotations

import gc
import multiprocessing
import resource
import time
from collections.abc import Callable, Iterator
from itertools import count
from multiprocessing.connection import Connection
from pathlib import Path
from random import Random
from typing import Any, Final

from msgspec import Struct
from msgspec.structs import replace

from tidewaiter.cli.bench.fuzzing.doors import Complaint, Door, door_of
from tidewaiter.cli.bench.fuzzing.mutating import Mutator
from tidewaiter.messages.limits import MESSAGE_MEMORY_BYTES_MAX

SLOW_SECONDS: Final = 1.0  # of processor time without a record answered
STUCK_SECONDS: Final = 120  # by the clock without a message done: the process is ended
# One of so many messages is looked at as well (rows, the page of `message inspect`, written out), which takes longer.
LOOKED_AT_EVERY: Final = 8
COLLECT_EVERY: Final = 100  # messages between two garbage collections
KEPT_OF_A_COMPLAINT: Final = 1  # messages written to the folder of failures
TRIES_MAX: Final = 400  # to make a failing message smaller
TRYING_SECONDS: Final = 5.0
# Beyond so many times the stated limit a process is stopped, before it takes the machine's memory.
_ADDRESS_SPACE_FACTOR: Final = 4
SLOW: Final = "slow"
MEMORY: Final = "memory"
STUCK: Final = "stuck"


class Task(Struct, frozen=True, kw_only=True):
    """What one process does: the messages first, first + step … below `count` of a door. `folder` is "" for none."""

    door: str
    seeds: tuple[bytes, ...]
    seed: int
    first: int
    step: int
    count: int
    folder: str = ""

    def mutator(self) -> Mutator:
        """What makes its messages."""
        return Mutator(self.seeds, Random(0))  # noqa: S311 (chance that can be drawn again)

    def message(self, mutator: Mutator, number: int) -> bytes:
        """The message of this number."""
        return mutator.reseeded(f"{self.seed}/{self.door}/{number}").message()


class Tally(Struct, kw_only=True):
    """What was seen at one door. Times are processor time; memory is what the process grew by at most.

    `complaints` count messages by what is complained of: "kind: words".
    """

    form: str
    seeds: int = 0
    messages: int = 0
    accepted: int = 0
    refused: int = 0
    complaints: dict[str, int] = {}
    slowest_seconds: float = 0.0
    slowest_number: int = -1
    peak_memory_bytes: int = 0
    cpu_seconds: float = 0.0
    kept: tuple[str, ...] = ()

    def complain(self, complaint: Complaint) -> bool:
        """One more message with this complaint; True for the first."""
        key = f"{complaint.kind}: {complaint.words}"
        self.complaints[key] = self.complaints.get(key, 0) + 1
        return self.complaints[key] <= KEPT_OF_A_COMPLAINT

    def add(self, other: Tally) -> None:
        """What another process saw at the same door."""
        self.messages += other.messages
        self.accepted += other.accepted
        self.refused += other.refused
        for words, number in other.complaints.items():
            self.complaints[words] = self.complaints.get(words, 0) + number
        if other.slowest_seconds > self.slowest_seconds:
            self.slowest_seconds, self.slowest_number = other.slowest_seconds, other.slowest_number
        self.peak_memory_bytes = max(self.peak_memory_bytes, other.peak_memory_bytes)
        self.cpu_seconds += other.cpu_seconds
        self.kept += other.kept

    def of_kind(self, kind: str) -> int:
        """How many messages there is a complaint of this kind about; one with two is counted twice."""
        return sum(number for words, number in self.complaints.items() if words.startswith(f"{kind}: "))


def work(task: Task, note: Callable[[int], None] = lambda _: None) -> Tally:
    """The task done in this process; `note` is told the number of each message before it is begun."""
    door, mutator = door_of(task.door)(), task.mutator()
    for seed in task.seeds:  # what is loaded once is not counted
        door.look(seed)
    gc.freeze()
    gc.disable()  # as in the processes that decide
    tally = Tally(form=task.door, seeds=len(task.seeds))
    before = _peak_bytes()
    for number in range(task.first, task.count, task.step):
        note(number)
        body = task.message(mutator, number)
        began = time.process_time()
        outcome = door.look(body) if number % LOOKED_AT_EVERY == 0 else door.take(body)
        seconds = time.process_time() - began
        if tally.messages % COLLECT_EVERY == 0:
            gc.collect()
        tally.messages += 1
        tally.accepted += outcome.is_accepted
        tally.refused += not outcome.is_accepted
        tally.cpu_seconds += seconds
        if seconds > tally.slowest_seconds:
            tally.slowest_seconds, tally.slowest_number = seconds, number
        complaints = list(outcome.complaints)
        if outcome.longest_seconds > SLOW_SECONDS:
            complaints.append(Complaint(SLOW, f"more than {SLOW_SECONDS:g} s of processor time for one record"))
        if (grown := _peak_bytes() - before) > max(MESSAGE_MEMORY_BYTES_MAX, tally.peak_memory_bytes):
            complaints.append(Complaint(MEMORY, f"more than {MESSAGE_MEMORY_BYTES_MAX // 1024**2} MiB"))
        tally.peak_memory_bytes = max(tally.peak_memory_bytes, grown)
        for complaint in complaints:
            if tally.complain(complaint) and task.folder:
                tally.kept += (_keep(task, number, complaint, door, body),)
    return tally


def _peak_bytes() -> int:
    """The most memory that this process held at once (Linux counts it in KiB)."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024


# --- failing messages ------------------------------------------------------------------------------------------------


def _keep(task: Task, number: int, complaint: Complaint, door: Door, body: bytes) -> str:
    small = body
    if complaint.kind not in (SLOW, MEMORY):
        small = smaller(body, lambda less: complaint in door.look(less).complaints)
    name = f"{task.door}-{task.seed}-{number}-{complaint.kind}"
    folder = Path(task.folder)
    folder.mkdir(parents=True, exist_ok=True)
    (folder / name).write_bytes(small)
    (folder / f"{name}.txt").write_text(
        f"{complaint.kind}: {complaint.words}\n{len(body)} bytes, made {len(small)}\n", "utf-8"
    )
    return name


def smaller(body: bytes, fails: Callable[[bytes], bool]) -> bytes:
    """The message without what it fails without, as far as that is found in a few hundred tries and seconds."""
    until = time.process_time() + TRYING_SECONDS
    tries = count(1)
    size = max(1, len(body) // 2)
    while size >= 1:
        at, has_shrunk = 0, False
        while at < len(body):
            if next(tries) > TRIES_MAX or time.process_time() > until:
                return body
            less = body[:at] + body[at + size :]
            if fails(less):
                body, has_shrunk = less, True
            else:
                at += size
        if size == 1 and not has_shrunk:
            break
        size = size if has_shrunk and size < len(body) // 2 else size // 2
    return body


# --- processes -------------------------------------------------------------------------------------------------------


def run(task: Task, workers: int = 1) -> Tally:
    """A task done by so many processes at once, each under the limit of memory."""
    context = multiprocessing.get_context("spawn")
    parts = [replace(task, first=first, step=workers) for first in range(workers)]
    whole = Tally(form=task.door, seeds=len(task.seeds))
    running = [_Running(context, part) for part in parts]
    for each in running:
        for tally in each.results():
            whole.add(tally)
    return whole


class _Running:
    """One process at work, and what follows it where it had to be ended."""

    def __init__(self, context: Any, task: Task) -> None:
        self._context = context
        self._task = task
        self._at = context.Value("q", -1, lock=False)
        self._start()

    def _start(self) -> None:
        self._receiving, sending = self._context.Pipe(duplex=False)
        self._process = self._context.Process(target=_main, args=(self._task, self._at, sending), daemon=True)
        self._process.start()
        sending.close()

    def results(self) -> Iterator[Tally]:
        """What it saw; where it came no further, that, and what the one after it saw."""
        while True:
            last, since = -2, time.monotonic()
            while not self._receiving.poll(1):
                if self._at.value != last:
                    last, since = self._at.value, time.monotonic()
                elif time.monotonic() - since > STUCK_SECONDS:
                    self._process.kill()
                    break
            try:
                yield self._receiving.recv()
                self._process.join()
                return
            except EOFError:
                yield self._ended(self._at.value)
            finally:
                self._receiving.close()
            if self._at.value < 0 or self._at.value + self._task.step >= self._task.count:
                return
            self._task = replace(self._task, first=self._at.value + self._task.step)
            self._start()

    def _ended(self, number: int) -> Tally:
        self._process.join()
        tally = Tally(form=self._task.door, messages=(number - self._task.first) // self._task.step + 1)
        tally.complain(Complaint(STUCK, f"the process ended (exit code {self._process.exitcode})"))
        if self._task.folder and number >= 0:
            name = f"{self._task.door}-{self._task.seed}-{number}-{STUCK}"
            Path(self._task.folder).mkdir(parents=True, exist_ok=True)
            (Path(self._task.folder) / name).write_bytes(self._task.message(self._task.mutator(), number))
            tally.kept = (name,)
        return tally


def _main(task: Task, at: Any, sending: Connection) -> None:
    """A process of its own: the task done, and what was seen sent back."""
    allowed = _ADDRESS_SPACE_FACTOR * MESSAGE_MEMORY_BYTES_MAX + resource.getpagesize() * int(
        Path("/proc/self/statm").read_text().split()[0]
    )
    resource.setrlimit(resource.RLIMIT_AS, (allowed, allowed))

    def note(number: int) -> None:
        at.value = number

    sending.send(work(task, note))
    sending.close()
