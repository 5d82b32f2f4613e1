"""The network's batches (`tidewaiter.ledger.batches`) as an intake carries them: bytes that say what they are."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from typing import Annotated, Final

import msgspec
from msgspec import Meta, Struct

from tidewaiter.ledger import admitting
from tidewaiter.ledger.batches import ENTRIES_MAX, Batch
from tidewaiter.ledger.contracts.statements import Statement
from tidewaiter.ledger.effects import Refuse
from tidewaiter.ledger.entries import Entries, EntryReader
from tidewaiter.ledger.verdict import PROVED, LedgerError, Verdict
from tidewaiter.network.adapters.intake import Check, Offered
from tidewaiter.network.agreeing import is_signed_by_one
from tidewaiter.network.rules import named_in

_ENCODE: Final = msgspec.msgpack.Encoder().encode


class Stated(Struct, frozen=True, tag="stated"):
    """A batch with the statements that entries of it stand for. The batch's signature binds their bodies, not who signed these."""

    batch: Batch
    statements: Annotated[tuple[bytes, ...], Meta(max_length=ENTRIES_MAX)]


_READ: Final = msgspec.msgpack.Decoder(Batch | Stated)


def offered(batch: Batch, statements: Sequence[bytes] = ()) -> Offered:
    """The batch as it is handed to an intake, with the statements that go with it."""
    return Offered(batch.key, batch.number, _ENCODE(Stated(batch, tuple(statements)) if statements else batch))


def stated_of(batch: Offered) -> Stated:
    """The batch that was offered, and its statements, which nobody has looked at.

    Raises LedgerError where the bytes are none, or one of another key or number.
    """
    try:
        found = _READ.decode(batch.data)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise LedgerError(f"these bytes are no batch: {error}") from error
    read = found if isinstance(found, Batch) else found.batch
    if (read.key, read.number) != (batch.submitter, batch.number) or read.number < 1:
        raise LedgerError("a batch is handed in under another key or number than it says")
    statements = () if isinstance(found, Batch) else found.statements
    if offered(read, statements).data != batch.data:
        raise LedgerError("a batch is written otherwise than it has to be")
    return Stated(read, statements)


def unfit(statement: bytes, entries: Entries, keys: Mapping[str, bytes]) -> str:
    """Why a statement does not go with a batch of these entries; empty where it does. `keys` are those that the log knows."""
    try:
        read, named = Statement.parse(statement), named_in(entries)
    except LedgerError as error:
        return error.detail
    if read.commitment not in named:
        return f"no entry of the batch stands for the statement {read.commitment}"
    if not is_signed_by_one(read, keys):
        return "no key that is known has signed the statement, or a signature of one does not hold"
    return ""


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
            stated = stated_of(batch)
            read = admitting.read(stated.batch, origin, submitters, at, reader)
        except LedgerError as error:
            return Verdict(error.detail)
        if isinstance(read, Refuse):
            return Verdict(read.why)
        why = next(filter(None, (unfit(each, read.entries, submitters) for each in stated.statements)), "")
        return Verdict(why) if why else PROVED

    return check
