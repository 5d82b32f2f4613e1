"""Looking at a record once: its columns read party by party, and the bits of what stands there collected."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from operator import attrgetter
from typing import Any, NamedTuple

from tidewaiter.risk.rules.catalogue import EXPECTED, Record
from tidewaiter.risk.rules.index import ColumnTable, Remembered

Reader = Callable[[Any], tuple[Any, ...]]
Given = tuple[str, tuple[type, ...], Remembered, int]


SHAPES_MAX = 256  # of records that are read in one go


class _Shape(NamedTuple):
    """How all fields are read at once from records in which just these holders (parties, their addresses) are absent.

    For an absent holder its own place is read: a table of no other value than None says what its fields then set.
    """

    read: Reader
    tables: tuple[Mapping[Any, int], ...]


class Plan:
    """The columns of a declaration, or of a line, and how they are read.

    All fields are read at once, in the shape that the record before had; one of another shape is looked at party by
    party. Features and scores are looked up by name; terms that are worked out are read one by one.
    """

    def __init__(self, tables: Sequence[ColumnTable], *, of_lines: bool) -> None:
        self._root = 1 if of_lines else 0  # a line's fields are read from the line, the others from the record
        self._tables = tuple(tables)
        self._fields = [(table.column.path[self._root :], table) for table in tables if table.column.path]
        holders = {path[:depth] for path, _ in self._fields for depth in range(1, len(path))}
        self._holders = sorted(holders, key=lambda path: (len(path), path))
        self._shapes: dict[frozenset[tuple[str, ...]], _Shape] = {}
        self._shape = self._shape_without(frozenset())
        self._features = [_given(table) for table in tables if table.column.external[:1] == ("feature",)]
        self._scores = [_given(table) for table in tables if table.column.external[:1] == ("score",)]
        self._others = [
            (table.column.read, table.values) for table in tables if not table.column.path and not table.column.external
        ]

    def bits(self, record: Record, line: Any) -> int:
        """What a record, or one of its lines, sets: tests that hold, conjunctions that are refuted."""
        root = line or record
        try:
            try:
                found = _read_by(self._shape, root)
            except (AttributeError, KeyError):  # it is of another shape than the one before
                self._shape = shape = self._shape_of(root)
                found = _read_by(shape, root)
            for name, expected, table, missing in self._features:
                value = record.features.get(name)
                found |= table[value] if value.__class__ in expected else missing
            for name, expected, table, missing in self._scores:
                value = record.scores.get(name)
                found |= table[value] if value.__class__ in expected else missing
            for read_term, table in self._others:
                found |= table[read_term(record, line)]
        except TypeError:  # a value that cannot be looked up, such as a number that is none: told apart one by one
            return _collected(table.packed(table.column.read(record, line)) for table in self._tables)
        return found

    def _shape_of(self, root: Any) -> _Shape:
        absent: set[tuple[str, ...]] = set()
        for path in self._holders:
            if (path[:-1] not in absent and attrgetter(".".join(path))(root) is None) or path[:-1] in absent:
                absent.add(path)
        return self._shape_without(frozenset(absent))

    def _shape_without(self, absent: frozenset[tuple[str, ...]]) -> _Shape:
        found = self._shapes.get(absent)
        if found is None:
            nearest = [path for path in self._holders if path in absent and path[:-1] not in absent]
            present = [(path, table) for path, table in self._fields if path[:-1] not in absent]
            missing = [
                {None: _collected(table.packed(None) for path, table in self._fields if path[: len(away)] == away)}
                for away in nearest
            ]
            names = [".".join(path) for path in (*(path for path, _ in present), *nearest)]
            found = _Shape(together(names), (*(table.raw_values for _, table in present), *missing))
            if len(self._shapes) >= SHAPES_MAX:
                self._shapes.clear()
            self._shapes[absent] = found
        return found


def _read_by(shape: _Shape, root: Any) -> int:
    found = 0
    for value, table in zip(shape.read(root), shape.tables, strict=False):
        found |= table[value]
    return found


def together(names: Sequence[str]) -> Reader:
    """Reads several attributes at once, as a tuple even where it is one or none."""
    return attrgetter(*names, names[0]) if names else lambda _: ()


def _given(table: ColumnTable) -> Given:
    _, name = table.column.external
    return name, EXPECTED[table.column.kind], table.raw_values, table.packed(None)


def _collected(packed: Iterable[int]) -> int:
    found = 0
    for each in packed:
        found |= each
    return found
