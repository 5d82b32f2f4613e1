"""From a record to a decision ready to be written: read, put into its circumstances, evaluated."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Mapping, Sequence
from datetime import date, datetime
from functools import partial, reduce
from typing import Final

import msgspec
from msgspec import Struct

from tidewaiter.messages import forms
from tidewaiter.messages.form import Reading
from tidewaiter.model.canonical import canonical_bytes
from tidewaiter.model.claim import Claim, ClaimKind
from tidewaiter.model.declaration import Declaration, MessageFunction
from tidewaiter.model.errors import NotInForceError
from tidewaiter.model.finding import Finding, Severity
from tidewaiter.model.parcel import DeclaredBefore
from tidewaiter.model.standing import NOTHING_KNOWN, PersonalStanding
from tidewaiter.quality import parcel_key
from tidewaiter.regimes import Regime, legal_day_at
from tidewaiter.release import Timing, Trigger, amended, may, timing
from tidewaiter.risk import RiskKnowledge, WatchListEntry, draw, load_knowledge
from tidewaiter.workflow.books import Books
from tidewaiter.workflow.evaluate import Circumstances, Conclusion, conclude
from tidewaiter.workflow.parcels import Declaring
from tidewaiter.workflow.pieces import Piece
from tidewaiter.workflow.records import Decided, Effect, Incoming, KeptClaim, Place, Prior, Seed, WatchList
from tidewaiter.workflow.tariffs import NOTHING_IMPORTED
from tidewaiter.workflow.tariffs import Known as KnownTariffs

AWAITED_HOURS: Final = 24  # that a change is kept for the declaration it overtook; ours, no law's
LAWS_MAX = 256  # senders may name any country; what is not modelled is remembered, too

_LOG = logging.getLogger(__name__)


class Law(Struct, frozen=True):
    """Law and lists for one jurisdiction and day; `absent` says why there is none."""

    regime: Regime | None
    knowledge: RiskKnowledge | None
    absent: str = ""


Contents = Mapping[str, tuple[str, bytes]]
Loaded = Mapping[tuple[str, date], tuple[bytes, bytes]]  # jurisdiction and day → law and lists as bytes


class Shelf:
    """The law and lists at hand, loaded once for each jurisdiction and day; safe in threads.

    `keep` is called with what was loaded (digest → (kind, content)) before
    anything is decided by it.
    """

    def __init__(
        self,
        watch_list: WatchList,
        keep: Callable[[Contents], None],
        loaded: Loaded | None = None,
        tariffs: KnownTariffs = NOTHING_IMPORTED,
        books: Books | None = None,
    ) -> None:
        self.watch_list = watch_list
        self.tariffs = tariffs
        self.books = books or Books()
        self._entries = msgspec.json.decode(watch_list.entries, type=tuple[WatchListEntry, ...])
        self._keep = keep
        self._laws = {key: Law(*self._from_contents(contents)) for key, contents in (loaded or {}).items()}
        self._loading = threading.Lock()

    def law(self, jurisdiction_code: str, on: date) -> Law:
        """The law of a jurisdiction on a day."""
        found = self._laws.get((jurisdiction_code, on))
        if found is None:
            with self._loading:
                found = self._laws.get((jurisdiction_code, on)) or self._load(jurisdiction_code, on)
                if len(self._laws) >= LAWS_MAX:
                    self._laws.clear()
                self._laws[jurisdiction_code, on] = found
        return found

    def loaded(self) -> Loaded:
        """What is on the shelf, as another shelf on the same watch list takes it: reading law from its files is slow."""
        return {
            key: (law.regime.content, law.knowledge.content)
            for key, law in list(self._laws.items())
            if law.regime is not None and law.knowledge is not None
        }

    def _load(self, jurisdiction_code: str, on: date) -> Law:
        if not jurisdiction_code:
            return Law(None, None, "no jurisdiction is named")
        version = f"watch list {self.watch_list.version}" if self.watch_list.version else ""
        try:
            regime = self.tariffs.regime(jurisdiction_code, on)
            knowledge = load_knowledge(jurisdiction_code, on, watch_list=self._entries, watch_list_version=version)
        except NotInForceError as error:
            return Law(None, None, error.detail)
        self._keep({regime.digest: ("regime", regime.content), knowledge.digest: ("risk", knowledge.content)})
        return Law(regime, knowledge)

    def _from_contents(self, contents: tuple[bytes, bytes]) -> tuple[Regime, RiskKnowledge]:
        return Regime.from_content(contents[0], self.tariffs.by_digest), RiskKnowledge.from_content(contents[1])


class Drawing(Struct, frozen=True):
    """What a declaration's random draw is made of. It is made once: no amendment or arrival gives a second chance."""

    seed: Seed
    key: str


