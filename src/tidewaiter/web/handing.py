"""Handing a message to the intake from a request: streamed, and answered in time even where the work takes longer."""

from __future__ import annotations

import asyncio
import functools
import hashlib
import io
import logging
from collections.abc import AsyncIterator, Callable
from datetime import date
from typing import TYPE_CHECKING, Any, Final, TypeVar, cast

import anyio.to_thread
from anyio import from_thread
from litestar.exceptions import InternalServerException
from msgspec import Struct

from tidewaiter.model.errors import NotFoundError
from tidewaiter.web.counter import BYTES_MAX
from tidewaiter.web.house import House
from tidewaiter.web.problem import WebError
from tidewaiter.workflow.pieces import SMALL_BYTES
from tidewaiter.workflow.ports import KeptMessage
from tidewaiter.workflow.records import Receipt
from tidewaiter.workflow.together import Answer, Left

if TYPE_CHECKING:
    from _typeshed import WriteableBuffer

ANSWER_SECONDS: Final = 20  # after its last byte, how long a sender waits before being told that work goes on
BUFFER_BYTES: Final = 256 * 1024


Conclusion = TypeVar("Conclusion")


class Particulars(Struct, frozen=True, kw_only=True):
    """What is said of a message beside its bytes."""

    sender_id: int
    file_name: str
    transport: str
    form: str = ""
    key: str = ""
    legal_day: date | None = None
    api_key_digest: str = ""  # of the key it came with, asked for again when a small message is kept


class Reader(io.RawIOBase):
    """A request's body as a plain stream, pulled from the event loop as a worker thread reads. Bounded memory.

    What goes wrong on the way (too large, cut off) is raised at the read that meets it, so that
    half a message is never taken for a whole one.
    """

    def __init__(self, chunks: AsyncIterator[bytes]) -> None:
        super().__init__()
        self._chunks = chunks
        self._rest = memoryview(b"")
        self._hash = hashlib.sha256()
        self.head = b""  # what was read ahead
        self.ended = asyncio.Event()

    @property
    def digest(self) -> str:
        """SHA-256 of what was read so far."""
        return self._hash.hexdigest()

    def readable(self) -> bool:
        """True: it is for reading only."""
        return True

    def readinto(self, buffer: WriteableBuffer) -> int:
        """Fill `buffer` as far as the chunk at hand reaches; 0 at the end."""
        target = memoryview(buffer).cast("B")
        while not self._rest:
            if self.ended.is_set():
                return 0
            self._rest = memoryview(from_thread.run(self._next))
        count = min(len(target), len(self._rest))
        target[:count] = self._rest[:count]
        self._rest = self._rest[count:]
        return count

    async def read_ahead(self) -> None:
        """Take in as much as a small message has: one that is here whole needs no more asking of the event loop."""
        head = bytearray()
        while len(head) <= SMALL_BYTES and not self.ended.is_set():
            head += await self._next()
        self.head = bytes(head)
        self._rest = memoryview(self.head)

    async def _next(self) -> bytes:
        try:
            chunk = await anext(self._chunks, None)
        except InternalServerException as error:  # the framework's word for a sender that hung up
            raise WebError(
                "request.cut_off", "The message broke off before its end; nothing of it was kept."
            ) from error
        if chunk is None:
            self.ended.set()
            return b""
        self._hash.update(chunk)
        return chunk


async def hand_in(
    house: House, chunks: AsyncIterator[bytes], given: Particulars, conclude: Callable[[Answer], Conclusion]
) -> Conclusion:
    """What `conclude` makes of the answer, in a thread; one that is not complete where the work takes long.

    The work then goes on in its thread, and after a crash where it stopped. Raises what the intake raises.
    """
    reader = Reader(chunks)
    await reader.read_ahead()
    if reader.ended.is_set() and len(reader.head) <= BYTES_MAX:
        arriving = house.intake.arriving(reader.head, api_key_digest=given.api_key_digest, **_as_arguments(given))
        settled = house.counter.hand_over(arriving, conclude)
        done, _ = await asyncio.wait({settled}, timeout=ANSWER_SECONDS)
        if done and not isinstance(settled.result(), Left):
            return cast("Conclusion", settled.result())
        working = asyncio.ensure_future(_seen_through(house, settled, conclude))
    else:
        working = asyncio.ensure_future(_streamed(house, reader, given, conclude))
    while not await _is_done(working, reader.ended):
        if kept := await anyio.to_thread.run_sync(_kept, house, reader.digest, given):
            house.going_on.add(working)
            working.add_done_callback(functools.partial(_note_end, house))
            receipt = Receipt(message_id=kept.message_id, digest=kept.digest, record_count=kept.record_count)
            return await anyio.to_thread.run_sync(conclude, Answer(receipt))
    return working.result()


async def _seen_through(
    house: House, settled: asyncio.Future[Any], conclude: Callable[[Answer], Conclusion]
) -> Conclusion:
    """A small message that takes longer than one declaration, in a thread where it holds up no other."""
    found = await settled
    if not isinstance(found, Left):
        return cast("Conclusion", found)
    return await anyio.to_thread.run_sync(lambda: conclude(Answer(found.work())), limiter=house.submissions)


async def _streamed(
    house: House, reader: Reader, given: Particulars, conclude: Callable[[Answer], Conclusion]
) -> Conclusion:
    """A longer message, kept as it comes in."""

    def work() -> Conclusion:
        stream = io.BufferedReader(reader, BUFFER_BYTES)
        return conclude(Answer(house.intake.submit(stream, **_as_arguments(given))))

    limiter = house.submissions if reader.ended.is_set() else house.uploads
    return await anyio.to_thread.run_sync(work, limiter=limiter)


async def _is_done(working: asyncio.Task[Any], ended: asyncio.Event) -> bool:
    """Whether the work is done some seconds after the last byte came in: a slow sender may take as long as it needs."""
    if not ended.is_set():
        ending = asyncio.create_task(ended.wait())
        await asyncio.wait({working, ending}, return_when=asyncio.FIRST_COMPLETED)
        ending.cancel()
    done, _ = await asyncio.wait({working}, timeout=ANSWER_SECONDS)
    return bool(done)


def _as_arguments(given: Particulars) -> dict[str, Any]:
    """The particulars as `Intake.submit` and `Intake.arriving` are told them."""
    return {
        "sender_id": given.sender_id,
        "file_name": given.file_name,
        "transport": given.transport,
        "form_name": given.form or None,
        "idempotency_key": given.key or None,
        "legal_day": given.legal_day,
    }


def _kept(house: House, digest: str, given: Particulars) -> KeptMessage | None:
    """The message as it was kept; None while it is still being kept."""
    try:
        return house.store.message_by_key(given.sender_id, given.key or digest)
    except NotFoundError:
        return None


def _note_end(house: House, working: asyncio.Task[Any]) -> None:
    house.going_on.discard(working)
    if not working.cancelled() and (error := working.exception()):
        logging.getLogger("tidewaiter.web").error("a message kept before could not be finished", exc_info=error)
