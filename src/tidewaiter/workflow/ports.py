"""What the workflow needs from a store, in its own verbs, and the records that pass through.

`store.PostgresStore` implements it; tests may use the same on an embedded server.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager
from datetime import date, datetime
from enum import Enum, auto
from typing import Protocol

from msgspec import Struct

from tidewaiter.model.decision import Category, Evaluation, NoticeKind, State
from tidewaiter.model.declaration import Declaration
from tidewaiter.model.finding import Finding, MappingNote
from tidewaiter.model.judgement import Lane
from tidewaiter.model.money import Money
from tidewaiter.model.parcel import DeclaredBefore
from tidewaiter.quotes.quote import Quote
from tidewaiter.workflow.budgets import Workloads
from tidewaiter.workflow.claims import Told
from tidewaiter.workflow.happenings import History
from tidewaiter.workflow.outcome_records import LinkBook, OutcomeBook
from tidewaiter.workflow.parcels import Declaring
from tidewaiter.workflow.persons import PersonsBook
from tidewaiter.workflow.recording import Recorded
from tidewaiter.workflow.records import (
    Answer,
    Arriving,
    Awaited,
    Batch,
    ChangeOfState,
    Commitment,
    Election,
    EncodedBatch,
    Entry,
    Kept,
    Place,
    Prior,
    Progress,
    Proposal,
    Receipt,
    ReplacedVersion,
    Seed,
    Sought,
    Span,
    Wanted,
    WatchList,
)
from tidewaiter.workflow.return_records import ReturnStore
from tidewaiter.workflow.targeting import Parts
from tidewaiter.workflow.tariffs import Editions


class Sender(Struct, frozen=True):
    """Who may hand in messages: a post, courier, marketplace or broker."""

    sender_id: int
    name: str
    is_active: bool = True


class KeptMessage(Struct, frozen=True, kw_only=True):
    """A message as it was received; its bytes are kept beside it, compressed, in chunks."""

    message_id: int
    sender_id: int
    sender_name: str
    idempotency_key: str
    digest: str  # SHA-256 of the bytes as received
    form: str
    file_name: str
    transport: str  # "cli", "rest", "page"
    received_at: datetime
    legal_day: date  # the day given with it, else that of receipt in UTC
    size_bytes: int
    is_processed: bool
    record_count: int
    declaration_count: int
    findings: tuple[Finding, ...] = ()  # on the message as a whole
    requested_form: str = ""  # the form the sender named; "" when it was left to be detected
    is_day_given: bool = True  # False: the legal day is, record by record, that of the administration's own clocks


class DeclarationRow(Struct, frozen=True, kw_only=True):
    """The narrow row of one declaration: what lists show and filters search."""

    declaration_id: int
    version: int
    message_id: int
    position: int
    sender_id: int
    sender_name: str
    form: str
    functional_reference_id: str
    registered_id: str
    jurisdiction_code: str
    dataset: str
    state: State
    lane: Lane | None
    category: Category | None
    transport_document_id: str
    commodity_code: str  # of the first line
    description: str  # of the first line, cut to 80 characters
    goods_item_count: int
    intrinsic_value: Money | None
    due: Money | None
    error_count: int
    warning_count: int
    legal_day: date
    is_arrived: bool
    received_at: datetime
    decided_at: datetime
    duplicate_of: int | None = None  # the declaration that was first to declare the parcel, while that one stands


class Notice(Struct, frozen=True, kw_only=True):
    """One thing customs tells the sender; `notice_id` rises and is the cursor."""

    notice_id: int
    declaration_id: int
    functional_reference_id: str
    registered_id: str
    kind: NoticeKind
    version: int
    issued_at: datetime


class Transition(Struct, frozen=True, kw_only=True):
    """One change of state of one declaration, with who or what caused it."""

    from_state: State | None
    to_state: State
    trigger: str
    actor: str
    recorded_at: datetime
    words: str = ""


class Outcome(Struct, frozen=True, kw_only=True):
    """How a declaration stands and why: what its sender is answered with."""

    row: DeclarationRow
    evaluation: Evaluation
    notices: tuple[Notice, ...]
    transitions: tuple[Transition, ...]
    notes: tuple[MappingNote, ...]  # what was kept of the message without being interpreted


class DecisionFile(Outcome, frozen=True, kw_only=True):
    """One decision with all that was kept: what a page, `decision show` and replay start from."""

    message: KeptMessage
    evaluation_bytes: bytes  # the canonical bytes as kept; replay compares with these
    regime_digest: str
    knowledge_digest: str
    seed_id: str
    software_version: str
    declaration: Declaration | None  # read again from the kept message


class Filter(Struct, frozen=True, kw_only=True):
    """What a list is narrowed by; an empty value narrows nothing."""

    text: str = ""  # reference, registered id, transport document, exactly or as a prefix
    state: State | None = None
    lane: Lane | None = None
    category: Category | None = None
    jurisdiction_code: str = ""
    commodity_prefix: str = ""
    dataset: str = ""
    references: tuple[str, ...] = ()  # the senders' own, whole; none given narrows nothing
    message_id: int | None = None
    sender_id: int | None = None
    received_from: date | None = None
    received_to: date | None = None
    before_id: int | None = None  # page on: rows with a smaller declaration_id
    limit: int = 50


class Reader(Protocol):
    """What pages, REST and CLI read. Every method opens and closes its own transaction."""

    def declarations(self, wanted: Filter) -> list[DeclarationRow]:
        """Rows, newest first, at most `wanted.limit`."""

    def decision(self, declaration_id: int) -> DecisionFile:
        """The latest version's decision. Raises NotFoundError."""

    def outcome(self, declaration_id: int) -> Outcome:
        """How it stands and why, without what else was kept. Raises NotFoundError."""

    def same_parcel(self, declaration_id: int) -> list[DeclarationRow]:
        """The declaration it waits for because both are of one parcel, and those that wait for it, oldest first."""

    def find(self, reference: str) -> int:
        """The declaration_id for an id, registered id (MRN) or sender's reference. Raises NotFoundError."""

    def message(self, message_id: int) -> KeptMessage:
        """One message. Raises NotFoundError."""

    def messages(self, before_id: int | None, limit: int) -> list[KeptMessage]:
        """Messages, newest first."""

    def message_bytes(self, message_id: int) -> Iterator[bytes]:
        """The message as received, in chunks."""

    def notices(self, sender_id: int | None, after: int, limit: int) -> Sequence[Notice]:
        """Notices with a larger notice_id than `after`, oldest first; of one sender or of all."""

    def counts(self) -> dict[str, int]:
        """How many messages and declarations there are, by state ("state:released") and lane ("lane:red")."""

    def health(self) -> dict[str, str]:
        """What a health page shows: server version, schema version, size, last decision."""

    def record(self, declaration_id: int) -> bytes:
        """The record by which the declaration was lodged, cut out of its message. Raises NotFoundError."""


