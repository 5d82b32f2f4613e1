"""A record of which it is proven that decoding alone gives it comes out the same when it is read again without proof."""

from __future__ import annotations

import pytest

from tidewaiter.messages import forms
from tidewaiter.messages.json_form import JsonForm
from tidewaiter.model.declaration import Declaration, GoodsItem

PLAIN = JsonForm().write(
    [Declaration(jurisdiction_code="GB", goods_items=(GoodsItem(line_no=1, description="Socks"),))]
)
ODD = {
    "a member that is not known": PLAIN.replace(b"{", b'{"colour":"blue",', 1),
    "a member twice": PLAIN.replace(b"{", b'{"jurisdiction_code":"GB",', 1),
    "a control character": PLAIN.replace(b"Socks", b"So\\u0007cks"),
    "a colon that hides": PLAIN.replace(b"Socks", b"So\\u003acks"),
    "a moment without zone": PLAIN.replace(b"{", b'{"issued_at":"2026-11-20T10:00:00",', 1),
    "a number that is none": PLAIN.replace(b'"line_no":1', b'"line_no":1,"net_mass_kg":"1e900"'),
    "what breaks off": PLAIN[:-4],
    "nothing": b"",
}


def test_plain_records_are_proven_and_read_again_alike() -> None:
    reading, is_proven = forms.proven("json", PLAIN)
    assert is_proven
    assert forms.read_again("json", PLAIN) == reading == JsonForm().read(PLAIN)


@pytest.mark.parametrize("body", ODD.values(), ids=ODD)
def test_odd_records_are_read_as_ever_and_never_proven(body: bytes) -> None:
    reading, is_proven = forms.proven("json", body)
    assert not is_proven
    assert reading == JsonForm().read(body)


def test_other_forms_are_always_read_in_full() -> None:
    reading, is_proven = forms.proven("h7", PLAIN)
    assert not is_proven
    assert forms.read_again("h7", PLAIN) == reading
