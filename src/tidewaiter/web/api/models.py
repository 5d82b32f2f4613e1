"""Models of scores for machines: registered, tried, approved by a second person, retired, watched for drift; for officers."""

from __future__ import annotations

from typing import Annotated, Final

from litestar import Response, get, post
from litestar.di import NamedDependency
from litestar.params import Body, PathParameter

from tidewaiter.risk.scoring.telling import looked_at
from tidewaiter.web.api import model_shapes as shapes
from tidewaiter.web.api.officers import GUARDS, LISTING, READING, AnyRequest, writing
from tidewaiter.web.house import House
from tidewaiter.web.principal import FOR_THE_KNOWN
from tidewaiter.web.problem import WebError
from tidewaiter.workflow.drifting import Between, risk_type_of
from tidewaiter.workflow.model_records import ModelStep, ModelVersion
from tidewaiter.workflow.models import Model, Who
from tidewaiter.workflow.trying import Period

TAGS: Final = ["Models"]
BODY_BYTES_MAX: Final = 70_000_000  # a model within JSON, its quotes escaped
SAMPLE: Final = 2_000  # decisions of a period that somebody waits for; tidewaiter score drift reads more
WRITING: Final = writing(
    "score.model", "score.life", "risk.second_person", "declaration.transition", "submission.conflict", "message.limit"
)
Number = Annotated[int, PathParameter(ge=1, le=2**31 - 1, description="Which model")]


@get(
    "/models",
    sync_to_thread=True,
    guards=GUARDS,
    summary="Every model that was registered",
    operation_id="listModels",
    opt=FOR_THE_KNOWN,
    tags=TAGS,
    responses=LISTING,
)
def models(house: NamedDependency[House]) -> shapes.ModelPage:
    """How each stands, the latest first."""
    return shapes.ModelPage([shapes.ModelShape.of(each) for each in house.models.all()])


@post(
    "/models",
    sync_to_thread=True,
    guards=GUARDS,
    summary="Register a model",
    operation_id="registerModel",
    opt=FOR_THE_KNOWN,
    tags=TAGS,
    request_max_body_size=BODY_BYTES_MAX,
    responses=WRITING,
)
def register(
    request: AnyRequest,
    house: NamedDependency[House],
    data: Annotated[shapes.ModelWanted, Body(description="The model")],
) -> shapes.ModelDetail:
    """Kept until another person approves it; it may be tried meanwhile. One that asks for what no declaration gives is refused."""
    model = Model(
        name=data.name, content=data.content.encode(), card=data.card.encode(), jurisdiction_code=data.jurisdiction_code
    )
    return _detail(house, house.models.register(model, Who(request.user.name, data.words)))


@get(
    "/models/{number:int}",
    sync_to_thread=True,
    guards=GUARDS,
    summary="A model with its card",
    operation_id="readModel",
    opt=FOR_THE_KNOWN,
    tags=TAGS,
    responses=READING,
)
def one_model(house: NamedDependency[House], number: Number) -> shapes.ModelDetail:
    """The card, what its trees ask for, who did what when and why, and whether it fitted when it was looked at."""
    return _detail(house, house.models.one(number))


@get(
    "/models/{number:int}/content",
    sync_to_thread=True,
    guards=GUARDS,
    media_type="application/json",
    summary="A model's content",
    operation_id="readModelContent",
    opt=FOR_THE_KNOWN,
    tags=TAGS,
    responses=READING,
)
def content(house: NamedDependency[House], number: Number) -> Response[bytes]:
    """The canonical bytes, whose SHA-256 is the digest that decisions name."""
    return Response(house.store.knowledge(house.models.one(number).digest), media_type="application/json")


@post(
    "/models/{number:int}/steps",
    status_code=200,
    sync_to_thread=True,
    guards=GUARDS,
    summary="Try, approve, refuse or retire a model",
    operation_id="takeModelStep",
    opt=FOR_THE_KNOWN,
    tags=TAGS,
    responses=WRITING,
)
def take_step(
    request: AnyRequest,
    house: NamedDependency[House],
    number: Number,
    data: Annotated[shapes.ModelStepWanted, Body(description="The step")],
) -> shapes.ModelDetail:
    """How it stands then. Who registered it does not approve it; what rules in use name is not taken away."""
    who = Who(request.user.name, data.words)
    return _detail(house, house.models.take(number, ModelStep(data.step), who))


@post(
    "/models/{number:int}/drifts",
    sync_to_thread=True,
    guards=GUARDS,
    summary="Compare two periods of kept decisions by a model",
    operation_id="lookAtModelDrift",
    opt=FOR_THE_KNOWN,
    tags=TAGS,
    responses=WRITING,
)
def look(
    request: AnyRequest,
    house: NamedDependency[House],
    number: Number,
    data: Annotated[shapes.DriftWanted, Body(description="The periods")],
) -> shapes.ModelDetail:
    """Stability of every feature and of the score, and by likelihood what was promised and found; kept with the model."""
    if data.until < data.since or data.against_until < data.against_since:
        raise WebError("request.invalid", "A period ends before it begins.", place="until")
    version = house.models.one(number)
    code = version.jurisdiction_code
    between = Between(
        Period(data.against_since, data.against_until, code), Period(data.since, data.until, code),
        data.risk_type or risk_type_of(version.name),
    )  # fmt: skip
    house.models.look(version, between, Who(request.user.name), SAMPLE)
    return _detail(house, version)


def _detail(house: House, version: ModelVersion) -> shapes.ModelDetail:
    return shapes.ModelDetail(
        shapes.ModelShape.of(version),
        house.models.card(version),
        looked_at(house.models.model(version)),
        shapes.ModelStepShape.all(house.store.models.events(version.version_id)),
        [shapes.DriftShape.of(kept, report) for kept, report in house.models.looks(version)],
    )
