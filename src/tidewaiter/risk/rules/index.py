"""The predicate index: for each column a table from values to bits, shared by single records and batches.

Bits are of two kinds in one integer. The lower ones are tests that hold ("held"); the upper ones conjunctions that the
value refutes. Both are collected with `|` over the columns: a conjunction whose bit is not set at the end holds, and
the lower bits are its explanation.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any

from tidewaiter.model.words import PhraseIndex, words_of
from tidewaiter.risk.rules.checking import compiled
from tidewaiter.risk.rules.meaning import matched, phrases_of
from tidewaiter.risk.rules.normal import Column, Test, write_test
from tidewaiter.risk.rules.syntax import Kind

ORDERED_ONES = frozenset((Kind.NUMBER, Kind.DATE, Kind.MOMENT))  # kinds whose columns have thresholds
SAMPLES_MAX = 8  # texts of one list that an explanation tries
REMEMBERED_MAX = 16_384  # values of one column whose bits are kept at hand


class ColumnTable:
    """One column: its tests in the order of their bits, and what a value sets.

    The first bit is that there is a value at all. `needs` are the bits of the column that each conjunction asks for,
    by the conjunction's bit; they come once all conjunctions are known. `values` and `raw_values` are `packed` of
    values and of what stands in a field, with those asked for last remembered.
    """

    def __init__(self, column: Column, tests: Iterable[Test], first_bit: int) -> None:
        present = Test(column, "has")
        self.column = column
        self.tests = (present, *sorted(set(tests) - {present}, key=_order))
        self.bits = {test: 1 << first_bit + place for place, test in enumerate(self.tests)}
        self.mask = sum(self.bits.values())
        self.thresholds = _thresholds(self.tests) if column.kind in ORDERED_ONES else []
        self.needs: list[tuple[int, int]] = []
        self._packed: dict[int, int] = {}
        self._negative = sum(bit for test, bit in self.bits.items() if not test.is_positive and test.name != "has")
        self._present, self._absent = self.bits[present], self.bits.get(Test(column, "has", None, False), 0)
        self._classes = _classes(self.tests, self.bits, self.thresholds) if column.kind in ORDERED_ONES else []
        self._hits = _hits(column.kind, self.tests, self.bits, (self.thresholds, self._classes))
        self.values = Remembered(self.packed)
        self.raw_values = Remembered(self._packed_of_raw)

    def held(self, value: Any) -> int:
        """The bits of the tests that hold for a value."""
        if value is None:
            return self._absent
        return (self._hits(value) ^ self._negative) | (self._absent if value == () else self._present)

    def held_by_class(self) -> list[int]:
        """The bits of a column of order: below the first threshold, at it, between it and the next, … above the last."""
        return [(hits ^ self._negative) | self._present for hits in self._classes]

    def packed(self, value: Any) -> int:
        """The tests that hold and the conjunctions that are refuted."""
        return self.packed_of(self.held(value))

    def _packed_of_raw(self, value: Any) -> int:
        return self.packed(self.column.normal(value))

    def packed_of(self, held: int) -> int:
        """The same of bits that hold already; one integer for all values that hold alike."""
        found = self._packed.get(held)
        if found is None:
            refuted = 0
            for need, conjunctions in self.needs:
                if need & held != need:
                    refuted |= conjunctions
            if len(self._packed) >= REMEMBERED_MAX:
                self._packed.clear()
            found = self._packed[held] = held | refuted
        return found

    def others(self, held: int) -> Iterator[tuple[str, int]]:
        """Other values that the column could have, in words, with the bits each would set; one for each set of bits.

        Of order, truth and equality these are all there are. Of words, parts and patterns they are the texts that
        rules look for, and what `held` would be with one test more or less, as if nothing else followed from it.
        """
        seen = {held}
        for words, bits in self._samples(held):
            if bits not in seen:
                seen.add(bits)
                yield words, bits

    def _samples(self, held: int) -> Iterator[tuple[str, int]]:
        yield "missing", self.held(() if self.column.kind is Kind.LIST else None)
        if self.column.kind in ORDERED_ONES:
            yield from zip(_classes_told(self.thresholds), self.held_by_class(), strict=True)
        elif self.column.kind is Kind.TRUTH:
            yield from ((str(value).lower(), self.held(value)) for value in (True, False))
        elif self.column.kind is Kind.TEXT:
            yield "another text", self._negative | self._present
            for test in self.tests:
                if isinstance(test.operand, frozenset) and test.name != "matches":
                    yield from ((f'"{text}"', self.held(text)) for text in sorted(test.operand)[:SAMPLES_MAX])
        for test in self.tests:
            if test.name in _WITHIN and held & self._present:
                words = (
                    write_test(test)
                    if not held & self.bits[test]
                    else write_test(replace(test, is_positive=not test.is_positive))
                )
                yield f"such that {words}", held ^ self.bits[test]


class Remembered(dict[Any, int]):
    """Value → bits, worked out when first asked for; forgotten all at once when there are too many."""

    __slots__ = ("_work_out",)

    def __init__(self, work_out: Callable[[Any], int]) -> None:
        super().__init__()
        self._work_out = work_out

    def __missing__(self, value: Any) -> int:
        if len(self) >= REMEMBERED_MAX:
            self.clear()
        found = self[value] = self._work_out(value)
        return found


_WITHIN = frozenset(("contains", "matches", "hasWords", "hasAnyWords", "overlaps"))  # what a part of a value passes
_SIGNS = frozenset(("<", "<=", ">", ">="))


def _order(test: Test) -> tuple[str, str, bool]:
    operand = test.operand
    told = repr(sorted(operand)) if isinstance(operand, frozenset) else repr(operand)
    return (test.name, told, test.is_positive)


def _thresholds(tests: Sequence[Test]) -> list[Any]:
    found: set[Any] = set()
    for test in tests:
        if test.name in _SIGNS:
            found.add(test.operand)
        elif isinstance(test.operand, frozenset):
            found |= test.operand
    return sorted(found)


def _hits(
    kind: Kind, tests: Sequence[Test], bits: Mapping[Test, int], order: tuple[list[Any], list[int]]
) -> Callable[[Any], int]:
    """A function of a value that is there: the bits of the tests that pass, whether they are positive or not."""
    tested = [test for test in tests if test.name != "has"]
    if kind in ORDERED_ONES:
        return _ordered(*order)
    if kind is Kind.TEXT:
        return _textual(tested, bits)
    if kind is Kind.LIST:
        members = _by_member(tested, bits)
        return lambda value: _gathered(members, value)
    of_truth = sum(bits[test] for test in tested)
    return lambda value: of_truth if value is True else 0


def _classes(tests: Sequence[Test], bits: Mapping[Test, int], thresholds: Sequence[Any]) -> list[int]:
    """Thresholds t0 < t1 … part the values into: below t0, t0, between t0 and t1, t1, … : 2 n + 1 classes."""
    classes = []
    for number in range(2 * len(thresholds) + 1):
        place, is_equal = divmod(number, 2)
        passed = 0
        for test in tests:
            if test.name != "has" and _passes(test, thresholds, place, is_equal=bool(is_equal)):
                passed |= bits[test]
        classes.append(passed)
    return classes


def _ordered(thresholds: list[Any], classes: list[int]) -> Callable[[Any], int]:
    def hits(value: Any) -> int:
        place = bisect_right(thresholds, value)
        if place and thresholds[place - 1] == value:
            return classes[2 * place - 1]
        return classes[2 * place]

    return hits


def _classes_told(thresholds: Sequence[Any]) -> Iterator[str]:
    """Each class of order in words."""
    for place, threshold in enumerate(thresholds):
        before = f"above {thresholds[place - 1]} and " if place else ""
        yield f"{before}below {threshold}"
        yield str(threshold)
    yield f"above {thresholds[-1]}" if thresholds else "any value"


def _passes(test: Test, thresholds: Sequence[Any], place: int, *, is_equal: bool) -> bool:
    """Whether values pass that are equal to the threshold at `place`, or lie between it and the one before."""
    if test.name not in _SIGNS:
        return is_equal and isinstance(test.operand, frozenset) and thresholds[place] in test.operand
    own: Any = test.operand
    if is_equal and thresholds[place] == own:
        return test.name in ("<=", ">=")
    is_below = place < len(thresholds) and thresholds[place] <= own
    return test.name.startswith("<") is is_below


def _textual(tests: Sequence[Test], bits: Mapping[Test, int]) -> Callable[[Any], int]:
    exact = _by_member([test for test in tests if test.name == "among"], bits)
    begins = [test for test in tests if test.name.startswith("startsWith")]
    prefixes = _by_member(begins, bits)
    lengths = sorted({len(prefix) for prefix in prefixes})
    inside = [(_text(test), bits[test]) for test in tests if test.name == "contains"]
    endings = _by_member([test for test in tests if test.name == "endsWith"], bits)
    patterns = [(compiled(_text(test)), bits[test]) for test in tests if test.name == "matches"]
    phrases = [
        (phrase, bits[test])
        for test in tests
        if "Word" in test.name
        for phrase in phrases_of(test.operand or ())  # type: ignore[arg-type]
    ]
    index = PhraseIndex(phrases)

    def hits(value: str) -> int:
        found = exact.get(value, 0)
        for length in lengths:
            found |= prefixes.get(value[:length], 0)
        for text, bit in inside:
            if text in value:
                found |= bit
        for text, bit in endings.items():
            if value.endswith(text):
                found |= bit
        for pattern, bit in patterns:
            if matched(pattern, value):
                found |= bit
        if phrases:
            for bit in index.found(words_of(value)):
                found |= bit
        return found

    return hits


def _text(test: Test) -> str:
    assert isinstance(test.operand, frozenset)
    (text,) = test.operand
    return str(text)


def _by_member(tests: Iterable[Test], bits: Mapping[Test, int]) -> dict[str, int]:
    found: dict[str, int] = {}
    for test in tests:
        assert isinstance(test.operand, frozenset)
        for member in test.operand:
            found[member] = found.get(member, 0) | bits[test]
    return found


def _gathered(members: Mapping[str, int], value: Iterable[str]) -> int:
    found = 0
    for each in value:
        found |= members.get(each, 0)
    return found
