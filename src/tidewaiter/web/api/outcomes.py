"""Outcomes of examinations and alerts for machines; for officers."""

from __future__ import annotations

from typing import Annotated, Final

from litestar import get, post
from litestar.di import NamedDependency
from litestar.params import Body, PathParameter

from tidewaiter.release import Trigger
from tidewaiter.web import lookup
from tidewaiter.web.api import outcome_shapes as shapes
from tidewaiter.web.api.list_shapes import ListVersionShape
from tidewaiter.web.api.officers import GUARDS, LISTING, READING, AnyRequest, writing
from tidewaiter.web.api.reading import Reference
from tidewaiter.web.house import House, now
from tidewaiter.web.principal import FOR_THE_KNOWN
from tidewaiter.web.problem import WebError
from tidewaiter.workflow.linking import Linking
from tidewaiter.workflow.seized_lists import propose_seized

TAGS: Final = ["Examinations"]
LISTED: Final = 1_000
WRITING: Final = writing(
    "outcome.invalid", "outcome.answer", "risk.second_person", "submission.conflict", "declaration.transition"
)
Number = Annotated[int, PathParameter(ge=1, le=2**63 - 1, description="Which outcome")]


@get(
    "/declarations/{reference:str}/outcomes",
    sync_to_thread=True,
    guards=GUARDS,
    summary="What examinations of a parcel found",
    operation_id="listOutcomesOfDeclaration",
    opt=FOR_THE_KNOWN,
    tags=TAGS,
    responses=READING,
)
def outcomes_of(request: AnyRequest, house: NamedDependency[House], reference: Reference) -> shapes.OutcomePage:
    """Those that were corrected or refused, too; the first told first."""
    file = lookup.decision(house.store, reference, request.user)
    found = house.store.outcomes.of(file.row.declaration_id)
    return shapes.OutcomePage([shapes.OutcomeShape.of(each) for each in found])


@post(
    "/declarations/{reference:str}/outcomes",
    sync_to_thread=True,
    guards=GUARDS,
    summary="Record what an examination found",
    operation_id="recordOutcome",
    opt=FOR_THE_KNOWN,
    tags=TAGS,
    responses=WRITING,
)
def record_outcome(
    request: AnyRequest,
    house: NamedDependency[House],
    reference: Reference,
    data: Annotated[shapes.OutcomeWanted, Body(description="The outcome")],
) -> shapes.OutcomeShape:
    """Kept once, however often it is told. What was not in order waits until another person approves it."""
    file = lookup.decision(house.store, reference, request.user)
    then = Trigger.EXAMINED_SATISFACTORY if data.is_released else None
    outcome = data.outcome(str(file.row.declaration_id))
    done = house.examinations.record(outcome, request.user.name, then=then, corrects=data.corrects)
    return shapes.OutcomeShape.of(done.kept)


@post(
    "/outcomes/{number:int}/answer",
    status_code=200,
    sync_to_thread=True,
    guards=GUARDS,
    summary="Approve or refuse what was not in order",
    operation_id="answerOutcome",
    opt=FOR_THE_KNOWN,
    tags=TAGS,
    responses=WRITING,
)
def answer_outcome(
    request: AnyRequest,
    house: NamedDependency[House],
    number: Number,
    data: Annotated[shapes.AnswerWanted, Body(description="The answer")],
) -> shapes.OutcomeShape:
    """By another than who examined or recorded it. A seizure is followed to what is tied to it before this answers."""
    if not data.is_approved:
        if data.is_refused:
            raise WebError("request.invalid", "The goods are not refused on an outcome that is.", place="is_refused")
        return shapes.OutcomeShape.of(house.examinations.refuse(number, request.user.name, data.words))
    then = Trigger.EXAMINED_NOT_SATISFACTORY if data.is_refused else None
    kept = house.examinations.approve(number, request.user.name, then=then, words=data.words)
    if kept.outcome.is_seized:
        Linking(house.store).follow_up()
    return shapes.OutcomeShape.of(kept)


@post(
    "/outcomes/{number:int}/list-proposal",
    sync_to_thread=True,
    guards=GUARDS,
    summary="Propose what a seizure tells for a list",
    operation_id="proposeSeizureForList",
    opt=FOR_THE_KNOWN,
    tags=TAGS,
    responses=writing("list.refused", "list.waits"),
)
def propose_for_list(
    request: AnyRequest,
    house: NamedDependency[House],
    number: Number,
    data: Annotated[shapes.ListProposalWanted, Body(description="Which list, and why")],
) -> ListVersionShape:
    """The list in use, or a new one, with the seizure's identities added: it decides once another person approves it."""
    return ListVersionShape.of(propose_seized(house.store, number, data.draft(request.user.name), now))


@get(
    "/outcomes/unmatched",
    sync_to_thread=True,
    guards=GUARDS,
    summary="Outcomes of parcels that nobody declared yet",
    operation_id="listUnmatchedOutcomes",
    opt=FOR_THE_KNOWN,
    tags=TAGS,
    responses=LISTING,
)
def unmatched_outcomes(house: NamedDependency[House]) -> shapes.OutcomePage:
    """The first told first, at most a thousand."""
    return shapes.OutcomePage([shapes.OutcomeShape.of(each) for each in house.store.outcomes.unmatched(LISTED)])


@get(
    "/link-alerts",
    sync_to_thread=True,
    guards=GUARDS,
    summary="Parcels that are tied to a seizure",
    operation_id="listLinkAlerts",
    opt=FOR_THE_KNOWN,
    tags=TAGS,
    responses=LISTING,
)
def link_alerts(house: NamedDependency[House]) -> shapes.AlertPage:
    """How each is tied, and what was done; at most a thousand."""
    return shapes.AlertPage([shapes.AlertShape.of(each) for each in house.store.links.alerts(LISTED)])
