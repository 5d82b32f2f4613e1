"""What the workflow needs of the store for history, in its own verbs."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from decimal import Decimal
from typing import IO, Protocol

from msgspec import Struct

from tidewaiter.risk.facts import Facts
from tidewaiter.risk.history import Happening, numbers_of
from tidewaiter.workflow.records import Place

Told = list[tuple[int, Happening]]  # what happened, by the record's position


class Heard(Struct, frozen=True):
    """What some records of a message told, and of each, in order, whether it can be read again without a look for faults."""

    told: Told
    is_proven: bytes  # a byte each: 1, or 0


class LookedUp(Struct, frozen=True, gc=False):
    """What is counted of one parcel, in the order of `risk.history.counted`, as it stood after the change of this number.

    Whole numbers, which are light on their way to another process.
    """

    known: int
    counts: tuple[int | None, ...]

    @property
    def numbers(self) -> dict[str, Decimal]:
        """The features by name."""
        return numbers_of(self.counts)

    @property
    def facts(self) -> Facts:
        """The same, as decisions keep them."""
        return Facts(numbers=self.numbers, history=self.known)


class History(Protocol):
    """What is kept of what happened; within the writer's transaction, or outside it."""

    def secret(self) -> bytes:
        """What keys of people are made under."""

    def remembered(self, message_id: int) -> int:
        """The last record of a message that history knows of; 0 where it knows of none."""

    def remember(self, message_id: int, told: Sequence[tuple[int, Happening]]) -> None:
        """Keep what happened by records (by position) of a message, which history does not know of yet."""

    def restate(self, place: Place, happening: Happening) -> None:
        """Say anew what happened by a record: what was said before ends. What is the same already stays."""

    def forget(self, message_id: int, positions: Sequence[int]) -> None:
        """What happened by these records came to nothing."""

    def of_records(self, message_id: int, first: int, last: int) -> Mapping[int, LookedUp]:
        """The features of a message's records that history knows of, by position."""

    def of(self, happening: Happening, place: Place | None) -> LookedUp:
        """The features of what happened by a record, as it is now said to have; `place` is where it is kept already."""

    def export(self, stream: IO[bytes]) -> None:
        """Everything that was ever known, as CSV with a header."""
