"""The record over HTTP: logs as tiles for anyone (c2sp.org/tlog-tiles), entries and receipts for whose parcel it is."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Annotated, Any, Final

from litestar import Request, Response, get
from litestar.datastructures import State
from litestar.di import NamedDependency
from litestar.params import FromPath, QueryParameter
from msgspec import Meta, Struct

from tidewaiter.ledger.leaves import Leaf
from tidewaiter.ledger.tiles import Tile
from tidewaiter.model.errors import NotFoundError
from tidewaiter.web import lookup
from tidewaiter.web.api.described import refusals
from tidewaiter.web.api.reading import Reference
from tidewaiter.web.house import House
from tidewaiter.web.principal import FOR_THE_KNOWN, Principal
from tidewaiter.workflow.recording import OFFICERS_ONLY, subject_of
from tidewaiter.workflow.recording_logs import policy_of
from tidewaiter.workflow.recording_opened import RecordStore, receipt

AnyRequest = Request[Principal, Any, State]
TAGS: Final = ["Record"]
TEXT: Final = "text/plain; charset=utf-8"
BYTES: Final = "application/octet-stream"
FOR_EVERYBODY: Final = {"access-control-allow-origin": "*", "cross-origin-resource-policy": "cross-origin"}
FOR_EVER: Final = {**FOR_EVERYBODY, "cache-control": "public, max-age=31536000, immutable"}
FOR_AN_HOUR: Final = {**FOR_EVERYBODY, "cache-control": "public, max-age=3600"}
NOT_KEPT: Final = {**FOR_EVERYBODY, "cache-control": "no-cache"}

Fields = Annotated[
    str,
    QueryParameter(
        name="fields",
        max_length=500,
        description="Names of fields to tell, separated by commas; all that may be told where empty",
    ),
]


class EntryShape(Struct, frozen=True):
    """One entry on a parcel, as it stands in the open."""

    log: Annotated[str, Meta(description="The log's origin")]
    index: Annotated[int, Meta(description="Its number in the log, taken when it was committed")]
    type: Annotated[str, Meta(description="What was done", examples=["decided"])]
    facts: Annotated[dict[str, str | int], Meta(description="What it says in the open")]
    recorded_from: Annotated[datetime, Meta(description="The quarter hour it was recorded in begins then")]
    is_sealed: Annotated[
        bool, Meta(description="Whether a signed checkpoint covers it; a second after it was recorded")
    ]


class RecordShape(Struct, frozen=True):
    """What is recorded on a parcel."""

    scope: Annotated[str, Meta(description="What its entries share in the log; empty where nothing is recorded")]
    code: Annotated[str, Meta(description="What a buyer follows the parcel with, beside its number, at /track")]
    entries: Annotated[list[EntryShape], Meta(description="The oldest first")]


# --- logs, for anyone --------------------------------------------------------------------------------------------


@get("/policy", sync_to_thread=True, include_in_schema=False)
def log_policy(house: NamedDependency[House]) -> Response[bytes]:
    """Whom who verifies has to believe, as c2sp.org/tlog-policy: each year's log and its key."""
    return Response(policy_of(house.store.logs).text, media_type=TEXT, headers=NOT_KEPT)


@get("/{year:int}/key", sync_to_thread=True, include_in_schema=False)
def log_key(house: NamedDependency[House], year: FromPath[int]) -> Response[str]:
    """The key of a year's log, as c2sp.org/signed-note has it."""
    log = house.store.logs.log(str(year))
    return Response(f"{house.store.logs.verifier(log.origin).text}\n", media_type=TEXT, headers=FOR_AN_HOUR)


@get("/{year:int}/checkpoint", sync_to_thread=True, include_in_schema=False)
def log_checkpoint(house: NamedDependency[House], year: FromPath[int]) -> Response[bytes]:
    """How far a year's log is sealed, signed."""
    log = house.store.logs.log(str(year))
    if not log.note:
        raise NotFoundError(f"nothing of the log of {year} is sealed yet")
    return Response(log.note, media_type=TEXT, headers=NOT_KEPT)


@get("/{year:int}/tile/{path:path}", sync_to_thread=True, include_in_schema=False)
def log_tile(house: NamedDependency[House], year: FromPath[int], path: FromPath[str]) -> Response[bytes]:
    """A tile of hashes or a bundle of entries. Full ones never change; partial ones give way to larger ones."""
    name = f"tile/{path.strip('/')}"
    content = house.store.logs.file(house.store.logs.log(str(year)), name)
    if content is None:
        raise NotFoundError(f"the log of {year} has no {name[:100]}")
    return Response(content, media_type=BYTES, headers=FOR_AN_HOUR if Tile.parse(name).is_partial else FOR_EVER)


# --- parcels, for whose they are -------------------------------------------------------------------------------------


@get(
    "/declarations/{reference:str}/record",
    sync_to_thread=True,
    summary="What is recorded on a declaration",
    operation_id="readRecord",
    opt=FOR_THE_KNOWN,
    tags=TAGS,
    responses=refusals("request.invalid", "auth.required", "not_found"),
)
def declaration_record(request: AnyRequest, house: NamedDependency[House], reference: Reference) -> RecordShape:
    """Its entries in the shared record, and the code by which the buyer follows it."""
    row = lookup.decision(house.store, reference, request.user).row
    return record_shape(house.store, row.declaration_id)


@get(
    "/declarations/{reference:str}/receipt",
    sync_to_thread=True,
    summary="A receipt that is verified offline",
    operation_id="readReceipt",
    opt=FOR_THE_KNOWN,
    tags=TAGS,
    media_type="application/json",
    responses=refusals("request.invalid", "auth.required", "not_found"),
)
def declaration_receipt(
    request: AnyRequest, house: NamedDependency[House], reference: Reference, fields: Fields = ""
) -> Response[bytes]:
    """Each entry with the proof that it stands in the log, and the fields asked for: `tidewaiter ledger verify-receipt`."""
    row = lookup.decision(house.store, reference, request.user).row
    names = [name.strip() for name in fields.split(",") if name.strip()]
    kept_back = () if request.user.is_officer else OFFICERS_ONLY
    found = receipt(house.store, row.declaration_id, names=names or None, but=kept_back)
    return Response(found.text, media_type="application/json")


def record_shape(store: RecordStore, declaration_id: int) -> RecordShape:
    """What is recorded on a declaration, as readers are told."""
    logs = {log.origin_id: log for log in store.logs.logs()}
    found = [(each, Leaf.parse(each.entry)) for each in store.logs.of_subject(subject_of(declaration_id))]
    return RecordShape(
        scope=found[-1][1].scope if found else "",
        code=store.logs.code(subject_of(declaration_id)),
        entries=[
            EntryShape(
                log=logs[each.origin_id].origin,
                index=each.index,
                type=leaf.type,
                facts=leaf.facts,
                recorded_from=datetime.fromtimestamp(leaf.at, UTC),
                is_sealed=each.index < logs[each.origin_id].sealed_size,
            )
            for each, leaf in found
        ],
    )
