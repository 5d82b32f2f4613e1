"""Lists for machines: read, proposed, answered by a second person, written out, and asked whom a name is like; for officers."""

from __future__ import annotations

from typing import Annotated, Final

from litestar import Response, get, post
from litestar.di import NamedDependency
from litestar.params import Body, PathParameter, QueryParameter

from tidewaiter.risk.lists.files import write_entries
from tidewaiter.risk.lists.screened import SCREENED, whom
from tidewaiter.web.api import list_shapes as shapes
from tidewaiter.web.api.officers import BODY_BYTES_MAX, GUARDS, LISTING, READING, AnyRequest, Jurisdiction, writing
from tidewaiter.web.house import House, now
from tidewaiter.web.listing import PAGE_ROWS_MAX
from tidewaiter.web.principal import FOR_THE_KNOWN
from tidewaiter.web.problem import WebError

TAGS: Final = ["Lists"]
VERSIONS_MAX: Final = 1_000
NUMBER_MAX: Final = 2**31 - 1

Name = Annotated[str, PathParameter(pattern=shapes.NAME_PATTERN, description="The list's name")]
Number = Annotated[int, PathParameter(ge=1, le=NUMBER_MAX, description="Which version")]
After = Annotated[int, QueryParameter(name="after", ge=0, le=NUMBER_MAX, description="How many entries to pass over")]
Limit = Annotated[int, QueryParameter(name="limit", ge=1, le=PAGE_ROWS_MAX, description="At most so many")]


@get(
    "/lists",
    sync_to_thread=True,
    guards=GUARDS,
    summary="Lists in use",
    operation_id="listLists",
    opt=FOR_THE_KNOWN,
    tags=TAGS,
    responses=LISTING,
)
def lists(house: NamedDependency[House]) -> shapes.ListsPage:
    """What each is of, how many entries it has, and the digest that decisions name."""
    today = now().date()
    return shapes.ListsPage([shapes.ListShape.of(each, code, today) for code, each in house.lists.in_use()])


@get(
    "/lists/{name:str}",
    sync_to_thread=True,
    guards=GUARDS,
    summary="A list in use with its entries",
    operation_id="readList",
    opt=FOR_THE_KNOWN,
    tags=TAGS,
    responses=READING,
)
def one_list(
    house: NamedDependency[House], name: Name, jurisdiction: Jurisdiction = "", after: After = 0, limit: Limit = 100
) -> shapes.ListContent:
    """Entries by their id; those that are not in force, too."""
    found = house.lists.content(name, jurisdiction)
    head = shapes.ListShape.of(found, jurisdiction, now().date())
    return shapes.ListContent.of(head, found.entries, after, limit)


@get(
    "/lists/{name:str}/csv",
    sync_to_thread=True,
    guards=GUARDS,
    summary="A list in use as CSV",
    operation_id="exportList",
    opt=FOR_THE_KNOWN,
    tags=TAGS,
    media_type="text/csv",
    responses=READING,
)
def list_csv(house: NamedDependency[House], name: Name, jurisdiction: Jurisdiction = "") -> Response[str]:
    """All entries, in the form in which a version is proposed."""
    found = house.lists.content(name, jurisdiction)
    return Response(write_entries(found.entries), media_type="text/csv; charset=utf-8")


@get(
    "/list-versions",
    sync_to_thread=True,
    guards=GUARDS,
    summary="Versions of lists",
    operation_id="listListVersions",
    opt=FOR_THE_KNOWN,
    tags=TAGS,
    responses=LISTING,
)
def list_versions(
    house: NamedDependency[House],
    name: Annotated[
        str, QueryParameter(name="name", pattern="^([a-z][a-z0-9_]{1,39})?$", description="Of one list alone")
    ] = "",
) -> shapes.ListVersionPage:
    """Who proposed and who answered each, the latest first, at most a thousand."""
    found = house.store.lists.versions(name)[:VERSIONS_MAX]
    return shapes.ListVersionPage([shapes.ListVersionShape.of(each) for each in found])


