"""What an imported tariff says against goods: prohibitions, controls, what lifts them, and what is not sure."""

from __future__ import annotations

import re
from datetime import date
from pathlib import Path
from typing import Any

import pytest

from tidewaiter.model.declaration import Declaration, Document, GoodsItem
from tidewaiter.model.judgement import Lane, Reason, ReasonKind
from tidewaiter.risk import reasons_by_tariff
from tidewaiter.tariff.controls import is_control, states_controls
from tidewaiter.tariff.importing import COMMODITY, Heading, Source, imported, layout_of
from tidewaiter.tariff.records import (
    ERGA_OMNES,
    Area,
    Condition,
    Content,
    Direction,
    Kind,
    Line,
    Measure,
    Member,
    Threshold,
)
from tidewaiter.tariff.tariff import Tariff

DAY = date(2026, 7, 1)
COAT, STOLE = "4303101000", "4303109000"
LINES = (
    Line(code="4303000000", depth=1, digits=4), Line(code="4303100000", depth=2, digits=6),
    Line(code=COAT, depth=3), Line(code=STOLE, depth=3),
)  # fmt: skip


def condition(document: str = "", action: str = "24", group: str = "B", limit: int | None = None) -> Condition:
    threshold = Threshold(amount=limit, unit="KGM") if limit else None  # type: ignore[arg-type]
    return Condition(condition_code=group, document_code=document, action_code=action, threshold=threshold)


REFUSED = condition(action="04")


def control(*conditions: Condition, code: str = "4303000000", **more: Any) -> Measure:
    fields: dict[str, Any] = {"type_code": "710", "kind": Kind.RESTRICTION, "area": ERGA_OMNES} | more
    return Measure(code=code, conditions=conditions, regulation="R1", **fields)


PROHIBITION = {"type_code": "277", "kind": Kind.PROHIBITION}


def tariff(*measures: Measure, areas: dict[str, Area] | None = None, texts: dict[str, str] | None = None) -> Tariff:
    return Tariff.of(
        Content(edition=1, jurisdiction_code="GB", in_force_from=date(2026, 1, 1), is_complete=True, lines=LINES,
                areas=areas or {}, measures=measures, duties={}, texts=texts or {})
    )  # fmt: skip


def reasons(held: Tariff, *documents: Document, code: str = COAT, origin: str = "CN") -> list[Reason]:
    item = GoodsItem(line_no=1, commodity_code=code, origin_country_code=origin, documents=documents)
    return reasons_by_tariff(Declaration(goods_items=(item,)), held, DAY, "tariff.edition")


def test_a_prohibition_that_nothing_lifts_leads_to_examination() -> None:
    (found,) = reasons(tariff(control(**PROHIBITION)))
    assert (found.kind, found.lane, found.is_lifted, found.permit_code) == (ReasonKind.PROHIBITED, Lane.RED, False, "")
    assert found.words == "import prohibition (R1): the commodity code 4303101000, in the tariff of GB."
    assert (found.pointer, found.value) == ("goods_items[1].commodity_code", COAT)
    assert found.measure_id == "tariff.edition"


def test_a_control_names_its_documents_and_is_lifted_by_one_with_its_number() -> None:
    texts = {"restriction 710": "CITES import control", "document C400": "CITES certificate"}
    held = tariff(control(condition("C400"), REFUSED), texts=texts)
    (found,) = reasons(held)
    assert (found.kind, found.lane) == (ReasonKind.RESTRICTED, Lane.YELLOW)
    assert (found.permit_code, found.permit_words) == ("C400", "CITES certificate")
    assert found.words == (
        "CITES import control (R1): the commodity code 4303101000, in the tariff of GB; "
        "it comes in with C400 (CITES certificate)."
    )
    assert not reasons(held, Document(type_code="C400"))[0].is_lifted
    assert reasons(held, Document(type_code="C400", document_id="1"))[0].is_lifted
    assert not reasons(held, Document(type_code="N851", document_id="1"))[0].is_lifted


def test_what_a_waiver_or_a_small_quantity_lets_in_may_not_be_concerned() -> None:
    held = tariff(control(condition("C400"), condition("Y900"), REFUSED))
    (found,) = reasons(held)
    assert (found.lane, found.permit_code) == (Lane.BLUE, "C400")
    assert reasons(held, Document(type_code="Y900"))[0].is_lifted  # a waiver has no number
    (found,) = reasons(tariff(control(condition("C400"), condition(limit=2), REFUSED)))
    assert (found.lane, "small quantities are free" in found.words) == (Lane.BLUE, True)
    (found,) = reasons(tariff(control(condition("Y922"), REFUSED, **PROHIBITION)))
    assert (found.kind, found.lane) == (ReasonKind.RESTRICTED, Lane.BLUE)


