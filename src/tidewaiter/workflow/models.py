"""Models in use: registered by one person, approved by another, on trial or deciding; each kept by its digest.

models = Models(store, now)
version = models.register(Model(name="undervaluation", content=content), Who("ann", "trained on the autumn"))
models.take(version.version_id, ModelStep.TRY, Who("ann", "see how it fares"))
models.take(version.version_id, ModelStep.APPROVE, Who("bo", "as good as its card says"))
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from datetime import date, datetime
from typing import Final, Protocol

import msgspec
from msgspec import Struct
from msgspec.structs import replace

from tidewaiter.model.canonical import canonical_bytes
from tidewaiter.model.errors import NotFoundError, TransitionError
from tidewaiter.risk import PartKind
from tidewaiter.risk.scoring import ModelError, ScoreModel, digest_of, read_model
from tidewaiter.risk.scoring.card import Card
from tidewaiter.risk.scoring.declared import check_columns
from tidewaiter.workflow.drifting import SAMPLE, Between, DriftReport, drift_of, read_report
from tidewaiter.workflow.model_records import (
    MAY,
    Act,
    KeptDrift,
    ModelBook,
    ModelLifeError,
    ModelState,
    ModelStep,
    ModelVersion,
    Move,
    Registering,
)
from tidewaiter.workflow.rule_set_records import SamePersonError
from tidewaiter.workflow.rules_naming import rule_sets_naming
from tidewaiter.workflow.targeting import Change, Library, PartInUse
from tidewaiter.workflow.trying import TriedStore

NAME_HINT: Final = "small letters, digits and _, beginning with a letter"
NAME_MAX: Final = 40
JURISDICTION: Final = re.compile("([A-Z]{2})?")


class Keeping(TriedStore, Library, Protocol):
    """A store that keeps models, and the decisions they are held against."""

    @property
    def models(self) -> ModelBook:
        """Their versions."""


class Who(Struct, frozen=True):
    """Who does it, and why."""

    actor: str
    words: str = ""


class Model(Struct, frozen=True, kw_only=True):
    """A model to be registered: for which score, where ("": everywhere), its bytes, its card as JSON (empty: none)."""

    name: str
    content: bytes
    card: bytes = b""
    jurisdiction_code: str = ""


class Said(Struct, frozen=True, kw_only=True):
    """Who registers a model, who else approves it, why and when. On trial it needs nobody else."""

    by: str
    approved_by: str
    words: str
    at: datetime


class Models:
    """The life of models. Safe in threads."""

    def __init__(self, store: Keeping, clock: Callable[[], datetime]) -> None:
        self._store = store
        self._clock = clock

    def register(self, model: Model, who: Who) -> ModelVersion:
        """Keep a model until somebody else approves it.

        Raises ModelError for bytes that are none, a card of another, or one that asks for what no declaration gives.
        """
        known = read_model(model.content)
        if not model.name.isidentifier() or model.name != model.name.lower() or len(model.name) > NAME_MAX:
            raise ModelError(f"{model.name[:60]!r} is no name of a score: {NAME_HINT}")
        if not JURISDICTION.fullmatch(model.jurisdiction_code):
            raise ModelError(f"{model.jurisdiction_code[:20]!r} is no jurisdiction: ISO 3166-1 alpha-2, or none")
        check_columns(known, model.name)
        digest = digest_of(known)
        if model.card:
            read_card(model.card, digest)
        registering = Registering(
            name=model.name, jurisdiction_code=model.jurisdiction_code, digest=digest, content=model.content,
            card=model.card,
        )  # fmt: skip
        return self._store.models.register(registering, self._act(who))

    def all(self) -> Sequence[ModelVersion]:
        """Every version, the latest first."""
        return self._store.models.versions()

    def one(self, version_id: int) -> ModelVersion:
        """One version. Raises NotFoundError."""
        for found in self.all():
            if found.version_id == version_id:
                return found
        raise NotFoundError(f"there is no model {version_id}", hint="tidewaiter score list shows them")

    def model(self, version: ModelVersion) -> ScoreModel:
        """Its content."""
        return read_model(self._store.knowledge(version.digest))

    def card(self, version: ModelVersion) -> Card | None:
        """Its card; None where it came without."""
        content = self._store.models.card(version.version_id)
        return read_card(content, version.digest) if content else None

    def look(self, version: ModelVersion, between: Between, who: Who, sample: int = SAMPLE) -> DriftReport:
        """Compare two periods of kept decisions by a version, and keep what came out. Raises ModelError.

        What was examined up to the last day its card says it was learnt from is left out.
        """
        card = self.card(version)
        if card is not None and card.learnt_until:
            between = replace(between, learnt_until=date.fromisoformat(card.learnt_until))
        report = drift_of(self._store, self.model(version), between, sample)
        self._store.models.keep_drift(version.version_id, canonical_bytes(report), self._act(who))
        return report

    def looks(self, version: ModelVersion) -> list[tuple[KeptDrift, DriftReport]]:
        """What was compared before, the latest first."""
        return [(each, read_report(each.figures)) for each in self._store.models.drifts(version.version_id)]

    def take(self, version_id: int, step: ModelStep, who: Who) -> ModelVersion:
        """Take a step with a version. Raises ModelLifeError, SamePersonError, TransitionError while rules name its score."""
        seen, act = self.one(version_id), self._act(who)
        if not _may(seen, step):
            raise ModelLifeError(_refused(seen, step), hint=_possible(seen))
        if step is ModelStep.APPROVE and _same(act.actor, seen.registered_by):
            raise SamePersonError(f"{act.actor} registered {seen}", hint="a second person approves it")
        moves, changes = self._moves(seen, step)
        self._store.models.move(moves, changes, act, lambda: self._refuse_gone(seen, step))
        return self.one(version_id)

    def _moves(self, seen: ModelVersion, step: ModelStep) -> tuple[list[Move], list[Change]]:
        """What a step does to the version, to the one whose place it takes, and to what is in use."""
        peers = [
            each
            for each in self.all()
            if (each.name, each.jurisdiction_code) == (seen.name, seen.jurisdiction_code)
            and each.version_id != seen.version_id
        ]
        ended = [_change(seen, None, on_trial=True)] if seen.is_on_trial else []
        match step:
            case ModelStep.TRY:
                moves = [Move(each, each.state, False, ModelStep.END_TRIAL) for each in peers if each.is_on_trial]
                return [*moves, Move(seen, seen.state, True, step)], [_change(seen, seen.digest, on_trial=True)]
            case ModelStep.APPROVE:
                moves = [
                    Move(each, ModelState.RETIRED, each.is_on_trial, ModelStep.SUPERSEDE)
                    for each in peers
                    if each.state is ModelState.DECIDING
                ]
                return [*moves, Move(seen, ModelState.DECIDING, False, step)], [*ended, _change(seen, seen.digest)]
            case ModelStep.END_TRIAL:
                return [Move(seen, seen.state, False, step)], ended
            case ModelStep.REFUSE:
                return [Move(seen, ModelState.REFUSED, False, step)], ended
            case _:
                return [Move(seen, ModelState.RETIRED, seen.is_on_trial, step)], [_change(seen, None)]

    def _refuse_gone(self, seen: ModelVersion, step: ModelStep) -> None:
        """Raises TransitionError where a step would leave rules without a score that they name.

        Asked while nobody else changes what is in use: else rules could be published between the look and the step.
        """
        if step is ModelStep.RETIRE or (seen.is_on_trial and step in (ModelStep.END_TRIAL, ModelStep.REFUSE)):
            is_staying_on_trial = step is ModelStep.RETIRE
            others = [each for each in models_in_use(self._store) if each.part.is_shadow is is_staying_on_trial]
            self._refuse_named(seen, others)

    def _refuse_named(self, version: ModelVersion, others: Sequence[PartInUse]) -> None:
        """Raises TransitionError where rules name the score and no other model gives it."""
        where = version.jurisdiction_code
        if any(each.part.name == version.name and each.jurisdiction_code == where for each in others):
            return
        if naming := rule_sets_naming(self._store, PartKind.MODEL, version.name):
            told = ", ".join(map(str, naming))
            raise TransitionError(f"rules in use name its score: {told}", hint="publish rules that do not, first")

    def _act(self, who: Who) -> Act:
        actor = " ".join(who.actor.replace("\x00", "").split())
        if not actor:
            raise ModelLifeError("nobody is named who does it", hint="say who: the officer's name or number")
        return Act(actor, " ".join(who.words.replace("\x00", "").split()), self._clock())


def read_card(content: bytes, digest: str) -> Card:
    """A model's card. Raises ModelError for what is none, and for the card of another model."""
    try:
        card = msgspec.json.decode(content, type=Card)
    except msgspec.MsgspecError as error:
        raise ModelError(f"not a model card: {error}") from None
    try:
        if card.learnt_until:
            date.fromisoformat(card.learnt_until)
    except ValueError:
        raise ModelError(f"the card's learnt_until is no day: {card.learnt_until[:20]!r}") from None
    if card.model_digest != digest:
        raise ModelError(f"the card is of the model {card.model_digest[:12]}, not of {digest[:12]}")
    return card


