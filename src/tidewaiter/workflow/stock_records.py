"""What is kept of stock accounts, and what the workflow needs of the store for them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import AbstractContextManager
from datetime import datetime
from decimal import Decimal
from enum import StrEnum
from typing import Final, Protocol

from msgspec import Struct
from msgspec.structs import replace

from tidewaiter.model.decision import State
from tidewaiter.model.errors import TidewaiterError
from tidewaiter.model.finding import Finding
from tidewaiter.model.money import Money
from tidewaiter.stock.account import StockAccount
from tidewaiter.stock.counting import Difference, StockCount
from tidewaiter.stock.facts import Fact, Reservation
from tidewaiter.stock.filings import Place, Taken
from tidewaiter.stock.law import Flow, PlaceKind
from tidewaiter.workflow.ports import Store, Writing

LINES_KEPT: Final = 100  # of a receipt


class StockError(TidewaiterError):
    """An account does not allow it: too little is there, it was told before, or it is no such account's."""

    code = "stock.refused"


class MessageKind(StrEnum):
    """What a message to an account is of."""

    ENTRIES = "entries"
    ORDERS = "orders"
    RETURNS = "returns"
    COUNT = "count"


class Opening(Struct, frozen=True, kw_only=True):
    """An account as it is opened."""

    sender_id: int
    place: Place
    place_kind: PlaceKind
    locations: tuple[str, ...] = ()
    guarantee_id: str = ""


class KeptAccount(Struct, frozen=True, kw_only=True):
    """An account: whose, and of which place."""

    account_no: int
    sender_id: int
    sender_name: str
    place: Place
    place_kind: PlaceKind
    guarantee_id: str
    locations: tuple[str, ...]
    opened_by: str
    opened_at: datetime


class ArrivingStock(Struct, frozen=True, kw_only=True):
    """A message to an account as it came."""

    account_no: int
    kind: MessageKind
    body: bytes
    idempotency_key: str
    told_by: str
    received_at: datetime


class StockMessage(Struct, frozen=True, kw_only=True):
    """A message as it is kept."""

    message_no: int
    account_no: int
    kind: MessageKind
    idempotency_key: str
    digest: str
    told_by: str
    received_at: datetime


class StockLine(Struct, frozen=True, omit_defaults=True, kw_only=True):
    """What became of one record of a message."""

    position: int
    reference: str
    flow: str = ""
    declaration_id: int | None = None
    state: str = ""  # of its filing


class Taking(Struct, frozen=True, omit_defaults=True, kw_only=True):
    """What the records of a message became: position and reference of those taken, what was wrong with the others."""

    record_count: int
    taken: tuple[tuple[int, str], ...] = ()
    findings: tuple[Finding, ...] = ()


class StockReceipt(Struct, frozen=True, omit_defaults=True, kw_only=True):
    """The answer to a message; handed in again, the same message gets the same answer."""

    message_no: int
    digest: str
    kind: MessageKind
    record_count: int = 0
    taken_count: int = 0
    lines: tuple[StockLine, ...] = ()
    findings: tuple[Finding, ...] = ()
    is_repeat: bool = False


class FilingState(StrEnum):
    """How a filing stands."""

    OPEN = "open"  # declared, not released: what it takes is reserved
    DONE = "done"  # the goods moved
    LIFTED = "lifted"  # refused, rejected or withdrawn: the goods stay where they are


class NewFiling(Struct, frozen=True, kw_only=True):
    """A filing as it is made."""

    account_no: int
    message_no: int | None
    flow: Flow
    reference: str
    told: bytes
    taken: tuple[Taken, ...]
    declared: bytes | None
    state: FilingState
    made_at: datetime


class KeptFiling(Struct, frozen=True, kw_only=True):
    """A filing as it stands. `declared_state` is that of its declaration, None while it has none."""

    filing_no: int
    account_no: int
    message_no: int | None
    flow: Flow
    reference: str
    told: bytes
    taken: tuple[Taken, ...]
    declared: bytes | None
    declaration_id: int | None
    state: FilingState
    made_at: datetime
    ended_at: datetime | None
    words: str
    declared_state: State | None = None
    registered_id: str = ""  # the number customs gave its declaration
    declared_at: datetime | None = None  # when its declaration came to that state


