"""From an intake to the network's sequencer: each batch handed in, in the intake's order, until it is answered.

For a sequencer that is a member of its own (`tidewaiter node`; `to_member`), whose blocks follow its clock. Handing in the same batch
again changes nothing there: it is promised as before, or refused as replayed. So it does no harm that a crash may come
between an answer and the note of how far one has come; and when another sequencer takes over, the same intake goes on with it.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Awaitable, Callable, Sequence
from pathlib import Path
from typing import Final

from tidewaiter.ledger.batches import Batch, Promise
from tidewaiter.ledger.effects import Refuse
from tidewaiter.ledger.verdict import LedgerError
from tidewaiter.model.errors import UnavailableError
from tidewaiter.network.adapters.batches import stated_of
from tidewaiter.network.adapters.following import Taken
from tidewaiter.network.adapters.intake import Delivered, Intake
from tidewaiter.network.charter import Charter
from tidewaiter.network.files import write_durably
from tidewaiter.network.handing_in import send_batch, send_statement
from tidewaiter.network.serving import RefusedError

HandIn = Callable[[Batch, Sequence[bytes]], Awaitable[Promise | Refuse]]
"""Hands statements and their batch in and gives the sequencer's answer; raises UnavailableError where there is none."""

FETCHED_TOGETHER: Final = 64
AGAIN_AFTER_SECONDS: Final = 0.2
LATER: Final = frozenset({"sequencer.busy", "sequencer.stopped", "sequencer.closed", "storage.failed"})
"""Refusals that are of the moment: the same batch is handed in again."""
REPLAYED: Final = "batch.replayed"
GAP: Final = "batch.gap"


def to_member(charter: Charter) -> HandIn:
    """Handing in to the member that is the sequencer of a network, over HTTP; batches are their submitters' own."""

    async def hand_in(batch: Batch, statements: Sequence[bytes]) -> Promise | Refuse:
        try:
            for each in statements:
                with contextlib.suppress(
                    RefusedError
                ):  # the batch goes in all the same: its entry is refused, its number counts
                    await send_statement(each, charter)
            return await send_batch(batch, charter)
        except RefusedError as error:
            return error.refuse

    return hand_in


class Feeder:
    """Feeds a sequencer; how far it has come is kept in a file, which may be older than the truth and never younger."""

    def __init__(self, intake: Intake, hand_in: HandIn, file: Path) -> None:
        self._intake, self._hand_in, self._file = intake, hand_in, file
        self._gone_back_for: set[str] = set()
        self._told = 0
        self.position = int(file.read_text()) if file.exists() else 0

    async def run(self, told: Callable[[Taken], None]) -> None:
        """Until cancelled; tells what became of each batch."""
        while True:
            if not await self.step(told):
                await asyncio.sleep(AGAIN_AFTER_SECONDS)

    async def step(self, told: Callable[[Taken], None]) -> bool:
        """Hand in what the intake has now; whether there was anything that was answered."""
        await self._tell()
        try:
            delivered = await self._intake.after(self.position, FETCHED_TOGETHER)
        except UnavailableError:
            return False
        position = self.position
        for each in delivered:
            answer = await self._answer(each)
            if answer is None:
                break
            if isinstance(answer, Refuse) and answer.code == GAP and self._goes_back(each.batch.submitter):
                position = 0
                break
            position = each.position
            if not isinstance(answer, Refuse) or answer.code != REPLAYED:
                told(Taken(position, answer))
        if position == self.position:
            return False
        self.position = position
        write_durably(self._file, str(position).encode())
        await self._tell()
        return True

    async def _tell(self) -> None:
        """Let the intake know how far the sequencer has answered, so that it takes more."""
        if self.position > self._told:
            with contextlib.suppress(UnavailableError):  # told at the next step
                await self._intake.tell_reached(self.position)
                self._told = self.position

    async def _answer(self, delivered: Delivered) -> Promise | Refuse | None:
        """The sequencer's answer for good; None where it has none now."""
        try:
            stated = stated_of(delivered.batch)
            answer = await self._hand_in(stated.batch, stated.statements)
        except UnavailableError:
            return None
        except LedgerError as error:
            return Refuse("batch.malformed", error.detail, "It was put into the intake round its door.")
        return None if isinstance(answer, Refuse) and answer.code in LATER else answer

    def _goes_back(self, submitter: str) -> bool:
        """Whether to begin again from the first position, since the log may lack what was handed in before.

        Once for each submitter: where that does not help, a batch before was refused for good, and what follows is too.
        """
        if submitter in self._gone_back_for:
            return False
        self._gone_back_for.add(submitter)
        return self.position > 0
