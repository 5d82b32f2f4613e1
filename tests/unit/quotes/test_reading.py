"""A basket that cannot be read: the error names the line, the key and what to write instead."""

from __future__ import annotations

import pytest

from tidewaiter.model.errors import MessageError
from tidewaiter.quotes.reading import read_basket

WHOLE = """{
  "jurisdiction_code": "DK",
  "trade": "online",
  "freight": {"amount": "35.00", "currency": "DKK"},
  "goods_items": [
    {"description": "Cotton T-shirts", "commodity_code": "610910",
     "invoice_price": {"amount": "180.00", "currency": "DKK"}},
    {"description": "Wrist watch", "quantity": "2",
     "invoice_price": {"amount": "260.00", "currency": "DKK"}}
  ]
}
"""


def test_a_whole_basket_is_read() -> None:
    assert [each.description for each in read_basket(WHOLE.encode(), "b.json").goods_items] == [
        "Cotton T-shirts", "Wrist watch",
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("old", "new", "line", "words", "hint"),
    [
        ('"commodity_code"', '"commodity_cod"', 6, "no key 'commodity_cod' in goods_items[1]", "is it 'commodity_code'?"),
        ('"quantity"', '"zzz"', 8, "no key 'zzz' in goods_items[2]", "there are description, "),
        ('"trade"', '"trades"', 3, "no key 'trades'", "is it 'trade'?"),
        ('"180.00", "currency"', '"180.00", "currencey"', 7, "the key 'currency' is missing in goods_items[1].invoice_price", "12.50"),
        ('"online"', '"shop"', 3, "'trade': there is no such choice", "online, gift, business"),
        ('"610910"', "610910", 6, "'commodity_code' in goods_items[1] must be text in quotes, this is a number", "quote.md"),
        ('"2"', '"two"', 8, "'quantity' in goods_items[2] must be a decimal number", "12.50"),
        ('"jurisdiction_code": "DK",', "", 1, "the key 'jurisdiction_code' is missing", "quote.md"),
        ('{"amount": "35.00", "currency": "DKK"}', '"35 DKK"', 4, "'freight' must be an object { … }", '"currency": "EUR"'),
        ('"online",', '"online"', 4, "a comma or a closing bracket is missing", "Quotes within a text"),
        ("  ]\n}\n", "", 10, "it ends too early", "was it cut short?"),
    ],
)  # fmt: skip
def test_what_is_wrong_is_named_with_line_and_key(old: str, new: str, line: int, words: str, hint: str) -> None:
    assert old in WHOLE
    with pytest.raises(MessageError) as caught:
        read_basket(WHOLE.replace(old, new, 1).encode(), "b.json")
    assert words in caught.value.detail
    assert hint in caught.value.hint
    assert caught.value.place.startswith(f"b.json line {line}")


@pytest.mark.parametrize("body", [b"\xff\xfe", b"", b"[" * 100_000, b"[]", b"null", b'{"jurisdiction_code": NaN}'])
def test_what_is_no_basket_at_all_is_told(body: bytes) -> None:
    with pytest.raises(MessageError) as caught:
        read_basket(body, "b.json")
    assert caught.value.hint
    assert caught.value.place.startswith("b.json")
