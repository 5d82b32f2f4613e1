"""Worker processes: parts of a long piece of work are handled elsewhere and come back in order.

A worker makes its handler once (`start(*arguments)`, importable by name) and
then handles part after part. How many parts are under way is bounded, and so
is the memory, however long the work. Processes take a while to start, so a crew
is made first and told its `arguments` when they are known (`begin`); and they are
forked from one process that has loaded our modules and nothing else, so that these
are loaded once for all workers of all crews.
"""

from __future__ import annotations

import multiprocessing
import os
import queue
import sys
import threading
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from multiprocessing.connection import Connection
from typing import Any, Generic, TypeVar

from tidewaiter.model.errors import TidewaiterError

AHEAD = 2  # parts a worker has in hand or waiting

_OUR_MODULES = __name__.partition(".")[0] + "."

Part = TypeVar("Part")
Result = TypeVar("Result")


class WorkerLostError(TidewaiterError):
    """A worker process ended before its time. What was written stays; the work can be taken up from there."""

    code = "worker.lost"


def workers_wanted() -> int:
    """As many as there are processors for us."""
    return max(1, len(os.sched_getaffinity(0)))


class Crew(Generic[Part, Result]):
    """`count` workers, each with its own handler. `close` it, or use it in a `with`."""

    def __init__(self, count: int, start: Callable[..., Callable[[Part], Result]]) -> None:
        context = multiprocessing.get_context("forkserver")
        # What is loaded here, because a worker loads the main module's imports, too.
        context.set_forkserver_preload(sorted(name for name in sys.modules if name.startswith(_OUR_MODULES)))
        self._workers = []
        for _ in range(count):
            ours, theirs = context.Pipe()
            process = context.Process(target=work, args=(theirs, start), daemon=True)
            process.start()
            theirs.close()
            self._workers.append((process, ours))

    def __enter__(self) -> Crew[Part, Result]:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    @property
    def pids(self) -> list[int]:
        """The workers' process ids."""
        return [process.pid for process, _ in self._workers if process.pid is not None]

    def begin(self, *arguments: Any) -> None:
        """Have each worker make its handler. Raises WorkerLostError."""
        for _, pipe in self._workers:
            _send(pipe, arguments)

    def results(self, parts: Iterable[Part]) -> Iterator[tuple[Part, Result]]:
        """Each part with what came of it, in order. Raises WorkerLostError, or what the handler raised."""
        under_way: deque[tuple[Part, Connection]] = deque()
        for number, part in enumerate(parts):
            pipe = self._workers[number % len(self._workers)][1]
            _send(pipe, part)
            under_way.append((part, pipe))
            if len(under_way) == AHEAD * len(self._workers):
                yield _received(*under_way.popleft())
        while under_way:
            yield _received(*under_way.popleft())

    def close(self) -> None:
        """End the workers; what they have in hand is dropped."""
        for _, pipe in self._workers:
            pipe.close()
        for process, _ in self._workers:
            process.join(timeout=5)
            if process.is_alive():
                process.kill()
                process.join()


def _send(pipe: Connection, part: Any) -> None:
    try:
        pipe.send(part)
    except OSError as error:
        raise _lost() from error


def _received(part: Part, pipe: Connection) -> tuple[Part, Any]:
    try:
        result = pipe.recv()
    except (EOFError, OSError) as error:
        raise _lost() from error
    if isinstance(result, Exception):
        raise result
    return part, result


def _lost() -> WorkerLostError:
    return WorkerLostError(
        "a worker process ended unexpectedly; was it killed, or short of memory?",
        hint="what was written stays; start again to go on from there",
    )


def work(pipe: Connection, start: Callable[..., Callable[[Any], Any]]) -> None:
    """What a worker does until the other end of the pipe is closed."""
    waiting: queue.Queue[Any] = queue.Queue(AHEAD)
    # A thread takes in parts while results go out: with both ends only sending, both would wait for ever.
    threading.Thread(target=_take_in, args=(pipe, waiting), daemon=True).start()
    arguments = waiting.get()
    if arguments is None:
        return
    handle = start(*arguments)
    while (part := waiting.get()) is not None:
        try:
            result = handle(part)
        except Exception as error:  # goes to whoever gave the part, who raises it there
            result = error
        try:
            pipe.send(result)
        except OSError:
            return


def _take_in(pipe: Connection, waiting: queue.Queue[Any]) -> None:
    try:
        while True:
            waiting.put(pipe.recv())
    except (EOFError, OSError):
        waiting.put(None)
