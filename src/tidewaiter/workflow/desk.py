"""What officers do with a declaration: goods arrive, are examined, papers and payments come in, requests are answered.

    Desk(store).act(42, Trigger.EXAMINED_SATISFACTORY, actor="officer 7", words="as declared")

What the state allows is release's affair; here it is carried out, told and kept.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import date, datetime
from functools import partial

from msgspec.structs import replace

from tidewaiter.model.decision import CAME_TO_NOTHING, HoldKind, State
from tidewaiter.model.errors import TransitionError
from tidewaiter.release import Trigger, follow, may
from tidewaiter.workflow.anew import Act, Anew, Happened, change_by, held_for, known_of, stated_by
from tidewaiter.workflow.batching import now
from tidewaiter.workflow.claims import Claims
from tidewaiter.workflow.deciding import Known, LookUps
from tidewaiter.workflow.evaluate import passed
from tidewaiter.workflow.history import Retelling
from tidewaiter.workflow.persons import Persons
from tidewaiter.workflow.pieces import content
from tidewaiter.workflow.ports import Store, Writing
from tidewaiter.workflow.records import Prior
from tidewaiter.workflow.shelf import Shelf, shelf_of

WORDS_LENGTH_MAX = 2_000
NOT_FOR_OFFICERS = frozenset(  # what a sender does by a message, or what only a decision does
    {
        Trigger.ANNOUNCED,
        Trigger.ACCEPTED,
        Trigger.REJECTED,
        Trigger.AMENDED,
        Trigger.AMENDMENT_REJECTED,
        Trigger.CLAIMED,
        Trigger.AWAITED,
        Trigger.APPLIED,
    }
)
ENDED = frozenset({State.REFUSED, State.INVALIDATED})
DECIDED_ANEW = frozenset({Trigger.ARRIVED, Trigger.AMENDMENT_GRANTED})


class Desk:
    """Carries out acts; safe in threads."""

    def __init__(self, store: Store, *, clock: Callable[[], datetime] = now) -> None:
        self._store = store
        self._clock = clock
        self._shelf: Shelf | None = None

    def possible(self, state: State) -> Sequence[Trigger]:
        """What an officer may do with a declaration in this state."""
        return [trigger for trigger in may(state) if trigger not in NOT_FOR_OFFICERS]

    def confirm_arrival(self, declaration_id: int, actor: str, words: str = "", *, on: date | None = None) -> State:
        """The goods are there: decided anew by the law of the day they came (this day); the state reached."""
        return self.act(declaration_id, Trigger.ARRIVED, actor, words, on=on)

    def act(
        self, declaration_id: int, trigger: Trigger, actor: str, words: str = "", *, on: date | None = None
    ) -> State:
        """Do it, tell the sender, and keep both; the state reached. `on` is the legal day, this day if not given.

        Raises TransitionError where the state does not allow it, NotFoundError.
        """
        act = Act(
            declaration_id=declaration_id, trigger=Trigger(trigger), actor=actor, words=words[:WORDS_LENGTH_MAX],
            legal_day=on,
        )  # fmt: skip
        with self._store.writing() as transaction:
            return self.carry_out(transaction, act)

    def carry_out(self, transaction: Writing, act: Act) -> State:
        """Do it in a transaction of the caller's, and decide anew what stood on it; the state reached. Raises as `act` does."""
        if act.trigger in NOT_FOR_OFFICERS:
            raise TransitionError(f"{act.trigger.value!r} is not an officer's act")
        prior = transaction.prior(act.declaration_id)
        if act.trigger in DECIDED_ANEW:
            state = self._decide_anew(transaction, act, prior, self._known(transaction, act, prior))
        else:
            state = self._follow(transaction, act, prior)
        waiting = held_for(transaction, [act.declaration_id])
        if state in ENDED:
            waiting |= self._claimed(transaction, prior)
        if waiting:
            self._anew(transaction).decide_on_others(waiting, act.actor, partial(known_of, self._store))
        return state

    def _claimed(self, transaction: Writing, prior: Prior) -> dict[int, tuple[Prior, str]]:
        """The declarations that a claim was on which stands no more, each with words; none where it was no claim."""
        said = known_of(self._store, prior).original
        regime = (
            None if said is None else self._shelf_as_it_stands().law(said.jurisdiction_code, prior.legal_day).regime
        )
        kind = None if said is None or regime is None else regime.dataset_of(said).claim
        if said is None or regime is None or kind is None:
            return {}
        found = Claims(transaction, partial(stated_by, self._store)).waiting([(said, regime)])
        return {each.declaration_id: (each, f"{kind} {prior.reference} stands no more") for _, each in found}

    def _follow(self, transaction: Writing, act: Act, prior: Prior) -> State:
        """An act that changes the state alone, with what persons drew on counters; the state reached."""
        step = follow(prior.standing, act.trigger)
        happened = Happened(passed(step), step.standing, step.notices)
        at = self._clock()
        transaction.change_state(change_by(act, prior, happened, at))
        if step.state in CAME_TO_NOTHING:
            Retelling(transaction.history, self._shelf_as_it_stands()).forget(prior.place)
        Persons(transaction.persons).follow(act.declaration_id, step.state, at)
        return step.state

    def correct(self, declaration_id: int, actor: str, words: str) -> State:
        """Decide anew by the law of the same day as it is known now: an exchange rate or a figure was put right late.

        What was decided stays as the version before. The state reached: that in which it is; goods that are gone are not
        called back. Raises TransitionError where an amendment does the same, or waits for an answer; NotFoundError.
        """
        trigger = Trigger.AMENDMENT_GRANTED
        with self._store.writing() as transaction:
            prior = transaction.prior(declaration_id)
            if trigger not in may(prior.state):
                raise TransitionError(
                    f"a declaration that is {prior.state.value!r} is not corrected so",
                    hint="it is decided anew when the goods arrive, or when the sender amends it",
                )
            if transaction.open_amendment(declaration_id) is not None:
                raise TransitionError("an amendment waits for an answer", hint="grant or refuse it first")
            act = Act(
                declaration_id=declaration_id, trigger=trigger, actor=actor, words=words[:WORDS_LENGTH_MAX],
                legal_day=prior.legal_day,
            )  # fmt: skip
            return self._decide_anew(transaction, act, prior, known_of(self._store, prior))

    def hold_linked(self, declaration_id: int, actor: str, words: str) -> State:
        """Hold what is tied to a seizure: examined now, or decided anew before it arrives; the state reached.

        Decided anew it asks the alarm that is in use. Raises TransitionError where the state allows neither, NotFoundError.
        """
        with self._store.writing() as transaction:
            prior = transaction.prior(declaration_id)
            trigger = Trigger.CLAIMED if prior.state is State.RECEIVED else Trigger.EXAMINATION_ORDERED
            act = Act(
                declaration_id=declaration_id, trigger=trigger, actor=actor, words=words[:WORDS_LENGTH_MAX],
                legal_day=prior.legal_day,
            )  # fmt: skip
            if trigger is Trigger.EXAMINATION_ORDERED:
                return self._follow(transaction, act, prior)
            return self._decide_anew(transaction, act, prior, known_of(self._store, prior))

    def lift_payment_holds(self, lifted: Mapping[tuple[int, int], str], actor: str) -> list[int]:
        """Lift the open payment holds of declarations that are paid or secured in these versions, with words for each.

        Which ones had one: a hold that is not open, a declaration that came to
        nothing or was decided anew meanwhile, is left alone, so that this may
        be done again.
        """
        done: list[int] = []
        if not lifted:
            return done
        with self._store.writing(len(lifted) + 1) as transaction:
            for (declaration_id, version), words in lifted.items():
                prior = transaction.prior(declaration_id)
                trigger = Trigger.PAYMENT_RECEIVED
                is_open = HoldKind.PAYMENT in prior.standing.open_holds and prior.version == version
                if not is_open or trigger not in may(prior.state):
                    continue
                act = Act(declaration_id=declaration_id, trigger=trigger, actor=actor, words=words[:WORDS_LENGTH_MAX])
                self._follow(transaction, act, prior)
                done.append(declaration_id)
        return done

    def _decide_anew(self, transaction: Writing, act: Act, prior: Prior, known: Known) -> State:
        return self._anew(transaction).decide(act, prior, known, self._clock())

    def _anew(self, transaction: Writing) -> Anew:
        claims = Claims(transaction, partial(stated_by, self._store))
        shelf = self._shelf_as_it_stands()
        retelling = Retelling(transaction.history, shelf)
        look_ups = LookUps(
            Persons(transaction.persons).standing, claims.on, transaction.declared_before, retelling.facts
        )
        return Anew(self._store, transaction, shelf, look_ups)

    def _shelf_as_it_stands(self) -> Shelf:
        """Law and lists; those at hand, unless something was changed since: reading is slow."""
        if self._shelf is None or not self._shelf.is_as_in(self._store):
            self._shelf = shelf_of(self._store)
        return self._shelf

    def _known(self, transaction: Writing, act: Act, prior: Prior) -> Known:
        known = known_of(self._store, prior)
        if act.trigger is not Trigger.AMENDMENT_GRANTED:
            return known
        asked = transaction.open_amendment(act.declaration_id)
        if asked is None:
            raise TransitionError("no amendment waits for an answer", hint="look at the declaration again")
        sources = (*known.sources, asked)
        return replace(known, original=content(self._store, sources), sources=sources)
