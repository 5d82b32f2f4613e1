"""Double entry: which entries follow from what happened. Amounts are signed, debit above zero; each posting sums to zero.

Nothing here is ever changed: what was wrong is reversed by a posting of its own. The key of a posting says what it is
for, so that the same happening posted twice is one posting.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import date
from decimal import Decimal
from enum import StrEnum

from msgspec import Struct
from msgspec.structs import replace

from tidewaiter.model.canonical import canonical_bytes, digest
from tidewaiter.model.errors import TidewaiterError
from tidewaiter.revenue.obligations import Obligation

ZERO = Decimal(0)


class PostingError(TidewaiterError):
    """A posting that may not be made: not balanced, more than was paid, not by two persons."""

    code = "accounts.posting"


class Account(StrEnum):
    """What an entry is booked to."""

    RECEIVABLE = "receivable"  # what a payer owes at the border
    REVENUE = "revenue"  # what was charged, by type
    CLEARING = "clearing"  # money that came in or went out by bank
    SUSPENSE = "suspense"  # money that no debt was found for yet
    REFUND = "refund"  # what is to be paid back
    INTEREST = "interest"
    GUARANTEE_FREE = "guarantee.free"
    GUARANTEE_RESERVED = "guarantee.reserved"
    AT_SALE = "memo.at_sale"  # collected elsewhere under a scheme: shown, never owed here
    AT_SALE_REVENUE = "memo.at_sale_revenue"


class Entry(Struct, frozen=True, kw_only=True):
    """One side of a posting: `party` is the operator, `scheme` the account of the law, `period` as "2026-07"."""

    account: Account
    amount: Decimal
    currency: str
    party: str = ""
    scheme: str = ""
    period: str = ""
    type_code: str = ""


class Posting(Struct, frozen=True, kw_only=True):
    """Entries that are booked together or not at all."""

    key: str
    kind: str
    booked_on: date
    entries: tuple[Entry, ...]
    subject: str = ""  # what it is about: a declaration's number, a payment's reference
    due: date | None = None
    reverses: str = ""  # key of the posting that this one takes back

    def problem(self) -> str:
        """Why it may not be booked, in words; "" where it may."""
        sums: dict[str, Decimal] = {}
        for entry in self.entries:
            sums[entry.currency] = sums.get(entry.currency, ZERO) + entry.amount
        unbalanced = {currency: total for currency, total in sums.items() if total}
        return (
            f"debit and credit differ: {unbalanced}" if unbalanced else "" if self.entries else "there are no entries"
        )

    @property
    def digest(self) -> str:
        """SHA-256 of all of it: the same key with other content is refused."""
        return digest(canonical_bytes(self))


def charged(subject: str, version: int, on: date, obligations: Iterable[Obligation]) -> tuple[Posting, ...]:
    """The postings of a decided declaration: one for each obligation that bears an amount."""
    found = []
    for obligation in obligations:
        at_sale = obligation.moment == "sale" and obligation.collector not in ("customs", "carrier", "post")
        debit = Account.AT_SALE if at_sale else Account.RECEIVABLE
        credit = Account.AT_SALE_REVENUE if at_sale else Account.REVENUE
        where = {
            "party": obligation.payer, "scheme": obligation.account, "period": obligation.period,
            "currency": obligation.amount.currency,
        }  # fmt: skip
        entries = [Entry(account=debit, amount=obligation.amount.amount, **where)]
        entries += [
            Entry(account=credit, amount=-amount, type_code=code, **where)
            for code, amount in obligation.amounts.items()
        ]
        found.append(
            Posting(
                key=f"charge:{version}:{subject}:{obligation.measure_id}",
                kind="charge",
                booked_on=on,
                entries=tuple(entries),
                subject=subject,
                due=obligation.due,
            )
        )
    return tuple(found)


def reversal(posting: Posting, on: date, why: str) -> Posting:
    """The posting that takes another one back."""
    return replace(
        posting,
        key=f"reverse:{posting.key}",
        kind=f"reversal: {why}",
        booked_on=on,
        entries=tuple(replace(entry, amount=-entry.amount) for entry in posting.entries),
        reverses=posting.key,
    )


def guarantee(subject: str, step: str, on: date, amount: Decimal, where: Entry) -> Posting:
    """A guarantee reserved for a debt, released, or drawn upon. `step` is "reserve", "release" or "draw"."""
    if amount <= 0:
        raise PostingError(f"a guarantee of {amount} cannot be moved")
    sides = {
        "reserve": (Account.GUARANTEE_RESERVED, Account.GUARANTEE_FREE),
        "release": (Account.GUARANTEE_FREE, Account.GUARANTEE_RESERVED),
        "draw": (Account.CLEARING, Account.RECEIVABLE),
    }
    if step not in sides:
        raise PostingError(f"{step!r} is nothing that is done with a guarantee", hint="reserve, release or draw")
    debit, credit = sides[step]
    entries = (replace(where, account=debit, amount=amount), replace(where, account=credit, amount=-amount))
    return Posting(
        key=f"guarantee:{step}:{subject}", kind=f"guarantee {step}", booked_on=on, entries=entries, subject=subject
    )


def refunded(subject: str, return_id: str, on: date, amounts: Mapping[str, Decimal], where: Entry) -> Posting:
    """What is given back on a return: revenue is lessened by type, and the payer has a claim."""
    total = sum(amounts.values(), ZERO)
    if total <= 0:
        raise PostingError("a refund gives something back")
    entries = [
        replace(where, account=Account.REVENUE, amount=amount, type_code=code)
        for code, amount in amounts.items()
        if amount
    ]
    entries.append(replace(where, account=Account.REFUND, amount=-total))
    return Posting(
        key=f"refund:{subject}:{return_id}", kind="refund", booked_on=on, entries=tuple(entries), subject=subject
    )


class Late(Struct, frozen=True, kw_only=True):
    """A debt not paid in time: how much, how many days late, and the law's rate a year (7.5 is 7.5 %)."""

    owed: Decimal
    days: int
    yearly_percent: Decimal


