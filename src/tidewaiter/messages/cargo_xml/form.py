"""The form "cargo-xml"."""

from __future__ import annotations

import io
import re
from collections.abc import Iterator, Sequence
from typing import BinaryIO, Final

from lxml import etree

from tidewaiter.messages import xml, xml_split
from tidewaiter.messages.cargo_xml import read as reading
from tidewaiter.messages.cargo_xml.places import LAYOUTS
from tidewaiter.messages.cargo_xml.write import write
from tidewaiter.messages.form import Reading, Record
from tidewaiter.messages.wco_xml.form import plain_head
from tidewaiter.model.declaration import Declaration

_DOCUMENT: Final = re.compile(rb"<(?:[\w.-]+:)?(?:Waybill|HouseWaybill|HouseManifest)[\s/>]")
_DOCUMENTS: Final = xml_split.Documents(
    frozenset(name.encode() for name in LAYOUTS), frozenset(), "a Waybill, HouseWaybill or HouseManifest document"
)


class CargoXmlForm:
    """IATA Cargo-XML: master waybill, house waybill and house manifest."""

    name = "cargo-xml"
    title = "IATA Cargo-XML waybills XFWB, XFZB, XFHL (XML)"
    media_types: tuple[str, ...] = ("application/xml", "text/xml")

    def recognises(self, head: bytes) -> bool:
        """A Waybill, HouseWaybill or HouseManifest element, alone or within an envelope or a batch."""
        plain = plain_head(head)
        return plain.startswith(b"<") and _DOCUMENT.search(plain) is not None

    def split(self, stream: BinaryIO) -> Iterator[Record]:
        """The documents of a message, in or without envelopes, in order. Raises XmlFault where it cannot be followed."""
        return xml_split.split(stream, _DOCUMENTS)

    def read(self, body: bytes) -> Reading:
        """One document's declaration, or findings. Never raises for bad data."""
        try:
            root = _document_of(xml.parse(body))
        except xml.XmlFault as fault:
            return Reading(None, (fault.finding,))
        return reading.read(root, LAYOUTS[xml.local_name(root)])

    def write(self, declarations: Sequence[Declaration]) -> bytes:
        """One document, or a `Batch` element around several. Raises MessageError for what has no message here."""
        documents = [write(declaration) for declaration in declarations]
        if len(documents) == 1:
            return etree.tostring(documents[0], xml_declaration=True, encoding="UTF-8")
        out = io.BytesIO()
        out.write(b"<?xml version='1.0' encoding='UTF-8'?>\n<Batch>\n")
        for document in documents:
            out.write(etree.tostring(document, encoding="UTF-8", xml_declaration=False) + b"\n")
        out.write(b"</Batch>\n")
        return out.getvalue()

    def locate(self, declaration: Declaration, pointer: str) -> str:
        """The path, in local names, of a canonical pointer."""
        return reading.locate(declaration, pointer)


def _document_of(root: etree._Element) -> etree._Element:
    """The one waybill document in a record. Raises XmlFault."""
    if xml.local_name(root) in LAYOUTS:
        return root
    found = [element for element in root.iter() if xml.local_name(element) in LAYOUTS]
    if len(found) == 1:
        return found[0]
    name = xml.local_name(root)
    raise xml.XmlFault(
        "xml.root",
        f"the root element is {name}, with {len(found)} waybills in it",
        hint="send one Waybill, HouseWaybill or HouseManifest document, or choose the form that this message has",
        place=f"/{name}",
    )
