"""Duty by an imported tariff: the claim opens options, measures stack, and what cannot be told is never nothing owed."""

from __future__ import annotations

import csv
import pickle
from datetime import date
from decimal import ROUND_HALF_UP, Decimal
from pathlib import Path
from typing import Any

import pytest
from msgspec.structs import replace

from tidewaiter.assessment import assess
from tidewaiter.model.assessment import Assessment, ChargeKind
from tidewaiter.model.canonical import canonical_bytes
from tidewaiter.model.declaration import Declaration, Document, GoodsItem
from tidewaiter.model.errors import LawDataError
from tidewaiter.model.money import Money
from tidewaiter.regimes import Regime, load_regime
from tidewaiter.tariff.importing import Heading, Source, imported
from tidewaiter.tariff.records import ERGA_OMNES, Area, Condition, Content, Gap, Kind, Line, Measure, Member, Threshold
from tidewaiter.tariff.sentences import Style, parse
from tidewaiter.tariff.tariff import Tariff

DAY = date(2026, 7, 1)
FIRST = date(2026, 1, 1)
CODE = "8517130000"
KINDS = {"103": Kind.THIRD_COUNTRY, "112": Kind.SUSPENSION, "122": Kind.QUOTA, "142": Kind.PREFERENCE,
         "109": Kind.SUPPLEMENTARY_UNIT, "306": Kind.EXCISE, "552": Kind.ANTI_DUMPING, "554": Kind.COUNTERVAILING, "696": Kind.SAFEGUARD, "564": Kind.ANTI_DUMPING,
         "699": Kind.ADDITIONAL_DUTY, "999": Kind.OTHER}  # fmt: skip
LINES = (
    Line(code="8500000000", depth=0, digits=2), Line(code="8517000000", depth=1, digits=4),
    Line(code="8517130000", depth=2), Line(code="8517140000", depth=2),
)  # fmt: skip


def measure(type_code: str, duty: str = "", area: str = ERGA_OMNES, code: str = CODE, **more: Any) -> Measure:
    return Measure(type_code=type_code, kind=KINDS[type_code], code=code, area=area, duty=duty, **more)


def tariff(*measures: Measure, areas: dict[str, Area] | None = None, unread: tuple[str, ...] = ()) -> Tariff:
    texts = {each.duty for each in measures} | {c.duty for each in measures for c in each.conditions}
    duties = {text: parse(text, Style.TARIC) for text in texts if text and text not in unread}
    gaps = tuple(Gap("file 1", text) for text in unread)
    return Tariff.of(
        Content(edition=1, jurisdiction_code="GB", in_force_from=FIRST, is_complete=True, lines=LINES,
                areas=areas or {}, measures=measures, duties=duties, gaps=gaps)
    )  # fmt: skip


def assessed(held: Tariff, *, origin: str = "CN", code: str = CODE, price: str = "1000", **item: Any) -> Assessment:
    line = GoodsItem(
        line_no=1, commodity_code=code, origin_country_code=origin, invoice_price=Money(Decimal(price), "GBP"), **item
    )
    return assess(Declaration(goods_items=(line,)), load_regime("GB", DAY, held))


def duties(assessment: Assessment) -> list[tuple[str, str]]:
    return [(c.type_code, str(c.result.amount)) for c in assessment.charges if c.kind is ChargeKind.DUTY]


ORDINARY = measure("103", "10.00 %")
DOCUMENT = (Condition(condition_code="A", document_code="D008", action_code="01", duty="2.00 %"),
            Condition(condition_code="A", action_code="01", duty="30.00 %"))  # fmt: skip
CLAIMABLE = (Condition(condition_code="Q", document_code="U088", action_code="27"),
             Condition(condition_code="Q", action_code="07"))  # fmt: skip
PREFERENCE = measure("142", "1.00 %", area="CN", conditions=CLAIMABLE)
SHOWN = (Document(type_code="D008"), Document(type_code="U088"))


def test_third_country_duty_is_worked_out_from_its_sentence() -> None:
    found = assessed(tariff(measure("103", "10.00 % + 77.00 GBP / 100 kg")), net_mass_kg=Decimal("2.5"))
    assert duties(found) == [("A00", "101.92")]
    (duty, vat) = found.charges
    assert duty.unrounded == Decimal("101.925")
    assert [(step.words, step.result) for step in duty.steps[:2]] == [
        ("10.00 % of value 1000.00", "100.0000 GBP"), ("77.00 GBP × 0.025 DTN", "1.92500 GBP"),
    ]  # fmt: skip
    assert vat.base.amount == Decimal("1101.92")
    assert found.unresolved == ()
    assert found.citations["tariff.edition"].title.startswith(
        "Tariff of GB in force from 2026-01-01, as imported, SHA-256"
    )


