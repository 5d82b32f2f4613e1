"""Half characters wherever JSON can hold them: told at their place, whatever they stand in."""

from __future__ import annotations

import io

import pytest

from tidewaiter.messages import forms

PRICE = '{"functional_reference_id": "R", "goods_items": [{"line_no": 1, "invoice_price": %s}]}'


@pytest.mark.parametrize(
    "price",
    [
        r'{"amount": "1.00", "currency": ["JPY", "JP\ud800"]}',
        r'{"amount": {"x": "\udc00"}, "currency": "JPY"}',
        r'["\ud800"]',
    ],
)
def test_half_a_character_in_a_value_of_the_wrong_kind_is_told(price: str) -> None:
    form = forms.by_name("json")
    (record,) = form.split(io.BytesIO((PRICE % price).encode()))
    reading = form.read(record.body)
    assert any(finding.pointer.startswith("goods_items[1].invoice_price") for finding in reading.findings)
    assert all(finding.rule_id and finding.place and finding.hint for finding in reading.findings)
