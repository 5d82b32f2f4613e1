"""The records that pass between the steps of the workflow and the store."""

from __future__ import annotations

from datetime import date, datetime
from enum import StrEnum

from msgspec import Struct

from tidewaiter.model.claim import ClaimKind
from tidewaiter.model.decision import Evaluation, NoticeKind, State
from tidewaiter.model.declaration import Declaration, MessageFunction
from tidewaiter.model.finding import Finding, MappingNote
from tidewaiter.model.parcel import DeclaredBefore
from tidewaiter.model.standing import PersonalStanding
from tidewaiter.regimes import Regime
from tidewaiter.release import Standing, Trigger
from tidewaiter.risk.facts import NO_FACTS, Facts
from tidewaiter.workflow.budgets import Worked
from tidewaiter.workflow.recording import Recording

REFERENCE_LENGTH_MAX = 200  # characters of a reference that are searched by; longer ones are cut alike everywhere


class Place(Struct, frozen=True, gc=False, array_like=True):
    """One record of one message."""

    message_id: int
    position: int


class Prior(Struct, frozen=True, omit_defaults=True, kw_only=True, gc=False):
    """What was known of the declaration that a record concerns, or whose reference it uses again."""

    declaration_id: int
    version: int
    state: State
    is_arrived: bool
    legal_day: date
    reference: str
    registered_id: str
    place: Place
    received_at: datetime
    standing: Standing


class Seed(Struct, frozen=True, kw_only=True):
    """The secret of one day's random draws."""

    seed_id: str
    drawn_for: date
    seed: bytes


class Commitment(Struct, frozen=True, kw_only=True):
    """What is public of a day's seed: its SHA-256 since `committed_at`, itself once the day is over."""

    seed_id: str
    drawn_for: date
    commitment: str
    committed_at: datetime
    seed: str = ""


class KeptClaim(Struct, frozen=True, kw_only=True, gc=False):
    """A claim that a declaration was held against: who said it, and the records it is made of."""

    kind: ClaimKind
    declaration_id: int
    source: str
    sources: tuple[Place, ...]


class Kept(Struct, frozen=True, omit_defaults=True, kw_only=True):
    """One decision as evidence keeps it: all that is needed to run it again, and the bytes that must come out.

    The law and the lists are named by digest, the draw by seed, key and share.
    `declaration_id` and `version` say what was decided on: a new version, or
    the one there was where nothing but its state changed. `sources` are the
    records that the declaration as decided on is made of, the first as lodged,
    then its amendments; empty when that is this record alone. `persons` is how
    counters and elections stood, None where the law of the day asks for neither;
    `claims` are those it was held against, `declared_before` the other
    declarations of the same parcel that stood.
    """

    declaration_id: int
    version: int
    message_id: int | None
    position: int
    form: str
    legal_day: date
    regime_digest: str
    knowledge_digest: str
    seed_id: str
    draw_key: str
    selection_share: str
    software_version: str
    evaluation: bytes
    jurisdiction_code: str = ""
    law_absent: str = ""
    is_arrived: bool = False
    trigger: Trigger | None = None
    prior: Prior | None = None
    sources: tuple[Place, ...] = ()
    notes: tuple[MappingNote, ...] = ()
    persons: PersonalStanding | None = None
    claims: tuple[KeptClaim, ...] = ()
    rules_digest: str = ""  # of published schemas and rules that the record was checked by
    lodged_at: datetime | None = None  # when it was first lodged, where the law sets it a time
    declared_before: tuple[DeclaredBefore, ...] = ()
    awaited_hours: int = 0  # that a change could wait for the declaration it is for
    facts: Facts = NO_FACTS  # features and scores, as they were looked up and worked out


class Span(Struct, frozen=True):
    """One block of evidence, and the records it is on; positions are 0 for what was decided at a desk."""

    block_id: int
    first_position: int
    last_position: int


class Incoming(Struct, frozen=True, kw_only=True):
    """What the records of one message have in common. `message_id` is None for an act at a desk.

    Where no legal day was given (`is_day_given`), it is that of receipt by the clocks of each record's jurisdiction.
    """

    message_id: int | None
    sender_id: int
    digest: str
    received_at: datetime
    legal_day: date
    seed: Seed
    is_day_given: bool = True


