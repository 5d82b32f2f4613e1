"""Danish H7 rules: each published rule by its smallest violation, and declarations that must pass."""

from __future__ import annotations

from datetime import date
from decimal import Decimal
from typing import Any

import pytest
from msgspec.structs import replace

from tidewaiter.cli.conformance.h7_mutations import (
    DANISH_ADDRESS,
    IMPORTER_ID,
    IOSS_ID,
    PRIVATE_PERSON,
    Mutation,
    clean,
    mutated,
    mutations,
)
from tidewaiter.model.declaration import (
    Amendment,
    Declaration,
    Document,
    Extra,
    GoodsLocation,
    MessageFunction,
    Party,
)
from tidewaiter.model.finding import Severity
from tidewaiter.model.money import Money
from tidewaiter.quality import check, coverage
from tidewaiter.quality.codelists import code_list
from tidewaiter.quality.registry import by_id
from unit.quality.declared import Law

DENMARK = Law(jurisdiction_code="DK", legal_day=date(2026, 3, 2))


def errors(declaration: Declaration) -> set[str]:
    findings = check(declaration, regime=DENMARK)
    return {finding.rule_id for finding in findings if finding.severity is Severity.ERROR}


def changed(**changes: Any) -> Declaration:
    return mutated(Mutation({name.replace("__", "."): value for name, value in changes.items()}, frozenset()))


def kroner(amount: str) -> Money:
    return Money(Decimal(amount), "DKK")


def test_the_clean_declaration_has_no_findings_at_all() -> None:
    assert check(clean(), regime=DENMARK) == ()


@pytest.mark.parametrize("vr", sorted(mutations()))
def test_a_violation_gives_its_code_and_no_other(vr: int) -> None:
    assert errors(mutated(mutations()[vr])) == mutations()[vr].codes


def test_every_implemented_row_has_a_mutation_and_the_table_is_true() -> None:
    table = coverage.rows("DK", "h7_rules")
    assert len(table) == 77
    assert coverage.contradictions(table) == []
    assert {row.vr for row in table if row.is_implemented} == set(mutations())
    for row in table:
        if row.is_implemented and row.code:
            assert row.rule == row.code
            assert row.code in mutations()[row.vr].codes


def test_contradictions_in_a_table_are_told() -> None:
    row = coverage.rows("DK", "h7_rules")[0]
    gone = replace(row, rule="DK9999")
    silent = replace(row, coverage=coverage.Coverage.NONE, why="")
    assert len(coverage.contradictions((gone, silent))) == 3


@pytest.mark.parametrize(
    "declaration",
    [
        pytest.param(changed(type_code="IMD", consignment__goods_location=None), id="no location before arrival"),
        pytest.param(changed(goods_items__1__invoice_price=kroner("1060")), id="exactly 1,150 kroner"),
        pytest.param(
            changed(goods_items__1__additional_procedure_codes=("C08",), goods_items__1__invoice_price=kroner("360")),
            id="a gift of exactly 360 kroner",
        ),
        pytest.param(
            changed(
                goods_items__1__additional_procedure_codes=("C08",),
                goods_items__1__commodity_code="240220",
                goods_items__1__invoice_price=kroner("100"),
                goods_items__1__quantity=Decimal("0.2"),
            ),
            id="tobacco as a gift, with quantity",
        ),
        pytest.param(
            changed(
                goods_items__1__additional_procedure_codes=("C07", "F48"),
                goods_items__2__additional_procedure_codes=("C07", "F48"),
                fiscal_references=(Party(party_id=IOSS_ID, role_code="FR5"),),
            ),
            id="IOSS",
        ),
        pytest.param(
            changed(declarant=Party(party_id=PRIVATE_PERSON, name="Karen Holm", address=DANISH_ADDRESS)),
            id="private declarant",
        ),
        pytest.param(changed(importer=Party(party_id=IMPORTER_ID)), id="importer by number"),
        pytest.param(
            changed(goods_items__1__freight=kroner("40"), goods_items__2__freight=kroner("20")),
            id="freight on both levels agreeing",
        ),
        pytest.param(
            changed(
                consignment__goods_location=GoodsLocation(
                    type_code="B", qualifier_code="Y", location_id="DKTST123456789", additional_id="1"
                )
            ),
            id="authorised place",
        ),
        pytest.param(
            changed(
                consignment__goods_location=GoodsLocation(type_code="D", qualifier_code="Z", address=DANISH_ADDRESS)
            ),
            id="another place by address",
        ),
        pytest.param(
            changed(
                consignment__goods_location=GoodsLocation(type_code="A", qualifier_code="V", location_id="DK005600")
            ),
            id="customs office",
        ),
        pytest.param(changed(consignment__gross_mass_kg=Decimal(9)), id="masses that disagree are only a warning"),
        pytest.param(
            changed(goods_items__1__invoice_price=Money(Decimal(9000), "JPY")), id="no rate, nothing overstated"
        ),
        pytest.param(changed(representative=None), id="nobody represents"),
        pytest.param(
            changed(
                goods_items__1__documents=(Document(type_code="N380", document_id="1"), Document(type_code="Y900"))
            ),
            id="known documents and references",
        ),
    ],
)
def test_declarations_that_must_pass(declaration: Declaration) -> None:
    assert errors(declaration) == set()


