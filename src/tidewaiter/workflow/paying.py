"""Payments into the accounts: by bank statement or by hand, laid onto what is owed, the rest in suspense for a person."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from contextlib import AbstractContextManager
from datetime import date
from decimal import Decimal
from typing import Protocol

from msgspec import Struct
from msgspec.structs import replace

from tidewaiter.model.errors import ConflictError, NotFoundError
from tidewaiter.revenue.payments import (
    NOT_AN_AMOUNT_HINT,
    Allocation,
    BankStatement,
    BankStatementError,
    Debt,
    Draft,
    Match,
    amount_of,
    match,
    numbers_in,
    read_camt053,
)
from tidewaiter.revenue.postings import Account, Entry, Kind, Posting, PostingError, reversal

DRAFT_WORDS = 2
ZERO = Decimal(0)


class Books(Protocol):
    """What paying needs of the accounts."""

    def open_debts(self, party: str = "") -> list[Debt]:
        """Debts not yet paid, the oldest due first."""

    def debts_named(self, number: str) -> list[Debt]:
        """What is open on a declaration or a statement's account."""

    def post(self, postings: Sequence[Posting], *, statements: Sequence[tuple[BankStatement, bytes]] = ()) -> int:
        """Book postings, and that bank statements were read."""

    def approve(self, proposal_id: int, by: str, book: Callable[[Draft | Allocation], Sequence[Posting]]) -> int:
        """Approve what another person entered, and book it."""

    def posting(self, key: str) -> Posting:
        """One posting. Raises NotFoundError."""

    def in_suspense(self, payment: str) -> Decimal:
        """What of a payment no debt was found for."""

    def alone(self, lock: int, *, waits: bool = True) -> AbstractContextManager[bool]:
        """Hold a lock of the books."""


class Taken(Struct, frozen=True, kw_only=True):
    """What became of one payment: laid onto debts, or waiting in suspense, and why in words."""

    payment: str
    payer: str
    amount: Decimal
    currency: str
    matched: Decimal
    suspense: Decimal
    words: str


class _Matching:
    """Lays payments onto debts one after the other; what one pays the next does not find."""

    def __init__(self, books: Books) -> None:
        self._books = books
        self._paid: dict[tuple[str, str, str, str], Decimal] = {}

    def match(self, payment: Draft) -> Match:
        """Onto the declarations and statements it names; where it names none we know, onto the payer's oldest debts."""
        numbers = numbers_in(payment.remittance)
        named = [debt for number in numbers for debt in self._books.debts_named(number)]
        if named or not payment.payer:
            found = match(payment, self._left(named), f"by {', '.join(numbers)}")
        else:
            found = match(payment, self._left(self._books.open_debts(payment.payer)), f"{payment.payer}")
        for debt, amount in found.allocated:
            key = (debt.party, debt.scheme, debt.period, debt.currency)
            self._paid[key] = self._paid.get(key, ZERO) + amount
        return found

    def _left(self, debts: Iterable[Debt]) -> list[Debt]:
        found = []
        for debt in debts:
            paid = self._paid.get((debt.party, debt.scheme, debt.period, debt.currency), ZERO)
            found.append(replace(debt, owed=max(debt.owed - paid, ZERO)))
        return found


def take_statements(body: bytes, digest: bytes, books: Books, lock: int) -> list[Taken]:
    """Book every payment of a camt.053 message in one transaction; one row each.

    A bank statement read before is refused as a whole; a payment that was
    booked before (by hand, or in an intraday message) counts once. `lock` is
    the books' lock for matching.
    """
    statements = read_camt053(body)
    with books.alone(lock):
        matching = _Matching(books)
        taken: list[tuple[Taken, Posting | None]] = []
        for statement in statements:
            for payment in statement.payments:
                taken.append(_seen(payment, books) or _matched(payment, matching))
            for payment in statement.taken_back:
                taken.append(_taken_back(payment, books))
        postings = [posting for _, posting in taken if posting is not None]
        postings += [_bank_charges(each) for each in statements if each.charges]
        books.post(postings, statements=[(each, digest) for each in statements])
    return [row for row, _ in taken]


