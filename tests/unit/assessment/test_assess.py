"""What is owed, case by case: schemes, bases, groups, reliefs, and what is named as unresolved."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from tidewaiter.assessment import assess
from tidewaiter.model.assessment import Assessment, ChargeKind, Collection
from tidewaiter.model.canonical import canonical_bytes
from tidewaiter.model.declaration import Declaration, GoodsItem, MessageFunction, Party
from tidewaiter.model.money import Money
from tidewaiter.regimes import Regime, load_regime
from tidewaiter.regimes.reading import codes

BEFORE, AFTER, LATER = date(2026, 6, 30), date(2026, 7, 1), date(2026, 11, 22)
IOSS = (Party(party_id="IM5532027340", role_code="FR5"),)
SHIRT, TELEPHONE, PERFUME, BOOK, WINE, UNKNOWN = "610910", "851713", "330300", "490199", "220421", "020712"


def money(text: str, currency: str) -> Money:
    return Money(Decimal(text), currency)


def parcel(goods: Sequence[tuple[str, str]], currency: str, *additional: str, **header: Any) -> Declaration:
    """A declaration of one line for each (commodity code, price)."""
    items = [
        GoodsItem(
            line_no=number,
            description=f"goods {code}",
            commodity_code=code,
            invoice_price=money(price, currency),
            additional_procedure_codes=additional,
        )
        for number, (code, price) in enumerate(goods, 1)
    ]
    return Declaration(goods_items=tuple(items), **header)


def figures(assessment: Assessment) -> tuple[str, str, str]:
    scheme = assessment.scheme.removeprefix("schemes.")
    return scheme, str(assessment.due.amount), str(assessment.collected_at_sale.amount)


CASES: list[tuple[str, str, date, Declaration, tuple[str, str, str]]] = [
    ("sold by a registered seller", "GB", LATER, parcel([(SHIRT, "100")], "GBP", seller=Party(party_id="GB123456789")), ("low_value_at_sale", "0", "20.00")),
    ("by a registered marketplace", "GB", LATER, parcel([(SHIRT, "135")], "GBP", marketplace=Party(party_id="GB123456789")), ("low_value_at_sale", "0", "27.00")),
    ("tax already collected", "GB", LATER, parcel([(SHIRT, "100")], "GBP", tax_collected_at_sale=money("20", "GBP")), ("low_value_at_sale", "0", "20.00")),
    ("an EORI is not a VAT number", "GB", LATER, parcel([(SHIRT, "100")], "GBP", seller=Party(party_id="GB123456789000")), ("low_value", "20.00", "0")),
    ("nobody accounts for VAT", "GB", LATER, parcel([(SHIRT, "100"), (TELEPHONE, "35")], "GBP"), ("low_value", "27.00", "0")),
    ("importer accounts for VAT", "GB", LATER, parcel([(SHIRT, "100")], "GBP", fiscal_references=(Party(party_id="GB987654321", role_code="FR1"),)), ("low_value_reverse_charge", "0", "0")),
    ("above the threshold", "GB", LATER, parcel([(SHIRT, "135.01")], "GBP"), ("standard", "46.44", "0")),
    ("above, VAT postponed", "GB", LATER, parcel([(SHIRT, "200")], "GBP", fiscal_references=(Party(party_id="GB987654321", role_code="FR1"),)), ("postponed", "24.00", "0")),
    ("books bear no VAT", "GB", LATER, parcel([(BOOK, "100")], "GBP"), ("low_value", "0.00", "0")),
    ("dollars at the month's rate", "GB", date(2026, 6, 15), parcel([(SHIRT, "133.99")], "USD"), ("low_value", "20.00", "0")),
    ("gift within the threshold", "GB", LATER, parcel([(SHIRT, "39")], "GBP", "C08"), ("gift_small", "0", "0")),
    ("gift free of duty", "GB", LATER, parcel([(SHIRT, "39.01")], "GBP", "C08"), ("gift", "7.80", "0")),
    ("gift at the flat rate", "GB", LATER, parcel([(SHIRT, "200")], "GBP", "C08"), ("gift_flat", "46.00", "0")),
    ("gift free in the tariff", "GB", LATER, parcel([(TELEPHONE, "200")], "GBP", "C08"), ("gift_flat", "40.00", "0")),
    ("gift above the flat rate", "GB", LATER, parcel([(SHIRT, "700")], "GBP", "C08"), ("standard", "240.80", "0")),
    ("one line is no gift", "GB", LATER, Declaration(goods_items=(*parcel([(SHIRT, "10")], "GBP", "C08").goods_items, GoodsItem(line_no=2, commodity_code=SHIRT, invoice_price=money("10", "GBP")))), ("low_value", "4.00", "0")),
    ("Danish relief, VAT at import", "DK", BEFORE, parcel([(SHIRT, "1000")], "DKK", "C07"), ("low_value", "250.00", "0")),
    ("Danish relief, IOSS", "DK", BEFORE, parcel([(SHIRT, "1000")], "DKK", "F48", fiscal_references=IOSS), ("ioss", "0", "250.00")),
    ("IOSS without its number", "DK", BEFORE, parcel([(SHIRT, "1000")], "DKK", "F48"), ("low_value", "250.00", "0")),
    ("the last day of the relief", "DK", BEFORE, parcel([(SHIRT, "100"), (TELEPHONE, "100")], "DKK"), ("low_value", "50.00", "0")),
    ("the first day of the duty", "DK", AFTER, parcel([(SHIRT, "100"), (TELEPHONE, "100")], "DKK"), ("line_duty", "106.06", "0")),
    ("the duty under IOSS, VAT without it", "DK", AFTER, parcel([(SHIRT, "100"), (TELEPHONE, "100")], "DKK", "F48", fiscal_references=IOSS), ("line_duty_ioss", "44.84", "50.00")),
    ("above the threshold in Denmark", "DK", AFTER, parcel([(SHIRT, "1150.01")], "DKK"), ("standard", "460.00", "0")),
    ("business goods in a full declaration", "DK", AFTER, parcel([(SHIRT, "1000")], "DKK", procedure_category="H1"), ("standard", "400.00", "0")),
    ("perfume had no relief from duty", "DK", BEFORE, parcel([(PERFUME, "500"), (SHIRT, "500")], "DKK", "C07"), ("low_value", "250.00", "0")),
    ("Danish gift at the flat rate", "DK", LATER, parcel([(SHIRT, "400")], "DKK", "C08"), ("gift_flat", "112.50", "0")),
]  # fmt: skip


@pytest.mark.parametrize(
    ("code", "on", "declaration", "expected"), [case[1:] for case in CASES], ids=[case[0] for case in CASES]
)
def test_what_is_owed(code: str, on: date, declaration: Declaration, expected: tuple[str, str, str]) -> None:
    assessment = assess(declaration, load_regime(code, on))
    assert figures(assessment) == expected
    assert not assessment.unresolved


def test_the_trace_says_how_each_figure_came_about() -> None:
    assessment = assess(
        parcel([(SHIRT, "200")], "GBP", freight=money("10", "GBP"), insurance=money("2.50", "GBP")),
        load_regime("GB", LATER),
    )
    duty, tax = assessment.charges
    assert (duty.base, duty.rate, duty.unrounded, duty.rounding) == (
        money("212.50", "GBP"),
        "12 %",
        Decimal("25.50"),
        "down to 0.01",
    )
    assert duty.steps[0].words == "goods 200.00 + freight 10.00 + insurance 2.50"
    assert tax.base == money("238.00", "GBP")
    assert tax.result == money("47.60", "GBP")
    assert tax.steps[-1].words == "customs value 212.50 + duty 25.50"
    assert {
        "duty.rates",
        "duty.third_country",
        "vat.import",
        "vat.standard.rate",
        "rounding.tax",
    } <= assessment.citations.keys()
    assert assessment.citations["vat.standard.rate"].confirmed
    assert not assessment.citations["duty.rates"].confirmed
    assert [step.measure_id for step in assessment.steps][-1] == "schemes.standard"


def test_an_allowance_that_the_trace_shows_is_cited() -> None:
    assessment = assess(parcel([("640399", "200")], "EUR"), load_regime("UA", date(2026, 2, 1)))
    shown = {step.measure_id for charge in assessment.charges for step in charge.steps if step.measure_id}
    assert "relief.low_value.threshold" in shown
    assert shown <= assessment.citations.keys()


@pytest.mark.parametrize(("price", "fee"), [("1000.01", "50.00"), ("9999.99", "50.00"), ("10000.00", "152.00")])
def test_each_charge_beside_the_scheme_has_its_own_condition(price: str, fee: str) -> None:
    assessment = assess(parcel([("640399", price)], "AUD"), load_regime("AU", date(2026, 2, 1)))
    fees = [each.result.amount for each in assessment.charges if each.kind is ChargeKind.FEE]
    assert fees == [Decimal(fee)]


def test_a_relieved_charge_is_shown_and_not_owed() -> None:
    duty = assess(parcel([(UNKNOWN, "20")], "GBP"), load_regime("GB", LATER)).charges[0]
    assert duty.collection is Collection.NONE
    assert duty.result.amount == 0
    assert "relief" in duty.relief


def test_lines_that_are_one_to_the_law_are_charged_once() -> None:
    items = [
        GoodsItem(line_no=number, description=words, commodity_code=code, invoice_price=money("10", "EUR"), additional_procedure_codes=("F53",))
        for number, (words, code) in enumerate([("Blue shirt", "6109100010"), ("blue  SHIRT", "6109100090"), ("Red shirt", "6109100010")], 1)
    ]  # fmt: skip
    regime = load_regime("EU", AFTER)
    reduced = assess(Declaration(procedure_category="H7", goods_items=tuple(items)), regime)
    full = assess(Declaration(procedure_category="H1", goods_items=tuple(items)), regime)
    assert [charge.line_no for charge in reduced.charges if charge.kind is ChargeKind.DUTY] == [1, 3]
    assert "lines 1, 2" in reduced.charges[0].steps[0].words
    assert reduced.due == money("6.00", "EUR")
    assert full.due == money("9.00", "EUR")


def test_a_line_duty_in_another_currency_shows_the_rate_of_the_law() -> None:
    duty = assess(parcel([(SHIRT, "100")], "DKK"), load_regime("DK", LATER)).charges[0]
    assert duty.unrounded == 3 * Decimal("7.4736")
    assert duty.result == money("22.42", "DKK")
    assert "3 EUR for each line at 7.4736 DKK = 1 EUR" in duty.rate


def test_preference_takes_goods_out_of_the_line_duty_only_in_a_full_declaration() -> None:
    regime = load_regime("DK", LATER)
    item = GoodsItem(
        line_no=1,
        commodity_code=SHIRT,
        invoice_price=money("100", "DKK"),
        duty_regime_code="300",
        additional_procedure_codes=("F49",),
    )
    full = assess(Declaration(procedure_category="H1", goods_items=(item,)), regime)
    assert full.scheme == "schemes.standard"
    assert "300" in full.unresolved[0]
    assert assess(Declaration(procedure_category="H7", goods_items=(item,)), regime).scheme == "schemes.line_duty"


def test_discount_is_shared_and_counts_for_the_threshold() -> None:
    declaration = parcel([(SHIRT, "100"), (SHIRT, "50")], "GBP", discount=money("15", "GBP"))
    assessment = assess(declaration, load_regime("GB", LATER))
    assert assessment.intrinsic_value == money("135.00", "GBP")
    assert assessment.scheme == "schemes.low_value"
    assert [str(charge.base.amount) for charge in assessment.charges if charge.kind is ChargeKind.TAX] == [
        "90.00",
        "45.00",
    ]
    assert load_regime("GB", LATER).dataset_of(declaration).code == "BIRDS"


def test_freight_by_line_is_not_shared_again() -> None:
    items = (
        GoodsItem(line_no=1, commodity_code=SHIRT, invoice_price=money("20", "GBP"), freight=money("3", "GBP")),
        GoodsItem(line_no=2, commodity_code=SHIRT, invoice_price=money("20", "GBP")),
    )
    assessment = assess(Declaration(goods_items=items, freight=money("3", "GBP")), load_regime("GB", LATER))
    assert assessment.customs_value == money("43.00", "GBP")


UNRESOLVED: list[tuple[str, Declaration, str]] = [
    ("no rate for the code", parcel([(UNKNOWN, "200")], "GBP"), "line 1: no duty rate is known for commodity code 020712"),
    ("no code", parcel([("", "200")], "GBP"), "line 1: there is no commodity code"),
    ("a claim", Declaration(goods_items=(GoodsItem(line_no=4, commodity_code=SHIRT, duty_regime_code="300", invoice_price=money("200", "GBP")),)), "line 4: claim '300'"),
    ("excise goods", parcel([(WINE, "20")], "GBP"), "Excise duty"),
    ("a special procedure", Declaration(type_code="IMA", goods_items=(GoodsItem(line_no=1, procedure_code="61", previous_procedure_code="23", invoice_price=money("20", "GBP")),)), "not modelled"),
    ("no price", Declaration(goods_items=(GoodsItem(line_no=1, commodity_code=SHIRT), GoodsItem(line_no=2, commodity_code=SHIRT, invoice_price=money("20", "GBP")))), "line 1: no price"),
    ("no goods", Declaration(), "no goods items"),
    ("a negative price", parcel([(SHIRT, "-5")], "GBP"), "line 1: the price -5 GBP"),
    ("no number", parcel([(SHIRT, "NaN")], "GBP"), "cannot be worked with"),
    ("a signalling one", parcel([(SHIRT, "sNaN")], "GBP"), "cannot be worked with"),
    ("infinity", parcel([(SHIRT, "Infinity")], "GBP"), "cannot be worked with"),
    ("an absurd exponent", parcel([(SHIRT, "1E+999999")], "GBP"), "cannot be worked with"),
    ("a currency that is none", parcel([(SHIRT, "5")], "QQQ"), "no exchange rate is known for 'QQQ'"),
    ("freight in one", parcel([(SHIRT, "5")], "GBP", freight=money("1", "QQQ")), "currency of the freight"),
    ("absurd freight", parcel([(SHIRT, "5")], "GBP", freight=money("-1E+99", "GBP")), "freight"),
    ("absurd discount", parcel([(SHIRT, "5")], "GBP", discount=money("NaN", "GBP")), "discount"),
]  # fmt: skip


@pytest.mark.parametrize(
    ("declaration", "said"), [case[1:] for case in UNRESOLVED], ids=[case[0] for case in UNRESOLVED]
)
def test_what_cannot_be_worked_out_is_named(declaration: Declaration, said: str) -> None:
    assessment = assess(declaration, load_regime("GB", LATER))
    assert any(said in words for words in assessment.unresolved), assessment.unresolved
    assert canonical_bytes(assessment)


@pytest.mark.parametrize("price", ["0", "0.001", "1E-999999", "9999999999999.99", "0." + "1" * 5000])
def test_odd_amounts_are_worked_with(price: str) -> None:
    assessment = assess(parcel([(SHIRT, price)], "USD", freight=money("5", "EUR")), load_regime("GB", LATER))
    assert not assessment.unresolved
    assert assessment.due.amount >= 0


def test_an_unknown_duty_leaves_the_tax_on_it_unknown() -> None:
    assessment = assess(parcel([(UNKNOWN, "200"), (SHIRT, "100")], "GBP"), load_regime("GB", LATER))
    assert [charge.line_no for charge in assessment.charges] == [2, 2]
    assert len(assessment.unresolved) == 2


def test_the_union_alone_has_no_vat() -> None:
    assessment = assess(parcel([(SHIRT, "100")], "EUR"), load_regime("EU", LATER))
    assert assessment.due == money("3.00", "EUR")
    assert "national" in assessment.unresolved[0]


def test_prices_may_stand_elsewhere() -> None:
    regime = load_regime("GB", LATER)
    valued = Declaration(goods_items=(GoodsItem(line_no=1, customs_value=money("20", "GBP")),))
    invoiced = Declaration(goods_items=(GoodsItem(line_no=1),), invoice_amount=money("20", "GBP"))
    assert assess(valued, regime).intrinsic_value == assess(invoiced, regime).intrinsic_value == money("20.00", "GBP")


def test_nothing_is_worked_out_where_customs_does_not() -> None:
    regime = load_regime("GB", LATER)
    item = GoodsItem(
        line_no=1,
        invoice_price=money("20", "GBP"),
        procedure_code="40",
        previous_procedure_code="00",
        additional_procedure_codes=("1H7",),
    )
    super_reduced = assess(Declaration(type_code="IMA", goods_items=(item,)), regime)
    assert super_reduced.scheme == "not assessed"
    assert not super_reduced.charges
    assert not super_reduced.unresolved
    cancellation = Declaration(function=MessageFunction.CANCELLATION, registered_id="26GB1")
    assert assess(cancellation, regime).scheme == "not assessed"


def test_kept_law_assesses_the_same() -> None:
    regime = load_regime("DK", LATER)
    again = Regime.from_content(regime.content)
    for _, _, _, declaration, _ in CASES:
        assert canonical_bytes(assess(declaration, again)) == canonical_bytes(assess(declaration, regime))


def test_the_engine_names_no_country_procedure_or_currency() -> None:
    """Law is data: nothing in the engine's code is particular to one jurisdiction."""
    import ast

    import tidewaiter.assessment
    import tidewaiter.regimes

    words = {
        *codes(),
        "EUR",
        "DKK",
        "GBP",
        "C07",
        "C08",
        "F48",
        "F49",
        "F53",
        "1H7",
        "21V",
        "FR5",
        "H1",
        "H7",
        "BIRDS",
        "UK",
    }
    words -= {"EUR"}  # the currency of the ECB's series, in regimes/exchange.py
    for package in (tidewaiter.assessment, tidewaiter.regimes):
        for path in Path(str(package.__file__)).parent.glob("*.py"):
            literals = {
                node.value
                for node in ast.walk(ast.parse(path.read_text()))
                if isinstance(node, ast.Constant) and isinstance(node.value, str)
            }
            assert not literals & words, f"{path.name}: {literals & words}"
