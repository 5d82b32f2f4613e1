"""Many records at once, with the tables of the same engine as arrays.

    batch = encode(engine, records)              columns as arrays; once for all rule sets that look at these columns
    outcome = evaluate_batch(engine, batch)      as fast as the machine reads them
    outcome.hits                                 (record, line or 0, rule) by place, the same as `engine.evaluate` gives

Texts are coded by the values that occur, numbers, days and moments as 64-bit integers that compare with every
threshold as the exact values do. The loops are compiled by Numba where it is installed (`pip install
tidewaiter[batch]`); NumPy alone gives the same at a third of the speed. There is no second meaning here: what a value
sets comes from `index.ColumnTable`.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import UTC, date, datetime, timedelta
from decimal import ROUND_FLOOR, Context, Decimal
from functools import cache
from typing import Any

import numpy as np
from msgspec import Struct
from numpy.typing import NDArray

from tidewaiter.model.errors import TidewaiterError
from tidewaiter.risk.rules.catalogue import Record, raw_getter
from tidewaiter.risk.rules.engine import WORD, Engine
from tidewaiter.risk.rules.index import ORDERED_ONES, ColumnTable, Remembered
from tidewaiter.risk.rules.looking import together

CHUNK = 16_384  # records whose bits are held at a time
_MISSING = np.iinfo(np.int64).min
_REACH = 1 << 62  # keys beyond are cut there: no threshold lies so far out
_GRID = 10**6
_WIDE = Context(prec=80, rounding=ROUND_FLOOR)
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)

Codes = NDArray[np.int32]
Keys = NDArray[np.int64]
Words = NDArray[np.uint64]


class ColumnNotEncodedError(TidewaiterError):
    """A batch was encoded for rules that do not look at a column these rules look at."""

    code = "risk.column_not_encoded"


class Encoded(Struct, frozen=True):
    """One column of a batch: `keys` of values with an order (missing is the least integer), else `codes` into `values`."""

    keys: Keys | None = None
    codes: Codes | None = None
    values: tuple[Any, ...] = ()


class Batch(Struct, frozen=True):
    """Records as arrays: `parents[i]` is the record of line i, `numbers[i]` the line's number within it, from 1."""

    count: int
    parents: NDArray[np.int64]
    numbers: NDArray[np.int64]
    columns: dict[str, Encoded]


class BatchOutcome(Struct, frozen=True):
    """What the rules say of a batch.

    `hits` is an array of rows (record, line number or 0, rule), each by place, in that order. `masks` and `line_masks`
    have a row of 64-bit words for each record and line: bit b of word w is test 64 w + b of the engine.
    """

    hits: NDArray[np.int64]
    masks: Words
    line_masks: Words


def encode(engine: Engine, records: Sequence[Record]) -> Batch:
    """The columns that an engine looks at, of records, as arrays."""
    wholes: list[tuple[Record, Any]] = [(record, None) for record in records]
    lines = [(record, line) for record in records for line in record.declaration.goods_items]
    counts = [len(record.declaration.goods_items) for record in records]
    parents = np.repeat(np.arange(len(records), dtype=np.int64), counts)
    starts = np.repeat(np.cumsum(counts, dtype=np.int64) - counts, counts) if counts else parents
    columns: dict[str, Encoded] = {}
    for rows, root, is_of_line in ((wholes, 0, False), (lines, 1, True)):
        tables = [table for table in engine.tables if table.column.is_of_line is is_of_line]
        fields = [table for table in tables if table.column.path]
        for table, values in zip(fields, _as_they_stand(fields, rows, root), strict=True):
            columns[table.column.key] = _encoded(table, values, table.column.normal)
        for table in tables:
            if not table.column.path:
                read = table.column.read
                columns[table.column.key] = _encoded(table, [read(*row) for row in rows], lambda value: value)
    return Batch(len(records), parents, np.arange(len(lines), dtype=np.int64) - starts + 1, columns)


def _as_they_stand(
    tables: Sequence[ColumnTable], rows: Sequence[tuple[Record, Any]], root: int
) -> Sequence[Sequence[Any]]:
    """What stands in fields, column by column: read at once where every party is there, one by one where one is not."""
    if not tables or not rows:
        return [()] * len(tables)
    read_all = together([".".join(table.column.path[root:]) for table in tables])
    singly = [raw_getter(table.column.path) for table in tables]
    found = []
    for record, line in rows:
        try:
            found.append(read_all(line or record))
        except AttributeError:
            found.append(tuple(read(record, line) for read in singly))
    return list(zip(*found, strict=False))[: len(tables)]


