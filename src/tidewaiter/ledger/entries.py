"""Many entries together: written in a quarter of their length, and read at a third of what it takes to read them one by one.

An entry has one writing: who and when, a commitment, what is told in the open, a scope, a type. The entries of one batch nearly all share
all of that but commitment and scope, which are numbers in hexadecimal at places that follow from the rest: its *kind*. So many
entries are written as the few kinds that they are of, and the numbers as bytes; and a kind that was read once is not read again.
What an entry is, `Leaf.parse` alone says.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from functools import cached_property
from typing import Annotated, Final

from msgspec import Meta, Struct

from tidewaiter.ledger.leaves import ID_LENGTH, Fact, Leaf
from tidewaiter.ledger.verdict import LedgerError

REMEMBERED: Final = 10_000
"""Kinds that a reader remembers; then it begins anew."""
WRITTEN_OUT_MAX: Final = 64_000_000
"""Bytes that entries may have when they are written out."""
_COMMITMENT: Final = ',"commitment":"'
_SCOPE: Final = ',"scope":"'
_COMMITMENT_LENGTH: Final = 2 * ID_LENGTH
_NUMBERS_LENGTH: Final = _COMMITMENT_LENGTH + ID_LENGTH
_HEX: Final = b"0123456789abcdef"

TOGETHER_MAX: Final = 4096
"""Entries that are read together: a block has fewer. What is longer is refused before any of it is taken in."""

Kind = tuple[str, str, str]
"""What stands before the commitment of entries, between it and the scope, and behind that."""


class Entries(Struct, frozen=True, array_like=True, dict=True):
    """Entries, in order. `kinds` are those they are of, `which` the place among these of each one's, `numbers` their
    commitments and scopes one after another. Where any of them is none, all are written as they are: `plain`.
    """

    kinds: Annotated[tuple[Kind, ...], Meta(max_length=TOGETHER_MAX)] = ()
    which: Annotated[tuple[int, ...], Meta(max_length=TOGETHER_MAX)] = ()
    numbers: bytes = b""
    plain: Annotated[tuple[bytes, ...], Meta(max_length=TOGETHER_MAX)] = ()

    @classmethod
    def of(cls, entries: Iterable[bytes]) -> Entries:
        """These entries, whatever they are."""
        every = tuple(entries)
        try:
            return EntryReader().read(every)[1]
        except LedgerError:
            return cls(plain=every)

    @classmethod
    def joined(cls, parts: Sequence[Entries]) -> Entries:
        """The entries of all parts, one after another."""
        if any(part.plain for part in parts):
            return cls(plain=tuple(entry for part in parts for entry in part))
        kinds: dict[Kind, int] = {}
        which: list[int] = []
        for part in parts:
            places = [kinds.setdefault(kind, len(kinds)) for kind in part.kinds]
            which += [places[each] for each in part.which]
        return cls(tuple(kinds), tuple(which), b"".join([part.numbers for part in parts]))

    def __len__(self) -> int:
        return len(self.plain) or len(self.which)

    def __iter__(self) -> Iterator[bytes]:
        return iter(self.written)

    @cached_property
    def written(self) -> tuple[bytes, ...]:
        """Each as it stands in the log. Raises LedgerError where they are too long, or not as they have to be together."""
        if self.plain:
            return self.plain
        return tuple(
            [
                f"{self.kinds[each][0]}{commitment}{self.kinds[each][1]}{scope}{self.kinds[each][2]}".encode()
                for each, commitment, scope in self.told()
            ]
        )

    def told(self) -> Iterator[tuple[int, str, str]]:
        """Of each entry its kind, its commitment and its scope. Raises LedgerError as `written` does."""
        self._check()
        numbers, start = self.numbers.hex(), 0
        for each in self.which:
            middle, end = start + _COMMITMENT_LENGTH, start + _NUMBERS_LENGTH
            yield each, numbers[start:middle], numbers[middle:end]
            start = end

    def _check(self) -> None:
        if len(self.numbers) * 2 != len(self.which) * _NUMBERS_LENGTH:
            raise LedgerError("entries have more or fewer commitments and scopes than they are many")
        if self.which and not 0 <= min(self.which) <= max(self.which) < len(self.kinds):
            raise LedgerError("an entry is of a kind that is not told")
        lengths = [sum(map(len, kind)) for kind in self.kinds]
        if sum(lengths[each] for each in self.which) > WRITTEN_OUT_MAX:
            raise LedgerError(f"entries have more than {WRITTEN_OUT_MAX} bytes when they are written out")


class _Told(Struct, frozen=True, gc=False):
    """What a kind of entries tells."""

    actor: str
    at: int
    facts: dict[str, Fact]
    type: str
    kind: Kind


class EntryReader:
    """Reads entries, and remembers what kinds there are. What it gives is what `Leaf.parse` gives of each."""

    def __init__(self) -> None:
        self._told: dict[Kind, _Told] = {}

    def leaves(self, entries: Sequence[bytes] | Entries) -> list[Leaf]:
        """The leaves that entries are; those of one kind share their facts.

        Raises LedgerError for the first that is none, with its place, as `entries/7`.
        """
        if not isinstance(entries, Entries):
            return self.read(entries)[0]
        return self.read(entries.plain)[0] if entries.plain else self._leaves(entries)

    def read(self, entries: Sequence[bytes]) -> tuple[list[Leaf], Entries]:
        """The leaves that entries are, and these together. Raises LedgerError as `leaves` does."""
        kinds: dict[str, tuple[_Told, int]] = {}
        leaves: list[Leaf] = []
        which: list[int] = []
        numbers: list[str] = []
        for entry in entries:
            # Every byte is one character; what is no ASCII is of no kind that was read.
            text = entry.decode("latin-1")
            begin, middle = _places(text)
            end, after = begin + _COMMITMENT_LENGTH, middle + ID_LENGTH
            # The places follow from this: where the first number stands from what is before it, and so on.
            name = text[:begin] + text[end:middle] + text[after:]
            found = kinds.get(name)
            if found is None:
                kind = (text[:begin], text[end:middle], text[after:])
                told = self._told.get(kind) or self._remember(kind, entry)
                if told is None:
                    raise _first_none(entries)
                found = kinds[name] = told, len(kinds)
            told, place = found
            commitment, scope = text[begin:end], text[middle:after]
            numbers += (commitment, scope)
            which.append(place)
            leaves.append(
                Leaf(actor=told.actor, at=told.at, commitment=commitment, facts=told.facts, scope=scope, type=told.type)
            )
        together = "".join(numbers)
        if together.encode("latin-1").translate(None, _HEX):
            raise _first_none(entries)
        packed = Entries(tuple([told.kind for told, _ in kinds.values()]), tuple(which), bytes.fromhex(together))
        packed.__dict__["written"] = tuple(entries)
        return leaves, packed

    def _leaves(self, entries: Entries) -> list[Leaf]:
        kinds: list[_Told] = []
        for number, kind in enumerate(entries.kinds):
            told = self._told.get(kind) or self._remember(
                kind, f"{kind[0]}{'0' * _COMMITMENT_LENGTH}{kind[1]}{'0' * ID_LENGTH}{kind[2]}".encode()
            )
            if told is None:
                raise LedgerError(
                    f"the kind {number} of entries is none",
                    place=f"entries/{entries.which.index(number) if number in entries.which else 0}",
                )
            kinds.append(told)
        leaves: list[Leaf] = []
        written: list[bytes] = []
        for each, commitment, scope in entries.told():
            told = kinds[each]
            before, between, behind = told.kind
            written.append(f"{before}{commitment}{between}{scope}{behind}".encode())
            leaves.append(
                Leaf(actor=told.actor, at=told.at, commitment=commitment, facts=told.facts, scope=scope, type=told.type)
            )
        entries.__dict__["written"] = tuple(written)
        return leaves

    def _remember(self, kind: Kind, entry: bytes) -> _Told | None:
        """What a kind tells, of which this is an entry; None where it is none, or of another kind."""
        begin, middle = _places(entry.decode("latin-1"))
        if (begin, middle) != (len(kind[0]), len(kind[0]) + _COMMITMENT_LENGTH + len(kind[1])):
            return None
        try:
            leaf = Leaf.parse(entry)
        except LedgerError:
            return None
        if len(self._told) >= REMEMBERED:
            self._told.clear()
        told = self._told[kind] = _Told(leaf.actor, leaf.at, leaf.facts, leaf.type, kind)
        return told


def _places(text: str) -> tuple[int, int]:
    """Where an entry's commitment begins, and its scope, if it is one.

    Facts cannot hold the words before them, since quotes within facts are escaped; an actor and a type are no words of that kind.
    """
    begin = text.find(_COMMITMENT) + len(_COMMITMENT)
    return begin, text.rfind(_SCOPE, begin + _COMMITMENT_LENGTH) + len(_SCOPE)


def _first_none(entries: Sequence[bytes]) -> LedgerError:
    for place, entry in enumerate(entries):
        try:
            Leaf.parse(entry)
        except LedgerError as error:
            return LedgerError(error.detail, place=f"entries/{place}")
    raise AssertionError("entries that are each one are so together")
