"""Published tariff files are told by their content and read whole or not at all; what is not understood is reported."""

from __future__ import annotations

import gzip
import json
import zipfile
from datetime import date
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from tidewaiter.model.errors import NotInForceError
from tidewaiter.tariff.importing import Heading, Imported, Source, TariffFileError, imported, layout_of
from tidewaiter.tariff.records import Kind
from tidewaiter.tariff.sentences import Duty, Needs
from tidewaiter.tariff.sentences.evaluation import Basis, evaluate
from tidewaiter.workflow.tariffs import sources_of

DAY = date(2026, 1, 1)
TWO = Decimal(2)
TARIC = """goods_code,suffix,start,end,hier_pos,indent,description,descr_start
0100000000,80,31-12-1971,,2.0,0,LIVE ANIMALS,31-12-1971
0101000000,80,01-01-1972,,4.0,0,"Live horses, asses, mules and hinnies",01-01-1972
0101210000,10,01-01-2012,,6.0,1,Horses,01-01-2019
0101210000,80,01-01-2012,,6.0,2,Pure-bred breeding animals,01-01-2019
0101290000,80,01-01-2012,,6.0,2,Other,01-01-2021
0101291000,80,01-01-2012,,8.0,3,For slaughter,01-01-2014
0101299000,80,01-01-2012,31-01-2026,8.0,3,Other,01-01-2014
"""
US_RATES = """hts8,mfn_text_rate,quantity1,quantity2,begin,end
01012100,Free,NO,,2012-02-02,2050-12-30
01022940,1 cents/kg,NO,KG,2020-12-31,2050-12-30
"""
UK_TABLE = """commodity,description,cet_duty_rate,ukgt_duty_rate,trade_remedy_applies,suspension_applies
1012100,Horses,0.0%,0.0%,False,False
1022910,Cattle,10.20% + 93.10 EUR / 100 kg,10.00% + 77.00 GBP/100kg,True,False
"""
UK_MEASURES = """id,commodity__code,commodity__indent,commodity__description,measure__sid,measure__type__id,measure__type__description,measure__additional_code__code,measure__duty_expression,measure__effective_start_date,measure__effective_end_date,measure__conditions,measure__geographical_area__id,measure__geographical_area__description,measure__excluded_geographical_areas__ids,measure__quota__order_number,measure__regulation__id
1,7202118000,3,Other,1,103,Third country duty,#NA,2.70%,2021-01-01,#NA,#NA,1011,ERGA OMNES,#NA,#NA,C2100001
2,7202118000,3,Other,2,552,Definitive anti-dumping duty,C490,144.10 GBP / 1000 kg,2021-01-01,2026-06-30,"condition:A,certificate:D008,action:01|condition:A,action:27",2020,Some countries,CA|US,#NA,C0000210
3,7202118000,3,Other,3,999,A new kind of levy,#NA,1.00%,2021-01-01,#NA,#NA,1011,ERGA OMNES,#NA,#NA,X
"""
HTS = """HTS Number,Indent,Description,Unit of Quantity,General Rate of Duty,Special Rate of Duty,Column 2 Rate of Duty,Quota Quantity,Additional Duties
0101,0,"Live horses, asses, mules and hinnies:",,,,,,
,1,Horses:,,,,,,
0101.21.00,2,Purebred breeding animals,,Free,,Free,,
0101.21.00.10,3,Males,"[""No.""]",,,,,
0101.21.00.20,3,Females,"[""No.""]",,,,,
0101.30.00.00,1,Asses,"[""No.""]",6.8%,"Free (A+,AU) 3.4% (KR)",15%,,
"""
COMMODITY: dict[str, Any] = {
    "data": {
        "id": "1", "type": "commodity",
        "attributes": {"goods_nomenclature_item_id": "7202118000", "producline_suffix": "80", "number_indents": 3,
                       "description": "Other"},
        "relationships": {
            "chapter": {"data": {"id": "72", "type": "chapter"}},
            "import_measures": {"data": [{"id": "20", "type": "measure"}]},
            "export_measures": {"data": []},
        },
    },
    "included": [
        {"id": "72", "type": "chapter", "attributes": {"goods_nomenclature_item_id": "7200000000", "description": "Iron"}},
        {"id": "20", "type": "measure",
         "attributes": {"effective_start_date": "2021-01-01T00:00:00.000Z", "effective_end_date": None},
         "relationships": {
             "duty_expression": {"data": {"id": "e", "type": "duty_expression"}},
             "measure_type": {"data": {"id": "552", "type": "measure_type"}},
             "measure_components": {"data": [{"id": "c", "type": "measure_component"}]},
             "geographical_area": {"data": {"id": "2020", "type": "geographical_area"}},
         }},
        {"id": "e", "type": "duty_expression", "attributes": {"base": "144.10 GBP / 1000 kg/biodiesel"}},
        {"id": "552", "type": "measure_type", "attributes": {"id": "552", "measure_type_series_id": "D"}},
        {"id": "c", "type": "measure_component",
         "attributes": {"duty_expression_id": "01", "duty_amount": 144.1, "monetary_unit_code": "GBP",
                        "measurement_unit_code": "TNE", "measurement_unit_qualifier_code": "I"}},
        {"id": "2020", "type": "geographical_area", "attributes": {"id": "2020", "geographical_area_id": "2020"},
         "relationships": {"children_geographical_areas": {"data": [{"id": "CN", "type": "geographical_area"}]}}},
        {"id": "CN", "type": "geographical_area", "attributes": {"id": "CN", "geographical_area_id": "CN"}},
    ],
}  # fmt: skip


