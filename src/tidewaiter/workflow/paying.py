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
    booked_before,
    match,
    numbers_in,
    payment_key,
    read_camt053,
    taken_back_of,
)
from tidewaiter.revenue.postings import Account, Entry, Kind, Posting, PostingError, reversal, shown

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

    def payments(self, reference: str) -> list[Posting]:
        """Every posting of payments under a bank's reference, and what takes them back."""

    def in_suspense(self, payment: str) -> Decimal:
        """What of a payment no debt was found for."""

    def alone(self, lock: int, *, waits: bool = True) -> AbstractContextManager[bool]:
        """Hold a lock of the books."""


class Taken(Struct, frozen=True, kw_only=True):
    """What became of one payment (its number in the books): laid onto debts, or in suspense, and why in words."""

    payment: str
    payer: str
    amount: Decimal
    currency: str
    matched: Decimal
    suspense: Decimal
    words: str


class _Matching:
    """Lays payments onto debts one after the other; what one pays the next does not find. For who holds the lock."""

    def __init__(self, books: Books) -> None:
        self._books = books
        self._paid: dict[tuple[str, str, str, str], Decimal] = {}
        self.made: dict[str, list[Posting]] = {}  # postings to be booked, by the bank's reference

    def booked(self, reference: str) -> list[Posting]:
        """Every posting of payments under this reference: booked, and to be booked."""
        return [*self._books.payments(reference), *self.made.get(reference, ())]

    def match(self, payment: Draft) -> Match:
        """Onto the declarations and statements it names; where it names none we know, onto the payer's oldest debts."""
        numbers = tuple(dict.fromkeys(numbers_in(payment.remittance)))
        named = [debt for number in numbers for debt in self._books.debts_named(number)]
        if named or not payment.payer:
            found = match(payment, self._left(named), f"by {', '.join(numbers)}")
        else:
            found = match(payment, self._left(self._books.open_debts(payment.payer)), f"{payment.payer}")
        for debt, amount in found.allocated:
            for key in {_place(debt), _place(debt, debt.about)}:
                self._paid[key] = self._paid.get(key, ZERO) + amount
        return found

    def _left(self, debts: Iterable[Debt]) -> list[Debt]:
        """What of these debts is left, where each is paid before the next: of an account no more than is open on it."""
        found = []
        paid = dict(self._paid)
        for debt in debts:
            on_account = paid.get(_place(debt), ZERO)
            owed = debt.owed - on_account
            if debt.about and on_account:  # of one declaration: what others paid on the account is not paid on it
                owed = min(debt.owed - paid.get(_place(debt, debt.about), ZERO), self._open(debt) - on_account)
            found.append(replace(debt, owed=max(owed, ZERO)))
            for key in {_place(debt), _place(debt, debt.about)}:
                paid[key] = paid.get(key, ZERO) + max(owed, ZERO)
        return found

    def _open(self, debt: Debt) -> Decimal:
        """What was open on the whole account of a debt, for its period, before any of these payments."""
        return sum((each.owed for each in self._books.open_debts(debt.party) if _place(each) == _place(debt)), ZERO)


def _place(debt: Debt, about: str = "") -> tuple[str, str, str, str]:
    """Where a debt stands: its account and period, or what of it is about one declaration."""
    return debt.party, f"{debt.scheme} {about}".strip(), debt.period, debt.currency


def take_statements(body: bytes, digest: bytes, books: Books, lock: int) -> list[Taken]:
    """Book every payment of a camt.053 message in one transaction; one row each.

    A bank statement read before is refused as a whole; a payment that was
    booked before (by hand, or in an intraday message) counts once: it is known
    again by account, reference and value day. `lock` is the books' lock for matching.
    """
    statements = read_camt053(body)
    with books.alone(lock):
        matching = _Matching(books)
        taken: list[Taken] = []
        for statement in statements:
            for payment in statement.payments:
                row, postings = _told(payment, matching) or _matched(payment, matching)
                taken.append(row)
                matching.made.setdefault(payment.reference, []).extend(postings)
            for payment in statement.taken_back:
                row, postings = _taken_back(payment, matching)
                taken.append(row)
                matching.made.setdefault(payment.reference, []).extend(postings)
        made = [posting for postings in matching.made.values() for posting in postings]
        made += [_bank_charges(each) for each in statements if each.charges]
        books.post(made, statements=[(each, digest) for each in statements])
    return taken


def take_payment(payment: Draft, books: Books, lock: int) -> Taken:
    """Book one payment where it belongs. Raises ConflictError for one booked before.

    `lock` is the books' lock for matching.
    """
    with books.alone(lock):
        row, postings = _new(payment, _Matching(books))
        books.post(postings)
    return row


def approve(proposal_id: int, by: str, books: Books, lock: int) -> Taken:
    """Approve a payment or an allocation that another person entered, and book it in the same transaction."""
    rows: list[Taken] = []

    def book(content: Draft | Allocation) -> list[Posting]:
        row, postings = (
            _new(content, _Matching(books)) if isinstance(content, Draft) else _allocated(content, proposal_id, books)
        )
        rows.append(row)
        return postings

    with books.alone(lock):
        books.approve(proposal_id, by, book)
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
    """Money in suspense for a debt, to be entered for approval. Raises PostingError where there or owed is not so much."""
    left = books.in_suspense(payment)
    if amount <= 0 or amount > left:
        raise PostingError(
            f"{left:f} of payment {payment} waits in suspense, not {amount:f}", hint="tidewaiter accounts suspense"
        )
    _refuse_more(amount, debt)
    return Allocation(
        payment=payment, party=debt.party, scheme=debt.scheme, period=debt.period, amount=amount, currency=debt.currency
    )


