"""Entries of the record opened again: the fields each is bound to, out of what was kept, and receipts made of them."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Sequence
from typing import Final, Protocol

import msgspec
from msgspec import Struct

from tidewaiter.ledger.commitments import Commitment, commit, entry_seed, root_over, scope_id
from tidewaiter.ledger.leaves import Leaf
from tidewaiter.ledger.notes import SignedNote
from tidewaiter.ledger.reading import TileReader
from tidewaiter.ledger.receipts import issue
from tidewaiter.model.decision import Evaluation
from tidewaiter.model.errors import ConflictError, NotFoundError
from tidewaiter.workflow.batching import now
from tidewaiter.workflow.pieces import content, sources_of
from tidewaiter.workflow.ports import Store
from tidewaiter.workflow.recording import (
    DECIDED,
    DecisionTold,
    Recording,
    debt_of,
    decision_facts,
    decision_fields,
    decision_label,
    subject_of,
)
from tidewaiter.workflow.recording_logs import Log, Recorded, RecordLogs
from tidewaiter.workflow.recording_receipts import ParcelReceipt, ReceiptEntry
from tidewaiter.workflow.records import Kept, Place, Prior

DECLARATION: Final = "declaration:"
ADOPTED_AT_ONCE: Final = 500
SEAL_HINT: Final = "it is sealed within a second where the server runs; else by: tidewaiter ledger seal"

Fields = Sequence[tuple[str, str]]


class RecordStore(Store, Protocol):
    """A store with the record's logs."""

    @property
    def logs(self) -> RecordLogs:
        """The record as readers have it."""


class ErasedError(NotFoundError):
    """What opens an entry was erased. It stands in the log as before, and nobody can open it."""

    code = "record.erased"


class Opened(Struct, frozen=True):
    """An entry with what it is bound to."""

    recorded: Recorded
    fields: tuple[tuple[str, str], ...]
    commitment: Commitment


def fields_of(store: RecordStore, recorded: Recorded) -> Fields:
    """What an entry was bound to, read again from where it is kept. Raises NotFoundError, ErasedError."""
    kind, _, rest = recorded.label.partition(":")
    if kind == "closed":
        return ()
    if kind in ("record", "decision") and recorded.subject.startswith(DECLARATION):
        declaration_id = int(recorded.subject.removeprefix(DECLARATION))
        if kind == "record":
            message_id, position = map(int, rest.split(":"))
            kept = store.logs.decided(Place(message_id, position))
        else:
            kept = store.kept(declaration_id, int(rest))
        return _decided(store, declaration_id, kept)
    found = store.logs.payload(recorded.subject, recorded.label)
    if found is None:
        raise _erased(recorded)
    return found


def _decided(store: RecordStore, declaration_id: int, kept: Kept) -> Fields:
    row = store.outcome(declaration_id).row
    evaluation = msgspec.json.decode(kept.evaluation, type=Evaluation)
    told = DecisionTold(
        evaluation_sha256=hashlib.sha256(kept.evaluation).hexdigest(),
        version=kept.version,
        reference=row.functional_reference_id,
        registered_id=row.registered_id,
        due=evaluation.assessment.due if evaluation.assessment else None,
    )
    return decision_fields(told, content(store, sources_of(kept)))


def opened(store: RecordStore, recorded: Recorded) -> Opened:
    """An entry opened. Raises ErasedError; ConflictError where what is kept is not what it was bound to."""
    key = store.logs.key(recorded.subject)
    leaf = Leaf.parse(recorded.entry)
    if key is None or scope_id(key) != leaf.scope:
        raise _erased(recorded)
    fields = tuple(fields_of(store, recorded))
    commitment = commit(entry_seed(key, recorded.label), fields)
    if commitment.root != leaf.commitment:
        raise ConflictError(
            f"{recorded.subject}: what is kept of {recorded.label} is not what its entry was bound to",
            hint="evidence or messages were altered, or are read otherwise by this version",
        )
    return Opened(recorded, fields, commitment)


def _erased(recorded: Recorded) -> ErasedError:
    return ErasedError(f"what opens the entry {recorded.label} on {recorded.subject} was erased")


