"""Required data: paths, lists, alternatives, and messages that are not asked for everything."""

from __future__ import annotations

import pytest

from tidewaiter.model.declaration import (
    Amendment,
    AmendmentPointer,
    Consignment,
    Declaration,
    Document,
    MessageFunction,
    Party,
)
from tidewaiter.model.finding import Finding, Severity
from tidewaiter.quality import check
from unit.quality.declared import Dataset, Law, line, parcel


def missing(declaration: Declaration, *required: str) -> list[str]:
    law = Law(dataset=Dataset(required=required))
    return [finding.pointer for finding in check(declaration, regime=law) if finding.rule_id == "data.required"]


@pytest.mark.parametrize(
    ("required", "pointers"),
    [
        ("declarant.party_id", []),
        ("importer.party_id", ["importer.party_id"]),
        ("consignor.address.postcode", ["consignor.address.postcode"]),
        ("goods_items", []),
        ("goods_items[].commodity_code", []),
        ("goods_items[].quantity", ["goods_items[1].quantity", "goods_items[2].quantity"]),
        ("goods_items[].packagings[].count", []),
        (
            "goods_items[].packagings[].marks",
            ["goods_items[1].packagings[1].marks", "goods_items[2].packagings[1].marks"],
        ),
        ("goods_items[].documents[]", ["goods_items[1].documents[1]", "goods_items[2].documents[1]"]),
        ("consignment.transport_documents[].document_id", []),
        ("consignment.transport_documents[].name", ["consignment.transport_documents[1].name"]),
        ("consignor|exporter", []),
        ("exporter|consignor", []),
        ("importer.name|buyer.name", ["importer.name"]),
        ("goods_items[].consignor|consignor", []),
        ("goods_items[].importer|importer", ["goods_items[1].importer", "goods_items[2].importer"]),
        ("no.such.thing", ["no.such.thing"]),
    ],
)
def test_paths(required: str, pointers: list[str]) -> None:
    assert missing(parcel(), required) == pointers


def test_without_lines_the_lines_are_missing_and_nothing_of_them() -> None:
    assert missing(parcel(goods_items=(), goods_item_count=0), "goods_items[].quantity", "goods_items[].ucr") == [
        "goods_items"
    ]


def test_the_words_name_element_and_dataset() -> None:
    law = Law(dataset=Dataset(title="the postal dataset", required=("goods_items[].description", "consignor.name")))
    words = [finding.words for finding in check(Declaration(goods_items=(line(1, description=""),)), regime=law)]
    assert "Consignor, name is missing; the postal dataset needs it." in words
    assert "Line 1, what the goods are, in plain words is missing; the postal dataset needs it." in words


@pytest.mark.parametrize(
    "declaration",
    [
        Declaration(function=MessageFunction.CANCELLATION),
        Declaration(function=MessageFunction.PRESENTATION),
        Declaration(function=MessageFunction.AMENDMENT),
        Declaration(
            function=MessageFunction.AMENDMENT,
            goods_items=(line(1),),
            amendments=(Amendment(pointers=(AmendmentPointer(section_code="42A"),)),),
        ),
    ],
)
def test_messages_that_do_not_state_the_whole_are_not_asked_for_it(declaration: Declaration) -> None:
    assert missing(declaration, "importer.party_id", "goods_items[].quantity") == []


def test_an_amendment_that_repeats_everything_is_asked_for_it() -> None:
    amendment = parcel(function=MessageFunction.AMENDMENT, amendments=(Amendment(reason_code="5"),))
    assert missing(amendment, "importer.party_id") == ["importer.party_id"]


def test_a_group_without_content_counts_as_there_only_where_the_group_is_asked_for() -> None:
    assert missing(parcel(importer=Party()), "importer") == []
    assert missing(parcel(importer=Party()), "importer.name") == ["importer.name"]
    empty = Consignment(transport_documents=(Document(),))
    assert missing(parcel(consignment=empty), "consignment.transport_documents[].document_id") == [
        "consignment.transport_documents[1].document_id"
    ]


def test_what_could_not_be_read_is_not_said_to_be_missing_too() -> None:
    law = Law(dataset=Dataset(required=("importer.party_id", "goods_items[].quantity")))
    unread = Finding("message.number", Severity.ERROR, "goods_items[1].quantity", "“quantity” must be a number")
    found = [each.pointer for each in check(parcel(), regime=law, found=(unread,)) if each.rule_id == "data.required"]
    assert found == ["importer.party_id", "goods_items[2].quantity"]


def test_what_is_no_declaration_is_not_asked_for_what_declarations_have() -> None:
    law = Law(dataset=Dataset(required=("importer.party_id",)))
    of_no_kind = Finding("message.kind", Severity.ERROR, "type_code", "of a kind on which nothing is decided")
    assert check(parcel(), regime=law, found=(of_no_kind,)) == ()


def test_abbreviations_keep_their_letters_within_a_sentence() -> None:
    law = Law(dataset=Dataset(required=("consignor.address.country_code", "importer.party_id")))
    words = " ".join(each.words for each in check(Declaration(), regime=law) if each.rule_id == "data.required")
    assert "Consignor, address, ISO 3166-1" in words
    assert "Importer, EORI" in words
