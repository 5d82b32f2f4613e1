"""The general rules: each with the smallest parcel that breaks it, and nothing else found."""

from __future__ import annotations

from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any

import pytest
from msgspec.structs import replace

from tidewaiter.model.declaration import Address, Consignment, Declaration, Document, Packaging, Party
from tidewaiter.model.finding import Severity
from tidewaiter.model.money import Money
from tidewaiter.quality import check
from tidewaiter.tariff.records import Content, Line
from tidewaiter.tariff.tariff import Tariff
from unit.quality.declared import Dataset, Law, line, parcel


def found(declaration: Declaration, law: Law | None = None) -> list[tuple[str, str]]:
    return [(finding.rule_id, finding.pointer) for finding in check(declaration, regime=law or Law())]


def consignment(**changes: Any) -> Declaration:
    return parcel(consignment=replace(parcel().consignment, **changes))


def lines(**changes: Any) -> Declaration:
    """The parcel with its first line changed."""
    return parcel(goods_items=(line(1, **changes), line(2)))


def euros(amount: str) -> Money:
    return Money(Decimal(amount), "EUR")


def transport(type_code: str, document_id: str) -> Declaration:
    return consignment(transport_documents=(Document(type_code=type_code, document_id=document_id),))


def fiscal(party_id: str, role_code: str) -> Declaration:
    return parcel(fiscal_references=(Party(party_id=party_id, role_code=role_code),))


def test_a_clean_parcel_has_no_findings() -> None:
    assert check(parcel(), regime=Law()) == ()


ITEM = "goods_items[1]"
TRANSPORT = "consignment.transport_documents[1].document_id"
CASES: list[tuple[Declaration, str, str]] = [
    (parcel(goods_items=(line(1), line(1)), goods_item_count=2), "items.line_no_repeated", "goods_items[2].line_no"),
    (parcel(goods_item_count=3), "totals.item_count", "goods_item_count"),
    (consignment(package_count=3), "totals.package_count", "consignment.package_count"),
    (consignment(gross_mass_kg=Decimal("0.90")), "totals.gross_mass", "consignment.gross_mass_kg"),
    (parcel(invoice_amount=euros("31")), "totals.invoice_amount", "invoice_amount"),
    (consignment(export_country_code="UK"), "code.country", "consignment.export_country_code"),
    (consignment(destination_country_code="gb"), "code.country", "consignment.destination_country_code"),
    (lines(origin_country_code="ZZ"), "code.country", f"{ITEM}.origin_country_code"),
    (parcel(seller=Party(address=Address(country_code="ZZ"))), "code.country", "seller.address.country_code"),
    (parcel(freight=Money(Decimal(3), "EURO")), "code.currency", "freight.currency"),
    (lines(commodity_code="6109.10"), "code.commodity_shape", f"{ITEM}.commodity_code"),
    (lines(commodity_code="6109"), "code.commodity_shape", f"{ITEM}.commodity_code"),
    (lines(commodity_code="610999"), "code.commodity_unknown", f"{ITEM}.commodity_code"),
    (lines(commodity_code="6109991000"), "code.commodity_unknown", f"{ITEM}.commodity_code"),
    (transport("N750", "1234"), "identifier.postal_item", TRANSPORT),
    (transport("N750", "CP001020301BR"), "identifier.postal_item_check_digit", TRANSPORT),
    (transport("N740", "020-12345670"), "identifier.air_waybill_check_digit", TRANSPORT),
    (
        consignment(master_document_id="02012345670"),
        "identifier.air_waybill_check_digit",
        "consignment.master_document_id",
    ),
    (parcel(declarant=Party(party_id="GB123")), "identifier.eori", "declarant.party_id"),
    (parcel(declarant=Party(party_id="DK12345678")), "identifier.eori", "declarant.party_id"),
    (fiscal("IM208", "FR5"), "identifier.ioss", "fiscal_references[1].party_id"),
    (fiscal("DK13585629", "FR1"), "identifier.vat_number", "fiscal_references[1].party_id"),
    (parcel(registered_id="26DK1"), "identifier.mrn", "registered_id"),
    (lines(gtin="4006381333930"), "identifier.gtin", f"{ITEM}.gtin"),
    (consignment(ucr="?" * 3), "identifier.ucr", "consignment.ucr"),
    (parcel(network_address="8.8.8"), "identifier.network", "network_address"),
    (parcel(insurance=euros("-1")), "amount.negative", "insurance"),
    (lines(freight=euros("-1")), "amount.negative", f"{ITEM}.freight"),
    (lines(quantity=Decimal(0)), "quantity.not_positive", f"{ITEM}.quantity"),
    (lines(quantity=Decimal(100_001)), "quantity.implausible", f"{ITEM}.quantity"),
    (lines(packagings=(Packaging(count=-1), Packaging(count=2))), "packages.negative", f"{ITEM}.packagings[1].count"),
    (lines(net_mass_kg=Decimal("0.41")), "mass.net_above_gross", f"{ITEM}.net_mass_kg"),
    (lines(net_mass_kg=Decimal(0)), "mass.zero", f"{ITEM}.net_mass_kg"),
    (lines(net_mass_kg=Decimal(-1)), "mass.negative", f"{ITEM}.net_mass_kg"),
    (parcel(acceptance_at=datetime(1970, 1, 1, tzinfo=UTC)), "date.impossible", "acceptance_at"),
    (parcel(acceptance_at=datetime(2126, 6, 14, tzinfo=UTC)), "date.impossible", "acceptance_at"),
    (parcel(issued_at=datetime(2026, 6, 17, tzinfo=UTC)), "date.issued_in_future", "issued_at"),
    (consignment(posted_on=date(2026, 6, 18)), "date.posted_after_arrival", "consignment.posted_on"),
    (consignment(arrival_on=date(2027, 6, 18)), "date.arrival_far_ahead", "consignment.arrival_on"),
    (parcel(exporter=Party(name="A")), "party.not_identified", "exporter.address"),
    (parcel(importer=Party()), "party.not_identified", "importer.name"),
    (parcel(consignee=parcel().consignor), "party.consignor_is_consignee", "consignee"),
    (lines(description="  "), "description.missing", f"{ITEM}.description"),
    (lines(description="gift"), "description.vague", f"{ITEM}.description"),
    (lines(description="B08-4411-XQ9"), "description.code", f"{ITEM}.description"),
    (lines(description="shirt " * 100), "description.too_long", f"{ITEM}.description"),
    (lines(description="shirt\x00s of cotton"), "text.control_characters", f"{ITEM}.description"),
    (lines(description="shirts \u202enottoc fo"), "text.direction_override", f"{ITEM}.description"),
    (lines(description="cotton\u200bshirts"), "text.invisible_characters", f"{ITEM}.description"),
    (parcel(buyer=Party(name="A\x1bB")), "text.control_characters", "buyer.name"),
]