def read(*texts: str, jurisdiction: str = "ZZ", column: str = "") -> Imported:
    sources = [Source(f"part-{number}", text.encode()) for number, text in enumerate(texts, 1)]
    return imported(sources, Heading(jurisdiction, DAY, column))


def refused(*texts: str, column: str = "") -> TariffFileError:
    with pytest.raises(TariffFileError) as caught:
        read(*texts, column=column)
    return caught.value


def test_a_taric_nomenclature_is_a_dated_tree() -> None:
    tariff = read(TARIC).tariff
    described = tariff.describe("0101299000", DAY)
    assert [line.code for line in described.path] == [
        "0100000000",
        "0101000000",
        "0101210000",
        "0101290000",
        "0101299000",
    ]
    assert described.path[2].suffix == "10"
    assert [line.code for line in tariff.declarable("0101", DAY)] == ["0101210000", "0101291000", "0101299000"]
    assert tariff.is_declarable("0101299000", date(2026, 1, 31))
    assert not tariff.is_declarable("0101299000", date(2026, 2, 1))


def test_us_rates_bind_all_but_the_countries_of_column_two() -> None:
    tariff = read(US_RATES, jurisdiction="US").tariff
    assert [measure.duty for measure in tariff.measures("01022940", "CN", DAY)] == ["1 cents/kg"]
    assert tariff.measures("01022940", "CU", DAY) == ()
    assert tariff.describe("0102294000", DAY).line.units == ("NO", "KG")


def test_the_us_export_gives_the_tree_and_its_rates_from_the_line_above() -> None:
    tariff = read(HTS, jurisdiction="US").tariff
    assert [line.code for line in tariff.declarable("", DAY)] == ["0101210010", "0101210020", "0101300000"]
    assert tariff.describe("0101210020", DAY).words == (
        "Live horses, asses, mules and hinnies: › Horses: › Purebred breeding animals › Females"
    )
    assert [measure.duty for measure in tariff.measures("0101210020", "CN", DAY)] == ["Free"]
    assert [measure.duty for measure in tariff.measures("0101300000", "CU", DAY)] == ["15%"]
    special = [measure for measure in tariff.held.measures if measure.kind is Kind.PREFERENCE]
    assert [(measure.area, measure.duty) for measure in special] == [("A+,AU", "Free"), ("KR", "3.4%")]
    assert {measure.area for measure in tariff.unmatched("0101300000", DAY)} == {"A+,AU", "KR"}


def test_the_us_export_as_json_says_the_same() -> None:
    records = [
        {"htsno": "0101", "indent": "0", "description": "Live horses:", "general": "", "superior": None},
        {"htsno": "", "indent": "1", "description": "Horses:", "superior": "true", "general": ""},
        {"htsno": "0101.21.00", "indent": "2", "description": "Purebred", "general": "Free", "other": "Free", "units": []},
        {"htsno": "0101.21.00.10", "indent": "3", "description": "Males", "general": "", "units": ["No."],
         "footnotes": [{"columns": ["general"], "value": "See 9903.88.15.", "type": "endnote"}]},
    ]  # fmt: skip
    tariff = read(json.dumps(records), jurisdiction="US").tariff
    assert [measure.duty for measure in tariff.measures("0101.21.00.10", "CN", DAY)] == ["Free"]
    assert "chapter 99" in tariff.held.gaps[0].words


