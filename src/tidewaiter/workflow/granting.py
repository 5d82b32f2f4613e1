"""A guarantee or deferment account as it is asked for in words, on the command line or on a page."""

from __future__ import annotations

from datetime import date
from decimal import Decimal
from typing import Final, Literal

from msgspec import Struct

from tidewaiter.regimes.documents import Due
from tidewaiter.revenue.guarantees import Grant, GuaranteeError
from tidewaiter.workflow.paying import draft_of

DAYS: Final = range(1, 32)


class Wanted(Struct, frozen=True, kw_only=True):
    """What is typed. `limit` as "50000.00 GBP", "0 GBP" for nothing; `day` of the next month settles a deferment account."""

    guarantee_id: str
    kind: Literal["guarantee", "deferment"]
    party: str
    jurisdiction: str
    limit: str
    valid_from: date
    valid_to: date | None = None
    day: int = 0
    scheme: str = ""
    words: str = ""


def grant_of(wanted: Wanted) -> Grant:
    """The grant to be entered. Raises GuaranteeError without a day to settle on, BankStatementError for what is no amount."""
    is_deferment = wanted.kind == "deferment"
    if is_deferment and wanted.day not in DAYS:
        raise GuaranteeError("a deferment account needs the day it is settled", hint="a day of the month, as 15")
    limit, currency = _limit(wanted)
    return Grant(
        guarantee_id=wanted.guarantee_id, kind=wanted.kind, party=wanted.party,
        jurisdiction_code=wanted.jurisdiction.upper(), currency=currency, limit=limit, valid_from=wanted.valid_from,
        valid_to=wanted.valid_to, scheme=wanted.scheme, due=Due(months=1, day=wanted.day) if is_deferment else None,
        words=wanted.words,
    )  # fmt: skip


def _limit(wanted: Wanted) -> tuple[Decimal, str]:
    """A guarantee may be brought down to nothing, which no payment can be: what is reserved stays, nothing more is."""
    number, _, currency = wanted.limit.strip().partition(" ")
    if number.strip("0.") == "" and number and currency.strip().isalpha():
        return Decimal(0), currency.strip().upper()
    draft = draft_of(wanted.guarantee_id or "a guarantee", wanted.limit, wanted.party, wanted.valid_from)
    return draft.amount, draft.currency
