"""A rule that says what it is about sees nothing where that is absent: not asking it loses no finding."""

from __future__ import annotations

from datetime import UTC, date, datetime
from decimal import Decimal
from itertools import islice
from typing import Any

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tidewaiter.cli.bench import parcels
from tidewaiter.model.declaration import (
    AdditionalInformation,
    Amendment,
    Consignment,
    Declaration,
    Document,
    GoodsItem,
    GoodsLocation,
    Party,
)
from tidewaiter.model.money import Money
from tidewaiter.quality import registry
from tidewaiter.quality.registry import PER_LINE, Context, Rule, RuleSet
from tidewaiter.regimes import Regime, load_regime

ON = date(2026, 11, 20)
ABOUT = [rule for rule in registry.rules() if rule.about]
PARCELS = [
    parcel for form in ("json", "wco-dm") for parcel in islice(parcels.declarations(form, 20, 3, ON), 20)
]  # as a post and a courier send them
CODES = ("", "C07", "C08", "F48", "F49", "99", "220421", "N750", "N337", "Y900", "FR5", "A", "B", "U", "Z", "DK", "DE")


@pytest.fixture(scope="module")
def regime() -> Regime:
    return load_regime("DK", ON)


def without(declaration: Declaration, about: tuple[str, ...]) -> Declaration:
    """The declaration without these elements."""
    names = [name.removeprefix(PER_LINE) for name in about if name.startswith(PER_LINE)]
    blank = GoodsItem(line_no=1)
    items = tuple(
        msgspec.structs.replace(item, **{name: getattr(blank, name) for name in names})
        for item in declaration.goods_items
    )
    declaration = msgspec.structs.replace(declaration, goods_items=items)
    for name in about:
        if name.startswith(PER_LINE):
            continue
        owner, _, element = name.rpartition(".")
        if owner:
            part = getattr(declaration, owner)
            emptied = msgspec.structs.replace(part, **{element: getattr(type(part)(), element)})
            declaration = msgspec.structs.replace(declaration, **{owner: emptied})
        else:
            declaration = msgspec.structs.replace(declaration, **{name: getattr(Declaration(), name)})
    return declaration


@pytest.mark.parametrize("rule", ABOUT, ids=[rule.rule_id for rule in ABOUT])
@settings(max_examples=25, deadline=None)
@given(st.data())
def test_a_rule_is_silent_where_what_it_is_about_is_absent(regime: Regime, rule: Rule, data: st.DataObject) -> None:
    parcel = data.draw(st.sampled_from(PARCELS))
    codes = st.sampled_from(CODES)
    items = tuple(
        msgspec.structs.replace(
            item,
            commodity_code=data.draw(codes),
            additional_procedure_codes=(data.draw(codes),),
            quantity=data.draw(st.sampled_from([None, item.net_mass_kg])),
        )
        for item in parcel.goods_items
    )
    changed = without(
        msgspec.structs.replace(
            parcel,
            goods_items=items,
            type_code=data.draw(st.sampled_from(["IMA", "IMD", "COA", ""])),
            procedure_category=data.draw(st.sampled_from(["H7", ""])),
        ),
        rule.about,
    )
    context = Context("DK", ON, regime.dataset_of(changed), lambda money, _: money)
    assert list(rule.function(changed, context)) == []


PARTY, DOCUMENT, MONEY = Party(name="A"), Document(type_code="N380"), Money(Decimal(1), "EUR")
THERE: dict[str, Any] = {
    "additional_information": (AdditionalInformation(statement_code="00500"),), "amendments": (Amendment(reason="r"),),
    "consignee": PARTY, "consignment.arrival_on": ON,
    "consignment.arrival_at": datetime(2026, 1, 1, tzinfo=UTC), "consignment.goods_location": GoodsLocation(type_code="A"),
    "consignment.gross_mass_kg": Decimal(0), "consignment.package_count": 0, "consignment.posted_on": ON,
    "consignment.ucr": "U", "declarant": PARTY, "documents": (DOCUMENT,), "fiscal_references": (PARTY,), "freight": MONEY,
    "quote_id": "TWQ", "network_address": "N", "amount_paid": MONEY, "buyer": PARTY, "payer": PARTY,
    "goods_item_count": 0, "importer": PARTY, "invoice_amount": MONEY, "issued_at": datetime(2026, 1, 1, tzinfo=UTC),
    "previous_documents": (DOCUMENT,), "registered_id": "R", "representative": PARTY,
    "goods_items[].commodity_code": "610910",
    "goods_items[].additional_information": (AdditionalInformation(statement_code="00500"),),
    "goods_items[].documents": (DOCUMENT,), "goods_items[].fiscal_references": (PARTY,), "goods_items[].freight": MONEY,
    "goods_items[].unit_price": MONEY, "goods_items[].gtin": "1", "goods_items[].previous_documents": (DOCUMENT,), "goods_items[].quantity": Decimal(0),
}  # fmt: skip


def only(name: str) -> Declaration:
    """A declaration of two lines with nothing but this element, on the second line if it is one of lines."""
    line, element = GoodsItem(line_no=2), name.removeprefix(PER_LINE)
    if name.startswith(PER_LINE):
        line = msgspec.structs.replace(line, **{element: THERE[name]})
    items = (GoodsItem(line_no=1), line)
    if name.startswith("consignment."):
        return Declaration(
            goods_items=items, consignment=Consignment(**{name.removeprefix("consignment."): THERE[name]})
        )
    whole: dict[str, Any] = {} if name.startswith(PER_LINE) else {name: THERE[name]}
    return Declaration(goods_items=items, **whole)


@pytest.mark.parametrize("name", sorted({name for rule in ABOUT for name in rule.about}))
def test_it_is_asked_where_any_of_it_is_there(name: str) -> None:
    concerned = tuple(rule for rule in ABOUT if name in rule.about)
    chosen = RuleSet(tuple(ABOUT))
    assert chosen.for_declaration(only(name)) == concerned
    assert chosen.for_declaration(Declaration(goods_items=(GoodsItem(line_no=1),))) == ()
    assert chosen.for_declaration(only(name)) == concerned
