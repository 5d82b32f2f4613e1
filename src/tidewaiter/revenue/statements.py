"""Periodic statements: what one party's account under one scheme stood at, what moved it, and where it stands.

A statement covers what is for its period or an earlier one and was booked up to its cut; it shows what no statement before
it covers, beginning with the closing balance of the last. So a correction of an old month stands in the statement that
was issued next, and opening and movements always come to the closing balance. What is collected under a scheme elsewhere
is never owed here: such a statement is the period's return to that scheme, and opens at nothing.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Iterator
from datetime import date
from decimal import Decimal

from msgspec import Struct

from tidewaiter.revenue.postings import Account, Kind, shown

ZERO = Decimal(0)
NUMBER_PREFIX = "TWS-"
NUMBER_DIGITS = 8
OWED = frozenset({Account.RECEIVABLE, Account.AT_SALE, Account.REFUND})  # what makes the balance
CHARGED = frozenset({Account.REVENUE, Account.AT_SALE_REVENUE})
MEMO = frozenset({Account.AT_SALE, Account.AT_SALE_REVENUE})
MOVEMENTS = ("charges", "corrections", "payments", "refunds", "interest", "deferred")


class Row(Struct, frozen=True, array_like=True):
    """One entry with what a statement needs of its posting, as it is read from the ledger."""

    party: str
    scheme: str
    currency: str
    posting_id: int
    key: str
    kind: str
    subject: str
    booked_on: date
    due: date | None
    account: str
    period: str
    type_code: str
    rate: str
    base: Decimal | None
    amount: Decimal
    about: str


class Part(Struct, frozen=True, kw_only=True):
    """What was charged of one type at one rate for one period: the line of a return.

    What was given back, or is owed again after it was, goes by no rate and no base of its own.
    """

    period: str
    type_code: str
    rate: str
    base: Decimal
    amount: Decimal

    @property
    def words(self) -> str:
        """The rate, or what it is where it goes by none."""
        return self.rate or ("given back" if self.amount < 0 else "owed again")


class Statement(Struct, frozen=True, kw_only=True):
    """The sums of a statement: opening, what moved it by kind, closing; what was charged by period, type and rate.

    `is_return`: of a scheme that collects elsewhere. `due` is the last day on which something it charges is due. It
    covers postings up to `until_posting`; the one before was for `previous_period` and up to `after_posting`.
    """

    party: str
    scheme: str
    currency: str
    period: str
    opening: Decimal
    movements: dict[str, Decimal]
    closing: Decimal
    parts: tuple[Part, ...]
    posting_count: int
    until_posting: int
    after_posting: int = 0
    previous_period: str = ""
    due: date | None = None
    is_return: bool = False
    number: str = ""
    issued_on: date | None = None

    @property
    def moved(self) -> Decimal:
        """All movements together."""
        return sum(self.movements.values(), ZERO)

    @property
    def pay_by(self) -> date | None:
        """The day by which its closing balance is to be paid; None where nothing is to be paid here, or no day is known."""
        return self.due if self.closing > 0 and not self.is_return else None

    @property
    def totals(self) -> dict[str, Decimal]:
        """What was charged by type, corrections included."""
        found: dict[str, Decimal] = {}
        for part in self.parts:
            found[part.type_code] = found.get(part.type_code, ZERO) + part.amount
        return found

    @property
    def jurisdiction_code(self) -> str:
        """Whose account it is."""
        return self.scheme.partition(" ")[0]


class Overtaken(Struct, frozen=True, kw_only=True):
    """Why no statement is issued for an account and period: one of a later period was, and goes on from the one before."""

    party: str
    scheme: str
    currency: str
    period: str
    later: str  # the number and the period of the one that was issued
    later_period: str

    code = "accounts.statement_overtaken"

    @property
    def detail(self) -> str:
        """What happened, in words."""
        return f"{self.later} was issued for {self.later_period}: a statement for {self.period} can no longer come before it"

    @property
    def place(self) -> str:
        """Which account."""
        return f"{self.party}, {self.scheme}, {self.currency}"

    @property
    def hint(self) -> str:
        """What to do about it."""
        return (
            f"what was booked for {self.period} stands in {self.later}; what is booked later stands in the next,"
            f" of a period after {self.later_period}"
        )


class Line(Struct, frozen=True, kw_only=True):
    """One posting as the party sees it; `amount` is what it adds to what the party owes, and when that is `due`."""

    booked_on: date
    kind: str
    subject: str
    period: str
    due: date | None
    amounts: dict[str, Decimal]
    amount: Decimal
    key: str


class Previous(Struct, frozen=True):
    """What a statement goes on from: the period, the cut and the closing balance of the one before."""

    period: str = ""
    cut: int = 0
    closing: Decimal = ZERO

    def covers(self, row: Row) -> bool:
        """True where an entry stands in that statement, or in one before it."""
        return row.period <= self.period and row.posting_id <= self.cut


class Folding:
    """Adds up the entries of one account as they come; holds sums, never the entries."""

    def __init__(self, whose: tuple[str, str, str], previous: Previous = Previous()) -> None:  # noqa: B008 (frozen)
        self._whose = whose
        self._previous = previous
        self._last = 0
        self._movements: dict[str, Decimal] = {}
        self._parts: dict[tuple[str, str, str], tuple[Decimal, Decimal]] = {}
        self._due: date | None = None
        self._count = 0
        self._is_return = False
        self.periods: set[str] = set()  # of the entries so far

    def add(self, row: Row) -> None:
        """One entry more, in the order of postings."""
        if row.posting_id != self._last:
            self._count += 1
            self._last = row.posting_id
        self.periods.add(row.period)
        if row.account in OWED:
            group = group_of(row)
            self._movements[group] = self._movements.get(group, ZERO) + row.amount
            self._is_return = self._is_return or row.account in MEMO
            if row.due is not None and row.amount > 0 and (self._due is None or row.due > self._due):
                self._due = row.due
        elif row.account in CHARGED:
            base, amount = self._parts.get((row.period, row.type_code, row.rate), (ZERO, ZERO))
            key = (row.period, row.type_code, row.rate)
            self._parts[key] = (base + (row.base or ZERO), amount - row.amount)

    def statement(self, period: str, cut: int) -> Statement:
        """The sums so far, as the statement for a period and up to a posting."""
        party, scheme, currency = self._whose
        opening = ZERO if self._is_return else self._previous.closing
        return Statement(
            party=party,
            scheme=scheme,
            currency=currency,
            period=period,
            opening=opening,
            movements=self._movements,
            closing=opening + sum(self._movements.values(), ZERO),
            parts=tuple(
                Part(period=when, type_code=type_code, rate=rate, base=base, amount=amount)
                for (when, type_code, rate), (base, amount) in sorted(self._parts.items())
            ),
            posting_count=self._count,
            until_posting=cut,
            after_posting=self._previous.cut,
            previous_period=self._previous.period,
            due=self._due,
            is_return=self._is_return,
        )


def group_of(row: Row) -> str:
    """Which movement of a statement an entry belongs to."""
    if row.kind.startswith(Kind.REVERSAL):
        return "payments" if row.key.startswith("reverse:payment:") else "corrections"
    return _GROUPS.get(row.kind, "corrections")


_GROUPS = {
    Kind.CHARGE.value: "charges",
    Kind.PAYMENT.value: "payments",
    Kind.ALLOCATION.value: "payments",
    Kind.DRAWN.value: "payments",
    Kind.REFUND.value: "refunds",
    Kind.INTEREST.value: "interest",
    Kind.DEFERRED.value: "deferred",
}


def number_of(statement_no: int) -> str:
    """The running number as it is printed: TWS-00000042."""
    return f"{NUMBER_PREFIX}{statement_no:0{NUMBER_DIGITS}d}"


def lines(rows: Iterable[Row]) -> Iterator[Line]:
    """One line for each posting, from its entries in order."""
    held: list[Row] = []
    for row in rows:
        if held and held[0].posting_id != row.posting_id:
            yield from _line(held)
            held = []
        held.append(row)
    yield from _line(held)


def _line(rows: list[Row]) -> Iterator[Line]:
    amount = sum((row.amount for row in rows if row.account in OWED), ZERO)
    amounts: dict[str, Decimal] = {}
    for row in rows:
        if row.account in CHARGED:
            amounts[row.type_code] = amounts.get(row.type_code, ZERO) - row.amount
    if rows and (amount or any(amounts.values())):
        first = rows[0]
        yield Line(
            booked_on=first.booked_on, kind=first.kind, subject=first.about or first.subject, period=first.period,
            due=first.due if amount > 0 else None, amounts=amounts, amount=amount, key=first.key,
        )  # fmt: skip


def as_csv(statement: Statement, of: Iterable[Line]) -> Iterator[str]:
    """A statement as CSV, line by line: opening, each posting with its amounts by type, closing."""
    types = sorted(statement.totals)
    yield _csv("booked_on", "kind", "subject", "period", "due_on", *types, "amount", "currency")
    nothing = [""] * len(types)
    yield _csv("", "opening balance", "", "", "", *nothing, statement.opening, statement.currency)
    for line in of:
        amounts = [line.amounts.get(code, "") for code in types]
        yield _csv(
            line.booked_on, line.kind, line.subject, line.period, line.due or "", *amounts, line.amount,
            statement.currency,
        )  # fmt: skip
    totals = [statement.totals[code] for code in types]
    yield _csv("", "closing balance", "", "", "", *totals, statement.closing, statement.currency)


def parts_as_csv(statements: Iterable[Statement]) -> Iterator[str]:
    """The return of a scheme as CSV: what was charged by jurisdiction, period, type and rate."""
    yield _csv("jurisdiction", "period", "is_correction", "type", "rate", "base", "amount", "currency", "statement")
    for statement in statements:
        for part in statement.parts:
            yield _csv(
                statement.jurisdiction_code, part.period, "yes" if part.period != statement.period else "no",
                part.type_code, part.words, part.base if part.rate else "", part.amount, statement.currency, statement.number,
            )  # fmt: skip


def _csv(*values: object) -> str:
    out = io.StringIO()
    csv.writer(out, lineterminator="\n").writerow(
        [f"{shown(value):f}" if isinstance(value, Decimal) else str(value) for value in values]
    )
    return out.getvalue()
