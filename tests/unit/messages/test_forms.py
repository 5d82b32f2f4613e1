"""Which form a message is of, and what is said when it is of none."""

from __future__ import annotations

import pytest

from tidewaiter.messages import forms
from tidewaiter.model.errors import MessageError, NotFoundError


def test_every_form_is_known_by_its_name_and_describes_itself() -> None:
    assert set(forms.forms()) == {
        "json",
        "csv",
        "wco-dm",
        "h7",
        "ens",
        "ceb",
        "cargo-xml",
        "cargo-imp",
        "edifact",
        "postal",
        "marketplace",
    }
    for name, form in forms.forms().items():
        assert forms.by_name(name) is form
        assert form.name == name
        assert form.title
        assert form.media_types


def test_an_unknown_name_is_answered_with_those_there_are() -> None:
    with pytest.raises(NotFoundError) as caught:
        forms.by_name("telex")
    assert "telex" in caught.value.detail
    for name in forms.forms():
        assert name in caught.value.hint


@pytest.mark.parametrize(
    ("head", "name"),
    [
        (b'{"type_code":"I"}', "json"),
        (b"\xef\xbb\xbf  [\n {", "json"),
        (b"[", "json"),
        (b"functional_reference_id,goods_item.sku\n", "csv"),
        (b"goods_item.description;goods_item.sku\r\n", "csv"),
        (b'<?xml version="1.0"?><Declaration><ProcedureCategory>H7</ProcedureCategory></Declaration>', "h7"),
        (b"<Declaration><FunctionCode>9</FunctionCode></Declaration>", "wco-dm"),
    ],
)
def test_detects_by_what_a_message_begins_with(head: bytes, name: str) -> None:
    assert forms.detect(head).name == name


@pytest.mark.parametrize(
    ("head", "seen"),
    [
        (b"", "empty file"),
        (b"\x00" * 40, "blanks and zeros"),
        (b" \r\n", "blanks and zeros"),
        (b"%PDF-1.7", "PDF"),
        (b"PK\x03\x04", "zip archive"),
        (b"7z\xbc\xaf\x27\x1c", "7-Zip"),
        (b"\xd0\xcf\x11\xe0\xa1", "office document"),
        (b"\x89PNG\r\n", "picture"),
        (b"x" * 257 + b"ustar", "tar archive"),
        (b"<!DOCTYPE html><html>", "web page"),
        (b"  <HTML><body>", "web page"),
        (b'<?xml version="1.0"?>\n<!-- x --><Invoice xmlns="urn:x">', "root element <Invoice>"),
        ("<Invoice/>".encode("utf-16"), "root element <Invoice>"),
        (b'<!DOCTYPE a [<!ENTITY b "c">]><a/>', "root element <a>"),
        ("a,b\n".encode("utf-16"), "UTF-16"),
        (b"sku;price\n1;2\n", "a table of which no column is known: sku;price"),
        (b"[1, 2]", "JSON that begins with"),
        (b"good morning", "text that begins with 'good morning'"),
        (b"J\xf8rgen", "not UTF-8"),
        (bytes(range(256)), "binary data"),
    ],
)
def test_says_what_was_seen_when_no_form_recognises_it(head: bytes, seen: str) -> None:
    with pytest.raises(MessageError) as caught:
        forms.detect(head)
    assert seen in caught.value.detail
    assert caught.value.hint


def test_a_head_that_ends_within_a_character_is_still_text() -> None:
    head = b"functional_reference_id,goods_item.description\nA," + "ø".encode() * 40_000
    assert forms.detect(head[: forms.HEAD_BYTES]).name == "csv"
    with pytest.raises(MessageError, match="text that begins"):
        forms.detect("ø".encode() * 40_000)
