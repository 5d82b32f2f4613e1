"""Bytes that are not XML we read: each fault has its own code, a place and a hint, and is found in no time."""

from __future__ import annotations

import time

import pytest

from tidewaiter.messages import limits
from tidewaiter.messages.wco_dm import WcoDmForm
from tidewaiter.messages.xml import XmlFault, parse

GOOD = "<Declaration><FunctionCode>9</FunctionCode></Declaration>"
BOMB = '<!DOCTYPE d [<!ENTITY a "ha"><!ENTITY b "&a;&a;&a;&a;&a;&a;&a;&a;">]><Declaration>&b;</Declaration>'
EXTERNAL = '<!DOCTYPE d [<!ENTITY a SYSTEM "file:///etc/passwd">]><Declaration>&a;</Declaration>'
PARAMETER = '<!DOCTYPE d SYSTEM "http://example.org/x.dtd"><Declaration/>'

FAULTS = {
    "empty": (b"", "xml.empty"),
    "only blanks": (b" \r\n\t", "xml.empty"),
    "entity bomb": (BOMB.encode(), "xml.doctype"),
    "external entity": (EXTERNAL.encode(), "xml.doctype"),
    "external document type": (PARAMETER.encode(), "xml.doctype"),
    "document type after a comment": (b"<!-- --><?pi?>\n" + BOMB.encode(), "xml.doctype"),
    "document type in UTF-16": (BOMB.encode("utf-16"), "xml.doctype"),
    "undeclared entity": (b"<Declaration><ID>&nbsp;</ID></Declaration>", "xml.entity"),
    "NUL": (b"<Declaration>\n<ID>a\0b</ID></Declaration>", "xml.nul"),
    "control character": (b"<Declaration><ID>a\x01b</ID></Declaration>", "xml.character"),
    "not UTF-8": (b"<Declaration><Name>caf\xe9</Name></Declaration>", "xml.encoding"),
    "not UTF-8 though it says so": (b'<?xml version="1.0" encoding="UTF-8"?><a>\xe9\xe8</a>', "xml.encoding"),
    "says UTF-16 and is not": (b'<?xml version="1.0" encoding="UTF-16"?><a/>', "xml.encoding"),
    "mark of UTF-8, says Latin": (b'\xef\xbb\xbf<?xml version="1.0" encoding="ISO-8859-1"?><a/>', "xml.encoding"),
    "is UTF-16, says UTF-8": ('<?xml version="1.0" encoding="UTF-8"?><a/>'.encode("utf-16"), "xml.encoding"),
    "half a UTF-16 character": (GOOD.encode("utf-16") + b"\x00", "xml.encoding"),
    "unknown encoding": (b'<?xml version="1.0" encoding="EBCDIC-CP-US"?><a/>', "xml.encoding"),
    "UTF-7": (b'<?xml version="1.0" encoding="UTF-7"?><a/>', "xml.encoding"),
    "cut within a tag": (GOOD[:-5].encode(), "xml.truncated"),
    "cut between tags": (b"<Declaration><FunctionCode>9</FunctionCode>", "xml.truncated"),
    "cut within a comment": (b"<Declaration><!-- and then", "xml.truncated"),
    "wrong nesting": (b"<Declaration>\n<a><b></a></b>\n</Declaration>", "xml.malformed"),
    "two roots": (b"<a/><b/>", "xml.malformed"),
    "not XML at all": (b"UNB+UNOC:3+SENDER", "xml.malformed"),
    "JSON": (b'{"function": "original"}', "xml.malformed"),
    "unbound prefix": (b"<x:Declaration/>", "xml.malformed"),
    "very deep": (b"<a>" * 100_000 + b"</a>" * 100_000, "xml.limit"),
    "too long": (b"<a>" + b" " * limits.RECORD_BYTES_MAX + b"</a>", "xml.limit"),
    "too long a text": (b"<Description>" + b"x" * 1_000_000 + b"</Description>", "message.limit"),
    "too long an attribute": (b"<a b='" + b"x" * 1_000_000 + b"'/>", "message.limit"),
    "too many attributes": (b"<a " + b" ".join(b"a%d='1'" % n for n in range(5_000)) + b"/>", "xml.limit"),
    "too many goods items": (b"<a>" + b"<GovernmentAgencyGoodsItem/>" * 100_000 + b"</a>", "message.limit"),
}


@pytest.mark.parametrize(("body", "rule_id"), FAULTS.values(), ids=FAULTS.keys())
def test_a_fault_is_named_and_found_quickly(body: bytes, rule_id: str) -> None:
    started = time.process_time()
    with pytest.raises(XmlFault) as caught:
        parse(body)
    assert caught.value.code == rule_id
    assert caught.value.detail
    assert time.process_time() - started < 3


@pytest.mark.parametrize(("body", "rule_id"), FAULTS.values(), ids=FAULTS.keys())
def test_reading_never_raises_and_says_the_same(body: bytes, rule_id: str) -> None:
    reading = WcoDmForm().read(body)
    assert reading.declaration is None
    assert [finding.rule_id for finding in reading.findings] == [rule_id]


@pytest.mark.parametrize("name", ["NUL", "wrong nesting", "not UTF-8", "control character", "cut within a tag"])
def test_a_fault_in_the_text_has_its_line(name: str) -> None:
    with pytest.raises(XmlFault) as caught:
        parse(FAULTS[name][0])
    assert caught.value.place.startswith("line ")


GOOD_BYTES = {
    "plain": GOOD.encode(),
    "with a mark": b"\xef\xbb\xbf" + GOOD.encode(),
    "declared": b'<?xml version="1.0" encoding="UTF-8"?>\n' + GOOD.encode(),
    "UTF-16 with a mark": ('<?xml version="1.0" encoding="UTF-16"?>' + GOOD).encode("utf-16"),
    "UTF-16 big-endian without one": GOOD.encode("utf-16-be"),
    "UTF-16 little-endian without one": GOOD.encode("utf-16-le"),
    "comments around": b"<!-- a -->" + GOOD.encode() + b"<!-- b -->",
    "the word DOCTYPE in a comment": GOOD.replace("9", "9<!-- <!DOCTYPE x> -->").encode(),
    "the word DOCTYPE in CDATA": GOOD.replace("9", "9<![CDATA[]]>").encode() + b"<!--<!DOCTYPE-->",
}


@pytest.mark.parametrize("body", GOOD_BYTES.values(), ids=GOOD_BYTES.keys())
def test_what_is_well_formed_is_read(body: bytes) -> None:
    assert parse(body)[0].text == "9"


@pytest.mark.parametrize(
    ("encoding", "raw"),
    [("ISO-8859-1", b"\xe9"), ("windows-1252", b"\x80"), ("ISO-8859-15", b"\xa4"), ("UTF-8", b"\xc3\xa9")],
)
def test_old_encodings_are_read(encoding: str, raw: bytes) -> None:
    body = f'<?xml version="1.0" encoding="{encoding}"?><Name>'.encode() + raw + b"</Name>"
    assert parse(body).text == raw.decode(encoding)


def test_comments_do_not_break_a_text_in_two() -> None:
    assert parse(b"<ID>12<!-- and -->34<?x y?>56</ID>").text == "123456"
