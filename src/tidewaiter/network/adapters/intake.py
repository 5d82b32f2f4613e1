"""What every intake of batches promises, however it keeps them.

- *Stored means kept.* `offer` comes back when the batch would survive the end of this process, and of as many machines
  as the intake says it survives.
- *Once.* The same batch offered again gets the same position. Another batch under its number is refused.
- *In order.* A submitter's batches are numbered without gaps, from 1 or, where an origin goes on from another one, from
  where that ended; one out of turn is refused, and told which is next.
- *One order for all.* Positions grow; who reads from any position on reads the same batches in the same order.
- *Own words only.* What the submitter did not sign is refused at the door. Who reads verifies again all the same:
  on shared servers the door can be gone round.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Sequence
from enum import Enum
from typing import Final, Protocol

from msgspec import Struct

from tidewaiter.ledger.verdict import Verdict
from tidewaiter.model.errors import TidewaiterError, UnavailableError

BATCH_BYTES_MAX: Final = 1_000_000
"""Bytes of one batch: what a NATS server takes in one message (1 MiB, its default) with headers to spare."""
AGAIN_AFTER_SECONDS: Final = 0.05


class Offered(Struct, frozen=True):
    """A batch as a submitter hands it in: the number of its key, its running number, and its bytes, signed."""

    submitter: str
    number: int
    data: bytes


class Stored(Struct, frozen=True):
    """Where a batch stands in the one order of all; whether it stood there before this offer."""

    position: int
    is_repeat: bool = False


class Delivered(Struct, frozen=True):
    """A batch as it is read again, its position, and when it was stored: milliseconds since 1970, the same for all."""

    position: int
    batch: Offered
    stored_at: int


class Why(Enum):
    """Why a batch was not taken."""

    FORGED = "forged"
    CONFLICTING = "conflicting"
    OUT_OF_TURN = "out_of_turn"
    REPLAYED = "replayed"
    TOO_LARGE = "too_large"


class RefusedError(TidewaiterError):
    """A batch is not taken, and will not be however often it is offered; `why` for machines."""

    code = "ledger.batch_refused"

    def __init__(self, why: Why, detail: str, *, hint: str = "") -> None:
        super().__init__(detail, hint=hint)
        self.why = why


class IntakeUnavailableError(UnavailableError):
    """Whether the batch was stored is not known. Offering the same batch again is safe, and the way to know."""


Check = Callable[[Offered], Verdict]
"""Whether a batch is its submitter's own, whole and under its number, now."""


class Intake(Protocol):
    """A place where batches are stored, once and in order, until the log has them."""

    async def offer(self, batch: Offered) -> Stored:
        """Where the batch is stored. Raises RefusedError, or IntakeUnavailableError where that is not known."""
        ...

    async def next_number(self, submitter: str) -> int:
        """The number under which this submitter's next batch is taken."""
        ...

    async def after(self, position: int, count: int) -> Sequence[Delivered]:
        """Up to `count` batches that stand behind a position, in order; none where none is there yet."""
        ...

    async def close(self) -> None:
        """Let go of connections and files."""
        ...


async def handed_in(intake: Intake, batch: Offered, within_seconds: float) -> Stored:
    """Where the batch is stored, offered until that is known. Raises RefusedError, or IntakeUnavailableError in the end."""
    until = time.monotonic() + within_seconds
    while True:
        try:
            return await intake.offer(batch)
        except IntakeUnavailableError:
            if time.monotonic() > until:
                raise
            await asyncio.sleep(AGAIN_AFTER_SECONDS)


def refuse_unfit(batch: Offered, check: Check) -> None:
    """Raises RefusedError for a batch that is too large, or not its submitter's own."""
    if len(batch.data) > BATCH_BYTES_MAX:
        raise RefusedError(
            Why.TOO_LARGE, f"a batch has {len(batch.data)} bytes; {BATCH_BYTES_MAX} are the most", hint="split it"
        )
    verdict = check(batch)
    if not verdict:
        raise RefusedError(Why.FORGED, verdict.reason, hint="only what its submitter signed is taken")


def refuse_out_of_turn(batch: Offered, next_number: int) -> None:
    """Raises RefusedError for a number that is not the next; one that was taken before is for the caller to look up."""
    if batch.number > next_number:
        raise RefusedError(
            Why.OUT_OF_TURN,
            f"batch {batch.number} of {batch.submitter} comes before its turn",
            hint=f"batch {next_number} is the next",
        )


def replayed(batch: Offered, next_number: int) -> RefusedError:
    """The refusal of a batch that was taken so long ago that it is not to be had any more."""
    return RefusedError(
        Why.REPLAYED,
        f"batch {batch.number} of {batch.submitter} was taken long ago",
        hint=f"batch {next_number} is the next",
    )


def told_again(batch: Offered, position: int, data: bytes) -> Stored:
    """Where a batch stands whose number was taken before by these bytes. Raises RefusedError where it differs."""
    if data != batch.data:
        raise RefusedError(
            Why.CONFLICTING,
            f"another batch {batch.number} of {batch.submitter} is stored already",
            hint="a number is used once; what was stored stays",
        )
    return Stored(position, is_repeat=True)
