"""The law, the schema and the health of the service: open to anyone, for nothing in it is secret."""

from __future__ import annotations

from datetime import date
from typing import Annotated, Any, Final

import msgspec
from litestar import Response, get
from litestar.di import NamedDependency
from litestar.openapi.datastructures import ResponseSpec
from litestar.params import PathParameter, QueryParameter

from tidewaiter.messages import reference
from tidewaiter.web.api import shapes
from tidewaiter.web.api.described import refusals
from tidewaiter.web.house import House, now
from tidewaiter.web.public import law
from tidewaiter.web.public.draws import DAYS_SHOWN
from tidewaiter.web.public.service import readings

TAGS: Final = ["Service"]


@get(
    "/regimes/{jurisdiction:str}",
    sync_to_thread=True,
    summary="The law of one place on one day",
    operation_id="readRegime",
    security=[{}],
    tags=TAGS,
    responses=refusals("request.invalid", "law.not_in_force"),
)
def regime(
    jurisdiction: Annotated[str, PathParameter(pattern="^[A-Za-z]{2}$", description="ISO 3166-1 alpha-2")],
    on: Annotated[date, QueryParameter(name="on", description="The legal day, as 2026-07-14")],
    house: NamedDependency[House],
) -> shapes.Law:
    """Every figure in force that day, as it is applied, with its source."""
    found = law.law(house.store, jurisdiction.upper(), on)
    return shapes.Law(found.digest, found.law)


@get(
    "/draws",
    sync_to_thread=True,
    summary="What chance is made of",
    operation_id="readDraws",
    security=[{}],
    tags=TAGS,
)
def draws(house: NamedDependency[House]) -> shapes.Draws:
    """Each day's commitment to its seed, made before the day; the seed itself once the day is over (UTC)."""
    return shapes.Draws(tuple(house.store.commitments(now().date(), DAYS_SHOWN)))


@get(
    "/health",
    sync_to_thread=True,
    summary="Is everything at hand",
    operation_id="readHealth",
    security=[{}],
    tags=TAGS,
    responses={503: ResponseSpec(shapes.Health, description="Something is missing", generate_examples=False)},
)
def health(house: NamedDependency[House]) -> Response[shapes.Health]:
    """200 where clearance can work, 503 where it cannot."""
    is_well, found = readings(house)
    return Response(shapes.Health(is_well, found), status_code=200 if is_well else 503)


@get(
    "/schema/declaration",
    sync_to_thread=True,
    summary="The declaration as JSON Schema",
    operation_id="readDeclarationSchema",
    security=[{}],
    tags=TAGS,
    media_type="application/schema+json",
)
def declaration_schema() -> Response[dict[str, Any]]:
    """What a declaration in JSON may hold, each element with its WCO id."""
    return Response(msgspec.json.decode(reference.json_schema()), media_type="application/schema+json")
