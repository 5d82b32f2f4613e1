"""What guarantees secure: planned for one declaration, and drawn where a debt is overdue."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import AbstractContextManager
from datetime import date
from typing import Protocol

from tidewaiter.revenue.guarantees import Cover, Waiting, account_of, chosen, drawn, may_be_secured, secured, taken
from tidewaiter.revenue.payments import Debt
from tidewaiter.revenue.postings import Account, Entry, Kind, Posting, reservations, reserved_for, standing_now
from tidewaiter.workflow.accounting import owed
from tidewaiter.workflow.evidence import Posted


class Books(Protocol):
    """What drawing needs of the accounts."""

    def alone(self, lock: int, *, waits: bool = True) -> AbstractContextManager[bool]:
        """Hold a lock of the books."""

    def open_debts(self, party: str = "") -> list[Debt]:
        """Debts not yet paid, of one party or all."""

    def subjects_of(self, debt: Debt) -> list[str]:
        """The declarations charged on one account for one period that are secured or may wait for payment."""

    def of_subjects(self, subjects: Sequence[str]) -> Mapping[str, Sequence[Posting]]:
        """The postings on each of these subjects, in order."""

    def debts_of(self, subject: str) -> list[Debt]:
        """What is open on one subject."""

    def post(self, postings: Sequence[Posting]) -> int:
        """Write postings that are not there yet; how many were."""


def planned(
    decided: Posted, standing: Sequence[Posting], covers: Mapping[str, Cover]
) -> tuple[list[Posting], str, dict[str, Cover]]:
    """The reservations that secure all one declaration owes at the border, in words what secures it, and what is then free.

    No reservations and no words where something cannot be secured.
    """
    charges = {
        posting.key.rpartition(":")[2]: posting
        for posting in standing_now(standing)
        if posting.kind == Kind.CHARGE and posting.entries[0].account is Account.RECEIVABLE
    }
    held = {reserved_for(posting): posting for posting in reservations(standing)}
    named = [each.security_id for each in decided.named if each.security_id]
    wanted: list[Posting] = []
    names: list[str] = []
    free = dict(covers)
    for obligation in owed(decided.happening):
        charge = charges.get(obligation.measure_id)
        if obligation.is_at_sale or not obligation.amount.amount or charge is None:
            continue
        if reserved := held.get(charge.key):
            names.append(reserved.entries[0].scheme)
            continue
        before = [each for each in standing if each.kind == Kind.RESERVED and reserved_for(each) == charge.key]
        deferred = next((each for each in standing_now(standing) if each.key == f"defer:{charge.key}"), None)
        # A debt that was taken over stays with the account that took it.
        able = [
            each for each in free.values() if deferred is None or account_of(each.grant) == deferred.entries[0].scheme
        ]
        cover = chosen(obligation, able, decided.happening.on, named)
        if cover is None:
            return [], "", free
        free[cover.grant.guarantee_id] = taken(cover, obligation)
        made = secured(charge, cover, decided.happening.on, time=len(before) + 1)
        wanted += made if deferred is None else made[-1:]
        names.append(cover.grant.guarantee_id)
    return wanted, f"secured by {' and '.join(dict.fromkeys(names))}" if names else "", free


def waiting_of(held: Posted) -> Waiting | None:
    """A held declaration as it waits for a guarantee; None where none may secure it."""
    found = [each for each in owed(held.happening) if may_be_secured(each)]
    parties = tuple(dict.fromkeys(party for each in found for party in each.sureties))
    if not parties:
        return None
    return Waiting(
        declaration_id=held.declaration_id,
        version=held.version,
        parties=parties,
        least=min(each.amount.amount for each in found),
    )


def concerned(decided: Sequence[Posted], covers: Mapping[str, Cover]) -> list[Posted]:
    """Those on which somebody who has a guarantee owes something, or may secure it."""
    holders = {cover.grant.party for cover in covers.values()}
    return [
        each
        for each in decided
        if any(not holders.isdisjoint(obligation.sureties) for obligation in owed(each.happening))
    ]


def draw_overdue(books: Books, on: date, lock: int, party: str = "") -> list[Posting]:
    """Draw the guarantees that stand for debts overdue on a day, of one party or all: the guarantor owes them from now on.

    `lock` is the books' lock: whoever else keeps them is waited for.
    """
    with books.alone(lock):
        postings = [each for debt in books.open_debts(party) for each in _drawn(books, debt, on)]
        unique = list({posting.key: posting for posting in postings}.values())
        books.post(unique)
    return unique


def _drawn(books: Books, debt: Debt, on: date) -> Iterator[Posting]:
    """The guarantees that stand for one debt, drawn where it is overdue on a day."""
    if debt.due is None or debt.due >= on:
        return
    for subject, standing in books.of_subjects(books.subjects_of(debt)).items():
        is_open = {(each.party, each.scheme, each.period) for each in books.debts_of(subject)}
        for reservation in reservations(standing):
            stands_for = _debt_of(reservation, standing)
            if stands_for is not None and stands_for[1] is not None and stands_for[1] < on:
                entry = stands_for[0]
                if (entry.party, entry.scheme, entry.period) in is_open:
                    yield drawn(reservation, entry, on)


def _debt_of(reservation: Posting, standing: Sequence[Posting]) -> tuple[Entry, date | None] | None:
    """The receivable a reservation stands for, and when it is due: of the deferment, else of the charge."""
    charge_key = reserved_for(reservation)
    for key in (f"defer:{charge_key}", charge_key):
        for posting in standing_now(standing):
            if posting.key == key:
                return next(each for each in posting.entries if each.account is Account.RECEIVABLE), posting.due
    return None
