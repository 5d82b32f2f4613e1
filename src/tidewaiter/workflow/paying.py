"""Payments into the accounts: by bank statement or by hand, matched to what is owed, the rest in suspense."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from decimal import Decimal, InvalidOperation
from typing import Any, Protocol

from tidewaiter.model.errors import ConflictError
from tidewaiter.revenue.payments import (
    BankStatement,
    BankStatementError,
    Debt,
    Draft,
    match,
    numbers_in,
    read_camt053,
)
from tidewaiter.revenue.postings import Account, Entry, Posting, reversal

DRAFT_WORDS = 2


class Books(Protocol):
    """What paying needs of the accounts."""

    def open_debts(self, party: str = "") -> Sequence[Any]:
        """Debts not yet paid, the oldest due first."""

    def post(self, postings: Sequence[Posting]) -> int:
        """Book postings."""

    def posting(self, key: str) -> Posting:
        """One posting. Raises NotFoundError."""

    def party_of(self, number: str) -> str:
        """Who a declaration's or statement's number belongs to; "" where it is not known."""

    def remember(self, statement: BankStatement, digest: bytes) -> None:
        """Note that a bank statement was read. Raises ConflictError."""


def take_statements(body: bytes, digest: bytes, books: Books) -> list[dict[str, Any]]:
    """Book every payment of a camt.053 message; one row each. A statement read before is refused as a whole."""
    statements = read_camt053(body)
    for statement in statements:
        books.remember(statement, digest)
    rows = []
    for statement in statements:
        rows += [take_payment(payment, books) for payment in statement.payments]
        rows += [_take_back(payment, books) for payment in statement.taken_back]
    return rows


def take_payment(payment: Draft, books: Books) -> dict[str, Any]:
    """Book one payment where it belongs; money of ours that came back goes to suspense for a person to look at."""
    named = next((party for number in numbers_in(payment.remittance) if (party := books.party_of(number))), "")
    debts = [
        Debt(each.party, each.scheme, each.period, each.owed)
        for each in books.open_debts(named or payment.payer)
        if each.currency == payment.currency
    ]
    found = match(payment, [] if payment.is_reversal else debts, named)
    entries = [_entry(Account.CLEARING, payment.amount, payment.currency)]
    for debt, amount in found.allocated:
        where = _entry(Account.RECEIVABLE, -amount, payment.currency)
        entries.append(Entry(
            account=where.account, amount=where.amount, currency=where.currency, party=debt.party, scheme=debt.scheme,
            period=debt.period,
        ))  # fmt: skip
    if found.left:
        entries.append(Entry(
            account=Account.SUSPENSE, amount=-found.left, currency=payment.currency, party=payment.payer,
        ))  # fmt: skip
    posting = Posting(
        key=f"payment:{payment.reference}", kind="payment", booked_on=payment.booked_on, entries=tuple(entries),
        subject=f"payment:{payment.reference}",
    )  # fmt: skip
    if not books.post([posting]):
        raise ConflictError(f"payment {payment.reference} was booked before")
    return {
        "payment": payment.reference, "payer": payment.payer, "amount": payment.amount, "currency": payment.currency,
        "matched": payment.amount - found.left, "in suspense": found.left, "how": found.words,
    }  # fmt: skip


def draft_of(reference: str, amount: str, payer: str) -> Draft:
    """A payment entered by hand, as "120.50 GBP". Raises BankStatementError for what is no amount of money."""
    parts = amount.split()
    try:
        number = Decimal(parts[0])
    except (InvalidOperation, IndexError):
        raise BankStatementError(f"{amount!r} is no amount", hint="as 120.50 GBP") from None
    if len(parts) != DRAFT_WORDS or not number.is_finite() or number <= 0:
        raise BankStatementError(f"{amount!r} is no amount", hint="as 120.50 GBP")
    return Draft(
        reference=reference, amount=number, currency=parts[1].upper(), booked_on=datetime.now(UTC).date(), payer=payer
    )


def _take_back(payment: Draft, books: Books) -> dict[str, Any]:
    """A payment that the bank took back: its posting is reversed."""
    posting = books.posting(f"payment:{payment.reference}")
    books.post([reversal(posting, payment.booked_on, "taken back by the bank")])
    return {
        "payment": payment.reference, "payer": payment.payer, "amount": -payment.amount, "currency": payment.currency,
        "matched": Decimal(0), "in suspense": Decimal(0), "how": "taken back by the bank",
    }  # fmt: skip


def _entry(account: Account, amount: Decimal, currency: str) -> Entry:
    return Entry(account=account, amount=amount, currency=currency)
