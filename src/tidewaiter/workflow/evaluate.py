"""The one evaluation path: a declaration and its circumstances in, an evaluation out.

The night's file, the single parcel, the public quote and the replay of an old
decision all come through here. Nothing is read that is not an argument.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import date, datetime

from msgspec import Struct
from msgspec.structs import replace

from tidewaiter.assessment import assess
from tidewaiter.model.assessment import Assessment
from tidewaiter.model.claim import Claim, ClaimKind
from tidewaiter.model.decision import Decision, Evaluation, NoticeKind, State
from tidewaiter.model.declaration import Declaration
from tidewaiter.model.errors import NotInForceError, TransitionError
from tidewaiter.model.finding import Finding, Severity
from tidewaiter.model.judgement import Draw, Judgement, Reason
from tidewaiter.model.parcel import DeclaredBefore
from tidewaiter.model.standing import NOTHING_KNOWN, PersonalStanding
from tidewaiter.quality import NOTHING_TIMED, Timing, check, declared_before, match, timed
from tidewaiter.regimes import Regime
from tidewaiter.regimes.library import EDITION_CITED
from tidewaiter.release import (
    NOTHING_NAMED,
    DatasetFacts,
    Securities,
    Standing,
    Step,
    Trigger,
    decide,
    follow,
    lodge,
    securities_of,
    standing,
)
from tidewaiter.risk import Beside, Chance, RiskKnowledge, Subject, Targeting, circle_of, judge, reasons_by_tariff
from tidewaiter.risk.facts import NO_FACTS, Facts
from tidewaiter.workflow.records import Prior

VALUE_LENGTH_MAX = 200  # as in every finding
LAW_NOT_IN_FORCE = "law.not_in_force"


class Circumstances(Struct, frozen=True, kw_only=True):
    """All that a decision depends on beside the declaration.

    `regime` is None where no law is known for the legal day; `law_absent` then
    says why. `prior` is the declaration that the record speaks of (or whose
    reference it uses again), as it stood; `trigger` what is to happen to it (None: the
    declaration is lodged). `persons` is what is known of those behind it, `claims`
    what third parties have said of the parcel, `declared_before` the other
    declarations of it that stand.
    `lodged_at` is the moment (aware) at which it was first lodged, None where it is not asked whether that was in time.
    `are_securities_granted`: whatever guarantee or account the declaration names
    is known to be granted, and enough. What is decided and kept never knows it
    (ADR 11: the accounts lift the hold afterwards), so evidence does not say it.
    `awaited_hours` is how long a change waits for the declaration it is for where
    that is not known yet; 0: it does not wait.
    `targeting` is what the rules, lists and models come to that `knowledge` names, `facts` what is known beside the
    declaration for them, `chance` what draws are made of.
    """

    legal_day: date
    regime: Regime | None
    knowledge: RiskKnowledge | None
    draw: Draw | None
    lodged_at: datetime | None = None
    law_absent: str = ""
    is_arrived: bool = False
    trigger: Trigger | None = None
    prior: Prior | None = None
    persons: PersonalStanding = NOTHING_KNOWN
    are_securities_granted: bool = False
    awaited_hours: int = 0
    claims: tuple[Claim, ...] = ()
    declared_before: tuple[DeclaredBefore, ...] = ()
    targeting: Targeting | None = None
    facts: Facts = NO_FACTS
    chance: Chance | None = None


class Conclusion(Struct, frozen=True):
    """An evaluation, and where the declaration stands after it: None where nothing was accepted.

    `passed` are the triggers and states on the way, where it stood somewhere before.
    """

    evaluation: Evaluation
    standing: Standing | None
    passed: tuple[tuple[str, State], ...] = ()


class NoDataset(Struct, frozen=True):
    """What is known of the dataset when no law says which it is."""

    code: str = ""
    is_assessed: bool = False
    irg_hint: str = ""
    claim: ClaimKind | None = None
    is_advance: bool = False


Locate = Callable[[str], str]


def evaluate(
    declaration: Declaration | None,
    circumstances: Circumstances,
    found: Sequence[Finding] = (),
    locate: Locate | None = None,
) -> Evaluation:
    """Quality, assessment, judgement and decision on one declaration (None: it could not be read).

    `found` are findings from reading it; `locate` turns a pointer into the
    sender's own terms. Bad data gives findings, never an exception.
    """
    return conclude(declaration, circumstances, found, locate).evaluation


def conclude(
    declaration: Declaration | None,
    circumstances: Circumstances,
    found: Sequence[Finding] = (),
    locate: Locate | None = None,
) -> Conclusion:
    """The same, with where the declaration stands afterwards."""
    trigger, prior = circumstances.trigger, circumstances.prior
    if declaration is None or trigger is None:
        findings = [*found, *_used_before(declaration, prior)]
        return _lodged(declaration, circumstances, findings, locate)
    if prior is None:
        if _may_wait(declaration, circumstances, found):
            return _awaited(declaration, circumstances, found)
        findings = [*found, _unknown_original(declaration, trigger)]
        return _lodged(declaration, circumstances, findings, locate)
    try:
        return _changed(declaration, circumstances, found, locate)
    except TransitionError as error:
        findings = [*found, _not_allowed(prior, error)]
        return _lodged(declaration, circumstances, findings, locate)


def _may_wait(declaration: Declaration, circumstances: Circumstances, found: Sequence[Finding]) -> bool:
    """Whether the declaration that a change is for may still come: it has no number of ours before it was taken in."""
    is_overtaking = circumstances.trigger in AWAITED and declaration.functional_reference_id
    return bool(
        circumstances.awaited_hours and is_overtaking and not declaration.registered_id and not has_error(found)
    )


def _awaited(declaration: Declaration, circumstances: Circumstances, found: Sequence[Finding]) -> Conclusion:
    """A change that is kept until the declaration comes that it is for."""
    assert circumstances.trigger is not None
    finding = Finding(
        "submission.original_awaited",
        Severity.WARNING,
        "functional_reference_id",
        "No declaration of yours is known by this reference yet. This is kept for"
        f" {circumstances.awaited_hours} hours and then refused; once the declaration comes, it is"
        f" {_ASKED[circumstances.trigger]} at once.",
        value=declaration.functional_reference_id[:VALUE_LENGTH_MAX],
        hint="Send the declaration under this reference. Look here for what became of this.",
    )
    decision = Decision(
        state=State.AWAITING_ORIGINAL,
        lane=None,
        category=None,
        dataset="",
        holds=(),
        on_arrival=None,
        words="It waits for the declaration it is for.",
        notices=lodge(Trigger.AWAITED, (), is_assessed=False).notices,
    )
    evaluation = Evaluation(
        legal_day=circumstances.legal_day,
        findings=(*found, finding),
        assessment=None,
        judgement=None,
        decision=decision,
    )
    return Conclusion(evaluation, Standing(state=State.AWAITING_ORIGINAL, is_assessed=False))


def _lodged(
    declaration: Declaration | None, circumstances: Circumstances, found: Sequence[Finding], locate: Locate | None
) -> Conclusion:
    """A declaration as it is handed in."""
    evaluation, dataset = _evaluated(declaration, circumstances, found, locate)
    if evaluation.decision.state is State.REJECTED:
        return Conclusion(evaluation, None)
    return Conclusion(evaluation, standing(evaluation.decision, is_assessed=dataset.is_assessed))


def _changed(
    declaration: Declaration, circumstances: Circumstances, found: Sequence[Finding], locate: Locate | None
) -> Conclusion:
    """A change to a declaration lodged before. Raises TransitionError where its state does not allow it."""
    prior, trigger = circumstances.prior, circumstances.trigger
    assert prior is not None
    assert trigger is not None
    if trigger is Trigger.INVALIDATION_REQUESTED:
        evaluation = _withdrawal(prior, circumstances.legal_day, tuple(found))
        step = follow(prior.standing, trigger)
    else:
        evaluation, dataset = _evaluated(declaration, circumstances, found, locate)
        if trigger is Trigger.ARRIVED:
            _refuse_arrival(evaluation, dataset)
        step = follow(prior.standing, trigger, evaluation.decision)
        if trigger is not Trigger.ARRIVED and evaluation.decision.state is State.REJECTED:
            return Conclusion(evaluation, None, passed(step))
        if dataset.is_advance and trigger is Trigger.AMENDED and not step.notices:
            # It waits for no acceptance in which the result of an amendment could be told.
            step = replace(step, notices=(NoticeKind.AMENDED,))
    changed = replace(evaluation, decision=with_step(evaluation.decision, step))
    return Conclusion(changed, step.standing, passed(step))


def _refuse_arrival(evaluation: Evaluation, dataset: DatasetFacts) -> None:
    """Raises TransitionError where nothing can arrive, and where law or rates of the day of arrival are not known here:
    no fault of the sender's.
    """
    if dataset.claim is not None:
        raise TransitionError(
            "this is what its sender says of a parcel, and no goods arrive with it",
            hint="Confirm the arrival of the parcel's declaration.",
        )
    if dataset.is_advance:
        raise TransitionError(
            "this was filed ahead of the goods and is never accepted as a declaration",
            hint="Confirm the arrival of the declaration under which the goods come in.",
        )
    for finding in evaluation.findings:
        if finding.rule_id == LAW_NOT_IN_FORCE:
            raise TransitionError(
                finding.words, hint="Nothing was changed; confirm the arrival again once it is known."
            )


def passed(step: Step) -> tuple[tuple[str, State], ...]:
    """The triggers of a step with the states they led to."""
    return tuple((trigger.value, state) for trigger, state in zip(step.triggers, step.states, strict=True))


def _evaluated(
    declaration: Declaration | None, circumstances: Circumstances, found: Sequence[Finding], locate: Locate | None
) -> tuple[Evaluation, DatasetFacts]:
    findings = list(found)
    regime, dataset = circumstances.regime, NO_DATASET
    assessment: Assessment | None = None
    judgement: Judgement | None = None
    securities, timing = NOTHING_NAMED, NOTHING_TIMED
    if declaration is not None:
        if regime is None:
            findings.append(no_law(declaration, circumstances.law_absent))
        else:
            dataset = own = regime.dataset_of(declaration)
            findings += check(declaration, regime=regime, found=found)
            if own.is_compared:
                findings += match(declaration, circumstances.claims, own.claims)
            timing = _timed(declaration, circumstances.lodged_at, regime)
            findings += timing.findings
            findings += declared_before(declaration, circumstances.declared_before)
            if not has_error(findings) and dataset.claim is None:
                assessment = _assessed(declaration, regime, circumstances.persons, findings)
            if assessment is not None and assessment.due.amount:
                named = securities_of(declaration, regime.law)
                securities = Securities(named, circumstances.are_securities_granted)
        if locate is not None and findings:
            findings = [finding if finding.place else placed(finding, locate) for finding in findings]
        if assessment is not None and circumstances.knowledge is not None and circumstances.draw is not None:
            by_tariff = _by_tariff(declaration, regime) if regime is not None else ()
            beside = _beside(declaration, assessment, circumstances, by_tariff)
            judgement = judge(declaration, circumstances.knowledge, circumstances.draw, findings, beside)
    decision = decide(
        declaration or NOTHING,
        dataset=dataset,
        findings=findings,
        assessment=assessment,
        judgement=judgement,
        is_arrived=circumstances.is_arrived,
        securities=securities,
    )
    evaluation = Evaluation(
        legal_day=circumstances.legal_day,
        findings=tuple(findings),
        assessment=assessment,
        judgement=judgement,
        decision=decision,
        deadlines=timing.deadlines,
    )
    return evaluation, dataset


def _beside(
    declaration: Declaration, assessment: Assessment, circumstances: Circumstances, by_tariff: Sequence[Reason]
) -> Beside:
    """What the tariff, and the rules, lists and models in use, say; and what draws depend on."""
    targeting, facts = circumstances.targeting, circumstances.facts
    if targeting is None or circumstances.chance is None:
        return Beside(by_tariff=by_tariff)
    return Beside(
        by_tariff=by_tariff,
        pointed=targeting.pointed(Subject(declaration, assessment, facts)),
        chance=circumstances.chance,
        circle=circle_of(declaration, facts),
    )


def _timed(declaration: Declaration, lodged_at: datetime | None, regime: Regime) -> Timing:
    """Whether it was lodged in time, and holds what it must by then; nothing where the law sets its dataset no time."""
    if lodged_at is None or not regime.has_time_limits(regime.dataset_of(declaration)):
        return NOTHING_TIMED
    return timed(declaration, regime.time_limits_on(declaration), lodged_at, regime.clocks)


def _by_tariff(declaration: Declaration, regime: Regime) -> Sequence[Reason]:
    """What the tariff beside the law says against the goods."""
    tariff = regime.tariff
    return reasons_by_tariff(declaration, tariff, regime.legal_day, EDITION_CITED) if tariff is not None else ()


def _assessed(
    declaration: Declaration, regime: Regime, persons: PersonalStanding, findings: list[Finding]
) -> Assessment | None:
    try:
        return assess(declaration, regime, persons)
    except NotInForceError as error:
        findings.append(
            Finding(
                LAW_NOT_IN_FORCE,
                Severity.ERROR,
                error.place,
                f"It cannot be assessed: {error.detail}.",
                hint=error.hint,
            )
        )
        return None


def has_error(findings: Sequence[Finding]) -> bool:
    """True when one of the findings keeps the declaration from being accepted."""
    return any(finding.severity is Severity.ERROR for finding in findings)


def placed(finding: Finding, locate: Locate) -> Finding:
    """The finding with its place in the sender's terms."""
    return replace(finding, place=locate(finding.pointer))


