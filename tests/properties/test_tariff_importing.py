"""Whatever stands in a file, it is imported whole or refused in words; never half, never with another error."""

from __future__ import annotations

import json
from datetime import date
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from tidewaiter.tariff.importing import Heading, Source, TariffFileError, imported
from tidewaiter.tariff.importing.lists import UK_MEASURES
from tidewaiter.tariff.importing.nomenclatures import HS, TARIC, UK_COMMODITIES
from tidewaiter.tariff.importing.us import EXPORT, RATES
from tidewaiter.tariff.tariff import Tariff

DAY = date(2026, 1, 1)
FIELDS = st.sampled_from(
    ["", "0101", "010121", "01012100", "0101210000", "80", "10", "2.0", "4", "0", "1", "2012-01-01", "01-01-2012",
     "31-12-1971", "#NA", "Free", "5%", "1 cents/kg", "10.00 %", "103", "552", "1011", "2020", "TOTAL", "Other", "2050-12-30",
     "condition:A,action:27", "condition:,x:y", "CA|US", "x" * 40]
) | st.text(max_size=12)  # fmt: skip
HEADERS = [
    *map(sorted, (TARIC, HS, UK_COMMODITIES, UK_MEASURES, RATES, EXPORT)),
    ["commodity", "description", "x_duty_rate"],
]
NAMES = st.sampled_from(
    ["goods_nomenclature_item_id", "import_measures", "export_measures", "measure_type", "geographical_area", "id", "type",
     "measure_components", "duty_expression_id", "duty_amount", "monetary_unit_code", "measurement_unit_code", "base",
     "duty_expression", "measure_conditions", "condition_duty_amount", "document_code", "action", "ancestors", "chapter",
     "heading", "number_indents", "children_geographical_areas", "geographical_area_id", "excluded_countries", "footnotes",
     "legal_acts", "code", "description", "effective_start_date", "data", "included", "attributes", "relationships",
     "htsno", "indent", "general", "special", "other", "units", "order_number", "additional_code"]
)  # fmt: skip
SCALARS = st.none() | st.booleans() | st.integers(-5, 5) | st.floats(allow_nan=False) | FIELDS
ANYTHING = st.recursive(
    SCALARS, lambda inner: st.lists(inner, max_size=4) | st.dictionaries(NAMES, inner, max_size=8), max_leaves=20
)


def read(body: bytes) -> None:
    try:
        tariff = imported([Source("file", body)], Heading("ZZ", DAY)).tariff
    except TariffFileError as error:
        refusal = error
    else:
        refusal = None
    if refusal is not None:
        assert refusal.detail
        assert refusal.place.startswith("file")
        return
    assert Tariff.from_content(tariff.content) == tariff
    for line in tariff.held.lines:
        assert len(line.code) == 10


@settings(max_examples=70, deadline=None)
@given(st.sampled_from(HEADERS), st.lists(st.lists(FIELDS, min_size=1, max_size=12), max_size=6), st.data())
def test_any_rows_below_a_known_header(header: list[str], rows: list[list[str]], data: st.DataObject) -> None:
    fitted = [(row * len(header))[: len(header)] if data.draw(st.booleans()) else row for row in rows]
    text = "\n".join(",".join(f'"{field.replace(chr(34), "")}"' for field in row) for row in [header, *fitted])
    read(text.encode("utf-8", "replace"))


@settings(max_examples=70, deadline=None)
@given(ANYTHING)
def test_any_document(document: Any) -> None:
    read(json.dumps(document).encode())


@settings(max_examples=70, deadline=None)
@given(
    st.dictionaries(NAMES, ANYTHING, max_size=10), st.lists(st.dictionaries(NAMES, ANYTHING, max_size=10), max_size=3)
)
def test_a_commodity_with_anything_in_it(fields: dict[str, Any], measures: list[dict[str, Any]]) -> None:
    read(json.dumps({**fields, "goods_nomenclature_item_id": "0101210000", "import_measures": measures}).encode())


@settings(max_examples=50, deadline=None)
@given(st.lists(st.dictionaries(NAMES, ANYTHING, max_size=10), min_size=1, max_size=4))
def test_a_us_schedule_with_anything_in_it(records: list[dict[str, Any]]) -> None:
    first = {"htsno": "0101", "indent": "0", "description": "Horses", "general": "Free"}
    read(json.dumps([first, *records]).encode())


@settings(max_examples=70, deadline=None)
@given(ANYTHING, ANYTHING)
def test_a_json_api_document_with_anything_in_it(data: Any, included: Any) -> None:
    read(json.dumps({"data": data, "included": included}).encode())
    record = {"type": "x", "id": "1", "attributes": data, "relationships": included}
    read(json.dumps({"data": {"type": "x", "id": "1"}, "included": [record]}).encode())


@settings(max_examples=50, deadline=None)
@given(st.binary(max_size=300))
def test_any_bytes(body: bytes) -> None:
    read(body)