def test_a_table_of_rates_is_read_by_the_column_asked_for() -> None:
    uk, eu = read(UK_TABLE, column="ukgt_duty_rate"), read(UK_TABLE, column="cet_duty_rate")
    (rate, remedy) = uk.tariff.measures("0102291000", "CN", DAY)
    assert rate.duty == "10.00% + 77.00 GBP/100kg"
    assert (remedy.kind, remedy.duty) == (Kind.ADDITIONAL_DUTY, "")
    assert isinstance(evaluate(uk.tariff.expression(rate.duty), Basis(value=TWO, currency="GBP")), Needs)
    assert eu.tariff.measures("0102291000", "CN", DAY)[0].duty == "10.20% + 93.10 EUR / 100 kg"
    assert uk.files[0].notes == ("2 codes had lost the zero at their front; it was put back",)
    error = refused(UK_TABLE)
    assert "cet_duty_rate, ukgt_duty_rate" in error.detail
    assert "--column" in error.hint


def test_uk_measures_keep_conditions_exclusions_and_days() -> None:
    tariff = read(UK_MEASURES).tariff
    duty = next(measure for measure in tariff.held.measures if measure.type_code == "552")
    assert (duty.kind, duty.additional_code, duty.regulation) == (Kind.ANTI_DUMPING, "C490", "C0000210")
    assert duty.excluded == ("CA", "US")
    assert [(each.document_code, each.action_code) for each in duty.conditions] == [("D008", "01"), ("", "27")]
    assert duty.valid_to == date(2026, 6, 30)
    assert [measure.type_code for measure in tariff.unmatched("7202118000", DAY)] == ["552"]
    assert [measure.type_code for measure in tariff.measures("7202118000", "CN", DAY)] == ["103", "999"]


def test_a_measure_type_that_is_not_known_is_kept_and_reported() -> None:
    (gap,) = read(UK_MEASURES).tariff.held.gaps
    assert gap.place == "file 1, measure type 999"
    assert "A new kind of levy" in gap.words


def test_areas_of_another_file_give_groups_their_members() -> None:
    areas = [{"geographical_area_id": "2020", "id": "2020", "description": "Some", "children_geographical_areas": [
        {"id": "CN"}, {"id": "US"}]}]  # fmt: skip
    tariff = read(UK_MEASURES, json.dumps(areas)).tariff
    assert [measure.type_code for measure in tariff.measures("7202118000", "CN", DAY)] == ["103", "552", "999"]
    assert [measure.type_code for measure in tariff.measures("7202118000", "US", DAY)] == ["103", "999"]


def test_a_json_api_document_is_read_by_its_relations() -> None:
    tariff = read(json.dumps(COMMODITY)).tariff
    (measure,) = tariff.measures("7202118000", "CN", DAY)
    assert measure.kind is Kind.ANTI_DUMPING
    basis = Basis(value=TWO, currency="GBP", quantities={"TNEI": TWO})
    duty = evaluate(tariff.expression(measure.duty), basis)
    assert isinstance(duty, Duty)
    assert str(duty.amount) == "288.2"
    assert tariff.measures("7202118000", "IN", DAY) == ()


def test_relations_that_go_round_in_circles_come_to_an_end() -> None:
    me = {"type": "geographical_area", "id": "2020"}
    area = {**me, "attributes": {"id": "2020", "geographical_area_id": "2020"},
            "relationships": {"children_geographical_areas": {"data": [me] * 50}}}  # fmt: skip
    document = {**COMMODITY, "included": [each for each in COMMODITY["included"] if each["id"] != "2020"] + [area]}
    assert read(json.dumps(document)).tariff.held.areas["2020"].members[0].code == "2020"


def test_a_nomenclature_and_a_list_of_measures_are_one_tariff() -> None:
    lines = TARIC.replace("0101", "7202").replace("0100000000", "7200000000").replace("7202291000", "7202118000")
    tariff = read(lines, UK_MEASURES).tariff
    assert tariff.describe("7202118000", DAY).line.description == "For slaughter"
    assert tariff.held.is_complete
    assert read(UK_MEASURES, lines).tariff.measures("7202118000", "CN", DAY) == tariff.measures("7202118000", "CN", DAY)


def test_a_rate_that_is_not_understood_is_reported_and_its_measure_kept() -> None:
    tariff = read(US_RATES.replace("1 cents/kg", "one penny or so")).tariff
    (gap,) = tariff.held.gaps
    assert gap.place == "file 1, line 3"
    assert "'one penny or so'" in gap.words
    (measure,) = tariff.measures("01022940", "CN", DAY)
    with pytest.raises(NotInForceError, match="could not be understood"):
        tariff.expression(measure.duty)


