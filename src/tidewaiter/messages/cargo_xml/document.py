"""A Cargo-XML document as its leaves by path, and back: in local names, whatever the namespaces."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from functools import cache
from importlib import resources
from typing import Final

from lxml import etree
from msgspec import Struct

from tidewaiter.messages.xml import local_name
from tidewaiter.model.errors import MessageError

DATA_MODEL: Final = "iata:datamodel:3"
_SCHEMA_INSTANCE: Final = "{http://www.w3.org/2001/XMLSchema-instance}"
_STEP: Final = re.compile(r"/([A-Za-z_][\w.-]*)(?:\[([1-9][0-9]{0,6})\])?")
_DEPTH_MAX: Final = 64
_EMPTY_MAX: Final = 10_000  # elements that say nothing, in one document written
_OWN: Final = ("MessageHeaderDocument", "BusinessHeaderDocument", "MasterConsignment", "ResponseStatus")


class Leaf(Struct, frozen=True):
    """A text and attributes; "" where an element has only attributes."""

    text: str
    attributes: tuple[tuple[str, str], ...] = ()

    @property
    def is_empty(self) -> bool:
        """True where it says nothing."""
        return not self.text and not self.attributes


def leaves_of(root: etree._Element) -> dict[str, Leaf]:
    """What a document says, by path, in its order. Elements that say nothing are left out."""
    found: dict[str, Leaf] = {}
    _gather(root, f"/{local_name(root)}", found)
    return found


def _gather(element: etree._Element, path: str, found: dict[str, Leaf]) -> None:
    text = (element.text or "").strip()
    attributes = _attributes(element) if element.attrib else ()
    if text or attributes:
        found[path] = Leaf(text, attributes)
    positions: dict[str, int] = {}
    for child in element:
        name = local_name(child)
        position = positions[name] = positions.get(name, 0) + 1
        _gather(child, f"{path}/{name}" if position == 1 else f"{path}/{name}[{position}]", found)
        if child.tail and not child.tail.isspace():
            text = " ".join(part for part in (text, child.tail.strip()) if part)
            found[path] = Leaf(text, attributes)


def _attributes(element: etree._Element) -> tuple[tuple[str, str], ...]:
    pairs = ((str(name), str(value)) for name, value in element.items())
    return tuple(pair for pair in pairs if not pair[0].startswith(_SCHEMA_INSTANCE))


class _Node:
    """An element being put together."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.leaf = Leaf("")
        self.children: dict[tuple[str, int], _Node] = {}

    def at(self, steps: Iterable[tuple[str, int]]) -> _Node:
        node = self
        for step in steps:
            node = node.children.setdefault(step, _Node(step[0]))
        return node

    def sorted(self, spare: list[int]) -> list[_Node]:
        """The children in the order of the standard, those it does not know last.

        Elements that said nothing keep their place, so that those after them are where they were, as long as there
        are some of them to spare.
        """
        came = {name: at for at, (name, _) in enumerate(dict.fromkeys((name, 0) for name, _ in self.children))}
        order = _order()
        keys = sorted(self.children, key=lambda step: (order.get(step[0], len(order) + came[step[0]]), step[1]))
        found: list[_Node] = []
        last = ("", 0)
        for name, position in keys:
            between = position - 1 - (last[1] if last[0] == name else 0)
            if 0 < between <= spare[0]:
                spare[0] -= between
                found += [_Node(name) for _ in range(between)]
            found.append(self.children[name, position])
            last = (name, position)
        return found


def tree_of(root_name: str, namespace: str, leaves: Mapping[str, Leaf], *, as_came: bool = False) -> etree._Element:
    """The document that says this, in the order of waybills or as it comes.

    Paths below another root are left out. Raises MessageError for what XML cannot hold.
    """
    top = _Node(root_name)
    for path, leaf in leaves.items():
        steps = _steps(path)
        if steps and steps[0] == (root_name, 1):
            top.at(steps[1:]).leaf = leaf
    root = etree.Element(f"{{{namespace}}}{root_name}", None, {"rsm": namespace, "ram": DATA_MODEL})
    try:
        _fill(root, top, namespace, None if as_came else [_EMPTY_MAX])
    except ValueError as error:
        raise MessageError(f"a text cannot be written as XML: {error}", place=f"/{root_name}") from error
    return root


def _fill(element: etree._Element, node: _Node, namespace: str, spare: list[int] | None) -> None:
    """What a node says; its children in the order of waybills, or as they came where none are to spare."""
    if node.leaf.text:
        element.text = node.leaf.text
    for name, value in node.leaf.attributes:
        element.set(name, value)
    for child in node.children.values() if spare is None else node.sorted(spare):
        own = namespace if child.name in _OWN and element.getparent() is None else DATA_MODEL
        _fill(etree.SubElement(element, f"{{{own}}}{child.name}"), child, namespace, spare)


def in_order(path: str) -> list[tuple[int, str, int]]:
    """By which paths are sorted into the order of waybills."""
    order = _order()
    return [(order.get(name, len(order)), name, position) for name, position in _steps(path)]


def _steps(path: str) -> list[tuple[str, int]]:
    """The steps of a path; none where it is not one of ours."""
    steps = [(name, int(position or 1)) for name, position in _STEP.findall(path)]
    written = "".join(f"/{name}" if position == 1 else f"/{name}[{position}]" for name, position in steps)
    return steps if written == path and len(steps) <= _DEPTH_MAX else []


@cache
def _order() -> Mapping[str, int]:
    text = (resources.files("tidewaiter.data") / "messages" / "cargo_xml" / "order.txt").read_text("utf-8")
    names = [line for line in text.splitlines() if line and not line.startswith("#")]
    return {name: at for at, name in enumerate(names)}
