"""From a record to a decision ready to be written: read, put into its circumstances, evaluated."""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence
from datetime import date, datetime
from decimal import Decimal
from functools import partial, reduce
from typing import Final

from msgspec import Struct
from msgspec.structs import replace

from tidewaiter.messages import forms
from tidewaiter.messages.form import Reading
from tidewaiter.model.canonical import canonical_bytes
from tidewaiter.model.claim import Claim, ClaimKind
from tidewaiter.model.decision import Evaluation
from tidewaiter.model.declaration import Declaration, MessageFunction
from tidewaiter.model.finding import Finding, Severity
from tidewaiter.model.parcel import DeclaredBefore
from tidewaiter.model.standing import NOTHING_KNOWN, PersonalStanding
from tidewaiter.quality import parcel_key
from tidewaiter.regimes import Regime, legal_day_at
from tidewaiter.release import Timing, Trigger, amended, may, timing
from tidewaiter.risk import Chance, Facts, Subject, circle_of, random_share
from tidewaiter.risk.budgets import Spent, work_of
from tidewaiter.risk.facts import NO_FACTS
from tidewaiter.risk.selection.at_once import full_shares
from tidewaiter.workflow.budgets import Tab, Where, Worked, where_of
from tidewaiter.workflow.evaluate import Circumstances, Conclusion, conclude
from tidewaiter.workflow.parcels import Declaring
from tidewaiter.workflow.pieces import Piece
from tidewaiter.workflow.records import Decided, Effect, Incoming, KeptClaim, Place, Prior, Seed
from tidewaiter.workflow.shelf import Law, Shelf

AWAITED_HOURS: Final = 24  # that a change is kept for the declaration it overtook; ours, no law's

_LOG = logging.getLogger(__name__)


class Drawing(Struct, frozen=True):
    """What a declaration's draws are made of. They are made once: no amendment or arrival gives a second chance.

    `spent` is what was counted of the office's day then; a later decision keeps it, so that nothing drawn is let go because
    others came since.
    """

    seed: Seed
    key: str
    spent: Spent | None = None

    @property
    def chance(self) -> Chance:
        """The same, as risk draws by it."""
        return Chance(self.seed.seed, self.seed.seed_id, self.key)


class Known(Struct, frozen=True):
    """What is known of the declaration a record speaks of: how it stands, what it says, which records say so."""

    prior: Prior
    original: Declaration | None = None
    sources: tuple[Place, ...] = ()
    drawing: Drawing | None = None
    is_refiled: bool = False  # the record takes the place of all that was filed before
    later: tuple[tuple[Place, Declaration], ...] = ()  # amendments that came before the record and were made after it


Resolve = Callable[[Declaration], Known | None]


LookUpFacts = Callable[[Declaration, Regime, Prior], Facts]


class LookUps(Struct, frozen=True):
    """What is known beside a declaration: of the persons behind it (its own id, where it was lodged before), of the
    parcel from others, and which other declarations of it stand."""

    persons: Callable[[Declaration, Regime, int | None], PersonalStanding]
    claims: Callable[[Declaration, Regime], tuple[tuple[KeptClaim, Claim], ...]]
    parcels: Callable[[Declaring], Sequence[DeclaredBefore]]
    facts: LookUpFacts | None = None


def decide_piece(piece: Piece, incoming: Incoming, shelf: Shelf) -> Decided:
    """The decision on one record as if it stood alone. A fault of ours becomes a finding on it: those after it go on."""
    return decide_read(piece, read_piece(piece, incoming, shelf), incoming, shelf, Looking())


class Looking(Struct, frozen=True):
    """`resolve` finds the declaration that a record speaks of, `look_ups` what is known beside it; None: nothing is.

    `facts` is what targeting wants to know of a record that lodges a declaration, `tab` what was counted of offices' days.
    """

    resolve: Resolve | None = None
    look_ups: LookUps | None = None
    facts: Facts = NO_FACTS
    tab: Tab | None = None


