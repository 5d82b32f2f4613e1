"""The public page of quotes: what will it cost, may it come in, who pays, when. Nobody has to sign in; nothing needs a script."""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal
from functools import cache
from typing import Any, Final

import anyio.to_thread
import pycountry
from litestar import Request, get, post
from litestar.datastructures import State
from litestar.di import NamedDependency
from litestar.params import FromPath
from litestar.response import Redirect, Template
from msgspec import Struct

from tidewaiter.model.assessment import Assessment, ChargeKind, Collection
from tidewaiter.model.errors import NotInForceError, TidewaiterError
from tidewaiter.model.finding import Finding, Severity
from tidewaiter.model.money import Money
from tidewaiter.quotes.basket import BYTES_MAX, Trade
from tidewaiter.quotes.quote import Quote, QuoteImpossibleError
from tidewaiter.regimes import jurisdictions, load_regime
from tidewaiter.web import words
from tidewaiter.web.desk import trace
from tidewaiter.web.house import House
from tidewaiter.web.pace import keep_pace
from tidewaiter.web.page import number, render
from tidewaiter.web.public import law
from tidewaiter.web.public.basket_form import ROWS_MAX, BasketForm
from tidewaiter.workflow.quoting import KEPT_DAYS, GivenQuote, registration_in

AnyRequest = Request[Any, Any, State]
ITEMS_SHOWN: Final = 100  # lines in the table; the number and the interface for machines have all
MORE, LOOK, ASK = "more", "look", "ask"


class LineCost(Struct, frozen=True):
    """What one line of the basket costs: its price and the charges on it, by kind; 0 is the whole."""

    line_no: int
    description: str
    commodity_code: str
    price: Money | None
    amounts: dict[str, Decimal]
    total: Decimal


class Traced(Struct, frozen=True):
    """What the trace's part of the page needs."""

    trace: trace.Trace


@get("/quote", sync_to_thread=True)
def quote_form(request: AnyRequest, house: NamedDependency[House]) -> Template:
    """The form, empty or filled with a quote given before (`change`) or a place asked for (`to`)."""
    again = request.query_params.get("change", "")
    if again:
        return _form(request, house, BasketForm.again(house.quoting.find(again).quote), ())
    to = request.query_params.get("to", "").upper()
    return _form(request, house, BasketForm(to=to if to in jurisdictions() else ""), ())


@post("/quote", status_code=200, request_max_body_size=BYTES_MAX)
async def quote_ask(request: AnyRequest, house: NamedDependency[House]) -> Redirect | Template:
    """Give a quote and show it under its number; what is wrong is said beside its field."""
    fields = await request.form()
    return await anyio.to_thread.run_sync(_asked, request, house, dict(fields))


@get("/quote/{quote_id:str}", sync_to_thread=True)
def quote_page(request: AnyRequest, house: NamedDependency[House], quote_id: FromPath[str]) -> Template:
    """A quote by its number. Raises what `Quoting.find` raises."""
    given = house.quoting.find(quote_id)
    quote = given.quote
    return render(
        request,
        "quote.html",
        section="quote",
        title=words.text("quote.of", place=jurisdictions().get(quote.basket.jurisdiction_code, "")),
        given=given,
        quote=quote,
        place=jurisdictions().get(quote.basket.jurisdiction_code, quote.basket.jurisdiction_code),
        lines=lines_of(quote)[: ITEMS_SHOWN + 1],
        kinds=[kind.value for kind in ChargeKind if any(charge.kind is kind for charge in quote.assessment.charges)],
        is_cut=len(quote.basket.goods_items) > ITEMS_SHOWN,
        view=Traced(trace.arrange(quote.assessment)),
        titles=law.titles(house.store, quote.regime_digest),
        unconfirmed=unconfirmed(quote.assessment),
        is_current=quote.legal_day <= house.quoting.today(quote.basket.jurisdiction_code) <= quote.valid_until,
        can_change=_is_changeable(quote),
    )


