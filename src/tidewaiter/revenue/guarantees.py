"""Guarantees and deferment accounts: what an operator was granted, and how a charge is secured by it.

A guarantee stands for a debt that stays its payer's. A deferment account takes the debt over: its holder then owes it, with
all others of the month, on the day the authorisation says (the WCO's model of the principal's account). Both have a limit,
and neither covers more than is free: the database refuses what would overdraw it.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import date
from decimal import Decimal
from typing import Literal

from msgspec import Struct
from msgspec.structs import replace

from tidewaiter.model.errors import TidewaiterError
from tidewaiter.regimes.documents import Due
from tidewaiter.revenue.due import due_on, period_of
from tidewaiter.revenue.obligations import Obligation, scheme_of
from tidewaiter.revenue.postings import Account, Entry, Kind, Posting

NAME_LENGTH_MAX = 60


class GuaranteeError(TidewaiterError):
    """A guarantee that cannot be granted as it is asked for, or does not cover what it should."""

    code = "accounts.guarantee"


class Grant(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What is granted, or changed from then on: one guarantee as it shall stand.

    `scheme` is the account of the law it is for, "" for every one. `due` is when
    a deferment account is settled. Ended is what is valid no more: `valid_to`.
    """

    guarantee_id: str
    kind: Literal["guarantee", "deferment"]
    party: str
    jurisdiction_code: str
    currency: str
    limit: Decimal
    valid_from: date
    valid_to: date | None = None
    scheme: str = ""
    due: Due | None = None
    words: str = ""

    def problem(self) -> str:
        """Why it cannot be granted so, in words; "" where it can."""
        if not self.guarantee_id or len(self.guarantee_id) > NAME_LENGTH_MAX or not self.guarantee_id.isprintable():
            return f"a guarantee is named by up to {NAME_LENGTH_MAX} characters"
        if not self.party:
            return "it is not said whose it is"
        if not self.limit.is_finite() or self.limit < 0:
            return f"{self.limit} is no limit"
        if self.valid_to is not None and self.valid_to < self.valid_from:
            return f"it ends on {self.valid_to}, before it begins on {self.valid_from}"
        if self.kind == "deferment" and self.due is None:
            return "a deferment account needs the day it is settled"
        return ""


class Waiting(Struct, frozen=True, kw_only=True):
    """A declaration in one version that is held for payment and that nothing secures yet.

    `parties` may secure it; `least` is the smallest amount that is to be secured, in the currency it is owed in.
    """

    declaration_id: int
    version: int
    parties: tuple[str, ...]
    least: Decimal


class Cover(Struct, frozen=True, kw_only=True):
    """A guarantee as it stands: what was granted, and how much of it is taken."""

    grant: Grant
    reserved: Decimal
    drawn: Decimal

    @property
    def free(self) -> Decimal:
        """What may still be reserved; below zero where the limit was lowered under what was reserved before."""
        return self.grant.limit - self.reserved - self.drawn

    def objection(self, obligation: Obligation, on: date) -> str:
        """Why it does not cover an obligation that may be secured, on a day, in words for who named it; "" where it does.

        One that is another party's is told like one that is not there, and what is free is not told: neither is the
        business of whoever guesses numbers.
        """
        grant = self.grant
        owed = obligation.amount
        if grant.party not in obligation.sureties:
            return not_granted(grant.guarantee_id, obligation)
        if grant.jurisdiction_code != obligation.jurisdiction_code:
            why = f"is for {grant.jurisdiction_code} alone, not for {obligation.jurisdiction_code}"
        elif grant.currency != owed.currency:
            why = f"is in {grant.currency}, and {owed} is owed"
        elif grant.scheme not in ("", obligation.account):
            why = f"is for {grant.scheme} alone, not for {obligation.account}"
        elif on < grant.valid_from:
            why = f"is in force from {grant.valid_from}, not yet on {on}"
        elif grant.valid_to is not None and on > grant.valid_to:
            why = f"was in force until {grant.valid_to}, no longer on {on}"
        elif self.free < owed.amount:
            why = f"does not have {owed} free"
        else:
            return ""
        return f"{grant.guarantee_id} {why}."