class Read(Struct, frozen=True):
    """One record as read; `rules_digest` is of the published schemas and rules that it was checked by."""

    reading: Reading
    rules_digest: str = ""
    is_fault: bool = False  # of ours


def read_piece(piece: Piece, incoming: Incoming, shelf: Shelf, *, is_proven: bool = False) -> Read:
    """One record read, and checked by what is published for its form; a fault of ours becomes a finding on it.

    `is_proven`: it was read before, and `forms.proven` said that it can be read again without a look for faults.
    """
    try:
        reading = forms.read_again(piece.form, piece.body) if is_proven else forms.by_name(piece.form).read(piece.body)
        checks = shelf.books.of(piece.form, reading.declaration)
        return Read(reading) if checks is None else Read(checks.checked(reading, piece.body), checks.digest)
    except Exception:
        _log_fault(piece, incoming)
        return Read(Reading(None, (_FAULT,)), is_fault=True)


def decide_read(piece: Piece, read: Read, incoming: Incoming, shelf: Shelf, looking: Looking) -> Decided:
    """The decision on one record that was read. A fault of ours becomes a finding on it."""
    reading, resolve = read.reading, looking.resolve
    try:
        known = resolve(reading.declaration) if resolve is not None and reading.declaration is not None else None
        trigger = Trigger.AMENDED if known is not None and known.is_refiled else trigger_of(reading.declaration)
        look_ups = None if read.is_fault else looking.look_ups
        task = _Task(shelf, known, reading, trigger, look_ups, read.rules_digest, looking.facts, looking.tab)
        return _decided(piece, incoming, task)
    except Exception:
        _log_fault(piece, incoming)
        return _decided(piece, incoming, _Task(shelf, None, Reading(None, (_FAULT,)), None))


def _log_fault(piece: Piece, incoming: Incoming) -> None:
    _LOG.exception("record %s of message %s could not be decided", piece.position, incoming.message_id)


def decide_act(
    known: Known, incoming: Incoming, shelf: Shelf, trigger: Trigger, look_ups: LookUps | None = None
) -> Decided:
    """The decision on a declaration to which something happened that no message tells of."""
    return _decided(Piece(0, DESK, b""), incoming, _Task(shelf, known, Reading(None), trigger, look_ups))


def regime_of(own: Declaration, incoming: Incoming, shelf: Shelf) -> Regime | None:
    """The law that a record is lodged under; None where it is not known."""
    return shelf.law(own.jurisdiction_code, _legal_day(None, None, incoming, own.jurisdiction_code)).regime


def is_refiled(own: Declaration, prior: Prior, incoming: Incoming, shelf: Shelf) -> bool:
    """Whether a record takes the place of the one filed before under its reference, as the law of some filings has it."""
    regime = regime_of(own, incoming, shelf)
    return Trigger.AMENDED in may(prior.state) and regime is not None and regime.dataset_of(own).is_refiled


def trigger_of(own: Declaration | None) -> Trigger | None:
    """What a record asks to happen to a declaration lodged before; None for one that lodges."""
    return None if own is None else TRIGGERS.get(own.function)


class _Task(Struct, frozen=True):
    shelf: Shelf
    known: Known | None
    reading: Reading
    trigger: Trigger | None
    look_ups: LookUps | None = None
    rules_digest: str = ""
    facts: Facts = NO_FACTS
    tab: Tab | None = None