def _refuse_more(amount: Decimal, debt: Debt) -> None:
    if amount > debt.owed:
        raise PostingError(
            f"{debt.party} owes {shown(debt.owed)} {debt.currency} under {debt.scheme!r} for {debt.period}, not {shown(amount)}",
            hint="allocate no more than is owed; the rest stays in suspense",
        )


def _told(payment: Draft, matching: _Matching) -> tuple[Taken, list[Posting]] | None:
    """The payment that a bank tells as it was booked before; None where it was not.

    Where it was entered by hand, it is booked on which account it came in, so that the bank's word counts once as well.
    """
    before = booked_before(payment, matching.booked(payment.reference))
    if before is None:
        return None
    row = _row(payment, ZERO, ZERO, "booked before: it counts once")
    key = payment_key(payment.number)
    if before.key == key:
        return row, []
    by_hand = Entry(account=Account.CLEARING, amount=-payment.amount, currency=payment.currency)
    entries = (by_hand, replace(by_hand, amount=payment.amount, scheme=payment.account_id))
    on = payment.booked_on
    return row, [Posting(key=key, kind=Kind.TOLD, booked_on=on, entries=entries, subject=before.key)]


def _new(payment: Draft, matching: _Matching) -> tuple[Taken, list[Posting]]:
    """A payment that must not be in the books yet, matched. Raises ConflictError where it is."""
    before = booked_before(payment, matching.booked(payment.reference))
    if before is not None:
        raise ConflictError(f"payment {payment.reference} was booked before", place=before.key)
    return _matched(payment, matching)


def _matched(payment: Draft, matching: _Matching) -> tuple[Taken, list[Posting]]:
    found = matching.match(payment)
    currency = payment.currency
    entries = [Entry(account=Account.CLEARING, amount=payment.amount, currency=currency, scheme=payment.account_id)]
    entries += [
        Entry(
            account=Account.RECEIVABLE, amount=-amount, currency=currency, party=debt.party, scheme=debt.scheme,
            period=debt.period, about=debt.about,
        )
        for debt, amount in found.allocated
    ]  # fmt: skip
    if found.left:
        entries.append(Entry(account=Account.SUSPENSE, amount=-found.left, currency=currency, party=payment.payer))
    key = payment_key(payment.number)
    posting = Posting(
        key=key, kind=Kind.PAYMENT, booked_on=payment.booked_on, entries=tuple(entries), subject=key,
    )  # fmt: skip
    return _row(payment, payment.amount - found.left, found.left, found.words), [posting]


def _allocated(allocation: Allocation, number: int, books: Books) -> tuple[Taken, list[Posting]]:
    """Out of suspense onto a debt. Raises PostingError where meanwhile less is there, or less is owed."""
    left = books.in_suspense(allocation.payment)
    if allocation.amount > left:
        raise PostingError(f"{left:f} of payment {allocation.payment} is left in suspense", hint="enter it anew")
    debt = open_debt(allocation.party, allocation.scheme, allocation.period, allocation.currency, books)
    _refuse_more(allocation.amount, debt)
    payment = books.posting(payment_key(allocation.payment))
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
    return row, [posting]


def _taken_back(payment: Draft, matching: _Matching) -> tuple[Taken, list[Posting]]:
    """A payment that the bank took back: its posting is reversed; where it is not known, a person must say whose it was."""
    booked = matching.booked(payment.reference)
    words = "taken back by the bank"
    if before := taken_back_of(payment, booked):
        if any(posting.reverses == before[0].key for posting in booked):
            return _row(payment, ZERO, ZERO, f"{words} before: it counts once"), []
        return _row(payment, -payment.amount, ZERO, words), [
            reversal(posting, payment.booked_on, words) for posting in before
        ]
    key = payment_key(f"back:{payment.number}")
    clearing = Entry(
        account=Account.CLEARING, amount=-payment.amount, currency=payment.currency, scheme=payment.account_id
    )
    suspense = Entry(account=Account.SUSPENSE, amount=payment.amount, currency=payment.currency, party=payment.payer)
    posting = Posting(
        key=key, kind=Kind.PAYMENT, booked_on=payment.booked_on, entries=(clearing, suspense), subject=key
    )
    return _row(payment, ZERO, -payment.amount, f"{words}, and no such payment is known"), [posting]


def _bank_charges(statement: BankStatement) -> Posting:
    """What the bank kept of payments: those who paid have paid it."""
    on = max((each.booked_on for each in statement.payments), default=date.min)
    kept = Entry(
        account=Account.BANK_CHARGES, amount=statement.charges, currency=statement.currency, scheme=statement.account_id
    )
    key = f"bank charges:{statement.account_id}:{statement.statement_id}"
    entries = (kept, replace(kept, account=Account.CLEARING, amount=-statement.charges))
    return Posting(key=key, kind="bank charges", booked_on=on, entries=entries, subject=key)


def _row(payment: Draft, matched: Decimal, suspense: Decimal, words: str) -> Taken:
    return Taken(
        payment=payment.number, payer=payment.payer, amount=payment.amount, currency=payment.currency,
        matched=matched, suspense=suspense, words=words,
    )  # fmt: skip
