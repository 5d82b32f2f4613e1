"""Imports and returns for tests: declarations to Great Britain, written here, with goods that bear duty and VAT."""

from __future__ import annotations

import io
import json
from datetime import date
from typing import Any

from tidewaiter.store import PostgresStore
from tidewaiter.workflow.intake import Intake
from tidewaiter.workflow.return_records import ReturnReceipt
from tidewaiter.workflow.returning import Handed, Returning

IMPORTED_ON = date(2026, 6, 15)
RETURNED_ON = date(2026, 7, 10)


def declaration(number: int, **changes: Any) -> dict[str, Any]:
    """Three trainers of GBP 150 and one bag of GBP 100, freight GBP 16: duty and VAT at the border."""
    shared = {"procedure_code": "40", "previous_procedure_code": "00", "gross_mass_kg": "1.2", "quantity_unit": "NAR"}
    items = [
        {
            "line_no": 1, "description": "Men's trainers, textile upper, rubber sole", "commodity_code": "6404110000",
            "origin_country_code": "CN", "invoice_price": {"amount": "150.00", "currency": "GBP"}, "quantity": "3",
            "sku": "TRAIN-1", **shared,
        },
        {
            "line_no": 2, "description": "Handbag, outer surface of leather", "commodity_code": "4202210090",
            "origin_country_code": "CN", "invoice_price": {"amount": "100.00", "currency": "GBP"}, "quantity": "1",
            "sku": "BAG-1", **shared,
        },
    ]  # fmt: skip
    place = {"line": "1 Example Street", "city": "Exampleton", "postcode": "ZZ99 9ZZ", "country_code": "GB"}
    return {
        "functional_reference_id": f"RET-{number}", "type_code": "IMA", "jurisdiction_code": "GB",
        "lodgement_office_id": "GB000060", "issued_at": "2026-06-15T05:30:00Z", "goods_item_count": 2,
        "invoice_id": f"ORDER-{number}", "invoice_amount": {"amount": "250.00", "currency": "GBP"},
        "freight": {"amount": "16.00", "currency": "GBP"}, "declarant": {"party_id": "GB999999990000", "name": "Example Post"},
        "consignor": {"name": "Example Trading", "address": {**place, "country_code": "CN"}},
        "importer": {"party_id": "GB123456789000", "name": "Sam Sample", "address": place},
        "consignment": {
            "transport_documents": [{"type_code": "N740", "document_id": f"WB{number:08}"}],
            "border_transport": {"mode_code": "4"}, "gross_mass_kg": "2.4", "package_count": 1,
            "export_country_code": "CN", "destination_country_code": "GB", "arrival_on": "2026-06-15",
        },
        "goods_items": items, **changes,
    }  # fmt: skip


def a_return(number: int, **changes: Any) -> dict[str, Any]:
    """A return of all of an import, matched by waybill and order."""
    return {
        "return_id": f"R-{number}", "reason": "returned to seller", "waybill": f"WB{number:08}",
        "order_id": f"ORDER-{number}", "return_waybill": f"BACK{number:08}",
        "documents": [{"kind": "return order", "reference": f"RO-{number}"}], **changes,
    }  # fmt: skip


def an_event(number: int, **changes: Any) -> dict[str, Any]:
    """The carrier's word that a return has left."""
    return {
        "event_id": f"E-{number}", "kind": "departed", "happened_at": "2026-07-05T10:00:00+01:00", "place": "GBLHR",
        "reported_by": "Example Air", "waybill": f"BACK{number:08}", **changes,
    }  # fmt: skip


def import_goods(store: PostgresStore, *declarations: dict[str, Any], sender: str = "post") -> list[int]:
    """The numbers of declarations handed in and decided."""
    body = "\n".join(json.dumps(each) for each in declarations).encode()
    with Intake(store, workers=1) as intake:
        receipt = intake.submit(
            io.BytesIO(body), sender_id=store.senders.ensure(sender).sender_id, file_name="night.jsonl",
            transport="cli", legal_day=IMPORTED_ON,
        )  # fmt: skip
    assert all(line.state.value != "rejected" for line in receipt.lines), receipt.findings
    return [line.declaration_id for line in receipt.lines]


def hand_in(store: PostgresStore, *returns: dict[str, Any], sender: str = "post", **given: Any) -> ReturnReceipt:
    """The receipt of returns as JSON lines."""
    return Returning(store).submit(handed(store, returns, sender, **given))


def report(store: PostgresStore, *events: dict[str, Any], sender: str = "carrier", **given: Any) -> ReturnReceipt:
    """The receipt of exit events as JSON lines."""
    return Returning(store).submit_events(handed(store, events, sender, **given))


def handed(store: PostgresStore, records: tuple[dict[str, Any], ...], sender: str, **given: Any) -> Handed:
    """A message with these records, as JSON lines."""
    body = "\n".join(json.dumps(each) for each in records).encode()
    sender_id = store.senders.ensure(sender).sender_id
    return Handed(**{"body": body, "sender_id": sender_id, "transport": "cli", "received_on": RETURNED_ON} | given)