class Unkept(Enum):
    """Why a message was not kept."""

    USED_BEFORE = auto()  # its sender used its key before, be it in the same list
    NOT_LET_IN = auto()  # the API key it came with is not known, was revoked, or its sender put to rest


class Declared(Struct, frozen=True, kw_only=True):
    """A small message that is one new declaration, decided and ready to be written, with the receipt it then has."""

    message: KeptMessage
    entry: Entry
    encoded: EncodedBatch
    receipt: Receipt


class CarriedOut(Struct, frozen=True, kw_only=True):
    """An event that was carried out: where its bytes are kept, the SHA-256 of what it says, and the answer (JSON)."""

    connector_id: int
    event_id: str
    digest: bytes
    message_id: int
    position: int
    declaration_id: int
    answer: bytes
    recorded_at: datetime


class Registry(Protocol):
    """What is kept of elections, as one transaction of the writer sees it."""

    def propose(self, proposal: Proposal, at: datetime) -> Election:
        """Keep a proposal."""

    def answer(self, answer: Answer) -> None:
        """Keep the answer to a proposal. Raises ConflictError where there is one, or the proposer gives it."""

    def election(self, election_id: int) -> Election:
        """One proposal with its answer. Raises NotFoundError."""

    def elections(self) -> Sequence[Election]:
        """All of them, the newest first."""

    def elections_of(self, jurisdiction_code: str, measure_id: str, operator_id: str) -> Sequence[Election]:
        """Those of one operator between the same alternatives."""