def test_a_missing_quantity_is_asked_for_and_tax_waits_for_it() -> None:
    found = assessed(tariff(measure("103", "77.00 GBP / 100 kg")))
    assert duties(found) == []
    assert found.unresolved == (
        "line 1: third country duty, 77.00 GBP / 100 kg, needs: net weight in kilograms",
        "line 1: tax is reckoned on the duty, which is not known",
    )


def test_a_declared_quantity_counts_in_the_tariffs_units() -> None:
    held = tariff(measure("103", "5.00 GBP / item"))
    assert duties(assessed(held, quantity=Decimal(3), quantity_unit="C62")) == [("A00", "15.00")]
    assert duties(assessed(held, quantity=Decimal(3), quantity_unit="NAR")) == [("A00", "15.00")]
    assert duties(assessed(held, quantity=Decimal(3), quantity_unit="XYZ")) == []
    assert duties(assessed(held, quantity=Decimal("NaN"), quantity_unit="NAR")) == []


def test_a_quantity_without_a_unit_is_in_the_tariffs_own() -> None:
    unit = measure("109", "p/st")
    held = tariff(measure("103", "5.00 GBP / 100 items"), unit)
    assert duties(assessed(held, quantity=Decimal(200))) == [("A00", "10.00")]
    assert duties(assessed(tariff(measure("103", "5.00 GBP / 100 items")), quantity=Decimal(200))) == []


def test_another_currency_is_converted_at_the_laws_rate() -> None:
    regime = load_regime("GB", DAY, tariff(measure("103", "10.00 EUR / 100 kg")))
    multiplier, divisor, _ = regime.law_rate("EUR")
    found = assessed(tariff(measure("103", "10.00 EUR / 100 kg")), net_mass_kg=Decimal(100))
    assert round(found.charges[0].unrounded, 20) == round(Decimal(10) * multiplier / divisor, 20)
    assert "10.00 EUR × 1 DTN" in [step.words for step in found.charges[0].steps]


@pytest.mark.parametrize(
    ("claim", "documents", "expected"),
    [
        ("", (), [("A00", "100.00")]),
        ("100", SHOWN, [("A00", "100.00")]),
        ("300", SHOWN, [("A00", "10.00")]),
        ("300", (), [("A00", "100.00")]),
        ("110", (), [("A00", "0.00")]),
        ("120", (), []),
        ("999", (), []),
    ],
)
def test_only_what_is_claimed_is_applied(claim: str, documents: Any, expected: list[tuple[str, str]]) -> None:
    held = tariff(ORDINARY, PREFERENCE, measure("112", "0.00 %"), measure("122", "5.00 %", order_number="054003"))
    found = assessed(held, duty_regime_code=claim, documents=documents)
    assert duties(found) == expected
    assert bool(found.unresolved) == (not expected)


def test_what_was_not_claimed_is_shown() -> None:
    held = tariff(ORDINARY, PREFERENCE, measure("112", "0.00 %"), measure("122", "5.00 %", order_number="054003"))
    steps = [step.words for step in assessed(held, documents=SHOWN).charges[0].steps]
    assert "not claimed: 0.00 %, suspension" in steps
    assert "not claimed: 1.00 %, preference for CN" in steps
    assert "not claimed: quota, order number 054003, 5.00 %" in steps


def test_a_claim_without_its_document_falls_back_and_says_so() -> None:
    steps = [step.words for step in assessed(tariff(ORDINARY, PREFERENCE), duty_regime_code="300").charges[0].steps]
    assert "claim 300 does not hold for these goods: third-country duty" in steps


def test_a_document_of_the_whole_counts_too() -> None:
    line = GoodsItem(line_no=1, commodity_code=CODE, origin_country_code="CN", duty_regime_code="300",
                     invoice_price=Money(Decimal(1000), "GBP"))  # fmt: skip
    declaration = Declaration(goods_items=(line,), documents=(Document(type_code="U088"),))
    assert duties(assess(declaration, load_regime("GB", DAY, tariff(ORDINARY, PREFERENCE)))) == [("A00", "10.00")]