def use_model(
    store: Keeping,
    name: str,
    content: bytes,
    said: Said,
    *,
    on_trial: bool,
    jurisdiction_code: str = "",
    card: bytes = b"",
) -> str:
    """Register a model and put it in use at once, on trial or deciding; its digest.

    Raises ModelError for bytes that are none or that ask for what no declaration gives, SamePersonError where nobody else
    approves what is to decide.
    """
    if not on_trial and (not said.approved_by.strip() or _same(said.by, said.approved_by)):
        raise SamePersonError("a model decides when somebody else approves it", hint="put it on trial until then")
    models = Models(store, lambda: said.at)
    model = Model(name=name, content=content, card=card, jurisdiction_code=jurisdiction_code)
    version = models.register(model, Who(said.by, said.words))
    if on_trial:
        models.take(version.version_id, ModelStep.TRY, Who(said.by, said.words))
    else:
        models.take(version.version_id, ModelStep.APPROVE, Who(said.approved_by, said.words))
    return version.digest


def retire_model(store: Keeping, name: str, said: Said, *, on_trial: bool, jurisdiction_code: str = "") -> None:
    """Take a model out of use. Raises NotFoundError, and TransitionError while rules in use name its score."""
    models = Models(store, lambda: said.at)
    for each in models.all():
        is_it = each.is_on_trial if on_trial else each.state is ModelState.DECIDING
        if is_it and (each.name, each.jurisdiction_code) == (name, jurisdiction_code):
            step = ModelStep.END_TRIAL if on_trial else ModelStep.RETIRE
            models.take(each.version_id, step, Who(said.by, said.words))
            return
    raise NotFoundError(f"no model {name!r} is {'on trial' if on_trial else 'in use'}")


