"""Records that speak of earlier declarations: amendments, cancellations, presentations, references used again.

They are decided one after another by whoever writes, because each may change
what the next one finds.
"""

from __future__ import annotations

from collections.abc import Sequence

from msgspec.structs import replace

from tidewaiter.model.claim import Claim
from tidewaiter.model.decision import CAME_TO_NOTHING, NoticeKind, State
from tidewaiter.model.declaration import Declaration, MessageFunction
from tidewaiter.model.parcel import DeclaredBefore
from tidewaiter.regimes import Regime
from tidewaiter.workflow.ahead import Ahead, Lodged, awaited_of, in_stated_order
from tidewaiter.workflow.anew import Anew, held_for, known_of, stated_by
from tidewaiter.workflow.batching import Slice, Tally, Tallying, batch_of, new_entry, now
from tidewaiter.workflow.budgets import Tab
from tidewaiter.workflow.claims import Claims
from tidewaiter.workflow.deciding import (
    Drawing,
    Known,
    Looking,
    LookUps,
    decide_read,
    is_refiled,
    read_piece,
    regime_of,
)
from tidewaiter.workflow.history import Retelling
from tidewaiter.workflow.parcels import Declaring
from tidewaiter.workflow.persons import Persons
from tidewaiter.workflow.pieces import content
from tidewaiter.workflow.ports import Store, Writing
from tidewaiter.workflow.records import (
    REFERENCE_LENGTH_MAX,
    Awaited,
    ChangeOfState,
    Decided,
    Effect,
    Entry,
    KeptClaim,
    Place,
    Prior,
    ReplacedVersion,
)
from tidewaiter.workflow.shelf import Shelf


