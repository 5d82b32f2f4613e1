"""Declarations handed on to other customs systems, as they stand in a real database."""

from __future__ import annotations

import io
from datetime import date
from decimal import Decimal

import pytest
from lxml import etree
from msgspec.structs import replace

from tidewaiter.messages import forms
from tidewaiter.model.declaration import Consignment, Declaration, Document, GoodsItem, MessageFunction, Party
from tidewaiter.model.errors import NotFoundError, TransitionError
from tidewaiter.model.money import Money
from tidewaiter.store import PostgresStore
from tidewaiter.workflow.exporting import export
from tidewaiter.workflow.intake import Intake
from tidewaiter.workflow.targets import SAD, targets

DAY = date(2026, 6, 15)


def declared(description: str = "Wool scarf, woven") -> Declaration:
    return Declaration(
        functional_reference_id="E-1", jurisdiction_code="GB", importer=Party(name="Jo Example"),
        consignor=Party(name="Lana Srl"),
        consignment=Consignment(transport_documents=(Document(document_id="HAWB-1"),)),
        goods_items=(
            GoodsItem(
                line_no=1, description=description, commodity_code="6214200000", gross_mass_kg=Decimal("0.4"),
                invoice_price=Money(Decimal(300), "GBP"), origin_country_code="IT", procedure_code="40",
                previous_procedure_code="00",
            ),
        ),
    )  # fmt: skip


def hand_in(store: PostgresStore, declaration: Declaration) -> None:
    sender_id = store.senders.ensure("A courier").sender_id
    body = forms.by_name("json").write([declaration])
    with Intake(store, workers=1) as intake:
        intake.submit(io.BytesIO(body), sender_id=sender_id, file_name="p.json", transport="test", legal_day=DAY)


def test_the_document_has_the_charges_that_were_worked_out(store: PostgresStore) -> None:
    hand_in(store, declared())
    number = store.find("E-1")
    assessment = store.outcome(number).evaluation.assessment
    assert assessment is not None
    assert assessment.due.amount > 0
    root = etree.fromstring(export(store, number, SAD).content)
    lines = root.findall("Item/Taxation/Taxation_line")
    assert {line.findtext("Duty_tax_code") for line in lines} == {charge.type_code for charge in assessment.charges}
    assert Decimal(root.findtext("Item/Taxation/Item_taxes_amount") or "") == assessment.due.amount


def test_amendments_are_in_what_is_handed_on_in_every_form(store: PostgresStore) -> None:
    hand_in(store, declared())
    hand_in(store, replace(declared("Silk scarf, woven"), function=MessageFunction.AMENDMENT))
    for target in targets().keys() - {"wco-response"}:  # which says what happened, without the goods
        assert b"Silk scarf, woven" in export(store, store.find("E-1"), target).content, target


def test_an_unknown_target_is_told_what_there_is(store: PostgresStore) -> None:
    hand_in(store, declared())
    with pytest.raises(NotFoundError) as caught:
        export(store, store.find("E-1"), "papyrus")
    assert "wco-dm" in caught.value.hint


def test_what_was_rejected_or_is_a_claim_is_not_handed_on_as_decided(store: PostgresStore) -> None:
    hand_in(store, replace(declared(), goods_items=()))
    hand_in(store, replace(declared(), functional_reference_id="O-1", procedure_category="ORDER", invoice_id="1"))
    for reference in ("E-1", "O-1"):
        with pytest.raises(TransitionError, match="nothing to hand on"):
            export(store, store.find(reference), SAD)
        assert b'"functional_reference_id"' in export(store, store.find(reference), "json").content
