"""Why a held parcel is not released by the guarantee it names, as far as it is known now.

The decision knows no balance, so this is no part of it: it is worked out when somebody looks, from the guarantees as they stand.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import date
from typing import Protocol

from tidewaiter.revenue.guarantees import Cover, chosen, may_be_secured, not_granted, taken
from tidewaiter.revenue.obligations import Obligation
from tidewaiter.workflow.accounting import owed
from tidewaiter.workflow.evidence import Reader
from tidewaiter.workflow.ports import Store


class Guarantees(Protocol):
    """What is asked of the guarantees."""

    def of(self, parties: Sequence[str]) -> list[Cover]:
        """The guarantees of these parties as they stand."""

    def named(self, guarantee_ids: Sequence[str]) -> list[Cover]:
        """Those of these guarantees that there are, as they stand."""


def why_uncovered(store: Store, guarantees: Guarantees, declaration_id: int, version: int) -> tuple[str, ...]:
    """One sentence for each guarantee or account that a declaration names, why it does not cover what is owed.

    Asked of a declaration whose hold for payment is open. Empty where it names none, or is covered and about to be let go.
    """
    posted = Reader(store).again(declaration_id, version)
    if posted is None or not posted.is_held or not posted.named:
        return ()
    obligations = [each for each in owed(posted.happening) if may_be_secured(each)]
    numbers = [each.security_id for each in posted.named if each.security_id]
    return tuple(dict.fromkeys(objections(obligations, numbers, posted.happening.on, guarantees)))


def objections(
    obligations: Sequence[Obligation], numbers: Sequence[str], on: date, guarantees: Guarantees
) -> Iterator[str]:
    """Why obligations are not covered on a day, where guarantees of these numbers are named for them.

    Each takes what covers it, as when it is secured: what is left is for the next.
    """
    parties = list(dict.fromkeys(party for each in obligations for party in each.sureties))
    free = {cover.grant.guarantee_id: cover for cover in guarantees.of(parties)}
    others = {cover.grant.guarantee_id: cover for cover in guarantees.named(numbers)}
    for obligation in obligations:
        if cover := chosen(obligation, free.values(), on, numbers):
            free[cover.grant.guarantee_id] = taken(cover, obligation)
            continue
        for number in numbers:
            named = free.get(number) or others.get(number)
            yield named.objection(obligation, on) if named else not_granted(number, obligation)
        if not numbers:
            who = " or ".join(obligation.sureties) or "who owes it"
            yield f"No guarantee or account is granted to {who} that has {obligation.amount} free on {on}."
