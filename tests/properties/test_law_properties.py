"""What holds of the law of every jurisdiction on every day it is modelled, whatever is declared.

Circumstances are drawn from the words the law itself asks about (statements, scheme numbers, origins, codes), so that a
jurisdiction entered tomorrow is covered tomorrow. Where a law has a cliff, the test reads it in the law's own data.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date, timedelta
from decimal import Decimal
from itertools import product
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec import to_builtins
from msgspec.structs import replace

from tidewaiter.assessment import assess
from tidewaiter.assessment.compiled import charging_law
from tidewaiter.model.assessment import Assessment, Collection
from tidewaiter.model.canonical import canonical_bytes
from tidewaiter.model.declaration import (
    AdditionalInformation,
    Address,
    Consignment,
    Declaration,
    GoodsItem,
    Party,
    TransportMeans,
)
from tidewaiter.model.errors import NotInForceError
from tidewaiter.model.money import Money
from tidewaiter.regimes import Regime, jurisdictions, load_regime
from tidewaiter.regimes.documents import Dated
from tidewaiter.regimes.law import Exchange
from tidewaiter.regimes.library import _content, as_of, lineage, merged
from tidewaiter.regimes.regime import EXCHANGE

LAST = date(2026, 10, 15)  # rates are known up to here
CENT = Decimal("0.01")
CODES = sorted(jurisdictions())
GOODS = ["610910", "851713", "330300", "490199", "42022210", "020712", "640399", "220421", "950300", ""]
THRESHOLDS = ("at_most", "_above", "_below")


# --- what the law asks about ---------------------------------------------------------------------------------


def conditions(content: Any) -> Iterator[tuple[str, Any]]:
    """Every key and value of every condition, however deep."""
    law = to_builtins(content)
    whens = [each["when"] for each in (*law["schemes"], *law.get("addons", ())) if "when" in each]
    whens += [
        use["when"] for each in (*law["schemes"], *law.get("addons", ())) for use in each["charges"] if "when" in use
    ]
    while whens:
        when = whens.pop()
        if isinstance(when, list):
            whens += [each for each in when if isinstance(each, dict)]
            continue
        for key, value in when.items():
            yield key, value
            if key in ("any", "all", "not"):
                whens.append(value)


def asked(regime: Regime, key: str) -> list[str]:
    """The words the law names under one key of its conditions."""
    found = [
        each for name, value in conditions(regime.law) if name == key and isinstance(value, list) for each in value
    ]
    return sorted(set(found))


def since(code: str) -> date:
    return max(book.jurisdiction.modelled_since for book in lineage(code))


def changes(code: str) -> list[date]:
    """The days on which some measure of a jurisdiction begins or ends, within what is modelled."""
    days = {
        day
        for _, document in merged(lineage(code)).values()
        for day, value in document.values.items()
        if isinstance(value, str) or value.status != "expected"
    }
    return sorted(day for day in days if since(code) < day <= LAST)


@st.composite
def regimes(draw: st.DrawFn) -> Regime:
    """The law of any jurisdiction on any day, days of change and their neighbours often among them."""
    code = draw(st.sampled_from(CODES))
    any_day = st.dates(since(code), LAST)
    near = [
        day + timedelta(days=by)
        for day in changes(code)
        for by in (-1, 0, 1)
        if since(code) <= day + timedelta(days=by) <= LAST
    ]
    return load_regime(code, draw(st.sampled_from(near) | any_day if near else any_day))


def some(draw: st.DrawFn, choices: list[str]) -> str:
    return draw(st.sampled_from(["", *choices])) if choices else ""


def prices(regime: Regime) -> st.SearchStrategy[Decimal]:
    """Prices of all sizes, many about a limit of the law, in the currency's usual quantum."""
    limits = sorted({limit for limit in cliffs(regime) if limit}) or [Decimal(150)]
    near = st.sampled_from(limits).flatmap(
        lambda limit: st.integers(-2, 2).map(lambda by: max((limit + by * CENT).quantize(CENT), Decimal(0)))
    )
    return near | st.decimals(min_value=0, max_value=max(limits) * 3, places=2)