def with_step(decision: Decision, step: Step) -> Decision:
    """The decision with the state the step led to, and what the sender is told of it."""
    return replace(
        decision,
        state=step.state,
        on_arrival=decision.on_arrival if step.state is State.RECEIVED else None,
        notices=step.notices,
    )


def _withdrawal(prior: Prior, legal_day: date, found: tuple[Finding, ...]) -> Evaluation:
    decision = Decision(
        state=prior.state,
        lane=None,
        category=None,
        dataset="",
        holds=(),
        on_arrival=None,
        words="The sender asks to withdraw the declaration.",
        notices=(),
    )
    return Evaluation(legal_day=legal_day, findings=found, assessment=None, judgement=None, decision=decision)


def no_law(declaration: Declaration, why: str) -> Finding:
    """That no law is known to decide it by, and why."""
    if not declaration.jurisdiction_code:
        return Finding(
            "law.no_jurisdiction",
            Severity.ERROR,
            "jurisdiction_code",
            "It is not said whose customs this declaration is for.",
            hint="Give the two-letter code of the country the goods are declared in.",
        )
    return Finding(
        LAW_NOT_IN_FORCE,
        Severity.ERROR,
        "jurisdiction_code",
        f"It cannot be decided here: {why}.",
        hint="Check country and day; ask this administration whose law it has, and for which days.",
        value=declaration.jurisdiction_code[:VALUE_LENGTH_MAX],
    )


