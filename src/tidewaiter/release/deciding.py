"""The decision: category, lane, holds, what must happen first, and what the sender is told."""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from typing import Protocol

from msgspec.structs import replace

from tidewaiter.model.assessment import Assessment
from tidewaiter.model.claim import ClaimKind
from tidewaiter.model.decision import Decision, Hold, HoldKind, State
from tidewaiter.model.declaration import Declaration
from tidewaiter.model.finding import Finding, Severity
from tidewaiter.model.judgement import Judgement, Lane
from tidewaiter.release.category import category
from tidewaiter.release.course import Step, lodge
from tidewaiter.release.holds import NOTHING_NAMED, Securities, holds
from tidewaiter.release.states import Trigger
from tidewaiter.release.timing import Timing, timing


class DatasetFacts(Protocol):
    """What a decision needs to know of the dataset a declaration was made in."""

    @property
    def code(self) -> str:
        """H7, H1, I1 …"""

    @property
    def is_assessed(self) -> bool:
        """True when charges are worked out, told and collected on this dataset."""

    @property
    def is_advance(self) -> bool:
        """Whether it is a filing ahead of the goods that is never accepted as a declaration."""

    @property
    def irg_hint(self) -> str:
        """The category of the Immediate Release Guidelines it stands for; "" where the value decides."""

    @property
    def claim(self) -> ClaimKind | None:
        """What it claims of a parcel, where it is no declaration but a third party's word."""


def decide(
    declaration: Declaration,
    *,
    dataset: DatasetFacts,
    findings: Sequence[Finding],
    assessment: Assessment | None,
    judgement: Judgement | None,
    is_arrived: bool,
    securities: Securities = NOTHING_NAMED,
) -> Decision:
    """The decision on one version of a declaration, as if it were lodged now.

    `is_arrived` says that customs know the goods to be there; a declaration
    type for arrived or released goods says so too. `securities` are what the
    declaration names to secure what it owes: money owed holds until they are
    granted. Errors among the findings, or a missing assessment or judgement,
    reject; what happens to a declaration that was lodged before is worked out
    by `course.follow`.
    """
    if dataset.claim is not None and not any(f.severity is Severity.ERROR for f in findings):
        return _claimed(declaration, dataset)
    if assessment is None or judgement is None or any(f.severity is Severity.ERROR for f in findings):
        return _rejected(dataset, findings)
    when = timing(declaration)
    is_there = is_arrived or when in (Timing.ARRIVED, Timing.SUPPLEMENTARY)
    found = holds(assessment, judgement, securities, timing=when, is_assessed=dataset.is_assessed)
    kinds = frozenset(hold.kind for hold in found)
    if dataset.is_advance:
        return _filed_ahead(_lodged(kinds, is_there=False, is_assessed=False), dataset, found, judgement.lane)
    step = _lodged(kinds, is_there=is_there, is_assessed=dataset.is_assessed)
    on_arrival = None if is_there else _lodged(kinds, is_there=True, is_assessed=dataset.is_assessed).state
    kind = category(declaration, assessment, hint=dataset.irg_hint)
    return Decision(
        state=step.state,
        lane=judgement.lane,
        category=kind,
        dataset=dataset.code,
        holds=found,
        on_arrival=on_arrival,
        words=_words(on_arrival or step.state, found, judgement.lane, is_there=is_there),
        notices=step.notices,
    )


def _claimed(declaration: Declaration, dataset: DatasetFacts) -> Decision:
    """A claim is taken in and stands until it is changed or withdrawn; nothing is released by it."""
    step = lodge(Trigger.ANNOUNCED, (), is_assessed=False)
    documents = declaration.consignment.transport_documents
    named = declaration.invoice_id or next((each.document_id for each in documents), "")
    return _not_judged(step, dataset, f"Kept as what its sender says of “{named[:60]}”.")


def _filed_ahead(step: Step, dataset: DatasetFacts, found: tuple[Hold, ...], lane: Lane) -> Decision:
    """A filing on safety and security is judged and answered; goods are let go by their declaration, never by it."""
    said = "Filed ahead of the goods" + (":" if found else "; nothing stands against it.")
    words = " ".join([said, *(hold.words for hold in found)])
    return replace(_not_judged(step, dataset, words), lane=lane, holds=found)


@lru_cache(maxsize=128)
def _lodged(kinds: frozenset[HoldKind], *, is_there: bool, is_assessed: bool) -> Step:
    trigger = Trigger.ACCEPTED if is_there else Trigger.ANNOUNCED
    return lodge(trigger, kinds, is_assessed=is_assessed)


def _rejected(dataset: DatasetFacts, findings: Sequence[Finding]) -> Decision:
    step = lodge(Trigger.REJECTED, (), is_assessed=dataset.is_assessed)
    count = sum(finding.severity is Severity.ERROR for finding in findings)
    errors = "1 error" if count == 1 else f"{count} errors"
    words = f"Rejected: {errors} must be put right." if count else "Rejected: it could not be assessed."
    return _not_judged(step, dataset, words)


def _not_judged(step: Step, dataset: DatasetFacts, words: str) -> Decision:
    """A decision without lane, category and holds."""
    return Decision(
        state=step.state,
        lane=None,
        category=None,
        dataset=dataset.code,
        holds=(),
        on_arrival=None,
        words=words,
        notices=step.notices,
    )


_OUTCOMES = {
    State.CLEARED: "cleared",
    State.UNDER_CONTROL: "examined",
    State.AWAITING_DOCUMENTS: "held until documents are handed in",
    State.AWAITING_PERMIT: "held until a permit is handed in",
    State.AWAITING_PAYMENT: "held until what is owed is paid or guaranteed",
}


def _words(outcome: State, found: tuple[Hold, ...], lane: Lane, *, is_there: bool) -> str:
    """One plain sentence, and what must happen first."""
    said = _OUTCOMES[outcome]
    audit = ", with an audit afterwards" if lane is Lane.BLUE and outcome is State.CLEARED else ""
    if is_there:
        sentence = (
            f"The goods are to be examined{audit}."
            if outcome is State.UNDER_CONTROL
            else f"{said.capitalize()}{audit}."
        )
    else:
        sentence = f"Announced; on arrival the goods will be {said}{audit}."
    return " ".join([sentence, *(hold.words for hold in found)])