@pytest.mark.parametrize(
    ("declaration", "rule_id", "pointer"),
    CASES,
    ids=[f"{rule_id}-{place}" for place, (_, rule_id, _) in enumerate(CASES)],
)
def test_each_rule_finds_its_fault_and_no_other_does(declaration: Declaration, rule_id: str, pointer: str) -> None:
    assert found(declaration) == [(rule_id, pointer)]


def test_lines_numbered_with_a_gap_are_told_once() -> None:
    declaration = parcel(goods_items=(line(2), line(4)))
    assert found(declaration) == [("items.line_no_sequence", "goods_items[1].line_no")]


def test_too_many_lines() -> None:
    items = tuple(line(place) for place in range(1, 10_001))
    assert ("items.too_many", "goods_items") in found(Declaration(goods_items=items))


def test_an_unlikely_price_per_kilogram_is_found_in_any_currency() -> None:
    declaration = lines(invoice_price=Money(Decimal(300_000), "DKK"), description="one gold coin")
    assert (("amount.price_per_kg", f"{ITEM}.invoice_price")) in found(replace(declaration, invoice_amount=None))
    unknown = lines(invoice_price=Money(Decimal(300_000), "JPY"))
    assert found(replace(unknown, invoice_amount=None)) == []


def test_a_price_of_zero_is_only_a_warning() -> None:
    findings = check(lines(invoice_price=euros("0")), regime=Law())
    assert {finding.severity for finding in findings} == {Severity.WARNING}
    assert "amount.zero" in {finding.rule_id for finding in findings}


def test_codes_are_not_looked_up_on_days_without_an_edition() -> None:
    law = Law(legal_day=date(2020, 6, 15))
    declaration = replace(lines(commodity_code="610999"), issued_at=None)
    findings = check(replace(declaration, consignment=Consignment()), regime=law)
    assert [(finding.rule_id, finding.severity) for finding in findings] == [
        ("code.commodity_unchecked", Severity.INFO)
    ]


def tariff(*lines: Line) -> Tariff:
    """A tariff of these lines, in force from the start of the year."""
    return Tariff.of(
        Content(edition=1, jurisdiction_code="GB", in_force_from=date(2026, 1, 1), is_complete=False, lines=lines,
                areas={}, measures=(), duties={})
    )  # fmt: skip


SHIRTS = (
    Line(code="6109000000", depth=1, digits=4), Line(code="6109100010", depth=4, valid_to=date(2026, 6, 30)),
    Line(code="6109100090", depth=4), Line(code="6109900000", depth=3, digits=8),
)  # fmt: skip


