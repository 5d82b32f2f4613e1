"""A message as the rules see it: elements by local name, each knowing its parent."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Final

from lxml import etree

WORK_LEAST: Final = 200_000  # elements looked at for any message, however small
WORK_PER_NODE: Final = 60  # and more for each element of a large one; published rules and cases need up to 25


class WorkExceededError(Exception):
    """The rules looked at more elements than a message of this size can need. Never leaves this package."""


class Work:
    """What may still be done for one message."""

    __slots__ = ("left",)

    def __init__(self) -> None:
        self.left = WORK_LEAST

    def spend(self, amount: int) -> None:
        """Count. Raises WorkExceededError where nothing is left."""
        self.left -= amount
        if self.left < 0:
            raise WorkExceededError


class Node:
    """An element: its local name, its children by name, its parent, and its text with that of everything below."""

    __slots__ = ("_source", "_text", "by_name", "child_count", "name", "parent", "work")

    def __init__(self, name: str, parent: Node | None, work: Work, source: etree._Element | None) -> None:
        self.name = name
        self.parent = parent
        self.work = work
        self.by_name: dict[str, list[Node]] = {}
        self.child_count = 0
        self._source = source
        self._text: str | None = None

    @property
    def text(self) -> str:
        """All the text within the element, joined."""
        if self._text is None:
            source = self._source
            if source is None:
                self._text = ""
            else:
                self._text = "".join(map(str, source.itertext())) if len(source) else source.text or ""
        return self._text

    def at(self, path: Path) -> Sequence[Node]:
        """The elements at a path from here, in the order of the message."""
        if not path.generations and path.single and not path.is_absolute:
            found: Sequence[Node] = self.by_name.get(path.single, ())
            self.work.spend(1 + len(found))
            return found
        return self._along(path)

    def first(self, path: Path) -> Node | None:
        """The first element at a path, if there is one."""
        found = self.at(path)
        return found[0] if found else None

    def _along(self, path: Path) -> list[Node]:
        start: Node | None = self
        if path.is_absolute:
            while start is not None and start.parent is not None:
                start = start.parent
        for _ in range(path.generations):
            start = start.parent if start is not None else None
        found = [start] if start is not None else []
        for name in path.names:
            found = [child for node in found for child in node.by_name.get(name, ())]
            self.work.spend(1 + len(found))
        return found


class Path:
    """A path of a rule: `.`, `A/B`, `../A`, or `/A/B` from above the root; prefixes are not looked at."""

    __slots__ = ("generations", "is_absolute", "names", "single")

    def __init__(self, source: str) -> None:
        self.is_absolute = source.startswith("/")
        steps = [] if source == "." else source.strip("/").split("/")
        self.generations = 0
        while steps and steps[0] == ".." and not self.is_absolute:
            self.generations += 1
            del steps[0]
        self.names = tuple(step.rpartition(":")[2] for step in steps if step)
        self.single = self.names[0] if len(self.names) == 1 else ""


def document(root: etree._Element) -> Node:
    """The node above the root element, from which absolute paths go down."""
    work = Work()
    top = Node("", None, work, None)
    pending: list[tuple[Node, etree._Element]] = [(_added(top, root), root)]
    count = 1
    while pending:
        node, element = pending.pop()
        for child in element:
            if isinstance(child.tag, str):
                count += 1
                inner = _added(node, child)
                if len(child):
                    pending.append((inner, child))
    work.left += count * WORK_PER_NODE
    return top


def _added(parent: Node, element: etree._Element) -> Node:
    tag = element.tag
    name = tag.rpartition("}")[2] if tag.startswith("{") else tag
    node = Node(name, parent, parent.work, element)
    parent.by_name.setdefault(name, []).append(node)
    parent.child_count += 1
    return node


def contexts(top: Node, names: Iterable[str]) -> list[tuple[str, Node]]:
    """Every element at an absolute path, with its place: `/A[1]/B[2]`."""
    found = [("", top)]
    for name in names:
        found = [
            (f"{place}/{name}[{position}]", child)
            for place, node in found
            for position, child in enumerate(node.by_name.get(name, ()), start=1)
        ]
    return found
