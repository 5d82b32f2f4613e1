"""What a parcel is known by, whoever declares it."""

from __future__ import annotations

from datetime import date
from typing import Any

import pytest
from msgspec.structs import replace

from tidewaiter.model.declaration import Address, Consignment, Declaration, Document, GoodsItem, Party
from tidewaiter.model.parcel import DeclaredBefore
from tidewaiter.quality import declared_before, parcel_key

HOME = Party(name="Ane Holm", address=Address(line="Havnegade 12, 3. tv", postcode="1058", country_code="DK"))
POSTAL = "RR123456785DK"


def declared(*documents: tuple[str, str], master: str = "", **changed: Any) -> Declaration:
    """`documents` are types with numbers."""
    consignment = Consignment(
        transport_documents=tuple(Document(type_code=kind, document_id=number) for kind, number in documents),
        master_document_id=master,
    )
    return replace(
        Declaration(
            jurisdiction_code="DK", consignee=HOME, consignment=consignment, goods_items=(GoodsItem(line_no=1),)
        ),
        **changed,
    )


@pytest.mark.parametrize(
    ("one", "other"),
    [
        (declared(("N750", POSTAL)), declared(("", "rr 123 456 785 dk"))),
        (declared(("N750", POSTAL)), declared(("N703", POSTAL), consignee=None)),
        (declared(("N750", POSTAL)), declared(("N741", "020-12345675"), ("N740", "H 1"), ("N750", POSTAL))),
        (declared(("N703", "HW-88001")), declared(("703", "hw88001"), consignee=None, importer=HOME)),
        (
            declared(("N750", POSTAL)),
            declared(
                ("N750", POSTAL),
                goods_items=(GoodsItem(line_no=1, procedure_code="00", previous_procedure_code="20"),),
            ),
        ),
        (declared(("N703", "020-12345675")), declared(("N703", "020 1234 5675"))),
        (
            declared(("N703", "HW-88001")),
            declared(("N703", "HW-88001"), consignee=Party(address=Address(line="12 Havnegade", postcode="10 58"))),
        ),
        (
            declared(("N703", "HW-88001")),
            declared(goods_items=(GoodsItem(line_no=1, transport_documents=(Document(document_id="HW 88001"),)),)),
        ),
    ],
)
def test_the_same_parcel_has_one_key(one: Declaration, other: Declaration) -> None:
    assert parcel_key(one) is not None
    assert parcel_key(one) == parcel_key(other)


@pytest.mark.parametrize(
    "other",
    [
        declared(("N750", "RR123456799DK")),
        declared(("N703", "HW-88001")),
        declared(("N750", POSTAL), jurisdiction_code="SE"),
    ],
)
def test_another_parcel_has_another_key(other: Declaration) -> None:
    assert parcel_key(other) not in (None, parcel_key(declared(("N750", POSTAL))))


def test_a_carrier_s_number_to_another_place_is_another_parcel() -> None:
    there = Party(address=Address(line="Havnegade 12", postcode="8000"))
    here, elsewhere = declared(("N703", "HW-88001")), declared(("N703", "HW-88001"), consignee=there)
    assert parcel_key(here) != parcel_key(elsewhere)


@pytest.mark.parametrize(
    "declaration",
    [
        declared(),
        declared(("N741", "HW-88001")),
        declared(("N704", "MAEU123456789")),
        declared(("N730", "CMR-88001")),
        declared(("N740", "020-12345675")),
        declared(("", "02012345675")),
        declared(("N703", "HW-88001"), master="hw 88001"),
        declared(("N703", "HW-88001"), consignee=None),
        declared(("N703", "HW-88001"), consignee=Party(address=Address(line="Havnegade 12"))),
        declared(("N703", "NONE-GIVEN")),
        declared(("N703", "1234")),
        declared(("N703", "1" * 71)),
        declared(("N750", POSTAL), goods_items=(GoodsItem(line_no=1, previous_procedure_code="71"),)),
    ],
)
def test_what_tells_no_parcel_from_others_is_no_key(declaration: Declaration) -> None:
    assert parcel_key(declaration) is None


def test_a_key_is_always_the_same_number() -> None:
    """Rows written years ago are looked up by it."""
    assert parcel_key(declared(("N750", POSTAL))) == 2_572_108_690_956_673_964
    assert parcel_key(declared(("N703", "HW-88001"))) == 4_220_500_288_618_139_545


def test_the_finding_says_of_others_only_that_there_is_one() -> None:
    other = DeclaredBefore(declaration_id=7_654_321, declared_on=date(2026, 11, 20))
    (finding,) = declared_before(declared(("N741", "020-12345675"), ("N750", POSTAL)), (other,))
    assert finding.pointer == "consignment.transport_documents[2].document_id"
    assert finding.value == POSTAL
    assert "7654321" not in finding.words + finding.hint


def test_the_finding_names_the_sender_s_own_first() -> None:
    others = (
        DeclaredBefore(declaration_id=7, declared_on=date(2026, 11, 20)),
        DeclaredBefore(declaration_id=8, declared_on=date(2026, 11, 20), is_of_same_sender=True, reference="R-8"),
    )
    (finding,) = declared_before(declared(("N750", POSTAL)), others)
    assert "declaration 8 (reference “R-8”)" in finding.words
    assert declared_before(declared(("N750", POSTAL)), ()) == []
