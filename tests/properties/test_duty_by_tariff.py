"""Duty by a tariff is what going through its measures one by one gives; what is not known is never nothing owed."""

from __future__ import annotations

from datetime import date
from decimal import Decimal

from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec.structs import replace

from tidewaiter.assessment import assess
from tidewaiter.model.assessment import Assessment, ChargeKind
from tidewaiter.model.declaration import Declaration, Document, GoodsItem
from tidewaiter.model.money import Money
from tidewaiter.regimes import load_regime
from tidewaiter.tariff.records import ERGA_OMNES, Condition, Content, Kind, Line, Measure
from tidewaiter.tariff.sentences import Style, parse
from tidewaiter.tariff.tariff import Tariff

DAY = date(2026, 7, 1)
CODE, HEADING, CHAPTER = "8517130000", "8517000000", "8500000000"
LINES = (Line(code=CHAPTER, depth=0, digits=2), Line(code=HEADING, depth=1, digits=4), Line(code=CODE, depth=2))
KINDS = {"103": Kind.THIRD_COUNTRY, "112": Kind.SUSPENSION, "142": Kind.PREFERENCE, "552": Kind.ANTI_DUMPING,
         "554": Kind.COUNTERVAILING}  # fmt: skip
ACCOUNTED = {"552": "A30", "554": "A40"}
CLAIMS = {"": "103", "110": "112", "300": "142"}
WITH_DOCUMENT = (Condition(condition_code="Q", document_code="U088", action_code="27"),
                 Condition(condition_code="Q", action_code="07"))  # fmt: skip
ORIGINS = ("CN", "VN", "US")
PERCENT = st.integers(0, 30).map(lambda number: f"{number}.00 %")

Duties = list[tuple[str, Decimal]]


@st.composite
def measures(draw: st.DrawFn) -> Measure:
    type_code = draw(st.sampled_from(sorted(KINDS)))
    return Measure(
        type_code=type_code, kind=KINDS[type_code], code=draw(st.sampled_from((CODE, CODE, HEADING, CHAPTER))),
        area=draw(st.sampled_from((ERGA_OMNES, ERGA_OMNES, *ORIGINS))), duty=draw(PERCENT),
        excluded=tuple(draw(st.lists(st.sampled_from(ORIGINS), max_size=1))),
        additional_code=draw(st.sampled_from(("", "", "", "B107", "B999"))),
        conditions=draw(st.sampled_from(((), (), WITH_DOCUMENT))),
    )  # fmt: skip


@st.composite
def goods(draw: st.DrawFn) -> GoodsItem:
    return GoodsItem(
        line_no=1, commodity_code=CODE, origin_country_code=draw(st.sampled_from(ORIGINS)),
        duty_regime_code=draw(st.sampled_from(sorted(CLAIMS))),
        additional_codes=tuple(draw(st.lists(st.sampled_from(("B107", "B200")), max_size=1))),
        documents=tuple(Document(type_code=each) for each in draw(st.lists(st.just("U088"), max_size=1))),
        invoice_price=Money(Decimal(draw(st.integers(136, 5000))), "GBP"),
    )  # fmt: skip


def tariff(held: list[Measure]) -> Tariff:
    duties = {each.duty: parse(each.duty, Style.TARIC) for each in held}
    return Tariff.of(
        Content(edition=1, jurisdiction_code="GB", in_force_from=date(2026, 1, 1), is_complete=True, lines=LINES,
                areas={}, measures=tuple(held), duties=duties)
    )  # fmt: skip


def scanned(held: list[Measure], item: GoodsItem) -> Duties | None:
    """The duties by going through the measures; None where something cannot be told."""
    documents = {each.type_code for each in item.documents}
    mine: list[Measure] = []
    undecided: set[str] = set()
    for type_code in KINDS:
        alike = [m for m in held if m.type_code == type_code and m.area in (ERGA_OMNES, item.origin_country_code)]
        alike = [m for m in alike if item.origin_country_code not in m.excluded]
        coded = [m for m in alike if m.additional_code]
        declared = [m for m in coded if m.additional_code in item.additional_codes]
        residual = [m for m in coded if m.additional_code == "B999"]
        if coded and not (declared or residual):
            undecided.add(type_code)
        mine += [m for m in alike if not m.additional_code] + (declared or residual)
    mine = [m for m in mine if not m.conditions or "U088" in documents]
    wanted = CLAIMS[item.duty_regime_code]
    options = [m for m in mine if m.type_code == wanted]
    if not options and wanted not in undecided:
        wanted = "103"  # what is claimed does not hold
        options = [m for m in mine if m.type_code == wanted]
    if undecided & {wanted, *ACCOUNTED}:
        return None
    is_ordinary = wanted == "103"
    rates = {Decimal(m.duty.split()[0]) for m in options}
    if not rates or (is_ordinary and len(rates) > 1):
        return None
    found = [("A00", min(rates))]
    found += [(ACCOUNTED[m.type_code], Decimal(m.duty.split()[0])) for m in mine if m.type_code in ACCOUNTED]
    return sorted(found)


def charged(assessment: Assessment) -> Duties:
    duties = [charge for charge in assessment.charges if charge.kind is ChargeKind.DUTY]
    return sorted((charge.type_code, charge.unrounded * 100 / charge.base.amount) for charge in duties)


@settings(max_examples=300, deadline=None)
@given(st.lists(measures(), min_size=1, max_size=7), goods())
def test_duties_are_those_of_a_scan_or_left_open(held: list[Measure], item: GoodsItem) -> None:
    held = [
        *dict.fromkeys(
            [*held, Measure(type_code="103", kind=Kind.THIRD_COUNTRY, code=CHAPTER, area="ZZ", duty="1.00 %")]
        )
    ]
    found = assess(Declaration(goods_items=(item,)), load_regime("GB", DAY, tariff(held)))
    expected = scanned(held, item)
    if expected is None:
        assert any("tax is reckoned on the duty, which is not known" in words for words in found.unresolved)
        return
    assert found.unresolved == ()
    assert charged(found) == expected
    total = sum((charge.result.amount for charge in found.charges), Decimal(0))
    assert found.due.amount == total
    tax = found.charges[-1]
    duties = sum((c.result.amount for c in found.charges if c.kind is ChargeKind.DUTY), Decimal(0))
    assert tax.base.amount == found.customs_value.amount + duties


@settings(max_examples=60, deadline=None)
@given(st.lists(measures(), min_size=1, max_size=6), goods(), st.integers(1, 2000))
def test_dearer_goods_never_bear_less(held: list[Measure], item: GoodsItem, more: int) -> None:
    regime = load_regime("GB", DAY, tariff(list(dict.fromkeys(held))))
    assert item.invoice_price is not None
    dearer = replace(item, invoice_price=Money(item.invoice_price.amount + more, "GBP"))
    one, other = (assess(Declaration(goods_items=(each,)), regime) for each in (item, dearer))
    assert one.unresolved == other.unresolved
    assert other.due.amount >= one.due.amount
