"""Looking at a record once: its columns read party by party, and the bits of what stands there collected."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from operator import attrgetter
from typing import Any

from tidewaiter.risk.rules.catalogue import Getter, Record, raw_getter
from tidewaiter.risk.rules.index import ColumnTable, Remembered

Reader = Callable[[Any], Any]


class Plan:
    """The columns of a declaration, or of a line, in the order in which they are read.

    Fields of one holder (the declaration, the consignee, its address …) are read together; where the holder is absent,
    all of them are missing. Terms that are worked out are read one by one. The tables know their conjunctions already.
    """

    def __init__(self, tables: Sequence[ColumnTable]) -> None:
        self._tables = tuple(tables)
        by_holder: dict[tuple[str, ...], list[ColumnTable]] = {}
        for table in tables:
            if table.column.path:
                by_holder.setdefault(table.column.path[:-1], []).append(table)
        self._others = [(table.column.read, table.values) for table in tables if not table.column.path]
        self._single: list[tuple[Getter, Reader, Remembered, int]] = []
        self._several: list[tuple[Getter, Reader, tuple[Remembered, ...], int]] = []
        for path, own in by_holder.items():
            holder = raw_getter(path) if len(path) > _NEAR else _near(path)
            missing = _collected(table.packed(None) for table in own)
            names = [table.column.path[-1] for table in own]
            values = tuple(table.raw_values for table in own)
            if len(names) == 1:
                self._single.append((holder, attrgetter(names[0]), values[0], missing))
            else:
                self._several.append((holder, attrgetter(*names), values, missing))

    def bits(self, record: Record, line: Any) -> int:
        """What a record, or one of its lines, sets: tests that hold, conjunctions that are refuted."""
        found = 0
        try:
            for holder, read, tables, missing in self._several:
                held = holder(record, line)
                if held is None:
                    found |= missing
                else:
                    for value, table in zip(read(held), tables, strict=False):
                        found |= table[value]
            for holder, read_one, one, missing in self._single:
                held = holder(record, line)
                found |= missing if held is None else one[read_one(held)]
            for read_term, one in self._others:
                found |= one[read_term(record, line)]
        except TypeError:  # a value that cannot be looked up, such as a number that is none: told apart one by one
            return self._slowly(record, line)
        return found

    def _slowly(self, record: Record, line: Any) -> int:
        found = 0
        for table in self._tables:
            found |= table.packed(table.column.read(record, line))
        return found


_NEAR = 2  # a holder one step from the root, such as the consignee


def _near(path: tuple[str, ...]) -> Getter:
    """How to read the root itself, or what stands one step from it."""
    if path == ("line",):
        return lambda _, line: line
    if path == ("declaration",):
        return lambda record, _: record.declaration
    if len(path) == _NEAR and path[0] == "declaration":
        read = attrgetter(f"declaration.{path[1]}")
        return lambda record, _: read(record)
    return raw_getter(path)


def _collected(packed: Iterable[int]) -> int:
    found = 0
    for each in packed:
        found |= each
    return found
