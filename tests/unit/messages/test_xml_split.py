"""Splitting a stream of XML into documents."""

from __future__ import annotations

import io
import tracemalloc

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from lxml import etree

from tidewaiter.messages import limits, xml_split
from tidewaiter.messages.form import Record
from tidewaiter.messages.wco_dm import WcoDmForm
from tidewaiter.messages.xml import XmlFault
from tidewaiter.messages.xml_split import split


def document(number: int, inner: str = "") -> str:
    return f"<d:Declaration><d:DeclarationOfficeID>DK{number}</d:DeclarationOfficeID>{inner}</d:Declaration>"


def batch(*documents: str) -> bytes:
    return ('<Batch xmlns:d="urn:wco:datamodel:WCO:DEC-DMS:2">' + "\n".join(documents) + "</Batch>").encode()


def records(message: bytes) -> list[Record]:
    return list(split(io.BytesIO(message)))


def until_it_fails(message: bytes) -> tuple[list[Record], XmlFault]:
    found: list[Record] = []
    with pytest.raises(XmlFault) as caught:
        found.extend(split(io.BytesIO(message)))
    return found, caught.value


def test_a_message_that_is_one_document_is_its_own_record() -> None:
    message = (
        b'\xef\xbb\xbf<?xml version="1.0"?><!-- <Declaration> -->\n<Declaration a=">">x</Declaration>\n<!-- end -->\n'
    )
    (record,) = records(message)
    assert record == Record(1, 0, message[: message.index(b"\n<!-- end")])


def test_each_document_of_a_batch_is_found_where_it_lies_and_read_by_itself() -> None:
    message = batch(document(1), document(2), document(3))
    found = records(message)
    assert [record.position for record in found] == [1, 2, 3]
    for number, record in enumerate(found, start=1):
        assert message[record.offset :].startswith(document(number).encode())
        root = etree.fromstring(record.body)
        assert root.tag == "{urn:wco:datamodel:WCO:DEC-DMS:2}Declaration"
        assert root[0].text == f"DK{number}"


def test_namespaces_around_are_carried_in_and_nearer_ones_win() -> None:
    message = b'<B xmlns="urn:a" xmlns:x="urn:x"><C xmlns:x="urn:y"><MetaData xmlns="urn:b"><x:q/></MetaData></C></B>'
    root = etree.fromstring(records(message)[0].body)
    assert root.tag == "{urn:b}MetaData"
    assert root[0].tag == "{urn:y}q"


@pytest.mark.parametrize(
    "inner",
    [
        "<!-- </d:Declaration> -->",
        "<![CDATA[</d:Declaration><d:Declaration>]]>",
        "<?note </d:Declaration>?>",
        "<d:ID a='<!-- '/>".replace("<!-- ", "&lt;!-- "),
        "<!--" + "-x" * 5000 + "-->",
    ],
)
def test_what_only_looks_like_an_end_is_none(inner: str) -> None:
    found = records(batch(document(1, inner), document(2)))
    assert len(found) == 2
    assert inner.encode() in found[0].body


def test_transport_envelopes_are_passed_through() -> None:
    message = b"<s:request xmlns:s='urn:s'><s:common><s:id>1</s:id></s:common><s:detail><MetaData><Declaration/></MetaData></s:detail></s:request>"
    (record,) = records(message)
    assert etree.fromstring(record.body)[0].tag == "Declaration"


def test_a_declaration_deep_inside_another_kind_of_message_is_none_of_ours() -> None:
    _, fault = until_it_fails(b"<Status><Detail><Declaration><ID>1</ID></Declaration></Detail></Status>")
    assert (fault.code, fault.detail) == ("xml.root", "<Status> holds no declaration")


