"""Bad data never raises and is never taken as nothing owed: each case says what is missing, by line."""

from __future__ import annotations

from datetime import date
from decimal import Decimal

import pytest
from msgspec.structs import replace

from tidewaiter.assessment import assess
from tidewaiter.assessment.valuation import rounded, rounder
from tidewaiter.model.assessment import Assessment
from tidewaiter.model.declaration import AdditionalInformation, Declaration, GoodsItem
from tidewaiter.model.errors import NotInForceError
from tidewaiter.model.money import Money
from tidewaiter.regimes import Regime, jurisdictions, load_regime
from tidewaiter.regimes.documents import RateDocument
from tidewaiter.regimes.law import Charge, Rounding

DAY = date(2026, 10, 15)


def parcel(price: str = "5000", currency: str = "USD", **fields: object) -> Declaration:
    item = GoodsItem(
        line_no=1, description="shirt", commodity_code="610910", invoice_price=Money(Decimal(price), currency)
    )
    return Declaration(goods_items=(replace(item, **fields),))


def assessed(declaration: Declaration, code: str = "GB") -> Assessment:
    return assess(declaration, load_regime(code, DAY))


@pytest.mark.parametrize(
    ("declaration", "said"),
    [
        (parcel(commodity_code="999999"), "line 1: no duty rate is known for commodity code 999999"),
        (parcel(commodity_code=""), "line 1: there is no commodity code"),
        (parcel(duty_regime_code="300"), "line 1: claim '300' is not modelled"),
        (parcel(currency="XAU"), "line 1: no exchange rate is known for 'XAU'"),
        (parcel(currency="ZWL"), "line 1: no exchange rate is known for 'ZWL'"),
        (parcel(currency=""), "line 1: no exchange rate is known for ''"),
        (parcel("-5"), "line 1: the price -5 USD cannot be worked with"),
        (parcel("-0"), "line 1: the price -0 USD cannot be worked with"),
        (parcel("NaN"), "line 1: the price NaN USD cannot be worked with"),
        (parcel("Infinity"), "cannot be worked with"),
        (parcel("1E+40"), "cannot be worked with"),
        (parcel("1E+999999"), "cannot be worked with"),
        (parcel(invoice_price=None), "line 1: no price is given"),
        (replace(parcel(), freight=Money(Decimal("-1"), "GBP")), "the freight -1 GBP cannot be worked with"),
        (replace(parcel(), freight=Money(Decimal(1), "XAU")), "no exchange rate is known for 'XAU', the currency of the freight"),
        (replace(parcel(), discount=Money(Decimal("sNaN"), "GBP")), "the discount sNaN GBP cannot be worked with"),
        (Declaration(), "no goods items"),
    ],
)  # fmt: skip
def test_what_cannot_be_told_is_unresolved(declaration: Declaration, said: str) -> None:
    assessment = assessed(declaration)
    assert any(said in each for each in assessment.unresolved), assessment.unresolved


@pytest.mark.parametrize("quantity", ["0", "-1", "NaN", "1E-40", "1E+40", "Infinity"])
@pytest.mark.parametrize("code", ["NO", "SG", "MY"])
def test_absurd_quantities_relieve_nothing_and_raise_nothing(code: str, quantity: str) -> None:
    """Where the law looks at each article, a quantity that is none counts as one article."""
    regime = load_regime(code, DAY)
    shapes = {"party_id": "VOEC1234567"}
    from tidewaiter.model.declaration import Party

    declaration = replace(
        parcel("100000", regime.currency, quantity=Decimal(quantity)),
        seller=Party(**shapes),
        marketplace=Party(**shapes),
    )
    one = assess(declaration, regime)
    other = assess(parcel("100000", regime.currency), regime)
    assert one.scheme == other.scheme or one.unresolved


def per_unit(per: str) -> Regime:
    """The law of Great Britain with a duty for each kilogram or article."""
    regime = load_regime("GB", DAY)
    charge = Charge(
        title="Duty by quantity",
        charge="duty",
        type_code="A00",
        base="customs_value",
        rate=RateDocument(amount="relief.low_value.threshold", per=per),  # type: ignore[arg-type]
        rounding="rounding.duty",
    )
    return Regime.of(replace(regime.law, charges={**regime.law.charges, "duty.third_country": charge}))


@pytest.mark.parametrize("per", ["net_mass_kg", "gross_mass_kg", "quantity"])
@pytest.mark.parametrize("amount", [None, Decimal("NaN"), Decimal(-1)])
def test_a_missing_unit_quantity_is_named(per: str, amount: Decimal | None) -> None:
    assessment = assess(parcel(**{per: amount}), per_unit(per))
    assert f"line 1: needs {per.replace('_', ' ')}, on which the charge depends" in assessment.unresolved
    assert any("reckoned on the duty, which is not known" in each for each in assessment.unresolved)
    known = assess(parcel(**{per: Decimal(2)}), per_unit(per))
    assert known.unresolved == ()
    assert known.charges[0].result.amount == Decimal(270)


@pytest.mark.parametrize(
    ("amount", "mode", "expected"),
    [
        ("1.024", "half up", "1.00"), ("1.025", "half up", "1.05"), ("1.0249", "half up", "1.00"), ("1.07", "half up", "1.05"),
        ("1.075", "half up", "1.10"), ("1.075", "half even", "1.10"), ("1.025", "half even", "1.00"), ("0.024", "half up", "0.00"),
        ("1.09", "down", "1.05"), ("1.01", "up", "1.05"), ("1.00", "up", "1.00"), ("5.022", "half up", "5.00"), ("0", "up", "0.00"),
    ],
)  # fmt: skip
def test_rounding_to_five_hundredths(amount: str, mode: str, expected: str) -> None:
    """`Decimal.quantize` looks at the exponent alone and would give 1.02 for 1.024."""
    assert rounded(Decimal(amount), rounder(Rounding(mode, Decimal("0.05")))) == Decimal(expected)  # type: ignore[arg-type]


def test_a_currency_without_a_rate_in_the_law_itself_is_our_error_not_nothing_owed() -> None:
    """The law of Brazil has limits in USD: after the series of rates ends it is not in force here."""
    with pytest.raises(NotInForceError, match="the law has amounts in USD"):
        assess(parcel("10", "BRL"), load_regime("BR", date(2099, 1, 1)))


@pytest.mark.parametrize("code", sorted(jurisdictions()))
def test_nothing_a_sender_writes_raises(code: str) -> None:
    odd = [
        parcel(price, currency)
        for price in ("0", "-1", "NaN", "1E+30", "0.000001")
        for currency in ("", "XXX", "EUR", "\x00")
    ]
    odd += [
        replace(parcel(), additional_information=(AdditionalInformation(statement_code="\u202e"),)),
        replace(parcel(), goods_items=tuple(replace(parcel().goods_items[0], line_no=n) for n in (3, 3, -1))),
        replace(parcel(), discount=Money(Decimal(10**9), "EUR")),
    ]
    for declaration in odd:
        assessment = assessed(declaration, code)
        assert assessment.unresolved or assessment.due.amount >= 0
