"""Reading declarations and notices: a declarant its own, an officer all."""

from __future__ import annotations

from datetime import date
from typing import Annotated, Any, Final, Literal

from litestar import Request, Response, get
from litestar.datastructures import State
from litestar.di import NamedDependency
from litestar.params import PathParameter, QueryParameter
from msgspec.structs import replace

from tidewaiter.model.decision import Category
from tidewaiter.model.decision import State as DeclarationState
from tidewaiter.model.errors import NotFoundError
from tidewaiter.model.judgement import Lane
from tidewaiter.web import listing, lookup
from tidewaiter.web.api import documents, shapes
from tidewaiter.web.api.described import refusals
from tidewaiter.web.house import House
from tidewaiter.web.listing import ID_MAX, PAGE_ROWS, PAGE_ROWS_MAX
from tidewaiter.web.principal import FOR_THE_KNOWN, Principal
from tidewaiter.web.problem import WebError
from tidewaiter.workflow.catalogue import offered
from tidewaiter.workflow.exporting import export
from tidewaiter.workflow.ports import Filter, Notice, Store
from tidewaiter.workflow.quality_record import asked_for, shape_of
from tidewaiter.workflow.targets import SAD, open_to_senders

AnyRequest = Request[Principal, Any, State]
TAGS: Final = ["Reading"]
DOCUMENTS_MAX: Final = 50  # each is put together from the evidence

Reference = Annotated[
    str, PathParameter(max_length=200, min_length=1, description="The id, the MRN, or the sender's own reference")
]
Limit = Annotated[int, QueryParameter(name="limit", ge=1, le=PAGE_ROWS_MAX, description="At most so many")]
After = Annotated[
    int,
    QueryParameter(name="after", ge=0, le=ID_MAX, description="The cursor of the last answer; 0 from the start"),
]

DocumentForm = Annotated[
    Literal["wco-dm", "own"] | None,
    QueryParameter(
        name="form",
        description="With the document of each notice: as a WCO response, or in the answer language of the "
        f"declaration's own form; at most {DOCUMENTS_MAX} at a time",
    ),
]


def asked(name: str, description: str, pattern: str | None = None) -> Any:
    """A filter in the query; an empty one narrows nothing."""
    return QueryParameter(name=name, max_length=200, pattern=pattern, description=description)


def asked_id(name: str, description: str) -> Any:
    """A filter by number."""
    return QueryParameter(name=name, ge=1, le=ID_MAX, description=description)


@get(
    "/declarations",
    sync_to_thread=True,
    summary="Declarations, newest first",
    operation_id="listDeclarations",
    opt=FOR_THE_KNOWN,
    tags=TAGS,
    responses=refusals("request.invalid", "auth.required", "auth.forbidden"),
)
def declarations(
    request: AnyRequest,
    house: NamedDependency[House],
    text: Annotated[str, asked("text", "Reference, MRN or transport document, whole or how it begins")] = "",
    in_state: Annotated[DeclarationState | None, QueryParameter(name="state", description="In one state")] = None,
    lane: Annotated[Lane | None, QueryParameter(name="lane", description="In one lane; for officers only")] = None,
    category: Annotated[
        Category | None,
        QueryParameter(name="category", description="Of one category of the Immediate Release Guidelines"),
    ] = None,
    jurisdiction: Annotated[str, asked("jurisdiction", "Whose customs, ISO 3166-1 alpha-2", "^[A-Za-z]{0,2}$")] = "",
    commodity: Annotated[
        str, asked("commodity", "Commodity code of a line, whole or how it begins", "^[0-9]{0,22}$")
    ] = "",
    of_message: Annotated[int | None, asked_id("message", "Of one message")] = None,
    sender: Annotated[int | None, asked_id("sender", "Of one sender; for officers only")] = None,
    received_from: Annotated[
        date | None, QueryParameter(name="received_from", description="Received on this day or later")
    ] = None,
    received_to: Annotated[
        date | None, QueryParameter(name="received_to", description="Received on this day or earlier")
    ] = None,
    before: Annotated[int | None, asked_id("before", "Page on: declarations with a smaller id")] = None,
    limit: Limit = PAGE_ROWS,
) -> shapes.DeclarationPage:
    """Some declarations; ask again with before for older ones."""
    asking = request.user
    wanted = Filter(
        text=listing.text("text", text), state=in_state, lane=lane, category=category,
        jurisdiction_code=jurisdiction.upper(), commodity_prefix=commodity, message_id=of_message, sender_id=sender,
        received_from=received_from, received_to=received_to, before_id=before, limit=limit,
    )  # fmt: skip
    rows = house.store.declarations(own(asking, wanted))
    return shapes.DeclarationPage(
        declarations=[shapes.summary(row, asking) for row in rows],
        before=rows[-1].declaration_id if len(rows) == limit else None,
    )