def test_every_group_of_conditions_must_be_met() -> None:
    held = tariff(control(condition("C400"), REFUSED, condition("C401", group="I"), condition(action="04", group="I")))
    one, other = Document(type_code="C400", document_id="1"), Document(type_code="C401", document_id="1")
    assert not reasons(held, one)[0].is_lifted
    assert reasons(held, one, other)[0].is_lifted
    # One that lets nothing in only says what follows without the others.
    held = tariff(control(REFUSED, condition("N002", group="Z")))
    assert reasons(held, Document(type_code="N002", document_id="1"))[0].is_lifted


@pytest.mark.parametrize(
    "measure",
    [
        control(condition("C400"), condition(action="26")),  # everything comes in
        control(condition(action="28"), condition(action="10")),  # about the declared subheading
        control(REFUSED, direction=Direction.EXPORT),
        control(REFUSED, valid_to=date(2026, 6, 30)),
        control(REFUSED, area="VN"),
        control(REFUSED, excluded=("CN",)),
        control(type_code="103", kind=Kind.THIRD_COUNTRY),
        control(type_code="999", kind=Kind.OTHER),
        control(REFUSED, code=STOLE),
    ],
)
def test_what_does_not_stand_against_the_goods_is_no_reason(measure: Measure) -> None:
    assert reasons(tariff(measure)) == []


def test_a_shorter_code_is_told_what_is_on_all_codes_below_it_and_what_on_some() -> None:
    on_all = tariff(control(condition("C400"), REFUSED, code=COAT), control(condition("C400"), REFUSED, code=STOLE))
    (found,) = reasons(on_all, code="430310")
    assert (found.lane, "codes under" in found.words) == (Lane.YELLOW, False)
    (found,) = reasons(tariff(control(code=STOLE, **PROHIBITION)), code="430310")
    assert (found.kind, found.lane) == (ReasonKind.RESTRICTED, Lane.BLUE)
    assert "it is on 1 of the 2 codes under 430310" in found.words
    assert reasons(on_all, code="6109100010") == []


def test_what_depends_on_what_is_not_known_is_in_doubt() -> None:
    on_some = tariff(control(condition("C400"), REFUSED, area="VN"))
    (found,) = reasons(on_some, origin="")
    assert (found.lane, "no country of origin is known" in found.words) == (Lane.BLUE, True)
    unknown = tariff(control(REFUSED, area="2200"), areas={"2200": Area(code="2200", is_modelled=False)})
    (found,) = reasons(unknown)
    assert (found.lane, "who belongs to 2200" in found.words) == (Lane.BLUE, True)
    members = tariff(control(REFUSED, area="2200"), areas={"2200": Area(code="2200", members=(Member("CN"),))})
    assert reasons(members)[0].lane is Lane.YELLOW
    (found,) = reasons(tariff(control(REFUSED, additional_code="4600")))
    assert (found.lane, "additional code 4600" in found.words) == (Lane.BLUE, True)


def test_lists_without_series_name_controls_by_their_types() -> None:
    listed = control(condition("N853", action="29"), condition(action="09"), type_code="410", kind=Kind.OTHER)
    assert is_control(listed)
    assert reasons(tariff(listed))[0].words.startswith("import control, measure type 410 (R1)")
    assert states_controls(tariff(listed))
    assert not states_controls(tariff(control(type_code="103", kind=Kind.THIRD_COUNTRY)))


def test_controls_of_published_commodities_are_named_with_their_documents(samples: Path) -> None:
    sources = [Source(path.name, path.read_bytes()) for path in sorted((samples / "tariff").rglob("*.json"))]
    commodities = [each for each in sources if layout_of(each) == COMMODITY]
    if not commodities:
        pytest.skip("there is no commodity of the UK's tariff among the samples")
    found: list[Reason] = []
    for source in commodities:
        held = imported([source], Heading("GB", date(2021, 1, 1))).tariff
        for line in held.declarable("", DAY):
            item = GoodsItem(line_no=1, commodity_code=line.code, origin_country_code="CN")
            goods = Declaration(goods_items=(item,))
            found += reasons_by_tariff(goods, held, DAY, "tariff.edition")
    assert found
    for reason in found:
        named = re.findall(r"\b[A-Z0-9]\d{3}\b(?= \(|[,.;])", reason.words.partition("it comes in with ")[2])
        assert (reason.permit_code in named) == bool(named)
        is_waivable = any(each.startswith("Y") for each in named)
        if named and "small quantities" not in reason.words and "known" not in reason.words:
            assert reason.lane is (Lane.BLUE if is_waivable else Lane.YELLOW), reason