@st.composite
def declarations(draw: st.DrawFn, regime: Regime, lines_max: int = 5) -> Declaration:
    """A declaration in circumstances that the regime's law tells apart."""
    origins = sorted({*asked(regime, "every_origin"), *asked(regime, "any_origin"), *asked(regime, "export_country")})
    countries = ["CN", "US", *origins]
    additional = some(
        draw, sorted({*asked(regime, "every_additional_procedure"), *asked(regime, "any_additional_procedure")})
    )
    shape = some(draw, [*asked(regime, "scheme_id_like"), *asked(regime, "seller_id_like")])
    statement = some(draw, asked(regime, "statement"))
    currencies = st.sampled_from([regime.currency, regime.currency, "EUR", "USD"])
    currency, is_of_one_currency = draw(currencies), draw(st.booleans())
    money = st.none() | st.builds(Money, st.decimals(min_value=0, max_value=50, places=2), st.just(currency))
    goods = [*GOODS, *(prefix.ljust(6, "0") for prefix in asked(regime, "any_goods"))]
    items = tuple(
        GoodsItem(
            line_no=number,
            description=draw(st.sampled_from(["shirt", "lamp"])),
            commodity_code=draw(st.sampled_from(goods)),
            invoice_price=Money(draw(prices(regime)), currency if is_of_one_currency else draw(currencies)),
            origin_country_code=draw(st.sampled_from(countries)),
            quantity=draw(st.sampled_from([None, Decimal(1), Decimal(2)])),
            net_mass_kg=Decimal("0.5"),
            gross_mass_kg=Decimal("0.6"),
            additional_procedure_codes=(additional,) if additional else (),
        )
        for number in range(1, draw(st.integers(1, lines_max)) + 1)
    )
    is_post = draw(st.booleans())
    return Declaration(
        jurisdiction_code=regime.jurisdiction_code,
        goods_items=items,
        freight=draw(money),
        insurance=draw(money),
        discount=draw(money),
        tax_collected_at_sale=draw(st.none() | st.just(Money(Decimal(5), regime.currency))),
        seller=Party(party_id=shape.replace("·", "1")) if shape else None,
        consignee=Party(address=Address(subdivision=some(draw, asked(regime, "subdivision")))),
        additional_information=(AdditionalInformation(statement_code=statement),) if statement else (),
        consignment=Consignment(
            export_country_code=draw(st.sampled_from(countries)),
            border_transport=TransportMeans(mode_code="5" if is_post else "4"),
        ),
    )


@st.composite
def cases(draw: st.DrawFn, lines_max: int = 5) -> tuple[Declaration, Regime]:
    regime = draw(regimes())
    return draw(declarations(regime, lines_max)), regime


def attempt(declaration: Declaration, regime: Regime) -> Assessment | None:
    """The assessment; None where the law has amounts in a currency without a rate on that day."""
    try:
        return assess(declaration, regime)
    except NotInForceError:
        return None


def cliffs(regime: Regime) -> set[Decimal]:
    """Every amount at which the law may change its mind, in the regime's currency: read in its data."""
    figures = regime.figures
    named = [value for key, value in conditions(regime.law) if key.endswith(THRESHOLDS)]
    named += [figure for key, value in conditions(regime.law) if key == "within_counter" for figure in value.values()]
    for scheme in (*regime.law.schemes, *regime.law.addons):
        named += [use.items_up_to for use in scheme.charges]
    for charge in regime.law.charges.values():
        named += [band.up_to for band in charge.rate.bands]
    found = {each for value in named for each in ([value] if isinstance(value, str) else value) if each in figures}
    amounts = set()
    for each in found:
        try:
            amounts.add(figures[each].value)
        except NotInForceError:
            continue
    return amounts


# --- invariants ----------------------------------------------------------------------------------------------


