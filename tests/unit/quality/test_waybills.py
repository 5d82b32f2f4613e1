"""Houses, masters and manifests that belong together."""

from __future__ import annotations

from decimal import Decimal

import pytest
from msgspec.structs import replace

from tidewaiter.messages import forms
from tidewaiter.model.claim import Claim, ClaimKind
from tidewaiter.model.declaration import Declaration
from tidewaiter.quality import match, references, waybills
from tidewaiter.quality.waybills import DIFFERS, MISSING
from waybills import FFM, FHL, FHL_LIST, MASTER, xfhl, xfwb, xfzb


def read(form: str, body: str) -> Declaration:
    declared = forms.by_name(form).read(body.encode()).declaration
    assert declared is not None
    return declared


MASTER_FILED = read("cargo-xml", xfwb())
FIRST = read("cargo-xml", xfzb("KEEL1"))  # 2 pieces, 20 kg
SECOND = read("cargo-imp", FHL)  # KEEL2: 3 pieces, 22.5 kg
LISTED = read("cargo-xml", xfhl(("KEEL1", "2", "20"), ("KEEL2", "3", "22.5")))


def told(*filings: Declaration) -> list[tuple[int, str, str]]:
    return [(each.position, each.finding.rule_id, each.finding.pointer) for each in waybills.together(filings)]


def test_what_fits_together_across_forms_is_silent() -> None:
    assert told(MASTER_FILED, FIRST, SECOND, LISTED) == []
    assert told(LISTED, SECOND, MASTER_FILED, FIRST, read("cargo-imp", FHL_LIST)) == []


def test_a_house_that_is_listed_but_not_sent_is_missing() -> None:
    assert told(LISTED, FIRST) == [(0, MISSING, "goods_items[2].transport_documents[1].document_id")]


def test_a_consolidation_without_houses_is_told() -> None:
    assert told(MASTER_FILED) == [(0, MISSING, "consignment.transport_documents[1].document_id")]
    assert told(replace(MASTER_FILED, type_code="740")) == []


def test_a_house_that_the_manifest_does_not_list_is_told() -> None:
    other = read("cargo-xml", xfzb("KEEL9"))
    assert (0, DIFFERS, "consignment.transport_documents[1].document_id") in told(other, LISTED)


@pytest.mark.parametrize(
    ("house", "pointer"),
    [(xfzb("KEEL1", pieces="4"), "consignment.package_count"), (xfzb("KEEL1", mass="25"), "consignment.gross_mass_kg")],
)
def test_a_house_that_says_otherwise_than_the_manifest_is_told(house: str, pointer: str) -> None:
    assert told(read("cargo-xml", house), LISTED, SECOND) == [(0, DIFFERS, pointer)]


def test_scales_may_differ_a_little() -> None:
    assert told(read("cargo-xml", xfzb("KEEL1", mass="20.4")), LISTED, SECOND) == []


def test_houses_that_do_not_add_up_to_their_master_are_told_at_the_master() -> None:
    found = told(MASTER_FILED, read("cargo-xml", xfzb("KEEL1", pieces="7")))
    assert found == [(0, DIFFERS, "consignment.package_count"), (0, DIFFERS, "consignment.gross_mass_kg")]


def test_a_manifest_whose_houses_do_not_add_up_is_told_at_the_master() -> None:
    short = read("cargo-xml", xfhl(("KEEL1", "2", "20")))
    found = [each.finding for each in waybills.together([MASTER_FILED, short, FIRST])]
    assert any("houses on the manifest together" in each.words for each in found)


def test_a_flight_manifest_wants_nothing_of_the_masters_it_lists() -> None:
    flight = read("cargo-imp", FFM)
    assert told(flight) == []
    assert waybills.listed(flight) == (MASTER, "999-00000044")
    assert told(flight, replace(MASTER_FILED, type_code="740")) == []


def test_other_filings_are_passed_over() -> None:
    assert told(Declaration(), replace(FIRST, procedure_category="H7")) == []


def test_a_number_that_is_not_there_matches_nothing() -> None:
    blank = replace(FIRST, consignment=replace(FIRST.consignment, transport_documents=(), master_document_id=""))
    assert not waybills.concerns(LISTED, blank)
    assert told(blank, LISTED, FIRST, SECOND) == []


def test_a_manifest_told_as_a_claim_is_compared_and_never_wanted() -> None:
    claim = Claim(kind=ClaimKind.MANIFEST, declaration_id=5, source="Keel", stated=LISTED)
    heavier = replace(FIRST, consignment=replace(FIRST.consignment, gross_mass_kg=Decimal(30)))
    assert match(FIRST, [claim], ()) == []
    (found,) = match(heavier, [claim], ())
    assert (found.rule_id, found.pointer) == (DIFFERS, "consignment.gross_mass_kg")
    assert "from Keel" in found.words
    assert match(heavier, [], ()) == []


def test_waybills_and_manifests_find_one_another() -> None:
    assert references(FIRST)[1] == ("KEEL1", MASTER)
    assert references(LISTED)[1] == (MASTER, "KEEL1", "KEEL2")