class EventsBook(Protocol):
    """What is kept of the events that connectors told, as one transaction of the writer sees it."""

    def answered(self, connector_id: int, event_id: str) -> tuple[bytes, bytes] | None:
        """The digest and the answer of an event that was carried out; None where it was not."""

    def keep(self, event: CarriedOut) -> None:
        """Keep that an event was carried out."""

    def register(self, connector_id: int, declaration_id: int, number: str, at: datetime) -> None:
        """Keep under which number a connector's system has a declaration. Raises ConflictError where another has it."""


class Writing(Recorded, Protocol):
    """One transaction of the one writer: all of it is kept, or nothing. Nobody else writes until it ends."""

    @property
    def history(self) -> History:
        """What happened before, by the people behind it."""

    @property
    def outcomes(self) -> OutcomeBook:
        """What examinations found."""

    @property
    def persons(self) -> PersonsBook:
        """What is kept of persons: counters they drew on, alternatives they elected."""

    @property
    def elections(self) -> Registry:
        """The registry of what operators elected."""

    def declared_before(self, declaring: Declaring) -> Sequence[DeclaredBefore]:
        """The other declarations of a parcel that stand, in the order of their numbers; see `workflow.parcels`."""

    def held_for(self, declaration_ids: Sequence[int]) -> Sequence[Prior]:
        """The declarations held because one of these was first to declare the parcel, which it now does no more."""

    def keep_awaited(self, awaited: Awaited) -> None:
        """Keep that a change waits for its declaration."""

    def take_awaited(self, sender_id: int, references: Sequence[str]) -> Sequence[Awaited]:
        """The changes that wait for declarations of these references, as they were made; they wait no longer."""

    def take_expired(self, at: datetime, limit: int) -> Sequence[Awaited]:
        """The first changes that waited until before this moment; they wait no longer."""

    @property
    def events(self) -> EventsBook:
        """What connectors told and was carried out."""

    def told(self, wanted: Wanted) -> Sequence[Told]:
        """Claims or declarations that stand, by order or transport document, in the order they were told."""

    def append_new(self, batch: EncodedBatch, sought: Sought, expected: int, receipt: Receipt) -> bool:
        """Write a batch of new declarations, and record how far its message is written (see `advance`).

        False, with nothing written, when the sender lodged a declaration under
        one of the references before, or anybody one of one of the parcels that
        stands. Raises TransitionError as `advance` does.
        """

    def append_together(self, declared: Sequence[Declared]) -> list[Outcome | None]:
        """Write new declarations, each all there is of its message: how each stands now.

        None, with nothing of it written, where `append_new` would have written
        nothing or raised TransitionError.
        """

    def priors(self, sender_id: int, references: Sequence[str], registered_ids: Sequence[str]) -> list[Prior]:
        """Declarations not rejected that this sender lodged under one of these references or numbers."""

    def prior(self, declaration_id: int) -> Prior:
        """One declaration as it stands. Raises NotFoundError."""

    def sender_of(self, declaration_id: int) -> int:
        """Who lodged a declaration. Raises NotFoundError."""

    def declaration_ids(self, count: int) -> Sequence[int]:
        """That many new ids, rising."""

    def next_block_id(self) -> int:
        """The number that the next block of evidence gets."""

    def append(self, batch: EncodedBatch) -> None:
        """Write the rows and notices of one batch, and its evidence unless it is empty."""

    def replace_version(self, replaced: ReplacedVersion) -> None:
        """Move the rows of the present version of a declaration aside; the next `append` brings the new ones."""

    def add_transitions(self, change: ChangeOfState) -> None:
        """Record the changes of state alone: of a declaration whose rows come by `append`."""

    def open_amendment(self, declaration_id: int) -> Place | None:
        """The record of the last amendment that waits for an officer's answer."""

    def change_state(self, change: ChangeOfState) -> None:
        """Write a change of state with its transitions and notices."""

    def record_count(self, message_id: int) -> int:
        """How many records of a message are written."""

    def advance(self, message_id: int, expected: int, receipt: Receipt) -> None:
        """Record how far a message is written. Raises TransitionError unless it stood at `expected` records."""


class QuoteStore(Protocol):
    """What quoting needs of a store."""

    @property
    def tariffs(self) -> Editions:
        """The editions of tariffs that were imported."""

    @property
    def parts(self) -> Parts:
        """Which published rules, lists and models are in use."""

    @property
    def history(self) -> History:
        """What happened before, by the people behind it; read outside any transaction."""

    def quote_key(self) -> bytes:
        """The key that quotes are numbered and signed with: 32 bytes, made once."""

    def keep_quote(self, number: bytes, quote: Quote, content: bytes, law: bytes) -> datetime:
        """Keep a quote and its law; when it was first given. One given before stays as it is."""

    def quote_content(self, number: bytes) -> tuple[bytes, datetime]:
        """The bytes kept under a number, and when it was given. Raises NotFoundError."""

    def knowledge(self, digest: str) -> bytes:
        """The content kept under a digest. Raises NotFoundError."""