@settings(deadline=None, max_examples=60)
@given(cases())
def test_totals_are_the_sums_of_their_lines(case: tuple[Declaration, Regime]) -> None:
    assessment = attempt(*case)
    if assessment is None:
        return
    for collection, total in ((Collection.BORDER, assessment.due), (Collection.SALE, assessment.collected_at_sale)):
        assert (
            sum((c.result.amount for c in assessment.charges if c.collection is collection), Decimal(0)) == total.amount
        )
        assert total.amount >= 0
        assert total.currency == case[1].currency
    used = {c.measure_id for c in assessment.charges} | {s.measure_id for c in assessment.charges for s in c.steps}
    assert {each for each in used if each} <= assessment.citations.keys(), "each figure shown is cited"
    quanta = {rounding.words: rounding.quantum for rounding in case[1].law.roundings.values()}
    for charge in assessment.charges:
        if charge.rate == "sum of the lines, rounded":
            assert (charge.base.amount + charge.result.amount) % quanta[charge.rounding] == 0
        elif charge.rounding:
            assert charge.result.amount % quanta[charge.rounding] == 0
            assert abs(charge.result.amount - charge.unrounded) < quanta[charge.rounding]


@settings(deadline=None, max_examples=60)
@given(cases(), st.randoms(use_true_random=False))
def test_in_which_order_lines_are_listed_changes_no_byte(case: tuple[Declaration, Regime], random: Any) -> None:
    declaration, regime = case
    items = list(declaration.goods_items)
    random.shuffle(items)
    shuffled = replace(declaration, goods_items=tuple(items))
    one, other = attempt(declaration, regime), attempt(shuffled, regime)
    assert canonical_bytes(one) == canonical_bytes(other)


@settings(deadline=None, max_examples=80)
@given(cases(), st.data())
def test_another_currency_at_the_rate_of_one_is_the_same_amount(case: tuple[Declaration, Regime], data: Any) -> None:
    """XTS is ISO 4217's code for tests: here it is worth exactly one unit of the regime's own currency."""
    declaration, regime = case
    rates = dict(regime.exchange.rates) | {"XTS": (Decimal(1), Decimal(1))}
    exchange = Exchange(words=regime.exchange.words, published_on=regime.exchange.published_on, rates=rates)
    with_test_money = Regime.of(replace(regime.law, exchanges={**regime.law.exchanges, EXCHANGE: exchange}))

    def priced_in(currency: str) -> Declaration:
        def relabelled(money: Money | None) -> Money | None:
            return None if money is None else Money(money.amount, currency)

        return replace(
            declaration,
            goods_items=tuple(
                replace(item, invoice_price=relabelled(item.invoice_price)) for item in declaration.goods_items
            ),
            freight=relabelled(declaration.freight),
            insurance=relabelled(declaration.insurance),
            discount=relabelled(declaration.discount),
        )

    one, other = attempt(priced_in(regime.currency), with_test_money), attempt(priced_in("XTS"), with_test_money)
    if one is None or other is None:
        assert one is other
        return
    assert (one.scheme, one.charges, one.due, one.collected_at_sale, one.intrinsic_value, one.customs_value) == (
        other.scheme, other.charges, other.due, other.collected_at_sale, other.intrinsic_value, other.customs_value
    )  # fmt: skip


@settings(deadline=None, max_examples=150)
@given(cases(lines_max=1), st.data())
def test_what_is_owed_grows_with_value_between_the_cliffs_of_the_law(
    case: tuple[Declaration, Regime], data: st.DataObject
) -> None:
    """Whatever is collected, at the sale or at the border. Between two amounts with no limit of the law in between."""
    declaration, regime = case
    declaration = replace(declaration, freight=None, insurance=None, discount=None)
    (item,) = declaration.goods_items
    assert item.invoice_price is not None
    currency, low = item.invoice_price.currency, item.invoice_price.amount
    high = low + data.draw(st.decimals(min_value=0, max_value=100, places=2))

    def of(amount: Decimal) -> Assessment | None:
        return attempt(
            replace(declaration, goods_items=(replace(item, invoice_price=Money(amount, currency)),)), regime
        )

    less, more = of(low), of(high)
    if less is None or more is None or less.unresolved or more.unresolved:
        return
    parts = [regime.figures[each.share].value / 100 for each in regime.law.price_shares.values()]
    articles = item.quantity or Decimal(1)
    for limit in cliffs(regime):
        for factor in (Decimal(1), *parts, 1 / articles):
            if less.intrinsic_value.amount * factor - CENT <= limit <= more.intrinsic_value.amount * factor + CENT:
                return
    assert less.due.amount + less.collected_at_sale.amount <= more.due.amount + more.collected_at_sale.amount


