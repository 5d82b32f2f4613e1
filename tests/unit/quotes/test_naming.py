"""The number of a quote: made of its content, typed by people, forged by others."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tidewaiter.messages import forms
from tidewaiter.model.declaration import AdditionalInformation, Declaration, Document, GoodsItem
from tidewaiter.model.errors import InvalidIdentifierError
from tidewaiter.model.identifiers import QuoteId
from tidewaiter.quotes.naming import ForgedQuoteError, named_by, quote_id, verified

KEY = b"k" * 32
NUMBER = "TWQ-12345678-12345678-12345678-12345678-12345678"


@given(st.binary(max_size=200), st.binary(min_size=1, max_size=64))
def test_a_number_verifies_under_its_own_key_only(content: bytes, key: bytes) -> None:
    number = quote_id(content, key)
    assert verified(number, key) == number
    assert verified(number.lower().replace("-", " "), key) == number
    assert quote_id(content, key) == number
    with pytest.raises(ForgedQuoteError):
        verified(number, key + b"x")


@given(st.binary(min_size=25, max_size=25), st.integers(0, 24), st.integers(1, 255))
def test_no_altered_number_passes(data: bytes, place: int, change: int) -> None:
    number = quote_id(data, KEY)
    whole = bytearray(b"".join(number.parts))
    whole[place] ^= change
    altered = QuoteId.of(bytes(whole[:10]), bytes(whole[10:]))
    with pytest.raises(ForgedQuoteError, match="not issued here"):
        verified(altered, KEY)


@given(st.binary(min_size=25, max_size=25))
def test_writing_and_reading_give_the_same_bytes(data: bytes) -> None:
    number = QuoteId.of(data[:10], data[10:])
    assert number.parts == (data[:10], data[10:])
    assert len(number) == 48
    assert QuoteId.typed(number.replace("0", "o").replace("1", "l").lower()) == number


@pytest.mark.parametrize("text", ["", "TWQ", "TWQ-123", NUMBER + "0", NUMBER.replace("TWQ", "TWR"), "TWQ-" + "U" * 40, "\x00" * 48])  # fmt: skip
def test_what_is_no_number_says_so(text: str) -> None:
    with pytest.raises(InvalidIdentifierError, match="number of a quote"):
        verified(text, KEY)


@pytest.mark.parametrize(
    "declaration",
    [
        Declaration(quote_id=NUMBER),
        Declaration(additional_information=(AdditionalInformation(statement=NUMBER),)),
        Declaration(previous_documents=(Document(type_code="ZZZ", document_id=NUMBER),)),
        Declaration(documents=(Document(type_code="N325", document_id=NUMBER),)),
        Declaration(goods_items=(GoodsItem(line_no=1, documents=(Document(document_id=NUMBER),)),)),
    ],
)
def test_a_declaration_names_it_in_any_of_these_places(declaration: Declaration) -> None:
    assert named_by(declaration) == NUMBER


@pytest.mark.parametrize("form", ["json", "csv", "wco-dm", "h7"])
def test_it_goes_through_every_form(form: str) -> None:
    """XML has no element for it: it is written as a statement, once, and found again there."""
    declaration = Declaration(
        functional_reference_id="A-1", jurisdiction_code="GB", quote_id=NUMBER, goods_items=(GoodsItem(line_no=1),)
    )
    wire = forms.by_name(form)
    read = wire.read(wire.write([declaration])).declaration
    assert read is not None
    assert named_by(read) == NUMBER
    again = wire.write([read])
    assert again.count(NUMBER.encode()) == 1


def test_most_declarations_name_none() -> None:
    assert named_by(Declaration(documents=(Document(type_code="N380", document_id="TW-1"),))) == ""
