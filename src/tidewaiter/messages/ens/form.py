"""The form "ens"."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from typing import BinaryIO, Final

from lxml import etree
from msgspec.structs import replace

from tidewaiter.messages import xml, xml_split
from tidewaiter.messages.faults import seen
from tidewaiter.messages.form import Reading, Record
from tidewaiter.messages.wco_xml import tables
from tidewaiter.messages.wco_xml.form import plain_head
from tidewaiter.messages.wco_xml.functions import jurisdiction_of
from tidewaiter.messages.wco_xml.locate import locate
from tidewaiter.messages.wco_xml.read import Walk
from tidewaiter.messages.wco_xml.write import tree
from tidewaiter.model.declaration import Consignment, Declaration, Extra, MessageFunction
from tidewaiter.model.errors import MessageError
from tidewaiter.model.finding import MappingNote

CATEGORY: Final = "ENS"
FUNCTIONS: Final[Mapping[str, MessageFunction]] = {
    "CC315A": MessageFunction.ORIGINAL,
    "CC313A": MessageFunction.AMENDMENT,
}
IDENTIFICATION_MAX: Final = 14  # characters of MesIdeMES19

_ARRIVAL_ON, _ARRIVAL_AT = "consignment.arrival_on", "consignment.arrival_at"  # one element says both
_DOCUMENT: Final = re.compile(rb"<(?:[\w.-]+:)?CC31[35]A[\s/>]")
_DOCUMENTS: Final = xml_split.Documents(
    frozenset(name.encode() for name in FUNCTIONS), frozenset(), "a CC315A or CC313A document"
)


class EnsForm:
    """Entry summary declaration IE315 and its amendment IE313."""

    name = "ens"
    title = "Entry summary declaration IE315 or IE313, ICS 11.2 (XML)"
    media_types: tuple[str, ...] = ("application/xml", "text/xml")

    @property
    def table(self) -> tables.Table:
        """The form's compiled table."""
        return tables.load("ens")

    def recognises(self, head: bytes) -> bool:
        """A CC315A or CC313A element, alone or within an envelope or a batch."""
        plain = plain_head(head)
        return plain.startswith(b"<") and _DOCUMENT.search(plain) is not None

    def split(self, stream: BinaryIO) -> Iterator[Record]:
        """The documents of a message, in or without envelopes, in order. Raises XmlFault where it cannot be followed."""
        return xml_split.split(stream, _DOCUMENTS)

    def read(self, body: bytes) -> Reading:
        """One document's declaration, or findings. Never raises for bad data."""
        try:
            root = document_of(xml.parse(body))
            reading = Walk(self.table, self.name).declaration(root, None)
        except xml.XmlFault as fault:
            return Reading(None, (fault.finding,))
        if reading.declaration is None:
            return reading
        return _completed(self.table, root, reading)

    def write(self, declarations: Sequence[Declaration]) -> bytes:
        """One document, or a `Batch` element around several. Raises MessageError for what has no message here."""
        documents = [self.document(declaration, declaration.function) for declaration in declarations]
        return xml.batch(documents)

    def locate(self, declaration: Declaration, pointer: str) -> str:
        """The XPath, in local names, of a canonical pointer."""
        name = self.table.root_of_function.get(declaration.function, "CC315A")
        pointer = _ARRIVAL_AT if pointer == _ARRIVAL_ON else pointer
        return locate(self.table, declaration, pointer, name)

    def document(self, declaration: Declaration, function: MessageFunction) -> etree._Element:
        """The message that asks this with the declaration. Raises MessageError where there is none."""
        name = self.table.root_of_function.get(function, "")
        if not name:
            raise MessageError(
                f"an entry summary declaration has no message for a {function.value}",
                hint="Write an original or an amendment.",
            )
        there = {extra.path for extra in declaration.extras}
        added = tuple(Extra(path, text) for path, text in usual(declaration, name).items() if path not in there)
        return tree(self.table, replace(declaration, extras=(*declaration.extras, *added)), name)


def document_of(root: etree._Element) -> etree._Element:
    """The CC315A or CC313A element of a document, at its root or in an envelope. Raises XmlFault."""
    return xml.only(root, FUNCTIONS, "entry summary declarations", "CC315A or CC313A document")


def usual(declaration: Declaration, name: str) -> dict[str, str]:
    """What a message of this declaration says of itself unless it says otherwise, by path."""
    said = {f"/{name}/MesTypMES20": name}
    reference = declaration.functional_reference_id or declaration.registered_id
    if reference:
        said[f"/{name}/MesIdeMES19"] = reference[:IDENTIFICATION_MAX]
    if declaration.issued_at is not None:
        said[f"/{name}/DatOfPreMES9"] = f"{declaration.issued_at:%y%m%d}"
        said[f"/{name}/TimOfPreMES10"] = f"{declaration.issued_at:%H%M}"
    return said


def _completed(table: tables.Table, root: etree._Element, reading: Reading) -> Reading:
    """The reading with what the form itself says: the function, the category, whose customs; without what is usual."""
    name, declaration = xml.local_name(root), reading.declaration
    assert declaration is not None
    said = usual(declaration, name)
    extras = tuple(extra for extra in declaration.extras if extra.attributes or said.get(extra.path) != extra.value)
    left = {extra.path for extra in extras}
    notes = tuple(note for note in reading.notes if note.place in left or note.place not in said)
    offices = {
        # The office of first entry is whom the declaration is for; that of lodgement may be another's.
        "lodgement_office_id": declaration.supervising_office_id,
        "supervising_office_id": declaration.lodgement_office_id,
        "registered_id": declaration.registered_id,
        "declarant": declaration.declarant,
    }
    declared = replace(
        declaration,
        function=FUNCTIONS[name],
        procedure_category=CATEGORY,
        jurisdiction_code=jurisdiction_of(table, offices),
        consignment=_with_day(declaration.consignment),
        extras=extras,
    )
    return Reading(declared, reading.findings, (*_version_note(table, root), *notes))


def _with_day(consignment: Consignment) -> Consignment:
    """With the day of arrival beside its moment, as law and rules about days alone ask for it."""
    at = consignment.arrival_at
    return consignment if at is None else replace(consignment, arrival_on=at.date())


def _version_note(table: tables.Table, root: etree._Element) -> tuple[MappingNote, ...]:
    known, own = table.namespaces[table.namespace_of[xml.local_name(root)]], xml.namespace(root)
    if own == known:
        return ()
    words = f"the message is of another version than {known}; it was read as if it were of that one"
    return (MappingNote(f"/{xml.local_name(root)}", seen(own) or "no namespace", words),)