@get(
    "/declarations/{reference:str}",
    sync_to_thread=True,
    summary="One declaration",
    operation_id="readDeclaration",
    opt=FOR_THE_KNOWN,
    tags=TAGS,
    responses=refusals("request.invalid", "auth.required", "not_found"),
)
def declaration(request: AnyRequest, house: NamedDependency[House], reference: Reference) -> shapes.DeclarationDetail:
    """State, holds, findings, amounts and notices."""
    file = lookup.decision(house.store, reference, request.user)
    return shapes.detail(file, request.user, house.uncovered(file))


@get(
    "/declarations/{reference:str}/explanation",
    sync_to_thread=True,
    summary="How a decision came about",
    operation_id="explainDeclaration",
    opt=FOR_THE_KNOWN,
    tags=TAGS,
    responses=refusals("request.invalid", "auth.required", "not_found"),
)
def declaration_explanation(
    request: AnyRequest, house: NamedDependency[House], reference: Reference
) -> shapes.Explanation:
    """Every charge with base, rate, rounding and citation; for officers the reasons and the draw as well."""
    file = lookup.decision(house.store, reference, request.user)
    return shapes.explanation(file, request.user, house.quoting.named(file))


@get(
    "/declarations/{reference:str}/document",
    sync_to_thread=True,
    summary="One declaration in a form of another customs system",
    operation_id="exportDeclaration",
    opt=FOR_THE_KNOWN,
    tags=TAGS,
    media_type="*/*",
    responses=refusals("request.invalid", "auth.required", "not_found", "declaration.transition", "message.unreadable"),
)
def declaration_document(
    request: AnyRequest,
    house: NamedDependency[House],
    reference: Reference,
    form: Annotated[
        str,
        asked("form", f"One of {', '.join(open_to_senders())}; for officers, those that hold reasons of risk as well"),
    ] = SAD,
) -> Response[bytes]:
    """The declaration as it stands, with its amendments in it: ASYCUDA World's SAD, or any form that is read."""
    file = lookup.decision(house.store, reference, request.user)
    if not request.user.is_officer and form not in open_to_senders():
        raise NotFoundError(f"There is no form {form!r} for you.", hint=f"One of {', '.join(open_to_senders())}.")
    document = export(house.store, file.row.declaration_id, form)
    return Response(document.content, media_type=document.media_type)


@get(
    "/declarations/{reference:str}/products",
    sync_to_thread=True,
    summary="The catalogue's products that a declaration names",
    operation_id="readProducts",
    opt=FOR_THE_KNOWN,
    tags=TAGS,
    responses=refusals("request.invalid", "auth.required", "not_found"),
)
def declaration_products(
    request: AnyRequest, house: NamedDependency[House], reference: Reference
) -> list[shapes.OfferedShape]:
    """What marketplaces told of the products on its lines, and where the lines differ; to declarants, what they told."""
    asking = request.user
    file = lookup.decision(house.store, reference, asking)
    if file.declaration is None:
        return []
    found = offered(house.store, file.declaration, sender_id=None if asking.is_officer else asking.sender_id)
    return [shapes.OfferedShape.of(each) for each in found]


def own(asking: Principal, wanted: Filter) -> Filter:
    """The filter, held to the declarant's own things. Raises WebError where it asks for what only officers see."""
    if asking.is_officer:
        return wanted
    if wanted.lane is not None or wanted.sender_id not in (None, asking.sender_id):
        raise WebError("auth.forbidden", "Lanes and other senders' declarations are for officers.")
    return replace(wanted, sender_id=asking.sender_id)


