"""What the workflow needs from a store, in its own verbs, and the records that pass through.

`store.PostgresStore` implements it; tests may use the same on an embedded server.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import date, datetime
from typing import Protocol

from msgspec import Struct

from tidewaiter.model.decision import Category, Evaluation, NoticeKind, State
from tidewaiter.model.declaration import Declaration
from tidewaiter.model.finding import Finding, MappingNote
from tidewaiter.model.judgement import Lane
from tidewaiter.model.money import Money


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
    legal_day: date
    size_bytes: int
    is_processed: bool
    record_count: int
    declaration_count: int
    findings: tuple[Finding, ...] = ()  # on the message as a whole


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


class DecisionFile(Struct, frozen=True, kw_only=True):
    """One decision with all that was kept: what a page, `decision show` and replay start from."""

    row: DeclarationRow
    message: KeptMessage
    evaluation: Evaluation
    evaluation_bytes: bytes  # the canonical bytes as kept; replay compares with these
    regime_digest: str
    knowledge_digest: str
    seed_id: str
    software_version: str
    notes: tuple[MappingNote, ...]
    declaration: Declaration | None  # read again from the kept message
    notices: tuple[Notice, ...]
    transitions: tuple[Transition, ...]


class Filter(Struct, frozen=True, kw_only=True):
    """What a list is narrowed by; an empty value narrows nothing."""

    text: str = ""  # reference, registered id, transport document, exactly or as a prefix
    state: State | None = None
    lane: Lane | None = None
    category: Category | None = None
    jurisdiction_code: str = ""
    commodity_prefix: str = ""
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