def interest(subject: str, on: date, late: Late, where: Entry) -> Posting:
    """Interest on a late debt: simple, by days of 365, rounded down to the hundredth. Raises PostingError on none."""
    grown = late.owed * late.yearly_percent * late.days / Decimal(36500)
    amount = grown.quantize(Decimal("0.01"), "ROUND_DOWN")
    if amount <= 0:
        raise PostingError("no interest has grown")
    entries = (
        replace(where, account=Account.RECEIVABLE, amount=amount, type_code="INT"),
        replace(where, account=Account.INTEREST, amount=-amount, type_code="INT"),
    )
    return Posting(key=f"interest:{subject}:{on}", kind="interest", booked_on=on, entries=entries, subject=subject)


def brought_up_to_date(
    standing: Sequence[Posting], wanted: Sequence[Posting], on: date, why: str
) -> tuple[Posting, ...]:
    """What makes the charges of a subject those that are wanted: nothing, or reversals and new postings.

    `standing` are all postings of the subject so far.
    """
    taken_back = {posting.reverses for posting in standing if posting.reverses}
    charges = [posting for posting in standing if posting.kind == "charge" and posting.key not in taken_back]
    if sorted(map(_likeness, charges)) == sorted(map(_likeness, wanted)):
        return ()
    return (*(reversal(posting, on, why) for posting in charges), *wanted)


def generation(standing: Iterable[Posting]) -> int:
    """Which set of charges of a subject comes next, from 1."""
    return 1 + len({posting.key.split(":")[1] for posting in standing if posting.kind == "charge"})


def _likeness(posting: Posting) -> tuple[str, ...]:
    """What makes two charges the same but for the day they were booked on."""
    return (
        str(posting.due),
        *(
            f"{each.account}|{each.amount}|{each.currency}|{each.party}|{each.scheme}|{each.period}|{each.type_code}"
            for each in posting.entries
        ),
    )