class Effect(StrEnum):
    """What a decided record does to what is kept."""

    NEW = "new"  # a declaration more, accepted or rejected
    VERSION = "version"  # a new version of one there is
    STATE = "state"  # a change of state, or of nothing, of one there is


class Decided(Struct, frozen=True, kw_only=True):
    """One record, decided and not yet written.

    `declaration` is what was decided on: the record's own, or the original as
    amended; `own` is the record's.
    """

    position: int
    form: str
    body: bytes
    own: Declaration | None
    declaration: Declaration | None
    notes: tuple[MappingNote, ...]
    evaluation: Evaluation
    evaluation_bytes: bytes
    standing: Standing | None
    effect: Effect
    trigger: Trigger | None
    jurisdiction_code: str  # whose law was asked for
    regime_digest: str
    law_absent: str
    knowledge_digest: str
    seed: Seed
    draw_key: str
    selection_share: str
    is_arrived: bool
    prior: Prior | None
    sources: tuple[Place, ...] = ()
    passed: tuple[tuple[str, State], ...] = ()
    regime: Regime | None = None  # None where no law is known here
    persons: PersonalStanding | None = None  # None where the law of the day does not look at persons
    claims: tuple[KeptClaim, ...] | None = None  # None where the law wants none
    claim: ClaimKind | None = None  # what it claims, where it is no declaration but a third party's word
    rules_digest: str = ""  # of the published schemas and rules that the record was checked by
    lodged_at: datetime | None = None  # when it was first lodged; None where the law sets its dataset no time
    touches_counters: bool = False  # its law, or the one it was decided by before, has counters
    parcel_key: int | None = None  # see quality.parcels; None where the declaration stands for no parcel of its own
    declared_before: tuple[DeclaredBefore, ...] = ()
    awaited_hours: int = 0
    facts: Facts = NO_FACTS
    worked: Worked | None = None  # what it counts for in the day of an office that has a budget

    @property
    def awaits_original(self) -> bool:
        """Whether it is a change that came before the declaration it is for, and is kept for that."""
        return self.standing is not None and self.standing.state is State.AWAITING_ORIGINAL

    @property
    def stands_alone(self) -> bool:
        """Whether its decision depends on nothing that was decided before."""
        return self.trigger is None and self.persons is None and self.claims is None

    @property
    def reference(self) -> str:
        """The sender's reference, as searched by."""
        return "" if self.own is None else self.own.functional_reference_id[:REFERENCE_LENGTH_MAX]


class Entry(Struct, frozen=True):
    """A decided record with the identity it is written under.

    Its rows bring a declaration, or a new version of one; its evidence stands
    in the block of its slice. A record that only changed the state of a
    declaration has no rows; rows written ahead of their evidence have none.
    """

    decided: Decided
    declaration_id: int
    version: int
    registered_id: str
    has_rows: bool = True
    has_evidence: bool = True
    is_told: bool = True  # False: its notices go to the declaration it wanted to change
    block: tuple[int, int] | None = None  # where its evidence is, when not found by its message and position


class Batch(Struct, frozen=True, kw_only=True):
    """What the entries of one batch have in common."""

    incoming: Incoming
    decided_at: datetime
    software_version: str
    are_bodies_kept: bool = False


class Wanted(Struct, frozen=True, kw_only=True):
    """Declarations wanted by order or transport document, in some datasets of one jurisdiction.

    The numbers are as they are kept: cut, and without what PostgreSQL cannot hold.
    """

    jurisdiction_code: str
    datasets: tuple[str, ...]
    order_ids: tuple[str, ...]
    transport_document_ids: tuple[str, ...]


class Sought(Struct, frozen=True):
    """What records of one sender must not find in what is kept, if they are to be written as they were decided.

    `references` are theirs, `parcel_keys` those of the parcels that they declare, `claimed` the declarations that the
    claims among them may be on: these would have to be decided anew.
    """

    references: tuple[str, ...] = ()
    parcel_keys: tuple[int, ...] = ()
    claimed: tuple[Wanted, ...] = ()


