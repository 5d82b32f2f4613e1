"""What a decided return books: revenue is lessened by type, and a debt, money or a guarantee gives it back."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date
from decimal import Decimal

from tidewaiter.revenue.giving_back import ChargeAccount, Security, Settled
from tidewaiter.revenue.postings import Account, Entry, Posting
from tidewaiter.revenue.returns import RefundDecision

ZERO = Decimal(0)

Place = tuple[str, str, str]  # party, scheme, period


def refund_postings(subject: str, return_id: str, on: date, decision: RefundDecision) -> tuple[Posting, ...]:
    """The refund of one return on one import as one posting, and the release of what secured it as another."""
    refund: list[Entry] = []
    release: list[Entry] = []
    currency = decision.currency
    for each in decision.settled:
        refund += [_entry(each, Account.REVENUE, amount, currency, code) for code, amount in each.amounts.items()]
        if each.remitted:
            refund.append(_entry(each, Account.RECEIVABLE, -each.remitted, currency))
        if each.paid_out:
            refund.append(_entry(each, Account.REFUND, -each.paid_out, currency))
    for security in decision.released:
        release.append(_entry(security, Account.GUARANTEE_FREE, security.amount, currency))
        release.append(_entry(security, Account.GUARANTEE_RESERVED, -security.amount, currency))
    found = [("refund", "refund", refund), ("guarantee:return", "guarantee release", release)]
    return tuple(
        Posting(key=f"{key}:{subject}:{return_id}", kind=kind, booked_on=on, entries=tuple(entries), subject=subject)
        for key, kind, entries in found
        if entries
    )


def charge_accounts(of_subject: Sequence[Posting], owed: Mapping[Place, Decimal]) -> tuple[ChargeAccount, ...]:
    """What the books have of an import's charges, by account; `owed` is what each account as a whole still owes."""
    charged: dict[Place, dict[str, Decimal]] = {}
    for posting in of_subject:
        for entry in posting.entries:
            if entry.account is Account.REVENUE:
                by_type = charged.setdefault((entry.party, entry.scheme, entry.period), {})
                by_type[entry.type_code] = by_type.get(entry.type_code, ZERO) - entry.amount
    return tuple(
        ChargeAccount(
            party=place[0], scheme=place[1], period=place[2], owed=max(owed.get(place, ZERO), ZERO),
            amounts={code: amount for code, amount in by_type.items() if amount > 0},
        )
        for place, by_type in charged.items()
        if any(amount > 0 for amount in by_type.values())
    )  # fmt: skip


def securities(of_subject: Sequence[Posting]) -> tuple[Security, ...]:
    """What of guarantees is reserved for an import."""
    reserved: dict[Place, Decimal] = {}
    for posting in of_subject:
        for entry in posting.entries:
            if entry.account is Account.GUARANTEE_RESERVED:
                place = (entry.party, entry.scheme, entry.period)
                reserved[place] = reserved.get(place, ZERO) + entry.amount
    return tuple(
        Security(party=place[0], scheme=place[1], period=place[2], amount=amount)
        for place, amount in reserved.items()
        if amount > 0
    )


def _entry(where: Settled | Security, account: Account, amount: Decimal, currency: str, type_code: str = "") -> Entry:
    return Entry(
        account=account, amount=amount, currency=currency, party=where.party, scheme=where.scheme, period=where.period,
        type_code=type_code,
    )  # fmt: skip
