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


CENT = Decimal("0.01")


def shown(amount: Decimal) -> Decimal:
    """The amount with two decimals, or with all of them where it has more: as people read it, never rounded."""
    hundredths = amount.quantize(CENT) if amount.is_finite() and abs(amount) < Decimal(10) ** 20 else amount
    return hundredths if hundredths == amount else amount


class PostingError(TidewaiterError):
    """A posting that may not be made: not balanced, more than was paid, not by two persons."""

    code = "accounts.posting"


class Account(StrEnum):
    """What an entry is booked to."""

    RECEIVABLE = "receivable"  # what a payer owes at the border
    REVENUE = "revenue"  # what was charged, by type
    CLEARING = "clearing"  # money that came in or went out by bank; `scheme` is the bank's account, where it is known
    BANK_CHARGES = "bank_charges"  # what a bank kept of a payment: the payer has paid it all the same
    SUSPENSE = "suspense"  # money that no debt was found for yet
    REFUND = "refund"  # what is to be paid back
    INTEREST = "interest"
    GUARANTEE_FREE = "guarantee.free"  # of a guarantee the `scheme` is its id
    GUARANTEE_RESERVED = "guarantee.reserved"
    GUARANTEE_DRAWN = "guarantee.drawn"
    GUARANTOR = "guarantor"  # what a guarantor owes after its guarantee was drawn
    AT_SALE = "memo.at_sale"  # collected elsewhere under a scheme: shown, never owed here
    AT_SALE_REVENUE = "memo.at_sale_revenue"


class Kind(StrEnum):
    """What a posting is; a reversal adds why."""

    CHARGE = "charge"
    REVERSAL = "reversal"
    DEFERRED = "deferred"  # taken over by who holds a deferment account
    RESERVED = "guarantee reserve"
    RELEASED = "guarantee release"
    DRAWN = "guarantee draw"
    PAYMENT = "payment"
    TOLD = "payment told"  # by a bank, which was entered by hand before
    ALLOCATION = "allocation"  # out of suspense
    REFUND = "refund"
    RECALLED = "refund recalled"  # more was given back than is charged by now: owed again
    INTEREST = "interest"


