"""Alternatives that operators elect: proposed by one, approved by another, and held for as long as the law says.

Between alternatives that the law offers (a flat amount for each parcel or a share
of its value, say) an operator elects one for all parcels. What is elected is in
force from its day on, until another option begins; that cannot be before the
first has been held for the law's minimum of days.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta

from msgspec.structs import replace

from tidewaiter.model.errors import ConflictError, NotFoundError
from tidewaiter.model.words import plain
from tidewaiter.regimes import legal_day_at, load_regime
from tidewaiter.regimes.law import Election as LawOfElection
from tidewaiter.regimes.report import Offer, offers
from tidewaiter.workflow.batching import now
from tidewaiter.workflow.ports import Registry, Store
from tidewaiter.workflow.records import Answer, Election, Proposal


class Elections:
    """The registry at work: what may be elected, and when. Safe in threads."""

    def __init__(self, store: Store, *, clock: Callable[[], datetime] = now) -> None:
        self._store = store
        self._clock = clock

    def all(self) -> list[Election]:
        """Every proposal with what became of it, the newest first."""
        with self._store.writing() as transaction:
            return list(transaction.elections.elections())

    def offered(self) -> list[Offer]:
        """What the law offers from today on, wherever it is modelled."""
        moment = self._clock()
        return [
            each
            for each in offers()
            if each.ended_on is None or each.ended_on > legal_day_at(each.jurisdiction_code, moment)
        ]

    def propose(self, proposal: Proposal) -> Election:
        """Keep a proposal that the law allows. Raises ConflictError, NotFoundError, NotInForceError."""
        proposal = replace(proposal, operator_id=plain(proposal.operator_id))
        if not proposal.operator_id:
            raise NotFoundError("no operator is named", hint="give the number under which they are registered")
        with self._store.writing() as transaction:
            registry = transaction.elections
            self._refuse_early(proposal, registry)
            return registry.propose(proposal, self._clock())

    def answer(self, election_id: int, *, is_approved: bool, by: str) -> Election:
        """Approve or refuse a proposal, by another than who made it. Raises ConflictError, NotFoundError."""
        with self._store.writing() as transaction:
            registry = transaction.elections
            election = registry.election(election_id)
            if is_approved:
                self._refuse_early(election, registry)
            registry.answer(Answer(election_id=election_id, is_approved=is_approved, by=by, at=self._clock()))
            return registry.election(election_id)

    def _refuse_early(self, wanted: Proposal | Election, registry: Registry) -> None:
        """Raises ConflictError for a day that is past, or on which the option before must still be held."""
        law, minimum = _law(wanted)
        if wanted.option not in law.options:
            raise NotFoundError(
                f"{wanted.option[:40]!r} is no option of {wanted.measure_id}", hint=f"options: {', '.join(law.options)}"
            )
        if wanted.starts_on < legal_day_at(wanted.jurisdiction_code, self._clock()):
            raise ConflictError(
                f"{wanted.starts_on} is past: what was decided by then stands", hint="name a day to come"
            )
        others = registry.elections_of(wanted.jurisdiction_code, wanted.measure_id, wanted.operator_id)
        for other in others:
            days = abs((other.starts_on - wanted.starts_on).days)
            if other.is_approved and other.option != wanted.option and days < minimum:
                raise ConflictError(
                    f"{other.option!r} was elected from {other.starts_on} on and holds for {minimum} days",
                    hint=f"possible from {other.starts_on + timedelta(minimum)} on",
                )


def _law(wanted: Proposal | Election) -> tuple[LawOfElection, int]:
    """The alternatives as the law offers them on the day wanted, and for how many days one is held."""
    regime = load_regime(wanted.jurisdiction_code, wanted.starts_on)
    law = regime.law.elections.get(wanted.measure_id)
    if law is None:
        known = ", ".join(regime.law.elections)
        why = regime.law.ended.get(wanted.measure_id, "")
        raise NotFoundError(
            f"the law of {wanted.jurisdiction_code} on {wanted.starts_on} has no election {wanted.measure_id[:60]!r}"
            + (f": {why}" if why else ""),
            hint=f"it offers: {known}" if known else "it leaves nothing to elect on that day",
        )
    return law, int(regime.figure(law.minimum_days).value)
