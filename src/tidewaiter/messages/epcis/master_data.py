"""Master data in the header of a document: which places lie in which, and what is told of an element (EPCIS 2.0, section 6.1.1).

    told = read_master_data(document["epcisHeader"], prefixes)

An element is a URI that events name: a place, a class of goods, a thing, a step. What is no element, or has attributes that
are none, is left out: master data makes no event wrong.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from decimal import Decimal
from typing import Any, Final, TypeGuard

from msgspec import Struct

from tidewaiter.messages.epcis import vocabulary as words
from tidewaiter.messages.epcis.fields import TEXT_MAX, URI_BYTES_MAX, Wrong

PLACES_MAX: Final = 20_000  # that master data says lie in others
ATTRIBUTES_MAX: Final = 20_000  # of all elements of one document
_WORDS: Final = words.BIZ_STEPS | words.DISPOSITIONS | words.ERROR_REASONS


class Element(Struct, frozen=True):
    """What is told of one element: names and values of its attributes; None for a value that is no text or number."""

    id: str
    attributes: tuple[tuple[str, str | None], ...]


class MasterData(Struct, frozen=True):
    """Pairs of a location and one that it lies in, and the elements that have a list of attributes, were it empty."""

    within: tuple[tuple[str, str], ...] = ()
    elements: tuple[Element, ...] = ()


def read_master_data(header: Any, prefixes: Mapping[str, str]) -> MasterData:
    """The master data of a header. Raises Wrong for more than anybody needs."""
    within: list[tuple[str, str]] = []
    elements: dict[str, Element] = {}
    attributes = 0
    for content in _elements(header):
        name = content.get("id")
        if not _is_uri(name):
            continue
        children = content.get("children")
        within += [(child, name) for child in (children if isinstance(children, list) else ()) if _is_uri(child)]
        if len(within) > PLACES_MAX:
            raise Wrong("too_many", ("epcisHeader",), f"{PLACES_MAX} places lie in others at most", "send several")
        if isinstance(content.get("attributes"), list):
            element = Element(element_of(name, prefixes), tuple(_attributes(content["attributes"], prefixes)))
            attributes += len(element.attributes)
            elements[element.id] = element
        if attributes > ATTRIBUTES_MAX:
            raise Wrong("too_many", ("epcisHeader",), f"{ATTRIBUTES_MAX} attributes are told at most", "send several")
    return MasterData(tuple(within), tuple(elements.values()))


def element_of(name: str, prefixes: Mapping[str, str] = words.STANDARD_PREFIXES) -> str:
    """The name of an element as events have it: a word of CBV 2.0 in its bare form, another one written out."""
    return words.word(name, _WORDS, prefixes) or name


def _elements(header: Any) -> Iterator[dict[str, Any]]:
    data = header.get("epcisMasterData") if isinstance(header, dict) else None
    lists = data.get("vocabularyList") if isinstance(data, dict) else None
    for vocabulary in lists if isinstance(lists, list) else ():
        elements = vocabulary.get("vocabularyElementList") if isinstance(vocabulary, dict) else None
        yield from (each for each in (elements if isinstance(elements, list) else ()) if isinstance(each, dict))


def _attributes(contents: list[Any], prefixes: Mapping[str, str]) -> Iterator[tuple[str, str | None]]:
    for content in contents:
        name = content.get("id") if isinstance(content, dict) else None
        if not _is_uri(name) or content.get("attribute") is None:
            continue  # an attribute that is null is none (section 8.2.7.1)
        for value in content["attribute"] if isinstance(content["attribute"], list) else [content["attribute"]]:
            yield words.expanded(name, prefixes), _text(value)


def _text(value: Any) -> str | None:
    if isinstance(value, bool):
        return str(value).lower()
    text = str(value) if isinstance(value, str | int | Decimal) else None
    return text if text is not None and len(text) <= TEXT_MAX and "\0" not in text else None


def _is_uri(value: Any) -> TypeGuard[str]:
    return isinstance(value, str) and len(value.encode()) <= URI_BYTES_MAX and words.is_uri(value) and "\0" not in value