def models_in_use(store: Library) -> Sequence[PartInUse]:
    """The models that decide or are on trial."""
    return [each for each in store.parts.in_use() if each.part.kind is PartKind.MODEL]


def _refused(seen: ModelVersion, step: ModelStep) -> str:
    """Why a step cannot be taken: how the version would have to stand, and how it does."""
    match step:
        case ModelStep.TRY:
            wanted = "to go on trial it would have to be registered and not on trial"
        case ModelStep.END_TRIAL:
            wanted = "to end its trial it would have to be on trial"
        case ModelStep.RETIRE:
            wanted = "to be retired it would have to be deciding"
        case _:
            wanted = f"to {step.value} it, it would have to be registered and without an answer"
    return f"{seen} is {seen.state.value}{', on trial' if seen.is_on_trial else ''}: {wanted}"


def _possible(seen: ModelVersion) -> str:
    """Which steps can be taken with a version as it stands."""
    steps = [
        step.value
        for step in (ModelStep.TRY, ModelStep.END_TRIAL, ModelStep.APPROVE, ModelStep.REFUSE, ModelStep.RETIRE)
        if _may(seen, step)
    ]
    if not steps:
        return "nothing more can be done with it: register the model again to begin anew"
    return f"what can be done with it now: {', '.join(steps)}"


def _may(seen: ModelVersion, step: ModelStep) -> bool:
    if step in (ModelStep.TRY, ModelStep.END_TRIAL) and seen.is_on_trial is (step is ModelStep.TRY):
        return False
    return seen.state in MAY.get(step, ())


def _same(one: str, other: str) -> bool:
    return one.strip().casefold() == other.strip().casefold()


def _change(version: ModelVersion, digest: str | None, *, on_trial: bool = False) -> Change:
    return Change(
        kind=PartKind.MODEL, name=version.name, digest=digest, is_shadow=on_trial,
        jurisdiction_code=version.jurisdiction_code,
    )  # fmt: skip
