"""Imported tariffs: which editions there are, and what one says of a commodity code on a day."""

from __future__ import annotations

from datetime import date
from typing import Any, Final

from litestar import Request, get
from litestar.datastructures import State
from litestar.di import NamedDependency
from litestar.response import Template
from msgspec import Struct

from tidewaiter.model.errors import NotFoundError, TidewaiterError
from tidewaiter.regimes import jurisdictions, legal_day_at
from tidewaiter.tariff.records import ERGA_OMNES, Gap, Line
from tidewaiter.tariff.tariff import Description, Tariff
from tidewaiter.tariff.telling import Told, told
from tidewaiter.web import problem, words
from tidewaiter.web.house import House, now
from tidewaiter.web.page import render
from tidewaiter.web.problem import WebError
from tidewaiter.web.public.law import legal_day
from tidewaiter.workflow.tariffs import Edition, Known, in_force, known

AnyRequest = Request[Any, Any, State]
FIELDS: Final = ("jurisdiction", "code", "on", "origin")
BELOW_SHOWN: Final = 200  # codes under one that only gathers others
GAPS_SHOWN: Final = 20
CODE_DIGITS: Final = range(2, 11)
COUNTRY_LETTERS: Final = 2


class Asked(Struct, frozen=True):
    """A code, and the goods' country of origin where one is given."""

    jurisdiction_code: str
    code: str
    on: date
    origin: str


class Answer(Struct, frozen=True):
    """What an edition says of a code: its place, the codes below it, the measures in words.

    `unmatched` are measures for groups of countries whose members are not held; only where an origin is given are they apart.
    """

    edition: Edition
    described: Description
    below: tuple[Line, ...]
    measures: tuple[tuple[Told, str], ...]  # each with the code of its area
    unmatched: tuple[tuple[Told, str], ...]
    gaps: tuple[Gap, ...]
    areas: dict[str, str]  # title by code
    states_measures: bool  # a mere nomenclature states none


@get("/tariffs", sync_to_thread=True)
def tariff_page(request: AnyRequest, house: NamedDependency[House]) -> Template:
    """The editions that were imported, and the answer to a code that stands in the address."""
    given = {name: request.query_params.get(name, "").strip() for name in FIELDS}
    shelf = known(house.store)
    asked, answer, refused = None, None, None
    if given["code"]:
        try:
            asked = _asked(given)
            answer = look_up(shelf, asked)
        except TidewaiterError as error:
            refused = problem.of(error)
    title = words.text("tariff.of", code=asked.code, day=asked.on.isoformat()) if asked else words.text("tariff.title")
    return render(
        request,
        "tariff.html",
        section="law",
        title=title,
        status=refused.status if refused else 200,
        given=given,
        asked=asked,
        answer=answer,
        refused=refused,
        editions=sorted(shelf.editions, key=lambda each: each.edition_id, reverse=True),
        options=[(code, code) for code in sorted(_choices(shelf, given["jurisdiction"]))],
        below_max=BELOW_SHOWN,
    )


def look_up(shelf: Known, asked: Asked) -> Answer:
    """What the edition in force says. Raises NotFoundError without one, NotInForceError for a code that is not in it."""
    edition = edition_on(shelf, asked.jurisdiction_code, asked.on)
    tariff = shelf.by_digest(edition.digest)
    described = tariff.describe(asked.code, asked.on)
    found = (
        tariff.measures(asked.code, asked.origin, asked.on)
        if asked.origin
        else tariff.all_measures(asked.code, asked.on)
    )
    apart = tariff.unmatched(asked.code, asked.on) if asked.origin else ()
    return Answer(
        edition=edition,
        described=described,
        below=() if described.is_declarable else _below(tariff, described, asked.on),
        measures=tuple((told(each), each.area) for each in found),
        unmatched=tuple((told(each), each.area) for each in apart),
        gaps=tariff.held.gaps[:GAPS_SHOWN],
        areas={each.area: _title(tariff, each.area) for each in (*found, *apart)},
        states_measures=bool(tariff.held.measures),
    )


def edition_on(shelf: Known, code: str, on: date) -> Edition:
    """The edition that goods to a jurisdiction fall under on a day. Raises NotFoundError where none is imported."""
    own = in_force(shelf.editions, code, on)
    found = own or (shelf.edition(code, on) if _modelled(code) else None)
    if found is None:
        there = sorted({f"{each.jurisdiction_code} from {each.in_force_from}" for each in shelf.editions})
        raise NotFoundError(
            f"No tariff of {code} is imported that is in force on {on}.",
            hint=f"Imported: {', '.join(there)}." if there else words.text("tariff.import"),
        )
    return found


def _title(tariff: Tariff, area: str) -> str:
    """What a group of countries is called; "" for a country, whose code says it."""
    if area == ERGA_OMNES:
        return words.text("tariff.everywhere")
    held = tariff.held.areas.get(area)
    return held.title if held is not None and area != held.title else ""


def _below(tariff: Tariff, described: Description, on: date) -> tuple[Line, ...]:
    return tariff.declarable(described.line.code[: max(described.line.digits, CODE_DIGITS[0])], on)


def _asked(given: dict[str, str]) -> Asked:
    """The question as it was typed. Raises WebError naming the field that cannot be understood."""
    jurisdiction = given["jurisdiction"].upper()
    if not _is_country(jurisdiction):
        raise WebError("request.invalid", words.text("tariff.no_jurisdiction"), place="query: jurisdiction")
    code = given["code"].replace(" ", "").replace(".", "")
    if not (code.isascii() and code.isdigit() and len(code) in CODE_DIGITS):
        detail = words.text("tariff.no_code", code=given["code"][:40])
        raise WebError("request.invalid", detail, hint=words.text("tariff.code_hint"), place="query: code")
    origin = given["origin"].upper()
    if origin and not _is_country(origin):
        detail = words.text("tariff.no_country", text=given["origin"][:40])
        raise WebError("request.invalid", detail, hint=words.text("tariff.country_hint"), place="query: origin")
    on = legal_day(given["on"]) if given["on"] else legal_day_at(jurisdiction, now())
    return Asked(jurisdiction, code, on, origin)


def _choices(shelf: Known, given: str) -> set[str]:
    """Whose tariffs may be chosen: those imported, and the one that was asked for where it may fall under one of them."""
    imported = {each.jurisdiction_code for each in shelf.editions}
    return imported | _modelled(given) if imported else set()


def _is_country(text: str) -> bool:
    return len(text) == COUNTRY_LETTERS and text.isascii() and text.isalpha()


def _modelled(code: str) -> set[str]:
    """The jurisdiction, where its law is modelled: it may fall under a parent's tariff."""
    return {code.upper()} & jurisdictions().keys()