def lines_of(quote: Quote) -> list[LineCost]:
    """Each line with what is charged on it, as the assessment has it; the whole last, where anything is charged on it."""
    amounts: dict[int, dict[str, Decimal]] = {}
    for charge in quote.assessment.charges:
        if charge.collection is not Collection.NONE:
            of_line = amounts.setdefault(charge.line_no, {})
            of_line[charge.kind.value] = of_line.get(charge.kind.value, Decimal(0)) + charge.result.amount
    found = [
        LineCost(
            place, item.description, item.commodity_code, item.invoice_price, amounts.get(place, {}),
            sum(amounts.get(place, {}).values(), Decimal(0)),
        )
        for place, item in enumerate(quote.basket.goods_items, 1)
    ]  # fmt: skip
    if 0 in amounts:
        found.append(LineCost(0, "", "", None, amounts[0], sum(amounts[0].values(), Decimal(0))))
    return found


def unconfirmed(assessment: Assessment) -> list[str]:
    """The measures used that were not confirmed against the official text."""
    return [measure_id for measure_id, citation in assessment.citations.items() if not citation.confirmed]


def _asked(request: AnyRequest, house: House, fields: dict[str, Any]) -> Redirect | Template:
    form = BasketForm.of(fields)
    action = str(fields.get("action", ASK))
    if action in (MORE, LOOK):
        return _form(request, house, form.with_more() if action == MORE else form, ())
    keep_pace(request, house.quote_pace, house.settings.quotes_a_minute_max)
    try:
        given = _given(house, form)
    except QuoteImpossibleError as refused:
        return _form(request, house, form, refused.findings)
    except NotInForceError as refused:
        pointer = "jurisdiction_code"
        return _form(request, house, form, (_error("law.not_in_force", pointer, refused.detail, refused.hint),))
    return Redirect(f"/quote/{given.quote_id}", status_code=303)


def _given(house: House, form: BasketForm) -> GivenQuote:
    basket, wrong = form.basket()
    if not form.to:
        wrong.append(_error("quote.no_place", "jurisdiction_code", words.text("quote.no_place")))
    if not basket.goods_items:
        wrong.append(_error("quote.no_goods", "", words.text("quote.no_goods")))
    try:
        on = form.legal_day()
    except ValueError:
        wrong.append(_error("quote.no_day", "", words.text("quote.no_day", text=form.on[:40])))
        on = None
    if wrong:
        raise QuoteImpossibleError(wrong)
    return house.quoting.give(basket, on)


def _error(code: str, pointer: str, said: str, hint: str = "") -> Finding:
    return Finding(code, Severity.ERROR, pointer, f"{said[:1].upper()}{said[1:].rstrip('.')}.", hint=hint)


def _form(request: AnyRequest, house: House, form: BasketForm, found: Sequence[Finding]) -> Template:
    findings = [finding for finding in found if finding.severity is Severity.ERROR]
    places = form.places(findings)
    return render(
        request,
        "quote_form.html",
        section="quote",
        title=words.text("quote.title"),
        status=422 if findings else 200,
        form=form,
        today=house.quoting.today(form.to).isoformat(),
        known=sorted(jurisdictions().items(), key=lambda each: each[1]),
        trades=[trade.value for trade in Trade],
        countries=countries(),
        registration=_registration(house, form),
        findings=findings,
        places=places,
        field_of={id(finding): field for field, several in places.items() for finding in several},
        label_of=_label,
        rows_max=ROWS_MAX,
        kept_days=number(KEPT_DAYS),
    )


def _label(field: str) -> str:
    """What a field is called, with its line: "Line 2, price of the line"."""
    name, _, line = field.partition("-")
    label = words.text(f"quote.{name}")
    return f"{words.text('common.line', n=line)}, {label[:1].lower()}{label[1:]}" if line else label


def _registration(house: House, form: BasketForm) -> str | None:
    """What a seller's registration is called where the goods go; "" where there is none, None where no place is chosen."""
    if form.to not in jurisdictions():
        return None
    try:
        found = registration_in(load_regime(form.to, form.legal_day() or house.quoting.today(form.to)))
    except (TidewaiterError, ValueError):
        return None
    return found.title if found else ""


def _is_changeable(quote: Quote) -> bool:
    """True where the page's form can say the same: one currency, and not more lines than it has."""
    basket = quote.basket
    amounts = [item.invoice_price for item in basket.goods_items] + [basket.freight, basket.insurance]
    is_one = len({each.currency for each in amounts if each is not None}) <= 1
    return is_one and len(basket.goods_items) <= ROWS_MAX and basket.discount is None


@cache
def countries() -> list[tuple[str, str]]:
    """Codes and names of all countries, by name."""
    return sorted(((each.alpha_2, each.name) for each in pycountry.countries), key=lambda each: each[1])
