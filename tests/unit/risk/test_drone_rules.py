"""The rules for drones that ship: what each takes, and that they leave other parcels alone."""

from __future__ import annotations

from datetime import date
from decimal import Decimal
from importlib import resources

import pytest

from tidewaiter.model.declaration import Consignment, Declaration, Document, GoodsItem, TransportMeans
from tidewaiter.risk.rules import Context, Record, compile_rules, rules_of

RULES = rules_of((resources.files("tidewaiter.data") / "samples" / "drones.rules").read_text("utf-8"))
AUTHORISED = (Document(type_code="ZUAS", document_id="OAT-2026-17"),)


@pytest.mark.parametrize(
    ("means", "documents", "mass", "expected"),
    [
        ("UAS", (), "2", {"drone.unauthorised", "drone.delivered"}),
        ("UAS", AUTHORISED, "2", {"drone.delivered"}),
        ("UAS", AUTHORISED, "25", {"drone.heavy", "drone.delivered"}),
        ("40", (), "30", set()),
        ("", (), "30", set()),
    ],
)
def test_a_lane_of_their_own(means: str, documents: tuple[Document, ...], mass: str, expected: set[str]) -> None:
    consignment = Consignment(
        arrival_transport=TransportMeans(mode_code="4", means_type_code=means), transport_documents=documents,
        gross_mass_kg=Decimal(mass),
    )  # fmt: skip
    declaration = Declaration(consignment=consignment, goods_items=(GoodsItem(line_no=1),))
    hits = compile_rules(RULES, Context()).evaluate(Record(declaration=declaration, legal_day=date(2026, 12, 1))).hits
    assert {hit.rule.rule_id for hit in hits} == expected
