"""A clean parcel and a stand-in for the law, for the tests of quality."""

from __future__ import annotations

from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any

from msgspec import Struct
from msgspec.structs import replace

from tidewaiter.model.declaration import (
    Address,
    Consignment,
    Declaration,
    Document,
    GoodsItem,
    Packaging,
    Party,
)
from tidewaiter.model.errors import NotInForceError
from tidewaiter.model.money import Money
from tidewaiter.tariff.tariff import Tariff


class Dataset(Struct, frozen=True):
    code: str = "postal"
    title: str = "low-value post"
    required: tuple[str, ...] = ()
    is_advance: bool = False


class Law(Struct, frozen=True):
    """What quality asks of a regime; the euro is worth 7.46 kroner, and nothing else has a rate."""

    jurisdiction_code: str = "GB"
    legal_day: date = date(2026, 6, 15)
    dataset: Dataset = Dataset()
    tariff: Tariff | None = None

    def dataset_of(self, declaration: Declaration) -> Dataset:
        return self.dataset

    def convert(self, money: Money, currency: str) -> Money:
        rates = {"EUR": Decimal(1), "DKK": Decimal("7.46")}
        if money.currency not in rates or currency not in rates:
            raise NotInForceError(f"no rate for {money.currency}")
        return Money(money.amount / rates[money.currency] * rates[currency], currency)


def line(line_no: int = 1, **changes: Any) -> GoodsItem:
    item = GoodsItem(
        line_no=line_no,
        description="cotton shirts for men",
        commodity_code="610910",
        origin_country_code="CN",
        gross_mass_kg=Decimal("0.40"),
        net_mass_kg=Decimal("0.35"),
        invoice_price=Money(Decimal("12.50"), "EUR"),
        packagings=(Packaging(count=1),),
    )
    return replace(item, **changes)


def parcel(**changes: Any) -> Declaration:
    declaration = Declaration(
        functional_reference_id="ORDER-1",
        issued_at=datetime(2026, 6, 14, 9, tzinfo=UTC),
        goods_item_count=2,
        invoice_amount=Money(Decimal("25.00"), "EUR"),
        declarant=Party(party_id="GB123456789000"),
        consignor=Party(name="Shenzhen Shirts", address=Address(line="1 Road", city="Shenzhen", country_code="CN")),
        consignee=Party(name="Ann Bell", address=Address(line="2 Lane", city="Leeds", country_code="GB")),
        consignment=Consignment(
            transport_documents=(Document(type_code="N750", document_id="RR123456785CN"),),
            gross_mass_kg=Decimal("0.80"),
            package_count=1,
            export_country_code="CN",
            destination_country_code="GB",
            posted_on=date(2026, 6, 10),
            arrival_on=date(2026, 6, 16),
        ),
        goods_items=(line(1), line(2)),
    )
    return replace(declaration, **changes)
