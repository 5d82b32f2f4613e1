"""The form "cargo-xml"."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from typing import BinaryIO, Final

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
            root = xml.only(xml.parse(body), LAYOUTS, "waybills", "Waybill, HouseWaybill or HouseManifest document")
        except xml.XmlFault as fault:
            return Reading(None, (fault.finding,))
        return reading.read(root, LAYOUTS[xml.local_name(root)])

    def write(self, declarations: Sequence[Declaration]) -> bytes:
        """One document, or a `Batch` element around several. Raises MessageError for what has no message here."""
        documents = [write(declaration) for declaration in declarations]
        return xml.batch(documents)

    def locate(self, declaration: Declaration, pointer: str) -> str:
        """The path, in local names, of a canonical pointer."""
        return reading.locate(declaration, pointer)
