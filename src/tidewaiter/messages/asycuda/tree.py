"""Elements put in by path, in the order in which they are named."""

from __future__ import annotations

from datetime import date
from decimal import Decimal
from typing import Final

from lxml import etree

from tidewaiter.messages.characters import FORBIDDEN, named
from tidewaiter.model.declaration import Address
from tidewaiter.model.errors import MessageError

_NULL: Final = "null"  # how the document says that an element which must be there has no value


class Branch:
    """One element being written."""

    def __init__(self, element: etree._Element) -> None:
        self.element = element

    def put(self, path: str, value: object) -> None:
        """Put a value at a path below; nothing where it is None or "". Raises MessageError for what XML cannot hold."""
        if value is None or value == "":
            return
        self._at(path).text = _text(path, value)

    def put_null(self, path: str, value: object) -> None:
        """The same, but an element without a value says so."""
        if value is None or value == "":
            etree.SubElement(self._at(path), _NULL)
        else:
            self.put(path, value)

    def add(self, path: str) -> Branch:
        """A new element at a path, beside others of its name."""
        head, _, name = path.rpartition("/")
        parent = self._at(head) if head else self.element
        return Branch(etree.SubElement(parent, name))

    def _at(self, path: str) -> etree._Element:
        at = self.element
        for name in path.split("/"):
            found = at.find(name)
            at = etree.SubElement(at, name) if found is None else found
        return at


def document(root: etree._Element) -> bytes:
    """The document as bytes, UTF-8."""
    etree.indent(root)
    return etree.tostring(root, xml_declaration=True, encoding="UTF-8")


def lines_of(address: Address | None) -> str:
    """An address on lines, as both documents want it."""
    if address is None:
        return ""
    town = " ".join(part for part in (address.postcode, address.city) if part)
    return "\n".join(part for part in (address.line, town, address.subdivision, address.country_code) if part)


def _text(path: str, value: object) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, Decimal):
        return f"{value:f}"
    text = value.isoformat() if isinstance(value, date) else str(value)
    if found := FORBIDDEN.search(text):
        raise MessageError(f"{path} holds the character {named(found[0])}, which XML cannot hold", place=path)
    return text
