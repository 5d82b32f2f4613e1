"""What goes from the sequencer to the others: blocks to mirrors, checkpoints to witnesses, what is final to everybody."""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections import deque
from collections.abc import Callable
from typing import Annotated, Final

import msgspec
from msgspec import Meta, Struct

from tidewaiter.ledger.checkpoints import Checkpoint
from tidewaiter.ledger.effects import Block, Cosigned, Declined, Refuse
from tidewaiter.ledger.entries import TOGETHER_MAX
from tidewaiter.ledger.merkle import NodeHash
from tidewaiter.ledger.notes import SignedNote
from tidewaiter.ledger.proving import prove_consistency
from tidewaiter.ledger.verdict import LedgerError
from tidewaiter.ledger.witnessing import Request
from tidewaiter.network.client import Answer, Peer, PeerError
from tidewaiter.network.serving import MSGPACK

GROUP_MAX: Final = 8
"""Blocks in one request: those that came while the mirror was busy with the last."""
PAUSE_SECONDS: Final = 0.25
AGAIN_SECONDS: Final = 5.0
"""After how long a member is told again what it was told."""
"""Before somebody who did not answer is asked again."""
BLOCKS_PATH: Final = "/record/blocks"


class Sent(Struct, frozen=True):
    """A block as it travels, with the statements that entries of it stand for; and where the block before has changed who
    suffices, the checkpoint by which that became final."""

    block: Block
    statements: Annotated[tuple[bytes, ...], Meta(max_length=TOGETHER_MAX)] = ()
    settled: bytes = b""


ANSWERS: Final = msgspec.msgpack.Decoder(list[Cosigned | Declined | Refuse])
_LOG: Final = logging.getLogger(__name__)
_ENCODE: Final = msgspec.msgpack.Encoder().encode


class Outbox:
    """Blocks for one mirror, in order, one request at a time: what comes meanwhile goes together with the next."""

    def __init__(self, name: str, peer: Peer, heard: Callable[[str, Cosigned | Declined | Refuse], None]) -> None:
        self.name, self.peer = name, peer
        self._heard = heard
        self._blocks: deque[msgspec.Raw] = deque()
        self._came = asyncio.Event()
        self.trouble = ""

    def put(self, block: msgspec.Raw) -> None:
        """Send this block too, a `Sent` that was encoded: once for all mirrors."""
        self._blocks.append(block)
        self._came.set()

    @property
    def is_busy(self) -> bool:
        """Whether blocks wait to be sent."""
        return bool(self._blocks)

    async def run(self) -> None:
        """Send what comes, until cancelled. What could not be sent is dropped: the machine sends it again."""
        while True:
            await self._came.wait()
            group = [self._blocks.popleft() for _ in range(min(GROUP_MAX, len(self._blocks)))]
            if not self._blocks:
                self._came.clear()
            if not group:
                continue
            try:
                for answer in await post_blocks(self.peer, group):
                    self._heard(self.name, answer)
                self.trouble = ""
            except (PeerError, LedgerError) as error:
                if not self.trouble:
                    _LOG.warning("%s is not reached: %s", self.name, error.detail)
                self.trouble = error.detail
                self._blocks.clear()
                self._came.clear()
                await asyncio.sleep(PAUSE_SECONDS)


async def post_blocks(peer: Peer, blocks: list[Sent] | list[msgspec.Raw]) -> list[Cosigned | Declined | Refuse]:
    """A mirror's answers to blocks, one for each. Raises PeerError, LedgerError for what is no answer."""
    answer = await peer.post(BLOCKS_PATH, _ENCODE(blocks), MSGPACK)
    if answer.status != 200:
        raise PeerError(f"{peer.url} does not take blocks: {said(answer)}")
    try:
        return ANSWERS.decode(answer.body)
    except msgspec.DecodeError as error:
        raise LedgerError(f"{peer.url} answers with what is no answer: {error}") from error


class WitnessFeed:
    """Asks one witness to cosign the newest checkpoint, again and again: c2sp.org/tlog-witness."""

    def __init__(self, name: str, peer: Peer, heard: Callable[[str, int, str], None]) -> None:
        self.name, self.peer = name, peer
        self._heard = heard
        self._old_size = 0
        self._note = b""
        self._statements: deque[bytes] = deque()
        self._nodes: Callable[[int], NodeHash] | None = None
        self._came = asyncio.Event()

    def put(self, note: bytes, nodes: Callable[[int], NodeHash]) -> None:
        """There is a new checkpoint; `nodes` gives those of the log at a size."""
        self._note, self._nodes = note, nodes
        self._came.set()

    async def run(self) -> None:
        """Ask for what comes, until cancelled."""
        while True:
            await self._came.wait()
            self._came.clear()
            try:
                await self._ask(SignedNote.parse(self._note))
            except (PeerError, LedgerError) as error:
                _LOG.debug("the witness %s has not cosigned: %s", self.name, error.detail)
                await asyncio.sleep(PAUSE_SECONDS)
                self._came.set()

    def state(self, statement: bytes) -> None:
        """Show the witness a statement before it is asked the next time."""
        self._statements.append(statement)

    async def _ask(self, note: SignedNote) -> None:
        while self._statements:
            answer = await self.peer.post("/record/statements", self._statements[0], "application/json")
            if answer.status != 204:
                _LOG.warning("the witness %s does not take a statement: %s", self.name, said(answer))
            self._statements.popleft()
        checkpoint = Checkpoint.parse(note.text)
        for _ in range(2):
            answer = await self.peer.post("/add-checkpoint", self._request(note, checkpoint).body, "text/plain")
            if answer.status != 409:
                break
            self._old_size = int(answer.body)
            if self._old_size > checkpoint.size:
                return
        if answer.status != 200:
            raise PeerError(f"{self.peer.url} does not cosign: {said(answer)}")
        self._old_size = checkpoint.size
        for line in answer.body.decode().splitlines(keepends=True):
            self._heard(self.name, checkpoint.size, line)

    def _request(self, note: SignedNote, checkpoint: Checkpoint) -> Request:
        proof: list[bytes] = []
        if self._nodes is not None and 0 < self._old_size < checkpoint.size:
            proof = prove_consistency(self._nodes(checkpoint.size), self._old_size, checkpoint.size)
        return Request(self._old_size, tuple(proof), note)


class Announcer:
    """Tells one member the newest of what everybody may know, one request at a time; what is older is not sent any more.

    The newest is told again now and then: whoever died before its disk had it knows it no more.
    """

    def __init__(self, peer: Peer, path: str) -> None:
        self.peer, self._path = peer, path
        self._newest = b""
        self._came = asyncio.Event()

    def put(self, data: bytes) -> None:
        """This is the newest."""
        self._newest = data
        self._came.set()

    async def run(self) -> None:
        """Tell what comes, until cancelled."""
        while True:
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(AGAIN_SECONDS if self._newest else None):
                    await self._came.wait()
            self._came.clear()
            data = self._newest
            try:
                answer = await self.peer.post(self._path, data)
                if answer.status in (409, 503):  # it has not got so far itself: again a little later
                    raise PeerError(f"{self.peer.url} is not so far yet")
            except PeerError:
                await asyncio.sleep(PAUSE_SECONDS)
                if self._newest is data:
                    self._came.set()


def said(answer: Answer) -> str:
    """What a refusal says, in one line."""
    try:
        body = msgspec.json.decode(answer.body)
        return f"{body['code']}: {body['detail']}"
    except (msgspec.DecodeError, KeyError, TypeError):
        return f"status {answer.status}: {answer.body[:200].decode(errors='replace').strip()}"