def take_payment(payment: Draft, books: Books) -> Taken:
    """Book one payment where it belongs. Raises ConflictError for one booked before."""
    row, posting = _matched(payment, _Matching(books))
    assert posting is not None
    if not books.post([posting]):
        raise ConflictError(f"payment {payment.reference} was booked before")
    return row


def approve(proposal_id: int, by: str, books: Books, lock: int) -> Taken:
    """Approve a payment or an allocation that another person entered, and book it in the same transaction."""
    rows: list[Taken] = []

    def book(content: Draft | Allocation) -> list[Posting]:
        row, posting = (
            _matched(content, _Matching(books))
            if isinstance(content, Draft)
            else _allocated(content, proposal_id, books)
        )
        rows.append(row)
        return [posting] if posting is not None else []

    with books.alone(lock):
        if not books.approve(proposal_id, by, book):
            raise ConflictError(f"payment {rows[0].payment} was booked before")
    return rows[0]


def draft_of(reference: str, amount: str, payer: str, on: date, *, remittance: str = "") -> Draft:
    """A payment entered by hand, as "120.50 GBP". Raises BankStatementError for what is no amount of money."""
    parts = amount.split()
    number = amount_of(parts[0]) if len(parts) == DRAFT_WORDS else None
    currency = parts[1].upper() if number is not None else ""
    if number is None or number <= 0 or len(currency) != 3 or not currency.isascii() or not currency.isalpha():
        raise BankStatementError(f"{amount[:40]!r} is no amount", hint=NOT_AN_AMOUNT_HINT)
    if not reference.strip() or not reference.isprintable():
        raise BankStatementError("a payment needs a reference", hint="the bank's number of it")
    return Draft(
        reference=reference.strip(), amount=number, currency=currency, booked_on=on, payer=payer.strip(),
        remittance=remittance,
    )  # fmt: skip


def open_debt(party: str, scheme: str, period: str, currency: str, books: Books) -> Debt:
    """What an operator owes under a scheme for a period. Raises NotFoundError where nothing is open there."""
    for debt in books.open_debts(party):
        if (debt.party, debt.scheme, debt.period, debt.currency) == (party, scheme, period, currency):
            return debt
    raise NotFoundError(
        f"{party} owes nothing in {currency} under {scheme!r} for {period}", hint="tidewaiter accounts debts"
    )


def allocation_of(payment: str, debt: Debt, amount: Decimal, books: Books) -> Allocation:
    """Money in suspense for a debt, to be entered for approval. Raises PostingError where there is not so much."""
    left = books.in_suspense(payment)
    if amount <= 0 or amount > left:
        raise PostingError(
            f"{left:f} of payment {payment} waits in suspense, not {amount:f}", hint="tidewaiter accounts suspense"
        )
    return Allocation(
        payment=payment, party=debt.party, scheme=debt.scheme, period=debt.period, amount=amount, currency=debt.currency
    )


def _seen(payment: Draft, books: Books) -> tuple[Taken, None] | None:
    """The payment as it was booked before; None where it was not. Raises ConflictError where it was another one."""
    try:
        before = books.posting(f"payment:{payment.reference}")
    except NotFoundError:
        return None
    came = [each for each in before.entries if each.account is Account.CLEARING]
    if [(each.amount, each.currency) for each in came] != [(payment.amount, payment.currency)]:
        raise ConflictError(
            f"payment {payment.reference} was booked before with {came[0].amount:f} {came[0].currency}, and now has"
            f" {payment.amount:f} {payment.currency}",
            hint="two payments under one reference: ask the bank which is right",
        )
    return _row(payment, ZERO, ZERO, "booked before: it counts once"), None


