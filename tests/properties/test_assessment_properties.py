"""What holds of every assessment, whatever is declared."""

from __future__ import annotations

from datetime import date, timedelta
from decimal import Decimal

from hypothesis import given, settings
from hypothesis import strategies as st

from tidewaiter.assessment import assess
from tidewaiter.assessment.valuation import shares
from tidewaiter.model.assessment import Assessment, ChargeKind, Collection
from tidewaiter.model.canonical import canonical_bytes
from tidewaiter.model.declaration import Declaration, GoodsItem, Party
from tidewaiter.model.money import Money
from tidewaiter.regimes import Regime, load_regime
from tidewaiter.regimes.documents import Dated
from tidewaiter.regimes.library import as_of

DAYS = st.dates(date(2021, 7, 1), date(2026, 11, 30))
PRICES = st.decimals(min_value=0, max_value=2000, places=2)
CURRENCIES = st.sampled_from(["GBP", "EUR", "DKK", "USD", "CNY"])
CODES = st.sampled_from(["610910", "851713", "330300", "490199", "42022210", "020712", ""])
ADDITIONAL = st.sampled_from([(), ("C07",), ("C08",), ("F48",), ("F49",), ("F53",)])
PARTIES = st.sampled_from([(), (Party(party_id="IM5532027340", role_code="FR5"),)])
FREIGHT = st.none() | st.builds(Money, st.decimals(min_value=0, max_value=50, places=2), CURRENCIES)


@st.composite
def declarations(draw: st.DrawFn) -> Declaration:
    additional = draw(ADDITIONAL)
    currency = draw(CURRENCIES)
    lines = draw(st.lists(st.tuples(PRICES, CODES), min_size=1, max_size=6))
    items = tuple(
        GoodsItem(
            line_no=number,
            description=f"goods {number % 3}",
            commodity_code=code,
            invoice_price=Money(price, currency),
            additional_procedure_codes=additional,
        )
        for number, (price, code) in enumerate(lines, 1)
    )
    return Declaration(
        procedure_category=draw(st.sampled_from(["", "H7", "H1"])),
        goods_items=items,
        freight=draw(FREIGHT),
        insurance=draw(FREIGHT),
        discount=draw(FREIGHT),
        fiscal_references=draw(PARTIES),
    )


REGIMES = st.builds(load_regime, st.sampled_from(["GB", "DK", "EU"]), DAYS)


def owed(assessment: Assessment, collection: Collection) -> Decimal:
    return sum((c.result.amount for c in assessment.charges if c.collection is collection), Decimal(0))


@settings(deadline=None, max_examples=80)
@given(declarations(), REGIMES)
def test_totals_are_the_sums_of_their_parts(declaration: Declaration, regime: Regime) -> None:
    assessment = assess(declaration, regime)
    assert assessment.due.amount == owed(assessment, Collection.BORDER) >= 0
    assert assessment.collected_at_sale.amount == owed(assessment, Collection.SALE) >= 0
    duties = [c for c in assessment.charges if c.kind is ChargeKind.DUTY]
    lines = {c.line_no: c.base.amount for c in duties}
    if len(lines) == len(declaration.goods_items):
        assert sum(lines.values()) == assessment.customs_value.amount
    assert {c.measure_id for c in assessment.charges} <= assessment.citations.keys()
    cent = Decimal("0.01")
    assert all(c.result.amount % cent == 0 and abs(c.result.amount - c.unrounded) <= cent for c in assessment.charges)


@settings(deadline=None, max_examples=60)
@given(declarations(), REGIMES, st.randoms(use_true_random=False))
def test_the_order_of_items_makes_no_difference(declaration: Declaration, regime: Regime, random: object) -> None:
    import msgspec

    items = list(declaration.goods_items)
    random.shuffle(items)  # type: ignore[attr-defined]
    shuffled = msgspec.structs.replace(declaration, goods_items=tuple(items))
    one, other = assess(declaration, regime), assess(shuffled, regime)
    assert (one.due, one.collected_at_sale, one.customs_value, one.charges) == (
        other.due, other.collected_at_sale, other.customs_value, other.charges
    )  # fmt: skip