@pytest.mark.parametrize(
    ("message", "rule_id", "before"),
    [
        (b"", "xml.empty", 0),
        (b"  \n", "xml.empty", 0),
        (b"hello", "xml.malformed", 0),
        (b"hello <Declaration/>", "xml.malformed", 0),
        (b"<Declaration/>hello", "xml.malformed", 1),
        (b"<Declaration/><Declaration/>", "xml.malformed", 1),
        (b"<!DOCTYPE a><Declaration/>", "xml.doctype", 0),
        (b"<Batch/>", "xml.root", 0),
        (b"<Batch><Declaration/></Other>", "xml.malformed", 1),
        (b"<Batch><Declaration/>", "xml.truncated", 1),
        (b"<Batch><Declaration/><Declara", "xml.truncated", 1),
        (b"<Batch><Declaration/><Declaration><ID>", "xml.truncated", 1),
        (b"<Batch><Declaration/><Declaration><!-- ", "xml.truncated", 1),
        (b"<Batch><Declaration/><!-- ", "xml.truncated", 1),
        (b'<?xml version="1.0" encoding="UTF-16"?><Declaration/>', "xml.encoding", 0),
        (b"<a>" * 100, "xml.limit", 0),
    ],
)
def test_a_fault_comes_after_the_good_documents(message: bytes, rule_id: str, before: int) -> None:
    found, fault = until_it_fails(message)
    assert (fault.code, len(found)) == (rule_id, before)
    assert fault.place.startswith("byte ") or fault.code in ("xml.empty", "xml.encoding")


def test_a_document_that_is_not_closed_does_not_take_the_next_with_it() -> None:
    broken = "<d:Declaration><d:ID>1</d:ID>"
    first, second, third = records(batch(document(1), broken, document(3)))
    form = WcoDmForm()
    assert form.read(first.body).declaration is not None
    assert form.read(second.body).declaration is None
    assert form.read(third.body).declaration is not None


def test_a_document_beyond_the_limit_is_named_and_the_next_is_read() -> None:
    huge = document(1, "<d:x>" + "y" * (limits.RECORD_BYTES_MAX + xml_split.CHUNK * 3) + "</d:x>")
    first, second = records(batch(huge, document(2)))
    assert len(first.body) == limits.RECORD_BYTES_MAX + 1
    assert WcoDmForm().read(first.body).findings[0].rule_id == "xml.limit"
    assert WcoDmForm().read(second.body).declaration is not None


def test_other_encodings_are_split_too() -> None:
    text = '<?xml version="1.0" encoding="{}"?>' + batch(document(1, "<d:ID>é</d:ID>"), document(2)).decode()
    latin = text.format("ISO-8859-1").encode("iso-8859-1")
    assert etree.fromstring(records(latin)[0].body)[1].text == "é"
    wide = text.format("UTF-16").encode("utf-16")
    found = records(wide)
    assert etree.fromstring(found[0].body)[1].text == "é"
    assert wide[found[1].offset :].decode("utf-16-le").startswith("<d:Declaration")


class Endless(io.RawIOBase):
    """A batch of so many documents that it could not be held, made while it is read."""

    def __init__(self, count: int) -> None:
        piece = document(7, "<d:ID>" + "x" * 4000 + "</d:ID>").encode()
        self.pieces = iter([batch().removesuffix(b"</Batch>"), *[piece] * count, b"</Batch>"])
        self.rest = b""

    def read(self, size: int = -1) -> bytes:
        parts = [self.rest]
        held = len(self.rest)
        while held < size and (piece := next(self.pieces, b"")):
            parts.append(piece)
            held += len(piece)
        given = b"".join(parts)
        given, self.rest = given[:size], given[size:]
        return given


def test_memory_does_not_grow_with_the_batch() -> None:
    tracemalloc.start()
    try:
        count = sum(1 for _ in split(Endless(5_000)))  # type: ignore[arg-type]
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert count == 5_000
    assert peak < 12 * xml_split.CHUNK


@given(
    inners=st.lists(
        st.sampled_from(["", "<!-- x -->", "<![CDATA[ ]]>", "<d:ID>é</d:ID>", "<?p?>", "<d:x>" + "y" * 40 + "</d:x>"]),
        min_size=1,
        max_size=6,
    ),
    chunk=st.integers(1, 64),
)
@settings(max_examples=60, deadline=None)
def test_where_the_chunks_are_cut_makes_no_difference(inners: list[str], chunk: int) -> None:
    message = batch(*(document(number, inner) for number, inner in enumerate(inners)))

    class Slow(io.BytesIO):
        def read(self, size: int | None = -1, /) -> bytes:
            return super().read(min(size or 0, max(chunk, 32)) if self.tell() else 64)

    assert list(split(Slow(message))) == records(message)