class Store(Reader, QuoteStore, Protocol):
    """All the workflow needs to keep and find again what it decides."""

    @property
    def outcomes(self) -> OutcomeBook:
        """What examinations found; read, or each change a transaction of its own."""

    @property
    def workloads(self) -> Workloads:
        """What offices that have a budget were sent to look at."""

    @property
    def links(self) -> LinkBook:
        """What parcels share, and alerts."""

    @property
    def returns(self) -> ReturnStore:
        """Returned goods: what was handed in, its cases and decisions."""

    @property
    def encode(self) -> Callable[[Batch, Iterable[Entry]], EncodedBatch]:
        """A module-level function (worker processes import it) that makes entries ready to be written.

        It goes through them once and holds none.
        """

    def writing(self, count: int = 1) -> AbstractContextManager[Writing]:
        """One transaction for `count` jobs, committed on leaving; waits for other writers."""

    def keep_large(self, arriving: Arriving, chunks: Iterator[bytes]) -> tuple[KeptMessage | None, str]:
        """Keep a message of any size as it arrives, and commit: the message (None when the sender used the key
        before) and the digest of what came."""

    def keep_small(self, arriving: Sequence[Arriving]) -> list[tuple[KeptMessage, int] | Unkept]:
        """Keep messages as they came, and commit: each with an id set aside for its first declaration, or why not."""

    def is_any_expired(self, at: datetime) -> bool:
        """Whether a change waited for its declaration until before this moment."""

    def next_declaration_ids(self, count: int) -> Sequence[int]:
        """That many new ids, rising, outside any transaction; ids not used stay unused."""

    def processing(self, message_id: int) -> AbstractContextManager[bool]:
        """Claim a message for this process; False when another process has it."""

    def message_by_key(self, sender_id: int, idempotency_key: str) -> KeptMessage:
        """The message a sender handed in under this key. Raises NotFoundError."""

    def progress(self, message_id: int) -> Progress:
        """How far a message is written, and the receipt so far."""

    def receipt(self, message_id: int) -> Receipt | None:
        """The answer given for a message, None while it is not processed."""

    def unprocessed(self) -> list[KeptMessage]:
        """Messages kept and not yet wholly processed, oldest first."""

    def record_at(self, place: Place, message: KeptMessage | None = None) -> tuple[str, bytes]:
        """The form and bytes of one record of a message (which may be at hand already). Raises NotFoundError."""

    def watch_list_version(self) -> int:
        """The version of the watch list as it stands."""

    def seed(self, on: date, proposal: bytes) -> Seed:
        """The seed of a day; `proposal` (32 bytes of chance) becomes it when there is none yet."""

    def commitments(self, before: date, limit: int) -> list[Commitment]:
        """The commitments to days' seeds, the latest first; the seeds of those before a day with them."""

    def seed_by_id(self, seed_id: str) -> Seed:
        """A seed used before. Raises NotFoundError."""

    def watch_list(self) -> WatchList:
        """The watch list as it stands."""

    def keep_knowledge(self, contents: Mapping[str, tuple[str, bytes]]) -> None:
        """Keep law and lists by digest: digest → (kind, content). What is there already stays."""

    def spans(self, message_id: int | None) -> list[Span]:
        """The blocks of evidence of one message, or of what was decided at desks, in order."""

    def block(self, block_id: int) -> tuple[Kept, ...]:
        """The decisions of one block. Raises NotFoundError."""

    def decision_count(self) -> int:
        """How many decisions evidence holds, all versions counted."""

    def kept(self, declaration_id: int, version: int | None = None) -> Kept:
        """The evidence of one version (the latest when None). Raises NotFoundError."""

    def decided(self, places: Sequence[tuple[int, int]]) -> Sequence[Kept]:
        """The decisions at these places (block of evidence, place in it), in any order; a block is opened once."""

    def broken_links(self) -> list[str]:
        """What is wrong with the chain of evidence, in words; empty when it is whole."""
