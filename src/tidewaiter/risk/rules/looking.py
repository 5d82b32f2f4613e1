"""Looking at a record once: its columns read party by party, and the bits of what stands there collected."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from operator import attrgetter
from typing import Any

from tidewaiter.risk.rules.catalogue import EXPECTED, Record
from tidewaiter.risk.rules.index import ColumnTable, Remembered

Reader = Callable[[Any], tuple[Any, ...]]
Group = tuple[Reader, tuple[Remembered, ...], tuple[ColumnTable, ...], int]
Given = tuple[str, tuple[type, ...], Remembered, int]


class Plan:
    """The columns of a declaration, or of a line, and how they are read.

    All fields are read at once where every party they belong to is there. Where one is absent they are read party by
    party, and all fields of the absent one are missing. Features and scores are looked up by name; terms that are worked
    out are read one by one.
    """

    def __init__(self, tables: Sequence[ColumnTable], *, of_lines: bool) -> None:
        fields = [table for table in tables if table.column.path]
        root = 1 if of_lines else 0  # a line's fields are read from the line, the others from the record
        self._tables = tuple(tables)
        self._read = together([".".join(table.column.path[root:]) for table in fields])
        self._values = tuple(table.raw_values for table in fields)
        by_holder: dict[tuple[str, ...], list[ColumnTable]] = {}
        for table in fields:
            by_holder.setdefault(_holder(table.column.path), []).append(table)
        self._groups = [(_reader(path[root:]), _group(path, own)) for path, own in by_holder.items()]
        self._features = [_given(table) for table in tables if table.column.external[:1] == ("feature",)]
        self._scores = [_given(table) for table in tables if table.column.external[:1] == ("score",)]
        self._others = [
            (table.column.read, table.values) for table in tables if not table.column.path and not table.column.external
        ]

    def bits(self, record: Record, line: Any) -> int:
        """What a record, or one of its lines, sets: tests that hold, conjunctions that are refuted."""
        found = 0
        try:
            try:
                for value, table in zip(self._read(line or record), self._values, strict=False):
                    found |= table[value]
            except AttributeError:  # a party is absent
                found = self._by_holder(record, line)
            for name, expected, table, missing in self._features:
                value = record.features.get(name)
                found |= table[value] if value.__class__ in expected else missing
            for name, expected, table, missing in self._scores:
                value = record.scores.get(name)
                found |= table[value] if value.__class__ in expected else missing
            for read_term, table in self._others:
                found |= table[read_term(record, line)]
        except TypeError:  # a value that cannot be looked up, such as a number that is none: told apart one by one
            return _one_by_one(self._tables, record, line)
        return found

    def _by_holder(self, record: Record, line: Any) -> int:
        found = 0
        for read_holder, (read, tables, own, missing) in self._groups:
            holder = read_holder(line or record)
            if holder is None:
                found |= missing
                continue
            try:
                for value, table in zip(read(holder), tables, strict=False):
                    found |= table[value]
            except AttributeError:  # a part of the party is absent, such as its address
                found |= _one_by_one(own, record, line)
        return found


def _holder(path: tuple[str, ...]) -> tuple[str, ...]:
    """What a field is read from: the root, or what stands one step from it."""
    return path[:2] if len(path) > len(("root", "party")) and path[0] != "assessment" else path[:1]


def _reader(steps: tuple[str, ...]) -> Callable[[Any], Any]:
    return attrgetter(".".join(steps)) if steps else lambda root: root


def together(names: Sequence[str]) -> Reader:
    """Reads several attributes at once, as a tuple even where it is one or none."""
    return attrgetter(*names, names[0]) if names else lambda _: ()


def _group(path: tuple[str, ...], own: Sequence[ColumnTable]) -> Group:
    names = [".".join(table.column.path[len(path) :]) for table in own]
    missing = _collected(table.packed(None) for table in own)
    return together(names), tuple(table.raw_values for table in own), tuple(own), missing


def _given(table: ColumnTable) -> Given:
    _, name = table.column.external
    return name, EXPECTED[table.column.kind], table.raw_values, table.packed(None)


def _one_by_one(tables: Iterable[ColumnTable], record: Record, line: Any) -> int:
    return _collected(table.packed(table.column.read(record, line)) for table in tables)


def _collected(packed: Iterable[int]) -> int:
    found = 0
    for each in packed:
        found |= each
    return found
