"""The network's batches (`tidewaiter.ledger.batches`) as an intake carries them: bytes that say what they are."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from typing import Final

import msgspec

from tidewaiter.ledger import admitting
from tidewaiter.ledger.batches import Batch
from tidewaiter.ledger.effects import Refuse
from tidewaiter.ledger.entries import EntryReader
from tidewaiter.ledger.verdict import PROVED, LedgerError, Verdict
from tidewaiter.network.adapters.intake import Check, Offered

_ENCODE: Final = msgspec.msgpack.Encoder().encode
_BATCH: Final = msgspec.msgpack.Decoder(Batch)


def offered(batch: Batch) -> Offered:
    """The batch as it is handed to an intake."""
    return Offered(batch.key, batch.number, _ENCODE(batch))


def batch_of(batch: Offered) -> Batch:
    """The batch that was offered. Raises LedgerError where the bytes are none, or one of another key or number."""
    try:
        read = _BATCH.decode(batch.data)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise LedgerError(f"these bytes are no batch: {error}") from error
    if (read.key, read.number) != (batch.submitter, batch.number) or read.number < 1:
        raise LedgerError("a batch is handed in under another key or number than it says")
    if _ENCODE(read) != batch.data:
        raise LedgerError("a batch is written otherwise than it has to be")
    return read


def now_ms() -> int:
    """This moment, in milliseconds since 1970."""
    return time.time_ns() // 1_000_000


def check_for(origin: str, submitters: Mapping[str, bytes], clock: Callable[[], int] = now_ms) -> Check:
    """What an intake of this log asks of a batch: all that the sequencer will ask before it looks at rules and numbers.

    No entry may lie ahead of the clock here. The sequencer bears a quarter hour, so that what was taken here is not refused
    there because clocks differ: a batch that is in the intake and not in the log leaves its submitter's key behind a gap.
    """

    reader = EntryReader()

    def check(batch: Offered) -> Verdict:
        at = clock() - 1000 * admitting.AHEAD_SECONDS
        try:
            read = admitting.read(batch_of(batch), origin, submitters, at, reader)
        except LedgerError as error:
            return Verdict(error.detail)
        return Verdict(read.why) if isinstance(read, Refuse) else PROVED

    return check