def test_a_preference_follows_the_preferential_origin() -> None:
    held = tariff(ORDINARY, measure("142", "1.00 %", area="VN"), measure("142", "3.00 %", area="2020"),
                  areas={"2020": Area(code="2020", members=(Member("VN"),))})  # fmt: skip
    claim = {"duty_regime_code": "300"}
    assert duties(assessed(held, origin="CN", preferential_origin_code="VN", **claim)) == [("A00", "10.00")]
    assert duties(assessed(held, origin="CN", preferential_origin_code="2020", **claim)) == [("A00", "30.00")]
    assert duties(assessed(held, origin="CN", **claim)) == [("A00", "100.00")]


def test_duties_stack_by_origin_and_tax_is_on_all_of_them() -> None:
    held = tariff(ORDINARY, measure("552", "20.00 %", area="CN"), measure("554", "5.00 %", excluded=("VN",)),
                  measure("696", "1.00 %", area="5050"), areas={"5050": Area(code="5050", members=(Member("CN"),))})  # fmt: skip
    found = assessed(held, origin="CN")
    assert sorted(duties(found)) == [("A00", "100.00"), ("A20", "10.00"), ("A30", "200.00"), ("A40", "50.00")]
    assert found.charges[-1].base.amount == Decimal("1360.00")
    assert found.due.amount == Decimal("632.00")
    assert duties(assessed(held, origin="VN")) == [("A00", "100.00")]


def test_a_group_whose_members_are_not_known_leaves_it_open() -> None:
    held = tariff(ORDINARY, measure("696", "1.00 %", area="5050"), areas={"5050": Area(code="5050", is_modelled=False)})
    assert "who belongs to 5050 is not known here" in assessed(held).unresolved[0]


def test_an_additional_code_decides_and_the_residual_stands_for_the_rest() -> None:
    coded = [measure("552", "5.00 %", additional_code="B107"), measure("552", "40.00 %", additional_code="B999")]
    assert ("A30", "50.00") in duties(assessed(tariff(ORDINARY, *coded), additional_codes=("B107",)))
    assert ("A30", "400.00") in duties(assessed(tariff(ORDINARY, *coded)))
    found = assessed(tariff(ORDINARY, coded[0]))
    assert found.unresolved[0] == (
        "line 1: definitive anti-dumping duty, additional code B107 depends on the additional code (B107), "
        "and none of them is declared"
    )


@pytest.mark.parametrize(("documents", "amount"), [(SHOWN, "20.00"), ((), "300.00")])
def test_a_condition_picks_the_duty(documents: Any, amount: str) -> None:
    held = tariff(ORDINARY, measure("552", conditions=DOCUMENT))
    assert ("A30", amount) in duties(assessed(held, documents=documents))


OPEN = {
    "an entry price": (measure("103", conditions=(Condition(condition_code="V", action_code="01", duty="4.00 %",
        threshold=Threshold(amount=Decimal(60), currency="EUR", unit="DTN")),)), "depends on a price or quantity"),
    "an undertaking": (measure("552", "1.00 %", conditions=(Condition(condition_code="A", document_code="D008",
        action_code="34"),)), "none of them is declared"),
    "a condition that is not understood": (measure("552", "1.00 %", conditions=(Condition(condition_code="A",
        action_code="", action="Something new"),)), "not understood (Something new)"),
    "a document or nothing": (measure("552", "1.00 %", conditions=(Condition(condition_code="B", document_code="Y900",
        action_code="27"), Condition(condition_code="B", action_code="04"))), "allowed with a document alone (Y900)"),
    "no rate": (measure("552"), "no rate stated, needs: the rate"),
    "a type not mapped": (measure("699", "1.00 %"), "how it is accounted for is not modelled"),
    "excise": (measure("306", "10.00 %"), "the tariff states excise"),
    "a type not known": (measure("999", "1.00 %"), "states a duty of 1.00 % and is not modelled"),
}  # fmt: skip


@pytest.mark.parametrize(("unclear", "words"), OPEN.values(), ids=OPEN)
def test_what_cannot_be_told_is_left_open(unclear: Measure, words: str) -> None:
    found = assessed(tariff(unclear) if unclear.type_code == "103" else tariff(ORDINARY, unclear))
    assert words in " ".join(found.unresolved)
    assert "line 1: tax is reckoned on the duty, which is not known" in found.unresolved


def test_a_rate_that_the_import_did_not_understand_is_left_open() -> None:
    found = assessed(tariff(measure("103", "so much"), unread=("so much",)))
    assert "'so much' could not be understood when the tariff was imported" in found.unresolved[0]


