"""One writes at a time, and writes for all who came meanwhile: one transaction, and nobody is answered before it commits.

Whoever comes when nobody is writing writes at once, in its own thread. Who
comes later waits; the first of those waiting then writes for all of them. So a
lone request pays for no hand-over to another thread, and a crowd shares the
cost of a commit, without any window of waiting.
"""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable
from contextlib import AbstractContextManager
from typing import Any, Generic, TypeVar, cast

from tidewaiter.model.errors import TidewaiterError

GROUP_MAX = 64  # jobs in one transaction

Result = TypeVar("Result")
Transaction = TypeVar("Transaction")


class ClosedError(TidewaiterError):
    """The intake is being closed and takes nothing more."""

    code = "intake.closed"


class _Place(Generic[Transaction]):
    """A job's place in the queue, and what came of it."""

    def __init__(self, job: Callable[[Transaction], Any]) -> None:
        self.job = job
        self.called = threading.Event()  # set when the job is done, or when it is its thread's turn to write
        self.is_done = False
        self.result: Any = None
        self.error: BaseException | None = None

    def settle(self, result: Any, error: BaseException | None = None) -> None:
        self.result, self.error, self.is_done = result, error, True
        self.called.set()

    def outcome(self) -> Any:
        if self.error is not None:
            raise self.error
        return self.result


class GroupWriter(Generic[Transaction]):
    """Runs jobs in transactions of `begin` (which is told how many jobs there are).

    A job may run twice: when one in its group fails, each runs alone.
    """

    def __init__(self, begin: Callable[[int], AbstractContextManager[Transaction]]) -> None:
        self._begin = begin
        self._changing = threading.Lock()
        self._waiting: deque[_Place[Transaction]] = deque()
        self._is_writing = False
        self._is_closed = False
        self._idle = threading.Condition(self._changing)

    def run(self, job: Callable[[Transaction], Result]) -> Result:
        """The job's result once it is committed. Raises what the job or the commit raised."""
        place = _Place(job)
        with self._changing:
            self.refuse_if_closed()
            is_first = not self._is_writing
            if is_first:
                self._is_writing = True
            else:
                self._waiting.append(place)
        if not is_first:
            place.called.wait()
        if not place.is_done:
            self._write_for_all(place)
        return cast("Result", place.outcome())

    def refuse_if_closed(self) -> None:
        """Raises ClosedError where nothing more is taken."""
        if self._is_closed:
            raise ClosedError("the intake is closed", hint="start it again")

    def close(self) -> None:
        """Take nothing more, and wait until what was taken is written."""
        with self._changing:
            self._is_closed = True
            self._idle.wait_for(lambda: not self._is_writing)

    def _write_for_all(self, place: _Place[Transaction]) -> None:
        group = [place]
        with self._changing:
            while self._waiting and len(group) < GROUP_MAX:
                group.append(self._waiting.popleft())
        try:
            self._write(group)
        finally:
            with self._changing:
                following = self._waiting.popleft() if self._waiting else None
                if following is None:
                    self._is_writing = False
                    self._idle.notify_all()
            if following is not None:
                following.called.set()

    def _write(self, group: list[_Place[Transaction]]) -> None:
        try:
            with self._begin(len(group)) as transaction:
                results = [place.job(transaction) for place in group]
        except BaseException as error:  # whatever it was, those who wait must hear of it
            if len(group) == 1:
                group[0].settle(None, error)
            else:
                for each in group:
                    self._write([each])
            return
        for place, result in zip(group, results, strict=True):
            place.settle(result)