@get(
    "/quality",
    sync_to_thread=True,
    summary="How good the data is that you sent, form by form",
    operation_id="readQuality",
    opt=FOR_THE_KNOWN,
    tags=TAGS,
    responses=refusals("request.invalid", "auth.required", "auth.forbidden"),
)
def quality(
    request: AnyRequest,
    house: NamedDependency[House],
    form: Annotated[str, asked("form", "Only what came in this form")] = "",
    sender: Annotated[int | None, asked_id("sender", "Of one sender; for officers only")] = None,
    since: Annotated[date | None, QueryParameter(name="since", description="Eight weeks ago if not given")] = None,
    until: Annotated[date | None, QueryParameter(name="until", description="Today if not given")] = None,
) -> shapes.QualityPage:
    """Complete, valid, plausible, in time: shares in percent, in all and week by week, and the rules found most."""
    asking = request.user
    if not asking.is_officer and sender not in (None, asking.sender_id):
        raise WebError("auth.forbidden", "Other senders' data is for officers.")
    of_sender = sender if asking.is_officer else asking.sender_id
    wanted = asked_for(of_sender, listing.text("form", form), since, until)
    found = house.quality.records(wanted)
    return shapes.QualityPage(since=wanted.since, until=wanted.until, records=[shape_of(each) for each in found])


@get(
    "/messages/{message_id:int}",
    sync_to_thread=True,
    summary="One message and what came of it",
    operation_id="readMessage",
    opt=FOR_THE_KNOWN,
    tags=TAGS,
    responses=refusals("request.invalid", "auth.required", "not_found"),
)
def message(
    request: AnyRequest,
    house: NamedDependency[House],
    message_id: Annotated[int, PathParameter(ge=1, le=ID_MAX, description="Its number")],
) -> shapes.MessageShape:
    """What a 202 answer points to: ask until is_processed."""
    kept = house.store.message(message_id)
    if not request.user.is_officer and kept.sender_id != request.user.sender_id:
        raise NotFoundError(f"There is no message {message_id}.")
    return shapes.message(kept)


@get(
    "/notices",
    sync_to_thread=True,
    summary="Notices since a cursor, oldest first",
    operation_id="listNotices",
    opt=FOR_THE_KNOWN,
    tags=TAGS,
    responses=refusals("request.invalid", "auth.required", "not_found"),
)
def notices(
    request: AnyRequest,
    house: NamedDependency[House],
    after: After = 0,
    limit: Limit = PAGE_ROWS,
    form: DocumentForm = None,
) -> shapes.NoticePage:
    """What customs told: keep the after of each answer and ask with it next time, and none is missed or seen twice."""
    asking = request.user
    most = min(limit, DOCUMENTS_MAX) if form else limit
    found = house.store.notices(None if asking.is_officer else asking.sender_id, after, most)
    return shapes.NoticePage(
        notices=[
            shapes.NoticeShape.of(notice, _document(house.store, notice, form) if form else None) for notice in found
        ],
        after=found[-1].notice_id if found else after,
    )


def _document(store: Store, notice: Notice, form: str) -> bytes:
    return documents.document_of(store, notice, "" if form == "own" else form).content


@get(
    "/notices/{notice_id:int}/document",
    sync_to_thread=True,
    summary="One notice as a document",
    operation_id="readNoticeDocument",
    opt=FOR_THE_KNOWN,
    tags=TAGS,
    media_type="application/*",
    responses=refusals("request.invalid", "auth.required", "not_found"),
)
def notice_document(
    request: AnyRequest,
    house: NamedDependency[House],
    notice_id: Annotated[int, PathParameter(ge=1, le=ID_MAX, description="Its number")],
) -> Response[bytes]:
    """The notice in the sender's own language of answers: IE messages, CEB messages, JSON for posts, else a WCO response."""
    asking = request.user
    found = house.store.notices(None if asking.is_officer else asking.sender_id, notice_id - 1, 1)
    if not found or found[0].notice_id != notice_id:
        raise NotFoundError(f"There is no notice {notice_id}.")
    document = documents.document_of(house.store, found[0])
    return Response(document.content, media_type=document.media_type)
