"""Driving one pure machine: messages and moments go in, and what it asks for is done, in order.

All on one event loop, but for syncing, which waits for the disk in a thread of its own: whatever is appended meanwhile is
synced together the next time (group commit).
"""

from __future__ import annotations

import asyncio
import logging
import os
import time
from collections.abc import Awaitable, Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from typing import Final, Protocol

from tidewaiter.ledger.effects import (
    Effect,
    FinalCheckpoint,
    Found,
    Keep,
    Lagging,
    Message,
    Persist,
    Reply,
    Send,
)
from tidewaiter.model.errors import UnavailableError
from tidewaiter.network.files import DiskError, Journal, Place

OFFSET_VARIABLE: Final = "TIDEWAITER_CLOCK_OFFSET"
"""For tests alone: by how many seconds this process's clock is wrong."""
_OFFSET_MS: Final = int(os.environ.get(OFFSET_VARIABLE, "0")) * 1000
REPLY_SECONDS_MAX: Final = 15.0
_LOG: Final = logging.getLogger(__name__)


class Machine(Protocol):
    """What both machines have in common."""

    is_stopped: bool

    def synced(self, upto: int) -> list[Effect]:
        """What may be said once the journal is on disk up to here."""

    def failed(self, why: str) -> list[Effect]:
        """What is said once it could not be written."""


class StoppedError(UnavailableError):
    """The member takes nothing more: what it keeps things on has failed, or it is leaving."""

    code = "network.stopped"


class Shown(Protocol):
    """Who is told what a machine shows."""

    def wrote(self, written: Persist | Keep, upto: int, place: Place) -> None:
        """A record was appended to the journal; it is safe once everything up to the `Persist` of this number is."""

    def safe(self, upto: int) -> None:
        """Everything up to this `Persist` is safe."""

    def send(self, message: Send) -> None:
        """Send this to a member."""

    def show(self, shown: FinalCheckpoint | Lagging | Found) -> None:
        """A checkpoint became final, a member lags, or the log was caught lying."""


class Driver:
    """One machine with its journal. Nothing here blocks the loop but writing into the journal's file."""

    def __init__(self, machine: Machine, journal: Journal, shown: Shown) -> None:
        self.machine = machine
        self._journal, self._shown = journal, shown
        self._upto = self._synced = 0
        self._syncing: asyncio.Task[None] | None = None
        self._thread = ThreadPoolExecutor(1, "sync")

    async def ask(self, question: Callable[[asyncio.Future[Message]], Iterable[Effect]]) -> Message:
        """The machine's answer to a question, which is given the caller to answer. Raises StoppedError."""
        waiting: asyncio.Future[Message] = asyncio.get_running_loop().create_future()
        self.carry_out(question(waiting))
        try:
            async with asyncio.timeout(REPLY_SECONDS_MAX):
                return await waiting
        except TimeoutError as error:
            raise StoppedError("there was no answer in time", hint="ask again; nothing counts twice") from error

    def carry_out(self, effects: Iterable[Effect]) -> None:
        """Do what the machine asks for."""
        for effect in effects:
            match effect:
                case Reply(caller, message):
                    if isinstance(caller, asyncio.Future) and not caller.done():
                        caller.set_result(message)
                case Send():
                    self._shown.send(effect)
                case Persist():
                    self._upto = effect.upto
                    if self._append(effect):
                        self._sync_soon()
                case Keep():
                    self._append(effect)
                case FinalCheckpoint() | Lagging() | Found():
                    self._shown.show(effect)

    def _append(self, effect: Persist | Keep) -> bool:
        if self.machine.is_stopped:
            return False
        try:
            if self._syncing is None:
                self._journal.turn()
            place = self._journal.append(effect.data)
        except DiskError as error:
            self._fail(error)
            return False
        self._shown.wrote(effect, self._upto, place)
        return True

    def _sync_soon(self) -> None:
        if self._syncing is None:
            self._syncing = asyncio.get_running_loop().create_task(self._sync())

    async def _sync(self) -> None:
        loop = asyncio.get_running_loop()
        try:
            while self._synced < self._upto and not self.machine.is_stopped:
                upto = self._upto
                try:
                    await loop.run_in_executor(self._thread, self._journal.sync)
                except DiskError as error:
                    self._fail(error)
                    return
                self._synced = upto
                self._shown.safe(upto)
                self.carry_out(self.machine.synced(upto))
        finally:
            self._syncing = None

    def _fail(self, error: DiskError) -> None:
        _LOG.error("%s: %s", error.code, error.detail)
        self.carry_out(self.machine.failed(error.detail))

    async def close(self) -> None:
        """Wait for what is being synced, and close the journal."""
        if self._syncing is not None:
            await self._syncing
        self._thread.shutdown()
        self._journal.close()


def now_ms() -> int:
    """The moment by this machine's clock, in milliseconds since 1970."""
    return time.time_ns() // 1_000_000 + _OFFSET_MS


async def every(seconds: float, do: Callable[[], Awaitable[None]]) -> None:
    """Do something again and again, with this pause between; what goes wrong is logged and does not end it."""
    while True:
        try:
            await do()
        except Exception:
            _LOG.exception("what is done every %g seconds failed", seconds)
        await asyncio.sleep(seconds)