@pytest.mark.parametrize("code", ["999999", "990500", "9880000000"])
def test_codes_of_national_chapters_are_looked_up_in_a_tariff_that_has_them_or_said_not_to_be(code: str) -> None:
    (finding,) = check(lines(commodity_code=code), regime=Law())
    assert (finding.rule_id, finding.severity, finding.pointer, finding.value) == (
        "code.commodity_national", Severity.INFO, f"{ITEM}.commodity_code", code,
    )  # fmt: skip
    assert f"whether {code} exists was not looked up" in finding.words
    assert finding.hint
    goods = parcel(goods_items=(line(1, commodity_code=code), line(2, commodity_code="6109100090")))
    assert found(goods, Law(tariff=tariff(*SHIRTS))) == [("code.commodity_national", f"{ITEM}.commodity_code")]
    its_own = tariff(*SHIRTS, Line(code="9880100000", depth=3), Line(code="9905000000", depth=3))
    expected = [] if code == "990500" else [("code.commodity_not_in_tariff", f"{ITEM}.commodity_code")]
    assert found(goods, Law(tariff=its_own)) == expected


@pytest.mark.parametrize(
    ("code", "on", "is_there"),
    [
        ("6109100090", date(2026, 7, 1), True),
        ("6109100010", date(2026, 6, 30), True),
        ("6109100010", date(2026, 7, 1), False),  # it ended the day before
        ("61091000", date(2026, 7, 1), True),  # what codes in it begin with
        ("61091010", date(2026, 7, 1), False),
        ("6404110000", date(2026, 7, 1), True),  # nothing of its chapter was imported
    ],
)
def test_codes_are_looked_up_in_the_imported_tariff_of_the_day(code: str, on: date, is_there: bool) -> None:  # noqa: FBT001
    shirt = line(2, commodity_code="6109100090")
    goods = (line(1, commodity_code=code, description="Trainers" if code[:2] == "64" else shirt.description), shirt)
    declaration = parcel(goods_items=goods, consignment=Consignment(), issued_at=None)
    seen = check(declaration, regime=Law(legal_day=on, tariff=tariff(*SHIRTS)))
    assert [each.rule_id for each in seen] == ([] if is_there else ["code.commodity_not_in_tariff"])
    for each in seen:
        assert each.words == f"The tariff of GB in force from 2026-01-01 has no code {code} on {on}."
        assert each.hint.startswith("Under 6109")
        assert "6109100090" in each.hint


def test_a_code_the_harmonized_system_does_not_have_is_told_once() -> None:
    law, goods = Law(tariff=tariff(*SHIRTS)), (line(1, commodity_code="610999"), line(2, commodity_code="6109100090"))
    assert found(parcel(goods_items=goods), law) == [("code.commodity_unknown", f"{ITEM}.commodity_code")]


def test_the_hint_names_the_subheadings_of_the_heading() -> None:
    (finding,) = check(lines(commodity_code="610999"), regime=Law())
    assert finding.hint == "Heading 6109 has 610910, 610990."


def test_the_invoice_may_include_freight_and_insurance() -> None:
    assert found(parcel(invoice_amount=euros("30"), freight=euros("3"), insurance=euros("2"))) == []
    assert found(parcel(invoice_amount=euros("28"), freight=euros("3"))) == []


def test_lines_may_share_a_package_and_masses_may_be_rounded() -> None:
    assert found(consignment(package_count=1, gross_mass_kg=Decimal("0.81"))) == []


def test_house_waybills_and_national_numbers_are_left_alone() -> None:
    assert found(transport("N740", "HOUSE-123")) == []
    assert found(parcel(declarant=Party(party_id="12345"))) == []


def test_what_is_required_and_missing_is_said_once() -> None:
    law = Law(dataset=Dataset(required=("consignor.name", "goods_items[].description")))
    declaration = parcel(consignor=Party(), goods_items=(line(1, description=""), line(2)))
    assert found(declaration, law) == [
        ("data.required", "consignor.name"),
        ("data.required", f"{ITEM}.description"),
    ]


def test_a_heading_is_enough_in_an_advance_filing() -> None:
    law = Law(dataset=Dataset(is_advance=True))
    assert found(lines(commodity_code="6109"), law) == []
    assert found(lines(commodity_code="610"), law) == [("code.commodity_shape", f"{ITEM}.commodity_code")]


def test_the_receiver_of_a_line_is_looked_at_like_its_sender() -> None:
    party = Party(name="Anna", address=Address(country_code="ZZ"))
    assert found(lines(consignee=party)) == [("code.country", f"{ITEM}.consignee.address.country_code")]
