"""What passes between the workflow of returns and its store, and what is kept of each decision."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import AbstractContextManager
from datetime import date, datetime
from decimal import Decimal
from typing import Protocol

from msgspec import Struct

from tidewaiter.model.finding import Finding
from tidewaiter.model.returned import ExitEvent, ReturnRecord
from tidewaiter.revenue.giving_back import ChargeAccount, GivenBack, Security
from tidewaiter.revenue.postings import Posting
from tidewaiter.revenue.refunding import Place
from tidewaiter.revenue.returns import Outcome, Policy, RefundDecision, ReturnClaim, Verdict
from tidewaiter.workflow.persons import PersonsBook
from tidewaiter.workflow.recording import Recorded

RETURNS, EXIT_EVENTS = "returns", "exit_events"  # the two kinds of message


class ArrivingReturns(Struct, frozen=True, kw_only=True):
    """A message as it is handed in. `received_on` is the day that counts for time limits."""

    sender_id: int
    kind: str
    file_name: str
    transport: str
    idempotency_key: str  # "" stands for the digest
    is_of_officer: bool
    received_at: datetime
    received_on: date
    body: bytes


class KeptReturns(Struct, frozen=True, kw_only=True):
    """A message as it was kept; its bytes are fetched apart."""

    return_message_id: int
    sender_id: int
    sender_name: str
    kind: str
    idempotency_key: str
    digest: str
    file_name: str
    transport: str
    is_of_officer: bool
    received_at: datetime
    received_on: date


class ReturnLine(Struct, frozen=True, omit_defaults=True):
    """What became of one record: of a return each import's case, of an event the returns it was about."""

    position: int
    name: str  # return_id or event_id
    return_no: int = 0
    cases: tuple[CaseLine, ...] = ()


class CaseLine(Struct, frozen=True, omit_defaults=True):
    """One case as it stood when the message was worked through."""

    case_no: int
    declaration_id: int | None
    outcome: Outcome
    amount: Decimal = Decimal(0)
    currency: str = ""
    sender_id: int = 0  # whose return it is: who reports an event is not told of others' money


class ReturnReceipt(Struct, frozen=True, omit_defaults=True, kw_only=True):
    """The answer to one message; handed in again, the same message gets the same answer."""

    return_message_id: int
    digest: str
    kind: str
    is_repeat: bool = False
    record_count: int = 0
    counts: dict[str, int] = {}  # by outcome
    lines: tuple[ReturnLine, ...] = ()
    findings: tuple[Finding, ...] = ()  # a place begins with the record's own terms
    is_complete: bool = False


class KeptEvent(Struct, frozen=True, kw_only=True):
    """An exit event as it was kept, and who reported it."""

    event_no: int
    sender_id: int
    event: ExitEvent


class KeptReturn(Struct, frozen=True, kw_only=True):
    """A return as it was read, and where."""

    return_no: int
    return_message_id: int
    position: int
    sender_id: int
    sender_name: str
    record: ReturnRecord
    received_on: date
    received_at: datetime


class CaseRow(Struct, frozen=True, kw_only=True):
    """The narrow row of what belongs to one import: what lists show."""

    case_no: int
    return_no: int
    return_id: str
    sender_id: int
    sender_name: str
    reason: str
    declaration_id: int | None
    outcome: Outcome | None
    version: int
    amount: Decimal | None
    currency: str | None
    proposed_by: str | None
    received_on: date
    decided_at: datetime | None


class Considered(Struct, frozen=True, omit_defaults=True, kw_only=True):
    """All that a decision was made of, by number where it is kept elsewhere: enough to make it again.

    `earlier` are numbers of decisions on the same import, `event_no` that of the exit event.
    """

    declaration_id: int | None
    declaration_version: int = 0
    registered_id: str = ""
    regime_digest: str = ""
    released_on: date | None = None
    is_arrived: bool = True
    earlier: tuple[int, ...] = ()
    event_no: int | None = None
    is_own_word: bool = False
    used_by: str = ""
    accounts: tuple[ChargeAccount, ...] = ()
    secured: tuple[Security, ...] = ()
    policy: Policy = Policy()
    verdict: Verdict | None = None
    problem: str = ""  # why nothing could be worked out: then an officer looks
    software_version: str = ""


class KeptDecision(Struct, frozen=True, kw_only=True):
    """One decision on a case as it was kept; `decision_bytes` is what running it again must come to."""

    decision_no: int
    case_no: int
    version: int
    actor: str
    decided_at: datetime
    considered: Considered
    decision_bytes: bytes


class KeptVerdict(Struct, frozen=True, kw_only=True):
    """What one officer said of one decision of a case."""

    version: int
    is_granted: bool
    officer: str
    words: str
    recorded_at: datetime