def test_two_third_country_duties_that_differ_are_left_open() -> None:
    found = assessed(tariff(measure("103", "1.00 %"), measure("103", "2.00 %")))
    assert "several third-country duties" in found.unresolved[0]


def test_proceedings_without_duty_are_no_duty() -> None:
    assert duties(assessed(tariff(ORDINARY, measure("564", area="CN")))) == [("A00", "100.00")]


def test_without_an_origin_duties_by_origin_are_left_open() -> None:
    found = assessed(tariff(ORDINARY, measure("552", "20.00 %", area="CN")), origin="")
    assert duties(found) == [("A00", "100.00")]
    assert "no country of origin is declared" in found.unresolved[0]


def test_a_shorter_code_is_worked_out_where_all_codes_below_it_bear_the_same() -> None:
    same = tariff(ORDINARY, measure("103", "10.00 %", code="8517140000"))
    other = tariff(ORDINARY, measure("103", "12.00 %", code="8517140000"))
    assert duties(assessed(same, code="8517")) == [("A00", "100.00")]
    assert "the 2 codes below it bear different duties" in assessed(other, code="8517").unresolved[0]
    suspended = tariff(ORDINARY, measure("103", "10.00 %", code="8517140000"), measure("112", "0.00 %"))
    assert duties(assessed(suspended, code="8517")) == [("A00", "100.00")]
    assert "not claimed" not in str(assessed(suspended, code="8517").charges[0].steps)
    assert "bear different duties" in assessed(suspended, code="8517", duty_regime_code="110").unresolved[0]
    inherited = tariff(measure("103", "10.00 %", code="8517000000"))
    assert duties(assessed(inherited, code="851714")) == [("A00", "100.00")]


@pytest.mark.parametrize(
    ("code", "words"),
    [
        ("", "there is no commodity code"),
        (
            "8518990000",
            "there is no code 8518990000 in the tariff of GB on 2026-07-01 (the nearest above it is 8500000000)",
        ),
        ("85171300A1", "is no commodity code"),
        ("851", "odd number of digits"),
    ],
)
def test_a_code_that_is_not_in_the_tariff_is_left_open(code: str, words: str) -> None:
    assert words in assessed(tariff(ORDINARY), code=code).unresolved[0]


def test_the_flat_rate_on_gifts_asks_the_tariff_whether_the_goods_are_free() -> None:
    gift = {"additional_procedure_codes": ("C08",), "price": "200"}
    assert duties(assessed(tariff(measure("103", "0.00 %")), **gift)) == [("A00", "0.00")]
    flat = assessed(tariff(measure("103", "77.00 GBP / 100 kg")), **gift)
    assert flat.scheme == "schemes.gift_flat"
    assert duties(flat) == [("A00", "5.00")]
    assert assessed(tariff(measure("103", "0.00 %")), code="9999999999", **gift).unresolved


def test_low_value_goods_are_relieved_as_before() -> None:
    found = assessed(tariff(ORDINARY, measure("552", "20.00 %", area="CN")), price="100")
    assert found.scheme == "schemes.low_value"
    assert [
        (c.type_code, str(c.result.amount), c.relief != "") for c in found.charges if c.kind is ChargeKind.DUTY
    ] == [("A00", "0", True)]


def test_the_law_names_its_tariff_and_is_the_same_again_only_with_it() -> None:
    held = tariff(ORDINARY)
    regime = load_regime("GB", DAY, held)
    assert regime.law.tariff is not None
    assert regime.law.tariff.digest == held.digest
    again = Regime.from_content(regime.content, {held.digest: held}.__getitem__)
    assert again == regime == pickle.loads(pickle.dumps(regime))
    line = GoodsItem(line_no=1, commodity_code=CODE, invoice_price=Money(Decimal(1000), "GBP"))
    declaration = Declaration(goods_items=(line,))
    first = canonical_bytes(assess(declaration, regime))
    assert canonical_bytes(assess(declaration, pickle.loads(pickle.dumps(again)))) == first
    bare = Regime.from_content(regime.content)
    with pytest.raises(LawDataError, match="which is not at hand"):
        _ = bare.tariff