class KeptCount(Struct, frozen=True, kw_only=True):
    """A stock-taking, with the differences there were when it was recorded."""

    count_no: int
    account_no: int
    count: StockCount
    differences: tuple[Difference, ...]
    recorded_at: datetime
    booked_by: str
    booked_at: datetime | None
    words: str

    def known(self, at: datetime) -> KeptCount:
        """As it was known at a moment: not answered for yet, where that came later."""
        if self.booked_at is None or self.booked_at <= at:
            return self
        return replace(self, booked_by="", booked_at=None, words="")


class KeptFinding(Struct, frozen=True, kw_only=True):
    """Something that the account could not follow."""

    finding_no: int
    source: str
    finding: Finding
    recorded_at: datetime


class Standing(Struct, frozen=True, kw_only=True):
    """An account with all there is to see of it now."""

    kept: KeptAccount
    account: StockAccount
    filings: tuple[KeptFiling, ...]  # open ones
    counts: tuple[KeptCount, ...]
    findings: tuple[KeptFinding, ...]

    @property
    def suspended(self) -> tuple[Money, ...]:
        """Duties and taxes suspended on all that is there, by currency."""
        found: dict[str, Money] = {}
        for lot in self.account.lots:
            before = found.get(lot.suspended.currency)
            found[lot.suspended.currency] = lot.suspended if before is None else before + lot.suspended
        return tuple(found[currency] for currency in sorted(found))

    def known(self, at: datetime) -> Standing:
        """Without what was filed, counted, answered for or found after a moment; the account is as it is."""
        return replace(
            self,
            filings=tuple(each for each in self.filings if each.made_at <= at),
            counts=tuple(each.known(at) for each in self.counts if each.recorded_at <= at),
            findings=tuple(each for each in self.findings if each.recorded_at <= at),
        )

    @property
    def there(self) -> tuple[tuple[str, Decimal], ...]:
        """How much is there, by unit (UNECE Recommendation 20)."""
        found: dict[str, Decimal] = {}
        for lot in self.account.lots:
            found[lot.terms.unit] = found.get(lot.terms.unit, Decimal(0)) + lot.balance
        return tuple(sorted(found.items()))

    @property
    def open_findings(self) -> tuple[KeptFinding, ...]:
        """Findings that nobody answered for: all but those of stock-takings that an officer booked."""
        answered = tuple(f"count:{each.count.count_id}:" for each in self.counts if each.booked_by)
        return tuple(each for each in self.findings if not each.source.startswith(answered))


