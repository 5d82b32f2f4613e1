"""The reference made from the model: complete, valid, and true to the standards' own lists."""

from __future__ import annotations

import csv
import json
from pathlib import Path

import jsonschema_rs
import msgspec
import pytest

from tidewaiter.messages import limits, reference
from tidewaiter.messages.csv_columns import column, columns
from tidewaiter.messages.faults import MEANINGS, Fault
from tidewaiter.messages.json_form import JsonForm
from tidewaiter.messages.shape import elements
from tidewaiter.model import declaration as model
from tidewaiter.model.declaration import Declaration

SCHEMA = json.loads(reference.json_schema())


def test_the_schema_is_a_valid_schema_of_2020_12() -> None:
    jsonschema_rs.meta.validate(SCHEMA)
    assert SCHEMA["$schema"].endswith("2020-12/schema")
    assert SCHEMA["$id"].startswith("urn:")


def test_amounts_are_texts_with_a_pattern_and_elements_carry_their_ids() -> None:
    amount = SCHEMA["$defs"]["Money"]["properties"]["amount"]
    assert amount == {"type": "string", "pattern": reference.DECIMAL_PATTERN}
    properties = SCHEMA["$defs"]["Declaration"]["properties"]
    assert properties["functional_reference_id"]["x-wco-id"] == "D026"
    assert properties["consignor"]["x-wco-ids"]["name"] == "R020"
    assert properties["importer"]["x-wco-ids"]["name"] == "R037"


@pytest.mark.parametrize(
    ("record", "is_valid"),
    [
        ({"freight": {"amount": "12.50", "currency": "EUR"}, "goods_items": [{"line_no": 1}]}, True),
        ({"freight": {"amount": "12,50", "currency": "EUR"}}, False),
        ({"freight": {"amount": "NaN", "currency": "EUR"}}, False),
        ({"freight": {"amount": "12.50"}}, False),
        ({"goods_items": [{"sku": "x"}]}, False),
        ({"function": "new"}, False),
    ],
)
def test_the_schema_and_the_reader_agree(record: dict[str, object], is_valid: bool) -> None:  # noqa: FBT001
    assert jsonschema_rs.Draft202012Validator(SCHEMA).is_valid(record) is is_valid
    assert (JsonForm().read(json.dumps(record).encode()).findings == ()) is is_valid


def test_the_reference_lists_every_column_once() -> None:
    text = reference.render_reference()
    for each in columns():
        assert text.count(f"| `{each.name}` |") >= 1
    rows = [line for line in text.splitlines() if line.startswith("| `") and line.count(" | ") >= 6]
    assert len(rows) == len(columns())
    assert all(line.split(" | ")[3].strip() for line in rows), "an element without a meaning"


def test_every_code_of_a_finding_on_the_form_is_explained() -> None:
    assert set(MEANINGS) == set(Fault)
    text = reference.render_reference()
    for code in Fault:
        assert f"`{code.value}`" in text


def test_every_limit_is_documented() -> None:
    text = reference.render_limits()
    for name in vars(limits):
        if name.isupper():
            assert f"| `{name}` |" in text
    assert "| `RECORD_BYTES_MAX` | 32 MiB |" in text


def test_facts_name_columns_that_exist() -> None:
    for name in reference.element_facts():
        found = column(name)
        assert found is not None
        assert found.name == name


def test_ids_of_the_model_stand_in_the_data_model(samples: Path) -> None:
    dictionary = _dictionary(samples)
    known = {row["wco_id"] for row in dictionary.values()}
    records = [
        record
        for record in vars(model).values()
        if isinstance(record, type) and issubclass(record, msgspec.Struct) and record is not msgspec.Struct
    ]
    for record in records:
        for element in elements(record).values():
            assert element.wco_id in known | {""}, f"{record.__name__}.{element.name}"


def test_ids_and_postal_flags_are_those_of_the_data_model(samples: Path) -> None:
    dictionary = _dictionary(samples)
    own = {"TransportContractDocument/ID": "D005", "TransportContractDocument/TypeCode": "D006"}
    for facts in reference.element_facts().values():
        if facts.wco_path and facts.wco_path not in own:
            row = dictionary[facts.wco_path]
            assert facts.wco_id == row["wco_id"], facts.column
            assert (facts.upu == "U") is ("UPU" in row["usage"]), facts.column
        elif facts.wco_path:
            assert facts.wco_id == own[facts.wco_path]


def test_codes_of_the_eu_customs_data_model_are_those_of_the_danish_schema(samples: Path) -> None:
    text = (samples / "eu-h7-denmark" / "h7_v1.9_elements_with_eucdm_codes.txt").read_text()
    # One number for all contact persons: the Danish list numbers the declarant's only.
    text += "13 06 074 075 13 06 074 076 MRN"
    text += "16 15 018 020"  # there 16 15 081 020 alone, the country of the postcode address
    for facts in reference.element_facts().values():
        for code in filter(None, facts.eucdm.split(", ")):
            assert code in text, facts.column


def test_canonical_fields_have_a_word_in_the_model(samples: Path) -> None:
    ids = {facts.wco_id for facts in reference.element_facts().values()}
    ids |= {element.wco_id for element in elements(Declaration).values()}
    with (samples / "canonical_fields.csv").open() as file:
        wanted = {row["wco_dm_id"] for row in csv.DictReader(file) if row["entity"] in ("Item", "Consignment", "Order")}
    plain = {text for text in wanted if text and text.isalnum() and len(text) <= 4}
    # 135 is the exchange rate's currency, which Money carries.
    assert plain - ids <= {"135"}


def _dictionary(samples: Path) -> dict[str, dict[str, str]]:
    path = samples / "wco-dm-hmrc-cds" / "wco_dm36_declaration_dictionary.csv"
    with path.open() as file:
        return {row["path"]: row for row in csv.DictReader(file)}