def _matched(payment: Draft, matching: _Matching) -> tuple[Taken, Posting | None]:
    found = matching.match(payment)
    currency = payment.currency
    entries = [Entry(account=Account.CLEARING, amount=payment.amount, currency=currency)]
    entries += [
        Entry(
            account=Account.RECEIVABLE, amount=-amount, currency=currency, party=debt.party, scheme=debt.scheme,
            period=debt.period, about=debt.about,
        )
        for debt, amount in found.allocated
    ]  # fmt: skip
    if found.left:
        entries.append(Entry(account=Account.SUSPENSE, amount=-found.left, currency=currency, party=payment.payer))
    key = f"payment:{payment.reference}"
    posting = Posting(
        key=key, kind=Kind.PAYMENT, booked_on=payment.booked_on, entries=tuple(entries), subject=key,
    )  # fmt: skip
    return _row(payment, payment.amount - found.left, found.left, found.words), posting


def _allocated(allocation: Allocation, number: int, books: Books) -> tuple[Taken, Posting | None]:
    """Out of suspense onto a debt. Raises PostingError where meanwhile less is there."""
    left = books.in_suspense(allocation.payment)
    if allocation.amount > left:
        raise PostingError(f"{left:f} of payment {allocation.payment} is left in suspense", hint="enter it anew")
    payment = books.posting(f"payment:{allocation.payment}")
    payer = next(each.party for each in payment.entries if each.account is Account.SUSPENSE)
    posting = Posting(
        key=f"allocation:{number}", kind=Kind.ALLOCATION, booked_on=payment.booked_on, subject=payment.subject,
        entries=(
            Entry(account=Account.SUSPENSE, amount=allocation.amount, currency=allocation.currency, party=payer),
            Entry(
                account=Account.RECEIVABLE, amount=-allocation.amount, currency=allocation.currency,
                party=allocation.party, scheme=allocation.scheme, period=allocation.period,
            ),
        ),
    )  # fmt: skip
    row = Taken(
        payment=allocation.payment, payer=payer, amount=allocation.amount, currency=allocation.currency,
        matched=allocation.amount, suspense=left - allocation.amount,
        words=f"allocated to {allocation.party}, {allocation.scheme}, {allocation.period}",
    )  # fmt: skip
    return row, posting


def _taken_back(payment: Draft, books: Books) -> tuple[Taken, Posting]:
    """A payment that the bank took back: its posting is reversed; where it is not known, a person must say whose it was."""
    try:
        before = books.posting(f"payment:{payment.reference}")
    except NotFoundError:
        before = None
    if before is not None and any(
        each.account is Account.CLEARING and each.amount == payment.amount and each.currency == payment.currency
        for each in before.entries
    ):
        words = "taken back by the bank"
        return _row(payment, -payment.amount, ZERO, words), reversal(before, payment.booked_on, words)
    key = f"payment:back:{payment.reference}"
    clearing = Entry(account=Account.CLEARING, amount=-payment.amount, currency=payment.currency)
    suspense = Entry(account=Account.SUSPENSE, amount=payment.amount, currency=payment.currency, party=payment.payer)
    posting = Posting(
        key=key, kind=Kind.PAYMENT, booked_on=payment.booked_on, entries=(clearing, suspense), subject=key
    )
    return _row(payment, ZERO, -payment.amount, "taken back by the bank, and no such payment is known"), posting


def _bank_charges(statement: BankStatement) -> Posting:
    """What the bank kept of payments: those who paid have paid it."""
    on = max((each.booked_on for each in statement.payments), default=date.min)
    kept = Entry(account=Account.BANK_CHARGES, amount=statement.charges, currency=statement.currency)
    key = f"bank charges:{statement.account_id}:{statement.statement_id}"
    entries = (kept, replace(kept, account=Account.CLEARING, amount=-statement.charges))
    return Posting(key=key, kind="bank charges", booked_on=on, entries=entries, subject=key)


def _row(payment: Draft, matched: Decimal, suspense: Decimal, words: str) -> Taken:
    return Taken(
        payment=payment.reference, payer=payment.payer, amount=payment.amount, currency=payment.currency,
        matched=matched, suspense=suspense, words=words,
    )  # fmt: skip
