"""The wire form that a table makes: splitting, reading, writing and locating, shared by wco_dm and h7."""

from __future__ import annotations

import re
from abc import ABC, abstractmethod
from collections.abc import Iterator, Sequence
from typing import BinaryIO, Final

from lxml import etree
from msgspec.structs import replace

from tidewaiter.messages import xml, xml_split
from tidewaiter.messages.faults import seen
from tidewaiter.messages.form import Reading, Record
from tidewaiter.messages.wco_xml import tables
from tidewaiter.messages.wco_xml.locate import locate
from tidewaiter.messages.wco_xml.read import Walk
from tidewaiter.messages.wco_xml.write import tree
from tidewaiter.model.declaration import Declaration
from tidewaiter.model.finding import MappingNote

_COMMENT: Final = re.compile(rb"<!--.*?(?:-->|\Z)", re.DOTALL)
_HEAD_BYTES: Final = 64 * 1024

# A Declaration element, in any or no namespace, but not one within a notification.
_DECLARATION: Final = re.compile(rb"<(?:[\w.-]+:)?Declaration[\s/>]")
_ENVELOPE: Final = re.compile(rb"<(?:[\w.-]+:)?MetaData[\s/>]")
_RESPONSE: Final = re.compile(rb"<(?:[\w.-]+:)?Response[\s/>]")

_NAMESPACES: Final = frozenset({None, "urn:wco:datamodel:WCO:DEC-DMS:2"})  # None: many senders leave it out
_MODEL_VERSION: Final = "/MetaData/WCODataModelVersionCode"
_OTHER_VERSION: Final = "a version that is not known here; it was read as if it were one that is"


class WcoXmlForm(ABC):
    """A form whose messages are WCO declarations in one customisation."""

    name: str
    title: str
    media_types: tuple[str, ...] = ("application/xml", "text/xml")
    table_name: str

    @property
    def table(self) -> tables.Table:
        """The form's compiled table."""
        return tables.load(self.table_name)

    @abstractmethod
    def recognises(self, head: bytes) -> bool:
        """True when the first bytes of a message (up to 64 KiB) are of this form."""

    def split(self, stream: BinaryIO) -> Iterator[Record]:
        """The documents of a message, or of a batch of them, in order. Raises XmlFault where it cannot be followed."""
        return xml_split.split(stream)

    def read(self, body: bytes) -> Reading:
        """One document's declaration, or findings. Never raises for bad data."""
        try:
            root = xml.parse(body)
            declaration, envelope = _declaration_of(root)
            reading = Walk(self.table, self.name).declaration(declaration, envelope)
        except xml.XmlFault as fault:
            return Reading(None, (fault.finding,))
        namespace = declaration.nsmap.get(declaration.prefix)
        if namespace not in _NAMESPACES or any(note.place == _MODEL_VERSION for note in reading.notes):
            reading = replace(reading, notes=_on_version(reading.notes, namespace))
        return reading

    def write(self, declarations: Sequence[Declaration]) -> bytes:
        """One document, or a `Batch` element around several. Raises MessageError for a text that XML cannot hold."""
        documents = [tree(self.table, declaration) for declaration in declarations]
        return xml.batch(documents)

    def locate(self, declaration: Declaration, pointer: str) -> str:
        """The XPath, in local names, of a canonical pointer."""
        return locate(self.table, declaration, pointer)


def _on_version(notes: tuple[MappingNote, ...], namespace: str | None) -> tuple[MappingNote, ...]:
    """The notes with what is to be said of a version that is not the one read here."""
    told = tuple(replace(note, words=_OTHER_VERSION) if note.place == _MODEL_VERSION else note for note in notes)
    return (
        told
        if namespace in _NAMESPACES
        else (MappingNote("/Declaration", seen(namespace or ""), _OTHER_VERSION), *told)
    )


def plain_head(head: bytes) -> bytes:
    """The first bytes of a message as UTF-8 or another encoding that begins like ASCII, without comments."""
    encoding = xml.UTF16_HEADS.get(head[:2])
    if encoding is not None:
        head = head[: len(head) // 2 * 2].decode(encoding, "ignore").encode("utf-8", "ignore")
    return _COMMENT.sub(b"", head[:_HEAD_BYTES]).lstrip(b"\xef\xbb\xbf \t\r\n")


def holds_declaration(head: bytes) -> bool:
    """True when a Declaration element stands in the first bytes and no notification before it."""
    found = _DECLARATION.search(head)
    if not found or not head.startswith(b"<"):
        return False
    response = _RESPONSE.search(head)
    return response is None or response.start() > found.start()


def is_danish(head: bytes) -> bool:
    """True for a bare Declaration that names a data set; around a WCO declaration that names one stands a MetaData."""
    declaration = _DECLARATION.search(head)
    before = head[: declaration.start()] if declaration else head
    return b"ProcedureCategory>" in head and not _ENVELOPE.search(before)


def _declaration_of(root: etree._Element) -> tuple[etree._Element, etree._Element | None]:
    """The Declaration of a document and the MetaData around it, if any. Raises XmlFault where there is not just one."""
    name = xml.local_name(root)
    if name == "Declaration":
        return root, None
    if name == "MetaData":
        found = [child for child in root if xml.local_name(child) == "Declaration"]
        if len(found) == 1:
            return found[0], root
        within = ", ".join(dict.fromkeys(xml.local_name(child) for child in root)) or "nothing"
        words = f"the document holds {len(found)} declarations; it holds {within}"
        raise xml.XmlFault("xml.root", words, hint="put exactly one Declaration into each MetaData", place="/MetaData")
    inner = [element for element in root.iter() if xml.local_name(element) == "MetaData"]
    inner = inner or [child for child in root if xml.local_name(child) == "Declaration"]
    if len(inner) == 1:
        return _declaration_of(inner[0])
    raise xml.XmlFault(
        "xml.root",
        f"the root element is {name}; a declaration is a MetaData or Declaration document",
        hint="send a WCO declaration, or choose the form that this message has",
        place=f"/{name}",
    )
