"""What an entry of the record says, and how: little, in the open, and nothing of trade or persons.

An entry is JSON in its canonical form (RFC 8785) with six members. Who follows a parcel knows its scope and can open the
commitment; everybody else sees that somebody did something of a kind, within a quarter of an hour.
"""

from __future__ import annotations

import hashlib
from datetime import datetime
from typing import Annotated, Final

import msgspec
from msgspec import Meta, Struct

from tidewaiter.ledger.verdict import LedgerError

BUCKET_SECONDS: Final = 900
"""Moments are told to the quarter hour: finer ones would tell what was done together, and by whose lorry."""
FACTS_MAX: Final = 16
TEXT_MAX: Final = 128
"""Characters of one fact."""
WHOLE_MAX: Final = 2**53 - 1
"""The largest whole number, either side of 0, that every reader of JSON keeps."""

_ID: Final = r"^[0-9a-f]{32}\Z"
_Id = Annotated[str, Meta(pattern=_ID)]
_Name = Annotated[str, Meta(pattern=r"^[a-z][a-z0-9_]{0,31}\Z")]
_Text = Annotated[str, Meta(pattern=r"^[\x20-\x7e]{0,128}\Z")]
_Whole = Annotated[int, Meta(ge=-WHOLE_MAX, le=WHOLE_MAX)]

Fact = str | int


class Leaf(Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """One entry: who did what kind of thing to what, about when, and the commitment to all that is not said.

    `actor` is the number of the key that answers for it, `scope` is shared by all entries on one consignment (or permit,
    device, lot …); both are 128 bits in hexadecimal. `at` is seconds since 1970 (UTC) of the quarter hour's
    beginning. `commitment` is the root that `commitments` makes. `facts` are what contracts need to see.
    """

    # In the order that RFC 8785 sorts members: what is encoded is canonical as it stands.
    actor: _Id
    at: Annotated[int, Meta(ge=0, le=WHOLE_MAX, multiple_of=BUCKET_SECONDS)]
    commitment: Annotated[str, Meta(pattern=r"^[0-9a-f]{64}\Z")]
    facts: Annotated[dict[_Name, _Text | _Whole], Meta(max_length=FACTS_MAX)]
    scope: _Id
    type: _Name

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
        return leaf


_DECODER: Final = msgspec.json.Decoder(Leaf)
_ENCODER: Final = msgspec.json.Encoder(order="deterministic")


def bucket(moment: datetime) -> int:
    """The quarter hour of a moment, which has its zone, as entries tell it: seconds since 1970 (UTC)."""
    seconds = int(moment.timestamp())
    return seconds - seconds % BUCKET_SECONDS


def key_number(public_key: bytes) -> str:
    """How entries name a key: the first 128 bits of the SHA-256 of its bytes, in hexadecimal."""
    return hashlib.sha256(public_key).hexdigest()[:32]