class Sequel:
    """One slice of such records, decided and written within one transaction."""

    def __init__(self, store: Store, transaction: Writing, part: Slice, shelf: Shelf) -> None:
        self._store = store
        self._transaction = transaction
        self._part = part
        self._shelf = shelf
        self._ids = iter(part.declaration_ids or transaction.declaration_ids(len(part.pieces)))
        self._block_id = transaction.next_block_id()
        self._known: dict[tuple[str, str], Known | None] = {}
        self._waiting: list[Entry] = []
        self._evidence: list[Entry] = []
        self._tallying = Tallying()
        self._persons = Persons(transaction.persons)
        self._claims = Claims(transaction, self._stated_by)
        self._retelling = Retelling(transaction.history, shelf)
        self._look_ups = LookUps(self._persons.standing, self._on_parcel, self._declared_before, self._retelling.facts)
        self._anew = Anew(store, transaction, shelf, self._look_ups)
        self._mine: dict[int, Known] = {}  # what this slice wrote, which nobody else sees yet
        self._claimed: list[tuple[Decided, tuple[Declaration, ...]]] = []  # with what is, and was before, claimed
        self._own: dict[Place, Declaration] = {}  # what the records of this slice say
        self._lodged: dict[str, Entry] = {}  # new declarations by their references, as these are kept
        self._keys: set[int | None] = set()  # of the parcels that are not written yet
        self._changed: list[int] = []  # declarations of before that were, or came to nothing

    def write(self) -> Tally:
        """Decide and write every record; what the receipt says of them."""
        incoming = self._part.incoming
        read = [read_piece(piece, incoming, self._shelf) for piece in self._part.pieces]
        self._look_ahead([each.reading.declaration for each in read if each.reading.declaration is not None])
        tab = Tab(self._part.counted) if self._part.counted is not None else None
        for piece, each in zip(self._part.pieces, read, strict=True):
            facts = self._part.facts(piece.position)
            looking = Looking(self._resolve, self._look_ups, facts, tab)
            decided = decide_read(piece, each, incoming, self._shelf, looking)
            if tab is not None and decided.worked is not None:
                tab.add(decided.worked)
            claimed = self._claimed_by(decided)
            if decided.own is not None:
                self._own[self._place(decided)] = decided.own
            match decided.effect:
                case Effect.NEW:
                    self._add(decided)
                case Effect.VERSION:
                    self._replace(decided)
                case Effect.STATE:
                    self._change(decided)
            if claimed:
                self._claimed.append((decided, claimed))
        self._flush()
        self._append(self._evidence)
        self._carry_out_what_came_ahead()
        self._decide_waiting()
        return self._tallying.tally()

    def _look_ahead(self, said: Sequence[Declaration]) -> None:
        """Look up at once what each of the records would look up by itself."""
        sender_id = self._part.incoming.sender_id
        keys = dict.fromkeys(key for own in said for key in _keys_of(own))
        names = {kind: [value for each, value in keys if each == kind] for kind in ("reference", "number")}
        found = self._transaction.priors(sender_id, names["reference"], names["number"]) if keys else ()
        self._known = dict.fromkeys(keys)
        for prior in found:  # the last one lodged counts
            for key in (("reference", prior.reference), ("number", prior.registered_id)):
                if key in keys:
                    self._known[key] = Known(prior)
        laws = [(own, regime_of(own, self._part.incoming, self._shelf)) for own in said]
        declared = [(own, regime) for own, regime in laws if regime is not None]
        if not any(regime.dataset_of(own).claim is not None for own, regime in declared):
            self._claims.look_ahead(declared)

    # --- what a record speaks of -----------------------------------------------------------------------------

    def _resolve(self, own: Declaration) -> Known | None:
        reference = own.functional_reference_id[:REFERENCE_LENGTH_MAX]
        if own.function is MessageFunction.ORIGINAL:
            known = self._look_up("reference", reference)
            return known if known is None or not self._is_refiled(own, known) else self._without_content(known)
        number = own.registered_id[:REFERENCE_LENGTH_MAX]
        known = self._look_up("number", number) if number else self._look_up("reference", reference)
        if known is None:
            return None
        if own.function is MessageFunction.AMENDMENT and self._is_refiled(own, known):
            return self._without_content(known)
        whole = known if known.original is not None else known_of(self._store, known.prior)
        return in_stated_order(own, whole, self._said) if own.function is MessageFunction.AMENDMENT else whole

    def _is_refiled(self, own: Declaration, known: Known) -> bool:
        return is_refiled(own, known.prior, self._part.incoming, self._shelf)

    def _without_content(self, known: Known) -> Known:
        """What was filed before, without what it says: the record that is filed now takes its place."""
        whole = known if known.drawing is not None else known_of(self._store, known.prior)
        return replace(whole, original=None, sources=(), is_refiled=True)

    def _look_up(self, kind: str, value: str) -> Known | None:
        if not value:
            return None
        key = (kind, value)
        if key not in self._known:
            references, numbers = ([value], []) if kind == "reference" else ([], [value])
            found = self._transaction.priors(self._part.incoming.sender_id, references, numbers)
            self._known[key] = Known(found[-1]) if found else None
        return self._known[key]

    def _remember(self, known: Known) -> None:
        self._mine[known.prior.declaration_id] = known
        for key in (("reference", known.prior.reference), ("number", known.prior.registered_id)):
            if key[1]:
                self._known[key] = known

    # --- what others say of the parcel -----------------------------------------------------------------------

    def _on_parcel(self, declaration: Declaration, regime: Regime) -> tuple[tuple[KeptClaim, Claim], ...]:
        if any(entry.decided.claim is not None for entry in self._waiting):
            self._flush()
        return self._claims.on(declaration, regime)

    def _declared_before(self, declaring: Declaring) -> Sequence[DeclaredBefore]:
        if declaring.parcel_key in self._keys:
            self._flush()
        return self._transaction.declared_before(declaring)

    def _stated_by(self, prior: Prior) -> tuple[tuple[Place, ...], Declaration | None]:
        mine = self._mine.get(prior.declaration_id)
        if mine is not None and mine.original is not None:
            return mine.sources, mine.original
        return stated_by(self._store, prior)

    def _claimed_by(self, decided: Decided) -> tuple[Declaration, ...]:
        """What a claim says now and, where it is changed, said until now: it may have been on another parcel."""
        if decided.claim is None or decided.standing is None or decided.declaration is None or decided.awaits_original:
            return ()
        before = None if decided.prior is None else self._stated_by(decided.prior)[1]
        return (decided.declaration,) if before is None else (decided.declaration, before)

    def _decide_waiting(self) -> None:
        """Decide those anew that the claims of this slice are on, or whose parcel nobody else declares any more.

        Once each, however many claims there are.
        """
        waiting: dict[int, tuple[Prior, str]] = {}
        said = [(claim, each) for claim, claimed in self._claimed for each in claimed]
        for index, prior in self._claims.waiting([(each, _regime(claim)) for claim, each in said]):
            claim = said[index][0]
            waiting.setdefault(prior.declaration_id, (prior, f"{claim.claim} {claim.reference}".strip()))
        waiting |= held_for(self._transaction, [each for each in self._changed if each not in waiting])
        self._anew.decide_on_others(waiting, f"sender {self._part.incoming.sender_id}", self._known_of)

    # --- what came ahead of its declaration ------------------------------------------------------------------

    def _carry_out_what_came_ahead(self) -> None:
        incoming, ahead = self._part.incoming, Ahead(self._transaction, self._anew, self._said)
        waiting: dict[str, list[Awaited]] = {}
        if self._lodged:
            for each in self._transaction.take_awaited(incoming.sender_id, [*self._lodged]):
                waiting.setdefault(each.reference, []).append(each)
        for reference, changes in waiting.items():
            row = self._lodged[reference]
            known = self._mine[row.declaration_id]
            after = ahead.carry_out(changes, Lodged(known, row.decided.evaluation.decision), incoming.received_at)
            if after is not known:
                self._remember(after)
                self._changed.append(row.declaration_id)

    def _said(self, place: Place) -> Declaration | None:
        return self._own.get(place) or content(self._store, (place,))

    def _place(self, decided: Decided) -> Place:
        assert self._part.incoming.message_id is not None
        return Place(self._part.incoming.message_id, decided.position)

    def _known_of(self, prior: Prior) -> Known:
        mine = self._mine.get(prior.declaration_id)
        return mine if mine is not None and mine.original is not None else known_of(self._store, prior)

    # --- what it does ----------------------------------------------------------------------------------------

    def _add(self, decided: Decided) -> None:
        row = replace(new_entry(decided, next(self._ids)), has_evidence=False)
        prior = decided.prior
        if prior is not None and decided.passed:  # an amendment with errors: the declaration it was for stands
            row = replace(row, registered_id=prior.registered_id, is_told=False)
            self._claims.forget()
            self._flush()
            self._transaction.change_state(self._change_of(decided, prior))
        self._waiting.append(row)
        self._note(row)
        if decided.standing is None:
            self._retelling.forget(self._place(decided))
        self._persons.settle(decided, row.declaration_id, decided.evaluation.decision.state, now())
        if decided.awaits_original:
            self._flush()
            incoming = self._part.incoming
            awaited = awaited_of(decided, row.declaration_id, incoming.sender_id, incoming.received_at)
            self._transaction.keep_awaited(awaited)
        elif decided.standing is not None:
            self._remember(self._as_known(row))
            self._keys.add(decided.parcel_key)
            if decided.reference:
                self._lodged[decided.reference.replace("\x00", "")] = row

    def _replace(self, decided: Decided) -> None:
        prior = _prior_of(decided)
        self._claims.forget()
        self._flush()
        at = now()
        self._transaction.replace_version(
            ReplacedVersion(declaration_id=prior.declaration_id, version=prior.version, replaced_at=at)
        )
        block = (self._block_id, len(self._evidence))
        row = Entry(
            decided, prior.declaration_id, prior.version + 1, prior.registered_id, has_evidence=False, block=block
        )
        self._append([row])
        self._transaction.add_transitions(self._change_of(decided, prior))
        self._changed.append(prior.declaration_id)
        self._retelling.restate(decided, prior)
        self._persons.settle(decided, prior.declaration_id, decided.evaluation.decision.state, at)
        self._note(row)
        self._remember(self._as_known(row))

    def _change(self, decided: Decided) -> None:
        prior = _prior_of(decided)
        self._claims.forget()
        self._flush()
        self._transaction.change_state(self._change_of(decided, prior))
        self._changed.append(prior.declaration_id)
        self._note(Entry(decided, prior.declaration_id, prior.version, prior.registered_id))
        assert decided.standing is not None
        state = decided.standing.state or prior.state
        if state in CAME_TO_NOTHING:
            self._retelling.forget(prior.place)
        if decided.touches_counters:
            self._persons.follow(prior.declaration_id, state, now())
        self._remember(Known(replace(prior, state=state, standing=decided.standing)))

    def _note(self, entry: Entry) -> None:
        """Let the entry's evidence follow when the slice is done."""
        self._evidence.append(replace(entry, has_rows=False, has_evidence=True))
        self._tallying.add(entry)

    def _append(self, entries: list[Entry]) -> None:
        self._transaction.append(self._store.encode(batch_of(self._part), entries))

    def _flush(self) -> None:
        """Write the new declarations so far, so that what follows finds them."""
        if self._waiting:
            self._append(self._waiting)
            self._waiting = []
            self._keys.clear()

    def _change_of(self, decided: Decided, prior: Prior) -> ChangeOfState:
        incoming = self._part.incoming
        notices: Sequence[NoticeKind] = decided.evaluation.decision.notices
        return ChangeOfState(
            declaration_id=prior.declaration_id,
            from_state=prior.state,
            passed=decided.passed,
            standing=decided.standing,
            actor=f"sender {incoming.sender_id}",
            words=decided.evaluation.decision.words,
            recorded_at=now(),
            notices=tuple(notices),
            message_id=incoming.message_id,
            position=decided.position,
        )

    def _as_known(self, row: Entry) -> Known:
        decided, incoming = row.decided, self._part.incoming
        standing, prior = decided.standing, decided.prior
        assert standing is not None
        place = self._place(decided)
        is_version = decided.effect is Effect.VERSION and prior is not None
        state = standing.state or State.RECEIVED
        return Known(
            Prior(
                declaration_id=row.declaration_id,
                version=row.version,
                state=state,
                is_arrived=state is not State.RECEIVED,
                legal_day=decided.evaluation.legal_day,
                reference=prior.reference if is_version and prior else decided.reference,
                registered_id=row.registered_id,
                place=prior.place if is_version and prior else place,
                received_at=prior.received_at if is_version and prior else incoming.received_at,
                standing=standing,
            ),
            decided.declaration,
            decided.sources or (place,),
            Drawing(decided.seed, decided.draw_key, decided.facts.spent),
        )


def _keys_of(own: Declaration) -> list[tuple[str, str]]:
    """What the declaration that a record speaks of, or that used its reference before, may be known by."""
    reference, number = own.functional_reference_id[:REFERENCE_LENGTH_MAX], own.registered_id[:REFERENCE_LENGTH_MAX]
    is_numbered = number and own.function is not MessageFunction.ORIGINAL
    return [("number", number)] if is_numbered else [("reference", reference)] if reference else []


def _regime(claim: Decided) -> Regime:
    assert claim.regime is not None
    return claim.regime


def _prior_of(decided: Decided) -> Prior:
    assert decided.prior is not None
    return decided.prior