def test_prices_in_other_currencies_are_converted() -> None:
    assert errors(changed(goods_items__1__invoice_price=Money(Decimal(143), "EUR"))) == {"DK1018"}
    assert errors(changed(goods_items__1__invoice_price=Money(Decimal(142), "EUR"))) == set()


def test_a_wrong_danish_check_digit_is_a_warning() -> None:
    findings = check(changed(declarant=Party(party_id="DK12345678")), regime=DENMARK)
    assert [(finding.rule_id, finding.severity) for finding in findings] == [("DK-CVR", Severity.WARNING)]


def test_elsewhere_or_undeclared_the_rules_do_not_apply() -> None:
    broken = mutated(mutations()[62])
    elsewhere = check(broken, regime=Law(jurisdiction_code="GB", legal_day=DENMARK.legal_day))
    assert not any(finding.rule_id.startswith("DK") for finding in elsewhere)
    undeclared = replace(broken, procedure_category="")
    assert not any(finding.rule_id.startswith("DK") for finding in check(undeclared, regime=DENMARK))


def test_the_danish_code_stands_in_place_of_the_general_one() -> None:
    findings = check(mutated(mutations()[70]), regime=DENMARK)
    assert [finding.rule_id for finding in findings] == ["DK11051"]
    findings = check(mutated(mutations()[33]), regime=DENMARK)
    assert [finding.rule_id for finding in findings] == ["DK11047"]


def test_an_unknown_type_is_told_by_the_element_it_stood_in() -> None:
    document = (Document(type_code="ABCD", document_id="1"),)
    supporting = changed(goods_items__1__documents=document)
    assert errors(supporting) == {"DK1003"}
    path = "/Declaration/GoodsShipment/GovernmentAgencyGoodsItem[1]/AdditionalReference[1]/TypeCode"
    assert errors(replace(supporting, extras=(Extra(path, "ABCD"),))) == {"DK11054"}


def test_a_contact_needs_telephone_and_e_mail() -> None:
    declaration = changed(declarant__contact_name="Ole Lund", declarant__email="ole@example.dk")
    assert errors(declaration) == {"DK-VR53"}
    assert (
        errors(changed(declarant__contact_name="Ole Lund", declarant__email="o@example.dk", declarant__phone="1"))
        == set()
    )


@pytest.mark.parametrize(
    ("function", "reason_code", "reason", "codes"),
    [
        (MessageFunction.AMENDMENT, "5", "Corrected by the sender", set()),
        (MessageFunction.AMENDMENT, "99", "Corrected by the sender", {"DK1240"}),
        (MessageFunction.AMENDMENT, "5", "Wrong", {"DK2156"}),
        (MessageFunction.CANCELLATION, "122", "Goods went back to the seller", set()),
        (MessageFunction.CANCELLATION, "22", "Goods went back to the seller", set()),
        (MessageFunction.CANCELLATION, "999", "Goods went back to the seller", {"DK2158"}),
        (MessageFunction.CANCELLATION, "122", "Gone", {"DK2156"}),
    ],
)
def test_corrections_and_invalidations(
    function: MessageFunction, reason_code: str, reason: str, codes: set[str]
) -> None:
    amendment = Amendment(reason_code=reason_code, reason=reason)
    if function is MessageFunction.AMENDMENT:
        declaration = replace(clean(), function=function, type_code="COR", amendments=(amendment,))
    else:
        declaration = Declaration(
            function=function,
            type_code="INV",
            procedure_category="H7",
            registered_id="26DK000000000001R3",
            amendments=(amendment,),
        )
    assert errors(declaration) == codes


def test_only_release_straight_from_abroad_is_possible() -> None:
    assert errors(changed(goods_items__1__previous_procedure_code="40")) == {"DK1102"}
    assert errors(changed(goods_items__1__procedure_code="")) == set()


def test_code_lists_hold_what_they_should() -> None:
    sizes = {"additional_procedures": 168, "countries": 252, "unlocode_locations": 336, "eu_member_states": 27}
    for name, size in sizes.items():
        assert len(code_list("DK", name)) == size, name
    assert "NO" in code_list("DK", "countries")


def test_rules_bear_their_validation_rule_as_source() -> None:
    rule = by_id("DK1018")
    assert rule is not None
    assert rule.source.endswith("VR 42")
