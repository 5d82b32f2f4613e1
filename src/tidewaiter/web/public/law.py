"""The law of one place on one day, as it is applied: every figure with its source."""

from __future__ import annotations

from datetime import date
from typing import Any, Final

import msgspec
from litestar import Request, get
from litestar.datastructures import State
from litestar.di import NamedDependency
from litestar.params import FromPath
from litestar.response import Redirect, Template
from msgspec import Struct

from tidewaiter.model.assessment import Citation
from tidewaiter.model.errors import NotFoundError
from tidewaiter.regimes import Regime, jurisdictions, legal_day_at
from tidewaiter.regimes.law import Content
from tidewaiter.regimes.report import in_unit, known_gaps, open_questions
from tidewaiter.web import words
from tidewaiter.web.house import House, now
from tidewaiter.web.page import render
from tidewaiter.web.problem import WebError
from tidewaiter.workflow.ports import Store
from tidewaiter.workflow.tariffs import known as known_tariffs

AnyRequest = Request[Any, Any, State]


class Measure(Struct, frozen=True):
    """One piece of law as the page shows it."""

    measure_id: str
    title: str
    value: str
    since: date | None
    citation: Citation | None


class Titles(Struct, frozen=True):
    """Of a regime's content, the titles only."""

    titles: dict[str, str]


@get("/regimes", sync_to_thread=True)
def law_start() -> Redirect:
    """To the law of the first jurisdiction, today."""
    return Redirect(f"/regimes/{next(iter(jurisdictions()))}", status_code=303)


@get("/regimes/{jurisdiction:str}", sync_to_thread=True)
def law_page(request: AnyRequest, house: NamedDependency[House], jurisdiction: FromPath[str]) -> Template:
    """The law of one jurisdiction on the day in the address; today where none is given."""
    code = jurisdiction.upper()
    given = request.query_params.get("on", "")
    on = legal_day(given) if given else legal_day_at(code, now())
    regime = law(house.store, code, on)
    content = regime.law
    return render(
        request,
        "law.html",
        section="law",
        title=words.text("law.of", jurisdiction=code, day=on.isoformat()),
        code=code,
        on=on,
        known=jurisdictions(),
        digest=regime.digest,
        content=content,
        figures=figures(content),
        schemes=schemes(content),
        others=others(content),
        questions=open_questions(regime),
        gaps=known_gaps(code),
    )


def law(store: Store, code: str, on: date) -> Regime:
    """The law by which parcels are decided, on the tariff imported for the day if there is one. Raises NotInForceError."""
    return known_tariffs(store).regime(code, on)


def titles(store: Store, digest: str) -> dict[str, str]:
    """What each measure of a regime that was used is called; nothing where it is no longer kept."""
    try:
        return msgspec.json.decode(store.knowledge(digest), type=Titles).titles
    except NotFoundError:
        return {}


def legal_day(text: str) -> date:
    """The day written in `text`; today for an empty one. Raises WebError."""
    try:
        return date.fromisoformat(text) if text else now().date()
    except ValueError as error:
        raise WebError(
            "request.invalid", f"{text[:40]!r} is not a day.", hint="A day as 2026-03-31.", place="query: on"
        ) from error


def figures(content: Content) -> list[Measure]:
    """The numbers of the law, by id."""
    return [
        Measure(
            figure.measure_id,
            figure.title,
            in_unit(f"{figure.value:f}", figure.unit),
            figure.since,
            content.citations.get(measure_id),
        )
        for measure_id, figure in sorted(content.figures.items())
    ]


def schemes(content: Content) -> list[Measure]:
    """The schemes in the order they are tried, with the charges each leads to in words."""
    return [
        Measure(
            scheme.measure_id,
            scheme.title,
            "; ".join(_charge_words(content, use.charge, use.collection) for use in scheme.charges),
            None,
            content.citations.get(scheme.measure_id),
        )
        for scheme in content.schemes
    ]


def others(content: Content) -> list[Measure]:
    """What is in force beside figures and schemes: charges, roundings, values, rates, lists, obligations."""
    shown = {*content.figures, *(scheme.measure_id for scheme in content.schemes)}
    return [
        Measure(measure_id, content.titles[measure_id], _other_value(content, measure_id), None, citation)
        for measure_id, citation in sorted(content.citations.items())
        if measure_id not in shown
    ]


def _other_value(content: Content, measure_id: str) -> str:
    if measure_id in content.roundings:
        return content.roundings[measure_id].words
    if measure_id in content.exchanges:
        return content.exchanges[measure_id].words
    listed = content.valuations.get(measure_id) or content.goods.get(measure_id) or content.gaps.get(measure_id)
    return ", ".join(listed) if listed else content.rules.get(measure_id, "")


def _charge_words(content: Content, charge_id: str, collection: str) -> str:
    charge = content.charges.get(charge_id)
    return f"{charge.title if charge else charge_id}, {words.text(COLLECTION[collection])}"


COLLECTION: Final = {kind: f"collection.{kind}" for kind in ("border", "sale", "none")}