@settings(deadline=None, max_examples=60)
@given(cases(lines_max=3), st.data())
def test_splitting_a_line_changes_no_more_than_its_roundings(
    case: tuple[Declaration, Regime], data: st.DataObject
) -> None:
    """A line of two articles, or two lines of one: the same within the roundings of the lines there are.

    The bound is exact: each charge of either assessment is off by less than its quantum, and what is reckoned on it by
    that times its rate, of which none is above 100 %; the value of a line is off by less than its own quantum. Not
    for laws that look at lines by themselves: a relief that takes lines while they fit (`items_up_to`), or bases
    cut to thousands (`base_rounding`).
    """
    declaration, regime = case
    if any(charge.base_rounding for charge in regime.law.charges.values()):
        return
    first, *others = declaration.goods_items
    assert first.invoice_price is not None
    half = Money(first.invoice_price.amount.quantize(Decimal(1)), first.invoice_price.currency)
    mass = {"net_mass_kg": Decimal(1), "gross_mass_kg": Decimal(1)}
    whole = replace(first, invoice_price=Money(half.amount * 2, half.currency), quantity=Decimal(2), **mass)
    parts = [
        replace(
            first,
            line_no=number,
            invoice_price=half,
            quantity=Decimal(1),
            net_mass_kg=CENT * 50,
            gross_mass_kg=CENT * 50,
        )
        for number in (1, 9)
    ]
    one = attempt(replace(declaration, goods_items=(whole, *others)), regime)
    other = attempt(replace(declaration, goods_items=(parts[0], *others, parts[1])), regime)
    if one is None or other is None or one.unresolved or other.unresolved:
        return
    assert one.scheme == other.scheme
    scheme = next((each for each in regime.law.schemes if each.measure_id == one.scheme), None)
    if scheme is None or any(use.items_up_to for use in scheme.charges):
        return  # a dataset on which nothing is worked out, or a law outside the bound
    quanta = {rounding.words: rounding.quantum for rounding in regime.law.roundings.values()}
    value_quantum = regime.law.roundings["rounding.value"].quantum
    off = sum(
        (quanta[c.rounding] + value_quantum for each in (one, other) for c in each.charges if c.rounding), Decimal(0)
    )
    levels = 1 + len({c.measure_id for c in one.charges})
    for name in ("due", "collected_at_sale"):
        assert abs(getattr(one, name).amount - getattr(other, name).amount) <= off * levels


@settings(deadline=None, max_examples=60)
@given(cases())
def test_kept_law_gives_the_same_bytes(case: tuple[Declaration, Regime]) -> None:
    declaration, regime = case
    again = Regime.from_content(regime.content)
    assert canonical_bytes(attempt(declaration, again)) == canonical_bytes(attempt(declaration, regime))


@pytest.mark.parametrize("code", CODES)
def test_law_added_later_changes_no_earlier_day(code: str) -> None:
    """Every measure is given another value from the day after: the law of the day before is the same to the byte."""
    days = [since(code), *(day - timedelta(days=1) for day in changes(code)), *changes(code), LAST]
    for on in dict.fromkeys(days):
        later = on + timedelta(days=1)
        books = tuple(
            replace(
                book,
                documents={
                    measure_id: replace(document, values={**document.values, later: Dated("another")})
                    for measure_id, document in book.documents.items()
                },
            )
            for book in lineage(code)
        )
        assert Regime.of(_content(books, on)).content == load_regime(code, on).content, on


