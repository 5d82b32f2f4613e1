"""To be bound by values without telling them: a root over salted fields, each of which can be told by itself.

All salts come of one random key for each consignment. With it every entry on the consignment can be opened, field by
field; once it is forgotten, none can, and nothing that stands in the log lets anybody try guesses: not
of the ten million telephone numbers of a country, and not of what they were together with a postcode.
"""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Sequence
from functools import lru_cache
from typing import Final

from msgspec import Struct

from tidewaiter.ledger.merkle import EMPTY_ROOT, MemoryLog, leaf_hash
from tidewaiter.ledger.proving import prove_inclusion, verify_inclusion
from tidewaiter.ledger.verdict import LedgerError, Verdict

KEY_BYTES: Final = 32
FIELDS_MAX: Final = 256
NAME_BYTES_MAX: Final = 255
_SCOPE: Final = b"tidewaiter scope v1"
_ENTRY: Final = b"tidewaiter entry v1\n"

_PLACES: Final = tuple(place.to_bytes(4, "big") for place in range(FIELDS_MAX))

Field = tuple[str, str]
"""A field's name and value."""


class Disclosure(Struct, frozen=True, kw_only=True):
    """One field told, with all that proves it: hashes and salt in hexadecimal."""

    name: str
    value: str
    salt: str
    index: int
    size: int
    path: tuple[str, ...]


class Commitment:
    """What some fields were bound to: the root, and the way from each of them to it."""

    def __init__(self, seed: bytes, fields: Sequence[Field]) -> None:
        names = {name: place for place, (name, _) in enumerate(fields)}
        if len(names) != len(fields) or len(fields) > FIELDS_MAX:
            raise LedgerError(f"{len(fields)} fields under {len(names)} names cannot be committed to")
        self._seed, self._fields, self._places = seed, tuple(fields), names
        self._log = MemoryLog(
            _hash(_salt(seed, place), name, value) for place, (name, value) in enumerate(self._fields)
        )

    @property
    def root(self) -> str:
        """What stands in the entry, in hexadecimal."""
        return self._log.root.hex()

    def disclose(self, name: str) -> Disclosure:
        """A field with its proof. Raises LedgerError where there is none of this name."""
        place = self._places.get(name)
        if place is None:
            raise LedgerError(f"the entry has no field “{name}”", hint=f"it has {', '.join(self._places)}")
        size = self._log.size
        return Disclosure(
            name=name,
            value=self._fields[place][1],
            salt=_salt(self._seed, place).hex(),
            index=place,
            size=size,
            path=tuple(each.hex() for each in prove_inclusion(self._log.node, place, size)),
        )


def scope_id(key: bytes) -> str:
    """The scope of all entries on the consignment with this key, in hexadecimal; tells nothing of it."""
    return hmac.digest(_checked(key), _SCOPE, "sha256")[:16].hex()


def entry_seed(key: bytes, label: str) -> bytes:
    """The seed of one entry on a consignment; the label is the entry's own among all on it."""
    return hmac.digest(_checked(key), _ENTRY + label.encode(), "sha256")


def root_over(seed: bytes, fields: Sequence[Field]) -> str:
    """The root of `commit` alone, where no field is told: a third of the time, and one is made of every decision.

    Raises as `commit` does.
    """
    if len(seed) != KEY_BYTES or len({name for name, _ in fields}) != len(fields) or len(fields) > FIELDS_MAX:
        return commit(seed, fields).root  # which says what is wrong
    hashed = hashlib.sha256
    hashes = [
        hashed(b"\x00" + hashed(seed + _PLACES[place]).digest() + _named(name) + value.encode()).digest()
        for place, (name, value) in enumerate(fields)
    ]
    while len(hashes) > 1:
        even = len(hashes) & ~1
        pairs = range(0, even, 2)
        hashes = [hashed(b"\x01" + hashes[place] + hashes[place + 1]).digest() for place in pairs] + hashes[even:]
    return hashes[0].hex() if hashes else EMPTY_ROOT.hex()


def commit(seed: bytes, fields: Sequence[Field]) -> Commitment:
    """Bind oneself to fields, in this order. Raises LedgerError where a name stands twice, or there are too many."""
    return Commitment(_checked(seed), fields)


def verify_disclosure(disclosure: Disclosure, root: str) -> Verdict:
    """Whether a field is one that the entry with this root was bound to."""
    try:
        salt, path = bytes.fromhex(disclosure.salt), [bytes.fromhex(each) for each in disclosure.path]
        committed = bytes.fromhex(root)
        leaf = _hash(salt, disclosure.name, disclosure.value)
    except (ValueError, LedgerError) as error:
        return Verdict(f"the disclosure cannot be read: {error}")
    if not 0 < disclosure.size <= FIELDS_MAX:
        return Verdict(f"no entry has {disclosure.size} fields")
    return verify_inclusion(leaf, disclosure.index, disclosure.size, committed, path)


@lru_cache(1024)
def _named(name: str) -> bytes:
    named = name.encode()
    if not 0 < len(named) <= NAME_BYTES_MAX:
        raise LedgerError(f"a field has a name of {len(named)} bytes")
    return bytes([len(named)]) + named


def _salt(seed: bytes, place: int) -> bytes:
    return hashlib.sha256(seed + place.to_bytes(4, "big")).digest()


def _hash(salt: bytes, name: str, value: str) -> bytes:
    named = name.encode()
    if len(salt) != KEY_BYTES or not 0 < len(named) <= NAME_BYTES_MAX:
        raise LedgerError(f"a field has a salt of {len(salt)} bytes and a name of {len(named)}")
    return leaf_hash(salt + bytes([len(named)]) + named + value.encode())


def _checked(key: bytes) -> bytes:
    if len(key) != KEY_BYTES:
        raise LedgerError(f"a key has {len(key)} bytes instead of {KEY_BYTES}")
    return key