def test_a_code_that_is_missing_on_the_day_names_the_nearest() -> None:
    tariff = read(TARIC).tariff
    with pytest.raises(NotInForceError, match="there is no code 0101399000") as caught:
        tariff.measures("0101399000", "CN", DAY)
    assert caught.value.hint == "the nearest above it is 0101000000"
    with pytest.raises(NotInForceError) as caught:
        tariff.measures("0101299000", "CN", date(2026, 2, 1))
    assert caught.value.hint == "the nearest above it is 0101290000"


BAD = {
    "cut in the middle of a line": (TARIC[:-40], "fields, the header 8"),
    "cut within quotes": (TARIC[: TARIC.index("mules")], "cannot be read as CSV"),
    "a line twice": (TARIC + TARIC.splitlines(keepends=True)[-1], "stands at part-1 line 8 too"),
    "validity that overlaps": (
        TARIC + "0101299000,80,31-01-2026,,8.0,3,Other,31-01-2026\n", "2012-01-01 to 2026-01-31"),
    "a day that is none": (TARIC.replace("01-01-1972,,4.0", "30-02-1972,,4.0"), "'30-02-1972' is no day"),
    "a day in another order": (TARIC.replace("01-01-1972,,4.0", "1972-01-01,,4.0"), "'1972-01-01' is no day"),
    "an end before its beginning": (US_RATES.replace("2050-12-30", "2000-12-30"), "before it begins"),
    "odd digits": (TARIC.replace("0101291000", "101291000"), "a zero at its front was probably lost"),
    "letters in a code": (TARIC.replace("0101291000", "01012910AB"), "digits only"),
    "nothing but a header": (TARIC.splitlines(keepends=True)[0], "nothing below it"),
    "an indent that is none": (TARIC.replace(",2.0,0,", ",2.0,deep,"), "indent 'deep'"),
    "another file": ("a,b\n1,2\n", "no tariff file that is read; its columns are a, b"),
    "no table": ("<html></html>", "no tariff file"),
    "JSON cut short": (json.dumps(COMMODITY)[:300], "it is no JSON"),
    "JSON of something else": ('{"a": 1}', "no tariff document"),
    "areas alone": ('[{"geographical_area_id": "2020"}]', "no line of a nomenclature"),
}  # fmt: skip


@pytest.mark.parametrize(("text", "words"), BAD.values(), ids=BAD)
def test_a_file_with_a_fault_is_refused_whole(text: str, words: str) -> None:
    error = refused(text)
    assert words in error.detail
    assert error.place.startswith("part-1")
    assert "nothing was imported" in error.detail or "no tariff" in error.detail or "JSON" in error.detail


def test_every_fault_is_named_at_once() -> None:
    error = refused(US_RATES.replace("01012100", "1012100").replace("2020-12-31", "soon"))
    assert error.place == "part-1 line 2"
    assert "part-1 line 3: 'soon' is no day" in error.detail


def test_one_bad_file_keeps_the_others_out() -> None:
    assert (
        refused(TARIC, UK_MEASURES.replace("2021-01-01,#NA,#NA,1011", "2021-13-01,#NA,#NA,1011")).place
        == "part-2 line 2"
    )


def test_bytes_that_are_no_text_are_refused_with_their_line() -> None:
    with pytest.raises(TariffFileError, match="not UTF-8") as caught:
        imported([Source("x", TARIC.encode() + b"\xff\xfe")], Heading("ZZ", DAY))
    assert caught.value.place == "x line 9"


def test_the_name_of_a_file_makes_no_difference() -> None:
    one = imported([Source("taric.csv", TARIC.encode())], Heading("ZZ", DAY))
    other = imported([Source("us_hts8.json", TARIC.encode())], Heading("ZZ", DAY))
    assert one.tariff == other.tariff
    assert layout_of(Source("", b"\x00\xff")) == ""


def test_archives_are_unpacked(tmp_path: Path) -> None:
    (tmp_path / "a.gz").write_bytes(gzip.compress(TARIC.encode()))
    with zipfile.ZipFile(tmp_path / "b.zip", "w") as archive:
        archive.writestr("measures.csv", UK_MEASURES)
    names = [source.name for source in sources_of([tmp_path / "a.gz", tmp_path / "b.zip"])]
    assert names == ["a", "b.zip/measures.csv"]
    (tmp_path / "c.gz").write_bytes(gzip.compress(TARIC.encode())[:-20])
    with pytest.raises(TariffFileError, match="ends too early"):
        sources_of([tmp_path / "c.gz"])