class StockBook(Protocol):
    """What is kept of stock. Read outside any transaction, or as one transaction of the writer sees it."""

    def open(self, opening: Opening, by: str, at: datetime) -> int:
        """Open an account; its number. Raises StockError where the operator has one of this place."""

    def account(self, account_no: int) -> KeptAccount:
        """One account. Raises NotFoundError."""

    def accounts(self, sender_id: int | None = None) -> Sequence[KeptAccount]:
        """Those of one operator, or all, by number."""

    def accounts_at(self, locations: Sequence[str]) -> Sequence[KeptAccount]:
        """Those of places that one of these names."""

    def facts(self, account_no: int) -> Sequence[Fact]:
        """All facts, as they were recorded."""

    def has_come_in(self, account_no: int) -> bool:
        """Whether anything was told to have come in."""

    def add(self, account_no: int, facts: Sequence[Fact]) -> Sequence[Fact]:
        """Keep facts; those that were not known from their source before."""

    def reservations(self, account_no: int) -> Sequence[Reservation]:
        """What open filings take."""

    def file(self, filing: NewFiling) -> int | None:
        """Keep a filing; its number, None where its reference has one that stands."""

    def declared(self, message_no: int | None, references: Sequence[str], intake_message_id: int) -> None:
        """Keep which declarations of an intake's message were made of filings."""

    def filings(
        self,
        account_no: int | None = None,
        *,
        message_no: int | None = None,
        state: FilingState | None = None,
        before: int | None = None,
        limit: int = 1_000,
    ) -> Sequence[KeptFiling]:
        """Filings with the state of their declarations, the newest first."""  # fmt: skip

    def filing(self, account_no: int, reference: str) -> KeptFiling | None:
        """The filing that stands under a reference."""

    def filings_of(self, account_no: int, references: Sequence[str]) -> Mapping[str, KeptFiling]:
        """By reference, its filing: the one that stands, else the last that was lifted."""

    def filing_named(self, account_no: int, names: Sequence[str]) -> KeptFiling | None:
        """The first filing that stands of an entry or order of one of these names, references or registered numbers."""

    def settled(self, account_no: int | None, limit: int) -> Sequence[KeptFiling]:
        """Filings whose declaration came to something that they do not show yet, the first made first."""

    def undeclared(self, account_no: int | None = None) -> Sequence[KeptFiling]:
        """Filings whose declaration was made and not handed in, the first made first."""

    def end(self, filing_no: int, state: FilingState, at: datetime, words: str = "") -> None:
        """Keep what a filing came to."""

    def keep(self, arriving: ArrivingStock) -> StockMessage | None:
        """Keep a message's bytes; None when the account has the key already."""

    def message_by_key(self, account_no: int, kind: MessageKind, key: str) -> StockMessage:
        """The message told under a key. Raises NotFoundError."""

    def unprocessed(self) -> Sequence[StockMessage]:
        """Messages kept and not worked through, oldest first."""

    def body(self, message_no: int) -> bytes:
        """The bytes as received. Raises NotFoundError."""

    def taking(self, message_no: int) -> Taking | None:
        """What the records of a message became; None while they were not taken in."""

    def keep_taking(self, message_no: int, taking: Taking) -> None:
        """Keep it, with what the records changed."""

    def receipt(self, message_no: int) -> StockReceipt | None:
        """The answer given; None while there is none."""

    def finish(self, receipt: StockReceipt) -> None:
        """Keep the answer."""

    def keep_count(
        self,
        account_no: int,
        message_no: int | None,
        count: StockCount,
        differences: Sequence[Difference],
        at: datetime,
    ) -> int | None:
        """Keep a stock-taking; its number, None where one of this name is kept."""

    def count(self, count_no: int) -> KeptCount:
        """One stock-taking. Raises NotFoundError."""

    def counts(self, account_no: int) -> Sequence[KeptCount]:
        """Those of an account, the newest first."""

    def book_count(self, count_no: int, by: str, at: datetime, words: str) -> bool:
        """Keep who answered for it; False where somebody did before."""

    def find_out(self, account_no: int, source: str, finding: Finding, at: datetime) -> None:
        """Keep a finding, once for each source."""

    def findings(self, account_no: int, limit: int = 100) -> Sequence[KeptFinding]:
        """Those of an account, the newest first."""

    def teller_of(self, event_id: str) -> int | None:
        """The sender who told an event; None for an officer or this system itself."""

    def orders_told(self, limit: int) -> Sequence[tuple[int, str]]:
        """The next claims on orders that were not followed yet: number and jurisdiction."""

    def follow_to(self, declaration_id: int) -> None:
        """Claims up to this one were followed."""


class StockWriting(Writing, Protocol):
    """One transaction of the one writer that stock is kept in, too."""

    @property
    def stock(self) -> StockBook:
        """What is kept of stock, as this transaction sees it."""


class StockStore(Store, Protocol):
    """A store that keeps stock."""

    @property
    def stock(self) -> StockBook:
        """What is kept of stock; each call a transaction of its own."""

    def writing(self, count: int = 1) -> AbstractContextManager[StockWriting]:
        """One transaction for `count` jobs, committed on leaving; waits for other writers."""


def quantities(taken: Sequence[Taken]) -> Mapping[str, Decimal]:
    """How many of each kind of goods."""
    found: dict[str, Decimal] = {}
    for each in taken:
        found[each.goods_id] = found.get(each.goods_id, Decimal(0)) + each.quantity
    return found
