"""What a score is learnt from: chains of back-off and numbers, named by the columns of a declaration."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from decimal import Decimal, InvalidOperation
from functools import cached_property

from msgspec import Struct

from tidewaiter.model.errors import TidewaiterError

MICRO = 1_000_000
MISSING = -(10**15)  # a number that is not there sorts before every other
WIDEST = 10**9  # numbers beyond are held to this, so that micro-units stay exact in 64-bit floats


class ModelError(TidewaiterError):
    """A record, recipe or model that does not fit; the text says what and where."""

    code = "score.model"


class Level(Struct, frozen=True):
    """One level: columns, each with how many leading characters count (0: all)."""

    columns: tuple[tuple[str, int], ...]

    def key(self, row: Mapping[str, str]) -> str:
        """The key of a row at this level; parts are joined by a character no code contains."""
        if len(self.columns) == 1:  # as it mostly is
            ((name, size),) = self.columns
            return row[name][:size] if size else row[name]
        return "\x1f".join([row[name][:size] if size else row[name] for name, size in self.columns])


class Chain(Struct, frozen=True):
    """A hierarchy from narrow to wide (HS6, HS4, chapter); behind the widest stands the base rate."""

    name: str
    levels: tuple[Level, ...]


class Recipe(Struct, frozen=True, dict=True):
    """The features of a score, and the columns of label (0 or 1) and propensity (over 0, up to 1; or none)."""

    label: str
    chains: tuple[Chain, ...]
    numbers: tuple[str, ...] = ()
    propensity: str | None = None
    group: tuple[
        str, ...
    ] = ()  # rows alike in these are copies: they share a fold, foretell not one another, and count as one

    @cached_property
    def columns(self) -> tuple[str, ...]:
        """Every column a record must have to be scored."""
        names = [name for chain in self.chains for level in chain.levels for name, _ in level.columns]
        return tuple(dict.fromkeys([*names, *self.numbers]))

    def check_taught(self, rows: Iterable[tuple[int, Mapping[str, str]]]) -> None:
        """Refuse numbered rows that nothing can be learnt from: ModelError with the record and the column."""
        named = [self.label, *([self.propensity] if self.propensity is not None else ()), *self.group]
        wanted = dict.fromkeys([*named, *self.columns])
        for number, row in rows:
            if absent := [name for name in wanted if name not in row]:
                hint = f"columns of the record: {', '.join(row)}"
                raise ModelError(f"the recipe names what is no column: {', '.join(absent)}", hint=hint)
            place = f"record {number}, "
            if row[self.label] not in ("0", "1"):
                raise ModelError(f"{place}{self.label} must be 0 or 1: {row[self.label]!r}")
            if self.propensity is not None and not 0 < micro(row[self.propensity], place + self.propensity) <= MICRO:
                said = f"{place}{self.propensity} must be over 0 and up to 1: {row[self.propensity]!r}"
                raise ModelError(said, hint="the probability with which the row was chosen, 1 in a million at least")
            for name in self.numbers:
                micro(row[name], place + name)

    def check(self, row: Mapping[str, str]) -> None:
        """Refuse a row without a column of the recipe: ModelError."""
        if absent := [name for name in self.columns if name not in row]:
            raise ModelError(f"the record lacks what the model was trained on: {', '.join(absent)}")


def micro(text: str, column: str) -> int:
    """A number as whole millionths, MISSING where empty: ModelError where it is no number."""
    if not text.strip():
        return MISSING
    try:
        value = Decimal(text)
    except InvalidOperation:
        raise ModelError(f"{column} is no number: {text!r}") from None
    if not value.is_finite():
        raise ModelError(f"{column} is no number: {text!r}")
    return int(max(Decimal(-WIDEST), min(Decimal(WIDEST), value)) * MICRO)
