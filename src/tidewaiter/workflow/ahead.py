"""Changes that came ahead of the declaration they are for: kept, carried out once it comes, refused when it does not.

Messages overtake one another on their way. An amendment or a withdrawal that names a declaration by its sender's
reference, and finds none, has a number of its own and waits under it. When the declaration comes it is carried out in the
same transaction, as if it had come afterwards; several in the order in which their sender says that they were made.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from datetime import UTC, datetime, timedelta
from functools import reduce
from typing import Final

from msgspec import Struct
from msgspec.structs import replace

from tidewaiter.model.decision import Decision
from tidewaiter.model.declaration import Declaration, MessageFunction
from tidewaiter.model.errors import TransitionError
from tidewaiter.release import Step, Trigger, amended, follow, may
from tidewaiter.workflow.anew import Act, Anew, Happened, change_by
from tidewaiter.workflow.batching import now
from tidewaiter.workflow.deciding import Known
from tidewaiter.workflow.evaluate import passed
from tidewaiter.workflow.persons import Persons
from tidewaiter.workflow.ports import Store, Writing
from tidewaiter.workflow.records import Awaited, Decided, Place, Prior

EXPIRED_AT_ONCE: Final = 500
OURSELVES: Final = "tidewaiter"  # who ends what nobody else does
NEVER_CAME: Final = "The declaration it is for did not come in time."

Read = Callable[[Place], Declaration | None]


class Lodged(Struct, frozen=True):
    """A declaration that came now, and how it was decided."""

    known: Known
    decision: Decision


def awaited_of(decided: Decided, declaration_id: int, sender_id: int, received_at: datetime) -> Awaited:
    """What is kept of a change, to find it when the declaration comes."""
    own = decided.own
    assert own is not None
    stated_at = own.issued_at or received_at
    return Awaited(
        declaration_id=declaration_id,
        sender_id=sender_id,
        reference=decided.reference,
        function=own.function,
        stated_at=stated_at if stated_at.tzinfo else stated_at.replace(tzinfo=UTC),
        waits_until=received_at + timedelta(hours=decided.awaited_hours),
    )


class Ahead(Struct, frozen=True):
    """Carries out what waits for declarations; `read` gives what a record says."""

    transaction: Writing
    anew: Anew
    read: Read

    def carry_out(self, waiting: Iterable[Awaited], lodged: Lodged, received_at: datetime) -> Known:
        """Carry out what waited for a declaration that was received at that moment; what is known of it afterwards."""
        known = lodged.known
        for each in waiting:
            change = self.transaction.prior(each.declaration_id)
            if each.waits_until < received_at:
                end(self.transaction, change, Trigger.REJECTED, NEVER_CAME)
                continue
            try:
                known = self._carried_out(each, change, Lodged(known, lodged.decision))
            except TransitionError as error:
                words = f"Not carried out on declaration {known.prior.declaration_id}: {error.detail}"
                end(self.transaction, change, Trigger.REJECTED, words)
            else:
                words = f"Carried out on declaration {known.prior.declaration_id}."
                end(self.transaction, change, Trigger.APPLIED, words)
        return known

    def _carried_out(self, awaited: Awaited, change: Prior, lodged: Lodged) -> Known:
        """Raises TransitionError where it is not possible; nothing is written then."""
        known, prior = lodged.known, lodged.known.prior
        is_withdrawal = awaited.function is MessageFunction.CANCELLATION
        act = Act(
            declaration_id=prior.declaration_id,
            trigger=Trigger.INVALIDATION_REQUESTED if is_withdrawal else Trigger.AMENDED,
            actor=f"sender {awaited.sender_id}",
            words=f"It came ahead, as {awaited.declaration_id}.",
            legal_day=prior.legal_day,
        )
        if is_withdrawal:
            self._follow(act, prior, follow(prior.standing, act.trigger), change.place)
        elif Trigger.AMENDMENT_GRANTED in may(prior.state):  # an officer answers it
            self._follow(act, prior, follow(prior.standing, act.trigger, lodged.decision), change.place)
        else:
            known = self._in_order(known, change.place)
            self.anew.decide(act, prior, known, now())
        return replace(known, prior=self.transaction.prior(prior.declaration_id))

    def _follow(self, act: Act, prior: Prior, step: Step, place: Place) -> None:
        at = now()
        change = change_by(act, prior, Happened(passed(step), step.standing, step.notices), at)
        self.transaction.change_state(replace(change, message_id=place.message_id, position=place.position))
        Persons(self.transaction.persons).follow(act.declaration_id, step.state, at)

    def _in_order(self, known: Known, place: Place) -> Known:
        """The declaration with one amendment more, each where its sender's own times put it."""
        first, *changes = known.sources
        lodged = self.read(first)
        amendments = [(each, self.read(each)) for each in (*changes, place)]
        if lodged is None or any(stated is None for _, stated in amendments):
            raise TransitionError("what was sent cannot be read any more")
        told = [(each, stated) for each, stated in amendments if stated is not None]
        if all(stated.issued_at is not None for _, stated in told):
            told.sort(key=_issued_at)
        for _, stated in told:
            lodged = amended(lodged, stated)
        return replace(known, original=lodged, sources=(first, *(each for each, _ in told)))


def in_stated_order(own: Declaration, known: Known, read: Read) -> Known:
    """What is known of a declaration that `own` amends, with the amendments apart that were made after it.

    As they came where one of them does not say when it was made.
    """
    if own.issued_at is None or len(known.sources) < 2:
        return known
    told = [(place, read(place)) for place in known.sources]
    stated = [(place, said) for place, said in told if said is not None]
    amendments = stated[1:]
    if len(stated) != len(told) or any(said.issued_at is None for _, said in amendments):
        return known
    count = sum(_issued_at(each) <= _issued_at((known.sources[0], own)) for each in amendments)
    before, later = stated[: count + 1], stated[count + 1 :]
    if not later or sorted(amendments, key=_issued_at) != amendments:
        return known
    original = reduce(amended, (said for _, said in before[1:]), before[0][1])
    return replace(known, original=original, sources=tuple(place for place, _ in before), later=tuple(later))


def _issued_at(told: tuple[Place, Declaration]) -> datetime:
    issued_at = told[1].issued_at
    assert issued_at is not None
    return issued_at if issued_at.tzinfo else issued_at.replace(tzinfo=UTC)


def end(transaction: Writing, change: Prior, trigger: Trigger, words: str) -> None:
    """Write what became of a change that waited."""
    step = follow(change.standing, trigger)
    act = Act(declaration_id=change.declaration_id, trigger=trigger, actor=OURSELVES, words=words)
    transaction.change_state(change_by(act, change, Happened(passed(step), step.standing, step.notices), now()))


def refuse_expired(store: Store, at: datetime | None = None) -> int:
    """Refuse the changes whose declaration did not come in time, some at once; how many there were."""
    at = at or now()
    if not store.is_any_expired(at):  # nobody who writes waits for us
        return 0
    with store.writing() as transaction:
        expired = transaction.take_expired(at, EXPIRED_AT_ONCE)
        for each in expired:
            end(transaction, transaction.prior(each.declaration_id), Trigger.REJECTED, NEVER_CAME)
    return len(expired)
