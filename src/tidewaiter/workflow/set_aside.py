"""What the books cannot take in is set aside, named and kept, so that the rest goes on: never skipped, never guessed.

    tray = Tray(DECISIONS, is_open, at)
    tray.carry(post, decisions, spot_of)  # all at once; where that fails in halves, down to the one at fault

A database that does not answer and a transaction that another one crossed are no fault of a decision: they are raised,
and the whole is done again. So is what a machine runs out of.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from collections.abc import Set as AbstractSet
from datetime import datetime
from typing import TypeVar

from msgspec import Struct

from tidewaiter.model.errors import TidewaiterError, UnavailableError

WORDS_LENGTH_MAX = 1_000
UNFORESEEN = "accounts.unforeseen"  # the code of what is no error of ours
PASSING = (UnavailableError, OSError, MemoryError)  # nothing is wrong with what was to be done

Part = TypeVar("Part")
Done = TypeVar("Done")


class SetAside(Struct, frozen=True, kw_only=True):
    """One happening that is not in the books, and why.

    `subject` is what it is about ("declaration:42"; "block:17" where a whole block of evidence cannot be read), `source`
    and `position` say where it is read again, `tried` how often it was.
    """

    subject: str
    source: str
    position: int
    place: str
    code: str
    words: str
    hint: str
    first_at: datetime
    last_at: datetime
    tried: int = 1


class Change(Struct, frozen=True):
    """What is set aside from now on, and the subjects of which nothing is any more."""

    added: tuple[SetAside, ...] = ()
    ended: tuple[str, ...] = ()


NOTHING = Change()


class Spot(Struct, frozen=True):
    """What a happening is about, its number in its source, and where it stands in words."""

    subject: str
    position: int
    place: str


class Tray:
    """Takes up what is at fault among the happenings of one source, in their order.

    `is_open` are the subjects of which something is set aside: the next happening of theirs that goes in ends that.
    """

    def __init__(self, source: str, is_open: AbstractSet[str], at: datetime) -> None:
        self._source = source
        self._open = is_open
        self._at = at
        self._added: dict[str, SetAside] = {}
        self._ended: dict[str, None] = {}

    def carry(
        self, work: Callable[[Sequence[Part]], Done], parts: Sequence[Part], spot: Callable[[Part], Spot]
    ) -> list[Done]:
        """Do the work for all parts at once; where it fails, for each half in order, down to the one at fault.

        What a run that fails has done is done again: the work must be such that it may be. What came of the runs that
        did not fail. Raises what is passing.
        """
        if not parts:
            return []
        try:
            done = work(parts)
        except PASSING:
            raise
        except Exception as error:  # whatever it is: the others go on
            if len(parts) == 1:
                self.add(spot(parts[0]), error)
                return []
            middle = len(parts) // 2
            return [*self.carry(work, parts[:middle], spot), *self.carry(work, parts[middle:], spot)]
        self.end(spot(part).subject for part in parts)
        return [done]

    def add(self, spot: Spot, error: Exception) -> None:
        """Set one aside for this error."""
        self._ended.pop(spot.subject, None)
        code, hint = (error.code, error.hint) if isinstance(error, TidewaiterError) else (UNFORESEEN, "")
        self._added[spot.subject] = SetAside(
            subject=spot.subject, source=self._source, position=spot.position, place=_clean(spot.place), code=code,
            words=words_of(error), hint=_clean(hint), first_at=self._at, last_at=self._at,
        )  # fmt: skip

    def end(self, subjects: Iterable[str]) -> None:
        """These are in the books now."""
        for subject in subjects:
            self._added.pop(subject, None)
            if subject in self._open:
                self._ended[subject] = None

    def change(self) -> Change:
        """What is to be written down of it."""
        return Change(tuple(self._added.values()), tuple(self._ended))


def words_of(error: Exception) -> str:
    """What an error says, in one line; what is no error of ours with its kind."""
    said = error.detail if isinstance(error, TidewaiterError) else f"{type(error).__name__}: {error}"
    return _clean(said) or type(error).__name__


def _clean(words: str) -> str:
    """Words as any database can keep and any page show them."""
    plain = "".join(character if character.isprintable() else " " for character in words)
    return " ".join(plain.split())[:WORDS_LENGTH_MAX]