def _decided(piece: Piece, incoming: Incoming, task: _Task) -> Decided:
    own, known, trigger = task.reading.declaration, task.known, task.trigger
    prior = known.prior if known else None
    declaration = as_changed(own, trigger, known.original if known else None, known.later if known else ())
    jurisdiction_code = declaration.jurisdiction_code if declaration is not None else ""
    on = _legal_day(trigger, prior, incoming, jurisdiction_code)
    law = task.shelf.law(jurisdiction_code, on)
    where = _where(declaration, law, incoming) if trigger is None else None
    drawing = _drawing(piece, incoming, known if trigger is not None else None, _spent(where, task))
    looked = _looked_up(declaration, law, incoming, task)
    facts = looked.facts if drawing.spent is None else replace(looked.facts, spent=drawing.spent)
    share = _share(declaration, law, facts)
    circumstances = Circumstances(
        legal_day=on,
        regime=law.regime,
        knowledge=law.knowledge,
        draw=None if share is None else drawing.chance.drawn("", share),
        law_absent=law.absent,
        lodged_at=looked.lodged_at,
        is_arrived=trigger is Trigger.ARRIVED or (prior is not None and prior.is_arrived),
        trigger=trigger,
        prior=prior,
        persons=looked.persons or NOTHING_KNOWN,
        claims=tuple(claim for _, claim in looked.claims or ()),
        declared_before=looked.declared_before,
        awaited_hours=looked.awaited_hours,
        targeting=law.targeting,
        facts=facts,
        chance=drawing.chance,
    )
    conclusion = concluded(piece.form, own, declaration, circumstances, task.reading)
    effect = _effect(conclusion, circumstances)
    return Decided(
        position=piece.position,
        form=piece.form,
        body=piece.body,
        own=own,
        declaration=own if effect is Effect.NEW else declaration,
        notes=task.reading.notes,
        evaluation=conclusion.evaluation,
        evaluation_bytes=canonical_bytes(conclusion.evaluation),
        standing=conclusion.standing,
        effect=effect,
        trigger=trigger,
        jurisdiction_code=jurisdiction_code,
        regime_digest=law.regime.digest if law.regime else "",
        law_absent=law.absent,
        knowledge_digest=law.knowledge.digest if law.knowledge else "",
        seed=drawing.seed,
        draw_key=drawing.key,
        selection_share="" if share is None else f"{share:f}",
        is_arrived=circumstances.is_arrived,
        prior=prior,
        sources=_sources(piece, incoming, task),
        passed=conclusion.passed,
        regime=law.regime,
        persons=looked.persons,
        claims=None if looked.claims is None else tuple(kept for kept, _ in looked.claims),
        claim=_claim(declaration, law.regime),
        rules_digest=task.rules_digest,
        lodged_at=looked.lodged_at,
        touches_counters=looked.persons is not None or _counted_before(jurisdiction_code, prior, task.shelf),
        parcel_key=looked.parcel_key if conclusion.standing is not None else None,
        declared_before=looked.declared_before,
        awaited_hours=looked.awaited_hours,
        facts=facts,
        worked=_worked(where, conclusion.evaluation, circumstances, declaration),
    )


class _Looked(Struct, frozen=True, kw_only=True):
    """What is known beside a declaration. `persons` and `claims` are None where the law of the day wants none."""

    persons: PersonalStanding | None
    claims: tuple[tuple[KeptClaim, Claim], ...] | None
    lodged_at: datetime | None
    awaited_hours: int
    parcel_key: int | None
    declared_before: tuple[DeclaredBefore, ...]
    facts: Facts


def _looked_up(declaration: Declaration | None, law: Law, incoming: Incoming, task: _Task) -> _Looked:
    known, trigger = task.known, task.trigger
    prior = known.prior if known is not None and trigger is not None else None
    parcel = _parcel_key(declaration, law.regime) if trigger is None or known is not None else None
    is_awaiting = trigger is not None and known is None and task.look_ups is not None
    return _Looked(
        persons=_persons(declaration, law.regime, task),
        claims=_claims(declaration, law.regime, task),
        lodged_at=_lodged_at(declaration, law.regime, prior, incoming),
        awaited_hours=AWAITED_HOURS if is_awaiting else 0,
        parcel_key=parcel,
        declared_before=_declared_before(parcel, incoming, task),
        facts=_facts(declaration, law, incoming.sender_id, task),
    )


def _share(declaration: Declaration | None, law: Law, facts: Facts) -> Decimal | None:
    """The share that is drawn for no reason; None where no policy is known."""
    if law.knowledge is None:
        return None
    policy = law.knowledge.policy
    return policy.selection_share if declaration is None else random_share(policy, circle_of(declaration, facts))


