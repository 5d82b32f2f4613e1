"""What every intake of batches promises, however it keeps them.

- *Stored means kept.* `offer` comes back when the batch would survive the end of this process, and of as many machines
  as the intake says it survives.
- *Once.* The same batch offered again gets the same position. Another batch under its number is refused.
- *In order.* A submitter's batches are numbered without gaps, from 1 or, where an origin goes on from another one, from
  where that ended; one out of turn is refused, and told which is next.
- *One order for all.* Positions grow; who reads from any position on reads the same batches in the same order.
- *Own words only.* What the submitter did not sign is refused at the door. Who reads verifies again all the same:
  on shared servers the door can be gone round.
- *Not without end.* Whoever makes the log tells how far it is final (`tell_reached`), and how many batches may stand behind
  that; while as many do, a new one is refused as busy and is not stored. What is stored already is answered as ever.
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
BUSY_SECONDS: Final = 0.5
"""After how long a batch that was held back is offered again, and how often is asked how far the log is."""
WAITING_MAX: Final = 1_000
"""Batches that may be stored and not yet final; so many are taken, too, while nobody makes a log of them."""
WAITING_ENTRIES_MAX: Final = 16_000
"""Entries that may stand in these, by what the last batches had; but `WAITING_MIN` batches whatever they have."""
WAITING_MIN: Final = 8
SILENT_SECONDS: Final = 30.0
"""After how long without progress it is said that nobody seems to make the log."""


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


class Reached(Struct, frozen=True):
    """How far the log is final, by position; how many batches may stand behind that; when it was told, in ms since 1970."""

    position: int = 0
    room: int = WAITING_MAX
    at: int = 0


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


class BusyError(UnavailableError):
    """A batch is not stored, since too many before it are not final yet. Offered again later it is taken."""

    code = "intake.busy"

    def __init__(self, detail: str, *, hint: str = "", place: str = "") -> None:
        super().__init__(detail, hint=hint, place=place)
        self.again_after_seconds = BUSY_SECONDS


Check = Callable[[Offered], Verdict]
"""Whether a batch is its submitter's own, whole and under its number, now."""


class Intake(Protocol):
    """A place where batches are stored, once and in order, until the log has them."""

    async def offer(self, batch: Offered) -> Stored:
        """Where the batch is stored. Raises RefusedError; BusyError where it is not stored; IntakeUnavailableError where that is not known."""
        ...

    async def next_number(self, submitter: str) -> int:
        """The number under which this submitter's next batch is taken."""
        ...

    async def after(self, position: int, count: int) -> Sequence[Delivered]:
        """Up to `count` batches that stand behind a position, in order; none where none is there yet."""
        ...

    async def reached(self) -> Reached:
        """How far the log is final, as whoever makes it told last."""
        ...

    async def tell_reached(self, position: int, room: int = WAITING_MAX) -> None:
        """Tell that the log is final up to a position, and how many batches may stand behind it."""
        ...

    async def close(self) -> None:
        """Let go of connections and files."""
        ...


async def handed_in(intake: Intake, batch: Offered, within_seconds: float) -> Stored:
    """Where the batch is stored, offered until that is known. Raises RefusedError; BusyError or IntakeUnavailableError in the end."""
    until = time.monotonic() + within_seconds
    while True:
        try:
            return await intake.offer(batch)
        except (IntakeUnavailableError, BusyError) as error:
            if time.monotonic() > until:
                raise
            await asyncio.sleep(error.again_after_seconds if isinstance(error, BusyError) else AGAIN_AFTER_SECONDS)


def room_for(entries: int, batches: int) -> int:
    """How many batches may wait where the last `batches` had so many entries: as many as come to `WAITING_ENTRIES_MAX`."""
    if not entries or not batches:
        return WAITING_MAX
    return max(WAITING_MIN, min(WAITING_MAX, WAITING_ENTRIES_MAX * batches // entries))


def refuse_when_behind(last: int, reached: Reached) -> None:
    """Raises BusyError where as many batches as may stand, up to the position `last`, behind what is final."""
    waiting = last - reached.position
    if waiting < reached.room:
        return
    silent = time.time() - reached.at / 1000
    hint = f"nothing was stored: offer the same batch again after {BUSY_SECONDS:g} s"
    if not reached.at:
        hint += "; nobody has told yet to make a log of this intake: see that its replicas or its feeder run"
    elif silent > SILENT_SECONDS:
        hint += f"; nothing has become final for {silent:.0f} s: see that replicas or the feeder run"
    raise BusyError(
        f"{waiting} batches are stored and not final yet, and {reached.room} are the most",
        hint=hint,
        place=f"position {last}",
    )


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