@get(
    "/list-versions/{number:int}",
    sync_to_thread=True,
    guards=GUARDS,
    summary="One version with its entries",
    operation_id="readListVersion",
    opt=FOR_THE_KNOWN,
    tags=TAGS,
    responses=READING,
)
def one_list_version(
    house: NamedDependency[House], number: Number, after: After = 0, limit: Limit = 100
) -> shapes.ProposedContent:
    """What was proposed, so that a second person sees what is answered."""
    version = house.lists.version(number)
    told = shapes.ListVersionShape.of(version)
    changes = shapes.ChangesShape.of(house.lists.changes(version))
    found = house.lists.proposed(version)
    if found is None:
        return shapes.ProposedContent(told, changes, None)
    head = shapes.ListShape.of(found, version.jurisdiction_code, now().date())
    return shapes.ProposedContent(told, changes, shapes.ListContent.of(head, found.entries, after, limit))


@post(
    "/lists/{name:str}/versions",
    sync_to_thread=True,
    guards=GUARDS,
    summary="Propose a version of a list",
    operation_id="proposeListVersion",
    opt=FOR_THE_KNOWN,
    tags=TAGS,
    request_max_body_size=BODY_BYTES_MAX,
    responses=writing("list.file", "list.refused", "list.waits", "message.limit"),
)
def propose_list(
    request: AnyRequest,
    house: NamedDependency[House],
    name: Name,
    data: Annotated[shapes.ListVersionWanted, Body(description="The list, its entries as CSV")],
) -> shapes.ListVersionShape:
    """It decides nothing until another person approves it. Of a file with a wrong line nothing is taken."""
    listed = data.listed(name)
    return shapes.ListVersionShape.of(
        house.lists.propose(listed, data.jurisdiction_code, request.user.name, data.words)
    )


@post(
    "/lists/{name:str}/end",
    sync_to_thread=True,
    guards=GUARDS,
    summary="Propose that a list goes out of use",
    operation_id="proposeListEnd",
    opt=FOR_THE_KNOWN,
    tags=TAGS,
    responses=writing("list.refused", "list.waits"),
)
def end_list(
    request: AnyRequest,
    house: NamedDependency[House],
    name: Name,
    data: Annotated[shapes.ListEndWanted, Body(description="Why")],
) -> shapes.ListVersionShape:
    """Refused while rules in use name it."""
    return shapes.ListVersionShape.of(
        house.lists.propose_end(name, data.jurisdiction_code, request.user.name, data.words)
    )


@post(
    "/list-versions/{number:int}/answer",
    status_code=200,
    sync_to_thread=True,
    guards=GUARDS,
    summary="Approve or refuse a version of a list",
    operation_id="answerListVersion",
    opt=FOR_THE_KNOWN,
    tags=TAGS,
    responses=writing("list.answer", "list.refused"),
)
def answer_list(
    request: AnyRequest,
    house: NamedDependency[House],
    number: Number,
    data: Annotated[shapes.ListAnswerWanted, Body(description="The answer")],
) -> shapes.ListVersionShape:
    """By another than who proposed it. What is approved decides from the same moment on."""
    return shapes.ListVersionShape.of(house.lists.answer(number, request.user.name, is_approved=data.is_approved))


@post(
    "/lists/{name:str}/screenings",
    status_code=200,
    sync_to_thread=True,
    guards=GUARDS,
    summary="Hold a name against a list",
    operation_id="screenName",
    opt=FOR_THE_KNOWN,
    tags=TAGS,
    responses=READING,
)
def screen_name(
    house: NamedDependency[House],
    name: Name,
    data: Annotated[shapes.ScreeningWanted, Body(description="The name; in the body, for addresses are logged")],
) -> shapes.LikePage:
    """The entries in force that it is like, and which words speak for each. Nothing is kept."""
    found = house.lists.content(name, data.jurisdiction_code)
    if found.kind not in SCREENED:
        raise WebError(
            "request.invalid", f"{name} is a list of {found.kind.value}: no names are screened.", place="name"
        )
    return shapes.LikePage([shapes.LikeShape.of(*each) for each in whom(found, data.text, data.on or now().date())])