class Known(Struct, frozen=True):
    """What is known of the declaration a record speaks of: how it stands, what it says, which records say so."""

    prior: Prior
    original: Declaration | None = None
    sources: tuple[Place, ...] = ()
    drawing: Drawing | None = None
    is_refiled: bool = False  # the record takes the place of all that was filed before
    later: tuple[tuple[Place, Declaration], ...] = ()  # amendments that came before the record and were made after it


Resolve = Callable[[Declaration], Known | None]


class LookUps(Struct, frozen=True):
    """What is known beside a declaration: of the persons behind it (its own id, where it was lodged before), of the
    parcel from others, and which other declarations of it stand."""

    persons: Callable[[Declaration, Regime, int | None], PersonalStanding]
    claims: Callable[[Declaration, Regime], tuple[tuple[KeptClaim, Claim], ...]]
    parcels: Callable[[Declaring], Sequence[DeclaredBefore]]


def decide_piece(piece: Piece, incoming: Incoming, shelf: Shelf) -> Decided:
    """The decision on one record as if it stood alone. A fault of ours becomes a finding on it: those after it go on."""
    return decide_read(piece, read_piece(piece, incoming, shelf), incoming, shelf, Looking())


class Looking(Struct, frozen=True):
    """`resolve` finds the declaration that a record speaks of, `look_ups` what is known beside it; None: nothing is."""

    resolve: Resolve | None = None
    look_ups: LookUps | None = None


class Read(Struct, frozen=True):
    """One record as read; `rules_digest` is of the published schemas and rules that it was checked by."""

    reading: Reading
    rules_digest: str = ""
    is_fault: bool = False  # of ours


def read_piece(piece: Piece, incoming: Incoming, shelf: Shelf) -> Read:
    """One record read, and checked by what is published for its form; a fault of ours becomes a finding on it."""
    try:
        reading = forms.by_name(piece.form).read(piece.body)
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
        return _decided(piece, incoming, _Task(shelf, known, reading, trigger, look_ups, read.rules_digest))
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


def _decided(piece: Piece, incoming: Incoming, task: _Task) -> Decided:
    own, known, trigger = task.reading.declaration, task.known, task.trigger
    prior = known.prior if known else None
    declaration = as_changed(own, trigger, known.original if known else None, known.later if known else ())
    jurisdiction_code = declaration.jurisdiction_code if declaration is not None else ""
    on = _legal_day(trigger, prior, incoming, jurisdiction_code)
    law = task.shelf.law(jurisdiction_code, on)
    drawing = known.drawing if known is not None and known.drawing is not None and trigger is not None else None
    seed, key = (drawing.seed, drawing.key) if drawing else (incoming.seed, f"{incoming.digest}:{piece.position}")
    share = law.knowledge.policy.selection_share if law.knowledge else None
    persons = _persons(declaration, law.regime, task)
    claims = _claims(declaration, law.regime, task)
    lodged_at = _lodged_at(declaration, law.regime, prior if trigger is not None else None, incoming)
    awaited_hours = AWAITED_HOURS if trigger is not None and known is None and task.look_ups is not None else 0
    parcel = _parcel_key(declaration, law.regime) if trigger is None or known is not None else None
    before = _declared_before(parcel, incoming, task)
    circumstances = Circumstances(
        legal_day=on,
        regime=law.regime,
        knowledge=law.knowledge,
        draw=None if share is None else draw(seed.seed, seed.seed_id, key, share),
        law_absent=law.absent,
        lodged_at=lodged_at,
        is_arrived=trigger is Trigger.ARRIVED or (prior is not None and prior.is_arrived),
        trigger=trigger,
        prior=prior,
        persons=persons or NOTHING_KNOWN,
        claims=tuple(claim for _, claim in claims or ()),
        declared_before=before,
        awaited_hours=awaited_hours,
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
        seed=seed,
        draw_key=key,
        selection_share="" if share is None else f"{share:f}",
        is_arrived=circumstances.is_arrived,
        prior=prior,
        sources=_sources(piece, incoming, task),
        passed=conclusion.passed,
        regime=law.regime,
        persons=persons,
        claims=None if claims is None else tuple(kept for kept, _ in claims),
        claim=_claim(declaration, law.regime),
        rules_digest=task.rules_digest,
        lodged_at=lodged_at,
        touches_counters=persons is not None or _counted_before(jurisdiction_code, prior, task.shelf),
        parcel_key=parcel if conclusion.standing is not None else None,
        declared_before=before,
        awaited_hours=awaited_hours,
    )


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
