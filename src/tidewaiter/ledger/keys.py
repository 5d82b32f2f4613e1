"""The keys of logs and members, as text: c2sp.org/signed-note, “Verifier keys”, and the form of signer keys that goes with it.

A key is its name, what it signs (`KeyType`) and its material. Ed25519 is RFC 8032, ML-DSA-44 is FIPS 204; both are
carried out by `cryptography`. ML-DSA-44 is read only by those who ask for `ALL_TYPES`.
"""

from __future__ import annotations

import hashlib
import re
from enum import IntEnum
from functools import cached_property
from typing import Final

from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from cryptography.hazmat.primitives.asymmetric.mldsa import MLDSA44PrivateKey, MLDSA44PublicKey
from msgspec import Struct

from tidewaiter.ledger.verdict import LedgerError
from tidewaiter.ledger.wire import read_base64, written_base64

SEED_BYTES: Final = 32
KEY_ID_BYTES: Final = 4
_PRIVATE: Final = "PRIVATE+KEY+"
_KEY_ID: Final = re.compile(r"[0-9a-f]{8}", re.ASCII)


class KeyType(IntEnum):
    """What a key signs: the signature type identifier byte."""

    ED25519 = 0x01
    """The text of a note."""
    COSIGNATURE_ED25519 = 0x04
    """A checkpoint and a moment, c2sp.org/tlog-cosignature."""
    COSIGNATURE_ML_DSA_44 = 0x06
    """A checkpoint's origin, size and root, a moment and the cosigner's name, c2sp.org/tlog-cosignature."""


CLASSICAL_TYPES: Final = frozenset({KeyType.ED25519, KeyType.COSIGNATURE_ED25519})
ALL_TYPES: Final = frozenset(KeyType)
COSIGNATURE_TYPES: Final = frozenset({KeyType.COSIGNATURE_ED25519, KeyType.COSIGNATURE_ML_DSA_44})
PUBLIC_BYTES: Final = {
    KeyType.ED25519: 32, KeyType.COSIGNATURE_ED25519: 32, KeyType.COSIGNATURE_ML_DSA_44: 1312,
}  # fmt: skip
SIGNATURE_BYTES: Final = {
    KeyType.ED25519: 64, KeyType.COSIGNATURE_ED25519: 64, KeyType.COSIGNATURE_ML_DSA_44: 2420,
}  # fmt: skip


class VerifierKey(Struct, frozen=True, dict=True):
    """A public key under its name."""

    name: str
    type: KeyType
    public: bytes

    @cached_property
    def key_id(self) -> bytes:
        """The four bytes by which signatures name it beside its name."""
        named = self.name.encode() + b"\n" + bytes([self.type]) + self.public
        return hashlib.sha256(named).digest()[:KEY_ID_BYTES]

    @property
    def text(self) -> str:
        """The key as a vkey."""
        return f"{self.name}+{self.key_id.hex()}+{written_base64(bytes([self.type]) + self.public)}"

    @classmethod
    def parse(cls, text: str, types: frozenset[KeyType] = CLASSICAL_TYPES) -> VerifierKey:
        """The key of a vkey. Raises LedgerError where it is none, or its type is none of `types`."""
        name, key_id, data = _read_parts(text)
        key_type, public = _read_material(data, types)
        if len(public) != PUBLIC_BYTES[key_type]:
            raise LedgerError(f"the key of {name} has {len(public)} bytes instead of {PUBLIC_BYTES[key_type]}")
        key = cls(name, key_type, public)
        _ = key._loaded
        if key.key_id.hex() != key_id:
            raise LedgerError(f"the key of {name} has the id {key.key_id.hex()}, not {key_id}")
        return key

    def has_signed(self, message: bytes, signature: bytes) -> bool:
        """Whether the key signed just these bytes. False for anything that is no signature."""
        if len(signature) != SIGNATURE_BYTES[self.type]:
            return False
        try:
            self._loaded.verify(signature, message)
        except (InvalidSignature, LedgerError):
            return False
        return True

    @cached_property
    def _loaded(self) -> Ed25519PublicKey | MLDSA44PublicKey:
        try:
            if self.type is KeyType.COSIGNATURE_ML_DSA_44:
                return MLDSA44PublicKey.from_public_bytes(self.public)
            return Ed25519PublicKey.from_public_bytes(self.public)
        except (ValueError, UnsupportedAlgorithm) as error:
            raise LedgerError(f"the key of {self.name} is none that can be used here: {error}") from error


class SignerKey(Struct, frozen=True, dict=True):
    """A private key under its name: the seed it is derived from, 32 bytes that nobody else may know."""

    name: str
    type: KeyType
    seed: bytes

    def __post_init__(self) -> None:
        check_key_name(self.name)
        if len(self.seed) != SEED_BYTES:
            raise LedgerError(f"the seed of {self.name} has {len(self.seed)} bytes instead of {SEED_BYTES}")

    def __repr__(self) -> str:
        return f"SignerKey({self.name!r}, {self.type.name}, …)"

    @cached_property
    def verifier(self) -> VerifierKey:
        """The public key that goes with it."""
        return VerifierKey(self.name, self.type, self._private.public_key().public_bytes_raw())

    @property
    def text(self) -> str:
        """The key as one line, secret."""
        data = written_base64(bytes([self.type]) + self.seed)
        return f"{_PRIVATE}{self.name}+{self.verifier.key_id.hex()}+{data}"

    @classmethod
    def parse(cls, text: str, types: frozenset[KeyType] = CLASSICAL_TYPES) -> SignerKey:
        """The key of such a line. Raises LedgerError, which tells nothing of the seed, where it is none."""
        if not text.startswith(_PRIVATE):
            raise LedgerError("this is not a signer key")
        name, key_id, data = _read_parts(text.removeprefix(_PRIVATE))
        key = cls(name, *_read_material(data, types))
        if key.verifier.key_id.hex() != key_id:
            raise LedgerError(f"the signer key of {name} does not have the id {key_id}")
        return key

    def sign(self, message: bytes) -> bytes:
        """The signature over these bytes."""
        return self._private.sign(message)

    @cached_property
    def _private(self) -> Ed25519PrivateKey | MLDSA44PrivateKey:
        try:
            if self.type is KeyType.COSIGNATURE_ML_DSA_44:
                return MLDSA44PrivateKey.from_seed_bytes(self.seed)
            return Ed25519PrivateKey.from_private_bytes(self.seed)
        except UnsupportedAlgorithm as error:
            raise LedgerError(f"keys like that of {self.name} cannot be used here") from error


def check_key_name(name: str) -> None:
    """Raises LedgerError for a name that no key may have: empty, with white space, control characters or a plus."""
    if not name or "+" in name or any(each.isspace() or each < " " or "\ud800" <= each <= "\udfff" for each in name):
        raise LedgerError(f"no key may have the name {name[:100]!a}")


def _read_parts(text: str) -> tuple[str, str, bytes]:
    parts = text.split("+", 2)
    if len(parts) != 3 or not _KEY_ID.fullmatch(parts[1]):
        raise LedgerError("a key is a name, an id of eight hexadecimal digits and its bytes, with + between them")
    check_key_name(parts[0])
    return parts[0], parts[1], read_base64(parts[2], "the key")


def _read_material(data: bytes, types: frozenset[KeyType]) -> tuple[KeyType, bytes]:
    known = {int(each): each for each in types}
    if not data or data[0] not in known:
        raise LedgerError(f"keys of the type {data[:1].hex() or 'missing'} are not read here")
    return known[data[0]], data[1:]
