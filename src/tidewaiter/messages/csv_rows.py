"""Rows of cells into a declaration, along a plan worked out once for each header."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from datetime import date, datetime
from decimal import Decimal
from functools import lru_cache
from typing import Any

import msgspec
from msgspec import Struct

from tidewaiter.messages.characters import is_plain
from tidewaiter.messages.csv_columns import SEPARATOR, Column, nearest, own_name
from tidewaiter.messages.csv_split import Header, understood
from tidewaiter.messages.faults import Fault, fault
from tidewaiter.messages.pointers import Path, canonical
from tidewaiter.messages.shape import Kind, elements
from tidewaiter.messages.vocabulary import PLAIN, Vocabulary
from tidewaiter.model.declaration import Declaration, Extra, GoodsItem, MessageFunction
from tidewaiter.model.finding import Finding

ROW = "row"  # the path of the extra that remembers which rows a declaration came from

_WHOLE_NUMBER = re.compile(r"-?[0-9]{1,18}")
_DECIMAL = re.compile(r"-?[0-9]+(?:\.[0-9]+)?")
_DAY = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")


class Row(Struct, frozen=True, gc=False):
    """The cells of one row and its number in the table, the header being row 1."""

    row_no: int
    cells: list[str]


class Reader:
    """Reads rows under one header. `unknown` lists position, name and a note for each column without meaning."""

    def __init__(self, header: Header, vocabulary: Vocabulary = PLAIN) -> None:
        self.vocabulary = vocabulary
        named = [(at, each) for at, each in enumerate(header.columns) if each]
        self.header = header
        self.has_plain_names = is_plain("".join(header.names).encode())
        self.unknown = [
            (at, name, _note(name, vocabulary))
            for at, (name, each) in enumerate(zip(header.names, header.columns, strict=True))
            if each is None
        ]
        self._named = named
        self._whole = [at for at, each in named if not each.is_item]
        self._declaration = _Node(Declaration, [(each.path, at, each) for at, each in named if not each.is_item])
        self._item = _Node(GoodsItem, [(each.path, at, each) for at, each in named if each.is_item])

    def declaration(self, rows: list[Row]) -> Declaration:
        """The declaration in these rows. Raises ValueError where one of them cannot be read: ask `faults`."""
        first = rows[0].cells
        for row in rows[1:]:
            if any(row.cells[at] and row.cells[at] != first[at] for at in self._whole):
                raise ValueError("rows of one declaration contradict one another")
        values = self._declaration.values(first)
        items = self._items(rows)
        values["goods_items"] = tuple(item for _, item in items)
        row_nos = [row_no for row_no, _ in items] or [rows[0].row_no]
        values["extras"] = (*self._extras(rows), Extra(ROW, _as_text(row_nos)))
        return Declaration(**values)

    def _items(self, rows: list[Row]) -> list[tuple[int, GoodsItem]]:
        items: list[tuple[int, GoodsItem]] = []
        for row in rows:
            values = self._item.values(row.cells)
            if values:
                values.setdefault("line_no", len(items) + 1)
                items.append((row.row_no, GoodsItem(**values)))
        return items

    def _extras(self, rows: list[Row]) -> Iterator[Extra]:
        if self.unknown:
            for no, row in enumerate(rows, 1):
                for at, name, _ in self.unknown:
                    if row.cells[at]:
                        yield Extra(f"{name}[{no}]", row.cells[at])

    def faults(self, rows: list[Row]) -> list[Finding]:
        """Everything that keeps these rows from being a declaration, with row and column; empties those cells."""
        found: list[Finding] = []
        for no, row in enumerate(rows):
            for at, each in self._named:
                cell = row.cells[at]
                path = ("goods_items", no, *each.path) if each.is_item else each.path
                place = f"row {row.row_no}, column {self.header.names[at]}"
                if each.is_item or no == 0:
                    finding = _unreadable(each, path, cell, place)
                else:
                    finding = _conflict(path, cell, rows[0], at, place)
                if finding:
                    found.append(finding)
                    row.cells[at] = ""
            reported = {finding.pointer for finding in found}
            found += [each for each in self._incomplete(row, no) if each.pointer not in reported]
        return found

    def _incomplete(self, row: Row, no: int) -> list[Finding]:
        """Amounts without their currency, and whatever else a group cannot be without."""
        missing = [(path, True) for path in self._item.missing(row.cells)]
        if no == 0:
            missing += [(path, False) for path in self._declaration.missing(row.cells)]
        found = []
        for path, is_item in missing:
            pointer = canonical(("goods_items", no, *path) if is_item else path)
            name = own_name(path, self.vocabulary, is_item=is_item)
            words = f"{name} is empty or unreadable where the column beside it is filled"
            hint = "An amount needs both columns, .amount and .currency."
            found.append(fault(Fault.MISSING, pointer, words, hint=hint, place=f"row {row.row_no}, column {name}"))
            for at, each in self._named:
                if each.is_item is is_item and each.path[: len(path) - 1] == path[:-1]:
                    row.cells[at] = ""
        return found


@lru_cache(maxsize=64)
def reader_of(header_line: bytes, vocabulary: Vocabulary = PLAIN) -> Reader:
    """The reader for a header line, worked out once."""
    return Reader(understood(header_line, vocabulary), vocabulary)


class _Node:
    """How one record of the model is put together from cells; entries are path, cell and column."""

    def __init__(self, record: type[Struct], entries: list[tuple[Path, int, Column]]) -> None:
        self._record = record
        self._cells = [at for _, at, _ in entries]
        self._leaves: list[tuple[str, int, Callable[[str], Any] | None]] = []
        self._groups: list[tuple[str, _Node]] = []
        self._repeats: list[tuple[str, list[_Node]]] = []
        self._texts: list[tuple[str, list[int]]] = []
        for name in dict.fromkeys(str(path[0]) for path, _, _ in entries):
            self._plan(name, [entry for entry in entries if entry[0][0] == name])
        # A line number left out is counted.
        self._required = [e.name for e in elements(record).values() if e.is_required and e.name != "line_no"]

    def _plan(self, name: str, entries: list[tuple[Path, int, Column]]) -> None:
        element = elements(self._record)[name]
        for path, at, each in entries:
            if len(path) == 1:
                self._leaves.append((name, at, _split if each.is_joined else _CONVERTERS[element.kind]))
        deeper = [entry for entry in entries if len(entry[0]) > 1]
        if not deeper:
            return
        if element.group is None:
            self._texts.append((name, [at for _, at, _ in sorted(deeper, key=lambda entry: entry[0][1])]))
        elif element.is_list:
            count = 1 + max(int(path[1]) for path, _, _ in deeper)
            inner = [[(path[2:], at, each) for path, at, each in deeper if path[1] == no] for no in range(count)]
            self._repeats.append((name, [_Node(element.group, one) for one in inner]))
        else:
            inner_entries = [(path[1:], at, each) for path, at, each in deeper]
            self._groups.append((name, _Node(element.group, inner_entries)))

    def values(self, cells: list[str]) -> dict[str, Any]:
        """The values of the record by name; empty where all its cells are. Raises ValueError for an unreadable one."""
        values: dict[str, Any] = {}
        for name, at, convert in self._leaves:
            cell = cells[at]
            if cell:
                values[name] = convert(cell) if convert else cell
        for name, node in self._groups:
            record = node._built(cells)
            if record is not None:
                values[name] = record
        for name, nodes in self._repeats:
            found = node_list(nodes, cells)
            if found:
                values[name] = found
        for name, positions in self._texts:
            texts = tuple(cells[at] for at in positions if cells[at])
            if texts:
                values[name] = (*values.get(name, ()), *texts)
        return values

    def _built(self, cells: list[str]) -> Struct | None:
        values = self.values(cells)
        if not values:
            return None
        if not values.keys() >= set(self._required):
            raise ValueError("a group is incomplete")
        return self._record(**values)

    def missing(self, cells: list[str]) -> Iterator[Path]:
        """Paths of what must be there because its group has something filled, and is not."""
        if not any(cells[at] for at in self._cells):
            return
        filled = {name for name, at, _ in self._leaves if cells[at]}
        yield from ((name,) for name in self._required if name not in filled)
        for name, node in self._groups:
            yield from ((name, *path) for path in node.missing(cells))
        for name, nodes in self._repeats:
            for no, node in enumerate(nodes):
                yield from ((name, no, *path) for path in node.missing(cells))


def node_list(nodes: list[_Node], cells: list[str]) -> tuple[Struct, ...]:
    """The records of a group that repeats; an empty one only counts where a later one is filled."""
    built = [node._built(cells) for node in nodes]
    while built and built[-1] is None:
        built.pop()
    return tuple(nodes[0]._record() if one is None else one for one in built)


# --- single cells ------------------------------------------------------------------------------------------------


def _split(cell: str) -> tuple[str, ...]:
    return tuple(part.strip() for part in cell.split(SEPARATOR) if part.strip())


def _decimal(cell: str) -> Decimal:
    if not _DECIMAL.fullmatch(cell.strip()):
        raise ValueError("not a decimal number")
    return Decimal(cell.strip())


def _whole_number(cell: str) -> int:
    if not _WHOLE_NUMBER.fullmatch(cell.strip()):
        raise ValueError("not a whole number")
    return int(cell)


def _day(cell: str) -> date:
    if not _DAY.fullmatch(cell.strip()):
        raise ValueError("not a day")
    return date.fromisoformat(cell.strip())


def _moment(cell: str) -> datetime:
    return msgspec.convert(cell.strip(), datetime)


def _choice(cell: str) -> MessageFunction:
    return MessageFunction(cell.strip())


_CONVERTERS: dict[Kind, Callable[[str], Any] | None] = {
    Kind.TEXT: None,
    Kind.WHOLE_NUMBER: _whole_number,
    Kind.DECIMAL: _decimal,
    Kind.DAY: _day,
    Kind.MOMENT: _moment,
    Kind.CHOICE: _choice,
}
_FAULTS = {
    Kind.WHOLE_NUMBER: (Fault.NUMBER, "is not a whole number", "Digits only: 2."),
    Kind.DECIMAL: (
        Fault.NUMBER,
        "is not a decimal number",
        "Write 12.50: digits and a point, no comma, no thousands separator, no currency.",
    ),
    Kind.DAY: (Fault.DATE, "is not a day that exists, written year-month-day", "Write 2026-06-15."),
    Kind.MOMENT: (Fault.DATE, "is not a moment that exists", "Write 2026-06-15T10:00:00Z, with the time zone."),
    Kind.CHOICE: (Fault.CHOICE, "is not one of the values allowed", ""),
}


def _unreadable(each: Column, path: Path, cell: str, place: str) -> Finding | None:
    convert = _CONVERTERS[each.element.kind]
    if not cell or convert is None:
        return None
    try:
        convert(cell)
    except (ValueError, msgspec.ValidationError):
        code, words, hint = _FAULTS[each.element.kind]
        if each.element.choices:
            hint = f"Allowed are {', '.join(each.element.choices)}."
        return fault(code, canonical(path), f"“{cell[:60]}” {words}", value=cell, hint=hint, place=place)
    return None


def _conflict(path: Path, cell: str, first: Row, at: int, place: str) -> Finding | None:
    if not cell or cell == first.cells[at]:
        return None
    other = f"“{first.cells[at]}”" if first.cells[at] else "the empty cell"
    words = f"“{cell}” contradicts {other} in row {first.row_no} of the same declaration"
    hint = "Repeat the same value or leave the cell empty; or give the row a reference of its own."
    return fault(Fault.CONFLICT, canonical(path), words, value=cell, hint=hint, place=place)


def _note(name: str, vocabulary: Vocabulary) -> str:
    near = nearest(name, vocabulary)
    return f"kept, not interpreted; did you mean {near}?" if near else "kept, not interpreted"


def _as_text(row_nos: list[int]) -> str:
    """The rows of the goods items: the first where they follow one another, else all."""
    if row_nos[-1] - row_nos[0] == len(row_nos) - 1:
        return str(row_nos[0])
    return ",".join(map(str, row_nos))
