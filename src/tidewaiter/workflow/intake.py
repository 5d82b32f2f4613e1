"""Messages in, receipts out: nothing is read before it is kept, nothing acknowledged before it is durable.

    intake = Intake(store)
    receipt = intake.submit(stream, sender_id=1, file_name="night.xml", transport="cli")

A message is first kept as it came and committed. Its records are then decided,
here or, for long messages, by worker processes, and written in order, a slice
in each transaction together with the number of the last record written. After
a crash `resume` goes on behind that record: nothing is lost or written twice.
"""

from __future__ import annotations

import io
import logging
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from datetime import date, datetime
from typing import BinaryIO, NoReturn

from msgspec.structs import replace

from tidewaiter.messages import forms
from tidewaiter.model.canonical import digest as digest_of
from tidewaiter.model.declaration import Declaration
from tidewaiter.model.errors import ConflictError, TidewaiterError
from tidewaiter.regimes import jurisdictions, legal_day_at
from tidewaiter.workflow.batching import now
from tidewaiter.workflow.books import Books
from tidewaiter.workflow.crew import workers_wanted
from tidewaiter.workflow.draws import commit_ahead
from tidewaiter.workflow.evaluate import Circumstances, evaluate
from tidewaiter.workflow.grouping import GroupWriter
from tidewaiter.workflow.pieces import SMALL_BYTES, Piece, pieces, pieces_again
from tidewaiter.workflow.ports import Declared, KeptMessage, Outcome, Store, Unkept
from tidewaiter.workflow.processing import Means, OvertakenError, Processing
from tidewaiter.workflow.records import Arriving, Incoming, Receipt, Seed
from tidewaiter.workflow.shelf import Shelf, shelf_of
from tidewaiter.workflow.together import Answer, Left, declared

REPEAT_WAIT_SECONDS = 20  # how long a repeated message waits for the answer to the first
WATCH_LIST_SECONDS = 1  # after which a change of the watch list is noticed
NAME_LENGTH_MAX = 255

_LOG = logging.getLogger(__name__)


class NotLetInError(TidewaiterError):
    """The API key that a message came with does not open the door any more."""

    code = "auth.required"