@pytest.mark.parametrize(("jurisdiction", "currency"), [("GB", "GBP"), ("NO", "NOK")])
def test_without_duties_or_where_the_law_does_not_say_how_it_joins_a_tariff_changes_no_amount(
    jurisdiction: str, currency: str
) -> None:
    nomenclature = tariff(replace(ORDINARY, type_code="109", kind=Kind.SUPPLEMENTARY_UNIT))
    held = nomenclature if jurisdiction == "GB" else tariff(ORDINARY)
    item = GoodsItem(
        line_no=1, commodity_code=CODE, origin_country_code="CN", invoice_price=Money(Decimal(9000), currency)
    )
    declaration = Declaration(goods_items=(item,))
    with_it, without = load_regime(jurisdiction, DAY, held), load_regime(jurisdiction, DAY)
    assert with_it.tariff == held
    found, usual = assess(declaration, with_it), assess(declaration, without)
    assert (found.charges, found.unresolved, found.citations) == (usual.charges, usual.unresolved, usual.citations)


@pytest.mark.parametrize(("jurisdiction", "column"), [("GB", "ukgt_duty_rate"), ("DK", "cet_duty_rate")])
def test_the_whole_list_and_the_shipped_table_come_to_the_same(samples: Path, jurisdiction: str, column: str) -> None:
    lists = [
        path for path in sorted((samples / "tariff").rglob("*.csv")) if column in path.read_text("utf-8-sig")[:500]
    ]
    if not lists:
        pytest.skip(f"there is no list with a column {column}")
    held = imported([Source("list", lists[0].read_bytes())], Heading("ZZ", date(2021, 1, 1), column)).tariff
    by_table = load_regime(jurisdiction, date(2026, 6, 15))
    by_list = load_regime(jurisdiction, date(2026, 6, 15), held)
    for code in by_table.law.tables["duty.rates"]:
        line = GoodsItem(line_no=1, commodity_code=code, origin_country_code="CN",
                         invoice_price=Money(Decimal(10_000), by_table.currency))  # fmt: skip
        declaration = Declaration(procedure_category="H1", goods_items=(line,))
        one, other = assess(declaration, by_table), assess(declaration, by_list)
        assert [(c.type_code, c.result) for c in one.charges] == [(c.type_code, c.result) for c in other.charges], code


# --- the outside chain ---------------------------------------------------------------------------------------

CHAIN = "7202118000"
VALUE = "1260.89"


@pytest.fixture
def chain(samples: Path) -> Tariff:
    """The commodity of the UK's own duty calculator with the areas it needs, told by what stands in the files."""
    folder = samples / "tariff" / "uk" / "duty_calculator"
    if not folder.is_dir():
        pytest.skip(f"absent: {folder}")
    bodies = {path: path.read_bytes() for path in sorted(folder.glob("*.json"))}
    wanted = [Source(path.name, body) for path, body in bodies.items() if path.stem in (CHAIN, "geographical_areas")]
    return imported(wanted, Heading("GB", date(2021, 1, 1))).tariff


def chained(held: Tariff, origin: str) -> Assessment:
    line = GoodsItem(
        line_no=1, commodity_code=CHAIN, origin_country_code=origin, additional_codes=("C490",),
        quantity=Decimal(2), quantity_unit="TNEI", invoice_price=Money(Decimal(VALUE), "GBP"),
    )  # fmt: skip
    return assess(Declaration(goods_items=(line,)), load_regime("GB", date(2021, 7, 1), held))


def test_the_uks_own_chain_comes_out_to_the_cent(chain: Tariff) -> None:
    """The calculator's example has 695, which is on goods of the US, beside 552, which is not on them: so two origins."""
    of_us, of_china = chained(chain, "US"), chained(chain, "CN")
    assert sorted(duties(of_us)) == [("A00", "34.04"), ("A20", "315.22"), ("A20", "315.22")]
    assert sorted(duties(of_china)) == [("A00", "34.04"), ("A20", "315.22"), ("A30", "288.20")]
    exact = {(c.type_code, c.rate): c.unrounded for found in (of_us, of_china) for c in found.charges
             if c.kind is ChargeKind.DUTY}  # fmt: skip
    base = Decimal(VALUE) + sum(exact.values())
    cent = Decimal("0.01")
    assert len(exact) == 4
    assert base.quantize(cent) == Decimal("2213.58")
    assert (base * Decimal("0.2")).quantize(cent) == Decimal("442.72")
    assert (base * Decimal("1.2") - Decimal(VALUE)).quantize(cent) == Decimal("1395.40")


def test_tax_is_on_value_and_all_duties_each_rounded_down_as_the_law_has_it(chain: Tariff) -> None:
    vat = chained(chain, "US").charges[-1]
    assert (vat.type_code, vat.base.amount, vat.result.amount) == ("B00", Decimal("1925.37"), Decimal("385.07"))


# --- the schedule of the United States -----------------------------------------------------------------------