def _encoded(table: ColumnTable, values: Sequence[Any], normal: Callable[[Any], Any]) -> Encoded:
    is_ordered = table.column.kind in ORDERED_ONES
    try:
        return _keys(values, normal) if is_ordered else _codes(values, normal)
    except TypeError:  # a number that is none, and cannot be looked up
        plain = [normal(value) for value in values]
        return _keys(plain, lambda value: value) if is_ordered else _codes(plain, lambda value: value)


def _keys(values: Sequence[Any], normal: Callable[[Any], Any]) -> Encoded:
    keys = Remembered(lambda value: _key(normal(value)))
    return Encoded(keys=np.fromiter(map(keys.__getitem__, values), dtype=np.int64, count=len(values)))


def _codes(values: Sequence[Any], normal: Callable[[Any], Any]) -> Encoded:
    places: dict[Any, int] = {}
    codes = np.fromiter((places.setdefault(value, len(places)) for value in values), dtype=np.int32, count=len(values))
    return Encoded(codes=codes, values=tuple(map(normal, places)))


def evaluate_batch(engine: Engine, batch: Batch) -> BatchOutcome:
    """What an engine says of a batch: for every record and line the same as `Engine.evaluate`."""
    held = -(-engine.shift // WORD)
    masks = np.zeros((batch.count, held), dtype=np.uint64)
    line_masks = np.zeros((len(batch.parents), held), dtype=np.uint64)
    whole = _laid_out(engine, batch, is_of_line=False)
    lines = _laid_out(engine, batch, is_of_line=True)
    alive = _words(engine.whole_alive >> engine.shift, engine.width - held)
    line_alive = _words(engine.line_alive >> engine.shift, engine.width - held)
    found = [np.zeros((0, 3), dtype=np.int64)]
    for start in range(0, batch.count, CHUNK):
        end = min(start + CHUNK, batch.count)
        first, last = np.searchsorted(batch.parents, (start, end))
        bits = whole.collected(np.zeros((end - start, engine.width), dtype=np.uint64), start)
        masks[start:end] = bits[:, :held]
        records = np.arange(start, end)
        found.append(_hits(engine, alive & ~bits[:, held:], records, np.zeros(len(records), dtype=np.int64)))
        bits = lines.collected(bits[batch.parents[first:last] - start], int(first))
        line_masks[first:last] = bits[:, :held]
        of_lines = _hits(engine, line_alive & ~bits[:, held:], batch.parents[first:last], batch.numbers[first:last])
        found.append(of_lines)
    return BatchOutcome(_in_order(np.concatenate(found)), masks, line_masks)


def _in_order(hits: NDArray[np.int64]) -> NDArray[np.int64]:
    """Each hit once, by record, line and rule."""
    if not len(hits):
        return hits
    lines, rules = hits[:, 1].max() + 1, hits[:, 2].max() + 1
    keys = np.sort((hits[:, 0] * lines + hits[:, 1]) * rules + hits[:, 2])
    is_new = np.concatenate([[True], keys[1:] != keys[:-1]])
    above, rule = np.divmod(keys[is_new], rules)
    record, line = np.divmod(above, lines)
    return np.stack([record, line, rule], axis=1)


def mask_of(words: Words) -> int:
    """A row of words as the integer that `Engine.evaluate` gives."""
    return int.from_bytes(words.astype("<u8").tobytes(), "little")


class _LaidOut(Struct, frozen=True):
    """Columns side by side: the table of all their classes, and which of its rows each row of the batch takes."""

    rows: Words
    places: Codes

    def collected(self, bits: Words, start: int) -> Words:
        """`bits` with those of all columns, of the rows of the batch from `start`."""
        if len(self.places) and len(bits):
            _kernels()[1](self.rows, self.places[:, start : start + len(bits)], bits)
        return bits


def _laid_out(engine: Engine, batch: Batch, *, is_of_line: bool) -> _LaidOut:
    tables = [table for table in engine.tables if table.column.is_of_line is is_of_line]
    count = len(batch.parents) if is_of_line else batch.count
    rows: list[Words] = []
    places = np.empty((len(tables), count), dtype=np.int32)
    offset = 0
    for number, table in enumerate(tables):
        classes, own = _classes(engine, table, batch)
        np.add(classes, np.int32(offset), out=places[number])
        rows.append(own)
        offset += len(own)
    return _LaidOut(np.concatenate(rows) if rows else np.zeros((0, engine.width), dtype=np.uint64), places)


def _classes(engine: Engine, table: ColumnTable, batch: Batch) -> tuple[Codes, Words]:
    """Which row of the column's own table each row of the batch takes, and that table: held words, refuted words."""
    encoded = batch.columns.get(table.column.key)
    if encoded is None:
        raise ColumnNotEncodedError(f"the batch has no column {table.column.key}", hint="encode it with these rules")
    if encoded.keys is not None:
        bits = [table.packed_of(held) for held in [*table.held_by_class(), table.held(None)]]
        thresholds = np.array([_key(value) for value in table.thresholds], dtype=np.int64)
        return _kernels()[0](encoded.keys, thresholds), _rows(engine, bits)
    assert encoded.codes is not None
    values = table.values
    by_value = [values[value] for value in encoded.values]
    kinds: dict[int, int] = {}
    class_of = np.fromiter((kinds.setdefault(bits, len(kinds)) for bits in by_value), dtype=np.int32)
    return class_of[encoded.codes], _rows(engine, list(kinds))


def _rows(engine: Engine, packed: Sequence[int]) -> Words:
    held = -(-engine.shift // WORD)
    refuted = -(-len(engine.conjunctions) // WORD)
    low = (1 << engine.shift) - 1
    return np.array(
        [np.concatenate([_words(each & low, held), _words(each >> engine.shift, refuted)]) for each in packed],
        dtype=np.uint64,
    ).reshape(len(packed), held + refuted)


def _words(bits: int, count: int) -> Words:
    return np.frombuffer(bits.to_bytes(count * 8, "little"), dtype="<u8").astype(np.uint64)


def _hits(engine: Engine, alive: Words, records: NDArray[np.int64], lines: NDArray[np.int64]) -> NDArray[np.int64]:
    """Rows (record, line, rule) of the conjunctions that hold, bit by bit of each word."""
    rows, words = np.nonzero(alive)
    bits = alive[rows, words]
    of_conjunction = [each.rules for each in engine.conjunctions]
    found = [np.zeros((0, 3), dtype=np.int64)]
    while len(rows):
        low = bits & (~bits + np.uint64(1))
        conjunctions = words * WORD + np.bitwise_count(low - np.uint64(1))
        held = [of_conjunction[number] for number in conjunctions.tolist()]
        counts = [len(rules) for rules in held]
        rules = np.fromiter((rule for each in held for rule in each), dtype=np.int64)
        found.append(np.stack([np.repeat(records[rows], counts), np.repeat(lines[rows], counts), rules], axis=1))
        bits = bits ^ low
        left = bits != 0
        rows, words, bits = rows[left], words[left], bits[left]
    return np.concatenate(found)


def _key(value: Decimal | int | date | datetime | None) -> int:
    """An integer that stands to those of thresholds as the value does to them: even where it is one they could equal."""
    if value is None:
        return int(_MISSING)
    if isinstance(value, datetime):
        return (value - _EPOCH) // timedelta(microseconds=1) * 2
    if isinstance(value, date):
        return value.toordinal() * 2
    if isinstance(value, int):
        key = value * _GRID * 2
    else:
        scaled = _WIDE.scaleb(value, 6)
        whole = int(scaled)
        key = whole * 2
        if scaled != whole:  # more decimals than thresholds have: between two even integers
            key = int(scaled.to_integral_value(context=_WIDE)) * 2 + 1
    return max(-_REACH, min(_REACH, key))


Classify = Callable[[Keys, Keys], Codes]
Collect = Callable[[Words, Codes, Words], None]


def is_compiled() -> bool:
    """Whether the loops are compiled here, that is whether Numba is installed."""
    return _kernels()[0] is not _classify_by_numpy


@cache
def _kernels() -> tuple[Classify, Collect]:
    try:
        import numba
    except ImportError:
        return _classify_by_numpy, _collect_by_numpy
    jit = numba.njit(nogil=True)
    return jit(_classify), jit(_collect)


def _classify_by_numpy(keys: Keys, thresholds: Keys) -> Codes:
    place = np.searchsorted(thresholds, keys, side="right")
    is_equal = np.zeros(len(keys), dtype=bool)
    if len(thresholds):
        is_equal = (place > 0) & (thresholds[np.maximum(place - 1, 0)] == keys)
    classes = 2 * place - is_equal
    classes[keys == _MISSING] = 2 * len(thresholds) + 1
    return classes.astype(np.int32)


def _collect_by_numpy(rows: Words, places: Codes, bits: Words) -> None:
    for column in places:
        bits |= rows[column]


def _classify(keys: Keys, thresholds: Keys) -> Codes:
    found = np.empty(len(keys), dtype=np.int32)
    for i in range(len(keys)):
        key = keys[i]
        low, high = 0, len(thresholds)
        while low < high:
            middle = (low + high) >> 1
            if key < thresholds[middle]:
                high = middle
            else:
                low = middle + 1
        if key == _MISSING:
            found[i] = 2 * len(thresholds) + 1
        elif low > 0 and thresholds[low - 1] == key:
            found[i] = 2 * low - 1
        else:
            found[i] = 2 * low
    return found


def _collect(rows: Words, places: Codes, bits: Words) -> None:
    width = bits.shape[1]
    for i in range(bits.shape[0]):
        for c in range(places.shape[0]):
            row = places[c, i]
            for w in range(width):
                bits[i, w] |= rows[row, w]