def _used_before(declaration: Declaration | None, prior: Prior | None) -> list[Finding]:
    if declaration is None or prior is None:
        return []
    known_as = f", registered as {prior.registered_id}" if prior.registered_id else ""
    return [
        Finding(
            "submission.reference_used",
            Severity.ERROR,
            "functional_reference_id",
            f"This reference was used before, for declaration {prior.declaration_id}{known_as}.",
            value=declaration.functional_reference_id[:VALUE_LENGTH_MAX],
            hint="Give each declaration a reference of its own; to change the earlier one, send an amendment.",
        )
    ]


AWAITED = (Trigger.AMENDED, Trigger.INVALIDATION_REQUESTED)
_ASKED = {
    Trigger.AMENDED: "amended",
    Trigger.INVALIDATION_REQUESTED: "withdrawn",
    Trigger.ARRIVED: "presented",
}


def _unknown_original(declaration: Declaration, trigger: Trigger) -> Finding:
    is_numbered = bool(declaration.registered_id)
    return Finding(
        "submission.original_unknown",
        Severity.ERROR,
        "registered_id" if is_numbered else "functional_reference_id",
        f"No accepted declaration of yours is known by this number; nothing was {_ASKED[trigger]}.",
        value=(declaration.registered_id or declaration.functional_reference_id)[:VALUE_LENGTH_MAX],
        hint="Name the original by its registered number (MRN) or by the reference you gave it.",
    )


def _not_allowed(prior: Prior, error: TransitionError) -> Finding:
    return Finding(
        "submission.not_allowed",
        Severity.ERROR,
        "function",
        f"Not possible now: {error.detail}.",
        value=prior.state.value,
        hint=error.hint,
    )


NOTHING = Declaration()
NO_DATASET: DatasetFacts = NoDataset()
