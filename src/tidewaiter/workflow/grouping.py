"""One thread that writes: what waits goes into one transaction, and nobody is answered before it is committed."""

from __future__ import annotations

import contextlib
import queue
import threading
from collections.abc import Callable
from concurrent.futures import Future
from contextlib import AbstractContextManager
from typing import Any, TypeVar, cast

from tidewaiter.model.errors import TidewaiterError
from tidewaiter.workflow.ports import Writing

GROUP_MAX = 64  # jobs in one transaction

Result = TypeVar("Result")
Job = Callable[[Writing], Any]


class ClosedError(TidewaiterError):
    """The intake is being closed and takes nothing more."""

    code = "intake.closed"


class GroupWriter:
    """Runs jobs in transactions of `begin` (which is told how many jobs there are).

    A job may run twice: when one in its group fails, each runs alone.
    """

    def __init__(self, begin: Callable[[int], AbstractContextManager[Writing]], name: str) -> None:
        self._begin = begin
        self._waiting: queue.SimpleQueue[tuple[Job, Future[Any]] | None] = queue.SimpleQueue()
        self._thread = threading.Thread(target=self._serve, name=name, daemon=True)
        self._starting = threading.Lock()
        self._is_closed = False

    def run(self, job: Callable[[Writing], Result]) -> Result:
        """The job's result once it is committed. Raises what the job or the commit raised."""
        future: Future[Any] = Future()
        with self._starting:
            if self._is_closed:
                raise ClosedError("the intake is closed", hint="start it again")
            if not self._thread.ident:
                self._thread.start()
            self._waiting.put((job, future))
        return cast("Result", future.result())

    def close(self) -> None:
        """Finish what waits, then end."""
        with self._starting:
            was_running, self._is_closed = bool(self._thread.ident) and not self._is_closed, True
        if was_running:
            self._waiting.put(None)
            self._thread.join()

    def _serve(self) -> None:
        while (first := self._waiting.get()) is not None:
            group = [first]
            is_last = False
            with contextlib.suppress(queue.Empty):
                while len(group) < GROUP_MAX and not is_last:
                    more = self._waiting.get_nowait()
                    if more is None:
                        is_last = True
                    else:
                        group.append(more)
            self._write(group)
            if is_last:
                return

    def _write(self, group: list[tuple[Job, Future[Any]]]) -> None:
        try:
            with self._begin(len(group)) as transaction:
                results = [job(transaction) for job, _ in group]
        except BaseException as error:  # whatever it was, those who wait must hear of it
            if len(group) == 1:
                group[0][1].set_exception(error)
            else:
                for each in group:
                    self._write([each])
            return
        for (_, future), result in zip(group, results, strict=True):
            future.set_result(result)