@settings(deadline=None, max_examples=60)
@given(PRICES, PRICES, st.sampled_from(["610910", "851713"]), ADDITIONAL, REGIMES)
def test_duty_grows_with_value_within_a_scheme(
    price: Decimal, more: Decimal, code: str, additional: tuple[str, ...], regime: Regime
) -> None:
    def of(amount: Decimal) -> Assessment:
        item = GoodsItem(
            line_no=1, commodity_code=code, invoice_price=Money(amount, "EUR"), additional_procedure_codes=additional
        )
        return assess(Declaration(goods_items=(item,)), regime)

    less, greater = of(min(price, more)), of(max(price, more))
    if less.scheme == greater.scheme:
        duty = [[c.result.amount for c in each.charges if c.kind is ChargeKind.DUTY] for each in (less, greater)]
        assert sum(duty[0]) <= sum(duty[1])


@settings(deadline=None, max_examples=60)
@given(PRICES, PRICES, st.sampled_from(["GB", "DK"]))
def test_before_the_line_duty_what_is_due_never_falls_as_value_grows(price: Decimal, more: Decimal, code: str) -> None:
    regime = load_regime(code, date(2026, 6, 30))

    def due(amount: Decimal) -> Decimal:
        item = GoodsItem(line_no=1, commodity_code="610910", invoice_price=Money(amount, "EUR"))
        return assess(Declaration(goods_items=(item,)), regime).due.amount

    assert due(min(price, more)) <= due(max(price, more))


@settings(deadline=None, max_examples=40)
@given(declarations(), REGIMES)
def test_kept_law_gives_the_same_assessment(declaration: Declaration, regime: Regime) -> None:
    again = Regime.from_content(regime.content)
    assert canonical_bytes(assess(declaration, again)) == canonical_bytes(assess(declaration, regime))


@settings(deadline=None, max_examples=40)
@given(declarations())
def test_the_relief_ends_and_the_line_duty_begins_on_one_day(declaration: Declaration) -> None:
    last, first = (load_regime("EU", date(2026, 6, 30)), load_regime("EU", date(2026, 7, 1)))
    assert not any("line_duty" in assess(declaration, last).scheme for _ in (1,))
    assert assess(declaration, first).scheme not in ("schemes.low_value", "schemes.ioss")


@settings(deadline=None, max_examples=100)
@given(st.decimals(min_value=0, max_value=10000, places=2), st.lists(PRICES, min_size=1, max_size=20))
def test_shares_add_up(amount: Decimal, weights: list[Decimal]) -> None:
    parts = shares(amount, weights, Decimal("0.01"))
    assert sum(parts) == amount
    assert len(parts) == len(weights)
    total = sum(weights)
    if total:
        assert all(
            abs(part - amount * weight / total) < Decimal("0.02") for part, weight in zip(parts, weights, strict=True)
        )


VALUES = st.dictionaries(
    st.dates(date(2020, 1, 1), date(2024, 12, 31)),
    st.one_of(st.text("123", min_size=1), st.builds(Dated, st.none(), st.just("act"), st.sampled_from(["in force", "expected"]))),
    max_size=8,
)  # fmt: skip


@settings(deadline=None, max_examples=100)
@given(VALUES, st.dates(date(2019, 12, 1), date(2025, 2, 1)))
def test_the_value_of_a_day_is_that_of_a_linear_scan(values: dict[date, str | Dated], on: date) -> None:
    expected = None
    day = date(2019, 12, 1)
    while day <= on:
        value = values.get(day)
        if value is not None and (isinstance(value, str) or value.status == "in force"):
            expected = (day, Dated(value) if isinstance(value, str) else value)
        day += timedelta(days=1)
    assert as_of(values, on) == expected
