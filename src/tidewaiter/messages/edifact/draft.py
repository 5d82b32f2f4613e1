"""A declaration as the segments of a message fill it: what each leads to by the table, and where it was said."""

from __future__ import annotations

import itertools
import tomllib
from collections.abc import Mapping
from functools import cache
from importlib import resources
from typing import Any

from tidewaiter.messages.faults import Fault
from tidewaiter.messages.pointers import Path, canonical, steps


@cache
def table() -> dict[str, Any]:
    """The mapping table, as it stands in the file."""
    text = resources.files("tidewaiter.data").joinpath("messages/edifact/d00a.toml").read_text(encoding="utf-8")
    return tomllib.loads(text)


class Unsaid(Exception):
    """A segment that the table has no meaning for."""


class Wrong(Exception):
    """A value of a segment that cannot be what it should be."""

    def __init__(self, code: Fault, element: str, words: str, value: str = "", hint: str = "") -> None:
        super().__init__(words)
        self.code, self.element, self.words, self.value, self.hint = code, element, words, value, hint


class Draft:
    """What has been said so far. `opened` are the segments that began, or went on with, the goods item at hand."""

    def __init__(self) -> None:
        self.tree: dict[str, Any] = {}
        self.items: list[dict[str, Any]] = []
        self.opened: set[str] = set()
        self.is_in_detail = True
        self.has_consignments = False
        self.party: tuple[dict[str, Any], Path] | None = None  # of the NAD just before, and where it stands
        self.currency = ""
        self.meant: Path = ()  # where the segment at hand leads, as far as that is known

    def pass_section(self, section: str) -> None:
        """UNS: the detail section begins (D), or ends (S)."""
        self.is_in_detail = section == "D"
        if not self.is_in_detail:
            self.opened.clear()

    def begin_item(self, name: str) -> None:
        """Begins a goods item where a segment of that name does."""
        order: list[str] = table()["item_segments"]
        if name == "CNI":
            self.opened.clear()
        if name not in order or not self.is_in_detail:
            return
        if not self.opened or any(order.index(name) <= order.index(other) for other in self.opened):
            self.new_item()
        self.opened.add(name)

    def new_item(self) -> None:
        """Begins a further goods item, whatever asks for it."""
        self.opened.clear()
        self.items.append({"line_no": len(self.items) + 1})

    @property
    def item(self) -> dict[str, Any] | None:
        """The goods item at hand; None before the first and after the detail section."""
        return self.items[-1] if self.opened else None

    @property
    def within(self) -> Path:
        """The path of the goods item at hand, () for the whole."""
        return () if self.item is None else ("goods_items", len(self.items) - 1)

    def _level(self) -> str:
        return "whole" if self.item is None else "item"

    def meaning(self, part: str, qualifier: str) -> Path:
        """The path that a qualifier leads to, in the item or the whole. Raises Unsaid."""
        known: dict[str, dict[str, str]] = table()[part]
        path = known.get(self._level(), {}).get(qualifier)
        if path is None:
            raise Unsaid
        self.meant = (*self.within, *steps(path))
        return self.meant

    def put(self, path: Path, value: Any) -> Path:
        """Puts a value at its place. Raises Unsaid where another stands there already."""
        holder: Any = self.tree
        if path[0] == "goods_items":
            holder, own = self.items[int(path[1])], path[2:]
        else:
            own = path
        for step, following in itertools.pairwise(own):
            if isinstance(step, int):
                while len(holder) <= step:
                    holder.append({})
                holder = holder[step]
            else:
                holder = holder.setdefault(step, [] if isinstance(following, int) else {})
        name = own[-1]
        if holder.setdefault(name, value) != value:
            raise Unsaid
        return path


def place_of(told: Mapping[str, str], pointer: str) -> str:
    """The segment that said what a pointer leads to, else the group it is in, at last the whole consignment."""
    path = steps(pointer)
    while path and canonical(path) not in told:
        path = path[:-1]
    return told.get(canonical(path), "")
