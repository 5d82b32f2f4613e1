"""The counter: small messages wait in one line, and whoever serves takes all that wait at once.

A lone message is served at once; in a crowd the trips to the database, the
commits and the changes of thread are shared by as many as came meanwhile.
Nobody waits for a crowd to form.
"""

from __future__ import annotations

import asyncio
import contextlib
import queue
import threading
from collections.abc import Callable, Iterator, Sequence
from itertools import groupby
from typing import Any, Final, Protocol

from tidewaiter.workflow.records import Arriving
from tidewaiter.workflow.together import Answer, Left

SERVING_AT_ONCE: Final = 2  # one decides while the database writes for the other
TOGETHER_MAX: Final = 64  # messages served at a time
BYTES_MAX: Final = 64 * 1024  # of one message; longer ones would keep the line waiting

Conclude = Callable[[Answer], Any]


class Server(Protocol):
    """The intake as the counter uses it."""

    def submit_together(self, arriving: Sequence[Arriving]) -> list[Answer | Left]:
        """Keep small messages, and settle at once those that are one new declaration each; what is left of the others."""


class _Place:
    """A message's place in the line."""

    def __init__(self, arriving: Arriving, conclude: Conclude) -> None:
        self.arriving = arriving
        self.conclude = conclude
        self.loop = asyncio.get_running_loop()
        self.settled: asyncio.Future[Any] = self.loop.create_future()
        self.result: Any = None
        self.error: BaseException | None = None

    def tell(self) -> None:
        """In the event loop: say what came of it, unless nobody waits any more."""
        if self.settled.done():
            return
        if self.error is not None:
            self.settled.set_exception(self.error)
        else:
            self.settled.set_result(self.result)


class Counter:
    """Serves messages of any event loop in its own threads, started when first needed."""

    def __init__(self, server: Server) -> None:
        self._server = server
        self._starting = threading.Lock()
        self._waiting: queue.SimpleQueue[_Place | None] = queue.SimpleQueue()
        self._threads: list[threading.Thread] = []

    def hand_over(self, arriving: Arriving, conclude: Conclude) -> asyncio.Future[Any]:
        """What `conclude` makes of the answer, or what is left to do (`Left`) where there is none at once."""
        if len(self._threads) < SERVING_AT_ONCE:
            self._start_another()
        place = _Place(arriving, conclude)
        self._waiting.put(place)
        return place.settled

    def close(self) -> None:
        """Serve whoever waits, then no more."""
        with self._starting:
            for _ in self._threads:
                self._waiting.put(None)
            for thread in self._threads:
                thread.join()
            self._threads.clear()

    def _start_another(self) -> None:
        with self._starting:
            if len(self._threads) < SERVING_AT_ONCE:
                thread = threading.Thread(target=self._serve, name="counter", daemon=True)
                self._threads.append(thread)
                thread.start()

    def _serve(self) -> None:
        while (first := self._waiting.get()) is not None:
            group = [first, *self._more()]
            try:
                answers = self._server.submit_together([place.arriving for place in group])
            except BaseException as error:  # whatever it was, those who wait must hear of it
                for place in group:
                    place.error = error
            else:
                for place, answer in zip(group, answers, strict=True):
                    _conclude(place, answer)
            for loop, told in groupby(group, key=lambda place: place.loop):
                _tell(loop, list(told))

    def _more(self) -> Iterator[_Place]:
        """Those who wait behind the first."""
        with contextlib.suppress(queue.Empty):
            for _ in range(TOGETHER_MAX - 1):
                place = self._waiting.get_nowait()
                if place is None:  # closing time is for whoever takes it next, when this group is served
                    self._waiting.put(None)
                    return
                yield place


def _conclude(place: _Place, answer: Answer | Left) -> None:
    try:
        place.result = place.conclude(answer) if isinstance(answer, Answer) else answer
    except Exception as error:
        place.error = error


def _tell(loop: asyncio.AbstractEventLoop, told: list[_Place]) -> None:
    def tell() -> None:
        for place in told:
            place.tell()

    with contextlib.suppress(RuntimeError):  # the loop has ended, and with it those who waited
        loop.call_soon_threadsafe(tell)