# --- boundaries ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("code", CODES)
def test_a_change_of_law_holds_from_its_day_and_not_before(code: str) -> None:
    """On each day of change what begins is there and began that day; the day before it was not; all three compile."""
    documents = merged(lineage(code))
    for day in changes(code):
        before, on = load_regime(code, day - timedelta(days=1)), load_regime(code, day)
        begun = [
            each
            for each, (_, document) in documents.items()
            if day in document.values and _is_law(document.values[day])
        ]
        assert begun, f"{day} is a day of change"
        for measure_id in begun:
            values = documents[measure_id][1].values
            assert as_of(values, day) != as_of(values, day - timedelta(days=1))
            if measure_id in on.law.figures:
                assert on.law.figures[measure_id].since == day
                assert measure_id not in before.law.figures or before.law.figures[measure_id].since < day
        for regime in (before, on, load_regime(code, day + timedelta(days=1))):
            charging_law(regime)


def _is_law(value: str | Dated) -> bool:
    return isinstance(value, str) or value.status != "expected"


def limits(regime: Regime) -> Iterator[tuple[str, str]]:
    """Each threshold of value in the conditions of schemes: the key and the figure's id."""
    for key, value in conditions(regime.law):
        if key.endswith(THRESHOLDS):
            for measure_id in [value] if isinstance(value, str) else value:
                if measure_id in regime.law.figures:
                    yield key, measure_id


THRESHOLD_CASES = sorted({(code, key, each) for code in CODES for key, each in limits(load_regime(code, LAST))})


@settings(deadline=None, max_examples=6)
@pytest.mark.parametrize(("code", "key", "measure_id"), THRESHOLD_CASES)
@given(data=st.data())
def test_a_threshold_is_met_exactly_and_passed_by_a_cent(
    code: str, key: str, measure_id: str, data: st.DataObject
) -> None:
    """In the currency in which the law states it, which may be another than that of the regime; in one line or two."""
    regime = load_regime(code, LAST)
    figure = regime.law.figures[measure_id]
    declaration = data.draw(declarations(regime, 1))
    item = declaration.goods_items[0]
    bare = replace(declaration, freight=None, insurance=None, discount=None)
    lines = data.draw(st.sampled_from([1, 2])) if not key.startswith("each_article") else 1

    def scheme(value: Decimal) -> tuple[str, tuple[str, ...]]:
        first = (value / lines).quantize(CENT)
        amounts = [first, value - first][:lines]
        items = tuple(
            replace(item, line_no=place, quantity=Decimal(1), invoice_price=Money(amount, figure.unit))
            for place, amount in enumerate(amounts, 1)
        )
        found = assess(replace(bare, goods_items=items), regime)
        return found.scheme, tuple(sorted({charge.measure_id for charge in found.charges}))

    below, at, above = scheme(figure.value - CENT), scheme(figure.value), scheme(figure.value + CENT)
    if key.endswith("_below"):
        assert at[0] == above[0], "it is met only below"
    else:
        assert below[0] == at[0], "it is met at the very amount"


def test_most_thresholds_really_decide() -> None:
    """Not in vain: in plain circumstances most jurisdictions' schemes change at a threshold."""
    deciding = {code for code, key, each in THRESHOLD_CASES if _decides(load_regime(code, LAST), key, each)}
    assert len(deciding) >= len({code for code, *_ in THRESHOLD_CASES}) * 3 // 4, sorted(deciding)


def _decides(regime: Regime, key: str, measure_id: str) -> bool:
    figure = regime.law.figures[measure_id]
    low = figure.value - CENT if key.endswith("_below") else figure.value
    statements = ["", *asked(regime, "statement")]
    for additional, statement, mode in product(("", "C08", "F48"), statements, ("4", "5")):
        item = GoodsItem(
            line_no=1,
            description="lamp",
            commodity_code="950300",
            quantity=Decimal(1),
            additional_procedure_codes=(additional,) if additional else (),
            origin_country_code="US",
        )
        plain = Declaration(
            consignment=Consignment(export_country_code="US", border_transport=TransportMeans(mode_code=mode)),
            additional_information=(AdditionalInformation(statement_code=statement),) if statement else (),
        )
        schemes = {
            assess(replace(plain, goods_items=(replace(item, invoice_price=Money(each, figure.unit)),)), regime).scheme
            for each in (low, low + CENT)
        }
        if len(schemes) > 1:
            return True
    return False