# Columns of USITC's export; 0710.80.40 as htshub.com shows it (2.9¢/kg, 6.6¢/kg in column 2), read 2026-11-27.
SCHEDULE = """HTS Number,Indent,Description,Unit of Quantity,General Rate of Duty,Special Rate of Duty,Column 2 Rate of Duty
0710,0,Vegetables (frozen):,,,,
0710.80,1,Other vegetables:,,,,
0710.80.40.00,2,Brussels sprouts or others in season,kg,2.9¢/kg,"Free (AU,BH)",6.6¢/kg
"""


def in_the_states(held: Tariff, code: str, on: date = DAY, **item: Any) -> Assessment:
    line = GoodsItem(
        line_no=1, commodity_code=code, invoice_price=Money(Decimal(item.pop("price", 100)), "USD"), **item
    )
    return assess(Declaration(goods_items=(line,)), load_regime("US", on, held))


@pytest.mark.parametrize(("origin", "amount"), [("CN", "29.00"), ("CU", "66.00"), ("AU", "29.00")])
def test_the_schedule_gives_column_1_or_2_and_what_comes_beside_is_never_taken_for_nothing(
    origin: str, amount: str
) -> None:
    held = imported([Source("x", SCHEDULE.encode())], Heading("US", FIRST)).tariff
    found = in_the_states(held, "0710804000", origin_country_code=origin, net_mass_kg=Decimal(1000), price=9000)
    assert [str(each.result.amount) for each in found.charges] == [amount]
    assert "tariff.edition" in found.citations
    assert any("section 122" in words and "not modelled" in words for words in found.unresolved)
    after = in_the_states(held, "0710804000", date(2026, 8, 1), origin_country_code=origin, net_mass_kg=Decimal(1000))
    assert any("sections 232, 301 and 338" in words for words in after.unresolved)


def test_what_is_not_modelled_on_ordinary_entries_is_not_named_where_nothing_of_it_is_owed() -> None:
    held = imported([Source("x", SCHEDULE.encode())], Heading("US", FIRST)).tariff
    line = GoodsItem(
        line_no=1, commodity_code="0710804000", origin_country_code="CN", invoice_price=Money(Decimal(90), "USD"),
        additional_procedure_codes=("C08",),
    )  # fmt: skip
    found = assess(Declaration(goods_items=(line,)), load_regime("US", DAY, held))
    assert (found.scheme, found.unresolved) == ("schemes.gift", ())


def test_duty_by_the_whole_schedule_is_what_usitcs_own_columns_say(samples: Path) -> None:
    """Ad valorem rates and rates by the kilogram, through the assessment, against the columns of figures."""
    tables: dict[Path, list[dict[str, str]]] = {}
    for path in sorted((samples / "tariff").rglob("*.csv")):
        tables[path] = list(csv.DictReader(path.read_text("utf-8-sig").splitlines()))
    schedule = next((path for path, rows in tables.items() if rows and {"hts8", "begin"} <= rows[0].keys()), None)
    columns = next((rows for rows in tables.values() if rows and "mfn_ad_val_rate" in rows[0]), None)
    if schedule is None or columns is None:
        pytest.skip("there is no schedule with USITC's columns of figures among the samples")
    held = imported([Source("x", schedule.read_bytes())], Heading("US", FIRST)).tariff
    texts = {row["hts8"].zfill(8): row["mfn_text_rate"] for row in tables[schedule]}
    compared, open_ = 0, []
    for row in columns:
        code, text = row["hts8"].zfill(8), row["mfn_text_rate"]
        is_by_kg = row["quantity_1_code"] == "KG" and text.partition(" + ")[0].endswith("/kg")
        kinds = ("0", "7", "1", "4") if is_by_kg else ("0", "7")  # free, ad valorem, specific, both
        if texts.get(code) != text or row["mfn_rate_type_code"] not in kinds or not held.is_declarable(code, DAY):
            continue
        share, by_kg = (Decimal(row[name] or 0) for name in ("mfn_ad_val_rate", "mfn_specific_rate"))
        expected = (100 * share + 1000 * by_kg).quantize(Decimal("0.01"), ROUND_HALF_UP)
        found = in_the_states(held, code, origin_country_code="CN", net_mass_kg=Decimal(1000))
        amounts = [each.result.amount for each in found.charges]
        if not amounts:
            open_.append(code)
            continue
        assert amounts == [expected], (code, text)
        compared += 1
    assert compared > 2000
    assert len(open_) * 100 < compared, open_