class Intake:
    """Takes in messages; safe in threads. `workers` is the number of processes for long messages.

    `books` are the published schemas and rules that messages are checked by.
    """

    def __init__(
        self,
        store: Store,
        *,
        workers: int | None = None,
        clock: Callable[[], datetime] = now,
        books: Books | None = None,
    ) -> None:
        self._store = store
        self._books = books or Books()
        if contents := self._books.contents:
            store.keep_knowledge(contents)
        self._workers = workers or workers_wanted()
        self._clock = clock
        self._writer = GroupWriter(store.writing)
        self._changing = threading.Lock()
        self._shelf: Shelf | None = None
        self._looked_at = 0.0
        self._seeds: dict[date, Seed] = {}

    def __enter__(self) -> Intake:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def prepare(self) -> None:
        """Have forms, rules, law and lists at hand before the first message: finding them takes a second or two."""
        forms.forms()
        shelf, moment = self._shelf_as_it_stands(), self._clock()
        for code in jurisdictions():
            today = legal_day_at(code, moment)
            law = shelf.law(code, today)
            nothing = Declaration(jurisdiction_code=code)
            evaluate(nothing, Circumstances(legal_day=today, regime=law.regime, knowledge=law.knowledge, draw=None))

    def close(self) -> None:
        """Finish what is being written; take nothing more."""
        self._writer.close()

    def submit(
        self,
        stream: BinaryIO,
        *,
        sender_id: int,
        file_name: str,
        transport: str,
        form_name: str | None = None,
        idempotency_key: str | None = None,
        legal_day: date | None = None,
    ) -> Receipt:
        """Keep a message, decide what is in it, and give a receipt once all of it is durable.

        The same key (by default the digest) with the same bytes gives the same
        receipt again; with other bytes ConflictError is raised.
        """
        head = _read(stream, SMALL_BYTES + 1)
        arriving = self.arriving(
            head if len(head) <= SMALL_BYTES else b"",
            sender_id=sender_id,
            file_name=file_name,
            transport=transport,
            form_name=form_name,
            idempotency_key=idempotency_key,
            legal_day=legal_day,
        )
        if len(head) <= SMALL_BYTES:
            (settled,) = self.submit_together([arriving])
            return settled.receipt if isinstance(settled, Answer) else settled.work()
        kept_large, digest = self._store.keep_large(arriving, _chunks(head, stream))
        return self._repeated(arriving, digest) if kept_large is None else self.process(kept_large)

    def arriving(
        self,
        body: bytes,
        *,
        sender_id: int,
        file_name: str,
        transport: str,
        form_name: str | None = None,
        idempotency_key: str | None = None,
        legal_day: date | None = None,
        api_key_digest: str = "",
    ) -> Arriving:
        """A small message as it is handed in at this moment."""
        received_at = self._clock()
        return Arriving(
            sender_id=sender_id,
            file_name=_clean(file_name),
            transport=transport,
            requested_form=form_name or "",
            idempotency_key=_clean(idempotency_key or ""),
            received_at=received_at,
            legal_day=legal_day or received_at.date(),
            is_day_given=legal_day is not None,
            body=body,
            api_key_digest=api_key_digest,
        )

    def submit_together(self, arriving: Sequence[Arriving]) -> list[Answer | Left]:
        """Keep small messages (up to SMALL_BYTES), and decide and write those at once that are one new declaration each.

        For every other what is left to do, to be called by a thread that has
        the time: it is kept, or was before. Raises where they could not be kept.
        """
        self._writer.refuse_if_closed()
        kept = self._store.keep_small(arriving)
        settled: list[Answer | Left] = [self._left(each, mine) for each, mine in zip(arriving, kept, strict=True)]
        places, ready = [], []
        for place, mine in enumerate(kept):
            if not isinstance(mine, Unkept) and (one := self._declared(arriving[place].body, mine)) is not None:
                places.append(place)
                ready.append(one)
        for place, one, outcome in zip(places, ready, self._written(ready), strict=True):
            if outcome is not None:
                settled[place] = Answer(one.receipt, {one.entry.declaration_id: outcome})
        return settled

    def resume(self) -> list[Receipt]:
        """Finish the messages that were kept and not wholly processed, oldest first; their receipts."""
        return [self.process(message) for message in self._store.unprocessed()]

    def process(self, message: KeptMessage) -> Receipt:
        """Decide and write the records of a kept message that are not written yet; its receipt.

        Another process may be doing the same: then the receipt is what there is
        so far (`is_complete` tells).
        """
        with self._store.processing(message.message_id) as is_ours:
            if not is_ours:
                return self._receipt_so_far(message)
            receipt = self._store.progress(message.message_id).receipt or _new_receipt(message)
            return self._processed(message, receipt, lambda: pieces_again(self._store, message))

    # --- one message -----------------------------------------------------------------------------------------

    def _processed(
        self, message: KeptMessage, receipt: Receipt, source: Callable[[], Iterator[Piece]], first_id: int | None = None
    ) -> Receipt:
        if receipt.is_complete:
            return receipt
        try:
            return Processing(self._means(), self._incoming(message), receipt, message.size_bytes).run(source, first_id)
        except OvertakenError:
            return self._receipt_so_far(message)

    def _left(self, arriving: Arriving, kept: tuple[KeptMessage, int] | Unkept) -> Left:
        """All that is left to do with a small message once it was handed in: the ordinary way of any message."""
        if kept is Unkept.NOT_LET_IN:
            return Left(_refuse)
        if isinstance(kept, Unkept):
            return Left(lambda: self._repeated(arriving, digest_of(arriving.body)))
        message, first_id = kept

        def source() -> Iterator[Piece]:
            return pieces(io.BytesIO(arriving.body), message.file_name, message.requested_form)

        return Left(lambda: self._processed(message, _new_receipt(message), source, first_id))

    def _declared(self, body: bytes, kept: tuple[KeptMessage, int]) -> Declared | None:
        try:
            return declared(self._means(), self._incoming(kept[0]), body, kept)
        except Exception:  # whatever it is, the ordinary way meets it again and says so to this sender alone
            return None

    def _written(self, ready: Sequence[Declared]) -> Sequence[Outcome | None]:
        """How each stands; None for those that were not written. What fails for one is tried again for each alone."""
        if not ready:
            return ()
        try:
            return self._writer.run(lambda transaction: transaction.append_together(ready))
        except Exception:
            _LOG.warning("%d messages could not be written together", len(ready), exc_info=True)
            return [None] * len(ready)

    def _means(self) -> Means:
        return Means(store=self._store, writer=self._writer, shelf=self._shelf_as_it_stands(), workers=self._workers)

    def _incoming(self, message: KeptMessage) -> Incoming:
        return Incoming(
            message_id=message.message_id,
            sender_id=message.sender_id,
            digest=message.digest,
            received_at=message.received_at,
            legal_day=message.legal_day,
            is_day_given=message.is_day_given,
            seed=self._seed(message.received_at.date()),
        )

    def _receipt_so_far(self, message: KeptMessage) -> Receipt:
        until = time.monotonic() + REPEAT_WAIT_SECONDS
        while (receipt := self._store.receipt(message.message_id)) is None and time.monotonic() < until:
            time.sleep(0.05)
        return receipt or _new_receipt(message)

    def _repeated(self, arriving: Arriving, digest: str) -> Receipt:
        message = self._store.message_by_key(arriving.sender_id, arriving.idempotency_key or digest)
        if message.digest != digest:
            raise ConflictError(
                f"the key {message.idempotency_key[:80]!r} was used for other content on {message.received_at:%Y-%m-%d}",
                hint="give each message a key of its own",
            )
        receipt = self._store.receipt(message.message_id) or self.process(message)
        return replace(receipt, is_repeat=True)

    def _shelf_as_it_stands(self) -> Shelf:
        with self._changing:
            moment = time.monotonic()
            if self._shelf is None or moment > self._looked_at + WATCH_LIST_SECONDS:
                self._looked_at = moment
                if self._shelf is None or not self._shelf.is_as_in(self._store):
                    self._shelf = shelf_of(self._store, self._books)
            return self._shelf

    def _seed(self, on: date) -> Seed:
        seed = self._seeds.get(on)
        if seed is None:
            seed = self._seeds[on] = commit_ahead(self._store, on)
        return seed


def _refuse() -> NoReturn:
    raise NotLetInError("The key that was sent is not known.")


def _new_receipt(message: KeptMessage) -> Receipt:
    return Receipt(message_id=message.message_id, digest=message.digest)


def _read(stream: BinaryIO, count: int) -> bytes:
    """The next bytes, `count` of them unless the stream ends before."""
    parts: list[bytes] = []
    while count and (part := stream.read(count)):
        parts.append(part)
        count -= len(part)
    return b"".join(parts)


def _chunks(head: bytes, stream: BinaryIO) -> Iterator[bytes]:
    yield head
    while chunk := _read(stream, SMALL_BYTES):
        yield chunk


def _clean(text: str) -> str:
    """A name or key without what no database or terminal should see."""
    return "".join(character for character in text if character.isprintable())[:NAME_LENGTH_MAX]