def problems(store: RecordStore, recorded: Recorded) -> str:
    """What is wrong with an entry, held against what is kept; "" where nothing is, or it was erased."""
    key = store.logs.key(recorded.subject)
    leaf = Leaf.parse(recorded.entry)
    if key is None or scope_id(key) != leaf.scope:
        return ""
    try:
        found = fields_of(store, recorded)
    except NotFoundError as error:
        return f"{recorded.subject}, {recorded.label}: {error.detail}"
    root = root_over(entry_seed(key, recorded.label), found)
    return "" if root == leaf.commitment else f"{recorded.subject}, {recorded.label}: it was bound to something else"


def receipt(
    store: RecordStore,
    declaration_id: int,
    *,
    names: Sequence[str] | None = None,
    but: Sequence[str] = (),
    only: int | None = None,
) -> ParcelReceipt:
    """What a parcel's party takes home: each entry with its proof, and the fields of these names told (all where None).

    Those in `but` are never told. `only` is the place of one entry among those on the parcel, from 1. Raises NotFoundError where nothing is recorded
    or sealed yet, ErasedError.
    """
    found = list(enumerate(store.logs.of_subject(subject_of(declaration_id)), 1))
    if not found:
        raise NotFoundError(
            f"nothing is recorded on declaration {declaration_id}",
            hint="it was decided before there was a record: tidewaiter ledger adopt",
        )
    logs = {log.origin_id: log for log in store.logs.logs()}
    readers = {log.origin_id: _reader(store, log) for log in logs.values()}
    wanted = [each for place, each in found if only is None or place == only]
    if not wanted:
        raise NotFoundError(
            f"declaration {declaration_id} has no entry {only}", hint=f"its entries are numbered from 1 to {len(found)}"
        )
    sealed = [each for each in wanted if each.index < logs[each.origin_id].sealed_size]
    if not sealed:
        raise NotFoundError(f"no such entry on declaration {declaration_id} is sealed yet", hint=SEAL_HINT)

    def is_told(name: str) -> bool:
        return name not in but and (names is None or name in names)

    entries = [_entry(opened(store, each), is_told, logs[each.origin_id], readers[each.origin_id]) for each in sealed]
    return ParcelReceipt(about=store.outcome(declaration_id).row.functional_reference_id, entries=tuple(entries))


def _entry(found: Opened, is_told: Callable[[str], bool], log: Log, reader: TileReader) -> ReceiptEntry:
    told = [name for name, _ in found.fields if is_told(name)]
    note = SignedNote.parse(log.note)
    proof = issue(reader.node, found.recorded.index, note, log.sealed_size)
    return ReceiptEntry(
        entry=found.recorded.entry.decode(),
        proof=proof.text.decode(),
        fields=tuple(found.commitment.disclose(name) for name in told),
    )


def _reader(store: RecordStore, log: Log) -> TileReader:
    return TileReader(lambda path: store.logs.file(log, path), log.sealed_size)


def adopt(store: RecordStore, on_progress: Callable[[int], None]) -> int:
    """Make an entry of each declaration that was decided before there was a record, as it stands; how many there were."""
    done = 0
    while found := store.logs.unrecorded(ADOPTED_AT_ONCE):
        with store.writing(len(found)) as transaction:
            transaction.record.append_kept([_adopted(store, transaction.prior(each)) for each in found])
        done += len(found)
        on_progress(done)
    return done


def _adopted(store: RecordStore, prior: Prior) -> Recording:
    kept = store.kept(prior.declaration_id, prior.version)
    evaluation = msgspec.json.decode(kept.evaluation, type=Evaluation)
    due = evaluation.assessment.due.amount if evaluation.assessment else None
    facts = decision_facts(prior.state, debt_of(due, prior.standing), is_assessed=evaluation.assessment is not None)
    label = decision_label(kept.message_id, kept.position, kept.version)
    fields = _decided(store, prior.declaration_id, kept)
    return Recording(DECIDED, subject_of(prior.declaration_id), label, fields, facts, now())