def may_be_secured(obligation: Obligation) -> bool:
    """True where a guarantee may stand for it, or a deferment account take it over."""
    return obligation.is_guaranteed and not obligation.is_at_sale and obligation.amount.amount > 0


def not_granted(guarantee_id: str, obligation: Obligation) -> str:
    """That no guarantee of this number is granted to anybody who may secure an obligation, in words."""
    return f"No guarantee {guarantee_id} is granted to {' or '.join(obligation.sureties) or 'who owes it'}."


def chosen(obligation: Obligation, covers: Iterable[Cover], on: date, named: Sequence[str] = ()) -> Cover | None:
    """The guarantee that secures an obligation: one the declaration names, else the payer's own, else a surety's.

    None where none has enough free.
    """
    if not may_be_secured(obligation):
        return None
    able = [each for each in covers if not each.objection(obligation, on)]

    def rank(cover: Cover) -> tuple[bool, int, str]:
        grant = cover.grant
        return (grant.guarantee_id not in named, obligation.sureties.index(grant.party), grant.guarantee_id)

    return min(able, key=rank, default=None)


def account_of(grant: Grant) -> str:
    """The scheme under which a deferment account owes what it took over."""
    return scheme_of(grant.jurisdiction_code, f"deferment {grant.guarantee_id}")


def taken(cover: Cover, obligation: Obligation) -> Cover:
    """The guarantee once it secures an obligation as well."""
    return replace(cover, reserved=cover.reserved + obligation.amount.amount)


def secured(charge: Posting, cover: Cover, on: date, *, time: int = 1) -> tuple[Posting, ...]:
    """The postings that secure a charge: with a deferment account the debt taken over, and last a reservation.

    `time` counts the reservations for one charge: what is paid is released, and owed again where the bank takes the
    payment back.
    """
    owed = next(entry for entry in charge.entries if entry.account is Account.RECEIVABLE)
    grant = cover.grant
    where = Entry(
        account=Account.GUARANTEE_RESERVED, amount=owed.amount, currency=owed.currency, party=grant.party,
        scheme=grant.guarantee_id,
    )  # fmt: skip
    reserve = Posting(
        key=f"reserve:{charge.key}{f'#{time}' if time > 1 else ''}",
        kind=Kind.RESERVED,
        booked_on=on,
        entries=(where, replace(where, account=Account.GUARANTEE_FREE, amount=-owed.amount)),
        subject=charge.subject,
    )
    if grant.due is None:
        return (reserve,)
    taken_over = replace(
        owed,
        party=grant.party,
        scheme=account_of(grant),
        period=period_of(grant.due, charge.booked_on),
    )
    deferred = Posting(
        key=f"defer:{charge.key}",
        kind=Kind.DEFERRED,
        booked_on=on,
        entries=(taken_over, replace(owed, amount=-owed.amount, due=charge.due)),
        subject=charge.subject,
        due=due_on(grant.due, charge.booked_on),
    )
    return (deferred, reserve)


def drawn(reservation: Posting, debt: Entry, on: date) -> Posting:
    """The guarantee pays a debt that was not paid in time: the guarantor owes it from now on.

    `debt` is the receivable that the reservation stands for.
    """
    amount = reservation.entries[0].amount
    reserved = reservation.entries[0]
    return Posting(
        key=f"draw:{reservation.key.split(':', 1)[1]}",
        kind=Kind.DRAWN,
        booked_on=on,
        subject=reservation.subject,
        entries=(
            replace(reserved, account=Account.GUARANTOR),
            replace(debt, amount=-amount, type_code="", base=None),
            replace(reserved, account=Account.GUARANTEE_DRAWN),
            replace(reserved, amount=-amount),
        ),
    )