class EncodedBatch(Struct, frozen=True, kw_only=True):
    """A batch ready to be written: rows as COPY text, evidence compressed.

    `message_id` is None for what was decided at a desk; `evidence` is empty
    where it is written apart.
    """

    message_id: int | None
    sender_id: int
    first_position: int
    last_position: int
    declarations: bytes
    goods_items: bytes
    notices: bytes
    evidence: bytes
    bodies: bytes | None
    recorded_at: datetime
    worked: tuple[Worked, ...] = ()  # of offices that have a budget
    entries: bytes = b""  # of the record, as COPY text, with the keys they were made under
    keys: bytes = b""
    recordings: tuple[Recording, ...] = ()  # of decisions on declarations that have a key


class Awaited(Struct, frozen=True, kw_only=True):
    """A change that waits for the declaration it is for, under a number of its own; see `workflow.ahead`."""

    declaration_id: int
    sender_id: int
    reference: str
    function: MessageFunction
    stated_at: datetime
    waits_until: datetime


class ReplacedVersion(Struct, frozen=True, kw_only=True):
    """A version that an amendment replaces."""

    declaration_id: int
    version: int
    replaced_at: datetime


class ChangeOfState(Struct, frozen=True, kw_only=True):
    """A change of state after the first decision: who or what caused it, and what the sender is told.

    `passed` are the triggers with the states they led to, in order.
    """

    declaration_id: int
    from_state: State
    passed: tuple[tuple[str, State], ...]
    standing: Standing | None  # None: it stands as before
    actor: str
    words: str
    recorded_at: datetime
    notices: tuple[NoticeKind, ...] = ()
    message_id: int | None = None
    position: int | None = None


class Arriving(Struct, frozen=True, kw_only=True):
    """A message as it is handed in. `body` is empty when its bytes come in chunks.

    `api_key_digest` is the SHA-256 (hexadecimal) of the API key that let it in, to be asked for again when it is kept;
    "" where there is none to ask for.
    """

    sender_id: int
    file_name: str
    transport: str
    requested_form: str
    idempotency_key: str  # "" stands for the digest
    received_at: datetime
    legal_day: date
    body: bytes = b""
    is_day_given: bool = True
    api_key_digest: str = ""


class ReceiptLine(Struct, frozen=True, omit_defaults=True):
    """What became of one record."""

    position: int
    declaration_id: int
    functional_reference_id: str
    registered_id: str
    state: State
    lane: str = ""
    error_count: int = 0


class Receipt(Struct, frozen=True, omit_defaults=True, kw_only=True):
    """The answer to one message; handed in again, the same message gets the same answer.

    `counts` says how many records went into each state. `lines` and `findings`
    are the first of each; a finding's `place` begins with the record's number.
    `message_findings` concern the message as a whole: where it broke off.
    """

    message_id: int
    digest: str
    form: str = ""
    is_repeat: bool = False
    record_count: int = 0
    counts: dict[str, int] = {}
    lines: tuple[ReceiptLine, ...] = ()
    findings: tuple[Finding, ...] = ()
    message_findings: tuple[Finding, ...] = ()
    is_complete: bool = False


class Progress(Struct, frozen=True, kw_only=True):
    """How far a message is written: the number of its last record, and the receipt so far."""

    record_count: int
    receipt: Receipt | None
    is_processed: bool


class WatchList(Struct, frozen=True, kw_only=True):
    """The watch list's version (0: none yet) and its entries as canonical JSON."""

    version: int
    entries: bytes


class Proposal(Struct, frozen=True, kw_only=True):
    """An option that an operator wants from a day on, as somebody entered it."""

    jurisdiction_code: str
    measure_id: str
    operator_id: str
    option: str
    starts_on: date
    proposed_by: str


class Answer(Struct, frozen=True, kw_only=True):
    """Whether a proposal comes into force, and who says so."""

    election_id: int
    is_approved: bool
    by: str
    at: datetime


class Election(Struct, frozen=True):
    """A proposal with its answer; `is_approved` is None while it waits for one."""

    election_id: int
    jurisdiction_code: str
    measure_id: str
    operator_id: str
    option: str
    starts_on: date
    proposed_by: str
    answered_by: str | None
    is_approved: bool | None