class Entry(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One side of a posting: `party` is the operator, `scheme` the account of the law, `period` as "2026-07".

    `about` is what it is about where that is not the posting's subject, `due`
    the day it is due where that is not the posting's. What was charged says by
    which `rate` of which `base`, in the currency.
    """

    account: Account
    amount: Decimal
    currency: str
    party: str = ""
    scheme: str = ""
    period: str = ""
    type_code: str = ""
    about: str = ""
    rate: str = ""
    base: Decimal | None = None
    due: date | None = None


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
        debit = Account.AT_SALE if obligation.is_at_sale else Account.RECEIVABLE
        credit = Account.AT_SALE_REVENUE if obligation.is_at_sale else Account.REVENUE
        owed = Entry(
            account=debit, amount=obligation.amount.amount, currency=obligation.amount.currency, party=obligation.payer,
            scheme=obligation.scheme, period=obligation.period,
        )  # fmt: skip
        entries = [owed]
        entries += [
            replace(owed, account=credit, amount=-each.amount, type_code=each.type_code, rate=each.rate, base=each.base)
            for each in obligation.parts
        ]
        found.append(
            Posting(
                key=f"charge:{version}:{subject}:{obligation.measure_id}{':sale' if obligation.is_at_sale else ''}",
                kind=Kind.CHARGE,
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
        kind=f"{Kind.REVERSAL}: {why}",
        booked_on=on,
        entries=tuple(
            replace(entry, amount=-entry.amount, base=None if entry.base is None else -entry.base)
            for entry in posting.entries
        ),
        reverses=posting.key,
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
        key=f"refund:{subject}:{return_id}", kind=Kind.REFUND, booked_on=on, entries=tuple(entries), subject=subject
    )


def brought_up_to_date(
    standing: Sequence[Posting], wanted: Sequence[Posting], on: date, why: str
) -> tuple[Posting, ...]:
    """What makes the charges of a subject those that are wanted: nothing, or reversals and new postings.

    `standing` are all postings of the subject so far. With a charge goes what
    hangs on it: the deferment that took it over, the guarantee reserved for it.
    A charge made anew that is no more than before keeps both: the goods may have
    gone on the strength of them. What was refunded beyond what is charged from now on is owed again by whom it was refunded to.
    """
    charges = [posting for posting in standing_now(standing) if posting.kind == Kind.CHARGE]
    if sorted(map(_likeness, charges)) == sorted(map(_likeness, wanted)):
        return ()
    hanging = [posting for charge in charges for posting in _taken_with(charge, standing, on, why)]
    recalls = [posting for posting in standing_now(standing) if posting.kind == Kind.RECALLED]
    back = [reversal(posting, on, why) for posting in (*charges, *recalls)]
    kept = [posting for charge in charges for posting in _kept(charge, standing, wanted, on)]
    return (*back, *hanging, *wanted, *kept, *_recalled(standing, wanted, on))


def standing_now(postings: Sequence[Posting]) -> list[Posting]:
    """The postings that no other takes back, and that take none back."""
    taken_back = {posting.reverses for posting in postings if posting.reverses}
    return [posting for posting in postings if posting.key not in taken_back and not posting.reverses]


def reservations(postings: Sequence[Posting]) -> list[Posting]:
    """The reservations that are neither released nor drawn, each with what is left of it: a return may have let go a part."""
    ended = {
        posting.key.split(":", 1)[1] for posting in postings if posting.kind in (Kind.RELEASED, Kind.DRAWN)
    }  # by the key of the charge
    left: dict[tuple[str, str], Decimal] = {}
    for posting in postings:
        for entry in posting.entries:
            if entry.account is Account.GUARANTEE_RESERVED:
                place = (entry.party, entry.scheme)
                left[place] = left.get(place, ZERO) + entry.amount
    found = []
    for posting in postings:
        if (
            posting.kind == Kind.RESERVED
            and posting.key.startswith("reserve:")
            and posting.key.split(":", 1)[1] not in ended
        ):
            reserved = posting.entries[0]
            amount = min(reserved.amount, left[reserved.party, reserved.scheme])
            left[reserved.party, reserved.scheme] -= amount
            if amount > 0:
                entries = (replace(reserved, amount=amount), replace(posting.entries[1], amount=-amount))
                found.append(replace(posting, entries=entries))
    return found


def released(reservation: Posting, on: date) -> Posting:
    """What sets a reservation free again: the debt is paid, or is no more."""
    return replace(
        reservation,
        key=f"release:{reservation.key.split(':', 1)[1]}",
        kind=Kind.RELEASED,
        booked_on=on,
        entries=tuple(replace(entry, amount=-entry.amount) for entry in reservation.entries),
    )


def reserved_for(reservation: Posting) -> str:
    """The key of the charge that a guarantee was reserved for; which time that was stands behind it."""
    return reservation.key.split(":", 1)[1].partition("#")[0]


def generation(standing: Iterable[Posting]) -> int:
    """Which set of charges of a subject comes next, from 1."""
    return 1 + len({posting.key.split(":")[1] for posting in standing if posting.kind == Kind.CHARGE})


def _recalled(standing: Sequence[Posting], wanted: Sequence[Posting], on: date) -> tuple[Posting, ...]:
    """What makes refunds no more than what is charged, type by type, the last refund first; nothing where they are not."""
    refunds = [
        entry
        for posting in standing_now(standing)
        if posting.kind == Kind.REFUND
        for entry in posting.entries
        if entry.account is Account.REVENUE
    ]
    left: dict[tuple[str, str], Decimal] = {}  # by type and currency: refunded beyond what is charged
    for entry in (*refunds, *(each for posting in wanted for each in posting.entries)):
        if entry.account is Account.REVENUE:
            left[entry.type_code, entry.currency] = left.get((entry.type_code, entry.currency), ZERO) + entry.amount
    entries: list[Entry] = []
    for entry in reversed(refunds):
        part = min(entry.amount, left[entry.type_code, entry.currency])
        if part > 0:
            left[entry.type_code, entry.currency] -= part
            entries.append(replace(entry, account=Account.RECEIVABLE, amount=part, type_code=""))
            entries.append(replace(entry, amount=-part))
    if not entries:
        return ()
    subject = wanted[0].subject if wanted else standing[0].subject
    number = 1 + sum(posting.kind == Kind.RECALLED for posting in standing)
    key = f"recall:{number}:{subject}"
    return (Posting(key=key, kind=Kind.RECALLED, booked_on=on, entries=tuple(entries), subject=subject),)


def _taken_with(charge: Posting, standing: Sequence[Posting], on: date, why: str) -> list[Posting]:
    """What must go when a charge is taken back."""
    deferred = [each for each in standing_now(standing) if each.key == f"defer:{charge.key}"]
    reserved = [each for each in reservations(standing) if reserved_for(each) == charge.key]
    return [*(reversal(each, on, why) for each in deferred), *(released(each, on) for each in reserved)]


def _kept(charge: Posting, standing: Sequence[Posting], wanted: Sequence[Posting], on: date) -> list[Posting]:
    """What hangs on a charge, for the one made in its place: owed by the same in the same period, and no more.

    Booked with what takes it from the old one, so that nothing is free in between. A debt taken over stays in the
    month it was taken over.
    """
    anew = next((each for each in wanted if _what(each) == _what(charge) and _is_within(each, charge)), None)
    if anew is None:
        return []
    owed = anew.entries[0]
    found = [
        replace(
            each, key=f"defer:{anew.key}", booked_on=on,
            entries=(
                replace(each.entries[0], amount=owed.amount), replace(owed, amount=-owed.amount, due=anew.due),
            ),
        )
        for each in standing_now(standing)
        if each.key == f"defer:{charge.key}"
    ]  # fmt: skip
    for each in reservations(standing):
        if reserved_for(each) == charge.key:
            reserved, free = each.entries
            amount = min(owed.amount, reserved.amount)
            entries = (replace(reserved, amount=amount), replace(free, amount=-amount))
            found.append(replace(each, key=f"reserve:{anew.key}", booked_on=on, entries=entries))
    return found


def _what(charge: Posting) -> str:
    """What a charge is for, whichever set of charges it is of."""
    return charge.key.split(":", 2)[2]


def _is_within(charge: Posting, other: Posting) -> bool:
    """Whether a charge stands where another one does, and is no more."""
    mine, theirs = charge.entries[0], other.entries[0]
    return replace(mine, amount=ZERO) == replace(theirs, amount=ZERO) and mine.amount <= theirs.amount


def _likeness(posting: Posting) -> tuple[str, ...]:
    """What makes two charges the same but for the day they were booked on."""
    return (
        str(posting.due),
        *(
            f"{each.account}|{_plain(each.amount)}|{each.currency}|{each.party}|{each.scheme}|{each.period}"
            f"|{each.type_code}|{each.rate}|{_plain(each.base)}"
            for each in posting.entries
        ),
    )


def _plain(number: Decimal | None) -> str:
    """The same text for the same number, however many noughts it ends in."""
    return "" if number is None else f"{number.normalize():f}"
