"""A declaration decided anew because of something that no message of its own tells: an officer's act, a claim."""

from __future__ import annotations

import secrets
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from datetime import date, datetime

from msgspec import Struct

from tidewaiter.model.decision import Evaluation, NoticeKind, State
from tidewaiter.model.declaration import Declaration
from tidewaiter.model.errors import TransitionError
from tidewaiter.release import Standing, Trigger, may
from tidewaiter.workflow.batching import Slice, batch_of, now
from tidewaiter.workflow.deciding import Drawing, Known, LookUps, decide_act
from tidewaiter.workflow.history import Retelling
from tidewaiter.workflow.persons import Persons
from tidewaiter.workflow.pieces import content, sources_of
from tidewaiter.workflow.ports import Store, Writing
from tidewaiter.workflow.records import ChangeOfState, Entry, Incoming, Kept, Place, Prior, ReplacedVersion
from tidewaiter.workflow.shelf import Shelf

NO_LONGER = "the other declaration of the parcel no longer stands"


class Act(Struct, frozen=True, kw_only=True):
    """Something done with one declaration, by whom, and their words."""

    declaration_id: int
    trigger: Trigger
    actor: str
    words: str = ""
    legal_day: date | None = None  # None: the day on which it is done, where the law is made


class Happened(Struct, frozen=True):
    """The triggers and states passed, where the declaration stands now, and what the sender is told."""

    passed: tuple[tuple[str, State], ...]
    standing: Standing
    notices: tuple[NoticeKind, ...] = ()


class Anew(Struct, frozen=True):
    """What deciding anew needs: the store, the writer's transaction, law and lists, what is known of others."""

    store: Store
    transaction: Writing
    shelf: Shelf
    look_ups: LookUps

    def decide(self, act: Act, prior: Prior, known: Known, at: datetime) -> State:
        """Decide, keep the new version, tell the sender; the state reached.

        Raises TransitionError where the state does not allow it, or as it now is it would be rejected.
        """
        transaction = self.transaction
        incoming = Incoming(
            message_id=None,
            sender_id=transaction.sender_of(act.declaration_id),
            digest=f"declaration {act.declaration_id}, version {prior.version + 1}",
            received_at=at,
            legal_day=act.legal_day or at.date(),
            is_day_given=act.legal_day is not None,
            seed=self.store.seed(at.date(), secrets.token_bytes(32)),
        )
        decided = decide_act(known, incoming, self.shelf, act.trigger, self.look_ups)
        if decided.standing is None:
            raise _not_possible(act.trigger, decided.evaluation)
        transaction.replace_version(
            ReplacedVersion(declaration_id=prior.declaration_id, version=prior.version, replaced_at=at)
        )
        block = (transaction.next_block_id(), 0)
        entry = Entry(decided, prior.declaration_id, prior.version + 1, prior.registered_id, block=block)
        transaction.append(self.store.encode(batch_of(Slice(incoming=incoming, pieces=())), [entry]))
        transaction.add_transitions(change_by(act, prior, Happened(decided.passed, decided.standing), at))
        state = decided.passed[-1][1]
        Retelling(transaction.history, self.shelf).restate(decided, prior)
        Persons(transaction.persons).settle(decided, act.declaration_id, state, at)
        return state

    def decide_on_others(
        self, waiting: Mapping[int, tuple[Prior, str]], actor: str, known: Callable[[Prior], Known]
    ) -> None:
        """Decide those anew that wait because of what others told of their parcel: each with words for why now.

        What its state does not allow any more, and what would be rejected as it
        now is, stays as it was.
        """
        for prior, words in waiting.values():
            if Trigger.CLAIMED not in may(prior.state):
                continue
            act = Act(
                declaration_id=prior.declaration_id,
                trigger=Trigger.CLAIMED,
                actor=actor,
                words=words,
                legal_day=prior.legal_day,
            )
            with suppress(TransitionError):
                self.decide(act, prior, known(prior), now())


def held_for(transaction: Writing, declaration_ids: Sequence[int]) -> dict[int, tuple[Prior, str]]:
    """Who waits no longer for these, which came to nothing or declare another parcel now, as `decide_on_others` takes it.

    The last to be held stands first: decided before the others, it is held for
    the first of them, and that one is free.
    """
    held = transaction.held_for(declaration_ids) if declaration_ids else ()
    return {prior.declaration_id: (prior, NO_LONGER) for prior in sorted(held, key=_newest_first)}


def _newest_first(prior: Prior) -> int:
    return -prior.declaration_id


def known_of(store: Store, prior: Prior) -> Known:
    """What evidence and messages say of a declaration, the first of its versions to the latest."""
    kept = store.kept(prior.declaration_id, prior.version)
    sources = sources_of(kept)
    return Known(prior, content(store, sources), sources, _drawing_of(store, kept))


def _drawing_of(store: Store, kept: Kept) -> Drawing:
    return Drawing(store.seed_by_id(kept.seed_id), kept.draw_key, kept.facts.spent)


def stated_by(store: Store, prior: Prior) -> tuple[tuple[Place, ...], Declaration | None]:
    """The records a declaration is made of, and what they say; None where they cannot be read any more."""
    is_as_lodged = prior.version == 1  # what it says is then its own record
    sources = (prior.place,) if is_as_lodged else sources_of(store.kept(prior.declaration_id, prior.version))
    return sources, content(store, sources)


def change_by(act: Act, prior: Prior, happened: Happened, at: datetime) -> ChangeOfState:
    """The change of state that an act is kept as."""
    return ChangeOfState(
        declaration_id=act.declaration_id,
        from_state=prior.state,
        passed=happened.passed,
        standing=happened.standing,
        actor=act.actor,
        words=act.words,
        recorded_at=at,
        notices=happened.notices,
    )


def _not_possible(trigger: Trigger, evaluation: Evaluation) -> TransitionError:
    first = next(iter(evaluation.findings), None)
    words = first.words if first else evaluation.decision.words
    if trigger is Trigger.AMENDMENT_GRANTED:
        return TransitionError(f"as amended it would be rejected: {words}", hint="refuse the request")
    return TransitionError(words, hint=first.hint if first else "")
