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
import secrets
import threading
import time
from collections.abc import Callable, Iterator
from datetime import date, datetime
from typing import BinaryIO

from msgspec.structs import replace

from tidewaiter.messages import forms
from tidewaiter.model.canonical import digest as digest_of
from tidewaiter.model.declaration import Declaration
from tidewaiter.model.errors import ConflictError
from tidewaiter.regimes import jurisdictions, legal_day_at
from tidewaiter.workflow.batching import now
from tidewaiter.workflow.crew import workers_wanted
from tidewaiter.workflow.deciding import Shelf
from tidewaiter.workflow.evaluate import Circumstances, evaluate
from tidewaiter.workflow.grouping import GroupWriter
from tidewaiter.workflow.pieces import SMALL_BYTES, Piece, pieces, pieces_again
from tidewaiter.workflow.ports import KeptMessage, Store
from tidewaiter.workflow.processing import Means, OvertakenError, Processing
from tidewaiter.workflow.records import Arriving, Incoming, Receipt, Seed
from tidewaiter.workflow.tariffs import known

REPEAT_WAIT_SECONDS = 20  # how long a repeated message waits for the answer to the first
WATCH_LIST_SECONDS = 1  # after which a change of the watch list is noticed
NAME_LENGTH_MAX = 255


class Intake:
    """Takes in messages; safe in threads. `workers` is the number of processes for long messages."""

    def __init__(self, store: Store, *, workers: int | None = None, clock: Callable[[], datetime] = now) -> None:
        self._store = store
        self._workers = workers or workers_wanted()
        self._clock = clock
        self._keeper = GroupWriter(store.keeping)
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
        self._keeper.close()
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
        received_at = self._clock()
        arriving = Arriving(
            sender_id=sender_id,
            file_name=_clean(file_name),
            transport=transport,
            requested_form=form_name or "",
            idempotency_key=_clean(idempotency_key or ""),
            received_at=received_at,
            legal_day=legal_day or received_at.date(),
            is_day_given=legal_day is not None,
        )
        head = _read(stream, SMALL_BYTES + 1)
        if len(head) <= SMALL_BYTES:
            whole = replace(arriving, body=head)
            kept_with_id = self._keeper.run(lambda transaction: transaction.keep_message(whole))
            if kept_with_id is None:
                return self._repeated(arriving, digest_of(head))
            kept, first_id = kept_with_id
            source = pieces(io.BytesIO(head), kept.file_name, kept.requested_form)
            return self._processed(kept, _new_receipt(kept), source, first_id)
        kept_large, digest = self._store.keep_large(arriving, _chunks(head, stream))
        return self._repeated(arriving, digest) if kept_large is None else self.process(kept_large)

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
            return self._processed(message, receipt, pieces_again(self._store, message))

    # --- one message -----------------------------------------------------------------------------------------

    def _processed(
        self, message: KeptMessage, receipt: Receipt, source: Iterator[Piece], first_id: int | None = None
    ) -> Receipt:
        if receipt.is_complete:
            return receipt
        means = Means(store=self._store, writer=self._writer, shelf=self._shelf_as_it_stands(), workers=self._workers)
        incoming = Incoming(
            message_id=message.message_id,
            sender_id=message.sender_id,
            digest=message.digest,
            received_at=message.received_at,
            legal_day=message.legal_day,
            is_day_given=message.is_day_given,
            seed=self._seed(message.received_at.date()),
        )
        try:
            return Processing(means, incoming, receipt, message.size_bytes).run(source, first_id)
        except OvertakenError:
            return self._receipt_so_far(message)

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
                if self._shelf is None or self._is_overtaken(self._shelf):
                    store = self._store
                    self._shelf = Shelf(store.watch_list(), store.keep_knowledge, tariffs=known(store))
            return self._shelf

    def _is_overtaken(self, shelf: Shelf) -> bool:
        """Whether the watch list was changed or a tariff imported since."""
        versions = (shelf.watch_list.version, shelf.tariffs.version)
        return versions != (self._store.watch_list_version(), self._store.tariffs.version())

    def _seed(self, on: date) -> Seed:
        seed = self._seeds.get(on)
        if seed is None:
            seed = self._seeds[on] = self._store.seed(on, secrets.token_bytes(32))
        return seed


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
