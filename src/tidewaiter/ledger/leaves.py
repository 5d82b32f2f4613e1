"""What an entry of the record says, and how: little, in the open, and nothing of trade or persons.

An entry is JSON in its canonical form (RFC 8785) with six members. Who follows a parcel knows its scope and can open the
commitment; everybody else sees that somebody did something of a kind, within a quarter of an hour.
"""

from __future__ import annotations

import hashlib
import re
from datetime import datetime
from functools import lru_cache
from typing import Final

import msgspec
from msgspec import Struct

from tidewaiter.ledger.verdict import LedgerError

BUCKET_SECONDS: Final = 900
"""Moments are told to the quarter hour: finer ones would tell what was done together, and by whose lorry."""
FACTS_MAX: Final = 16
ID_LENGTH: Final = 32
TEXT_MAX: Final = 128
"""Characters of one fact."""
WHOLE_MAX: Final = 2**53 - 1
"""The largest whole number, either side of 0, that every reader of JSON keeps."""

_HEX: Final = b"0123456789abcdef"
_NAME: Final = re.compile(r"[a-z][a-z0-9_]{0,31}", re.ASCII)

Fact = str | int


class Leaf(Struct, frozen=True, forbid_unknown_fields=True, kw_only=True, gc=False):
    """One entry: who did what kind of thing to what, about when, and the commitment to all that is not said.

    `actor` is the number of the key that answers for it, `scope` is shared by all entries on one consignment (or permit,
    device, lot …); both are 128 bits in hexadecimal. `at` is seconds since 1970 (UTC) of the quarter hour's
    beginning. `commitment` is the root that `commitments` makes. `facts` are what contracts need to see.
    """

    # In the order that RFC 8785 sorts members: what is encoded is canonical as it stands.
    actor: str
    at: int
    commitment: str
    facts: dict[str, Fact]
    scope: str
    type: str

    def entry(self) -> bytes:
        """The bytes that go into the log."""
        return _ENCODER.encode(self)

    @classmethod
    def parse(cls, entry: bytes) -> Leaf:
        """The leaf that an entry is. Raises LedgerError for anything but its one writing."""
        try:
            leaf = _DECODER.decode(entry)
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
            raise LedgerError(f"this is no entry of the record: {error}") from error
        if _ENCODER.encode(leaf) != entry:
            raise LedgerError("an entry is written otherwise than RFC 8785 writes it")
        leaf._check()
        return leaf

    def _check(self) -> None:
        # By hand and not by patterns of msgspec, which take five times as long: this is done of every entry by every mirror.
        if len(self.actor) != ID_LENGTH or len(self.scope) != ID_LENGTH or len(self.commitment) != 2 * ID_LENGTH:
            raise LedgerError("an actor or a scope is not 32 long, or a commitment not 64")
        if (self.actor + self.scope + self.commitment).encode().translate(None, _HEX):
            raise LedgerError("an actor, a scope or a commitment is not hexadecimal in lower case")
        if self.at % BUCKET_SECONDS or not 0 <= self.at <= WHOLE_MAX:
            raise LedgerError(f"{self.at} is not the beginning of a quarter hour")
        if not _is_name(self.type) or len(self.facts) > FACTS_MAX:
            raise LedgerError(f"a type is no name, or the facts have another length than {FACTS_MAX} at most")
        for name, value in self.facts.items():
            if not _is_name(name):
                raise LedgerError("a fact has no name as names are written")
            if isinstance(value, str):
                if len(value) > TEXT_MAX or not value.isascii() or not (value.isprintable()):
                    raise LedgerError(f"the fact {name} is longer than {TEXT_MAX}, or not printable ASCII")
            elif not -WHOLE_MAX <= value <= WHOLE_MAX:
                raise LedgerError(f"the fact {name} is larger than every reader of JSON keeps")


_DECODER: Final = msgspec.json.Decoder(Leaf)
_ENCODER: Final = msgspec.json.Encoder(order="deterministic")


@lru_cache(4096)
def _is_name(text: str) -> bool:
    """Whether a text is a type or the name of a fact; remembered, since there are few."""
    return _NAME.fullmatch(text) is not None


def bucket(moment: datetime) -> int:
    """The quarter hour of a moment, which has its zone, as entries tell it: seconds since 1970 (UTC)."""
    seconds = int(moment.timestamp())
    return seconds - seconds % BUCKET_SECONDS


def key_number(public_key: bytes) -> str:
    """How entries name a key: the first 128 bits of the SHA-256 of its bytes, in hexadecimal."""
    return hashlib.sha256(public_key).hexdigest()[:32]