class CaseFile(Struct, frozen=True, kw_only=True):
    """One case with all that was kept: what pages, `return show` and replay start from."""

    row: CaseRow
    kept: KeptReturn
    claim: ReturnClaim
    decisions: tuple[KeptDecision, ...]  # the last is in force
    verdicts: tuple[KeptVerdict, ...]
    events: tuple[KeptEvent, ...]  # all that say something of this return


class CaseFilter(Struct, frozen=True, kw_only=True):
    """What a list of cases is narrowed by."""

    outcome: Outcome | None = None
    sender_id: int | None = None
    declaration_id: int | None = None
    return_no: int | None = None
    text: str = ""  # return_id, exactly or as a prefix
    before: int | None = None
    limit: int = 50


class Earlier(Struct, frozen=True, kw_only=True):
    """What was given back on an import before: numbers of the decisions, amounts, and quantities by line."""

    decisions: tuple[int, ...]
    lines: tuple[GivenBack, ...]
    quantities: dict[int, Decimal]


class NewDecision(Struct, frozen=True, kw_only=True):
    """A decision to be kept, and the postings that go with it."""

    case_no: int
    version: int
    actor: str
    decided_at: datetime
    considered: Considered
    decision: RefundDecision
    postings: tuple[Posting, ...]


class Deciding(Recorded, Protocol):
    """One transaction in which one case is decided. Whoever decides on the same import waits until it ends."""

    def case(self) -> CaseFile:
        """The case as it stands. Raises NotFoundError."""

    def earlier(self, declaration_id: int, before: Sequence[int] | None = None) -> Earlier:
        """What was given back on an import; with `before`, by these decisions only."""

    def postings(self, subject: str) -> list[Posting]:
        """Every posting on a subject."""

    def book(self, postings: Sequence[Posting]) -> None:
        """Book postings with the decision; what is owed counts them from now on."""

    def persons(self) -> PersonsBook:
        """What is kept of persons. From now on until this ends no declaration is decided."""

    def used_by(self, event_no: int, return_no: int) -> str:
        """Which other return an exit event is the proof of already; "" for none. Whoever asks for the same waits."""

    def owed(self, places: Sequence[Place], currency: str) -> dict[Place, Decimal]:
        """What each account owes still. Whoever decides on the same accounts waits."""

    def say(self, verdict: KeptVerdict, proposed_by: str | None) -> None:
        """Keep what an officer said; `proposed_by` where it waits for a second one."""

    def decide(self, new: NewDecision) -> None:
        """Keep a decision, book its postings, and carry the case's row on."""


class ReturnStore(Protocol):
    """What the workflow needs to keep returns and find them again."""

    def keep(self, arriving: ArrivingReturns) -> KeptReturns | None:
        """Keep a message's bytes and commit; None when the sender used the key before."""

    def message_by_key(self, sender_id: int, kind: str, key: str) -> KeptReturns:
        """The message handed in under a key. Raises NotFoundError."""

    def unprocessed(self) -> list[KeptReturns]:
        """Messages kept and not wholly worked through, oldest first."""

    def body(self, return_message_id: int) -> bytes:
        """The bytes as received. Raises NotFoundError."""

    def receipt(self, return_message_id: int) -> ReturnReceipt | None:
        """The answer given; None while the message is not worked through."""

    def finish(self, receipt: ReturnReceipt) -> None:
        """Keep the answer: the message is worked through."""

    def returned_at(self, return_message_id: int, position: int) -> int | None:
        """The number of the return that a record became; None where it did not yet."""

    def add_return(
        self,
        message: KeptReturns,
        position: int,
        record: ReturnRecord,
        claims: Sequence[tuple[int | None, ReturnClaim]],
    ) -> int:
        """Keep a return with a case for each import. Raises ConflictError where its return_id was used before."""

    def add_event(self, message: KeptReturns, position: int, event: ExitEvent) -> tuple[int, bool]:
        """Keep an event; its number, and whether it is new. Raises ConflictError for other content under its id."""

    def imports(self, column: str, value: str, sender_id: int | None) -> list[int]:
        """Declarations that stand, by one of their names; of one sender or of all."""

    def given_back(self, declaration_id: int) -> Earlier:
        """What was given back on an import so far."""

    def undecided(self, return_no: int) -> list[int]:
        """Cases of a return that are not decided yet."""

    def waiting_for(self, event_no: int) -> list[int]:
        """Cases, not ended, of the returns that an event says something of."""

    def cases(self, wanted: CaseFilter) -> list[CaseRow]:
        """Rows, newest first."""

    def case(self, case_no: int) -> CaseFile:
        """One case. Raises NotFoundError."""

    def event(self, event_no: int) -> KeptEvent:
        """One exit event. Raises NotFoundError."""

    def deciding(self, case_no: int) -> AbstractContextManager[Deciding]:
        """One transaction on one case, committed on leaving."""