def _drawing(piece: Piece, incoming: Incoming, known: Known | None, spent: Spent | None) -> Drawing:
    """That of the declaration which the record changes, where it was drawn before; else its own."""
    before = known.drawing if known is not None else None
    return before or Drawing(incoming.seed, f"{incoming.digest}:{piece.position}", spent)


def _where(declaration: Declaration | None, law: Law, incoming: Incoming) -> Where | None:
    """Whose day's work a declaration is, where the policy has a budget for the office."""
    if declaration is None or law.knowledge is None:
        return None
    has_budget = declaration.lodgement_office_id in law.knowledge.policy.budgets
    return where_of(declaration, incoming.seed.drawn_for) if has_budget else None


def _spent(where: Where | None, task: _Task) -> Spent | None:
    return None if where is None or task.tab is None else task.tab.spent(where)


def _worked(
    where: Where | None, evaluation: Evaluation, circumstances: Circumstances, declaration: Declaration | None
) -> Worked | None:
    """What a declaration that is new counts for in its office's day."""
    judgement, knowledge = evaluation.judgement, circumstances.knowledge
    if where is None or judgement is None or knowledge is None or declaration is None:
        return None
    circle = circle_of(declaration, circumstances.facts)
    return Worked(
        where, work_of(judgement, full_shares(judgement, circumstances.facts.scores, knowledge.policy, circle))
    )


def _facts(declaration: Declaration | None, law: Law, sender_id: int, task: _Task) -> Facts:
    """What is known beside the declaration for targeting: looked up, then scored."""
    if declaration is None or law.regime is None or law.targeting is None or law.targeting.is_empty:
        return NO_FACTS
    facts, known, look_ups = task.facts, task.known, task.look_ups
    if known is not None and task.trigger is not None:  # what is known of the record itself is not of what it changes
        look_up = look_ups.facts if look_ups is not None else None
        facts = look_up(declaration, law.regime, known.prior) if look_up is not None else NO_FACTS
    return law.targeting.scored(Subject(declaration, None, facts, sender_id))


def _parcel_key(declaration: Declaration | None, regime: Regime | None) -> int | None:
    """What its parcel is known by, where duty and tax are worked out on it and its goods are not gone already."""
    if declaration is None or regime is None or not regime.dataset_of(declaration).is_assessed:
        return None
    return None if timing(declaration) is Timing.SUPPLEMENTARY else parcel_key(declaration)


def _declared_before(key: int | None, incoming: Incoming, task: _Task) -> tuple[DeclaredBefore, ...]:
    """The other declarations of the parcel that stand; none is looked for where one is only taken back."""
    if key is None or task.look_ups is None or task.trigger is Trigger.INVALIDATION_REQUESTED:
        return ()
    own = task.known.prior if task.known is not None and task.trigger is not None else None
    declaring = Declaring(
        parcel_key=key,
        sender_id=incoming.sender_id,
        received_at=own.received_at if own else incoming.received_at,
        declaration_id=own.declaration_id if own else None,
    )
    return tuple(task.look_ups.parcels(declaring))


def _persons(declaration: Declaration | None, regime: Regime | None, task: _Task) -> PersonalStanding | None:
    """What is known of the persons; None where the law of the day does not look at them on such a dataset."""
    if declaration is None or regime is None or not regime.looks_at_persons:
        return None
    if not regime.dataset_of(declaration).is_assessed:
        return None
    if task.look_ups is None:
        return NOTHING_KNOWN
    own_id = task.known.prior.declaration_id if task.known is not None and task.trigger is not None else None
    return task.look_ups.persons(declaration, regime, own_id)


def _claims(
    declaration: Declaration | None, regime: Regime | None, task: _Task
) -> tuple[tuple[KeptClaim, Claim], ...] | None:
    """The claims on the parcel; None where the law of the day compares none."""
    if declaration is None or regime is None or not regime.dataset_of(declaration).is_compared:
        return None
    return task.look_ups.claims(declaration, regime) if task.look_ups is not None else ()


