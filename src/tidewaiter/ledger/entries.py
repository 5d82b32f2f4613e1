"""Many entries read at once, at a third of what it takes to read them one by one.

An entry has one writing: who and when, a commitment, what is told in the open, a scope, a type. Of the entries of one batch
nearly all share all of that but commitment and scope, whose places follow from the rest. So what was read once is remembered by
its very bytes, and an entry is taken as read whose bytes are just those around two numbers in hexadecimal. Every other entry is read
by `Leaf.parse`, which alone says what an entry is.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final, TypeVar

from tidewaiter.ledger.leaves import ID_LENGTH, Fact, Leaf
from tidewaiter.ledger.verdict import LedgerError

REMEMBERED: Final = 10_000
"""Beginnings, and ways to go on, that are remembered; then it begins anew."""
_COMMITMENT: Final = ',"commitment":"'
_SCOPE: Final = ',"scope":"'
_COMMITMENT_LENGTH: Final = 2 * ID_LENGTH
_HEX: Final = b"0123456789abcdef"
_T = TypeVar("_T")


class EntryReader:
    """Reads entries, and remembers what many of them share. What it gives is what `Leaf.parse` gives of each."""

    def __init__(self) -> None:
        self._heads: dict[str, tuple[str, int]] = {}
        self._forms: dict[str, tuple[dict[str, Fact], str]] = {}

    def leaves(self, entries: Sequence[bytes]) -> list[Leaf]:
        """The leaves that entries are; those that tell the same share their facts.

        Raises LedgerError for the first that is none, with its place, as `entries/7`.
        """
        heads, forms = self._heads, self._forms
        leaves: list[Leaf] = []
        told: list[str] = []
        for place, entry in enumerate(entries):
            # Every byte is one character; what is no ASCII was never remembered.
            text = entry.decode("latin-1")
            begin = text.find(_COMMITMENT) + len(_COMMITMENT)
            end = begin + _COMMITMENT_LENGTH
            # Facts cannot hold these characters, since quotes within them are escaped, and a type is a name.
            middle = text.rfind(_SCOPE, end) + len(_SCOPE)
            after = middle + ID_LENGTH
            head = heads.get(text[:begin])
            form = forms.get(text[end:middle] + text[after:])
            if head is None or form is None:
                leaves.append(self._read(place, entry, text))
                continue
            commitment, scope = text[begin:end], text[middle:after]
            told += (commitment, scope)
            leaves.append(
                Leaf(actor=head[0], at=head[1], commitment=commitment, facts=form[0], scope=scope, type=form[1])
            )
        if "".join(told).encode("latin-1").translate(None, _HEX):
            return [self._read(place, entry, "") for place, entry in enumerate(entries)]
        return leaves

    def _read(self, place: int, entry: bytes, text: str) -> Leaf:
        try:
            leaf = Leaf.parse(entry)
        except LedgerError as error:
            raise LedgerError(error.detail, place=f"entries/{place}") from error
        if text:
            begin = text.find(_COMMITMENT) + len(_COMMITMENT)
            end = begin + _COMMITMENT_LENGTH
            middle = text.rfind(_SCOPE, end) + len(_SCOPE)
            _remember(self._heads, text[:begin], (leaf.actor, leaf.at))
            _remember(self._forms, text[end:middle] + text[middle + ID_LENGTH :], (leaf.facts, leaf.type))
        return leaf


def _remember(known: dict[str, _T], by: str, what: _T) -> None:
    if len(known) >= REMEMBERED:
        known.clear()
    known[by] = what
