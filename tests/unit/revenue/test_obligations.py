"""Who owes what, who collects it and when: the models of revenue collection as the law's own data."""

from __future__ import annotations

from datetime import date
from decimal import Decimal

import pytest

from tidewaiter.assessment import assess
from tidewaiter.model.declaration import Consignment, Declaration, GoodsItem, Party, TransportMeans
from tidewaiter.model.money import Money
from tidewaiter.model.standing import PersonalStanding
from tidewaiter.regimes import load_regime
from tidewaiter.revenue.obligations import Obligation, obligations


def owed(
    code: str, on: date, declaration: Declaration, standing: PersonalStanding | None = None
) -> dict[str, Obligation]:
    regime = load_regime(code, on)
    assessment = assess(declaration, regime, standing or PersonalStanding())
    return {each.measure_id: each for each in obligations(assessment, declaration, regime)}


def parcel(price: str, currency: str, **more: object) -> Declaration:
    item = GoodsItem(
        line_no=1, description="T-shirt", commodity_code="610910", invoice_price=Money(Decimal(price), currency),
        additional_procedure_codes=more.pop("procedures", ()), origin_country_code=str(more.pop("origin", "")),
    )  # type: ignore[arg-type]  # fmt: skip
    return Declaration(goods_items=(item,), importer=Party(party_id="IMP1"), seller=Party(party_id="SELLER1"), **more)  # type: ignore[arg-type]


def test_the_buyer_model_is_due_at_release() -> None:
    found = owed("DE", date(2026, 3, 2), parcel("40", "EUR", procedure_category="H7", procedures=("C07",)))
    (border,) = found.values()
    assert (border.payer, border.collector, border.due) == ("IMP1", "customs", date(2026, 3, 2))
    assert border.amount == Money(Decimal("7.60"), "EUR")
    assert border.is_guaranteed


def test_the_one_stop_shop_is_returned_by_the_month() -> None:
    fiscal = (Party(party_id="IM2760000123", role_code="FR5"),)
    declaration = parcel("40", "EUR", procedure_category="H7", procedures=("F48",), fiscal_references=fiscal)
    found = owed("DE", date(2026, 7, 14), declaration)
    ioss, duty = found["obligation.ioss"], found["obligation.line_duty"]
    assert (ioss.account, ioss.period, ioss.due) == ("IOSS", "2026-07", date(2026, 8, 31))
    assert ioss.amounts == {"B00": Decimal("7.60")}
    assert duty.amounts == {"A00": Decimal("3.00")}
    assert duty.liable == "seller"


def test_us_mail_is_remitted_by_the_seventh_working_day() -> None:
    post = Consignment(border_transport=TransportMeans(mode_code="5"))
    declaration = parcel("60", "USD", origin="DE", consignment=post, submitter=Party(party_id="POST1"))
    found = owed("US", date(2025, 9, 3), declaration, PersonalStanding(elections={"us.postal.duty": "flat"}))
    (mail,) = found.values()
    assert (mail.collector, mail.payer, mail.due) == ("carrier", "POST1", date(2025, 10, 9))
    assert mail.amount == Money(Decimal("80.00"), "USD")


def test_a_national_fee_is_collected_by_the_carrier_beside_everything_else() -> None:
    declaration = parcel("200", "RON", procedure_category="H7", procedures=("C07",), submitter=Party(party_id="POST1"))
    found = owed("RO", date(2026, 2, 2), declaration)
    assert found["obligation.parcel_fee"].amounts == {"F01": Decimal("25.00")}
    assert found["obligation.parcel_fee"].payer == "POST1"
    assert "B00" in found["obligation.border"].amounts


@pytest.mark.parametrize(
    ("code", "on"), [("AU", date(2021, 12, 7)), ("MY", date(2024, 1, 1)), ("NO", date(2024, 6, 1))]
)
def test_the_vendor_model_owes_nothing_at_the_border(code: str, on: date) -> None:
    currency = load_regime(code, on).currency
    declaration = parcel("50", currency, tax_collected_at_sale=Money(Decimal(5), currency))
    if code == "NO":
        declaration = parcel("50", currency)
        declaration = Declaration(goods_items=declaration.goods_items, seller=Party(party_id="VOEC1234567"))
    found = owed(code, on, declaration)
    assert all(each.moment == "sale" for each in found.values())
    assert found


def test_relieved_charges_oblige_nobody() -> None:
    assert owed("TH", date(2024, 7, 4), parcel("1000", "THB")) == {}
