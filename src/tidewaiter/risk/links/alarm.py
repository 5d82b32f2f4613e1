"""The alarm: keys of seized parcels, and of those tied to them, published as one part that every decision asks.

It is immutable and named by its digest, so that a decision run again asks the alarm of then.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import date
from functools import cached_property

import msgspec
from msgspec import Struct

from tidewaiter.model.canonical import canonical_bytes
from tidewaiter.model.declaration import Declaration
from tidewaiter.model.errors import ReplayError
from tidewaiter.model.judgement import Lane, Reason, ReasonKind
from tidewaiter.risk.links.keys import WORDS, LinkKey, link_numbers


class Alarmed(Struct, frozen=True, omit_defaults=True):
    """One key, the seizure it is from, and for how long; of a tied parcel's own key, `words` say how it is tied.

    `cause` is "" for a seizure; else it is the rule for whose sake the parcel is looked at, and `words` say what was seen.
    """

    key: LinkKey
    outcome_id: int
    seizure: str
    seized_on: date
    ends_on: date
    words: str = ""
    cause: str = ""


class Alarm(Struct, frozen=True, kw_only=True, dict=True):
    """Alarmed keys, the salt (hexadecimal) they are made under, and the lane they lead to."""

    salt: str
    alarmed: tuple[Alarmed, ...]
    lane: Lane = Lane.RED

    @cached_property
    def content(self) -> bytes:
        """The canonical bytes."""
        return canonical_bytes(self)

    @classmethod
    def from_content(cls, content: bytes) -> Alarm:
        """The alarm these bytes were made of. Raises ReplayError."""
        try:
            return msgspec.json.decode(content, type=cls)
        except msgspec.MsgspecError as error:
            raise ReplayError(f"a kept alarm cannot be read: {error}") from error

    @cached_property
    def _by_number(self) -> dict[int, list[Alarmed]]:
        found: dict[int, list[Alarmed]] = {}
        for each in self.alarmed:
            found.setdefault(each.key.number, []).append(each)
        return found

    def reasons(self, declaration: Declaration, on: date) -> tuple[Reason, ...]:
        """One reason for each seizure that a declaration of this legal day shares a key with."""
        if not self.alarmed:
            return ()
        told: dict[tuple[int, str], list[str]] = {}
        of: dict[tuple[int, str], Alarmed] = {}
        for number, kind in link_numbers(declaration, bytes.fromhex(self.salt)).items():
            for each in self._by_number.get(number, ()):
                if each.key.kind is kind and on <= each.ends_on:
                    words = each.words or f"{WORDS[kind]} as {each.seizure}"
                    told.setdefault((each.outcome_id, each.cause), []).append(words)
                    of[each.outcome_id, each.cause] = each
        return tuple(
            Reason(
                reason_id=each.cause or f"link.{each.outcome_id}",
                kind=ReasonKind.LINK,
                lane=self.lane,
                words=_words(each, "; ".join(dict.fromkeys(told[which]))),
                value=each.seizure,
            )
            for which, each in sorted(of.items())
        )


def _words(alarmed: Alarmed, told: str) -> str:
    if alarmed.cause:
        return f"{told} Seen on the way on {alarmed.seized_on}."
    return f"Linked to {alarmed.seizure}, seized on {alarmed.seized_on}: {told}."


def in_force(alarmed: Iterable[Alarmed], on: date) -> tuple[Alarmed, ...]:
    """Those that have not ended by a day, each once, in one order."""
    found = {each for each in alarmed if each.ends_on >= on}
    return tuple(sorted(found, key=lambda each: (each.key, each.seizure, each.words)))
