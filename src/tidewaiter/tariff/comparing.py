"""Two editions of a tariff compared: which lines and measures came, went, ended or changed."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from enum import StrEnum
from typing import TypeVar

from msgspec import Struct
from msgspec.structs import replace

from tidewaiter.tariff.kinds import title_of
from tidewaiter.tariff.records import Line, Measure, days
from tidewaiter.tariff.tariff import Tariff

Record = TypeVar("Record", Line, Measure)


class Change(StrEnum):
    """What became of a record."""

    ADDED = "added"
    GONE = "gone"
    ENDED = "ended"
    CHANGED = "changed"


class Difference(Struct, frozen=True):
    """One line or measure that is not the same in both; `before` and `after` in words, "" where there is none."""

    what: str
    change: Change
    code: str
    name: str
    before: str
    after: str


def differences(before: Tariff, after: Tariff) -> Iterator[Difference]:
    """Every difference, lines first, in the order of codes."""
    yield from _compared("line", before.held.lines, after.held.lines, _line_key, _line_words)
    yield from _compared("measure", before.held.measures, after.held.measures, _measure_key, _measure_words)


def _compared(
    what: str,
    before: Sequence[Record],
    after: Sequence[Record],
    key: Callable[[Record], tuple[str, ...]],
    words: Callable[[Record], str],
) -> Iterator[Difference]:
    old, new = _grouped(before, key), _grouped(after, key)
    for each in sorted(old.keys() | new.keys()):
        had, has = old.get(each, ()), new.get(each, ())
        if had == has:
            continue
        code, name = each[0], " ".join(filter(None, each[1:]))
        change = Change.ADDED if not had else Change.GONE if not has else _change(had, has)
        yield Difference(what, change, code, name, "; ".join(map(words, had)), "; ".join(map(words, has)))


def _change(had: tuple[Record, ...], has: tuple[Record, ...]) -> Change:
    """Ended, where nothing but last days were set; else changed."""
    open_ended = len(had) == len(has) and all(
        replace(one, valid_to=None) == replace(other, valid_to=None) for one, other in zip(had, has, strict=True)
    )
    return Change.ENDED if open_ended and any(each.valid_to for each in has) else Change.CHANGED


def _grouped(
    records: Iterable[Record], key: Callable[[Record], tuple[str, ...]]
) -> dict[tuple[str, ...], tuple[Record, ...]]:
    found: dict[tuple[str, ...], list[Record]] = {}
    for record in records:
        found.setdefault(key(record), []).append(record)
    return {each: tuple(held) for each, held in found.items()}


def _line_key(line: Line) -> tuple[str, ...]:
    return (line.code, line.suffix)


def _measure_key(measure: Measure) -> tuple[str, ...]:
    return (
        measure.code,
        title_of(measure),
        measure.area,
        measure.additional_code,
        measure.order_number,
        measure.direction,
    )


def _line_words(line: Line) -> str:
    return f"{line.description} ({days(line)})"


def _measure_words(measure: Measure) -> str:
    conditions = f", {len(measure.conditions)} conditions" if measure.conditions else ""
    return f"{measure.duty or 'no rate'} ({days(measure)}{conditions})"
