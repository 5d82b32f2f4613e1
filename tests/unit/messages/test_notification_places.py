"""Canonical pointers as sections, positions and tags."""

from __future__ import annotations

import csv
from pathlib import Path

import pytest
from msgspec.structs import fields

from tidewaiter.messages.wco_dm.notification_places import sections
from tidewaiter.model.declaration import Declaration, GoodsItem


def written(pointer: str) -> str:
    return " ".join(
        f"{step.section_code}{'' if step.sequence is None else f'[{step.sequence}]'}{step.tag_id and '/' + step.tag_id}"
        for step in sections(pointer)
    )


@pytest.mark.parametrize(
    ("pointer", "place"),
    [
        ("", "42A"),
        ("type_code", "42A/D013"),
        ("goods_items", "42A 67A 68A"),
        ("goods_items[7]", "42A 67A 68A[7]"),
        ("goods_items[7].description", "42A 67A 68A[7] 23A/137"),
        ("goods_items[2].additional_procedure_codes[3]", "42A 67A 68A[2] 70A[3]/166"),
        ("goods_items[2].documents[4].document_id", "42A 67A 68A[2] 02A[4]/D005"),
        ("goods_items[2].previous_documents[1].type_code", "42A 67A 68A[2] 99A[1]/D019"),
        ("goods_items[2].additional_information[1].statement_code", "42A 67A 68A[2] 03A[1]/226"),
        ("goods_items[2].invoice_price.amount", "42A 67A 68A[2] 23A 79A/112"),
        ("importer.name", "42A 67A 74A/R037"),
        ("importer.address.postcode", "42A 67A 74A 04A/245"),
        ("declarant.party_id", "42A 57B/R123"),
        ("declarant.email", "42A 57B 25A/240"),
        ("consignment.goods_location.name", "42A 67A 28A 64A/L016"),
        ("consignment.gross_mass_kg", "42A/131"),
        ("fiscal_references[2].party_id", "42A 67A 55B[2]/R119"),
        ("documents[1].type_code", "42A 02A[1]/D006"),
        ("marketplace.name", "42A"),
        ("goods_items[2].gtin", "42A 67A 68A[2]"),
        ("no such [thing", "42A"),
    ],
)
def test_places(pointer: str, place: str) -> None:
    assert written(pointer) == place


def test_every_element_of_a_goods_item_leads_at_least_to_its_line() -> None:
    for field in fields(GoodsItem):
        assert written(f"goods_items[5].{field.name}").startswith("42A 67A 68A[5]")
    for field in fields(Declaration):
        assert written(field.name).startswith("42A")


def test_tags_and_classes_are_those_of_the_dictionary(samples: Path) -> None:
    with (samples / "wco-dm-hmrc-cds" / "wco_dm36_declaration_dictionary.csv").open() as file:
        known = {row["wco_id"] for row in csv.DictReader(file)} | {"42A", "30B"}
    pointers = [f"goods_items[1].{field.name}" for field in fields(GoodsItem)] + [f.name for f in fields(Declaration)]
    for pointer in pointers:
        for step in sections(pointer):
            assert step.section_code in known, pointer
            assert not step.tag_id or step.tag_id in known, pointer