def _lodged_at(
    declaration: Declaration | None, regime: Regime | None, prior: Prior | None, incoming: Incoming
) -> datetime | None:
    """When it was first lodged: no amendment makes it late, or starts the clock again. None where the law sets no time."""
    if declaration is None or regime is None or not regime.has_time_limits(regime.dataset_of(declaration)):
        return None
    return prior.received_at if prior is not None else incoming.received_at


def _claim(declaration: Declaration | None, regime: Regime | None) -> ClaimKind | None:
    return None if declaration is None or regime is None else regime.dataset_of(declaration).claim


def _counted_before(jurisdiction_code: str, prior: Prior | None, shelf: Shelf) -> bool:
    """Whether the law by which the declaration was decided before has counters."""
    before = shelf.law(jurisdiction_code, prior.legal_day).regime if prior is not None else None
    return before is not None and bool(before.law.counters)


def concluded(
    form_name: str,
    own: Declaration | None,
    declaration: Declaration | None,
    circumstances: Circumstances,
    reading: Reading,
) -> Conclusion:
    """The conclusion on what was read, with places in the sender's own terms."""
    locate = None if own is None else partial(forms.by_name(form_name).locate, own)
    return conclude(declaration, circumstances, reading.findings, locate)


def as_changed(
    own: Declaration | None,
    trigger: Trigger | None,
    original: Declaration | None,
    later: Sequence[tuple[Place, Declaration]] = (),
) -> Declaration | None:
    """What is to be decided on: the record's own declaration, or the original, with what an amendment changes.

    `later` are amendments that were made after it, though they came before: where both change the same, they hold.
    """
    if original is None or trigger is None:
        return own
    if trigger is not Trigger.AMENDED or own is None:
        return original
    return reduce(amended, (stated for _, stated in later), amended(original, own))


def _sources(piece: Piece, incoming: Incoming, task: _Task) -> tuple[Place, ...]:
    if task.known is None or not task.known.sources or task.trigger is None:
        return ()
    if task.trigger is Trigger.AMENDED and incoming.message_id is not None:
        later = (place for place, _ in task.known.later)
        return (*task.known.sources, Place(incoming.message_id, piece.position), *later)
    return task.known.sources


def _legal_day(trigger: Trigger | None, prior: Prior | None, incoming: Incoming, jurisdiction_code: str) -> date:
    """The day whose law applies: that of acceptance, which a later amendment does not move (UCC, art. 85 and 172).

    By the administration's own clocks, unless a day was given with the message.
    """
    if trigger is not None and prior is not None and prior.is_arrived:
        return prior.legal_day
    return incoming.legal_day if incoming.is_day_given else legal_day_at(jurisdiction_code, incoming.received_at)


def _effect(conclusion: Conclusion, circumstances: Circumstances) -> Effect:
    prior, trigger = circumstances.prior, circumstances.trigger
    if prior is None or trigger is None or conclusion.standing is None:
        return Effect.NEW
    is_asked_only = trigger is Trigger.AMENDED and Trigger.AMENDMENT_GRANTED in may(prior.state)
    return Effect.STATE if is_asked_only or trigger is Trigger.INVALIDATION_REQUESTED else Effect.VERSION


DESK = "desk"  # in the place of a form's name: decided without a message
TRIGGERS = {
    MessageFunction.AMENDMENT: Trigger.AMENDED,
    MessageFunction.CANCELLATION: Trigger.INVALIDATION_REQUESTED,
    MessageFunction.PRESENTATION: Trigger.ARRIVED,
}
_FAULT = Finding(
    "submission.fault",
    Severity.ERROR,
    "",
    "This declaration could not be decided because of a fault in this system, not in your data.",
    hint="Nothing is lost; the fault has been logged. Send the declaration again once it is put right.",
)
