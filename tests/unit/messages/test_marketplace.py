"""A marketplace's orders and payments: claims, and declarations where transport is named."""

from __future__ import annotations

import io
import json

import pytest

from tidewaiter.messages import forms
from tidewaiter.messages.marketplace import MarketplaceForm
from tidewaiter.model.declaration import Declaration

FORM = MarketplaceForm()
ORDER = {
    "message": "order",
    "order_id": "HL-1001",
    "ordered_at": "2026-06-10T09:30:00Z",
    "ships_to_country_code": "DK",
    "marketplace": {"party_id": "HARBOUR", "name": "Harbour Lane", "role_code": "deemed_seller"},
    "ioss_id": "IM2460000013",
    "buyer": {"name": "Pat Example"},
    "total": {"amount": "40.00", "currency": "EUR"},
    "tax_collected": {"amount": "10.00", "currency": "EUR"},
    "lines": [
        {
            "sku": "SOCK-2",
            "gtin": "5701234567899",
            "title": "Wool socks, knitted",
            "hs_code": "611594",
            "quantity": "2",
            "price": {"amount": "40.00", "currency": "EUR"},
            "product_url": "https://example.com/sock-2",
            "attributes": {"size": "42"},
        }
    ],
}
PAYMENT = {
    "message": "payment",
    "order_id": "HL-1001",
    "payment_id": "PAY-9",
    "marketplace": {"party_id": "HARBOUR"},
    "paid": {"amount": "50.00", "currency": "EUR"},
    "payer": {"name": "Pat Example"},
    "ships_to_country_code": "DK",
}


def declared(tree: dict[str, object]) -> Declaration:
    body = json.dumps(tree).encode()
    assert forms.detect(body).name == "marketplace"
    (record,) = FORM.split(io.BytesIO(body))
    reading = FORM.read(record.body)
    assert reading.findings == ()
    assert reading.declaration is not None
    return reading.declaration


def test_an_order_tells_device_and_network() -> None:
    own = declared({**ORDER, "ordering_device_id": "d-77", "ordering_network_address": "8.8.8.8"})
    assert (own.device_id, own.network_address) == ("d-77", "8.8.8.8")


def test_an_order_is_a_claim_with_its_products() -> None:
    own = declared(ORDER)
    assert (own.procedure_category, own.invoice_id) == ("ORDER", "HL-1001")
    assert own.functional_reference_id == "ORDER HARBOUR HL-1001"
    assert own.jurisdiction_code == "DK"
    (line,) = own.goods_items
    assert (line.sku, line.gtin, line.url) == ("SOCK-2", "5701234567899", "https://example.com/sock-2")
    assert line.description == "Wool socks, knitted"
    assert own.marketplace is not None
    assert own.marketplace.role_code == "deemed_seller"
    assert [(party.party_id, party.role_code) for party in own.fiscal_references] == [("IM2460000013", "FR5")]
    assert [extra.path for extra in own.extras] == ["/lines/0/attributes"]


def test_an_order_that_names_its_transport_is_a_declaration() -> None:
    own = declared(ORDER | {"tracking_id": "RR123456785DK"})
    assert own.procedure_category == ""
    assert own.functional_reference_id == "HL-1001"
    assert own.consignment.transport_documents[0].document_id == "RR123456785DK"


def test_a_payment_is_a_claim_of_its_own() -> None:
    own = declared(PAYMENT)
    assert (own.procedure_category, own.invoice_id) == ("PAYMENT", "HL-1001")
    assert own.functional_reference_id == "PAYMENT HARBOUR PAY-9"
    assert own.amount_paid is not None


def test_a_product_is_a_claim_known_by_its_number() -> None:
    own = declared({key: ORDER[key] for key in ("marketplace", "lines")} | {"message": "product"})
    assert (own.procedure_category, own.functional_reference_id) == ("PRODUCT", "PRODUCT HARBOUR SOCK-2")


@pytest.mark.parametrize(
    "tree",
    [
        ORDER,
        PAYMENT,
        ORDER | {"message": "product"},
        ORDER | {"tracking_id": "RR123456785DK"},
        ORDER | {"tracking_id": "RR1", "message": "ORDER"},
        ORDER | {"message": "H7"},
        ORDER | {"functional_reference_id": "OWN"},
    ],
)
def test_writing_gives_back_what_was_read(tree: dict[str, object]) -> None:
    own = declared(tree)
    written = FORM.write([own])
    (record,) = FORM.split(io.BytesIO(written))
    assert FORM.read(record.body).declaration == own
    assert json.loads(written)["order_id"] == "HL-1001"


def test_places_are_in_the_marketplaces_own_names() -> None:
    own = declared(ORDER)
    assert FORM.locate(own, "goods_items[1].invoice_price.amount") == "/lines/0/price/amount"
    assert FORM.locate(own, "fiscal_references[1].party_id") == "/ioss_id"
    assert FORM.locate(own, "invoice_id") == "/order_id"


@pytest.mark.parametrize("kind", ["refund", "Order", "payments", "REFUND"])
def test_an_unknown_kind_is_no_declaration_by_default(kind: str) -> None:
    reading = FORM.read(json.dumps(ORDER | {"message": kind}).encode())
    assert [(each.rule_id, each.pointer, each.value) for each in reading.findings] == [
        ("message.kind", "procedure_category", kind)
    ]
    assert reading.declaration is not None
    assert FORM.locate(reading.declaration, "procedure_category") == "/message"


@pytest.mark.parametrize("kind", ["", "order", "payment", "declaration", "ORDER", "LOGISTICS", "H7", "C21i", "BIRDS"])
def test_known_kinds_and_data_sets_of_the_law_are_taken(kind: str) -> None:
    assert FORM.read(json.dumps(ORDER | {"message": kind}).encode()).findings == ()


def test_what_was_not_written_is_placed_where_it_was_taken_from() -> None:
    own, paid = declared(ORDER), declared(PAYMENT)
    assert FORM.locate(own, "functional_reference_id") == "/order_id"
    assert FORM.locate(paid, "functional_reference_id") == "/payment_id"
    assert FORM.locate(own, "jurisdiction_code") == "/ships_to_country_code"
    named = declared(ORDER | {"functional_reference_id": "OWN", "jurisdiction_code": "SE"})
    assert FORM.locate(named, "functional_reference_id") == "/functional_reference_id"
    assert FORM.locate(named, "jurisdiction_code") == "/jurisdiction_code"
