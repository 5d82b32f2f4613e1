"""One of several small messages, decided by itself: where it is one new declaration and nothing else, ready to be written.

Everything else that a small message can be (an archive, several records, an
amendment, nothing at all) goes the way of long messages (`processing`).
"""

from __future__ import annotations

import io
from collections.abc import Callable, Mapping
from itertools import islice

from msgspec import Struct
from msgspec.structs import replace

from tidewaiter.messages import archives
from tidewaiter.model.errors import MessageError
from tidewaiter.workflow.batching import Slice, Tallying, batch_of, carried_on, new_entry
from tidewaiter.workflow.deciding import decide_piece
from tidewaiter.workflow.pieces import pieces
from tidewaiter.workflow.ports import Declared, KeptMessage, Outcome
from tidewaiter.workflow.processing import Means
from tidewaiter.workflow.records import Incoming, Receipt


class Answer(Struct, frozen=True):
    """A receipt, and how declarations of the message stand where that is at hand (declaration_id → outcome)."""

    receipt: Receipt
    outcomes: Mapping[int, Outcome] = {}


class Left(Struct, frozen=True):
    """What is left to do with a message that was kept, for a thread that has the time; raises as `Intake.submit` does."""

    work: Callable[[], Receipt]


def declared(means: Means, incoming: Incoming, body: bytes, kept: tuple[KeptMessage, int]) -> Declared | None:
    """The one new declaration in `body`, decided; None where the message is anything else, or history is asked for."""
    message, first_id = kept
    if archives.is_archive(body) or means.shelf.wants_history or means.shelf.budgets:
        return None
    try:
        found = list(islice(pieces(io.BytesIO(body), message.file_name, message.requested_form), 2))
    except MessageError:
        return None
    if len(found) != 1:
        return None
    decided = decide_piece(found[0], incoming, means.shelf)
    if not decided.stands_alone or decided.claim is not None:  # what is between several is for the one writer
        return None
    entry = new_entry(decided, first_id)
    tallying = Tallying()
    tallying.add(entry)
    part = Slice(incoming=incoming, pieces=tuple(found))
    receipt = Receipt(message_id=message.message_id, digest=message.digest)
    receipt = carried_on(receipt, tallying.tally(), part.last_position, found[0].form)
    return Declared(
        message=message,
        entry=entry,
        encoded=means.store.encode(batch_of(part), [entry]),
        receipt=replace(receipt, is_complete=True),
    )
